# SPDX-License-Identifier: Apache-2.0
"""Requests for access: identity, freeze, answer, refusal by two, deadlines. Never a stub."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.holds import sweep as sweep_room
from dlpmilter.holds.sweep import Sweeper
from dlpmilter.privacy.access import a_month_later
from dlpmilter.privacy.paper import as_html, as_pdf
from dlpmilter.privacy.paper_person import access_paper
from tests.holds.house import ANNA, NOW, RITA, mail
from tests.privacy.house import House, house

DAY = timedelta(days=1)


async def opened(h: House, wish: str = "access", *addresses: str) -> str:
    """A request by letter; its number."""
    answer = await h.ask("dora", "access-open", wish=wish, addresses=list(addresses) or [ANNA], channel="letter")
    assert answer["ok"], answer
    return str(answer["request"]["id"])


async def step(h: House, number: str, what: str, user: str = "dora", **said: str) -> dict[str, Any]:
    """One step."""
    return await h.ask(user, "access-act", id=number, step=what, said=said)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-31", "2026-02-28"),
        ("2026-11-27", "2026-12-27"),
        ("2026-12-31", "2027-01-31"),
        ("2028-01-30", "2028-02-29"),
    ],
)
def test_a_month_ends_on_the_same_day_or_the_last_one(start: str, end: str) -> None:
    """Reg. 1182/71 Art. 3(2)(c)."""
    moment = datetime.fromisoformat(f"{start}T12:00:00+00:00")
    assert f"{a_month_later(moment):%Y-%m-%d}" == end


@pytest.mark.asyncio
async def test_the_answer_names_recipients_and_no_reviewer(tmp_path: Path) -> None:
    """Whom the mail was for, what was decided by which role; the reviewer's and other people's names are not in it."""
    async with house(tmp_path) as h:
        case = (await h.rooms.hold("anna.private@gmx.example", "kunde@web.example")).case_id
        await h.rooms.workflow.claim(case, RITA)
        await h.rooms.workflow.reject(case, RITA, "use the share")
        bert = "bert@company.example"
        message = mail().replace(ANNA.encode(), bert.encode()).replace(b"Anna Berg", b"Bert O")
        await h.rooms.hold("x@gmx.example", message=message, sender=bert, owner=bert, name="Bert O")
        number = await opened(h)
        await step(h, number, "ask-identity", how="answer through the known address")
        await step(h, number, "verify", how="answered from the known address")
        answer = await step(h, number, "answer")
        assert answer["ok"], answer
        report = answer["request"]["report"]
        assert [each["address"] for each in report["cases"][0]["recipients"]] == [
            "anna.private@gmx.example", "kunde@web.example",
        ]  # fmt: skip
        assert {each["event"] for each in report["events"]} >= {"decided", "claimed", "rejected"}
        text = json.dumps(report)
        assert RITA.address not in text
        assert "bert" not in text.lower()
        assert answer["request"]["outcome"] == "granted"
        page = as_html(access_paper(answer["request"], "en"))
        assert as_pdf(access_paper(answer["request"], "de")).startswith(b"%PDF")
        assert "anna.private@gmx.example" in page
        assert "<script" not in page
        assert (await step(h, number, "answer"))["reason"] == "conflict"


@pytest.mark.asyncio
async def test_nothing_is_deleted_while_somebody_asks(tmp_path: Path) -> None:
    """An overdue case is still in the answer; once it is answered the sweep takes it."""
    async with house(tmp_path) as h:
        case = (await h.rooms.hold()).case_id
        await h.rooms.workflow.reject(case, RITA, "no")
        number = await opened(h)
        sweeper = Sweeper(h.rooms.database, h.rooms.bodies)
        for days in (10, 200, 400):
            await h.rooms.database.write(lambda conn: conn.exec_driver_sql("DELETE FROM outbox"))
            await sweeper.run(h.rooms.notifier, NOW + days * DAY)
        await step(h, number, "verify", how="in person")
        report = (await step(h, number, "answer"))["request"]["report"]
        assert [each["case"] for each in report["cases"]] == [case]
        for days in (401, 600, 800):
            await sweeper.run(h.rooms.notifier, NOW + days * DAY)
        assert await h.rooms.count("cases") == 0


@pytest.mark.asyncio
async def test_nobody_is_not_found_and_gets_a_negative_answer(tmp_path: Path) -> None:
    """No data beyond counters is an answer too; wildcards are not searched for."""
    async with house(tmp_path) as h:
        await h.rooms.hold()
        number = await opened(h, "access", "stranger@web.example")
        await step(h, number, "verify", how="post")
        answer = (await step(h, number, "answer"))["request"]
        assert (answer["outcome"], answer["report"]["cases"]) == ("not-found", [])
        refused = await h.ask("dora", "access-open", wish="access", addresses=["%@company.example x"], channel="mail")
        assert refused["reason"] == "bad-request"


@pytest.mark.asyncio
async def test_a_refusal_needs_a_second_pair_of_eyes_and_a_ground(tmp_path: Path) -> None:
    """Who proposed it cannot agree; without a ground nothing is proposed."""
    async with house(tmp_path) as h:
        number = await opened(h, "erasure")
        await step(h, number, "doubt", reason="another address than the one on file")
        assert (await step(h, number, "propose-refusal"))["error"] == "say ground."
        await step(h, number, "propose-refusal", ground="Art. 12(2): cannot be identified")
        assert "somebody else" in (await step(h, number, "refuse"))["error"]
        done = (await step(h, number, "refuse", user="dirk"))["request"]
        assert (done["state"], done["outcome"]) == ("answered", "refused")
        assert await h.rooms.count("cases") == 0


@pytest.mark.asyncio
async def test_the_dpo_hears_of_every_deadline_once(tmp_path: Path) -> None:
    """New, three days without a step, three weeks, over; an extension by two months is given once, with a reason."""
    async with house(tmp_path) as h:
        number = await opened(h)
        heard = []
        for hours in (0, 1, 73, 80, 21 * 24 + 1, 31 * 24 + 1, 31 * 24 + 9):
            h.now = NOW + timedelta(hours=hours)
            heard.append((await h.round())["officers-told"])
        assert heard == [1, 0, 1, 0, 1, 1, 0]
        extended = (await step(h, number, "extend", reason="three hundred mails to look through"))["request"]
        assert extended["until"] == "2027-02-23T09:00:00+00:00"
        assert (await step(h, number, "extend", reason="again"))["reason"] == "conflict"
        rows = await h.rooms.database.read(
            lambda conn: conn.exec_driver_sql("SELECT prefix FROM outbox ORDER BY id").scalars().all()
        )
        assert len(rows) == 4
        for each in rows:
            assert ANNA.encode() not in each
            assert number.encode() in each
        assert datetime.fromisoformat(extended["received"]) == NOW.astimezone(UTC)


@pytest.mark.asyncio
async def test_kept_cases_do_not_stand_in_the_way_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More kept cases than one sweep takes: another person's content still goes in its time; none counts as overdue."""
    monkeypatch.setattr(sweep_room, "BATCH", 3)
    async with house(tmp_path) as h:
        for number in range(5):
            case = (await h.rooms.hold(f"x{number}@gmx.example")).case_id
            await h.rooms.workflow.reject(case, RITA, "no")
        await opened(h)
        bert = "bert@company.example"
        message = mail().replace(ANNA.encode(), bert.encode())
        case = (await h.rooms.hold("y@gmx.example", message=message, sender=bert, owner=bert)).case_id
        await h.rooms.workflow.reject(case, RITA, "no")
        await h.rooms.database.write(lambda conn: conn.exec_driver_sql("DELETE FROM outbox"))
        sweeper = Sweeper(h.rooms.database, h.rooms.bodies)
        for days in (10, 11, 80):
            h.now = NOW + days * DAY
            await sweeper.run(h.rooms.notifier, h.now)
        purged = await h.rooms.database.read(
            lambda conn: conn.exec_driver_sql("SELECT id FROM cases WHERE purged_at IS NOT NULL").scalars().all()
        )
        assert purged == [case]
        stores = (await h.ask("root", "inventory", keeper=True))["stores"]
        late = {one["store"]: one["overdue"] for one in stores if one["overdue"]}
        assert late.keys() <= {"dossiers"}
        h.now = NOW + 120 * DAY  # nobody answered and nobody looked again: that is overdue
        stores = (await h.ask("root", "inventory", keeper=True))["stores"]
        assert {one["store"]: one["overdue"] for one in stores}["vault_keys"] >= 5
