# SPDX-License-Identifier: Apache-2.0
"""Every act of every role with the keyboard alone, on the running demo: both languages, wide and narrow."""

from __future__ import annotations

import itertools
import smtplib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.portal.test_browser import CHROMIUM, FLAGS, WIDTHS, Demo, _role

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian package chromium)")
FORWARD = "-----Original Message-----\r\nFrom: kunde@partner.example\r\nSent: today\r\nTo: a\r\nSubject: b\r\n\r\nx\r\n"
_numbers = itertools.count(1)


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


def hold(demo: Demo) -> str:
    """One more held mail, of a person of its own so that its notice leaves at once; the number of its case."""
    number = next(_numbers)
    sender, to = f"person.nr{number}@company.example", f"friend{number}@gmx.de"
    text = f"From: {sender}\r\nTo: {to}\r\nSubject: Fwd: x\r\nMessage-ID: <kb{number}@company.example>\r\n\r\n{FORWARD}"
    with smtplib.SMTP("127.0.0.1", demo.base, timeout=60) as server:
        server.ehlo()
        server.mail(sender)
        server.rcpt(to)
        code, said = server.data(text)
    assert code == 250, said
    return said.decode().split()[1]


class Hands:
    """A person without a mouse."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def to(self, selector: str) -> None:
        """Tab until this has the focus."""
        for _ in range(150):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector} cannot be reached with the keyboard on {self.page.url}")

    def press(self, selector: str, key: str = "Enter") -> None:
        """Use a button, a link, a summary or a box."""
        self.to(selector)
        self.page.keyboard.press(key)

    def write(self, selector: str, text: str) -> None:
        """Fill in a field."""
        self.to(selector)
        self.page.keyboard.type(text)

    def choose(self, selector: str, steps: int) -> None:
        """The n-th answer of a list."""
        self.to(selector)
        for _ in range(steps):
            self.page.keyboard.press("ArrowDown")

    def act(self, selector: str, done: str) -> None:
        """Use a button; the next page says that it is done, and nothing on it is wider than the screen."""
        self.to(selector)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        assert self.page.url.endswith(f"done={done}"), self.page.locator("main").inner_text()[:500]
        assert self.page.locator(".done").count() == 1
        width = self.page.viewport_size["width"]
        assert self.page.evaluate("document.documentElement.scrollWidth") <= width, self.page.url


def _employee(hands: Hands, demo: Demo) -> str:
    """Take back, own mailbox, more time, explain, evidence; the case that was explained."""
    page = hands.page
    for act in ("withdraw", "to-mailbox"):
        page.goto(demo.link(hold(demo)))
        hands.act(f"button[value={act}]", act)
    page.goto(demo.link(hold(demo)))
    hands.choose("#code", 5)  # evidence
    hands.act("button[value=state]", "state")
    hands.act("button[value=renew]", "renew")
    case = hold(demo)
    page.goto(demo.link(case))
    hands.act("button[value=extend]", "extend")
    page.goto(demo.link(case))
    hands.choose("#code", 1)
    hands.write("#purpose", "My laptop is broken")
    for each in ("#whose_data", "#basis", "#informed"):
        hands.choose(each, 1)
    hands.act("button[value=state]", "state")
    _role(page, demo, "employee")
    page.goto(f"{demo.url}/my/mailboxes")
    hands.write("#address", f"own{next(_numbers)}@gmx.de")
    hands.act("button[value=add]", "mailbox")
    hands.act("button[value=remove]", "mailbox")
    return case


def _reviewer(hands: Hands, demo: Demo, case: str) -> str:
    """Look, take, hand back, refuse, decide two at once; the case that was refused."""
    page = hands.page
    _role(page, demo, "reviewer")
    page.goto(f"{demo.url}/queue/{case}")
    hands.press("button[value=excerpt]")
    page.wait_for_selector("div.mail")
    hands.press("button[value=text]")
    page.wait_for_selector("dl dt[lang=en]")
    page.goto(f"{demo.url}/queue/{case}")
    hands.press("details summary")
    hands.act("button[value=claim]", "claim")
    hands.press("details summary")
    hands.write("#why", "I know her well")
    hands.act("button[value=hand-over]", "hand-over")
    page.goto(f"{demo.url}/queue/{case}")
    hands.write("#reason-text", "Please use the share.")
    hands.act("button[value=reject]", "reject")
    several = [hold(demo), hold(demo)]
    page.goto(f"{demo.url}/queue?order=newest")
    for each in sorted(several, key=page.content().index):
        hands.press(f'input[name=case][value="{each}"]', "Space")
    hands.choose("#basis", 1)
    hands.press("input[name=checked]", "Space")
    hands.act("button[value=approve]", "approve")
    return case


def _second(hands: Hands, demo: Demo, case: str) -> None:
    """The person disagrees, somebody else approves, the person says when it is deleted there."""
    page = hands.page
    page.goto(demo.link(case))
    hands.write("#text", "The customer waits.")
    hands.act("button[value=appeal]", "appeal")
    _role(page, demo, "second")
    page.goto(f"{demo.url}/queue/{case}")
    hands.choose("#basis", 1)
    hands.press("input[name=checked]", "Space")
    hands.act("button[value=approve]", "approve")
    for _ in range(60):
        page.goto(demo.link(case))
        if page.locator("button[value=attest]").count():
            break
        page.wait_for_timeout(300)
    hands.act("button[value=attest]", "attest")


def _consents(hands: Hands, demo: Demo) -> None:
    """An agreement: proposed by one, signed and ended by another; filters of the queue and the way out."""
    page = hands.page
    _role(page, demo, "reviewer")
    page.goto(f"{demo.url}/consents")
    hands.press("details summary")
    hands.write("#a-senders", f"person.nr{next(_numbers)}@company.example")
    hands.write("#a-recipients", "freelancer@gmx.de")
    hands.write("#a-purpose", "Project work")
    hands.write("#a-ends", "12312026")
    hands.act("button[value=propose]", "propose")
    _role(page, demo, "dpo")
    page.goto(f"{demo.url}/consents")
    hands.act("button[value=sign]", "sign")
    hands.act("button[value=revoke]", "revoke")
    _role(page, demo, "reviewer")
    page.goto(f"{demo.url}/queue")
    hands.choose("#state", 1)
    hands.press("form.filters button")
    page.wait_for_url("**state=*")
    hands.press('form[action="/sign-out"] button')
    page.wait_for_url("**/sign-in*")


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_act_of_every_role_needs_no_mouse(demo: Demo, browser: Any, language: str, width: str) -> None:
    """Employee, reviewer, second reviewer, data protection officer: Tab, arrows, space and return."""
    context = browser.new_context(viewport={"width": WIDTHS[width], "height": 800}, locale=language)
    hands = Hands(context.new_page())
    case = _employee(hands, demo)
    _second(hands, demo, _reviewer(hands, demo, case))
    _consents(hands, demo)
    context.close()
