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
from dlpmilter.registers.index_file import HASH, hash_each, hasher
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
_SELDOM = 0.8
"""A column of which such a share of a block is new has values that do not come again."""
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
    lengths = frozenset[int]().union(*(column.lengths for column in work.columns))
    columns = tuple(column.told for column in work.columns)
    return Share(rows, columns, lengths, frozenset(work.sizes), sorter.spill(), row_file)


def _blocks(rows: Iterator[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    while block := list(islice(rows, BLOCK)):
        yield block


def _is_phone(name: str) -> bool:
    low = name.casefold()
    return any(each in low for each in _PHONE_NAMES)


class _Hashes:
    """Hashes of the cells of one column; cells seen before are remembered for a while, where they come again."""

    def __init__(self, hasher: Any, name: str) -> None:
        self.told = Column(name, _is_phone(name))
        self._hasher = hasher
        self._canonical = normal.Canonical(phone=self.told.phone)
        self._known: dict[str, bytes] = {"": NOTHING}
        self._silent = {""}
        """Cells seen that say too little."""
        self._unique = False

    @property
    def lengths(self) -> set[int]:
        """Signs of its numbers."""
        return self._canonical.lengths

    def of(self, cells: Sequence[str]) -> tuple[list[bytes], list[str]]:
        """The hash of each cell, and the values of several words that were not seen lately."""
        if self._unique:
            return self._fresh(cells)
        known = self._known
        values: list[bytes | None] = list(map(known.get, cells))
        missing = [cell for cell, value in zip(cells, values, strict=True) if value is None]
        new = list(dict.fromkeys(missing))
        hashes, several = self._fresh(new) if new else ([], [])
        fresh = dict(zip(new, hashes, strict=True))
        if len(known) < _CACHE:
            known |= fresh
        if len(known) > _SAMPLE and len(missing) > _SELDOM * len(cells):
            self._unique = True
            known.clear()
        return [fresh[cell] if value is None else value for cell, value in zip(cells, values, strict=True)], several

    def _fresh(self, cells: Sequence[str]) -> tuple[list[bytes], list[str]]:
        """The hashes of cells not seen lately; on the way, what their column looks like."""
        forms, several = self._canonical.each(normal.fold_each(cells))
        hashes = hash_each(self._hasher, "\n".join(forms).encode().split(b"\n"))
        told = self.told
        if "" in forms:
            hashes = [value if form else NOTHING for value, form in zip(hashes, forms, strict=True)]
            silent = {cell for cell, form in zip(cells, forms, strict=True) if not form} - self._silent
            told.skipped += sum(not cell.isspace() for cell in silent)
            if len(self._silent) < _CACHE:
                self._silent |= silent
        if told.said < _SAMPLE:
            sample = [(form, cell) for form, cell in zip(forms, cells, strict=True) if form][: _SAMPLE - told.said]
            told.said += len(sample)
            told.shaped += sum(normal.identifies(form, cell) for form, cell in sample)
        return hashes, several


class _Cells:
    """Hashes of rows; records of where each value stands go to the sorter."""

    def __init__(self, key: bytes, names: Sequence[str], sorter: Sorter) -> None:
        self._hasher = hasher(key)
        self._sorter = sorter
        self.columns = [_Hashes(self._hasher, name) for name in names]
        self.sizes: set[int] = set()
        self._words: set[str] = set()

    def block(self, rows: list[Sequence[str]], first: int) -> bytes:
        """Records of these rows go to the sorter; their hashes row by row are the answer."""
        part_of = self._sorter.parts.__getitem__
        numbers = [number.to_bytes(4, "big") for number in range(first, first + len(rows))]
        hashed: list[list[bytes]] = []
        for place, (column, cells) in enumerate(zip(self.columns, zip(*rows, strict=True), strict=True)):
            values, several = column.of(cells)
            tail = bytes([place])
            for value, number in zip(values, numbers, strict=True):
                if value is not NOTHING:
                    part = part_of(value[0])
                    part += value + tail + number
            if several:
                self._mark(several)
            hashed.append(values)
        return b"".join(chain.from_iterable(zip(*hashed, strict=True)))

    def _mark(self, several: list[str]) -> None:
        """Say of each word of a value of several words that it is one: a mail then tries only such words together."""
        self.sizes.update({form.count(" ") + 1 for form in several})
        words = set(" ".join(several).split(" ")) - self._words
        if len(self._words) >= 4 * _CACHE:
            self._words.clear()  # doubles are dropped by the sorter
        self._words |= words
        parts = self._sorter.parts
        for value in hash_each(self._hasher, map(str.encode, words)):
            parts[value[0]] += value + bytes([WORD_COLUMN]) + bytes(4)
