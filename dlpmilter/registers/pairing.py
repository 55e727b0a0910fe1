# SPDX-License-Identifier: Apache-2.0
"""Shortens the hashes of rows, and finds pairs of common values that few rows share. Never sees a value, only hashes.

Several processes: each takes the rows it has hashed itself, then its share of the parts of the pairs.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, compress
from pathlib import Path
from typing import TYPE_CHECKING

from dlpmilter.registers.grouping import COMMON
from dlpmilter.registers.hashing import BLOCK
from dlpmilter.registers.index_file import HASH
from dlpmilter.registers.sorting import Sorter, Spill, in_order

if TYPE_CHECKING:
    from dlpmilter.registers import grouping

SHORT = 4
"""Octets of a hash in `rows`: they only confirm."""
PAIR_WIDTH = HASH + 4
MIX = 0x9E3779B97F4A7C15
"""An odd number: (a * MIX + b) mod 2^64 of two keyed hashes is as evenly spread as they are."""
MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Order:
    """The rows that one process has hashed: the blocks whose number leaves `share` when divided by `shares`."""

    row_file: Path
    width: int
    rows: int
    """Of the whole table."""
    common: dict[int, int] = field(repr=False)
    """Common values and how many rows have them."""
    share: int = 0
    shares: int = 1


@dataclass(frozen=True, slots=True)
class Share:
    """The file of the short hashes, and all pairs."""

    path: Path
    pairs: Spill


@dataclass(frozen=True, slots=True)
class Kept:
    """The file of the pairs that are kept, and the octets of each part."""

    path: Path
    sizes: tuple[int, ...]


def pair_share(order: Order) -> Share:
    """Shorten the rows of one share; pairs of common values go to a sorter on the way. Raises OSError."""
    path = order.row_file.with_name(f"short-{order.share}")
    path.touch(0o600, exist_ok=False)
    sorter = Sorter(order.row_file.with_name(f"pairs-{order.share}"))
    with order.row_file.open("rb") as file, path.open("wb") as out:
        first = order.share * BLOCK
        while block := file.read(order.width * HASH * BLOCK):
            halves = array("I")  # 4 octets, only moved: their order does not matter
            halves.frombytes(block)
            out.write(halves[::2].tobytes())
            _pair(block, first, order, sorter)
            sorter.relieve()
            first += order.shares * BLOCK
    return Share(path, sorter.spill())


def _pair(block: bytes, first: int, order: Order, sorter: Sorter) -> None:
    """Pairs of the common values of each row.

    A pair is left out when, were its values independent, far more than COMMON rows would share it.
    """
    common, parts, width = order.common, sorter.parts, order.width
    ceiling = 4 * COMMON * order.rows
    for row, cells in _common_cells(block, width, common):
        number = (first + row).to_bytes(4, "big")
        times = [common[cell] for cell in cells]
        for (one, often), (other, too) in combinations(zip(cells, times, strict=True), 2):
            if often * too <= ceiling:
                pair = ((one * MIX + other) & MASK).to_bytes(HASH, "big")
                parts[pair[0]] += pair + number


def _common_cells(block: bytes, width: int, common: dict[int, int]) -> Iterator[tuple[int, list[int]]]:
    """Rows with two and more different common values, and these, the smallest first."""
    for row, cells in enumerate(struct.iter_unpack(f">{width}Q", block)):
        frequent = list(compress(cells, map(common.__contains__, cells)))
        if len(frequent) > 1:
            yield row, sorted(set(frequent))


def rare_share(order: grouping.Order) -> Kept:
    """Pairs of one share that at most COMMON rows share, in order; the others say nothing. Raises OSError."""
    path = order.scratch / f"rare-{order.share}"
    path.touch(0o600, exist_ok=False)
    sizes = []
    with path.open("wb") as file:
        for records in in_order(order.spills, PAIR_WIDTH, order.numbers):
            heads = [record[:HASH] for record in records]
            often = {head for head, times in Counter(heads).items() if times > COMMON}
            kept = [record for record, head in zip(records, heads, strict=True) if head not in often]
            data = b"".join(kept if often else records)
            file.write(data)
            sizes.append(len(data))
    return Kept(path, tuple(sizes))
