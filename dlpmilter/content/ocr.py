# SPDX-License-Identifier: Apache-2.0
"""Words in pictures and on scanned pages, recognised inside the confined child: an extra, and best effort.

What it finds goes into `hidden`, where detectors look. Only a picture of which every page gave enough letters with
enough confidence changes its status, to `read-by-ocr`; whatever else happens, it never changes. Never raises for a
picture, and never takes away what was found without it.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pypdfium2 as pdfium

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.fold import folded
from dlpmilter.content.formats.pdf_pages import picture_pages
from dlpmilter.content.formats.types import PDF
from dlpmilter.content.tesseract import LEAST_AREA, Tesseract, frames
from dlpmilter.content.walk import BY_OCR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlpmilter.content.formats.base import Budget
    from dlpmilter.content.formats.pdf_pages import Drawn
    from dlpmilter.content.tesseract import Seen
    from dlpmilter.content.walk import Picture
    from dlpmilter.model.content import Extract
    from dlpmilter.settings import Ocr as Settings

LEAST_LETTERS = 40
"""A page with fewer letters was not read: a caption below a drawing says nothing about the drawing."""
LEAST_CONFIDENCE = 70
"""Below this mean confidence, in percent, letters are guesses: they are searched, and the picture stays a picture."""
_PGM = b"P5\n%d %d\n255\n"
_PAGE_OF_PAPER = 4_000_000
"""Pixels a PDF counts for when the biggest picture goes first."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """The extracts with what was recognised, and the letters of what was read whole."""

    extracts: tuple[Extract, ...]
    letters: int = 0
    texts: int = 0
    """How many extracts have got text."""


class Ocr:
    """The engine with the admin's limits; one for each warm process."""

    def __init__(self, settings: Settings) -> None:
        """Load the engine. Raises TesseractMissing."""
        self._settings = settings
        self._engine = Tesseract(settings.languages)

    @property
    def seconds(self) -> float:
        """The most that one mail may take."""
        return self._settings.seconds

    def rehearse(self) -> None:
        """Recognise a page without letters, so that whatever is made at the first use is made now."""
        width, height = 600, 200
        white = b"\xff" * (width * height // 2)
        page = _PGM % (width, height + 4) + white + bytes(width * 4) + white
        self._read(page, 0, time.monotonic() + 60)

    def read(
        self, extracts: tuple[Extract, ...], pictures: Sequence[Picture], budget: Budget, until: float
    ) -> Recognised:
        """Read as many of these pictures as may be read until this monotonic time, the biggest first."""
        found = list(extracts)
        pages = [self._settings.pages]
        done: dict[bytes, tuple[str, int, bool]] = {}
        letters = texts = 0
        for picture in sorted(pictures, key=lambda each: self._size(each, extracts), reverse=True):
            digest = hashlib.blake2b(picture.data, digest_size=16).digest()
            again = digest in done
            if not again:
                done[digest] = self._one(picture.data, extracts[picture.place].type, pages, until)
            text, count, whole = done[digest]
            if not text:
                continue
            try:
                text = "\n".join(each for each in (text, folded(text)) if each)
                budget.spend_text(len(text))
            except Stopped:
                break
            seen = found[picture.place]
            hidden = f"{seen.hidden}\n{text}" if seen.hidden else text
            found[picture.place] = replace(seen, hidden=hidden, status=BY_OCR if whole else seen.status)
            texts += 1
            letters += 0 if again else count
        return Recognised(tuple(found), letters, texts)

    def _read(self, data: bytes, number: int, until: float) -> Seen | None:
        """One page as it lies there; when that gives little, upright."""
        most = self._settings.pixels
        seen = self._engine.picture(data, number, most, until)
        if seen is None or not seen.whole or _well_read(seen):
            return seen
        turned = self._engine.picture(data, number, most, until, turn=True)
        return turned if turned is not None and _letters(turned) and turned.confidence > seen.confidence else seen

    def _size(self, picture: Picture, extracts: tuple[Extract, ...]) -> int:
        if extracts[picture.place].type == PDF:
            return _PAGE_OF_PAPER
        head = self._engine.head(picture.data)
        return head.width * head.height if head else 0

    def _one(self, data: bytes, kind: str, pages: list[int], until: float) -> tuple[str, int, bool]:
        """Text of one picture, whether every page of it was read, and its letters if so."""
        texts: list[str] = []
        letters, whole = 0, True
        try:
            for seen in self._pages(data, kind, pages, until):
                whole = whole and seen is not None and _well_read(seen)
                if seen is not None and _letters(seen):
                    texts.append(seen.text)
                    letters += _letters(seen)
        except (pdfium.PdfiumError, MemoryError):
            whole = False
        whole = whole and bool(texts)
        return "\n".join(texts), letters if whole else 0, whole

    def _pages(self, data: bytes, kind: str, pages: list[int], until: float) -> Iterator[Seen | None]:
        """Each page of a picture or document; None stands for one that was not read."""
        if kind == PDF:
            for drawn in picture_pages(data, self._settings.pixels):
                if not _may(pages, until):
                    yield None
                    return
                if drawn.grey is not None and drawn.grey.count(drawn.grey[:1]) == len(drawn.grey):
                    continue  # the back of a sheet
                yield self._read(_pgm(drawn), 0, until) if drawn.grey else None
            return
        count = frames(data)
        moving = count > 1 and data[:2] not in (b"II", b"MM")
        for number in range(1 if moving else count):
            head = self._engine.head(data, number)
            if head is None or head.width * head.height < LEAST_AREA or not _may(pages, until):
                yield None
                return
            yield self._read(data, number, until)
        if moving:
            yield None  # only the first of its pictures was read


def _letters(seen: Seen) -> int:
    return sum(map(str.isalnum, seen.text))


def _well_read(seen: Seen) -> bool:
    return seen.whole and seen.confidence >= LEAST_CONFIDENCE and _letters(seen) >= LEAST_LETTERS


def _pgm(drawn: Drawn) -> bytes:
    """The page in the simplest of the formats that Leptonica reads (PGM: a head, then its rows)."""
    width, height, stride = drawn.size
    grey = drawn.grey or b""
    rows = grey if stride == width else b"".join(grey[each * stride : each * stride + width] for each in range(height))
    return _PGM % (width, height) + rows


def _may(pages: list[int], until: float) -> bool:
    """Whether one page more may be read; it is counted."""
    pages[0] -= 1
    return pages[0] >= 0 and time.monotonic() < until
