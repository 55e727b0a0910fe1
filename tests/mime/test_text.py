# SPDX-License-Identifier: Apache-2.0
"""Words, charsets and HTML: right on ordinary input, linear on hostile input."""

from __future__ import annotations

import html
import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.mime.text import charset_text, decode_base64, decode_body, decode_words, html_text, knows_charset


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"=?utf-8?q?M=C3=BCller?=", "Müller"),
        (b"=?iso-8859-1?Q?Gr=FC=DFe_aus?= =?iso-8859-1?Q?_K=F6ln?=", "Grüße aus Köln"),
        (b"=?utf-8?b?w6Q=?= plain =?utf-8?b?w7Y=?=", "ä plain ö"),
        (b"=?utf-8?b?w?= =?utf-8?b?6Q=?=", ""),
        (b"=?UTF-8*de?Q?WG=3A_x?=", "WG: x"),
        ("WG: Größe".encode(), "WG: Größe"),
        (b"W\xfcrde", "Würde"),
        (b"=?unknown?q?abc?=", "abc"),
        (b"=?utf-8?q?broken", "=?utf-8?q?broken"),
    ],
)
def test_header_words(value: bytes, text: str) -> None:
    """RFC 2047 words in any mix become text; broken ones stay or vanish, nothing raises."""
    if text:
        assert decode_words(value) == text
    else:
        decode_words(value)


def test_a_character_split_over_two_words_is_joined() -> None:
    """Programs cut in the middle of an UTF-8 character; neighbours of one charset are joined first."""
    assert decode_words(b"=?utf-8?q?=C3?= =?utf-8?q?=BC?=") == "ü"


@pytest.mark.parametrize("name", ["unicode_escape", "punycode", "rot13", "idna", "base64", "zlib", "x\0y", "nix"])
def test_codecs_that_are_no_charsets_are_not_used(name: str) -> None:
    """A charset name from the mail never picks one of Python's other codecs."""
    assert not knows_charset(name)
    assert charset_text(b"\\x41 abc", name)[0] == "\\x41 abc"


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF8", "iso-8859-15", "windows-1252", "utf-16", "koi8-r", "shift_jis", "gb2312", "utf-7"]
)
def test_charsets_of_real_mail_are_known(name: str) -> None:
    """What mail programs declare is decoded by what they declare."""
    assert knows_charset(name)


def test_base64_is_read_like_a_forgiving_mail_program() -> None:
    """Junk and missing padding do not hide the text."""
    assert decode_base64(b"aGFs!!\r\nbG8") == b"hallo"
    assert decode_body(b"ha=\r\nllo =3D \r\n", "quoted-printable").startswith(b"hallo =")


def test_html_becomes_lines() -> None:
    """Breaks, cells and entities are kept; styles and scripts are not text."""
    text = html_text(
        "<head><title>t</title></head><p>Von: <b>A &lt;a@b.example&gt;</b><br>An:&nbsp;B</p><script>x<y</script>c"
    )
    assert text.split("\n") == ["", "Von: A <a@b.example>", "An: B", "c"] or "Von: A <a@b.example>\nAn: B" in text
    assert "x<y" not in text
    assert "t" not in text.split()


@pytest.mark.parametrize(
    "markup",
    [
        "<!--" * 20_000,
        "<a " * 100_000,
        "<script>" * 50_000,
        "<" * 200_000,
        "<style><p " * 20_000,
        "<!" * 100_000,
        "&" * 200_000,
    ],
)
def test_hostile_html_is_linear(markup: str) -> None:
    """Open comments and tags without end cost one look each, not one search of the rest."""
    start = time.process_time()
    html_text(markup)
    assert time.process_time() - start < 1


@given(st.binary(max_size=500), st.text(max_size=20))
def test_any_octets_become_text(octets: bytes, name: str) -> None:
    """Neither words nor charsets nor HTML ever raise."""
    decode_words(octets)
    charset_text(octets, name)
    html_text(octets.decode("latin-1"))
    decode_body(octets, "base64")
    decode_body(octets, "quoted-printable")


def test_tags_taken_out_at_one_go_leave_what_one_pass_after_the_other_leaves() -> None:
    """The way for tags that stand apart, and the way for tags in tags: the same text for 5,000 odd markups."""
    dice = random.Random(8)
    breaks = "p|div|br|tr|table|li|ul|ol|h[1-6]|hr|blockquote|pre|section|article|header|footer|dt|dd|body|form"
    signs = "<p> </P > <br/> <td> <TH\n> <b> </o:p> <div:x> <h1> <h7> < > a \u017f \r\n \t <\u017fection> <!x> <? &lt; 3".split(
        " "
    )
    for _ in range(5_000):
        run = "".join(dice.choices(signs, k=dice.randrange(12))) + ">"  # every tag ends
        flat = re.sub("  +", " ", re.sub("[\r\n\t\f]", " ", run))
        flat = re.sub(rf"</?(?:{breaks})(?![A-Za-z0-9:])[^>]*+>", "\n", flat, flags=re.IGNORECASE)
        flat = re.sub(r"</?t[dh](?![A-Za-z0-9:])[^>]*+>", "\t", flat, flags=re.IGNORECASE)
        assert html_text(run) == html.unescape(re.sub(r"<[A-Za-z/!?][^>]*+>", "", flat))
