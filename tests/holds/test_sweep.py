# SPDX-License-Identifier: Apache-2.0
"""What time does: reminders, expiry, deletion. Nothing is ever released by time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from dlpmilter.audit import trail
from dlpmilter.audit.verify import verify
from dlpmilter.holds import form, terms
from dlpmilter.holds.sweep import Sweeper
from dlpmilter.holds.workflow import Workflow
from dlpmilter.model.words import Action
from dlpmilter.policy.schema import HoldTerms
from dlpmilter.storage import case_rows, outbox_rows
from tests.holds.house import ANNA, FINE, NOW, RITA, Rooms, mail, path, rooms

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def sweep(r: Rooms, now: datetime) -> dict[str, int]:
    """One sweep of a fresh process."""
    return await Sweeper(r.database, r.bodies).run(r.notifier, now)


async def state(r: Rooms, case_id: str) -> str:
    """The state of the only hold of a case."""
    case = await r.database.read(lambda conn: case_rows.get(conn, case_id))
    assert case is not None
    return case.holds[0].state


async def owed(r: Rooms, case_id: str) -> list[bytes]:
    """What is owed for a case."""
    return [row.prefix for row in await r.database.read(lambda conn: outbox_rows.of_case(conn, case_id))]


@pytest.mark.parametrize(
    ("placed", "days", "holidays", "ends"),
    [
        ("2026-11-23", 5, (), "2026-11-30"),  # Monday to Monday
        ("2026-11-27", 1, (), "2026-11-30"),  # Friday to Monday
        ("2026-11-28", 1, (), "2026-11-30"),  # Saturday counts from Monday
        ("2026-11-23", 5, (date(2026, 11, 26),), "2026-12-01"),
        ("2026-12-23", 2, (date(2026, 12, 25), date(2026, 12, 24)), "2026-12-29"),
    ],
)
def test_working_days_skip_weekends_and_holidays(placed: str, days: int, holidays: tuple[date, ...], ends: str) -> None:
    """Deadlines count Monday to Friday without the policy's holidays, at the same time of day."""
    start = datetime.fromisoformat(placed + "T09:30:00+00:00")
    found = terms.deadline(start, HoldTerms(working_days=days, holidays=holidays))
    assert found == datetime.fromisoformat(ends + "T09:30:00+00:00")


@pytest.mark.asyncio
async def test_two_reminders_and_no_third(tmp_path: Path) -> None:
    """One at half time, one a working day before the end, each once however often the sweep runs."""
    async with rooms(tmp_path) as r:
        case_id = (await r.hold()).case_id
        counts = []
        for moment in (NOW + 3 * DAY, NOW + 3.5 * DAY + HOUR, NOW + 3.6 * DAY, NOW + 4 * DAY + HOUR, NOW + 6 * DAY):
            counts.append((await sweep(r, moment))["reminded"])
        assert counts == [0, 1, 0, 1, 0]
        assert len(await owed(r, case_id)) == 3
        assert await state(r, case_id) == "held"


@pytest.mark.asyncio
async def test_a_justified_case_is_not_reminded(tmp_path: Path) -> None:
    """Who has answered is not asked again."""
    async with rooms(tmp_path) as r:
        case_id = (await r.hold()).case_id
        await r.workflow.justify(case_id, RITA, form.short("R1", "x"))
        assert (await sweep(r, NOW + 6 * DAY))["reminded"] == 0


@pytest.mark.asyncio
async def test_expiry_never_sends_and_reports_to_the_sender(tmp_path: Path) -> None:
    """Past the deadline: expired once, a delivery report, no release, and the content goes a day later."""
    async with rooms(tmp_path) as r:
        case_id = (await r.hold()).case_id
        late = NOW + 7 * DAY + HOUR
        assert (await sweep(r, late))["expired"] == 1
        assert (await sweep(r, late))["expired"] == 0
        assert await state(r, case_id) == "expired"
        kinds = [row.kind for row in await r.database.read(lambda conn: outbox_rows.of_case(conn, case_id))]
        assert kinds == ["notice", "dsn"]
        assert b"anna.private@gmx.example" in (await owed(r, case_id))[1]
        assert await r.count("body_keys") == 1
        assert (await sweep(r, late + 23 * HOUR))["purged"] == 0
        assert (await sweep(r, late + 25 * HOUR))["purged"] == 1
        assert [await r.count("body_keys"), await r.count("body_chunks")] == [0, 0]
        case = await r.database.read(lambda conn: case_rows.get(conn, case_id))
        assert case is not None
        assert (case.subject, case.body_id) == (None, None)
        entries = await r.database.read(lambda conn: trail.of_case(conn, case_id))
        assert [row.event for row, _ in entries] == ["decided", "expired", "purged"]
        assert entries[1][1]["controller-after"] == "not_transmitted"


@pytest.mark.asyncio
async def test_notify_never_is_respected_and_still_not_silent(tmp_path: Path) -> None:
    """A sender who asked for no delivery report gets the expiry notice instead."""
    async with rooms(tmp_path) as r:
        decided = await r.decide(mail(), [path("a@gmx.example", ("NOTIFY", b"NEVER"))], [Action.hold])
        await sweep(r, NOW + 8 * DAY)
        kinds = [row.kind for row in await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id))]
        assert kinds == ["notice", "notice"]


@pytest.mark.asyncio
async def test_an_outside_sender_gets_no_report(tmp_path: Path) -> None:
    """The owner of a forwarding mailbox hears of the expiry, the outside author of the mail does not."""
    async with rooms(tmp_path) as r:
        decided = await r.hold(sender="customer@outside.example", owner=ANNA)
        await sweep(r, NOW + 8 * DAY)
        rows = await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id))
        assert {each.path.mailbox.text for row in rows for each in row.recipients} == {ANNA}
        assert len(rows) == 2


@pytest.mark.asyncio
@pytest.mark.parametrize(("act", "hours"), [("withdraw", 1), ("reject", 72)])
async def test_content_goes_when_its_time_is_over(tmp_path: Path, act: str, hours: int) -> None:
    """Withdrawn mail goes within the hour, rejected mail after the time to object."""
    async with rooms(tmp_path) as r:
        case_id = (await r.hold()).case_id
        work: Workflow = r.workflow
        await (work.withdraw(case_id, RITA) if act == "withdraw" else work.reject(case_id, RITA, "no"))
        assert (await sweep(r, NOW + hours * HOUR - timedelta(minutes=1)))["purged"] == 0
        assert (await sweep(r, NOW + hours * HOUR))["purged"] == 1
        assert (await sweep(r, NOW + hours * HOUR))["purged"] == 0


@pytest.mark.asyncio
async def test_content_stays_while_one_recipient_waits_or_mail_is_owed(tmp_path: Path) -> None:
    """A body is kept for the slowest recipient, and as long as the outbox needs it."""
    async with rooms(tmp_path) as r:
        waiting = await r.hold("a@gmx.example", "b@gmx.example", pools=("privacy", "works-council"))
        await r.workflow.reject(waiting.case_id, RITA, "no")
        owing = await r.hold("c@gmx.example")
        await r.workflow.approve(owing.case_id, RITA, FINE)
        await r.database.write(
            lambda conn: conn.execute(text("UPDATE holds SET state = 'released' WHERE state = 'releasing'"))
        )
        assert (await sweep(r, NOW + 5 * DAY))["purged"] == 0


@pytest.mark.asyncio
async def test_personal_fields_go_after_their_time_and_the_trail_verifies(tmp_path: Path) -> None:
    """After half a year cases and personal fields are gone from every file, facts stay, the check passes."""
    async with rooms(tmp_path) as r:
        old = (await r.hold("old.private@gmx.example")).case_id
        await r.database.write(lambda conn: conn.execute(text("DELETE FROM outbox")))
        await sweep(r, NOW + 8 * DAY)
        await r.database.write(lambda conn: conn.execute(text("DELETE FROM outbox")))
        await sweep(r, NOW + 10 * DAY)
        young = (await r.hold("young.private@gmx.example", at=NOW + 150 * DAY)).case_id
        counts = await sweep(r, NOW + 195 * DAY)
        assert counts["cases-removed"] == 1
        assert counts["cases-forgotten"] == 2  # the case, and the key of its quarter's pseudonyms
        assert (await sweep(r, NOW + 195 * DAY))["cases-forgotten"] == 0
        result = await r.database.read(verify)
        assert result.ok, result.problem
        assert result.erased > 10
        keys = await r.database.read(lambda conn: conn.execute(text("SELECT scope FROM vault_keys")).scalars().all())
        assert old not in keys
        assert await r.database.read(lambda conn: case_rows.get(conn, old)) is None
        fields = (await r.database.read(lambda conn: trail.of_case(conn, old)))[0][1]
        assert fields["recipient.0.class"] == "freemail"
        assert "recipient.0.address" not in fields
        assert (await r.database.read(lambda conn: trail.of_case(conn, young)))[0][1]["owner"] == ANNA
    for each in tmp_path.glob("dlpmilter.db*"):
        assert b"old.private@gmx" not in each.read_bytes()


@pytest.mark.asyncio
async def test_housekeeping_forgets_what_is_no_longer_needed(tmp_path: Path) -> None:
    """Message keys after a week, bodies nobody names, marks and old notices go; what is in use stays."""
    async with rooms(tmp_path) as r:
        case_id = (await r.hold()).case_id
        await r.workflow.approve(case_id, RITA, FINE)
        from dlpmilter.spill import MessageBytes

        stray = await r.bodies.put(MessageBytes.of(b"x"))
        await r.database.write(lambda conn: r.bodies.keep(conn, stray))
        counts = await sweep(r, max(NOW, datetime.now(UTC)) + 8 * DAY)
        assert (counts["message-keys"], counts["bodies"], counts["marks"], counts["notices"]) == (1, 1, 1, 0)
        assert await r.count("body_keys") == 1
        counts = await sweep(r, NOW + 90 * DAY)
        assert counts["notices"] == 1


@pytest.mark.asyncio
async def test_an_idle_sweep_writes_nothing(tmp_path: Path) -> None:
    """With nothing due, a second sweep of the same process makes no commit."""
    async with rooms(tmp_path) as r:
        await r.hold()
        sweeper = Sweeper(r.database, r.bodies)
        await sweeper.run(r.notifier, NOW + HOUR)
        before = r.database.commits
        await sweeper.run(r.notifier, NOW + HOUR + timedelta(seconds=30))
        assert r.database.commits == before
