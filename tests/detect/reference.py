# SPDX-License-Identifier: Apache-2.0
"""The plain, slow way to the same findings: what the fast one must equal, whatever the text.

Letter by letter instead of octets at once, one view after the other, every view of every part, each pattern searched
for as it is written, no piece of a value asked for beforehand, every number taken to its library.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import phonenumbers

from dlpmilter.detect.budget import CHUNK, OVERLAP, Budget
from dlpmilter.detect.candidates import REACH, Candidate
from dlpmilter.detect.normalise import spelt_out
from dlpmilter.detect.patterns import StartSet, finder
from dlpmilter.detect.scan import DetectorSet
from dlpmilter.detect.views import HEADER_TYPE, View, table_text
from dlpmilter.model.content import Extract
from dlpmilter.model.detector import PLACES, DetectorSpec
from tests.detect.shipped import specs


def slow_forms(text: str) -> tuple[bytes, ...]:
    """The plain forms of a text, letter by letter."""
    if "\u0308" in text:
        text = unicodedata.normalize("NFC", text)
    octets = spelt_out(text)
    joined = octets.replace(b"\0", b"")
    apart = b" ".join(each for each in octets.split(b"\0") if each)
    return (joined, apart) if b"\0" in octets and joined != apart else (joined,)


def slow_views(extract: Extract) -> Iterator[tuple[str, View]]:
    """Each place with its views."""
    place = "header" if extract.type == HEADER_TYPE else "text"
    texts = [(place, extract.text), ("hidden", extract.hidden), ("name", extract.name.replace("_", " "))]
    for name, text in [*texts, *([("labels", "\n".join(extract.labels))] if extract.labels else [])]:
        for form in slow_forms(text) if text else ():
            yield name, View(form)
    for table in extract.tables:
        for form in slow_forms(table_text(table)):
            yield "table", View(form, tuple(form.partition(b"\n")[0].split(b"\t")))


class _Everything:
    """Places where any pattern of a pass begins: whole patterns, each word tried."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._find = finder("|".join(f"(?:{each})" for each in patterns), memory=64 * 1024 * 1024)
        self._starts = StartSet(patterns)

    def find(self, text: bytes, _: Budget) -> list[Candidate]:
        """Start and pattern number, as Candidates gives them; no end, each pattern is asked for its own."""
        found, at = [], 0
        while at <= len(text):
            start, end = self._find(text, at, at + CHUNK + OVERLAP)
            if start < 0:
                at += CHUNK
                continue
            found += [Candidate(start, number) for number in self._starts.hits(text[start : start + REACH])]
            at = start + 1
            while chr(text[start]).isalnum() and at < end and chr(text[at]).isalnum():
                at += 1
        return found


class SlowSet(DetectorSet):
    """The shipped set without a short way: no batches, nothing left out, nothing needed first but `@`, no digits counted."""

    def __init__(self, shipped: Sequence[DetectorSpec]) -> None:
        plain = [each if each.needs == "@" else replace(each, needs="") for each in shipped]
        super().__init__(plain)
        ordered = sorted(plain, key=lambda each: each.id)
        self._passes: Any = [
            (slots, _Everything([ordered[number].patterns[pattern] for number, pattern in slots]))
            for slots, _ in self._passes
        ]
        for detector in self._detectors:
            detector._least = 0

    def _batches(self, extracts: Sequence[Extract]) -> Iterator[list[tuple[tuple[str, int], View]]]:
        """One view after the other, however often its text stands in the mail."""
        views = ((extract.path, PLACES.index(name), view) for extract in extracts for name, view in slow_views(extract))
        for path, name, view in sorted(views, key=lambda each: (each[0], each[1], each[2].text)):
            yield [((path, name), view)]


def slow_phone(text: str) -> str:
    """What the library alone says to a number."""
    for region in (
        (None,) if text.lstrip("( ").startswith("+") else ("ZZ",) if text.startswith("00") else ("DE", "AT", "CH")
    ):
        try:
            number = phonenumbers.parse(f"+{text[2:]}" if region == "ZZ" else text, None if region == "ZZ" else region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return ""


@cache
def reference() -> SlowSet:
    """The shipped set, the slow way."""
    return SlowSet(specs())
