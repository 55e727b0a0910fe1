# SPDX-License-Identifier: Apache-2.0
"""One detector ready to run: its patterns, validator and surroundings. Never decides what is reported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from dlpmilter.detect.budget import CHUNK, GAP, NARROWEST, OVERLAP, WIDEST, Budget, narrowed, next_word
from dlpmilter.detect.patterns import Finder, beginning, finder, from_piece, starter
from dlpmilter.detect.validators import FUNCTIONS, LEAST_DIGITS, Validator
from dlpmilter.detect.words import NOWHERE, Places

if TYPE_CHECKING:
    from dlpmilter.detect.candidates import Candidate
    from dlpmilter.detect.views import View
    from dlpmilter.model.detector import DetectorSpec

_NO_DIGITS: Final = bytes(octet for octet in range(256) if not 48 <= octet <= 57)
_WHOLE: Final = frozenset(
    {
        "", "luhn", "token", "jwt", "private-key", "password", "connection-string", "random-text", "email-address",
        "birth-date", "mrz", "de-licence-plate",
    }
)  # fmt: skip
"""Validators that want the whole candidate; the others know numbers written in groups, behind which
something may stand that looks like one more group."""
_MOST_CUTS: Final = 10
_REMEMBERED: Final = 50_000
_NONE: Final = (None, 0)
_SMALL: Final = 1024
"""A window up to so many octets is asked first how many digits stand there: that costs less than a search."""
_BEFORE: Final = 80
"""How many octets before its `needs` a value may begin."""


class Hit(NamedTuple):
    """One value: its normal form, where it stands, whether a context word is near.

    A tuple, for a hostile text makes a hundred thousand of them and a frozen dataclass takes three times as long.
    """

    value: str
    start: int
    end: int
    in_context: bool


@dataclass(frozen=True, slots=True)
class CompiledCue:
    """A search for any of a cue's patterns, and the number of its words in the word index (-1: none)."""

    find: Finder | None
    words: int


class CompiledDetector:
    """A spec and everything needed to run it. Numbers point into the word index."""

    def __init__(self, spec: DetectorSpec, cues: Mapping[str, CompiledCue], words: int, context: int) -> None:
        self.spec = spec
        self._finders = tuple(finder(each) for each in spec.patterns)
        self._starters = tuple(starter(each) for each in spec.patterns)
        self.words = words
        self.context = context
        self._validate: Validator = FUNCTIONS[spec.validator]
        self._check = spec.validator
        self._alone = spec.context is None and not spec.near
        self._least = LEAST_DIGITS.get(spec.validator, 0)
        self._cuts = spec.validator not in _WHOLE
        self._near = tuple((cues[each.cue], each.distance) for each in spec.near)
        self._needs = spec.needs.encode()
        pieces = [from_piece(each, spec.needs) for each in spec.patterns] if spec.needs else []
        # A search for what begins with three letters runs from one to the next at the speed of memory and leaves out
        # most; one for a single letter does neither.
        worth = len(spec.needs) > 1 and all(pieces)
        self._piece = finder("|".join(map(beginning, pieces))) if worth else None
        # With the piece itself as a last choice a search ends there and does not go on to later values.
        self._needed = tuple(finder(f"(?:{each})|(?:{re.escape(spec.needs)})") for each in spec.patterns if spec.needs)

    def word_hits(self, view: View, found: Mapping[int, Places]) -> Iterator[Hit]:
        """The detector's own words that count here."""
        places = found.get(self.words, NOWHERE)
        for start, end, word in zip(places.starts, places.ends, places.words, strict=True):
            hit = self._placed(view, word, start, end, found)
            if hit is not None:
                yield hit

    def windows(self, view: View, found: Mapping[int, Places]) -> list[tuple[int, int]]:
        """Where its patterns are worth a search: around its required context words, in order and apart."""
        context = self.spec.context
        if context is None:
            return []
        if view.heads and any(self._headed(view, column) for column in range(len(view.heads))):
            return [(0, len(view.text))]
        places = found.get(self.context, NOWHERE)
        before, after = context.distance + _BEFORE, context.distance
        merged: list[tuple[int, int]] = []
        begin = stop = -1
        for start, end in zip(places.starts, places.ends, strict=True):
            if stop < 0 or start - before > stop:
                if stop >= 0:
                    merged.append((begin, stop))
                begin, stop = max(0, start - before), end + after
            else:
                stop = max(stop, end + after)
        if stop >= 0:
            merged.append((begin, stop))
        return merged

    def _needed_places(self, text: bytes, budget: Budget) -> Iterator[int]:
        """Where its piece stands, and what belongs behind it."""
        needs, find = self._needs, self._piece
        if find is None:
            place = text.find(needs)
            while place >= 0 and budget.pieces > 0:
                yield place
                place = text.find(needs, place + 1)
            return
        at, width, size = 0, WIDEST, len(text)
        while at < size and budget.pieces > 0:
            stop = at + width
            place = find(text, at, stop + OVERLAP)[0]
            if place < 0 or place >= stop:
                at, width = stop, min(4 * width, WIDEST)
                continue
            width = narrowed(place - at, NARROWEST)
            at = place + 1
            yield place

    def needed_hits(self, view: View, budget: Budget, found: Mapping[int, Places]) -> Iterator[Hit]:
        """Values around each place of what the detector needs.

        What begins before the last place was looked at there, so no start is tried twice.
        """
        text, needs, done, before = view.text, self._needs, 0, 0
        for place in self._needed_places(text, budget):
            if place < done:
                continue
            budget.pieces -= 1
            for number, find in enumerate(self._needed):
                at = max(done, place - _BEFORE, before)
                while at <= place and budget.pieces > 0:
                    start, end = find(text, at, place + OVERLAP)
                    if start == place and end - start == len(needs):
                        start, end = self._starters[number](text, place, place + OVERLAP)
                    if not 0 <= start <= place:
                        break
                    hit, close = self._tried(view, start, end, budget, found)
                    if hit is not None:
                        yield hit
                    if close:
                        done = close
                        break
                    budget.pieces -= 1 + (end - start >> 6)
                    at = next_word(text, start, place)
                if done > place:
                    break
            before = place + 1

    def hits_in(self, view: View, begin: int, stop: int, budget: Budget, found: Mapping[int, Places]) -> list[Hit]:
        """Values that start in [begin, stop), pattern by pattern."""
        text, least = view.text, self._least
        hits: list[Hit] = []
        for find in self._finders:
            at = begin
            while at < stop and budget.around > 0:
                until = min(stop, at + CHUNK)
                if (
                    least
                    and until - at <= _SMALL
                    and len(text[at : until + OVERLAP].translate(None, _NO_DIGITS)) < least
                ):
                    break
                start, end = find(text, at, until + OVERLAP)
                if start < 0:
                    at = until
                    continue
                if start >= stop:
                    break
                budget.around -= 1 + (end - start >> 6)
                hit, close = self._tried(view, start, end, budget, found)
                at = max(close, start + 1) if close else next_word(text, start, end)
                if hit is not None:
                    hits.append(hit)
        return hits

    def hit_at(
        self, view: View, number: int, candidate: Candidate, budget: Budget, found: Mapping[int, Places]
    ) -> tuple[Hit | None, int]:
        """The value of pattern `number` at a candidate, and where it ends; (None, 0) without a valid one."""
        start, _, end = candidate
        if not end:
            start, end = self._starters[number](view.text, start, start + OVERLAP)
        return self._tried(view, start, end, budget, found) if start >= 0 else (None, 0)

    def _tried(
        self, view: View, start: int, end: int, budget: Budget, found: Mapping[int, Places]
    ) -> tuple[Hit | None, int]:
        """The hit, if what stands around it allows one, and where its value ends; (None, 0) without a valid value."""
        raw = view.text[start:end]
        memory, key = budget.memory, (self._check, raw)
        known = memory.get(key)
        if known is None:
            known = self._validated(raw, budget)
            if end - start <= 64 and len(memory) < _REMEMBERED:
                memory[key] = known
        value, length = known
        if not value:
            return _NONE
        end = start + length
        if self._alone:
            return Hit(value, start, end, in_context=False), end
        return self._placed(view, value, start, end, found), end

    def _validated(self, raw: bytes, budget: Budget) -> tuple[str, int]:
        """The normal form and how many octets it took; ("", 0) when nothing valid begins here."""
        validate, least = self._validate, self._least
        budget.checks -= 1
        value = validate(raw.decode("utf-8", "replace"))
        if value or not self._cuts:
            return (value, len(raw)) if value else ("", 0)
        gaps = [gap.start() for gap in GAP.finditer(raw)]
        for cut in gaps[: -_MOST_CUTS - 1 : -1]:
            piece = raw[:cut]
            if len(piece.translate(None, _NO_DIGITS)) < least:
                break
            budget.checks -= 1
            value = validate(piece.decode("utf-8", "replace"))
            if value:
                return value, cut
        return "", 0

    def _placed(self, view: View, value: str, start: int, end: int, found: Mapping[int, Places]) -> Hit | None:
        """The hit with what stands around it; None when something required does not."""
        for cue, distance in self._near:
            low, high = max(0, start - distance), end + distance
            if found.get(cue.words, NOWHERE).near(start, end, distance):
                continue
            if cue.find is None or cue.find(view.text, low, high)[0] < 0:
                return None
        context = self.spec.context
        if context is None:
            return Hit(value, start, end, in_context=False)
        there = found.get(self.context, NOWHERE).near(start, end, context.distance)
        if not there and view.heads:
            there = self._headed(view, view.column(start))
        return None if context.required and not there else Hit(value, start, end, in_context=there)

    def _headed(self, view: View, column: int) -> bool:
        return view.head_has(column, self.context)
