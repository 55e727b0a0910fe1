# SPDX-License-Identifier: Apache-2.0
"""The texts of an extract as detectors see them: place, plain form, and the heads of table columns. Never matches."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dlpmilter.detect.normalise import plain_forms

if TYPE_CHECKING:
    from dlpmilter.detect.words import Places
    from dlpmilter.model.content import Extract, Table

HEADER_TYPE: Final = "text/rfc822-headers"
"""An extract of this type holds header fields: its text is place `header`."""


@dataclass(slots=True)
class View:
    """One plain form of one text. `heads` are the first cells of a table's columns, "" for running text."""

    text: bytes
    heads: tuple[bytes, ...] = ()
    head_words: dict[int, set[int]] = field(default_factory=dict)
    """Column -> vocabularies with a word in its head."""
    _lines: list[int] = field(default_factory=list)
    _last: tuple[int, int] = (-1, 0)
    """The last answer, to count on from: a row may have many thousands of cells."""

    def column(self, offset: int) -> int:
        """The column of a table that `offset` stands in, from 0."""
        if not self._lines:
            self._lines = _line_starts(self.text)
        start = self._lines[bisect_right(self._lines, offset) - 1]
        counted, column = self._last
        if not start <= counted <= offset:
            counted, column = start, 0
        column += self.text.count(b"\t", counted, offset)
        self._last = (offset, column)
        return column

    def mark_heads(self, words: Mapping[int, Places]) -> None:
        """Note which vocabularies have a word in which column's head, the first line of a table."""
        end = self.text.find(b"\n")
        end = len(self.text) if end < 0 else end
        for vocabulary, places in words.items():
            for start in places.starts:
                if start >= end:
                    break
                self.head_words.setdefault(self.column(start), set()).add(vocabulary)

    def head_has(self, column: int, vocabulary: int) -> bool:
        """Whether the head of a column holds a word of this vocabulary."""
        return vocabulary in self.head_words.get(column, ())


def places_of(extract: Extract) -> Iterator[tuple[str, View]]:
    """Each non-empty place with its views."""
    visible = "header" if extract.type == HEADER_TYPE else "text"
    name = extract.name.replace("_", " ")
    for place, text in ((visible, extract.text), ("hidden", extract.hidden), ("name", name)):
        if text:
            for form in plain_forms(text):
                yield place, View(form)
    for table in extract.tables:
        for form in plain_forms(table_text(table)):
            heads = form.partition(b"\n")[0].split(b"\t")
            yield "table", View(form, tuple(heads))
    if extract.labels:
        for form in plain_forms("\n".join(extract.labels)):
            yield "labels", View(form)


def table_text(table: Table) -> str:
    """Rows as lines, cells between tabs; gaps inside a cell are blanks."""
    return "\n".join("\t".join(_cell(cell) for cell in row) for row in table.rows)


def _cell(text: str) -> str:
    return " ".join(text.splitlines()).replace("\t", " ") if "\n" in text or "\t" in text or "\r" in text else text


def _line_starts(text: bytes) -> list[int]:
    starts, place = [0], text.find(b"\n")
    while place >= 0:
        starts.append(place + 1)
        place = text.find(b"\n", place + 1)
    return starts
