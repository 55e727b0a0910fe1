# SPDX-License-Identifier: Apache-2.0
"""Finds rows of a register in what was read out of a mail. Never tells which values: row numbers are all it gives.

A value that names a row (an IBAN, a customer number) counts alone. Others count when `require` columns of one
row stand together: in one row of a table, or within WINDOW words. A list of LIST full names counts too.
Whatever is added to a mail behind its text, or as a further part, takes no hit away.
"""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpmilter.model.content import RegisterHit
from dlpmilter.registers import normal
from dlpmilter.registers.build import FORMAT
from dlpmilter.registers.errors import IndexUnusable
from dlpmilter.registers.evidence import Evidence, Value, near
from dlpmilter.registers.grouping import VALUE
from dlpmilter.registers.index_file import HASH, IndexFile, Table, hash_each, hasher
from dlpmilter.registers.pairing import MASK, MIX, PAIR_WIDTH, SHORT
from dlpmilter.registers.tokens import LONG, MAX_PLACES, WINDOW, Span, numbers, segments

if TYPE_CHECKING:
    from dlpmilter.model.content import Extract

LIST = 10
"""So many different full names of one column, each in at most NAMESAKES rows, are a list taken from the register."""
NAMESAKES = 3
BUILD = 12
"""Signs of the digest that name a build."""
_NEIGHBOURS = 8
_PAIRS = struct.Struct(">8xI").iter_unpack


class Register:
    """An opened index. Holds a mapping of its file, no rows."""

    def __init__(self, path: Path, key: bytes, *, verify: bool = True) -> None:
        """Open the index of a table. Raises IndexUnusable with a sentence that names the file."""
        self.path = path
        self._file = IndexFile(path, key, verify=verify)
        try:
            self._read(path, self._file.description)
        except (KeyError, TypeError, ValueError) as error:
            self.close()
            if isinstance(error, IndexUnusable):
                raise
            raise IndexUnusable(f"{path}: is damaged ({type(error).__name__}). Register the data again.") from None
        self.hasher = hasher(key)

    def _read(self, path: Path, told: dict[str, Any]) -> None:
        if (told["kind"], told["format"], told["normal"]) != ("register", FORMAT, normal.VERSION):
            raise IndexUnusable(f"{path}: was written by another version of dlpmilter. Register the data again.")
        self.description = told
        self.name = str(told["name"])
        self.owner = str(told["owner"])
        self.build = str(told["digest"])[:BUILD]
        """Tells this index from one of another table, whose rows have other numbers."""
        self.rows = int(told["rows"])
        self.require = int(told["require"])
        self.width = len(told["columns"])
        self.alone = frozenset(number for number, column in enumerate(told["columns"]) if column["alone"])
        self.phones = any(column["phone"] for column in told["columns"])
        self.lengths = frozenset(int(each) for each in told["lengths"])
        self.sizes = tuple(sorted(int(each) for each in told.get("sizes", range(2, normal.MAX_WORDS + 1))))
        self.values = Table(self._file, "values", VALUE.size)
        self.pairs = Table(self._file, "pairs", PAIR_WIDTH)
        self._row = struct.Struct(f">{self.width}I")
        self._rows_start, count = self._file.section("rows", self._row.size)
        if count != self.rows or not 1 <= self.require <= self.width:
            raise IndexUnusable(f"{path}: is damaged (rows). Register the data again.")

    def close(self) -> None:
        """Give the mapping back."""
        self._file.close()

    def hash(self, form: str) -> bytes:
        """The keyed hash of a canonical form."""
        return self.hash_each((form,))[0]

    def hash_each(self, forms: Iterable[str]) -> list[bytes]:
        """The keyed hashes of canonical forms."""
        return hash_each(self.hasher, map(str.encode, forms))

    def cells_each(self, rows: Iterable[int]) -> Iterator[tuple[int, ...]]:
        """The short hashes of each of these rows."""
        start, size = self._rows_start, self._row.size
        return map(self._row.unpack_from, repeat(self._file.octets), [start + row * size for row in rows])


def match(register: Register, extracts: Sequence[Extract]) -> RegisterHit | None:
    """The distinct rows of the register that stand in these texts and tables; None when there is none.

    Several rows that the same evidence points to (namesakes) count as the first of them.
    """
    search = _Search(register)
    search.read(extracts)
    rows = search.rows()
    return RegisterHit(register.name, tuple(sorted(rows)), register.rows, build=register.build) if rows else None


class _Search:
    """One mail against one register."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._known: dict[str, Value] = {}
        self._asked: set[str] = set()
        self._found: list[Value] = []
        self._short: dict[int, list[Value]] = defaultdict(list)
        """What was found by the hashes that rows are kept with."""

    def read(self, extracts: Sequence[Extract]) -> None:
        """Look every word, every few words that belong together and every number up, each kind at one go."""
        register = self._register
        read = list(segments(extracts))
        self._ask({word for segment in read for word in segment.words})
        more: list[tuple[str, Span]] = []
        for segment in read:
            base = segment.start
            more += [(address, (base + place, base + place + 1)) for address, place in segment.mails]
            more += self._words(segment.words, base)
            more += numbers(segment, register.lengths, phones=register.phones)
        self._ask({form for form, _ in more})
        known = self._known
        for form, span in more:
            if form in known:
                self._place(known[form], span)

    def _ask(self, forms: set[str]) -> None:
        """Find out which of these are registered."""
        new = list(forms - self._asked)
        self._asked.update(new)
        hashes = self._register.hash_each(new)
        for form, value, records in zip(new, hashes, self._register.values.find_each(hashes), strict=True):
            if records:
                self._known[form] = Value(value, records, name=" " in form and form.replace(" ", "").isalpha())

    def _words(self, words: list[str], base: int) -> list[tuple[str, Span]]:
        """Note the places of single words; the forms of neighbours that may be one value are the answer."""
        known, sizes = self._known, self._register.sizes
        forms: list[tuple[str, Span]] = []
        often: Counter[tuple[str, ...]] | None = Counter() if len(words) > LONG else None
        run = 0
        before = -2
        for place in [place for place, word in enumerate(words) if word in known]:
            value = known[words[place]]
            self._place(value, (base + place, base + place + 1))
            run = (run if place == before + 1 else 0) + 1 if value.member else 0
            before = place
            if run > 1:
                end = place + 1
                if often is not None:
                    around = tuple(words[end - min(run, normal.MAX_WORDS) : end])
                    if often[around] >= MAX_PLACES:
                        continue  # these forms have all the places that are looked at
                    often[around] += 1
                forms += [
                    (" ".join(sorted(words[end - size : end])), (base + end - size, base + end))
                    for size in sizes
                    if size <= run
                ]
        return forms

    def _place(self, value: Value, span: Span) -> None:
        if value.common or value.columns:
            if not value.places:
                self._found.append(value)
                self._short[value.hash >> 8 * (HASH - SHORT)].append(value)
            value.place(span)

    def rows(self) -> set[int]:
        """All rows that count. Each word of the mail speaks for one row only: the one that explains most."""
        rows = self._alone()
        taken: set[int] = set()
        for _, evidence in self._together(rows, 1, taken):
            taken.update(evidence.words())
        told = dict(self._together(self._touched() - rows, self._register.require, taken))
        for row in sorted(told, key=lambda row: (-len(told[row].places), told[row].extent, row)):
            words = told[row].words()
            if not taken.issuperset(words):
                taken.update(words)
                rows.add(row)
        return rows | self._lists(taken)

    def _alone(self) -> set[int]:
        """The first row of each value that counts alone."""
        alone = self._register.alone
        return {
            min(row for column, row in zip(value.columns, value.rows, strict=True) if column in alone)
            for value in self._found
            if not alone.isdisjoint(value.columns)
        }

    def _lists(self, taken: set[int]) -> set[int]:
        """Rows of ten and more full names of one column that speak for no row yet."""
        lists: dict[int, set[int]] = defaultdict(set)
        for value in self._found:
            if value.name and len(value.columns) <= NAMESAKES and not value.spent(taken):
                for column in set(value.columns):
                    lists[column].add(
                        min(row for each, row in zip(value.columns, value.rows, strict=True) if each == column)
                    )
        return {row for rows in lists.values() if len(rows) >= LIST for row in rows}

    def _together(self, rows: set[int], require: int, taken: set[int]) -> Iterator[tuple[int, Evidence]]:
        """Which of these rows have so many columns together, and where; those with nothing new are left out.

        Rows that have the same values of the mail have the same evidence: only the first of them can add to it.
        """
        short = self._short
        silent = frozenset(
            cell for cell, values in short.items() if taken and all(value.spent(taken) for value in values)
        )
        end = self._register.rows
        last_first = sorted([row for row in rows if row < end], reverse=True)
        shown = map(frozenset(short).intersection, self._register.cells_each(last_first))
        for cells, row in dict(zip(shown, last_first, strict=True)).items():
            if len(cells) < require or silent >= cells:
                continue
            evidence = near([value for cell in cells for value in short[cell]], require)
            if evidence is not None:
                yield row, evidence

    def _touched(self) -> set[int]:
        rows: set[int] = set()
        for value in self._found:
            rows.update(value.rows)
        common = sorted(
            [(span, value.hash, value.mask) for value in self._found if value.common for span in value.places]
        )
        pairs: set[int] = set()
        for number, (span, one, mask) in enumerate(common, start=1):
            border = span[1] + WINDOW
            single = mask and not mask & (mask - 1)  # values of one column only are no pair
            for other_span, other, other_mask in common[number : number + _NEIGHBOURS]:
                if other_span[0] > border:
                    break
                if one != other and not (single and mask == other_mask):
                    pairs.add((one * MIX + other if one < other else other * MIX + one) & MASK)
        wanted = [pair.to_bytes(HASH, "big") for pair in pairs]
        for found in self._register.pairs.find_each(wanted):
            rows.update(row for (row,) in _PAIRS(found))
        return rows
