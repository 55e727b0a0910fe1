# SPDX-License-Identifier: Apache-2.0
"""Where values of one row stand together in a mail. Knows places and hashes only, never a value."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from dlpmilter.registers.grouping import COMMON_COLUMN, VALUE
from dlpmilter.registers.hashing import WORD_COLUMN
from dlpmilter.registers.index_file import HASH
from dlpmilter.registers.tokens import MAX_PLACES, WINDOW, Span

_GROUP = 128
"""Places behind a first one among which others of its row are looked for."""
_AREA = 64
"""Words of an area; values whose places are in no area of each other nor the next cannot stand together."""
_ROWS = struct.Struct(f">{HASH + 1}xI").iter_unpack


class Value:
    """A value of the register that the mail holds: where in the mail, where in the register."""

    __slots__ = ("_records", "areas", "columns", "common", "hash", "mask", "member", "name", "places")

    def __init__(self, value: bytes, records: bytes, *, name: bool) -> None:
        self.hash = int.from_bytes(value, "big")
        self.name = name
        """Several words without figures: perhaps a full name."""
        self.places: list[Span] = []
        self.areas = 0
        """One bit for each area of the mail where it stands."""
        columns = records[HASH :: VALUE.size]
        self.member = columns[-1] == WORD_COLUMN  # marks stand behind the columns
        if self.member:
            columns = columns[:-1]
        self.common = columns[-1:] == _COMMON
        self.columns = columns[:-1] if self.common else columns
        """The column of each of its records."""
        end = (len(self.columns) + 1) * VALUE.size
        self.mask = int.from_bytes(records[end - 4 : end], "big") if self.common else 0
        """A common value: one bit for each of its columns; 0: not known."""
        self._records = records

    @property
    def rows(self) -> list[int]:
        """The row of each of its records."""
        return [row for (row,) in _ROWS(self._records[: len(self.columns) * VALUE.size])]

    def place(self, span: Span) -> None:
        """It stands here, too."""
        if len(self.places) < MAX_PLACES:
            self.places.append(span)
            self.areas |= 1 << span[0] // _AREA

    def spent(self, taken: set[int]) -> bool:
        """Whether all its places speak for a row already."""
        for start, end in self.places:
            if start not in taken or (end - start > 1 and not taken.issuperset(range(start, end))):
                return False
        return True


_COMMON = bytes([COMMON_COLUMN])


@dataclass(frozen=True, slots=True)
class Evidence:
    """The places of a mail that speak for one row, and how many words they span."""

    places: tuple[Span, ...]
    extent: int

    def words(self) -> list[int]:
        """All words of the places."""
        return [word for start, end in self.places for word in range(start, end)]


def near(values: Sequence[Value], require: int) -> Evidence | None:
    """The best group of different values of one row that stand together; None when none has `require` of them."""
    if len(values) < require:
        return None
    if len(values) == 2:
        left, right = values
        if require > 1 and not right.areas & (left.areas | left.areas << 1 | left.areas >> 1):
            return None
        if len(left.places) == len(right.places) == 1:
            return _two(left.places[0], right.places[0], require)
    elif require > 1 and not _same_area(values):
        return None
    places = sorted([(span, value.hash) for value in values for span in value.places])
    best: list[Span] = []
    for first, (span, number) in enumerate(places):
        group = [span]
        seen, end = {number}, span[1]
        for following, other in places[first + 1 : first + 1 + _GROUP]:
            if following[0] - end > WINDOW or len(seen) == len(values):
                break
            if other not in seen and following[0] >= end:
                seen.add(other)
                end = following[1]
                group.append(following)
        if len(group) > len(best) or (len(group) == len(best) and _extent(group) < _extent(best)):
            best = group
            if len(best) == len(values):
                break
    return Evidence(tuple(best), _extent(best)) if len(best) >= max(require, 1) else None


def _two(one: Span, other: Span, require: int) -> Evidence | None:
    """The most frequent case: two values, each in one place."""
    first, second = (one, other) if one <= other else (other, one)
    if 0 <= second[0] - first[1] <= WINDOW:
        return Evidence((first, second), second[1] - first[0])
    if require > 1:
        return None
    best = first if first[1] - first[0] <= second[1] - second[0] else second
    return Evidence((best,), best[1] - best[0])


def _same_area(values: Sequence[Value]) -> bool:
    """Whether two of them may stand together."""
    seen = 0
    for value in values:
        areas = value.areas
        if seen & (areas | areas << 1 | areas >> 1):
            return True
        seen |= areas
    return False


def _extent(group: list[Span]) -> int:
    return group[-1][1] - group[0][0]
