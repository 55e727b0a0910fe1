# SPDX-License-Identifier: Apache-2.0
"""Registers of customers: imported as a stream, replaced in one step, kept as hashes, answered to the judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dlpmilter.cli.main import command
from dlpmilter.config import ConfigError
from dlpmilter.facts import customers
from dlpmilter.facts.customers import CustomerFile, CustomerRegisters
from dlpmilter.facts.hashes import Hashes
from dlpmilter.facts.knowledge import Knowledge
from dlpmilter.model.facts import Questions
from tests.holds.house import rooms

FILE = '﻿name,email\nKunde,Max.Kunde+shop@GMail.com\n"Ott, Eva",eva@gmx.de\nnobody,\nbroken,not an address\nagain,eva@gmx.de\n'


async def take(registers: CustomerRegisters, name: str, *addresses: str) -> int:
    """Import these canonical addresses."""
    return await registers.replace(name, addresses, actor="root", step=lambda: None)


@pytest.mark.asyncio
async def test_a_register_answers_the_judge_in_every_spelling(tmp_path: Path) -> None:
    """What the file has counts by its canonical form; rows without an address are skipped and counted."""
    path = tmp_path / "crm.csv"
    path.write_text(FILE, encoding="utf-8")
    source = CustomerFile(path, "email")
    async with rooms(tmp_path) as house:
        registers = CustomerRegisters(house.database, Hashes.of_keyring(house.keyring))
        assert await registers.replace("crm", source.addresses(), actor="root", step=lambda: None) == 2
        assert (source.skipped, source.octets) == (2, path.stat().st_size)
        knowledge = Knowledge(house.config, house.database, house.keyring)
        known = await knowledge.ask(Questions("anna@company.example", ("maxkunde@gmail.com", "other@gmx.de")))
        assert known.customers == {"maxkunde@gmail.com"}
        assert known.mail_hosts == {}
        assert b"kunde@" not in b"".join(each.read_bytes() for each in tmp_path.glob("dlpmilter.db*"))


@pytest.mark.asyncio
async def test_a_register_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second import drops who is gone; one that breaks off leaves the old answers; other registers stay."""
    monkeypatch.setattr(customers, "BATCH", 2)
    monkeypatch.setattr(customers, "RUN", 2)

    def breaks() -> object:
        yield from ("new@gmx.de", "newer@gmx.de", "newest@gmx.de")
        raise ConfigError([])

    async with rooms(tmp_path) as house:
        registers = CustomerRegisters(house.database, Hashes.of_keyring(house.keyring))
        await take(registers, "crm", "a@gmx.de", "b@gmx.de", "c@gmx.de")
        await take(registers, "shop", "b@gmx.de")
        with pytest.raises(ConfigError):
            await registers.replace("crm", breaks(), actor="root", step=lambda: None)  # type: ignore[arg-type]
        assert await registers.among(["a@gmx.de", "new@gmx.de"]) == {"a@gmx.de"}
        assert await take(registers, "crm", "a@gmx.de") == 1
        assert await registers.among(["a@gmx.de", "b@gmx.de", "c@gmx.de"]) == {"a@gmx.de", "b@gmx.de"}
        assert await house.count("customers") == 2
        assert await house.count("customer_registers") == 2
        assert await registers.remove("shop", actor="root") == 1
        assert await registers.remove("shop", actor="root") == -1
        assert await registers.among(["a@gmx.de", "b@gmx.de"]) == {"a@gmx.de"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name,mail\nx,y@gmx.de\n", "has no column 'email'. Its first row has: name, mail."),
        (b"", "has no column 'email'"),
        (b"email\nj\xf6rg@gmx.de\n", "is not UTF-8"),
        (b'email\n"a@gmx.de\n', "is not CSV"),
    ],
)
def test_a_file_that_is_none_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    """A missing column names those that are there; other encodings and broken quotes are sentences."""
    path = tmp_path / "crm.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"crm\.csv") as raised:
        list(CustomerFile(path, "email").addresses())
    assert words in str(raised.value)


def call(*arguments: str) -> Result:
    """The command line in this process."""
    return CliRunner().invoke(command, ["customers", *arguments])


@pytest.mark.asyncio
async def test_the_command_line_imports_lists_and_removes(tmp_path: Path) -> None:
    """One register from file to list to nothing; mistakes are sentences with their exit codes."""
    async with rooms(tmp_path):
        pass
    config = tmp_path / "dlpmilter.toml"
    config.write_text(
        'internal_domains = ["company.example"]\nnext_hop = "127.0.0.1:25"\ndatabase = "dlpmilter.db"\n'
        'key_file = "key.toml"\npostmaster = "postmaster@company.example"\n',
        encoding="utf-8",
    )
    file = tmp_path / "crm.csv"
    file.write_text(FILE, encoding="utf-8")
    import asyncio

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(call, *arguments, "--config", str(config))

    assert json.loads((await run("import", str(file), "--register", "crm", "--json")).stdout)["rows"] == 2
    (row,) = json.loads((await run("list", "--json")).stdout)
    assert (row["register"], row["rows"]) == ("crm", 2)
    assert (await run("import", str(file), "--register", "a@b")).exit_code == 2
    wrong = await run("import", str(file), "--register", "crm", "--column", "mail")
    assert (wrong.exit_code, "has no column 'mail'" in wrong.stderr) == (2, True)
    assert (await run("remove", "--register", "crm")).exit_code == 0
    assert (await run("remove", "--register", "crm")).exit_code == 1
    assert "No register" in (await run("list")).stdout
