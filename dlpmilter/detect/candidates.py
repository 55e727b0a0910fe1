# SPDX-License-Identifier: Apache-2.0
"""Many patterns in one pass: where any of them begins, then which of them. Never judges what it finds.

One alternation finds the next place, an anchored set says which patterns begin there. A set over the
whole text would be one pass as well, but its automaton has a state for each collection of patterns seen so
far and is rebuilt whenever one more is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dlpmilter.detect.budget import CHUNK, OVERLAP, Budget
from dlpmilter.detect.patterns import StartSet, beginning, finder

REACH: Final = 192
"""Octets that are enough to tell that a pattern begins here; the pattern itself has the last word."""
_ALNUM: Final = frozenset(octet for octet in range(256) if chr(octet).isalnum())


class Candidates:
    """The patterns of one group of detectors."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._find = finder("|".join(f"(?:{beginning(each)})" for each in patterns), memory=64 * 1024 * 1024)
        self._starts = StartSet(patterns)

    def find(self, text: bytes, budget: Budget) -> list[tuple[int, int]]:
        """Start and pattern number of everything that may be a value."""
        find, which = self._find, self._starts.hits
        found: list[tuple[int, int]] = []
        for begin in range(0, len(text), CHUNK):
            at, stop = begin, begin + CHUNK
            while budget.left > 0:
                start, end = find(text, at, stop + OVERLAP)
                if start < 0 or start >= stop:
                    break
                budget.spend(end - start)
                for number in which(text[start : start + REACH]):
                    budget.left -= 1
                    found.append((start, number))
                at = _next_start(text, start, end)
        return found


def _next_start(text: bytes, start: int, end: int) -> int:
    """Behind the letters and digits that begin the candidate: a pattern may begin inside it, not inside its word."""
    if text[start] not in _ALNUM:
        return start + 1
    for place in range(start + 1, end):
        if text[place] not in _ALNUM:
            return place
    return end if end > start else start + 1
