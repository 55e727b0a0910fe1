# SPDX-License-Identifier: Apache-2.0
"""Unmasking: two people of different duties, one case, one day, recorded and told. Pseudonyms by quarter."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.audit import forget
from dlpmilter.audit.export import write_export
from dlpmilter.audit.pseudonyms import begin_quarter, pseudonym
from dlpmilter.audit.retention import periods
from tests.holds.house import ANNA, NOW
from tests.privacy.house import House, house

HOUR = timedelta(hours=1)


async def asked(h: House, user: str = "dora", **more: str) -> dict[str, Any]:
    """A question about one held mail of Anna's."""
    case = (await h.rooms.hold()).case_id
    words: dict[str, Any] = {"purpose": "incident", "reason": "the customer called", "defer": "", **more}
    return await h.ask(user, "unmask-ask", case=case, **words)


@pytest.mark.asyncio
async def test_nothing_is_shown_until_a_second_duty_agrees(tmp_path: Path) -> None:
    """Not to who asked alone, not with a second DPO, not to a third person; then for a day to the two, and told."""
    async with house(tmp_path) as h:
        number = (await asked(h))["unmasking"]["id"]
        assert ANNA not in str(await h.ask("willi", "unmask-list"))
        assert (await h.ask("dora", "unmask-look", id=number))["reason"] == "conflict"
        assert "cannot agree" in (await h.ask("dora", "unmask-agree", id=number))["error"]
        assert "another duty" in (await h.ask("dirk", "unmask-agree", id=number))["error"]
        assert (await h.ask("rita", "unmask-agree", id=number))["reason"] == "no-duty"
        assert (await h.ask("willi", "unmask-agree", id=number))["ok"]
        for user in ("dora", "willi"):
            assert (await h.ask(user, "unmask-look", id=number))["seen"]["sender"] == ANNA
        assert "only the two" in (await h.ask("aud", "unmask-look", id=number))["error"]
        assert (await h.round())["unmasked-told"] == 1
        mails = await h.rooms.database.read(
            lambda conn: conn.exec_driver_sql(
                "SELECT prefix FROM outbox JOIN outbox_recipients ON outbox.id = outbox_id WHERE recipient_raw = ?",
                (ANNA.encode(),),
            ).scalars().all()
        )  # fmt: skip
        assert sum(b".unmasked." in one for one in mails) == 1
        h.now = NOW + 25 * HOUR
        assert "is over" in (await h.ask("dora", "unmask-look", id=number))["error"]
        assert (await h.round())["unmasking-over"] == 1
        events = [each for each in await h.events() if "unmask" in each]
        assert events == [
            "unmasking-opened",
            "unmasking-granted",
            "unmasked",
            "unmasked",
            "unmasking-told",
            "unmasking-over",
        ]


@pytest.mark.asyncio
async def test_a_deferral_has_a_reason_and_an_end(tmp_path: Path) -> None:
    """Told thirty days later, also after the view is over."""
    async with house(tmp_path) as h:
        number = (await asked(h, defer="the police asked for it"))["unmasking"]["id"]
        await h.ask("willi", "unmask-agree", id=number)
        told = []
        for days in (0, 2, 29, 30, 31):
            h.now = NOW + timedelta(days=days)
            told.append((await h.round())["unmasked-told"])
        assert told == [0, 0, 0, 1, 0]


@pytest.mark.asyncio
async def test_purpose_reason_and_case_are_needed(tmp_path: Path) -> None:
    """No free search: a case that exists, a purpose of the list, concrete facts."""
    async with house(tmp_path) as h:
        assert "is not one of" in (await asked(h, purpose="curiosity"))["error"]
        assert "concrete facts" in (await asked(h, reason=" "))["error"]
        refused = await h.ask("dora", "unmask-ask", case=ANNA, purpose="claim", reason="x", defer="")
        assert "there is no case" in refused["error"]
        assert (await asked(h, user="rita"))["reason"] == "no-duty"


@pytest.mark.asyncio
async def test_a_pseudonym_lasts_a_quarter_and_its_key_goes(tmp_path: Path) -> None:
    """The same within the quarter, another in the next; once the key is gone nobody can compute it again."""
    autumn, winter = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)
    async with house(tmp_path) as h:
        database = h.rooms.database
        for moment in (autumn, winter):
            await database.write(lambda conn, moment=moment: begin_quarter(conn, moment))  # type: ignore[misc]
        first = await database.read(lambda conn: pseudonym(conn, ANNA, autumn))
        assert first == await database.read(lambda conn: pseudonym(conn, ANNA.upper(), NOW))
        assert first.startswith("P-")
        assert first != await database.read(lambda conn: pseudonym(conn, ANNA, winter))
        kept = periods("de", 183)
        late = winter + timedelta(days=130)
        await database.write(lambda conn: forget.forget_due(conn, kept, policy_version="p", at=late))
        assert await database.read(lambda conn: pseudonym(conn, ANNA, autumn)) == ""
        assert await database.read(lambda conn: pseudonym(conn, ANNA, winter)) != ""


@pytest.mark.asyncio
async def test_entries_and_exports_carry_the_pseudonym_and_no_name(tmp_path: Path) -> None:
    """Two mails of one sender have one pseudonym, another sender another one; the default export shows it, no address."""
    async with house(tmp_path) as h:
        for sender in (ANNA, ANNA, "bert@company.example"):
            await h.rooms.hold(sender=sender, owner=sender)
        out = tmp_path / "a.zip"
        await h.rooms.database.read(lambda conn: write_export(conn, out, []))
        with zipfile.ZipFile(out) as archive:
            rows = [json.loads(line) for line in archive.read("entries.jsonl").splitlines()]
        shown = [{field[1]: json.loads(field[4]) for field in row["fields"]} for row in rows]
        names = [fields["pseudonym"] for fields in shown if "pseudonym" in fields]
        assert len(names) == 3
        assert names[0] == names[1] != names[2]
        assert all(each.startswith("P-") for each in names)
        assert "@" not in json.dumps(shown)
