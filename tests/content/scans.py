# SPDX-License-Identifier: Apache-2.0
"""Pictures of letters for OCR: lines set by reportlab, drawn by pdfium, packed by hand. Never anybody's scan."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import pypdfium2 as pdfium
from reportlab.pdfgen import canvas

from dlpmilter.content.system import missing_for_ocr
from tests.content.formats.make import raw_pdf

LANGUAGES = ("deu", "eng")
WHY_NOT = "needs Tesseract with German: " + ", ".join(each.package for each in missing_for_ocr(LANGUAGES))
INSTALLED = not missing_for_ocr(LANGUAGES)
IBAN = "DE89 3704 0044 0532 0130 00"
LETTER = (
    "Sehr geehrte Frau Müller,",
    f"die Überweisung von 1.250,00 Euro geht auf die IBAN {IBAN}.",
    "Diagnose: Depression, Krankschreibung bis zum 14.03.2026.",
    "Kundennummer 4711, Geburtsdatum 12.05.1981, Steuernummer vorhanden.",
    "Mit freundlichen Grüßen aus der Buchhaltung",
)


@dataclass(frozen=True, slots=True)
class Grey:
    """Rows of one octet a pixel."""

    width: int
    height: int
    rows: tuple[bytes, ...]

    def inverted(self) -> Grey:
        """White on black."""
        table = bytes(255 - each for each in range(256))
        return Grey(self.width, self.height, tuple(row.translate(table) for row in self.rows))

    def faded(self, least: int) -> Grey:
        """Ink no darker than `least`."""
        table = bytes(least + each * (255 - least) // 255 for each in range(256))
        return Grey(self.width, self.height, tuple(row.translate(table) for row in self.rows))

    def noisy(self, share: float, seed: int = 1) -> Grey:
        """Dust: this share of the pixels takes any value."""
        dice = random.Random(seed)
        rows = []
        for row in self.rows:
            changed = bytearray(row)
            for _ in range(int(share * self.width)):
                changed[dice.randrange(self.width)] = dice.randrange(256)
            rows.append(bytes(changed))
        return Grey(self.width, self.height, tuple(rows))

    def turned(self) -> Grey:
        """A quarter turn clockwise."""
        columns = zip(*reversed(self.rows), strict=True)
        return Grey(self.height, self.width, tuple(bytes(each) for each in columns))


def page(
    lines: Sequence[str] = LETTER, *, dpi: int = 150, points: float = 12, font: str = "Helvetica", cut: bool = True
) -> Grey:
    """Lines on paper, as a scanner sees it; `cut` leaves no more paper than the lines need."""
    width, height = 595, 60 + int(1.5 * points * len(lines)) if cut else 842
    file = io.BytesIO()
    paper = canvas.Canvas(file, pagesize=(width, height))
    for number, line in enumerate(lines):
        paper.setFont(font, points)
        paper.drawString(40, height - 40 - 1.5 * points * number, line)
    paper.save()
    document = pdfium.PdfDocument(file.getvalue())
    bitmap = document[0].render(scale=dpi / 72, grayscale=True)
    octets, stride = bytes(bitmap.buffer), bitmap.stride
    rows = tuple(octets[place * stride : place * stride + bitmap.width] for place in range(bitmap.height))
    seen = Grey(bitmap.width, bitmap.height, rows)
    document.close()
    return seen


def blank(width: int = 800, height: int = 400) -> Grey:
    """Paper without anything on it."""
    return Grey(width, height, (b"\xff" * width,) * height)


def png(grey: Grey, *, chunks: bytes = b"") -> bytes:
    """PNG, 8 bits of grey."""
    raw = b"".join(b"\0" + row for row in grey.rows)
    head = struct.pack(">IIBBBBB", grey.width, grey.height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + chunks + _chunk(b"IDAT", zlib.compress(raw, 1)) + _chunk(b"IEND")
    )


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose head promises much more than it has."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(3_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND")


def moving_mark() -> bytes:
    """The chunk that makes a PNG move (APNG: acTL)."""
    return _chunk(b"acTL", struct.pack(">II", 2, 0))


def _chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def tiff(*pages: Grey) -> bytes:
    """A TIFF with these pages, uncompressed (TIFF 6.0, section 4)."""
    out = bytearray(b"II*\0\0\0\0\0")
    link = 4
    for grey in pages:
        start = len(out)
        out += b"".join(grey.rows)
        out += b"\0" * (len(out) % 2)
        struct.pack_into("<I", out, link, len(out))
        tags = [
            (256, 4, grey.width), (257, 4, grey.height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, start),
            (277, 3, 1), (278, 4, grey.height), (279, 4, grey.width * grey.height),
        ]  # fmt: skip
        out += struct.pack("<H", len(tags)) + b"".join(
            struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags
        )
        link = len(out)
        out += b"\0\0\0\0"
    return bytes(out)


def scan_pdf(*pages: Grey, dpi: int = 150) -> bytes:
    """A PDF whose pages are these pictures."""
    objects: dict[int, bytes] = {}
    kids = []
    for number, grey in enumerate(pages):
        first = 3 + 3 * number
        kids.append(b"%d 0 R" % first)
        width, height = grey.width * 72 // dpi, grey.height * 72 // dpi
        content = b"q %d 0 0 %d 0 0 cm /I Do Q" % (width, height)
        packed = zlib.compress(b"".join(grey.rows), 1)
        objects[first] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents %d 0 R/Resources<</XObject<</I %d 0 R>>>>>>"
            % (width, height, first + 1, first + 2)
        )
        objects[first + 1] = b"<</Length %d>>\nstream\n%s\nendstream" % (len(content), content)
        objects[first + 2] = (
            b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8"
            b"/Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream" % (grey.width, grey.height, len(packed), packed)
        )
    head = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[%s]/Count %d>>" % (b" ".join(kids), len(pages)),
    }
    return raw_pdf(head | objects)
