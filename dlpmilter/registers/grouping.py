# SPDX-License-Identifier: Apache-2.0
"""Turns records of values in order into those that an index keeps. Never sees a value, only hashes.

A value in more than COMMON rows keeps one record that says so; the rest keep all.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dlpmilter.registers.hashing import WORD_COLUMN
from dlpmilter.registers.index_file import HASH
from dlpmilter.registers.sorting import PARTS, Spill, in_order

COMMON = 24
"""A value in more rows than this says nothing alone; it only confirms, or counts with a second common one."""
COMMON_COLUMN = 253
VALUE = struct.Struct(">8sBI")
PAIR_WIDTH = HASH + 4


@dataclass(frozen=True, slots=True)
class Order:
    """One process's share of the parts."""

    spills: tuple[Spill, ...]
    scratch: Path
    share: int = 0
    shares: int = 1

    @property
    def numbers(self) -> range:
        """The parts of this share: neighbours, so that shares one behind the other are in order."""
        return range(PARTS * self.share // self.shares, PARTS * (self.share + 1) // self.shares)


@dataclass(slots=True)
class Share:
    """What one process keeps: its file, the octets of each part, the common values and how many rows have them."""

    path: Path
    sizes: list[int] = field(default_factory=list)
    common: dict[int, int] = field(default_factory=dict)
    distinct: Counter[int] = field(default_factory=Counter)
    """Column -> different values."""
    again: Counter[int] = field(default_factory=Counter)
    """Column -> cells whose value stands in an earlier row too."""


def group_share(order: Order) -> Share:
    """Sort, group and write the parts of one share. Raises OSError."""
    share = Share(order.scratch / f"kept-{order.share}")
    share.path.touch(0o600, exist_ok=False)
    with share.path.open("wb") as file:
        for records in in_order(order.spills, VALUE.size, order.numbers):
            data = b"".join(_kept(records, share))
            file.write(data)
            share.sizes.append(len(data))
    return share


def _kept(records: list[bytes], share: Share) -> list[bytes]:
    kept: list[bytes] = []
    keep = kept.append
    single = [0] * PARTS
    end = len(records)
    records.append(b"")
    at = 0
    value = records[0][:HASH]
    while at < end:
        following = records[at + 1][:HASH]
        if following != value:
            keep(records[at])
            single[records[at][HASH]] += 1
            at += 1
        else:
            after = at + 2
            while records[after].startswith(value):
                after += 1
            kept += _group(records[at:after], share)
            following = records[after][:HASH]
            at = after
        value = following
    share.distinct.update({column: count for column, count in enumerate(single) if count})
    return kept


def _group(group: list[bytes], share: Share) -> list[bytes]:
    """The records of one value that stands in several rows or columns."""
    columns = Counter(record[HASH] for record in group)
    marks = [record for record in group[-1:] if record[HASH] == WORD_COLUMN]
    share.distinct.update(columns.keys())
    share.again.update({column: count - 1 for column, count in columns.items()})
    if len(group) - len(marks) <= COMMON:
        return group
    share.common[int.from_bytes(group[0][:HASH], "big")] = len(group)
    return [group[0][:HASH] + bytes([COMMON_COLUMN]) + bytes(4), *marks]


def rare_pairs(spill: Spill) -> Iterator[list[bytes]]:
    """Pairs of common values that at most COMMON rows share, in order; the others say nothing."""
    for records in in_order([spill], PAIR_WIDTH):
        times = Counter(record[:HASH] for record in records)
        yield [record for record in records if times[record[:HASH]] <= COMMON]
