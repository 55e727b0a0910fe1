# SPDX-License-Identifier: Apache-2.0
"""The search of dlpmilter.registers.match as it was first written: value by value, row by row. Slow and plain."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.model.content import RegisterHit
from dlpmilter.registers import normal
from dlpmilter.registers.grouping import COMMON_COLUMN
from dlpmilter.registers.hashing import WORD_COLUMN
from dlpmilter.registers.index_file import HASH
from dlpmilter.registers.match import LIST, NAMESAKES, Register
from dlpmilter.registers.pairing import MASK, MIX, SHORT
from dlpmilter.registers.tokens import WINDOW, Segment, Span, segments

if TYPE_CHECKING:
    from dlpmilter.model.content import Extract

MAX_PLACES = 128
"""Places of one value in a mail that are looked at, from the first on."""
_NEIGHBOURS = 8
_GROUP = 128
"""Places behind a first one among which others of its row are looked for."""
_RECORDS = struct.Struct(">8xBI").iter_unpack
_PAIRS = struct.Struct(">8xI").iter_unpack


class PlainRegister(Register):
    """The register, looked into one value and one row at a time."""

    def cells(self, row: int) -> tuple[int, ...]:
        """The short hashes of a row."""
        return self._row.unpack_from(self._file.octets, self._rows_start + row * self._row.size)


class _Value:
    """A value of the register that the mail holds: where in the mail, where in the register."""

    __slots__ = ("common", "hash", "member", "name", "places", "postings")

    def __init__(self, value: bytes, records: bytes, *, name: bool) -> None:
        self.hash = int.from_bytes(value, "big")
        self.name = name
        """Several words without figures: perhaps a full name."""
        self.places: list[Span] = []
        self.common = self.member = False
        self.postings: list[tuple[int, int]] = list(_RECORDS(records))
        if self.postings[-1][0] == WORD_COLUMN:  # marks stand behind the columns
            self.member = True
            self.postings.pop()
        if self.postings and self.postings[-1][0] == COMMON_COLUMN:
            self.common = True
            self.postings.pop()

    def spent(self, taken: set[int]) -> bool:
        """Whether all its places speak for a row already."""
        return all(taken.issuperset(range(*span)) for span in self.places)


def plain_match(register: PlainRegister, extracts: Sequence[Extract]) -> RegisterHit | None:
    """The distinct rows of the register that stand in these texts and tables; None when there is none.

    Several rows that the same evidence points to (namesakes) count as the first of them.
    """
    search = _Search(register)
    search.read(extracts)
    rows = search.rows()
    return RegisterHit(register.name, tuple(sorted(rows)), register.rows, build=register.build) if rows else None


class _Search:
    """One mail against one register."""

    def __init__(self, register: PlainRegister) -> None:
        self._register = register
        self._known: dict[str, _Value | None] = {}
        self._found: list[_Value] = []

    def read(self, extracts: Sequence[Extract]) -> None:
        """Look every word, every few words that belong together and every number up."""
        register = self._register
        for segment in segments(extracts):
            base = segment.start
            for address, place in segment.mails:
                self._seen(address, (base + place, base + place + 1))
            self._words(segment.words, base)
            for form, span in numbers(segment, register.lengths, phones=register.phones):
                self._seen(form, span)

    def _words(self, words: list[str], base: int) -> None:
        known = self._known
        members: list[str] = []
        for place, word in enumerate(words):
            value = known[word] if word in known else self._value(word)
            if value is None:
                members.clear()
                continue
            if value.common or value.postings:
                self._place(value, (base + place, base + place + 1))
            if not value.member:
                members.clear()
                continue
            members.append(word)
            if len(members) > normal.MAX_WORDS:
                del members[0]
            for size in range(2, len(members) + 1):
                form = " ".join(sorted(members[-size:]))
                self._seen(form, (base + place + 1 - size, base + place + 1))

    def _value(self, form: str) -> _Value | None:
        value = self._register.hash(form)
        records = self._register.values.find(value)
        found = _Value(value, records, name=" " in form and form.replace(" ", "").isalpha()) if records else None
        self._known[form] = found
        return found

    def _seen(self, form: str, span: Span) -> None:
        value = self._known[form] if form in self._known else self._value(form)
        if value is not None and (value.common or value.postings):
            self._place(value, span)

    def _place(self, value: _Value, span: Span) -> None:
        if not value.places:
            self._found.append(value)
        if len(value.places) < MAX_PLACES:
            value.places.append(span)

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
            min(row for column, row in value.postings if column in alone)
            for value in self._found
            if not alone.isdisjoint([column for column, _ in value.postings])
        }

    def _lists(self, taken: set[int]) -> set[int]:
        """Rows of ten and more full names of one column that speak for no row yet."""
        lists: dict[int, set[int]] = defaultdict(set)
        for value in self._found:
            if value.name and len(value.postings) <= NAMESAKES and not value.spent(taken):
                for column in {column for column, _ in value.postings}:
                    lists[column].add(min(row for each, row in value.postings if each == column))
        return {row for rows in lists.values() if len(rows) >= LIST for row in rows}

    def _together(self, rows: set[int], require: int, taken: set[int]) -> Iterator[tuple[int, _Evidence]]:
        """Which of these rows have so many columns together, and where; those with nothing new are left out."""
        spent = {value.hash for value in self._found if value.spent(taken)} if taken else set()
        short: dict[int, list[_Value]] = defaultdict(list)
        for value in self._found:
            short[value.hash >> 8 * (HASH - SHORT)].append(value)
        present = short.keys()
        cells = self._register.cells
        for row in rows:
            if row >= self._register.rows:
                continue  # only in a damaged file
            common = present & cells(row)
            if len(common) < require:
                continue
            values = {value.hash: value for cell in common for value in short[cell]}
            if spent.issuperset(values):
                continue
            evidence = _near(values, require)
            if evidence is not None:
                yield row, evidence

    def _touched(self) -> set[int]:
        rows = {row for value in self._found for _, row in value.postings}
        common = sorted((span, value.hash) for value in self._found if value.common for span in value.places)
        tried: set[int] = set()
        for number, (span, one) in enumerate(common):
            for other_span, other in common[number + 1 : number + 1 + _NEIGHBOURS]:
                if other_span[0] - span[1] > WINDOW:
                    break
                low, high = min(one, other), max(one, other)
                pair = (low * MIX + high) & MASK
                if low != high and pair not in tried:
                    tried.add(pair)
                    rows.update(row for (row,) in _PAIRS(self._register.pairs.find(pair.to_bytes(HASH, "big"))))
        return rows


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The places of a mail that speak for one row, and how many words they span."""

    places: tuple[Span, ...]
    extent: int

    def words(self) -> list[int]:
        """All words of the places."""
        return [word for span in self.places for word in range(*span)]


def _near(values: dict[int, _Value], require: int) -> _Evidence | None:
    """The best group of different values of one row that stand together; None when none has `require` of them."""
    places = sorted((span, number) for number, value in values.items() for span in value.places)
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
    return _Evidence(tuple(best), _extent(best)) if len(best) >= max(require, 1) else None


def _extent(group: list[Span]) -> int:
    return group[-1][1] - group[0][0]


def numbers(segment: Segment, lengths: frozenset[int], *, phones: bool) -> Iterator[tuple[str, Span]]:
    """Numbers, dates and telephone numbers, joined over whatever separates their groups.

    `lengths` are those of the register's numbers: a run of figures offers only sums of groups that fit.
    """
    words, base = segment.words, segment.start
    longest = max(lengths, default=0)
    for place, word in enumerate(words):
        first = word[0]
        if first.isdigit():
            if len(word) in lengths and normal.is_number([word]):
                yield f"#{word}", (base + place, base + place + 1)
        elif first == "+":
            if phones:
                yield from _phones(words, place, base)
            continue
        elif len(word) > 34 or not (_has_digit(word) or _leads(words, place)):
            if len(word) <= 9 and place + 2 < len(words) and (day := _date(words, place)):
                yield day, (base + place, base + place + 3)
            continue
        elif len(word) in lengths and normal.is_number([word]):
            yield f"#{word}", (base + place, base + place + 1)
        yield from _joined(words, place, base, lengths, longest)
        if place + 2 < len(words) and (day := _date(words, place)):
            yield day, (base + place, base + place + 3)
        if phones and first == "0" and (place == 0 or words[place - 1][0] not in "+0"):
            yield from _phones(words, place, base)


def _has_digit(word: str) -> bool:
    return not word.isalpha() and any(map(str.isdigit, word))


def _leads(words: list[str], place: int) -> bool:
    """Whether a short word stands before a number and may be its beginning: `K-10023`, `DE 89 3704`."""
    return len(words[place]) <= 4 and place + 1 < len(words) and _has_digit(words[place + 1])


def _date(words: list[str], place: int) -> str:
    third = words[place + 2]
    return normal.date_of([words[place], words[place + 1], third]) if third.isdigit() else ""


def _joined(
    words: list[str], place: int, base: int, lengths: frozenset[int], longest: int
) -> Iterator[tuple[str, Span]]:
    size = len(words[place])
    end = place + 1
    while end < len(words) and end - place < normal.NUMBER_TOKENS:
        word = words[end]
        size += len(word)
        if size > longest or not (_has_digit(word) or (end == place + 1 and len(word) == 4 and word.isalpha())):
            return
        end += 1
        if size in lengths and normal.is_number(group := words[place:end]):
            yield "#" + "".join(group), (base + place, base + end)


def _phones(words: list[str], place: int, base: int) -> Iterator[tuple[str, Span]]:
    size = 0
    for end in range(place + (words[place] == "+"), min(place + 8, len(words))):
        word = words[end]
        size += len(word)
        if size > 17 or not word.isdecimal():
            return
        if size >= 6 and (number := normal.phone_of(words[place : end + 1])):
            yield number, (base + place, base + end + 1)
