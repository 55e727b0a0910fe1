# SPDX-License-Identifier: Apache-2.0
"""The daily digest: a loop of a mailbox rule writes one mail a day, and nobody gets more than ten notices an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.holds import digest
from dlpmilter.holds.actors import Actor
from dlpmilter.holds.place import record_decided
from dlpmilter.holds.sweep import Sweeper
from dlpmilter.model.verdict import MessageJudgement
from dlpmilter.model.words import Action, Kind
from dlpmilter.spill import MessageBytes
from tests.holds.house import ANNA, Rooms, mail, rooms, transaction, verdict

SENDER = Actor("anna", ANNA, frozenset())
PRIVATE = "anna.private@gmx.example"


async def forwarded(r: Rooms) -> str:
    """One mail that a rule forwarded, a second after the last; its case."""
    r.clock.now += timedelta(seconds=1)
    message = mail()
    envelope = transaction(message, [PRIVATE], at=r.clock())
    judged = verdict(envelope, [Action.hold])
    object.__setattr__(judged, "message", MessageJudgement(Kind.auto_forward, 0.9))
    decided = await record_decided(
        r.database, r.bodies, transaction=envelope, verdict=judged, message=MessageBytes.of(message), policy=r.policy,
        config=r.config, notice=r.notifier,
    )  # fmt: skip
    return decided.case_id


async def owed(r: Rooms) -> list[Any]:
    """The notices that are owed."""
    query = "SELECT prefix FROM outbox WHERE kind = 'notice' ORDER BY id"
    rows = await r.database.read(lambda conn: conn.exec_driver_sql(query).scalars().all())
    return [message_from_bytes(each, policy=default) for each in rows]


async def sweep(r: Rooms) -> dict[str, int]:
    """The office's turn."""
    return await Sweeper(r.database, r.bodies).run(r.notifier, r.clock())


@pytest.mark.asyncio
async def test_a_rule_that_forwards_is_told_once_a_day(tmp_path: Path) -> None:
    """Three hundred forwards: no notice of their own, one digest after four in the afternoon that names ten."""
    async with rooms(tmp_path) as r:
        cases = [await forwarded(r) for _ in range(300)]
        assert await owed(r) == []
        await sweep(r)
        assert await owed(r) == []
        r.clock.now += timedelta(days=1)
        assert (await sweep(r))["digests"] == 1
        (letter,) = await owed(r)
        text = letter.get_body(("plain",)).get_content()
        assert letter["To"].addresses[0].addr_spec == ANNA and letter["Auto-Submitted"] == "auto-generated"
        assert "300" in letter["Subject"] and PRIVATE in text and cases[0] in text and cases[10] not in text
        assert "290 more" in text
        assert (await sweep(r))["digests"] == 0


@pytest.mark.asyncio
async def test_a_loop_of_fifty_thousand_is_one_mail_too(tmp_path: Path) -> None:
    """Only some hundreds are looked at, all are counted, and the sweep goes on."""
    async with rooms(tmp_path) as r:
        case = await forwarded(r)
        many = "INSERT INTO digests (recipient, case_id, at) VALUES (?, ?, 1)"
        rows = [(ANNA, f"X{number}") for number in range(50_000)]
        await r.database.write(lambda conn: conn.exec_driver_sql(many, rows))
        await r.database.write(
            lambda conn: conn.exec_driver_sql("UPDATE digests SET at = 0 WHERE case_id = ?", (case,))
        )
        r.clock.now += timedelta(days=1)
        assert (await sweep(r))["digests"] == 1
        (letter,) = await owed(r)
        assert str(50_001 - 499) in letter["Subject"]
        assert (await sweep(r))["digests"] == 0


@pytest.mark.asyncio
async def test_beyond_ten_an_hour_the_rest_comes_in_one_mail(tmp_path: Path) -> None:
    """Ten notices at once, fifteen more cases in the digest; what was taken back by then is not mentioned."""
    async with rooms(tmp_path) as r:
        cases = [(await r.hold()).case_id for _ in range(25)]
        assert len(await owed(r)) == 10
        await r.workflow.withdraw(cases[24], SENDER)
        r.clock.now += timedelta(days=1)
        before = len(await owed(r))
        assert (await sweep(r))["digests"] == 1
        letter = (await owed(r))[before]
        assert "14" in letter["Subject"] and cases[24] not in letter.get_body(("plain",)).get_content()


@pytest.mark.asyncio
async def test_a_person_who_has_settled_everything_hears_nothing(tmp_path: Path) -> None:
    """No empty digest."""
    async with rooms(tmp_path) as r:
        case = await forwarded(r)
        await r.workflow.withdraw(case, SENDER)
        before = len(await owed(r))
        r.clock.now += timedelta(days=1)
        assert (await sweep(r))["digests"] == 0
        assert len(await owed(r)) == before


def test_a_day_ends_at_its_hour_where_the_people_are() -> None:
    """Before it, yesterday's counts."""
    zone = timezone(timedelta(hours=2))
    noon = datetime(2026, 11, 27, 12, tzinfo=UTC).astimezone(zone)
    assert digest.day_ended(noon, 14) == datetime(2026, 11, 27, 14, tzinfo=zone)
    assert digest.day_ended(noon, 15) == datetime(2026, 11, 26, 15, tzinfo=zone)
