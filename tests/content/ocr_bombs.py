# SPDX-License-Identifier: Apache-2.0
"""Pictures made to hurt whoever decodes them: sizes that lie, thousands of pages, packed nothing, broken middles."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image

from tests.content import scans
from tests.content.formats.make import raw_pdf

LETTER = scans.page()
MIB = 1 << 20


def _png(width: int, height: int, *, bits: int = 8, colour: int = 0, rows: int | None = None) -> bytes:
    """A PNG of one colour that really has its pixels, packed a thousand to one."""
    samples = {0: 1, 2: 3, 6: 4}[colour]
    row = b"\0" + bytes((width * samples * bits + 7) // 8)
    machine = zlib.compressobj(9)
    body = b"".join(machine.compress(row) for _ in range(height if rows is None else rows)) + machine.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + scans._chunk(b"IHDR", head) + scans._chunk(b"IDAT", body) + scans._chunk(b"IEND")


def _saved(kind: str, width: int, height: int, **how: Any) -> bytes:
    out = io.BytesIO()
    Image.new("L", (width, height), 128).save(out, kind, **how)
    return out.getvalue()


def _gif(frames: int) -> bytes:
    out = io.BytesIO()
    first, *others = [Image.new("L", (400, 300), number % 256) for number in range(frames)]
    first.save(out, "GIF", save_all=True, append_images=others)
    return out.getvalue()


def _claiming(data: bytes, place: int, form: str, *numbers: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, place, *numbers)
    return bytes(changed)


def _looping_tiff() -> bytes:
    data = bytearray(scans.tiff(LETTER))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    return bytes(data)


def _many_pages() -> bytes:
    """One strip of pixels, shown by 2,000 directories."""
    data = bytearray(scans.tiff(LETTER))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    size = 2 + 12 * count
    directory = bytes(data[first : first + size])
    link = first + size
    for _ in range(2000):
        struct.pack_into("<I", data, link, len(data))
        data += directory + bytes(4)
        link = len(data) - 4
    return bytes(data)


def _dense() -> bytes:
    """A chess board of single pixels: five hundred thousand spots."""
    row = bytes(255 * (number % 2) for number in range(1000))
    return scans.png(scans.Grey(1000, 1000, (row, row[::-1]) * 500))


def _pdf(pages: int, *, width: int = 595, height: int = 842, side: int = 20_000) -> bytes:
    """Many pages that draw one picture of 400 million pixels which is packed to half a megabyte."""
    machine = zlib.compressobj(9)
    row = bytes(side // 8)
    packed = b"".join(machine.compress(row) for _ in range(side)) + machine.flush()
    image = b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/FlateDecode/Length %d>>"
    content = b"q %d 0 0 %d 0 0 cm /I Do Q" % (width, height)
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[" + b" ".join(b"%d 0 R" % (5 + n) for n in range(pages)) + b"]/Count %d>>" % pages,
        3: image % (side, side, len(packed)) + b"\nstream\n" + packed + b"\nendstream",
        4: b"<</Length %d>>\nstream\n%b\nendstream" % (len(content), content),
    }
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R/Resources<</XObject<</I 3 0 R>>>>>>"
    return raw_pdf(objects | {5 + n: page % (width, height) for n in range(pages)})


def _torn(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(range(256)) + data[middle + 256 :]


BOMBS: dict[str, Callable[[], bytes]] = {
    "PNG of 30,000 by 30,000, packed to 120 KB": lambda: _png(30_000, 30_000, bits=1),
    "PNG of 2 thousand million by 1": lambda: scans.png_claiming(2_000_000_000, 1),
    "PNG of 65,535 by 65,535 that has three megabytes": lambda: scans.png_claiming(65_535, 65_535),
    "PNG of 9,000 by 9,000 in 16 bits and four samples": lambda: _png(9_000, 9_000, bits=16, colour=6, rows=100),
    "PNG with a tenth of its rows": lambda: _png(2_000, 2_000, rows=200),
    "JPEG of 20,000 by 20,000": lambda: _saved("JPEG", 20_000, 20_000, quality=1),
    "JPEG of 65,500 by 65,500 that has nothing": lambda: _claiming(_saved("JPEG", 600, 600), 163, ">HH", 65_500, 65_500),
    "JPEG with many scans": lambda: _saved("JPEG", 8_000, 8_000, quality=1, progressive=True),
    "TIFF with 2,000 pages": _many_pages,
    "TIFF whose pages go round": _looping_tiff,
    "TIFF packed to nothing": lambda: _saved("TIFF", 12_000, 12_000, compression="tiff_deflate"),
    "GIF with 300 pictures": lambda: _gif(300),
    "GIF of 65,535 by 65,535": lambda: _claiming(_gif(1), 6, "<HH", 65_535, 65_535),
    "WebP of 6,000 by 6,000": lambda: _saved("WEBP", 6_000, 6_000, quality=1, method=0),
    "JPEG 2000 of 8,000 by 8,000": lambda: _saved("JPEG2000", 8_000, 8_000),
    "bitmap of 100 million by 1": lambda: _claiming(_saved("BMP", 300, 300), 18, "<ii", 100_000_000, 1),
    "a chess board of single pixels": _dense,
    "PDF with a picture of 400 million pixels": lambda: _pdf(1),
    "PDF with 300 pages of it": lambda: _pdf(300),
    "PDF with a page of 14,000 by 14,000 points": lambda: _pdf(1, width=14_000, height=14_000, side=2_000),
    "PNG, broken in the middle": lambda: _torn(scans.png(LETTER)),
    "TIFF, broken in the middle": lambda: _torn(scans.tiff(LETTER)),
    "JPEG, broken in the middle": lambda: _torn(_saved("JPEG", 1_000, 1_000)),
    "WebP, broken in the middle": lambda: _torn(_saved("WEBP", 1_000, 1_000)),
}  # fmt: skip
