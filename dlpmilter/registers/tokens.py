# SPDX-License-Identifier: Apache-2.0
"""What a mail offers to a register: its words in order, and the addresses, numbers and dates among them.

Every step is linear in the text. Never drops a word: limits on text are set where it is extracted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dlpmilter.registers import normal
from dlpmilter.registers.tables import typed_rows

if TYPE_CHECKING:
    from dlpmilter.model.content import Extract

WINDOW = 24
"""Words between two values that still stand together: an address block has fewer."""
MAX_PLACES = 128
"""Places of one value in a mail that are looked at, from the first on."""
LONG = 5_000
"""Words of a text from which on it is noted how often the same words stand in a row."""
_LEAST = 4
"""Digits of a number (normal.is_number)."""
Span = tuple[int, int]
"""First word and the word behind the last, counted through the whole mail."""


class Segment:
    """Folded text whose words may stand together; other segments are out of reach of each other."""

    __slots__ = ("mails", "start", "words")

    def __init__(self, folded: str, start: int) -> None:
        self.start = start
        self.mails: list[tuple[str, int]] = []
        """Mail addresses with the word before them; their words are not in `words`."""
        if "@" not in folded:
            self.words: list[str] = normal.WORD.findall(folded)
            return
        self.words = []
        at = 0
        for address, begin, end in normal.mails_in(folded):
            self.words += normal.WORD.findall(folded, at, begin)
            self.mails.append((address, len(self.words)))
            self.words.append("@")
            at = end
        self.words += normal.WORD.findall(folded, at)

    @property
    def end(self) -> int:
        """Where the next segment may start."""
        return self.start + len(self.words) + WINDOW + 1


def segments(extracts: Sequence[Extract]) -> Iterator[Segment]:
    """All texts of a mail: names, running text, hidden text, each row of a table by itself."""
    start = 0
    for folded in normal.fold_each(list(_texts(extracts))):
        segment = Segment(folded, start)
        if segment.words:
            yield segment
            start = segment.end


def _texts(extracts: Sequence[Extract]) -> Iterator[str]:
    for extract in extracts:
        yield extract.name
        for text in (extract.text, extract.hidden):
            prose, rows = typed_rows(text)
            yield prose
            yield from rows
        for table in extract.tables:
            for row in table.rows:
                yield "\n".join(row)


def numbers(segment: Segment, lengths: frozenset[int], *, phones: bool) -> list[tuple[str, Span]]:
    """Numbers, dates and telephone numbers, joined over whatever separates their groups.

    `lengths` are those of the register's numbers: a run of figures offers only sums of groups that fit.
    """
    words = segment.words
    words_ahead = normal.NUMBER_TOKENS
    often: Counter[tuple[str, ...]] | None = Counter() if len(words) > LONG else None
    others = [place for place, word in enumerate(words) if not word.isalpha()]
    if not others:
        return []
    figures = {place for place in others if words[place].isdigit() or _DIGIT.search(words[place])}
    # a number or a date begins at a word that is not all letters, or up to two before one
    places = sorted({place - before for place in others for before in (0, 1, 2) if place >= before})
    found = _Numbers(words, segment.start, figures, lengths)
    last = len(words) - 3
    for place in places:
        if often is not None:
            around = tuple(words[max(0, place - 1) : place + words_ahead])
            if often[around] >= MAX_PLACES:
                continue  # these forms have all the places that are looked at
            often[around] += 1
        word = words[place]
        first = word[0]
        if first == "+":
            if phones:
                found.phones(place)
            continue
        if first.isdigit() or (len(word) <= 34 and (place in figures or (len(word) <= 4 and place + 1 in figures))):
            found.joined(place)
            if phones and first == "0" and (place == 0 or words[place - 1][0] not in "+0"):
                found.phones(place)
        elif len(word) > 9:
            continue
        if place <= last and (third := words[place + 2]).isdigit():
            second = words[place + 1]
            if len(third) == 4 or len(word) == 4 or len(second) == 4:  # the year
                found.date([word, second, third], place)
    return found.forms


_DIGIT = re.compile(r"\d")


class _Numbers:
    """What was found in one segment."""

    def __init__(self, words: list[str], base: int, figures: set[int], lengths: frozenset[int]) -> None:
        self._words = words
        self._base = base
        self._figures = figures
        """Places of words with a digit."""
        self._digits = list(map(str.isdigit, words))
        self._lengths = lengths
        self._longest = max(lengths, default=0)
        self.forms: list[tuple[str, Span]] = []

    def joined(self, place: int) -> None:
        """This word, and this word with those after it, as long as they can be groups of one number."""
        words, figures, lengths, digits = self._words, self._figures, self._lengths, self._digits
        size = len(words[place])
        plain = digits[place]
        start = self._base + place
        if size in lengths and size >= _LEAST and (plain or normal.is_number([words[place]])):
            self.forms.append(("#" + words[place], (start, start + 1)))
        end = place + 1
        room = self._longest - size
        for word in words[end : place + normal.NUMBER_TOKENS]:
            width = len(word)
            room -= width
            if room < 0 or (end not in figures and not (width == 4 and end == place + 1 and word.isalpha())):
                return
            size += width
            plain = plain and digits[end]
            end += 1
            if size in lengths and size >= _LEAST and (plain or normal.is_number(words[place:end])):
                self.forms.append(("#" + "".join(words[place:end]), (start, self._base + end)))

    def date(self, group: list[str], place: int) -> None:
        """Three words, when they are a day."""
        if day := normal.date_of(group):
            self.forms.append((day, (self._base + place, self._base + place + 3)))

    def phones(self, place: int) -> None:
        """Telephone numbers that begin here."""
        words = self._words
        size = 0
        for end in range(place + (words[place] == "+"), min(place + 8, len(words))):
            word = words[end]
            size += len(word)
            if size > 17 or not word.isdecimal():
                return
            if size >= 6 and (number := normal.phone_of(words[place : end + 1])):
                self.forms.append((number, (self._base + place, self._base + end + 1)))
