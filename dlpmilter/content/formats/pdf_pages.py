# SPDX-License-Identifier: Apache-2.0
"""Pages of a PDF that are pictures, drawn in grey for a program that recognises letters.

Each at a size that is bounded before a pixel is drawn. Never draws a page that has text, never runs a script.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import pypdfium2 as pdfium

from dlpmilter.content.formats.pdf import FEW_LETTERS, MAX_PAGES, fills_page, has_picture

DPI = 200
"""Dots per inch: letters of 8 points are then 15 pixels high, and a page of A4 has four million pixels."""
_POINTS = 72
_LEAST = 10.0
"""Points: a shorter page has no line."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One page, one octet a pixel; None for `grey` when it could not be drawn."""

    grey: bytes | None
    size: tuple[int, int, int] = (0, 0, 0)
    """Width, height, octets of a row."""


def picture_pages(data: bytes, pixels: int) -> Iterator[Drawn]:
    """Every page without text, or with a line of it, that is a picture, at most `pixels` each. Raises PdfiumError."""
    start = max(0, data.find(b"%PDF-", 0, 1100))
    document = pdfium.PdfDocument(data[start:])
    try:
        for number in range(min(len(document), MAX_PAGES)):
            try:
                drawn = _drawn(document, number, pixels)
            except pdfium.PdfiumError:
                drawn = Drawn(None)
            if drawn is not None:
                yield drawn
    finally:
        document.close()


def _drawn(document: pdfium.PdfDocument, number: int, pixels: int) -> Drawn | None:
    page = document[number]
    try:
        textpage = page.get_textpage()
        try:
            text = textpage.get_text_range()
            few = sum(map(str.isalnum, text)) < FEW_LETTERS
            if not (few and fills_page(page) if text.strip() else has_picture(page)):
                return None
        finally:
            textpage.close()
        width, height = page.get_size()
        if min(width, height) < _LEAST:
            return Drawn(None)
        scale = min(DPI / _POINTS, sqrt(pixels / (width * height)))
        if min(width, height) * scale < 1:
            return Drawn(None)
        bitmap = page.render(scale=scale, grayscale=True)
        try:
            size = (bitmap.width, bitmap.height, bitmap.stride)
            return Drawn(bytes(bitmap.buffer), size)
        finally:
            bitmap.close()
    finally:
        page.close()
