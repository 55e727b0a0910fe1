# SPDX-License-Identifier: Apache-2.0
"""The texts of an extract as detectors see them: place, plain form, and the heads of table columns. Never matches."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dlpmilter.detect.normalise import plain_forms

if TYPE_CHECKING:
    from dlpmilter.model.content import Extract, Table

HEADER_TYPE: Final = "text/rfc822-headers"
"""An extract of this type holds header fields: its text is place `header`."""


@dataclass(slots=True)
class View:
    """One plain form of one text. `heads` are the first cells of a table's columns, "" for running text."""

    text: bytes
    heads: tuple[bytes, ...] = ()
    _lines: list[int] = field(default_factory=list)

    def head(self, offset: int) -> bytes:
        """The head of the column that `offset` stands in; b"" outside tables."""
        if not self.heads:
            return b""
        if not self._lines:
            self._lines = _line_starts(self.text)
        start = self._lines[bisect_right(self._lines, offset) - 1]
        column = self.text.count(b"\t", start, offset)
        return self.heads[column] if column < len(self.heads) else b""


def places_of(extract: Extract) -> Iterator[tuple[str, View]]:
    """Each non-empty place with its views."""
    visible = "header" if extract.type == HEADER_TYPE else "text"
    name = extract.name.replace("_", " ")
    for place, text in ((visible, extract.text), ("hidden", extract.hidden), ("name", name)):
        if text:
            for form in plain_forms(text):
                yield place, View(form)
    for table in extract.tables:
        for form in plain_forms(_table_text(table)):
            heads = form.partition(b"\n")[0].split(b"\t")
            yield "table", View(form, tuple(heads))
    if extract.labels:
        for form in plain_forms("\n".join(extract.labels)):
            yield "labels", View(form)


def _table_text(table: Table) -> str:
    return "\n".join("\t".join(_cell(cell) for cell in row) for row in table.rows)


def _cell(text: str) -> str:
    return " ".join(text.splitlines()).replace("\t", " ") if "\n" in text or "\t" in text or "\r" in text else text


def _line_starts(text: bytes) -> list[int]:
    starts, place = [0], text.find(b"\n")
    while place >= 0:
        starts.append(place + 1)
        place = text.find(b"\n", place + 1)
    return starts
