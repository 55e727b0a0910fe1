# SPDX-License-Identifier: Apache-2.0
"""The HTML of a notice: the words of its plain text, accessible, and nothing that acts or comes from elsewhere."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.notices.compose import compose
from dlpmilter.notices.facts import Language, NoticeKind
from dlpmilter.notices.page import alternative
from tests.notices.samples import LATER, LETTERHEAD, NOW, facts, page_of, parsed, plain_of

ALLOWED = set("html head meta title style body h1 h2 p ul li a section".split())


class Outline(HTMLParser):
    """Tags in order, their attributes, the text of the body, whether everything is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and not {"title", "style", "h1", "h2"} & set(self.open):
            self.text.append(data)


def words(text: str) -> list[str]:
    """The words of a text without what only lays it out."""
    return [each for each in re.sub(r"(?m)^\* |_{5,}", " ", text).split() if each != "·"]


@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_says_what_the_text_says(kind: NoticeKind, language: Language) -> None:
    """Word by word, in order; title and first heading are the subject's words; one language is declared."""
    given_facts = facts(
        deadline=LATER, content_until=LATER, decision_reason="<b>Zu groß & geheim</b>", person_name='A "<x>" B',
        alternatives={"de": "Ablage https://ablage.firma.example/x?a=1&b=2.", "en": "share https://ablage.firma.example/x?a=1&b=2."},
    )  # fmt: skip
    raw = compose(kind, given_facts, language, letterhead=LETTERHEAD, now=NOW)
    page = page_of(raw)
    outline = Outline(page)
    assert words("".join(outline.text)) == words(plain_of(raw))
    assert not outline.open
    assert {tag for tag, _ in outline.tags} <= ALLOWED
    assert [tag for tag, _ in outline.tags].count("h1") == 1
    assert outline.tags[0] == ("html", {"lang": language})
    assert "<b>Zu" not in page


def test_two_languages_are_two_sections_with_headings() -> None:
    """A screen reader changes its voice, and the second language is one jump away."""
    page = page_of(compose("hold", facts(deadline=LATER), ("de", "en"), letterhead=LETTERHEAD, now=NOW))
    assert [attributes["lang"] for tag, attributes in Outline(page).tags if tag == "section"] == ["de", "en"]
    assert page.index('<a href="#en" lang="en">English</a>') < page.index("Guten Tag") < page.index("<h2>English</h2>")


def test_nothing_acts_and_nothing_comes_from_elsewhere() -> None:
    """Links are shown as what they are and lead to https only; no picture, form, script, frame or event."""
    where = {"de": "https://ablage.firma.example/a und http://x.example javascript:alert(1)", "en": "x"}
    page = page_of(compose("hold", facts(deadline=LATER, alternatives=where), "de", letterhead=LETTERHEAD, now=NOW))
    links = [attributes["href"] for tag, attributes in Outline(page).tags if tag == "a"]
    assert links == ["https://ablage.firma.example/a"]
    assert not re.search(r"(?i)<(img|form|script|iframe|link|object|svg)|\bon\w+=|url\(|@import", page)


def test_plain_text_comes_first_and_both_are_ascii() -> None:
    """RFC 2046: the last part is the one to prefer; lines stay short, no next hop needs 8BITMIME."""
    raw = compose("hold", facts(deadline=LATER), ("de", "en"), letterhead=LETTERHEAD, now=NOW)
    mail = parsed(raw)
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert not mail.defects and raw.isascii() and max(map(len, raw.split(b"\r\n"))) <= 998


@given(st.text(max_size=400))
def test_any_text_stays_text(text: str) -> None:
    """Whatever somebody types, no tag of his reaches the page, and the boundary never stands inside a part."""
    safe = text.encode("utf-8", "ignore").decode()
    made = alternative(safe, safe, [safe], ["en"])
    head, _, rest = made.partition("\r\n\r\n")
    boundary = re.findall(r'boundary="([^"]+)"', head)[0]
    assert rest.count(f"--{boundary}") == 3
    page = page_of(f"Subject: x\r\n{made}".encode())
    inside = page[page.index("<section") : page.index("</section>")]
    assert {tag for tag, _ in Outline(inside).tags} <= {"section", "p", "ul", "li", "a"}
    assert (
        html.unescape(page).count("<script") == safe.count("<script") * html.unescape(page).count(safe)
        or "<script" not in safe
    )
