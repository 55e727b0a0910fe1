# SPDX-License-Identifier: Apache-2.0
"""Octets to every text somebody could read: declared, detected, raw; names of other codecs never count."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.mime.charsets import decode_text, normalise

TEXT = "Konto DE89370400440532013000, Grüße"


@pytest.mark.parametrize(
    "charset", ["utf-8", "iso-8859-15", "windows-1252", "utf-16", "utf-16-be", "utf-32-le", "utf-7", "cp037", "cp273"]
)
def test_a_declared_charset_is_read_first(charset: str) -> None:
    """What was declared truly is the text itself, without a problem."""
    found = decode_text(TEXT.encode(charset), charset)
    assert (found.text, found.problems) == (TEXT, ())


@pytest.mark.parametrize(
    "charset", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-be", "utf-7", "cp500", "cp850", "mac-roman"]
)
@pytest.mark.parametrize("declared", ["", "us-ascii", "utf-8"])
def test_a_charset_nobody_declared_is_detected(charset: str, declared: str) -> None:
    """One of the readings is the text; UTF-16, UTF-7, EBCDIC and old PC charsets betray themselves."""
    readings = [normalise(reading) for reading in decode_text(TEXT.encode(charset), declared).readings]
    wanted = TEXT if charset not in ("cp850", "mac-roman") or not declared else "DE89370400440532013000"
    assert any(wanted in reading for reading in readings)


@pytest.mark.parametrize(
    "charset", ["iso2022_jp", "iso2022_kr", "hz", "gb18030", "shift_jis", "euc-jp", "big5", "koi8-r", "cp1251"]
)
def test_east_asian_and_cyrillic_texts_keep_their_latin_signs(charset: str) -> None:
    """Declared or not, an account number in such a text is found."""
    octets = ("漢字" if charset[0] not in "kc" else "Привет").encode(charset, "ignore") + b" DE89370400440532013000"
    for declared in (charset, "", "utf-8"):
        assert any("DE89370400440532013000" in normalise(each) for each in decode_text(octets, declared).readings)


@pytest.mark.parametrize(
    "name", ["unicode_escape", "punycode", "rot13", "idna", "zlib", "base64", "x-strange", "a\0b", "../x"]
)
def test_other_codecs_are_no_charsets(name: str) -> None:
    """A name from the mail never picks one of Python's other codecs: the raw signs stay, with a problem."""
    found = decode_text(b"\\x41 abc", name)
    assert found.problems == ("unknown-charset",)
    assert found.text == "\\x41 abc"


@pytest.mark.parametrize(
    ("octets", "charset"), [(b"\xff\xff\xff", "gb18030"), (b"\xe4b\xe4", "utf-16"), (b"\x81", "shift_jis")]
)
def test_octets_nobody_can_read_are_a_problem(octets: bytes, charset: str) -> None:
    """Where no other reading shows what the declared one would, the part is uninspectable."""
    assert decode_text(octets, charset).problems == ("charset-does-not-fit",)


@pytest.mark.parametrize("octets", [b"Gr\xfc\xdfe", b"Gr\xc3\xbc\xc3\x9fe", b"abc", b""])
@pytest.mark.parametrize("charset", ["", "us-ascii", "utf-8", "iso-8859-1"])
def test_usual_slips_are_no_problem(octets: bytes, charset: str) -> None:
    """German letters under a wrong label are daily bread."""
    assert decode_text(octets, charset).problems == ()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("D\u00adE\u200b8\u20609\ufeff", "DE89"), ("ＤＥ８９", "DE89"), ("D\u034fE\ufe0f8\U000e00419", "DE89"), ("DE \r\n89", "DE 89"),
        ("DE\r\n89", "DE\r\n89"), ("𝐃𝐄𝟖𝟗", "DE89"), ("Dx\x08E89", "DE89"), ("D\x00E89", "DE89"), ("Müller", "Müller"), ("ﬁx", "fix"),
        ("\u202eDE89\u202c", "DE89"), ("a \r\n> b", "a \r\n> b"),
    ],
)  # fmt: skip
def test_the_form_for_scanning_has_no_disguise(text: str, plain: str) -> None:
    """Invisible signs go, compatibility forms become plain ones, flowed lines are joined, quotes are not."""
    assert normalise(text) == plain


@pytest.mark.parametrize(
    "piece",
    [
        b"+",
        b"+abc",
        b"~",
        b"~{",
        b"\x1b$B",
        b"\xc0\x80",
        b"\xff",
        b"\0a",
        b"a\0\0\0",
        b"+AAA \n",
        b"\x81\x82",
        b"\xe0\x80\x80",
    ],
)
def test_hostile_octets_cost_little(piece: bytes) -> None:
    """A long run of shifts, marks and broken sequences is read in linear time."""
    octets = piece * (200_000 // len(piece))
    start = time.process_time()
    for charset in ("", "utf-8", "utf-7", "iso-2022-jp", "gb18030"):
        for reading in decode_text(octets, charset).readings:
            normalise(reading)
    assert time.process_time() - start < 30  # quadratic would take minutes


@given(
    st.binary(max_size=400),
    st.one_of(st.text(max_size=20), st.sampled_from(["utf-7", "utf-16", "hz", "iso-2022-kr", "cp037", "gb18030"])),
)
def test_any_octets_become_texts(octets: bytes, charset: str) -> None:
    """Nothing raises, and plain ASCII is in one of the readings whatever was declared."""
    found = decode_text(octets, charset)
    for reading in found.readings:
        normalise(reading)
    if octets.isascii() and octets.isalnum():
        assert octets.decode() in found.readings
