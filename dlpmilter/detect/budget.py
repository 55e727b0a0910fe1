# SPDX-License-Identifier: Apache-2.0
"""What one scan may spend, and where it looks again. Never matches anything."""

from __future__ import annotations

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
GAPS: Final = frozenset(b" \t\r\n.-/")


class Budget:
    """Candidates one scan may still look at: a hostile text could offer millions."""

    __slots__ = ("left", "memory")

    def __init__(self, candidates: int) -> None:
        self.left = candidates
        self.memory: dict[tuple[str, bytes], tuple[str, int]] = {}

    def spend(self, octets: int) -> None:
        """Count one search that found so many octets: long finds that overlap cost their length each time."""
        self.left -= 1 + (octets >> 6)


def next_word(text: bytes, start: int, end: int) -> int:
    """Where to look again after a candidate: behind its first gap, else behind it."""
    for place in range(start + 1, end):
        if text[place] in GAPS:
            return place + 1
    return max(end, start + 1)


def narrowed(distance: int, least: int) -> int:
    """How wide to search behind a find that stood so far from where its own search began."""
    return min(max(2 * distance, least), WIDEST)
