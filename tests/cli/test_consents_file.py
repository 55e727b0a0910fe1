# SPDX-License-Identifier: Apache-2.0
"""What `check` and `explain` say about agreements and exemptions in the database file, and when they cannot look."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from dlpmilter.cli.consents_file import Unreadable, in_force, warnings
from dlpmilter.cli.main import command
from dlpmilter.holds import scope
from dlpmilter.holds.consents import Consents
from tests.holds.house import ANNA, CARL, NOW, RITA, rooms


async def made(folder: Path, *days: int) -> list[str]:
    """Exemptions of Anna in force that end after so many days, and one that nobody signed; the ids of the former."""
    async with rooms(folder) as house:
        acts = Consents(house.database, "p1", {}, house.clock)
        numbers = []
        for each in (*days, 2):
            one = scope.exemption(house.policy.domains, sender=ANNA, reason="Fair", days=each, now=NOW)
            numbers.append((await acts.propose(RITA, one)).id)
        for number in numbers[:-1]:
            await acts.sign("exemption", number, CARL)
        return numbers[:-1]


@pytest.mark.asyncio
async def test_what_ends_within_two_weeks_or_is_over_is_a_warning(tmp_path: Path) -> None:
    """Place and suggestion for each; far ends, unsigned proposals and what ended long ago are quiet."""
    numbers = await made(tmp_path, 3, 10, 29)
    database = tmp_path / "dlpmilter.db"

    def said(days: int) -> dict[str, str]:
        return {each.key: f"{each.what} {each.fix}" for each in warnings(database, NOW + timedelta(days=days))}

    early, late, never = [await asyncio.to_thread(said, days) for days in (0, 5, 100)]
    assert set(early) == set(numbers[:2])
    assert "ends on" in early[numbers[0]]
    assert "exemptions propose" in early[numbers[0]]
    assert "covers nothing" in late[numbers[0]]
    assert never == {}


@pytest.mark.asyncio
async def test_a_file_that_cannot_be_read_is_said_by_explain_and_no_problem_of_check(tmp_path: Path) -> None:
    """No database covers nothing and is no trouble; one that is no database is a note, not a crash."""
    assert await asyncio.to_thread(in_force, tmp_path / "none.db", NOW) == ((), ())
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database" * 1000)
    with pytest.raises(Unreadable):
        await asyncio.to_thread(in_force, broken, NOW)
    assert await asyncio.to_thread(lambda: list(warnings(broken, NOW))) == []


def test_explain_says_when_it_does_not_know_the_agreements(tmp_path: Path) -> None:
    """With a database that cannot be read the explanation stands, with a note on stderr."""
    (tmp_path / "dlpmilter.db").write_bytes(b"no database" * 1000)
    (tmp_path / "dlpmilter.toml").write_text(
        'internal_domains = ["company.example"]\nnext_hop = "127.0.0.1:25"\ndatabase = "dlpmilter.db"\n'
        'key_file = "key.toml"\npostmaster = "postmaster@company.example"\n'
    )
    mail = tmp_path / "mail.eml"
    mail.write_bytes(b"From: a@company.example\r\nTo: b@gmx.de\r\nSubject: x\r\n\r\nx\r\n")
    arguments = ["explain", "--config", str(tmp_path / "dlpmilter.toml"), "--json", str(mail)]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0
    assert "no agreement counts here" in done.stderr
    assert json.loads(done.stdout)["verdict"] == "relay"
