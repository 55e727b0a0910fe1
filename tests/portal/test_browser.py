# SPDX-License-Identifier: Apache-2.0
"""The pages of the running demo in a real Chromium: every role, both languages, wide and narrow, keyboard, axe-core."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.demo.test_demo import ROOT, _base

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian package chromium)")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDTHS = {"wide": 1280, "narrow": 390}
SERIOUS = {"serious", "critical"}


class Demo:
    """`dlpmilter demo` as a person starts it."""

    def __init__(self, folder: Path) -> None:
        self.base = _base()
        self.url = f"http://127.0.0.1:{self.base + 1}"
        command = [sys.executable, "-m", "dlpmilter", "demo", "--port-base", str(self.base), "--json"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.rows = [json.loads(self.process.stdout.readline())]
        while len(self.rows) < 17:
            self.rows.append(json.loads(self.process.stdout.readline()))
        self.received = next(folder.glob("dlpmilter-demo-*")) / "received"

    def link(self, case: str) -> str:
        """The link in the hold notice of this case, as the mail at the sink has it."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for path in sorted(self.received.iterdir()):
                text = path.read_text(errors="replace").replace("=\n", "").replace("=\r\n", "")
                if found := re.search(rf"http://127\.0\.0\.1:\d+/c/{case}\.[A-Za-z0-9._-]+", text):
                    return found[0]
            time.sleep(0.2)
        raise AssertionError(f"no notice for {case}")

    def stop(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for all tests of this file."""
    running = Demo(tmp_path_factory.mktemp("demo"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def _held(demo: Demo, number: int) -> str:
    """A held mail whose notice went out at once; what a mailbox rule forwarded is told once a day."""
    return str([row["case"] for row in demo.rows if row["result"] == "held" and row["notices"] == ["hold"]][number])


def _fine(page: Any, name: str) -> None:
    """No serious finding of axe-core, nothing wider than the screen, nothing from elsewhere; a picture is kept."""
    from axe_playwright_python.sync_playwright import Axe

    found = [each for each in Axe().run(page).response["violations"] if each["impact"] in SERIOUS]
    assert not found, (name, [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found])
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    kept = os.environ.get("DLPMILTER_SCREENSHOTS")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(kept) / f"{name}.png"), full_page=True)


def _role(page: Any, demo: Demo, part: str) -> None:
    page.goto(f"{demo.url}/play")
    page.click(f"button[value={part}]")


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_of_every_role_is_readable(demo: Demo, browser: Any, language: str, width: str) -> None:
    """Each page: no serious axe finding, no sideways scrolling, its language named, no request to elsewhere."""
    context = browser.new_context(viewport={"width": WIDTHS[width], "height": 800}, locale=language)
    page = context.new_page()
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if demo.url not in request.url else None)
    case = _held(demo, 0)
    page.goto(demo.link(case))
    page.click("button[value=state]")  # nothing filled in: the page with its marked questions
    _fine(page, f"link-{language}-{width}")
    visits = {
        None: ["/sign-in", "/play", "/c/x", "/nowhere"],
        "employee": ["/my", f"/my/{_held(demo, 1)}", "/my/mailboxes", "/my/data"],
        "reviewer": ["/consents", "/queue", f"/queue/{case}", f"/queue/{_held(demo, 2)}?done=claim"],
        "second": ["/queue?urgent=yes"],
        "dpo": ["/overview", "/consents?all=yes", "/queue"],
        "admin": ["/overview"],
    }
    for part, paths in visits.items():
        if part is not None:
            _role(page, demo, part)
        for path in paths:
            page.goto(demo.url + path)
            assert page.locator("html").get_attribute("lang") == language
            _fine(page, f"{part or 'nobody'}{path.partition('?')[0].replace('/', '-')[:24]}-{language}-{width}")
    assert elsewhere == []
    context.close()


def test_an_employee_explains_and_a_reviewer_approves_with_the_keyboard_alone(demo: Demo, browser: Any) -> None:
    """Tab, arrows, space and return from the notice to a delivered mail; two clicks and a reason for the reviewer."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en")
    page = context.new_page()
    case = _held(demo, 3)
    page.goto(demo.link(case))

    def to(selector: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({json.dumps(selector)})"):
                return
        raise AssertionError(f"{selector} cannot be reached with the keyboard")

    for name, key in (("code", "R"), ("whose_data", "C"), ("basis", "A"), ("informed", "Y")):
        if name == "whose_data":
            to("#purpose")
            page.keyboard.type("My laptop is broken, the offer is due")
        to(f"#{name}")
        page.keyboard.press("ArrowDown") if name == "code" else page.keyboard.type(key)
        page.keyboard.press("ArrowDown") if name == "code" else None
    to("button[value=state]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".done, .problem")
    assert page.locator(".done").count() == 1, page.locator(".problem").all_inner_texts()
    _role(page, demo, "reviewer")
    to(f'a[href="/queue/{case}"]')
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/queue/{case}")
    to("#basis")
    page.keyboard.type("A contract")
    to("input[name=checked]")
    page.keyboard.press("Space")
    to("button[value=approve]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue?done=approve")
    page.goto(f"{demo.url}/queue/{case}")
    until = time.monotonic() + 20
    while "delivered" not in page.locator("main").inner_text() and time.monotonic() < until:
        time.sleep(0.3)
        page.reload()
    assert "delivered" in page.locator("main").inner_text()
    context.close()


def test_without_its_reason_nothing_hides_and_with_it_needless_questions_do(demo: Demo, browser: Any) -> None:
    """Wrong recipient asks nothing more; an interest of the company asks which."""
    context = browser.new_context(locale="en")
    page = context.new_page()
    page.goto(demo.link(_held(demo, 4)))
    assert page.locator("#informed").is_visible() and not page.locator("#interest").is_visible()
    page.select_option("#basis", "interest")
    assert page.locator("#interest").is_visible()
    page.select_option("#code", "R8")
    assert not page.locator("#informed").is_visible()
    page.click("button[value=state]")
    assert "withdrawn" in page.locator("main").inner_text()
    context.close()


def test_private_mail_is_opened_with_the_person_beside(demo: Demo, browser: Any) -> None:
    """After "purely private" the page asks the reviewer for a tick before it opens anything."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, locale="de")
    page = context.new_page()
    case = _held(demo, 5)
    page.goto(demo.link(case))
    page.select_option("#code", "R7")
    page.click("button[value=state]")
    assert page.locator(".done").count() == 1
    _role(page, demo, "reviewer")
    page.goto(f"{demo.url}/queue/{case}")
    _fine(page, "reviewer-private-de-narrow")
    page.click("button[value=excerpt]")
    assert page.locator("input[name=together]:invalid").count() == 1  # the browser asks for the tick first
    page.check("input[name=together]")
    page.click("button[value=excerpt]")
    assert page.locator("div.mail").count() == 1
    context.close()
