# SPDX-License-Identifier: Apache-2.0
"""A held mail as a reviewer sees it: nothing acts, nothing comes from elsewhere, nothing breaks the page."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpmilter.content.exhibit import HTML_CHARS, Exhibit, as_page, as_text, exhibit_of, file_name, masked, part_of
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.limits import Limits
from tests.content.payloads_xss import PAYLOADS

LIMITS = Limits()


def _exhibit(mail: bytes) -> Exhibit:
    return exhibit_of(mail, read_structure(mail, LIMITS), LIMITS)


def _part(mail: bytes, path: str) -> tuple[str, bytes] | None:
    return part_of(mail, read_structure(mail, LIMITS), path)


MAIL = (
    b"From: Anna <anna@corp.example>\r\nTo: x@gmx.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"Please call +49 89 1234567 about DE02 1203 0000 0000 2020 51, or write to otto@kunde.example.\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<p onclick=x>Hello <b>you</b><img src=http://t.example/x.gif></p>\r\n"
    b'--b\r\nContent-Type: application/pdf; name="../../etc/pass\xe2\x80\xaewd.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
    b"Content-Disposition: attachment\r\n\r\nJVBERi0=\r\n--b--\r\n"
)


def test_text_first_markup_cleaned_and_files_named() -> None:
    """The whole of a usual mail: heads decoded, text as it is, markup without attributes, a name that is safe."""
    seen = _exhibit(MAIL)
    assert dict(seen.heads)["Subject"] == "Grüße"
    assert "Please call" in seen.text and not seen.cut
    assert "<b>you</b>" in seen.html and "onclick" not in seen.html and "t.example" not in seen.html
    (file,) = seen.enclosed
    assert (file.name, file.type) == ("_.._etc_passwd.pdf", "application/pdf")
    assert _part(MAIL, file.path) == (file.name, b"%PDF-")
    assert _part(MAIL, "9.9") is None


def test_an_excerpt_covers_numbers_accounts_and_addresses() -> None:
    """Words stay, so that a reviewer sees what kind of mail it is."""
    seen = _exhibit(MAIL).excerpt
    assert "Please call" in seen
    assert not re.search(r"\d{2}|@|kunde", seen)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_acts_survives(payload: str) -> None:
    """No tag outside the short list, no attribute at all: there is nothing left that could act."""
    page = as_page(f"<p>before</p>{payload}<p>after</p>")
    body = page.partition("<body>")[2]
    for tag, rest in re.findall(r"<([a-zA-Z!?/][\w-]*)([^>]*)>", body):
        assert not rest.strip(" /"), (tag, rest)
        assert tag.lower().lstrip("/") not in {"script", "style", "img", "a", "svg", "iframe", "form", "input", "math"}


def test_there_are_two_hundred_of_them() -> None:
    """The figure of the issue."""
    assert len(set(PAYLOADS)) >= 200


def test_markup_that_would_keep_a_sanitiser_busy_is_shown_as_text() -> None:
    """A hundred thousand open tags, and markup beyond the limit, are answered at once."""
    start = time.monotonic()
    for evil in ("<div>" * 100_000, "<b><i>" * 25_000, "x" * (HTML_CHARS + 1), "<table>" * 40_000, "<a" * 150_000):
        assert as_page(evil) == "" or len(as_page(evil)) < 2 * HTML_CHARS
        assert len(as_text(evil)) <= len(evil)
    assert time.monotonic() - start < 60  # seconds, not minutes: a page waits for it


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=3000))
def test_any_octets_make_an_exhibit(data: bytes) -> None:
    """Whatever a mail is, a page can be made of it."""
    seen = _exhibit(data)
    assert len(seen.text) <= 3000 and len(seen.excerpt) <= 1_500


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_mail_with_changed_octets_makes_an_exhibit(data: st.DataObject) -> None:
    """Flipped octets in headers, boundaries and encodings change what is seen, never whether it can be."""
    mail = bytearray(MAIL)
    for _ in range(data.draw(st.integers(1, 12))):
        mail[data.draw(st.integers(0, len(mail) - 1))] = data.draw(st.integers(0, 255))
    seen = _exhibit(bytes(mail))
    for each in seen.enclosed:
        _part(bytes(mail), each.path)


@given(st.text(max_size=300))
def test_a_name_is_one_safe_line(name: str) -> None:
    """No folder, no control, no turn of writing, not hidden, not long."""
    safe = file_name(name)
    assert len(safe) <= 120 and not re.search(r"[\\/\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", safe)
    assert not safe.startswith(".")


@given(st.text(max_size=500))
def test_masking_leaves_no_long_number(text: str) -> None:
    """Three digits in a row never stand in an excerpt."""
    assert not re.search(r"\d{3}", masked(text))
