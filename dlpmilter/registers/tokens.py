# SPDX-License-Identifier: Apache-2.0
"""What a mail offers to a register: its words in order, and the addresses, numbers and dates among them.

Every step is linear in the text. Never drops a word: limits on text are set where it is extracted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dlpmilter.registers import normal
from dlpmilter.registers.tables import typed_rows

if TYPE_CHECKING:
    from dlpmilter.model.content import Extract

WINDOW = 24
"""Words between two values that still stand together: an address block has fewer."""
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
    for text in _texts(extracts):
        segment = Segment(normal.fold(text), start)
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
