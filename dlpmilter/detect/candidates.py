# SPDX-License-Identifier: Apache-2.0
"""Many patterns in one pass: where any of them begins, then which of them. Never judges what it finds.

One alternation finds the next place, an anchored set says which patterns begin there. A set over the
whole text would be one pass as well, but its automaton has a state for each collection of patterns seen so
far and is rebuilt whenever one more is seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from dlpmilter.detect.budget import NARROWEST, OVERLAP, WIDEST, Budget, narrowed
from dlpmilter.detect.patterns import StartSet, beginning, finder

REACH: Final = 192
"""Octets that are enough to tell that a pattern begins here; the pattern itself has the last word."""
_LETTERS: Final = re.compile(b"[" + re.escape(bytes(octet for octet in range(256) if chr(octet).isalnum())) + b"]+")


class Candidate(NamedTuple):
    """Where a value may be: its start, the number of the pattern, its end (0: the pattern has to be asked)."""

    start: int
    number: int
    end: int = 0


class Candidates:
    """The patterns of one group of detectors."""

    def __init__(self, patterns: Sequence[str]) -> None:
        cut = [beginning(each) for each in patterns]
        self._find = finder("|".join(f"(?:{each})" for each in cut), memory=64 * 1024 * 1024)
        self._starts = StartSet(patterns)
        self._whole = tuple(mine == each for mine, each in zip(cut, patterns, strict=True))

    def find(self, text: bytes, budget: Budget) -> list[Candidate]:
        """Everything that may be a value, in order."""
        find, which, size = self._find, self._starts.hits, len(text)
        found: list[Candidate] = []
        at, width = 0, WIDEST
        while at < size and budget.left > 0:
            stop = at + width
            start, end = find(text, at, stop + OVERLAP)
            if start < 0 or start >= stop:
                at, width = stop, min(4 * width, WIDEST)
                continue
            budget.spend(end - start)
            numbers = which(text[start : start + REACH])
            budget.left -= len(numbers)
            if len(numbers) == 1 and end - start < REACH and self._whole[numbers[0]]:
                # No other pattern begins here, so what was found is this one, to its end.
                found.append(Candidate(start, numbers[0], end))
            else:
                found += [Candidate(start, number) for number in numbers]
            width = narrowed(start - at, NARROWEST)
            at = _next_start(text, start, end)
        return found


def _next_start(text: bytes, start: int, end: int) -> int:
    """Behind the letters and digits that begin the candidate: a pattern may begin inside it, not inside its word."""
    letters = _LETTERS.match(text, start, end)
    return letters.end() if letters is not None else start + 1
