# SPDX-License-Identifier: Apache-2.0
"""One detector ready to run: its patterns, validator, context and cues compiled. Never decides what is reported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dlpmilter.detect.patterns import Pattern, compiled, words_pattern
from dlpmilter.detect.validators import FUNCTIONS, Validator

if TYPE_CHECKING:
    from dlpmilter.detect.views import View
    from dlpmilter.model.detector import Cue, DetectorSpec

_CUTTABLE: Final = frozenset(FUNCTIONS) - {
    "", "luhn", "token", "jwt", "private-key", "password", "connection-string", "random-text", "email-address",
    "birth-date", "mrz", "de-licence-plate",
}  # fmt: skip
"""Validators of numbers that are written in groups: what follows such a number may look like one more group."""
_GAPS: Final = b" \t\r\n.-/"
_MOST_CUTS: Final = 10


@dataclass(frozen=True, slots=True)
class Hit:
    """One value: its normal form, where it stands, whether a context word is near."""

    value: str
    start: int
    end: int
    in_context: bool


class Budget:
    """Candidates one scan may still look at; a hostile text could offer millions."""

    __slots__ = ("left", "memory")

    def __init__(self, candidates: int) -> None:
        self.left = candidates
        self.memory: dict[tuple[str, bytes], tuple[str, int]] = {}


class CompiledDetector:
    """A spec and everything needed to run it."""

    __slots__ = ("context", "near", "patterns", "sources", "spec", "validate")

    def __init__(self, spec: DetectorSpec) -> None:
        self.spec = spec
        self.sources = (*spec.patterns, *([words_pattern(spec.words)] if spec.words else ()))
        self.patterns = tuple(compiled(each) for each in self.sources)
        self.validate: Validator = FUNCTIONS[spec.validator]
        self.context = compiled(words_pattern(spec.context.words)) if spec.context else None
        cues = {cue.id: _cue_patterns(cue) for cue in spec.cues}
        self.near = tuple((cues[each.cue], each.distance) for each in spec.near)

    def hits(self, view: View, number: int, begin: int, stop: int, end: int, budget: Budget) -> Iterator[Hit]:
        """Values of pattern `number` that start in [begin, stop) and end before `end`; ends with the budget."""
        search, text = self.patterns[number].search, view.text
        while begin < stop and budget.left > 0:
            match = search(text, begin, end)
            if match is None or match.start() >= stop:
                return
            budget.left -= 1
            start, close = match.span()
            value, length = self._value(text[start:close], budget)
            if not value:
                begin = _next_word(text, start, close)
                continue
            close = start + length
            begin = max(close, start + 1)
            hit = self._placed(view, value, start, close)
            if hit is not None:
                yield hit

    def _value(self, raw: bytes, budget: Budget) -> tuple[str, int]:
        """The normal form and how many octets it took; ("", 0) when nothing valid begins here."""
        key = (self.spec.validator, raw)
        known = budget.memory.get(key)
        if known is None:
            known = self._validated(raw)
            if len(raw) <= 64 and len(budget.memory) < 50_000:
                budget.memory[key] = known
        return known

    def _validated(self, raw: bytes) -> tuple[str, int]:
        text = raw.decode("utf-8", "replace")
        value = self.validate(text)
        if value or self.spec.validator not in _CUTTABLE:
            return value, len(raw)
        cuts = [place for place, octet in enumerate(raw) if octet in _GAPS]
        for cut in cuts[: -_MOST_CUTS - 1 : -1]:
            value = self.validate(raw[:cut].decode("utf-8", "replace"))
            if value:
                return value, cut
        return "", 0

    def _placed(self, view: View, value: str, start: int, end: int) -> Hit | None:
        """The hit with what stands around it; None when something required does not."""
        for patterns, distance in self.near:
            low, high = max(0, start - distance), end + distance
            if not any(each.search(view.text, low, high) for each in patterns):
                return None
        if self.context is None or self.spec.context is None:
            return Hit(value, start, end, in_context=False)
        distance = self.spec.context.distance
        there = self.context.search(view.text, max(0, start - distance), end + distance) is not None
        if not there and view.heads:
            there = self.context.search(view.head(start)) is not None
        return None if self.spec.context.required and not there else Hit(value, start, end, in_context=there)


def _next_word(text: bytes, start: int, end: int) -> int:
    """Where to look again after a candidate that was none: behind its first gap, else behind it."""
    for place in range(start + 1, end):
        if text[place] in _GAPS:
            return place + 1
    return max(end, start + 1)


def _cue_patterns(cue: Cue) -> tuple[Pattern, ...]:
    sources = (*cue.patterns, *([words_pattern(cue.words)] if cue.words else ()))
    return tuple(compiled(each) for each in sources)
