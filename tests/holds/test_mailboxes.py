# SPDX-License-Identifier: Apache-2.0
"""Private mailboxes people name themselves: who may, who sees what, what counts, what the trail says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.audit import trail
from dlpmilter.facts.hashes import Hashes
from dlpmilter.facts.people import PeopleSource
from dlpmilter.holds.mailboxes import MOST, Mailboxes
from dlpmilter.holds.requests import Caller, Requests
from dlpmilter.settings import Reviewer
from dlpmilter.storage import trail_rows
from tests.holds.house import ANNA, NOW, Rooms, rooms

OTTO = "otto.ober@company.example"
PEOPLE = {"anna": ANNA, "otto": OTTO}
REVIEWERS = {"rita": Reviewer(address="rita.reviewer@company.example", pools=("privacy",))}
Ask = Callable[..., Any]


def opened(folder: Path) -> AbstractAsyncContextManager[Rooms]:
    """A house with two employees who decide nothing, and a reviewer."""
    return rooms(folder, reviewers=REVIEWERS, people=PEOPLE)


async def counter(house: Rooms) -> tuple[Ask, PeopleSource]:
    """How to ask as a user, and what a gate knows."""
    people = PeopleSource(house.config, house.database, Hashes.of_keyring(house.keyring))
    await people.start()
    mailboxes = Mailboxes(
        house.config, house.database, lambda: house.keyring, lambda: people.current, lambda: "p1", lambda: NOW
    )
    requests = Requests(house.config, house.database, lambda: house.workflow, mailboxes=mailboxes)

    async def ask(user: str, act: str, **fields: str) -> dict[str, Any]:
        if act == "mailbox-remove":
            fields.setdefault("person", "")
        return await requests.answer(Caller(user, keeper=False), {"act": act, **fields})

    return ask, people


@pytest.mark.asyncio
async def test_a_mailbox_of_ones_own_counts_at_once_and_for_colleagues_too(tmp_path: Path) -> None:
    """What Anna adds is hers in every spelling; gates know it after the next refresh, and forget it when removed."""
    async with opened(tmp_path) as house:
        ask, people = await counter(house)
        assert (await ask("anna", "mailbox-add", address="Bergziege.77+x@gmail.com"))["done"] == "added"
        assert people.current.private_owner("bergziege77@gmail.com") == ""
        await people.refresh()
        assert people.current.private_owner("bergziege77@gmail.com") == ANNA
        assert people.current.keeps(ANNA, "bergziege77@gmail.com")
        assert not people.current.keeps(OTTO, "bergziege77@gmail.com")
        assert (await ask("anna", "mailbox-add", address="bergziege77@googlemail.com"))["done"] == "there already"
        assert (await ask("anna", "mailbox-remove", address="bergziege77@gmail.com"))["done"] == "removed"
        await people.refresh()
        assert not people.current.keeps(ANNA, "bergziege77@gmail.com")


@pytest.mark.asyncio
async def test_a_proposal_counts_only_where_that_person_sends(tmp_path: Path) -> None:
    """Until Anna confirms, it is her own mailbox when she sends there, and nobody's when colleagues do."""
    async with opened(tmp_path) as house:
        ask, people = await counter(house)
        assert (await ask("rita", "mailbox-propose", address="bz@web.de", person=ANNA))["done"] == "proposed"
        await people.refresh()
        assert people.current.keeps(ANNA, "bz@web.de")
        assert people.current.private_owner("bz@web.de") == ""
        (row,) = (await ask("anna", "mailbox-list"))["mailboxes"]
        assert (row["address"], row["by"], row["confirmed"]) == ("bz@web.de", "proposed", False)
        assert (await ask("otto", "mailbox-confirm", address="bz@web.de"))["reason"] == "no-such-mailbox"
        assert (await ask("anna", "mailbox-confirm", address="bz@web.de"))["done"] == "confirmed"
        await people.refresh()
        assert people.current.private_owner("bz@web.de") == ANNA
        assert (await ask("rita", "mailbox-remove", address="bz@web.de", person=ANNA))["reason"] == "no-such-mailbox"


@pytest.mark.asyncio
async def test_who_may_do_what(tmp_path: Path) -> None:
    """Strangers may nothing, employees propose nothing, reviewers propose nothing for themselves or outsiders."""
    async with opened(tmp_path) as house:
        ask, _ = await counter(house)
        assert (await ask("mallory", "mailbox-add", address="m@web.de"))["reason"] == "not-mapped"
        assert (await ask("mallory", "mailbox-list"))["reason"] == "not-mapped"
        assert (await ask("otto", "mailbox-propose", address="a@web.de", person=ANNA))["reason"] == "not-mapped"
        itself = await ask("rita", "mailbox-propose", address="r@web.de", person="rita.reviewer@company.example")
        assert itself["reason"] == "own-mailbox"
        assert (await ask("rita", "mailbox-propose", address="r@web.de", person="x@other.example"))["exit"] == 2
        assert (await ask("anna", "mailbox-add", address="otto.ober@company.example"))["exit"] == 2
        assert (await ask("anna", "mailbox-add", address="no address"))["exit"] == 2
        assert (await ask("anna", "mailbox-add", address="a@web.de", who="otto"))["exit"] == 2
        for number in range(MOST):
            assert (await ask("otto", "mailbox-add", address=f"o{number}@web.de"))["ok"]
        assert "remove one first" in (await ask("otto", "mailbox-add", address="one.more@web.de"))["error"]


@pytest.mark.asyncio
async def test_nobody_else_sees_the_address(tmp_path: Path) -> None:
    """Lists of others are empty, and neither database nor trail holds the plain address."""
    async with opened(tmp_path) as house:
        ask, _ = await counter(house)
        await ask("anna", "mailbox-add", address="bergziege77@gmx.net")
        await ask("rita", "mailbox-propose", address="otterklein@gmx.net", person=OTTO)
        assert (await ask("rita", "mailbox-list"))["mailboxes"] == []
        assert [row["address"] for row in (await ask("otto", "mailbox-list"))["mailboxes"]] == ["otterklein@gmx.net"]
        await house.database.write(lambda conn: conn.exec_driver_sql("SELECT 1"))
        files = b"".join(path.read_bytes() for path in tmp_path.glob("dlpmilter.db*"))
        assert b"bergziege77" not in files
        assert b"otterklein" not in files


@pytest.mark.asyncio
async def test_each_change_is_an_entry_of_the_trail(tmp_path: Path) -> None:
    """Who did what for whom; the mailbox stands there as a keyed hash. A refused act leaves none."""
    async with opened(tmp_path) as house:
        ask, _ = await counter(house)
        await ask("rita", "mailbox-propose", address="bz@web.de", person=ANNA)
        await ask("anna", "mailbox-confirm", address="bz@web.de")
        await ask("otto", "mailbox-confirm", address="bz@web.de")
        await ask("anna", "mailbox-remove", address="bz@web.de")
        found = await house.database.read(lambda conn: trail.of_case(conn, ""))
        assert found == []
        entries = await house.database.read(lambda conn: list(trail_rows.entries(conn)))
        rows = [(entry.event, value.name, value.value) for entry, values in entries for value in values]
        events: dict[str, dict[str, str]] = {}
        for event, name, value in rows:
            events.setdefault(event, {})[name] = value.strip('"')
        assert set(events) == {"mailbox-proposed", "mailbox-confirmed", "mailbox-removed"}
        assert (events["mailbox-proposed"]["actor-user"], events["mailbox-proposed"]["owner"]) == ("rita", ANNA)
        assert events["mailbox-confirmed"]["actor-user"] == "anna"
        digest = Hashes.of_keyring(house.keyring).of("bz@web.de").hex()
        assert {each["mailbox"] for each in events.values()} == {digest}
