# SPDX-License-Identifier: Apache-2.0
"""The clock of Art. 33: opened by itself, never for held mail; 24 hours, 72 hours, alarms, the sheet, the file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.privacy.paper import as_html, as_pdf
from dlpmilter.privacy.paper_person import breach_paper
from tests.holds.house import FINE, NOW, RITA
from tests.privacy.house import House, house

HOUR = timedelta(hours=1)
SHEET = {
    "what": "a list went to a private mailbox", "categories": "contact data", "persons": "to 100", "records": "to 100",
    "recipient": "the sender's own mailbox", "encryption": "TLS", "likelihood": "low", "severity": "low",
    "measures": "deletion asked for", "reasons": "no risk: attested deletion the same day",
}  # fmt: skip


async def files(h: House) -> list[dict[str, Any]]:
    """Every file, opened."""
    rows = (await h.ask("dora", "breach-list"))["breaches"]
    return [(await h.ask("dora", "breach-show", id=one["id"]))["breach"] for one in rows]


async def released(h: House, case: str, address: str) -> None:
    """The entry of a delivery."""
    entry = Entry("released", "relay", "p", case, {"recipient.0.address": address}, h.now)
    await h.rooms.database.write(lambda conn: trail.append(conn, entry))


async def step(h: House, number: str, act: str, /, **said: str) -> dict[str, Any]:
    """One step of the DPO."""
    return await h.ask("dora", "breach-act", id=number, step=act, said=said)


@pytest.mark.asyncio
async def test_held_and_approved_mail_opens_nothing(tmp_path: Path) -> None:
    """Held, refused, withdrawn, approved and released: no clock runs."""
    async with house(tmp_path) as h:
        case = (await h.rooms.hold("a@gmx.example")).case_id
        await h.rooms.workflow.approve(case, RITA, FINE)
        await released(h, case, "a@gmx.example")
        await h.rooms.workflow.reject((await h.rooms.hold("b@gmx.example")).case_id, RITA, "no")
        await h.round()
        assert await files(h) == []


@pytest.mark.asyncio
async def test_what_left_after_a_refusal_opens_a_file_once(tmp_path: Path) -> None:
    """Refused, and delivered all the same: suspected at once, one file a case; the DPO is told without a name."""
    async with house(tmp_path) as h:
        case = (await h.rooms.hold("b@gmx.example")).case_id
        await h.rooms.workflow.reject(case, RITA, "no")
        for _ in range(2):
            await released(h, case, "b@gmx.example")
            await h.round()
        (found,) = await files(h)
        assert (found["state"], found["cause"], found["case"]) == ("suspected", "sent-without-approval", case)
        assert "breach-opened" in await h.events()
        mails = await h.rooms.database.read(
            lambda conn: conn.exec_driver_sql("SELECT prefix FROM outbox").scalars().all()
        )
        told = [one for one in mails if b"officer-breach" in one]
        assert len(told) == 1
        assert b"anna" not in told[0].lower()


@pytest.mark.asyncio
async def test_many_approvals_of_one_person_open_one_file(tmp_path: Path) -> None:
    """51 within an hour are looked at; 51 spread over a day are not."""
    for gap, wanted in ((timedelta(seconds=30), 1), (timedelta(minutes=20), 0)):
        folder = tmp_path / str(wanted)
        folder.mkdir()
        async with house(folder) as h:
            for number in range(60):
                entry = Entry("approved", "release", "p", f"C-{number}", {"actor": RITA.address}, NOW + number * gap)
                await h.rooms.database.write(lambda conn, entry=entry: trail.append(conn, entry))  # type: ignore[misc]
            await h.round()
            assert [one["cause"] for one in await files(h)] == ["bulk-release"] * wanted


@pytest.mark.asyncio
async def test_nobody_said_for_a_day_so_it_counts_from_when_it_was_seen(tmp_path: Path) -> None:
    """After 24 hours aware is set to the moment it was seen; alarms come at 24, 48, 60 and 70 hours, each once."""
    async with house(tmp_path) as h:
        await h.ask("dora", "breach-open", cause="account", words="a reviewer's password was found", case="")
        told = []
        for hours in (0, 1, 23, 24, 25, 48, 59, 60, 61, 70, 71, 80):
            h.now = NOW + hours * HOUR
            told.append((await h.round())["officers-told"])
        assert told == [1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0]
        (found,) = await files(h)
        assert (found["aware"], found["notify_by"]) == ("2026-11-23T09:00:00+00:00", "2026-11-26T09:00:00+00:00")
        assert found["aware_reason"] == "nobody said so within 24 hours"


@pytest.mark.asyncio
async def test_the_dpo_decides_and_the_file_says_all_of_it(tmp_path: Path) -> None:
    """Aware with a reason, the whole sheet, the authority late only with a reason, closed only when all were told."""
    async with house(tmp_path) as h:
        one = (await h.ask("dora", "breach-open", cause="other", words="seen by a colleague", case=""))["breach"]
        number = one["id"]
        h.now = NOW + 2 * HOUR
        assert (await step(h, number, "aware"))["error"] == "say reason."
        assert (await step(h, number, "aware", reason="the list was opened", at="2026-11-24T09:00:00+00:00"))[
            "ok"
        ] is False
        aware = (await step(h, number, "aware", reason="the list was opened"))["breach"]
        assert aware["notify_by"] == "2026-11-26T11:00:00+00:00"
        assert "lacks" in (await step(h, number, "assess", outcome="none", what="x"))["error"]
        assert (await step(h, number, "assess", outcome="authority-and-persons", **SHEET))["ok"]
        assert "authority was not told" in (await step(h, number, "close"))["error"]
        h.now = NOW + 80 * HOUR
        assert "why it is late" in (await step(h, number, "told", whom="authority"))["error"]
        late = (await step(h, number, "told", whom="authority", why_late="the DPO was ill"))["breach"]
        assert late["why_late"] == "the DPO was ill"
        assert "persons were not told" in (await step(h, number, "close"))["error"]
        await step(h, number, "told", whom="persons")
        done = (await step(h, number, "close"))["breach"]
        assert done["state"] == "closed"
        assert (await step(h, number, "close"))["reason"] == "conflict"
        page = as_html(breach_paper(done, "en"))
        assert as_pdf(breach_paper(done, "de")).startswith(b"%PDF")
        for word in ("the DPO was ill", "contact data", "no risk: attested deletion"):
            assert word in page
        assert [each for each in await h.events() if each.startswith("breach-")] == [
            "breach-opened", "breach-aware", "breach-assessed", "breach-told-authority", "breach-told-persons",
            "breach-closed",
        ]  # fmt: skip


@pytest.mark.asyncio
async def test_only_the_dpo_takes_steps(tmp_path: Path) -> None:
    """Works council and auditor see that there is a file; they and everybody else change nothing."""
    async with house(tmp_path) as h:
        number = (await h.ask("dora", "breach-open", cause="other", words="x", case=""))["breach"]["id"]
        for user in ("willi", "aud"):
            assert [one["id"] for one in (await h.ask(user, "breach-list"))["breaches"]] == [number]
        for user in ("willi", "aud", "rita", "nobody"):
            answer = await h.ask(user, "breach-act", id=number, step="aware", said={"reason": "me"})
            assert answer["ok"] is False
