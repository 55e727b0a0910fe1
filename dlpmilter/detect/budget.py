# SPDX-License-Identifier: Apache-2.0
"""What one scan may spend, and where it looks again. Never matches anything."""

from __future__ import annotations

from typing import Final

CHUNK: Final = 8 * 1024
"""A search never looks further than a chunk and its overlap, whatever the pattern: so many searches stay linear."""
OVERLAP: Final = 512
"""The longest value that is surely found across the edge of two chunks, octets."""
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
