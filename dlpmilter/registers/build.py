# SPDX-License-Identifier: Apache-2.0
"""Builds the index of a registered table in bounded memory. Never stores a value: cells become keyed hashes.

Three sections: `values` says in which rows and columns a value stands, as long as it stands in at most COMMON
rows (else one record says that it is common); `rows` holds a short hash of each cell of each row, to confirm a
second cell; `pairs` leads from two common values of one row to that row, as long as few rows share them.
"""

from __future__ import annotations

import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, BinaryIO

from dlpmilter.registers import normal
from dlpmilter.registers.errors import SourceError
from dlpmilter.registers.index_file import HASH, Writer, hasher
from dlpmilter.registers.sorting import Sorter
from dlpmilter.registers.source import Source, open_source, open_text

FORMAT = 1
COMMON = 24
"""A value in more rows than this says nothing alone; it only confirms, or counts with a second common one."""
VALUE = struct.Struct(">8sBI")
PAIR_WIDTH = HASH + 4
WORD_COLUMN = 254
"""Marks a word of a value of several words."""
COMMON_COLUMN = 253
SHORT = 4
"""Octets of a hash in `rows`: they only confirm."""
MIX = 0x9E3779B97F4A7C15
"""An odd number: (a * MIX + b) mod 2^64 of two keyed hashes is as evenly spread as they are."""
MASK = (1 << 64) - 1
MAX_ROWS = 0xFFFFFFFE
_CACHE = 50_000
"""Cells of one column remembered with their hash: cities and given names come again."""
_SAMPLE = 20_000
_SHAPED = 0.8
_DISTINCT = 0.9
_EVERY = 4096
_NOTHING = bytes(HASH)
_PHONE_NAMES = ("tel", "phone", "mobil", "handy", "fax", "rufnummer")


@dataclass(frozen=True, slots=True)
class Plan:
    """What the person at the command line decides about a register."""

    name: str
    owner: str = "own"
    require: int | None = None
    """How many columns of one row must stand together, unless one alone identifies it; None: two, or the only one."""
    alone: tuple[str, ...] = ()
    """Columns whose values count alone, whatever the data look like."""
    together: tuple[str, ...] = ()
    """Columns whose values never count alone."""


@dataclass(slots=True)
class _Column:
    """What is learned about one column while rows are read."""

    name: str
    phone: bool
    cache: dict[str, bytes] = field(default_factory=dict)
    again: int = 0
    """Cells whose value stands in another row too."""
    long: int = 0
    sampled: int = 0
    shaped: int = 0
    distinct: int = 0


def build(
    source: Source,
    plan: Plan,
    target: Path,
    key: bytes,
    description: dict[str, Any],
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Read the table, write the index to `target`, return its description. Raises SourceError, OSError.

    `description` is added to what the index says of itself (key id, day). Memory: the sort buffer of 96 MB
    and the common values of the table.
    """
    with (
        open_text(source) as text,
        Sorter(VALUE.size, target.parent) as values,
        tempfile.TemporaryFile(dir=target.parent) as rows_file,
        Writer(target, key) as writer,
    ):
        opened = open_source(source, text, progress)
        _known(source, plan, opened.columns)
        work = _Work(key, [_Column(name, _is_phone(name)) for name in opened.columns])
        rows = work.read(opened.rows, values, rows_file)
        if not rows:
            raise SourceError(f"{source.path}: has no rows below the names of the columns.")
        raw = rows * len(opened.columns)
        count = writer.table("values", work.grouped(values), raw)
        with Sorter(PAIR_WIDTH, target.parent) as pairs:
            writer.section("rows", work.short_rows(rows_file, rows, pairs))
            pair_count = writer.table("pairs", _rare_pairs(pairs), work.pairs)
        told = {
            **description,
            "kind": "register",
            "format": FORMAT,
            "normal": normal.VERSION,
            "name": plan.name,
            "owner": plan.owner,
            "require": plan.require or min(2, len(opened.columns)),
            "rows": rows,
            "columns": work.described(plan),
            "lengths": sorted(work.lengths),
            "records": count,
            "pairs": pair_count,
        }
        writer.finish(told)
    return told


def _known(source: Source, plan: Plan, columns: tuple[str, ...]) -> None:
    for name in (*plan.alone, *plan.together):
        if name not in columns:
            raise SourceError(f"{source.path}: {name!r} is not among the registered columns ({', '.join(columns)}).")
    if plan.require is not None and not 1 <= plan.require <= len(columns):
        raise SourceError(f"--require {plan.require}: there are {len(columns)} columns.")


def _is_phone(name: str) -> bool:
    low = name.casefold()
    return any(each in low for each in _PHONE_NAMES)


class _Work:
    """One build: columns, common values, lengths of numbers."""

    def __init__(self, key: bytes, columns: list[_Column]) -> None:
        self._hasher = hasher(key)
        self.columns = columns
        self.lengths: set[int] = set()
        self.common: dict[int, int] = {}
        self.rows = 0
        self.pairs = 0
        self._words: set[str] = set()

    def read(self, source: Iterator[Any], values: Sorter, rows_file: BinaryIO) -> int:
        """Hash all cells: records for the sorter, and the hashes of each row for the second pass."""
        parts = values.parts
        plan = [(column, column.cache.get, bytes([number])) for number, column in enumerate(self.columns)]
        number = -1
        block: list[bytes] = []
        for number, cells in enumerate(source):
            if number >= MAX_ROWS:
                raise SourceError(f"there are more than {MAX_ROWS} rows; register the table in pieces.")
            row = number.to_bytes(4, "big")
            for (column, cached, tail), cell in zip(plan, cells, strict=True):
                value = cached(cell)
                if value is None:
                    value = self._new(column, cell, parts) if cell else _NOTHING
                if value is not _NOTHING:
                    parts[value[0]] += value + tail + row
                block.append(value)
            if not number % _EVERY:
                rows_file.write(b"".join(block))
                block.clear()
                values.relieve()
        rows_file.write(b"".join(block))
        self.rows = number + 1
        return self.rows

    def _new(self, column: _Column, cell: str, parts: list[bytearray]) -> bytes:
        """The hash of a cell not seen lately; on the way, what its column looks like."""
        folded = normal.fold(cell)
        form = normal.canonical(folded, phone=column.phone)
        if form:
            value = self._hash(form)
            if " " in form:
                self._mark(form, parts)
            elif form[0] == "#":
                self.lengths.add(len(form) - 1)
        else:
            value = _NOTHING
            column.long += bool(cell.strip())
        if column.sampled < _SAMPLE:
            column.sampled += bool(form)
            column.shaped += bool(form) and normal.identifies(form, cell)
        if len(column.cache) < _CACHE:
            column.cache[cell] = value
        return value

    def _hash(self, form: str) -> bytes:
        state = self._hasher.copy()
        state.update(form.encode("utf-8", "surrogatepass"))
        found: bytes = state.digest()
        return found

    def _mark(self, form: str, parts: list[bytearray]) -> None:
        """Say of each word of a value of several words that it is one: a mail then tries only such words together."""
        for word in form.split(" "):
            if word in self._words:
                continue
            if len(self._words) >= 4 * _CACHE:
                self._words.clear()  # doubles are dropped by the sorter
            self._words.add(word)
            value = self._hash(word)
            parts[value[0]] += value + bytes([WORD_COLUMN]) + bytes(4)

    def grouped(self, values: Sorter) -> Iterator[list[bytes]]:
        """Sorted records, those of a common value replaced by one; counts distinct values on the way."""
        distinct = [0] * 256
        for records in values.sorted():
            kept: list[bytes] = []
            keep = kept.append
            at, end = 0, len(records)
            while at < end:
                record = records[at]
                value = record[:HASH]
                after = at + 1
                while after < end and records[after].startswith(value):
                    after += 1
                distinct[record[HASH]] += 1
                if after - at == 1:
                    keep(record)
                elif after - at <= COMMON:
                    kept += records[at:after]
                    self._count_columns(records[at:after], distinct)
                else:
                    self._common(records[at:after], kept, distinct)
                at = after
            yield kept
        for number, column in enumerate(self.columns):
            column.distinct = distinct[number]

    def _count_columns(self, group: list[bytes], distinct: list[int]) -> None:
        """Count a group of records beyond its first, which `grouped` has counted as distinct."""
        numbers = Counter(record[HASH] for record in group)
        for number, times in numbers.items():
            if number < len(self.columns):
                self.columns[number].again += times - 1
            distinct[number] += number != group[0][HASH]

    def _common(self, group: list[bytes], kept: list[bytes], distinct: list[int]) -> None:
        self._count_columns(group, distinct)
        marks = [record for record in group[-1:] if record[HASH] == WORD_COLUMN]
        if len(group) - len(marks) <= COMMON:
            kept += group
            return
        value = group[0][:HASH]
        kept.append(value + bytes([COMMON_COLUMN]) + bytes(4))
        kept += marks
        self.common[int.from_bytes(value, "big")] = len(group)

    def short_rows(self, rows_file: BinaryIO, rows: int, pairs: Sorter) -> Iterator[bytes]:
        """The cells of each row by their short hashes; pairs of common values go to the sorter on the way.

        A pair is left out when, were its values independent, far more than COMMON rows would share it.
        """
        width = len(self.columns)
        unpack = struct.Struct(f">{width}Q").iter_unpack
        pack = struct.Struct(f">{width}I").pack
        common, parts = self.common, pairs.parts
        ceiling = 4 * COMMON * rows
        number = 0
        rows_file.seek(0)
        while block := rows_file.read(width * HASH * _EVERY):
            short: list[bytes] = []
            for cells in unpack(block):
                short.append(pack(*[cell >> 32 for cell in cells]))
                frequent = [cell for cell in cells if cell in common]
                if len(frequent) > 1:
                    row = number.to_bytes(4, "big")
                    for one, other in combinations(sorted(set(frequent)), 2):
                        if common[one] * common[other] <= ceiling:
                            pair = ((one * MIX + other) & MASK).to_bytes(HASH, "big")
                            parts[pair[0]] += pair + row
                            self.pairs += 1
                number += 1
            pairs.relieve()
            yield b"".join(short)

    def described(self, plan: Plan) -> list[dict[str, Any]]:
        """What the index says of each column. Counts only."""
        return [
            {
                "name": column.name,
                "phone": column.phone,
                "alone": self._alone(column, plan),
                "distinct": column.distinct,
                "skipped": column.long,
            }
            for column in self.columns
        ]

    def _alone(self, column: _Column, plan: Plan) -> bool:
        """Whether one value of this column names a row: almost all differ, and they look like it."""
        if column.name in plan.alone or column.name in plan.together:
            return column.name in plan.alone
        shaped = column.sampled > 0 and column.shaped >= _SHAPED * column.sampled
        return shaped and column.distinct >= _DISTINCT * (column.distinct + column.again)


def _rare_pairs(pairs: Sorter) -> Iterator[list[bytes]]:
    """Pairs that few rows share; the others say nothing."""
    for records in pairs.sorted():
        kept: list[bytes] = []
        at, end = 0, len(records)
        while at < end:
            value = records[at][:HASH]
            after = at + 1
            while after < end and records[after].startswith(value):
                after += 1
            if after - at <= COMMON:
                kept += records[at:after]
            at = after
        yield kept
