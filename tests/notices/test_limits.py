# SPDX-License-Identifier: Apache-2.0
"""Who hears of what: the owner, the sender, the postmaster or nobody; and when, for people with many notices."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dlpmilter.notices.limits import (
    HOURLY_LIMIT,
    WINDOW,
    Hearer,
    Occasion,
    due_at,
    hears_notice,
    hears_report,
    muted,
)
from dlpmilter.storage import notice_rows
from dlpmilter.storage.database import Database
from tests.notices.samples import NOW

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

ALLOWED: dict[str, Any] = {"address": "anna@firma.example", "internal": True}
ANNA, POST, OUT = "anna@firma.example", "post@firma.example", "out@elsewhere.example"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"auto_submitted": "no"}, None),
        ({"auto_submitted": " No ; x=y"}, None),
        ({"auto_submitted": "auto-forwarded"}, None),
        ({"address": ""}, "no-address"),
        ({"address": "<>"}, "no-address"),
        ({"usable": False}, "unusable-address"),
        ({"null_sender": True}, "null-sender"),
        ({"internal": False}, "sender-not-internal"),
        ({"own_mark": True}, "own-notice"),
        ({"own_mark": True, "internal": False, "null_sender": True, "address": ""}, "own-notice"),
        ({"auto_submitted": "auto-generated"}, "auto-submitted"),
        ({"auto_submitted": "AUTO-REPLIED (vacation)"}, "auto-submitted"),
        ({"auto_submitted": "something-new"}, "auto-submitted"),
    ],
)
def test_each_reason_not_to_write_to_the_owner_has_its_slug(changes: dict[str, Any], reason: str | None) -> None:
    """One changed fact, one reason slug; without it the owner gets the notice."""
    assert muted(Occasion(**(ALLOWED | changes))) == reason


@pytest.mark.parametrize(
    ("mute", "null_sender", "hearer"),
    [
        ("", False, Hearer(ANNA, "owner")),
        ("", True, Hearer(ANNA, "owner")),
        ("auto-submitted", False, Hearer(POST, "auto-submitted")),
        ("auto-submitted", True, Hearer("", "null-sender")),
        ("sender-not-internal", False, Hearer(POST, "sender-not-internal")),
        ("unusable-address", False, Hearer(POST, "unusable-address")),
        ("null-sender", True, Hearer("", "null-sender")),
        ("own-notice", False, Hearer("", "own-notice")),
    ],
)
def test_a_notice_the_owner_may_not_get_goes_to_the_postmaster(mute: str, null_sender: bool, hearer: Hearer) -> None:
    """A hold is never silent, but for our own notices and null senders."""
    assert hears_notice(mute=mute, owner=ANNA, null_sender=null_sender, postmaster=POST) == hearer


@pytest.mark.parametrize(
    ("values", "hearer"),
    [
        ({"mute": ""}, Hearer(ANNA, "owner")),
        ({"mute": "", "sender": OUT}, Hearer(ANNA, "owner")),
        ({"mute": "auto-submitted"}, Hearer(ANNA, "owner")),
        ({"mute": "unusable-address", "internal": True}, Hearer(ANNA, "envelope-sender")),
        ({"mute": "sender-not-internal", "sender": OUT, "obliged": True}, Hearer(OUT, "envelope-sender")),
        ({"mute": "sender-not-internal", "sender": OUT}, Hearer(POST, "sender-not-internal")),
        ({"mute": "no-address", "owner": "", "sender": "", "obliged": True}, Hearer("", "null-sender")),
        ({"mute": "auto-submitted", "sender": ""}, Hearer("", "null-sender")),
        ({"mute": "own-notice", "obliged": True}, Hearer("", "own-notice")),
    ],
)
def test_a_delivery_report_has_its_hearer(values: dict[str, Any], hearer: Hearer) -> None:
    """Owner, internal sender, for mail we had taken any sender, else the postmaster; a null sender nobody."""
    given: dict[str, Any] = {"owner": ANNA, "sender": ANNA, "internal": False, "obliged": False, "postmaster": POST}
    assert hears_report(**(given | values)) == hearer


def test_forged_outside_senders_get_nothing() -> None:
    """A thousand outside senders cause no mail to them, whatever else they claim."""
    for number in range(1000):
        address = f"v{number}@victim.example"
        mute = muted(Occasion(address=address, internal=False, auto_submitted="no"))
        assert mute == "sender-not-internal"
        assert hears_notice(mute=mute, owner=address, null_sender=False, postmaster=POST).address == POST


@pytest.mark.asyncio
async def test_a_thousand_holds_in_an_hour_are_paced_and_none_is_dropped(tmp_path: Path) -> None:
    """Counted in the real table: never more than ten leave within one hour, all leave, and others do not wait."""
    database = Database(tmp_path / "d.sqlite")
    await database.start()

    def put(conn: Connection, case: str, person: str, now: datetime, kind: str = "hold") -> datetime:
        due = due_at(notice_rows.nth_last(conn, recipient=person, number=HOURLY_LIMIT), now)
        notice_rows.add(conn, case_id=case, kind=kind, recipient=person, now=due)
        return due

    def storm(conn: Connection) -> list[datetime]:
        for number in range(50):
            notice_rows.add(conn, case_id=f"d{number}", kind="dsn-expired", recipient=ANNA, now=NOW)
        return [put(conn, f"c{n}", ANNA, NOW + timedelta(seconds=n)) for n in range(1000)]

    async with asyncio.timeout(60):
        due = await database.write(storm)
        assert due[:HOURLY_LIMIT] == [NOW + timedelta(seconds=n) for n in range(HOURLY_LIMIT)]
        assert due[HOURLY_LIMIT] == NOW + WINDOW
        assert all(later - earlier >= WINDOW for earlier, later in zip(due, due[HOURLY_LIMIT:], strict=False))
        assert await database.write(lambda conn: put(conn, "y", "bob@firma.example", NOW)) == NOW
        await database.close()
