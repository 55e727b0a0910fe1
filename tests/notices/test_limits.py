# SPDX-License-Identifier: Apache-2.0
"""Who gets no notice: outsiders, nobody, machines, and people who had enough of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dlpmilter.notices.limits import HOURLY_LIMIT, Occasion, may_notify
from dlpmilter.storage import notice_rows
from dlpmilter.storage.database import Database
from tests.notices.samples import NOW

if TYPE_CHECKING:
    from sqlalchemy import Connection

ALLOWED: dict[str, Any] = {"address": "anna@firma.example", "internal": True}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"auto_submitted": "no"}, None),
        ({"auto_submitted": " No ; x=y"}, None),
        ({"auto_submitted": "auto-forwarded"}, None),
        ({"last_hour": HOURLY_LIMIT - 1}, None),
        ({"address": ""}, "no-address"),
        ({"address": "<>"}, "no-address"),
        ({"null_sender": True}, "null-sender"),
        ({"internal": False}, "sender-not-internal"),
        ({"own_mark": True}, "own-notice"),
        ({"auto_submitted": "auto-generated"}, "auto-submitted"),
        ({"auto_submitted": "AUTO-REPLIED (vacation)"}, "auto-submitted"),
        ({"auto_submitted": "something-new"}, "auto-submitted"),
        ({"already_sent": 1}, "already-sent"),
        ({"last_hour": HOURLY_LIMIT}, "hourly-limit"),
    ],
)
def test_each_limit_has_its_reason(changes: dict[str, Any], reason: str | None) -> None:
    """One changed fact, one reason slug; without it the notice may go."""
    assert may_notify(Occasion(**(ALLOWED | changes))) == reason


def test_forged_outside_senders_get_nothing() -> None:
    """A thousand outside senders cause no mail, whatever else they claim."""
    for number in range(1000):
        occasion = Occasion(address=f"v{number}@victim.example", internal=False, auto_submitted="no")
        assert may_notify(occasion) == "sender-not-internal"


@pytest.mark.asyncio
async def test_a_thousand_holds_in_an_hour_make_ten_notices(tmp_path: Path) -> None:
    """Counted in the real table: the eleventh notice to one person waits for the next hour, others get theirs."""
    database = Database(tmp_path / "d.sqlite")
    await database.start()

    def attempt(conn: Connection, case: str, person: str, now: Any) -> bool:
        occasion = Occasion(
            address=person, internal=True,
            already_sent=int(notice_rows.sent(conn, case_id=case, kind="hold")),
            last_hour=notice_rows.count_since(conn, recipient=person, since=now - timedelta(hours=1)),
        )  # fmt: skip
        if may_notify(occasion) is None:
            notice_rows.add(conn, case_id=case, kind="hold", recipient=person, now=now)
            return True
        return False

    def storm(conn: Connection) -> int:
        return sum(attempt(conn, f"c{n}", "anna@firma.example", NOW + timedelta(seconds=n)) for n in range(1000))

    async with asyncio.timeout(60):
        assert await database.write(storm) == HOURLY_LIMIT
        assert not await database.write(
            lambda conn: attempt(conn, "c1", "anna@firma.example", NOW + timedelta(hours=2))
        )
        assert await database.write(lambda conn: attempt(conn, "z", "anna@firma.example", NOW + timedelta(hours=2)))
        assert await database.write(lambda conn: attempt(conn, "z", "bob@firma.example", NOW)) is False
        assert await database.write(lambda conn: attempt(conn, "y", "bob@firma.example", NOW))
        await database.close()
