# SPDX-License-Identifier: Apache-2.0
"""Looking into a held mail: step by step, recorded first, seen by the sender, and never an act of the mail itself."""

from __future__ import annotations

import asyncio
import html
import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.audit import trail
from dlpmilter.holds.notify import Notifier
from tests.content.payloads_xss import PAYLOADS
from tests.holds.house import HEAD
from tests.portal.house import portal, post
from tests.portal.test_browser import CHROMIUM, FLAGS

RITA = "rita@company.example"
HEADS = HEAD.rpartition(b"\r\n\r\n")[0]


def _with_file() -> bytes:
    return HEADS % (9001, 9001) + (
        b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
        b"The customer's number is 4711081500.\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Rich <b>text</b></p>\r\n"
        b'--b\r\nContent-Type: text/html; name="evil.html"\r\nContent-Disposition: attachment\r\n\r\n'
        b"<script>alert(1)</script>\r\n--b--\r\n"
    )


async def _openings(house: Any, case: str) -> list[str]:
    entries = await house.rooms.database.read(lambda conn: trail.of_case(conn, case))
    return [str(fields["stage"]) for row, fields in entries if row.event == "content-opened"]


@pytest.mark.asyncio
async def test_each_step_is_recorded_and_the_sender_sees_that_somebody_looked(tmp_path: Path) -> None:
    """Excerpt, text, markup, file: four records; the case page alone shows and records nothing."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold(message=_with_file())).case_id
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        page = (await rita.get(f"/queue/{case}")).text
        assert "4711081500" not in page and await _openings(house, case) == []
        assert (await rita.get(f"/queue/{case}/content")).status_code == 405
        excerpt = (await post(rita, f"/queue/{case}/content", stage="excerpt")).text
        assert "number is" in excerpt and "4711081500" not in excerpt
        whole = (await post(rita, f"/queue/{case}/content", stage="text")).text
        assert "4711081500" in whole
        part = re.search(r'name="part" value="([^"]+)"', whole)
        assert part is not None
        framed = (await post(rita, f"/queue/{case}/content", stage="html")).text
        assert re.search(r'<iframe sandbox="" srcdoc="[^"<]*&lt;b&gt;text', framed)
        file = await post(rita, f"/queue/{case}/content", stage="part", part=part[1])
        assert file.headers["content-type"] == "application/octet-stream"
        assert (
            file.headers["content-disposition"].startswith("attachment;")
            and "sandbox" in file.headers["content-security-policy"]
        )
        assert b"alert(1)" in file.content
        assert await _openings(house, case) == ["excerpt", "text", "html", "part"]
        async with house.client() as sender:
            seen = (await sender.get(house.link(case))).text
        assert seen.count("a person who decides") == 4 and RITA not in seen


@pytest.mark.asyncio
async def test_who_may_not_decide_may_not_look(tmp_path: Path) -> None:
    """Another pool, the sender, the link, the admin: 403 and no record; sealed and protected mail: a sentence."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        others = [
            await house.signed_in("otto@company.example", "reviewer", pools=("second-opinion",)),
            await house.signed_in("anna.berg@company.example", "reviewer", pools=("privacy",)),
            await house.signed_in("admin@company.example", "admin", pools=("privacy",)),
        ]
        for client in others:
            for stage in ("excerpt", "text", "html", "part", "nonsense"):
                answer = await post(client, f"/queue/{case}/content", stage=stage, part="1")
                assert answer.status_code == 403
        assert await _openings(house, case) == []
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        for code, words in (("R5", "under seal"), ("R6", "nobody")):
            kept = (await house.rooms.hold()).case_id
            async with house.client() as sender:
                await sender.post(house.link(kept), data={"act": "state", "code": code})
            answer = await post(rita, f"/queue/{kept}/content", stage="text")
            assert answer.status_code == 409 and words in answer.text
            assert await _openings(house, kept) == []


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian package chromium)")
@pytest.mark.asyncio
async def test_in_a_browser_no_held_mail_acts_or_asks_for_anything(tmp_path: Path) -> None:
    """Over 200 mails with markup that would act, each on its real page: no script, no dialog, no request."""
    from playwright.async_api import async_playwright

    async with portal(tmp_path) as house, async_playwright() as playwright:
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        token = re.search(r'name="csrf" value="([0-9a-f]+)"', (await rita.get("/my/mailboxes")).text)
        assert token is not None
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        asked: list[str] = []
        dialogs: list[str] = []
        served = ""

        async def answer(route: Any) -> None:
            if route.request.url == "http://portal.test/case":
                headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
                await route.fulfill(body=served, headers=headers)
                return
            if not route.request.url.endswith("/static/style.css"):
                asked.append(route.request.url)
            await route.abort()

        await page.route("**/*", answer)
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        for number, payload in enumerate(PAYLOADS):
            head = HEADS % (20_000 + number, 20_000 + number)
            mail = (
                head
                + b"\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>before</p>"
                + payload.encode()
                + b"<p>after</p>\r\n"
            )
            case = (await house.rooms.hold(message=mail)).case_id
            for stage in ("html", "text"):
                shown = await rita.post(f"/queue/{case}/content", data={"csrf": token[1], "stage": stage})
                assert shown.status_code == 200
                served, policy = shown.text, shown.headers["content-security-policy"]
                await page.goto("http://portal.test/case")
                titles = [await frame.title() for frame in page.frames]
                assert not any("ACTED" in title for title in titles), payload
                if stage == "html" and "<iframe" in served:
                    framed = re.search(r'srcdoc="([^"]*)"', served)
                    assert framed is not None and "before" in html.unescape(framed[1])
        assert (asked, dialogs) == ([], [])
        await browser.close()


@pytest.mark.asyncio
async def test_what_is_sealed_or_protected_shows_no_subject_to_reviewers(tmp_path: Path) -> None:
    """Before, the case page shows it; after R5 or R6 neither subject nor a way to the content is there."""
    async with portal(tmp_path) as house:
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        for code in ("R5", "R6"):
            case = (await house.rooms.hold()).case_id
            assert "Grüße" in (await rita.get(f"/queue/{case}")).text
            async with house.client() as sender:
                await sender.post(house.link(case), data={"act": "state", "code": code})
            after = (await rita.get(f"/queue/{case}")).text
            assert "Grüße" not in after and 'value="excerpt"' not in after and "stays closed" in after


@pytest.mark.asyncio
async def test_a_mail_that_breaks_its_worker_is_shown_as_unclear(tmp_path: Path) -> None:
    """The structure is read in a process of its own: when it is killed, the page says so, and the next mail is fine."""
    async with portal(tmp_path) as house:
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        case = (await house.rooms.hold(message=_with_file())).case_id
        assert "number is" in (await post(rita, f"/queue/{case}/content", stage="text")).text
        (pid,) = house.site.inspector.pids
        os.kill(pid, signal.SIGSTOP)
        hurry = asyncio.get_running_loop().call_later(0.5, os.kill, pid, signal.SIGKILL)
        broken = await post(rita, f"/queue/{case}/content", stage="text")
        hurry.cancel()
        assert broken.status_code == 200 and "parts of it could not be read" in broken.text
        assert "number is" in (await post(rita, f"/queue/{case}/content", stage="text")).text


@pytest.mark.asyncio
async def test_private_mail_is_opened_only_together_with_the_person(tmp_path: Path) -> None:
    """After R7 the page hides the subject and opens nothing unless the reviewer ticks that the person is there."""
    async with portal(tmp_path) as house:
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        case = (await house.rooms.hold()).case_id
        assert "Grüße" in (await rita.get(f"/queue/{case}")).text
        async with house.client() as sender:
            await sender.post(house.link(case), data={"act": "state", "code": "R7"})
        page = (await rita.get(f"/queue/{case}")).text
        assert "Grüße" not in page and 'name="together"' in page
        answer = await post(rita, f"/queue/{case}/content", stage="text")
        assert answer.status_code == 409 and "open it together" in answer.text
        assert await _openings(house, case) == []
        answer = await post(rita, f"/queue/{case}/content", stage="text", together="yes")
        assert answer.status_code == 200 and "Dear customer" in answer.text
        assert len(await _openings(house, case)) == 1


@pytest.mark.asyncio
async def test_evidence_opens_with_two_keys_on_two_pages(tmp_path: Path) -> None:
    """The person asks after signing in, the office agrees; both see it for a day, the link alone opens nothing."""
    async with portal(tmp_path) as house:
        rooms = house.rooms
        assert rooms.policy.governance is not None
        rooms.policy = replace(
            rooms.policy, governance=replace(rooms.policy.governance, evidence_pool="second-opinion")
        )
        rooms.notifier = Notifier.build(rooms.config, rooms.policy, rooms.keyring)
        object.__setattr__(house.site.in_force, "current", rooms.policy)
        case = (await rooms.hold()).case_id
        async with house.client() as link:
            await link.post(house.link(case), data={"act": "state", "code": "R5"})
            assert "under seal" in (await link.get(house.link(case))).text
            away = await link.post(house.link(case), data={"act": "ask-open"})
            assert away.headers["location"] == f"/sign-in?to=/my/{case}"
        anna = await house.signed_in("anna.berg@company.example", "employee")
        olga = await house.signed_in("olga@company.example", "reviewer", pools=("second-opinion",))
        assert (await post(anna, f"/my/{case}", act="own")).status_code == 403
        assert (await post(anna, f"/my/{case}", act="ask-open")).status_code == 303
        page = (await olga.get(f"/queue/{case}")).text
        assert "asks to open it together" in page and 'name="stage"' not in page
        assert (await post(olga, f"/queue/{case}", act="grant-open")).headers["location"].endswith("done=grant-open")
        assert 'name="stage"' in (await olga.get(f"/queue/{case}")).text
        assert "Dear customer" in (await post(olga, f"/queue/{case}/content", stage="text")).text
        file = await post(anna, f"/my/{case}", act="own")
        assert file.headers["content-disposition"].startswith("attachment") and b"Dear customer" in file.content
        assert len(await _openings(house, case)) == 2
