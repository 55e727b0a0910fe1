# SPDX-License-Identifier: Apache-2.0
"""Counts tables: those that documents have, and those that people type or paste into running text.

Typed means: at least MIN_ROWS lines in a row that are cut into the same number of cells, by tabs, semicolons,
bars, commas, or gaps of two spaces and more. Never keeps a cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpmilter.model.content import Extract

MIN_ROWS = 3
MIN_COLUMNS = 2
_MIN_COLUMNS_WEAK = 3
"""Commas and gaps of spaces stand in prose too: two of them in each line, or it is no table."""
_GAPS = re.compile(r"(?<=\S) {2,}(?=\S)")
_QUOTE = re.compile(r"[> ]*>[ ]?")
_RULE = re.compile(r"[\s|+:=\-]+")
_MAX_CELL = 80
"""A comma-separated line with a cell longer than this is a sentence."""


def count_tables(extracts: Sequence[Extract]) -> tuple[int, int]:
    """Rows of the biggest table of a mail, and its columns; (0, 0) when there is none."""
    found = [(0, 0)]
    for extract in extracts:
        found += [
            (max(table.rows_total, len(table.rows)), max(map(len, table.rows), default=0)) for table in extract.tables
        ]
        for text in (extract.text, extract.hidden):
            found += [(rows, columns) for _, rows, columns in _blocks(text.splitlines())]
    return max(found)


def typed_rows(text: str) -> tuple[str, list[str]]:
    """The text without the lines of typed tables, and these lines."""
    if not text:
        return "", []
    lines = text.splitlines()
    rows: list[str] = []
    prose: list[str] = []
    at = 0
    for start, count, _ in _blocks(lines):
        prose += lines[at:start]
        rows += lines[start : start + count]
        at = start + count
    if not rows:
        return text, rows
    return "".join(f"{line}\n" for line in (*prose, *lines[at:])), rows  # each ends, so that an empty one counts


def _blocks(lines: list[str]) -> Iterator[tuple[int, int, int]]:
    """First line, number of lines and columns of each typed table; lines that only draw its frame count along."""
    start = count = 0
    kind: tuple[str, int] | None = None
    for number, line in enumerate(lines):
        bare = _QUOTE.sub("", line, count=1) if line.startswith((">", " >")) else line
        if kind is not None and bare and _RULE.fullmatch(bare):
            count += 1
            continue
        now = _kind(bare, kind)
        if now is not None and now == kind:
            count += 1
            continue
        if kind is not None and count >= MIN_ROWS:
            yield start, count, kind[1]
        kind, start, count = now, number, 1
    if kind is not None and count >= MIN_ROWS:
        yield start, count, kind[1]


def _kind(line: str, before: tuple[str, int] | None) -> tuple[str, int] | None:
    """How a line is cut and into how many cells; the cut of the line before is tried first."""
    if not line or line.isspace() or len(line) > 20_000:
        return None
    if before is not None and _columns(line, before[0]) == before[1]:
        return before
    for sign in ("\t", ";", "|", ",", " "):
        columns = _columns(line, sign)
        if columns >= (MIN_COLUMNS if sign in "\t|" else _MIN_COLUMNS_WEAK):
            return sign, columns
    return None


def _columns(line: str, sign: str) -> int:
    if sign == " ":
        return len(_GAPS.findall(line.strip())) + 1
    if sign == "|":
        line = line.strip().strip("|")
    if sign != "\t" and '"' in line:
        line = re.sub(r'"[^"]*"', "", line)
    if sign == "," and max(map(len, line.split(","))) > _MAX_CELL:
        return 0
    return line.count(sign) + 1
