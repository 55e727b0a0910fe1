# SPDX-License-Identifier: Apache-2.0
"""Header injection is impossible (hop.md threat 6) and marks cannot be forged (threats 7 and 20)."""

from __future__ import annotations

import email.header
import hashlib
import hmac
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.notices import headers
from dlpmilter.notices.compose import compose
from dlpmilter.notices.mark import is_own_notice, notice_mark
from tests.notices.samples import KEY, LETTERHEAD, NOW, facts, parsed

BREAKS = [
    "\r\n",
    "\n",
    "\r",
    "\r\n ",
    "\n\t",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\x00",
]
INJECTED = [
    "Bcc: x@y.example",
    "From: a@b.example",
    "Content-Type: text/html",
    "\r\n\r\nbody",
    "X-Dlpmilter-Notice: v1 a b c",
]
WRAPPED = ["Re: {0}{1}", "{0}{1}", "=?utf-8?q?a=0D=0A{1}?={0}", "=?utf-8?b?DQpCY2M6IHhAeS5leGFtcGxl?={0}{1}", "\ud83d{0}{1}\udfff"]  # fmt: skip
PAYLOADS = [shape.format(end, field) for shape, end, field in itertools.product(WRAPPED, BREAKS, INJECTED)]

EXPECTED = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
    "X-Dlpmilter-Notice", "Content-Language", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
]  # fmt: skip


def test_there_are_many_payloads() -> None:
    """The matrix below is as large as hop.md asks."""
    assert len(PAYLOADS) >= 300


@pytest.mark.parametrize("field", ["subject", "person_name", "message_id"])
def test_no_payload_adds_a_header(field: str) -> None:
    """Whatever stands in subject, name or Message-ID, the field names are exactly ours, and no body moves up."""
    for payload in PAYLOADS:
        raw = compose("hold", facts(**{field: payload}), "de", letterhead=LETTERHEAD, now=NOW)
        head = raw.split(b"\r\n\r\n", 1)[0]
        names = [line.split(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] not in b" \t"]
        assert names == EXPECTED, payload
        assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")


def test_encoded_words_of_a_stranger_are_shown_not_decoded() -> None:
    """A subject that spells an encoded word arrives as these letters, so nothing hides in it."""
    line = headers.text_field("Subject", "=?utf-8?q?a=0D=0ABcc:_x?=")
    decoded = str(email.header.make_header(email.header.decode_header(line.removeprefix("Subject: ").strip())))
    assert decoded == "=?utf-8?q?a=0D=0ABcc:_x?="


@given(st.text(max_size=400), st.integers(2, 200))
def test_clean_text_is_one_short_printable_line(text: str, limit: int) -> None:
    """For any text: no control, format or surrogate character, no line break, never longer than asked."""
    line = headers.clean(text, limit)
    assert len(line) <= limit
    assert line.isprintable() or not line
    assert line == headers.clean(line, limit)


@given(st.text(max_size=300))
def test_text_fields_fold_correctly_and_come_back(text: str) -> None:
    """Each line is short ASCII, continuation lines are indented, and a reader sees the cleaned text."""
    field = headers.text_field("Subject", text)
    assert field.isascii() and field.endswith("\r\n")
    lines = field[:-2].split("\r\n")
    assert all(each[0] in " \t" for each in lines[1:])
    assert all(len(each) <= 998 for each in lines)
    value = field.removeprefix("Subject: ").replace("\r\n", "")
    shown = str(email.header.make_header(email.header.decode_header(value)))
    assert " ".join(shown.split()) == headers.clean(text)


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "ä", "a\x00"])
def test_token_fields_take_only_printable_ascii(value: str) -> None:
    """Our own values are checked too."""
    with pytest.raises(ValueError, match="printable"):
        headers.token_field("X-A", value)


def test_a_display_name_cannot_change_the_address() -> None:
    """Angle brackets, quotes and commas in a name disappear."""
    line = headers.address_field("To", "anna@firma.example", 'Eve" <eve@x.example>, Bob')
    assert line == "To: Eve evexexample Bob <anna@firma.example>\r\n"


def test_an_own_mark_is_recognised() -> None:
    """The mark of a composed notice verifies, folded or not, as bytes or text."""
    mark = notice_mark("K7", "hold", KEY)
    assert is_own_notice(mark, KEY)
    assert is_own_notice(b" " + mark.replace(" ", "\r\n ").encode() + b"\r\n", KEY)
    mail = parsed(compose("hold", facts(), "de", letterhead=LETTERHEAD, now=NOW))
    assert is_own_notice(mail["X-Dlpmilter-Notice"], KEY)


def test_a_foreign_mark_is_not() -> None:
    """Other keys, cases, kinds, versions, plain hashes, lengths and types never verify."""
    mark = notice_mark("K7", "hold", KEY)
    seal = mark.split()[-1]
    forged = [
        notice_mark("K7", "hold", b"x" * 32), f"v1 K8 hold {seal}", f"v1 K7 approved {seal}", f"v2 K7 hold {seal}",
        f"v1 K7 hold {seal[:-1]}", f"v1 K7 hold {seal}0", f"v1 K7 hold {seal.upper()}", "", "v1", mark + " extra",
        f"v1 K7 hold {hashlib.sha256(b'K7hold').hexdigest()}", f"v1 K7 hold {hmac.new(KEY, b'K7 hold', 'sha256').hexdigest()}",
        "ä" * 300, mark.replace("v1", "v1\x00"),
    ]  # fmt: skip
    assert not [each for each in forged if is_own_notice(each, KEY)]
    assert not is_own_notice(None, KEY)
