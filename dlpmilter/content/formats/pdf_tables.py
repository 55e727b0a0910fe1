# SPDX-License-Identifier: Apache-2.0
"""Tables on a PDF page: pieces of text that stand side by side, line after line.

A guess by position, for counting rows; the text itself is read elsewhere and complete. Never looks at
more than some hundred pieces of a page.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import pypdfium2.raw as c

from dlpmilter.content.formats.paper import MAX_COLUMNS

if TYPE_CHECKING:
    import pypdfium2 as pdfium

MAX_PIECES = 1_500
MIN_ROWS = 3
_BUFFER = 400
_NEAR = 0.9
"""A gap below this many line heights joins two pieces: words of one cell."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in points."""


def page_tables(textpage: pdfium.PdfTextPage) -> list[list[list[str]]]:
    """Runs of at least three lines with as many cells each, two or more."""
    count = c.FPDFText_CountRects(textpage, 0, -1)
    if not 2 * MIN_ROWS <= count <= MAX_PIECES:
        return []
    tables: list[list[list[str]]] = []
    block: list[list[str]] = []
    for cells in [*_lines(textpage, count), []]:
        if len(cells) > 1 and (not block or len(cells) == len(block[-1])):
            block.append(cells)
            continue
        if len(block) >= MIN_ROWS:
            tables.append(block)
        block = [cells] if len(cells) > 1 else []
    return tables


def _lines(textpage: pdfium.PdfTextPage, count: int) -> list[list[str]]:
    """The cells of each line of the page, from top to bottom and left to right."""
    left, top, right, bottom = (ctypes.c_double() for _ in range(4))
    boxes = [
        (left.value, top.value, right.value, bottom.value)
        for number in range(count)
        if c.FPDFText_GetRect(textpage, number, left, top, right, bottom)
    ]
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda each: (-(each[1] + each[3]), each[0])):
        last = rows[-1][0] if rows else None
        if last is not None and abs(last[1] + last[3] - box[1] - box[3]) < max(2.0, abs(last[1] - last[3])):
            rows[-1].append(box)
        else:
            rows.append([box])
    if sum(len(row) > 1 for row in rows) < MIN_ROWS:
        return []
    return [_cells(textpage, sorted(row)) for row in rows]


def _cells(textpage: pdfium.PdfTextPage, row: list[Box]) -> list[str]:
    merged: list[list[float]] = []
    for left, top, right, bottom in row:
        if merged and left - merged[-1][2] < _NEAR * max(4.0, abs(top - bottom)):
            merged[-1][2] = max(merged[-1][2], right)
            merged[-1][1], merged[-1][3] = max(merged[-1][1], top), min(merged[-1][3], bottom)
        else:
            merged.append([left, top, right, bottom])
    if len(merged) < 2:
        return []
    return [_text(textpage, *box) for box in merged[:MAX_COLUMNS]]


def _text(textpage: pdfium.PdfTextPage, left: float, top: float, right: float, bottom: float) -> str:
    buffer = (ctypes.c_ushort * _BUFFER)()
    size = c.FPDFText_GetBoundedText(textpage, left - 0.1, top + 0.1, right + 0.1, bottom - 0.1, buffer, _BUFFER)
    return " ".join(bytes(buffer)[: 2 * max(0, min(size, _BUFFER))].decode("utf-16-le", "replace").strip("\0").split())
