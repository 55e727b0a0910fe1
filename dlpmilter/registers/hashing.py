# SPDX-License-Identifier: Apache-2.0
"""Hashes the cells of a table, block by block; several processes take turns with the blocks. Never keeps a cell.

A process writes two files into the scratch folder: records of where each value stands, and the hashes of its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from dlpmilter.registers import normal
from dlpmilter.registers.errors import SourceError
from dlpmilter.registers.index_file import HASH, hasher
from dlpmilter.registers.sorting import Sorter, Spill
from dlpmilter.registers.source import Source, open_source, open_text

WORD_COLUMN = 254
"""Marks a word of a value of several words."""
BLOCK = 4096
MAX_ROWS = 0xFFFFFFFE
NOTHING = bytes(HASH)
"""In place of the hash of a cell that says nothing."""
_CACHE = 50_000
"""Cells of one column remembered with their hash: cities and given names come again."""
_SAMPLE = 20_000
_PHONE_NAMES = ("tel", "phone", "mobil", "handy", "fax", "rufnummer")


@dataclass(frozen=True, slots=True)
class Order:
    """One process's share of the blocks: those whose number leaves `share` when divided by `shares`."""

    source: Source
    key: bytes = field(repr=False)
    scratch: Path
    share: int = 0
    shares: int = 1


@dataclass(slots=True)
class Column:
    """What one share tells of a column."""

    name: str
    phone: bool
    said: int = 0
    """Cells of the sample that say something."""
    shaped: int = 0
    """Those of them that look as if one names a row."""
    skipped: int = 0
    """Different cells that say too little, or are running text."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process has hashed. `rows` counts the whole table."""

    rows: int
    columns: tuple[Column, ...]
    lengths: frozenset[int]
    """Signs of the numbers."""
    sizes: frozenset[int]
    """Words of the values that have several."""
    values: Spill
    row_file: Path


def hash_share(order: Order, progress: Callable[[int], None] | None = None) -> Share:
    """Read the whole table and hash the blocks of one share. Raises SourceError, OSError."""
    sorter = Sorter(order.scratch / f"values-{order.share}")
    row_file = order.scratch / f"rows-{order.share}"
    row_file.touch(0o600, exist_ok=False)
    with open_text(order.source) as text, row_file.open("wb") as out:
        opened = open_source(order.source, text, progress)
        work = _Cells(order.key, opened.columns, sorter)
        rows = 0
        for number, block in enumerate(_blocks(opened.rows)):
            if number % order.shares == order.share:
                out.write(work.block(block, rows))
                sorter.relieve()
            rows += len(block)
            if rows > MAX_ROWS:
                raise SourceError(f"{order.source.path}: has more than {MAX_ROWS} rows. Register it in pieces.")
    return Share(rows, tuple(work.columns), frozenset(work.lengths), frozenset(work.sizes), sorter.spill(), row_file)


def _blocks(rows: Iterator[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    while block := list(islice(rows, BLOCK)):
        yield block


def _is_phone(name: str) -> bool:
    low = name.casefold()
    return any(each in low for each in _PHONE_NAMES)


class _Cells:
    """Hashes of cells; cells seen before are remembered for a while."""

    def __init__(self, key: bytes, names: Sequence[str], sorter: Sorter) -> None:
        self._hasher = hasher(key)
        self._sorter = sorter
        self.columns = [Column(name, _is_phone(name)) for name in names]
        self._caches: list[dict[str, bytes]] = [{"": NOTHING} for _ in names]
        self.lengths: set[int] = set()
        self.sizes: set[int] = set()
        self._words: set[str] = set()

    def block(self, rows: list[Sequence[str]], first: int) -> bytes:
        """Records of these rows go to the sorter; their hashes row by row are the answer."""
        parts = self._sorter.parts
        numbers = [number.to_bytes(4, "big") for number in range(first, first + len(rows))]
        hashed: list[list[bytes]] = []
        for place, (column, cache, cells) in enumerate(
            zip(self.columns, self._caches, zip(*rows, strict=True), strict=True)
        ):
            tail = bytes([place])
            values = self._hashes(cells, column, cache)
            for value, number in zip(values, numbers, strict=True):
                if value is not NOTHING:
                    parts[value[0]] += value + tail + number
            hashed.append(values)
        return b"".join(chain.from_iterable(zip(*hashed, strict=True)))

    def _hashes(self, cells: Sequence[str], column: Column, cache: dict[str, bytes]) -> list[bytes]:
        """The hashes of the cells of one column."""
        if new := [cell for cell in dict.fromkeys(cells) if cell not in cache]:
            fresh = self._fresh(new, column)
            if len(cache) < _CACHE:
                cache.update(fresh)
            else:
                get, late = cache.get, fresh.__getitem__
                return [get(cell) or late(cell) for cell in cells]
        return list(map(cache.__getitem__, cells))

    def _fresh(self, cells: list[str], column: Column) -> dict[str, bytes]:
        """The hashes of cells not seen lately; on the way, what their column looks like."""
        copy, phone, canonical = self._hasher.copy, column.phone, normal.canonical
        found: dict[str, bytes] = {}
        for cell, folded in zip(cells, normal.fold_each(cells), strict=True):
            form = canonical(folded, phone=phone)
            if not form:
                column.skipped += not cell.isspace()
                found[cell] = NOTHING
                continue
            state = copy()
            state.update(form.encode())
            found[cell] = state.digest()
            if form[0] == "#":
                self.lengths.add(len(form) - 1)
            elif " " in form:
                self._mark(form)
            if column.said < _SAMPLE:
                column.said += 1
                column.shaped += normal.identifies(form, cell)
        return found

    def _mark(self, form: str) -> None:
        """Say of each word of a value of several words that it is one: a mail then tries only such words together."""
        words = form.split(" ")
        self.sizes.add(len(words))
        for word in words:
            if word in self._words:
                continue
            if len(self._words) >= 4 * _CACHE:
                self._words.clear()  # doubles are dropped by the sorter
            self._words.add(word)
            state: Any = self._hasher.copy()
            state.update(word.encode())
            value = state.digest()
            self._sorter.parts[value[0]] += value + bytes([WORD_COLUMN]) + bytes(4)
