# SPDX-License-Identifier: Apache-2.0
"""Reports in both languages and four forms: figures that are right, no persons, cells under five merged, PDF/A."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.holds import form
from dlpmilter.holds.actors import Actor
from dlpmilter.privacy.paper import FORMS, Paper, Section, Table, as_csv, as_html, as_pdf, from_dict, inert
from dlpmilter.privacy.report import KINDS, first_of
from tests.holds.house import ANNA, FINE, NOW, RITA
from tests.privacy.house import House, house

SENDER = Actor("anna", ANNA, frozenset())
NAMES = (ANNA, "Anna Berg", "gmx.example", RITA.address, "dora.dpo")


async def paper(h: House, kind: str, language: str = "en", user: str = "dora", month: str = "2026-11") -> Paper:
    """One report as it comes through the counter."""
    answer = await h.ask(user, "report", kind=kind, month=month, language=language)
    assert answer["ok"], answer
    return from_dict(json.loads(json.dumps(answer["paper"])))


async def busy(h: House) -> None:
    """Seven held mails: six refused, one approved."""
    for number in range(7):
        case = (await h.rooms.hold(f"x{number}@gmx.example", at=NOW + number * timedelta(minutes=1))).case_id
        h.rooms.clock.now = NOW + timedelta(hours=2 + number)
        if number:
            await h.rooms.workflow.reject(case, RITA, "use the share")
        else:
            await h.rooms.workflow.approve(case, RITA, FINE)
    h.now = NOW + timedelta(days=1)


def text_of(data: bytes) -> str:
    """What a reader of the PDF sees."""
    document = pypdfium2.PdfDocument(data)
    text = "\n".join(page.get_textpage().get_text_bounded() for page in document)
    document.close()
    return text


@pytest.mark.asyncio
async def test_the_month_is_counted_and_names_nobody(tmp_path: Path) -> None:
    """Seven holds, six refusals, medians; one approval is too few to be shown; another month is empty."""
    async with house(tmp_path) as h:
        await busy(h)
        found = await paper(h, "monthly")
        tables = [table.rows for section in found.sections for table in section.tables]
        assert ("hold", "freemail", "7") in tables[0]
        assert ("not approved", "6") in tables[1]
        words = " ".join(line for section in found.sections for line in section.paragraphs)
        assert "half within 5.0 h" in words
        assert "Nothing is overdue." in words
        assert "Check of the trail: fine" in words
        for name in NAMES:
            assert name not in json.dumps(found.as_dict())
        empty = await paper(h, "monthly", month="2026-10")
        assert (empty.sections[0].tables, empty.sections[0].paragraphs) == ((), ("None.",))
        assert str(first_of("", NOW)) == "2026-10-01"


@pytest.mark.asyncio
async def test_reasons_needless_holds_and_silence_are_counted_by_case(tmp_path: Path) -> None:
    """Six said R3 in October and left in November: needless holds then; with an interest and people told later: silence."""
    answers = {
        "code": "R3", "purpose": "the customer asked", "whose_data": "customers", "basis": "interest",
        "interest": "service", "necessity": "he asked", "alternatives_tried": "no portal", "informed": "will-be",
        "informed_detail": "by letter",
    }  # fmt: skip
    approval = replace(FINE, basis="interest")
    october = NOW - timedelta(days=30)
    async with house(tmp_path) as h:
        for number in range(6):
            h.rooms.clock.now = october
            case = (await h.rooms.hold(f"x{number}@gmx.example", at=october)).case_id
            for purpose in ("first", "the customer asked"):
                await h.rooms.workflow.justify(case, SENDER, form.read(answers | {"purpose": purpose}))
            h.rooms.clock.now = NOW + timedelta(hours=number)
            await h.rooms.workflow.approve(case, RITA, approval)
            left = Entry("released", "release", "p", case, {"controller-after": "org_remains"}, NOW)
            await h.rooms.database.write(partial(trail.append, entry=left))
        h.now = NOW + timedelta(days=1)
        words = json.dumps((await paper(h, "monthly")).as_dict())
        assert "Held without need (released as R3, R4, R7): 6." in words
        assert "Approvals whose people concerned are not informed yet: 6." in words
        assert '["delivered after approval", "6"]' in words
        before = await paper(h, "monthly", month="2026-10")
        assert any(("R3", "6") in table.rows for section in before.sections for table in section.tables)


@pytest.mark.asyncio
async def test_every_report_has_four_forms_in_two_languages(tmp_path: Path) -> None:
    """Six kinds x de, en x json, csv, html, pdf: written, readable, without a name, the PDF says it is PDF/A-2b."""
    async with house(tmp_path) as h:
        await busy(h)
        opened = await h.ask("dora", "access-open", wish="erasure", addresses=["nobody@web.example"], channel="letter")
        number = opened["request"]["id"]
        await h.ask("dora", "access-act", id=number, step="verify", said={"how": "post"})
        await h.ask("dora", "access-act", id=number, step="erase", said={})
        titles = set()
        for kind in KINDS:
            for language in ("de", "en"):
                found = await paper(h, kind, language)
                titles.add(found.title)
                made = {suffix: form(found) for suffix, form in FORMS.items()}
                assert from_dict(json.loads(made[".json"])) == found
                assert list(csv.reader(io.StringIO(made[".csv"].decode())))
                assert f"<html lang={language}>" in made[".html"].decode()
                assert b"<script" not in made[".html"]
                assert made[".pdf"].startswith(b"%PDF-1.7")
                assert b"pdfaid" in made[".pdf"]
                seen = text_of(made[".pdf"])
                assert found.title.split(" (")[0] in seen.replace("\r\n", " ").replace("\n", " ")
                for name in NAMES:
                    assert name not in seen
        assert len(titles) == 2 * len(KINDS)


@pytest.mark.asyncio
async def test_every_store_has_german_words(tmp_path: Path) -> None:
    """Whatever lies where, and a legal hold too: the German papers have no English in them."""
    async with house(tmp_path) as h:
        case = (await h.rooms.hold()).case_id
        await h.ask("dora", "keep", case=case, reason="x", until=f"{NOW + timedelta(days=60):%Y-%m-%d}")
        for kind in ("art30", "works-council", "dpia"):
            text = json.dumps((await paper(h, kind, "de")).as_dict(), ensure_ascii=False)
            for english in (" with ", " until ", " days", "keyed hashes", "forbidden", '"hold"'):
                assert english not in text, (kind, english)


def test_cells_are_text_in_every_spreadsheet() -> None:
    """20 cells that would be formulas, in headings, lines and tables: each gets an apostrophe, none is lost."""
    bad = [
        f"{start}{rest}"
        for start in ("=", "+", "-", "@", "\t")
        for rest in ("1+1", "cmd|' /C calc'!A0", "SUM(A1)", "x")
    ]
    table = Table(tuple(bad[:2]), tuple((each, "y") for each in bad))
    found = Paper("monthly", "en", "t", (), (Section("s", tuple(bad), (table,)),))
    cells = [cell for row in csv.reader(io.StringIO(as_csv(found))) for cell in row]
    assert len(bad) == 20
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert all(f"'{each}" in cells for each in bad)
    assert inert("plain") == "plain"


def test_markup_in_a_title_stays_text() -> None:
    """A rule's title with HTML and with typst's own markup is printed as it is."""
    nasty = '<script>alert(1)</script> #sys.inputs [x] $y$ *z* "q"'
    found = Paper("monthly", "de", "Titel", (nasty,), (Section(nasty, (nasty,), (Table(("a",), ((nasty,),)),)),))
    assert "<script>" not in as_html(found)
    assert "#sys.inputs [x] $y$ *z*" in text_of(as_pdf(found)).replace("\r\n", " ")


@pytest.mark.asyncio
async def test_the_statement_waits_for_the_works_council(tmp_path: Path) -> None:
    """Its hash, acknowledged by the council alone; what changes afterwards is shown line by line."""
    async with house(tmp_path) as h:
        shown: dict[str, Any] = await h.ask("willi", "statement", language="de")
        assert (shown["acknowledged"], shown["changes"]) == (False, [])
        assert (await h.ask("dora", "acknowledge", hash=shown["hash"], language="de"))["reason"] == "no-duty"
        assert (await h.ask("willi", "acknowledge", hash="0" * 64, language="de"))["reason"] == "bad-request"
        assert (await h.ask("willi", "acknowledge", hash=shown["hash"], language="de"))["ok"]
        assert (await h.ask("aud", "statement", language="de"))["acknowledged"] is True
        assert "statement-acknowledged" in await h.events()
        trail = h.rooms.config.trail.model_copy(update={"events_personal": True})
        h.rooms.config = h.rooms.config.model_copy(update={"trail": trail})
        changed = await h.ask("willi", "statement", language="de")
        assert changed["acknowledged"] is False
        assert "+ Ereignisse mit Namen gehen an das SIEM" in changed["changes"]


@pytest.mark.asyncio
async def test_who_may_have_which_report(tmp_path: Path) -> None:
    """Everybody with a duty; the file for the authority is the DPO's; a month that is none is a sentence."""
    async with house(tmp_path) as h:
        assert (await h.ask("willi", "report", kind="monthly", month="", language="de"))["ok"]
        assert (await h.ask("willi", "report", kind="authority", month="", language="de"))["reason"] == "no-duty"
        assert (await h.ask("rita", "report", kind="monthly", month="", language="de"))["reason"] == "no-duty"
        refused = await h.ask("dora", "report", kind="monthly", month="November", language="de")
        assert refused["error"] == "'November' is not a month; write YYYY-MM."
