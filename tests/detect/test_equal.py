# SPDX-License-Identifier: Apache-2.0
"""Every short way of a scan leads to the findings of the long one (tests/detect/reference.py)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpmilter.detect.normalise import plain_forms
from dlpmilter.detect.patterns import Finder, beginning, finder
from dlpmilter.detect.stdnum_values import _SHORTEST
from dlpmilter.detect.validators import FUNCTIONS
from dlpmilter.model.content import Extract
from tests.benchmarks.detectors import CORPORA, mail_texts, office_text
from tests.detect import vectors as made
from tests.detect.reference import reference, slow_forms, slow_phone
from tests.detect.shipped import detectors, specs
from tests.detect.test_properties import ANY, EXTRACT, OWN, TEXT

ODD = "ab1 -\u00e4\u00f6\u00fc\u00df\u00c4\u00d6\u00dc\u00e9\u00c2\u00c3\u00c0\u00a3\u00a7\u00b0\u00b5\u00b4\u00ff\u00d7\x80\x81\x85\u00ad\u00a0\u201c\u2019\u20ac\u200b\ufeff\u0416\ufb01\u0661\u0308\0\ud800\U0010ffff"
PIECES = st.sampled_from([
    "@", "://", "a@", "x..y@z.de ", "ftp://u:changeme@h ", "db://app:Wq8kT2mm9x@db1 ", "eyJhbGciOiJIUzI1NiJ9.eyJh", "+49 ", "(0", "Passwort: ",
    "BSN ", "geb. ", "Kennzeichen ", "-----BEGIN PRIVATE KEY-----", "key = ", "4111 1111 ", "00", "\n", "Herr ", "123456789 ", "AKIA", "\u00fc", "\u201c",
])  # fmt: skip
MIXED = st.lists(PIECES | TEXT, max_size=8).map("".join)


@settings(max_examples=400, deadline=None)
@given(ANY | st.text(st.sampled_from(ODD), max_size=40))
def test_folding_equals_spelling_each_letter(text: str) -> None:
    """Whole texts are folded as letter by letter."""
    assert plain_forms(text) == slow_forms(text)


def test_every_character_is_folded_alike() -> None:
    """Every character of Unicode beside umlaut, euro sign and Latin-1 sign, in lines of a thousand."""
    for first in range(0, 0x110000, 1000):
        text = "".join(map(chr, range(first, min(first + 1000, 0x110000))))
        for each in (text, f"\u00fc\u00a3{text}\u20ac"):
            assert plain_forms(each) == slow_forms(each), hex(first)


@settings(max_examples=250, deadline=None)
@given(st.lists(EXTRACT, max_size=3), st.lists(MIXED, max_size=2))
def test_findings_equal_the_reference(extracts: list[Extract], texts: list[str]) -> None:
    """Any mail has the findings of the slow way; the same text in several parts as well."""
    extracts += [Extract(f"7.{number}", "text/plain", text=each, hidden=each) for number, each in enumerate(texts * 2)]
    assert detectors().scan(extracts, OWN) == reference().scan(extracts, OWN)


def test_vectors_equal_the_reference() -> None:
    """Every right and wrong made-up value, alone and in a long text."""
    for name in made.ALL:
        texts = [each.text for each in made.vectors(name)]
        for each in (*texts, "\n".join(texts)):
            extract = [Extract("1", "text/plain", text=each)]
            assert detectors().scan(extract, OWN) == reference().scan(extract, OWN), each[:80]
    long = [Extract("1", "text/plain", text=office_text(400_000))]
    assert detectors().scan(long) == reference().scan(long)


def test_real_mails_equal_the_reference() -> None:
    """Every tenth ordinary mail of the shared corpora."""
    folder = CORPORA / "mail-spamassassin" / "data"
    if not folder.is_dir():
        pytest.skip("the shared corpora are not beside the project")
    for path in [each for each in sorted(folder.rglob("*")) if each.is_file()][::10]:
        extracts = mail_texts(path.read_bytes())
        assert detectors().scan(extracts, OWN) == reference().scan(extracts, OWN), path.name


@settings(max_examples=400, deadline=None)
@given(st.from_regex(r"(?:\+|00|0|\(0)[0-9 ./()-]{3,16}[0-9]", fullmatch=True) | ANY)
def test_phones_equal_the_library(text: str) -> None:
    """A number whose shape is asked first is what the library alone says."""
    assert FUNCTIONS["phone"](text) == slow_phone(text)
    assert FUNCTIONS["phone"](f"0/0{text}") == slow_phone(f"0/0{text}")


def test_short_numbers_are_none_to_the_library() -> None:
    """What has too few digits is refused by the library as well; two modules fill up with zeros, which is why we ask."""
    noise = random.Random(11)
    for module, least in _SHORTEST.items():
        validate = import_module(f"stdnum.{module}").is_valid
        for _ in range(3000 if module not in {"nl.bsn", "at.vnr"} else 0):
            letters = noise.choices("ABKXYZ+-", k=noise.randrange(3))
            value = noise.choices("0123456789", k=noise.randrange(least)) + letters
            noise.shuffle(value)
            assert not validate("".join(value)), (module, value)


def test_beginnings_begin_where_patterns_do() -> None:
    """A pattern with its tail cut matches at the same places, for all shipped ones; what is no tail is left alone."""
    texts = [plain_forms("\n".join(each.text for each in made.vectors(name)))[0] for name in made.ALL]
    for pattern in (pattern for each in specs() for pattern in each.patterns):
        whole, cut = finder(pattern), finder(beginning(pattern))
        for text in texts:
            assert [start for start, _ in _all(whole, text)] == [start for start, _ in _all(cut, text, whole)], pattern
    assert beginning(r"a[bc]{3,}") == "a[bc]{3}"
    assert beginning(r"(?:x[^\s]+)+") == r"(?:x[^\s])"
    for pattern in (
        r"ab+",
        r"a\++",
        r"a[\]+",
        r"a\]+",
        r"[a\]{2,}",
        "a[bc]+?",
        "a[bc]{2,}?",
        "a[bc]*",
        "a{2,}",
        "[ab]{2,5}",
    ):
        assert beginning(pattern) == pattern


def _all(find: Finder, text: bytes, step: Finder | None = None) -> Iterator[tuple[int, int]]:
    """Spans one after the other; `step` says where each ends."""
    at = 0
    while (span := find(text, at, len(text)))[0] >= 0:
        yield span
        at = max((step or find)(text, span[0], len(text))[1], span[0] + 1)
