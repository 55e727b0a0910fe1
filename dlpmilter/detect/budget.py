# SPDX-License-Identifier: Apache-2.0
"""What one scan may spend, and where it looks again. Never matches anything."""

from __future__ import annotations

import re
from typing import Final

CHUNK: Final = 8 * 1024
"""A search never looks further than a chunk and its overlap, whatever the pattern: so many searches stay linear."""
OVERLAP: Final = 512
"""The longest value that is surely found across the edge of two chunks, octets."""
WIDEST: Final = 64 * 1024
"""Octets of one search where nothing was found for a while: fewer searches, fewer octets that are read twice."""
NARROWEST: Final = 1024
"""Octets of one search behind a find: what is close is found in it, and a pattern that would look on to the end of a
long search pays for no more than this at each find."""
GAP: Final = re.compile(rb"[ \t\r\n.\-/]")
"""What may stand between the groups of a number."""


class Budget:
    """What one scan may still look at: a hostile text could offer millions of each.

    Four counts, so that what a text has plenty of does not hide what it has of another kind: candidates of the passes
    over the whole text (`left`), places of a needed piece, candidates around context words, and checks of values. A
    number in groups is checked up to eleven times; a value that was checked before is not checked again.
    """

    __slots__ = ("around", "checks", "left", "memory", "pieces")

    def __init__(self, candidates: int) -> None:
        self.left = self.pieces = self.around = self.checks = candidates
        self.memory: dict[tuple[str, bytes], tuple[str, int]] = {}

    @property
    def spent(self) -> bool:
        """Whether something was not looked at, or may not have been."""
        return min(self.left, self.pieces, self.around, self.checks) <= 0

    def spend(self, octets: int) -> None:
        """Count one search that found so many octets: long finds that overlap cost their length each time."""
        self.left -= 1 + (octets >> 6)


def next_word(text: bytes, start: int, end: int) -> int:
    """Where to look again after a candidate: behind its first gap, else behind it."""
    gap = GAP.search(text, start + 1, end)
    return gap.end() if gap is not None else max(end, start + 1)


def narrowed(distance: int, least: int) -> int:
    """How wide to search behind a find that stood so far from where its own search began."""
    width = 2 * distance
    return least if width < least else min(width, WIDEST)
