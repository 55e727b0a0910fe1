# SPDX-License-Identifier: Apache-2.0
"""Turns records of values in order into those that an index keeps. Never sees a value, only hashes.

A value in more than COMMON rows keeps one record that says so; the rest keep all.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from itertools import compress, count
from operator import eq, itemgetter
from pathlib import Path

from dlpmilter.registers.hashing import WORD_COLUMN
from dlpmilter.registers.index_file import HASH
from dlpmilter.registers.sorting import PARTS, Spill, in_order

COMMON = 24
"""A value in more rows than this says nothing alone; it only confirms, or counts with a second common one."""
COMMON_COLUMN = 253
"""Marks a common value; instead of a row its record has one bit for each column, 0 when one is MASKED or more."""
MASKED = 32
VALUE = struct.Struct(">8sBI")
_COLUMN = itemgetter(HASH)


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
    """What is kept of one part; only values in several records are looked at one by one."""
    kept: list[bytes] = []
    heads = [record[:HASH] for record in records]
    again = list(compress(count(), map(eq, heads, heads[1:])))
    end = len(records)
    at = 0
    for first in again:
        if first < at:
            continue  # a third record of the value before
        after = first + 2
        head = heads[first]
        while after < end and heads[after] == head:
            after += 1
        kept += records[at:first]
        share.distinct.update(map(_COLUMN, records[at:first]))
        kept += _group(records[first:after], share)
        at = after
    kept += records[at:]
    share.distinct.update(map(_COLUMN, records[at:]))
    return kept


def _group(group: list[bytes], share: Share) -> list[bytes]:
    """The records of one value that stands in several rows or columns."""
    first, last = group[0][HASH], group[-1][HASH]
    if first == last:  # most values stand in one column only
        share.distinct[first] += 1
        share.again[first] += len(group) - 1
    else:
        times = Counter(map(_COLUMN, group))
        share.distinct.update(times.keys())
        share.again.update({column: each - 1 for column, each in times.items()})
    marks = group[-1:] if last == WORD_COLUMN else []
    if len(group) - len(marks) <= COMMON:
        return group
    share.common[int.from_bytes(group[0][:HASH], "big")] = len(group)
    columns = {record[HASH] for record in group[: len(group) - len(marks)]}
    mask = sum(1 << column for column in columns) if max(columns) < MASKED else 0
    return [group[0][:HASH] + bytes([COMMON_COLUMN]) + mask.to_bytes(4, "big"), *marks]
