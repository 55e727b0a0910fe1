# SPDX-License-Identifier: Apache-2.0
"""How big a picture is, by its head: whether a page of text could be on it, or a logo at most. Never decodes one."""

from __future__ import annotations

import struct

PAGE_SIDE, PAGE_AREA, PAGE_OCTETS = 400, 400_000, 8_000
"""Pixels of the shorter side and of all, and octets, from which a picture may be a page: A4 at 75 dots an inch has
620 by 877, and a page of one colour packs into less."""
SURE_SIDE, SURE_OCTETS = 500, 40_000
"""The same from which a picture between the words of a mail is none of a signature."""
UNKNOWN_OCTETS = 60_000
"""A picture whose head tells nobody its size counts as a page from here on."""
_MOST_STEPS = 5_000
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # JPEG: ITU T.81 B.1.1.3
_WIDTH, _LENGTH = 256, 257  # TIFF 6.0


def page_like(data: bytes) -> int:
    """0: too small to be a page; 1: could be one; 2: surely more than a logo."""
    try:
        width, height = size_of(data)
    except (struct.error, IndexError, ValueError):
        width, height = 0, 0
    if not width or not height:
        return 2 * (len(data) >= UNKNOWN_OCTETS)
    short, area = min(width, height), width * height
    if short < PAGE_SIDE or area < PAGE_AREA or len(data) < PAGE_OCTETS:
        return 0
    return 2 if short >= SURE_SIDE and len(data) >= SURE_OCTETS else 1


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, (0, 0) where the head does not tell. Raises struct.error, IndexError."""
    if data.startswith(b"\x89PNG"):
        return _pair(">II", data, 16)
    if data.startswith(b"GIF8"):
        return _pair("<HH", data, 6)
    if data.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", data, 18)
        return abs(width), abs(height)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp(data)
    if data[4:8] == b"ftyp" or data[4:8] == b"jP  ":
        return _boxes(data)
    if data.startswith(b"8BPS"):
        height, width = struct.unpack_from(">II", data, 14)
        return width, height
    return 0, 0


def _pair(form: str, data: bytes, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(form, data, at)
    return int(first), int(second)


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    for _ in range(_MOST_STEPS):
        if data[at] != 0xFF:
            return 0, 0
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return int(width), int(height)
        elif marker in (0xDA, 0xD9):
            return 0, 0
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return 0, 0


def _tiff(data: bytes) -> tuple[int, int]:
    """The biggest of its pages: the first may be a preview."""
    order = "<" if data.startswith(b"II") else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    best, seen = (0, 0), set[int]()
    while at and at not in seen and len(seen) < 100:
        seen.add(at)
        (count,) = struct.unpack_from(f"{order}H", data, at)
        found = {_WIDTH: 0, _LENGTH: 0}
        for number in range(min(count, 500)):
            tag, kind = struct.unpack_from(f"{order}HH", data, at + 2 + 12 * number)
            if tag in found:
                (found[tag],) = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", data, at + 10 + 12 * number)
        if found[_WIDTH] * found[_LENGTH] > best[0] * best[1]:
            best = found[_WIDTH], found[_LENGTH]
        place = at + 2 + 12 * count
        at = struct.unpack_from(f"{order}I", data, place)[0] if place + 4 <= len(data) else 0
    return best


def _webp(data: bytes) -> tuple[int, int]:
    """RFC 9649: canvas, lossy frame, lossless frame."""
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return 0, 0


def _boxes(data: bytes) -> tuple[int, int]:
    """HEIC, AVIF (ispe), JPEG 2000 (ihdr): the biggest that is named in the first octets."""
    best = (0, 0)
    head = data[:65_536]
    for name, skip, turned in ((b"ispe", 8, False), (b"ihdr", 4, True)):
        at = head.find(name)
        while at >= 0 and at + skip + 8 <= len(head):
            width, height = struct.unpack_from(">II", head, at + skip)
            width, height = (height, width) if turned else (width, height)
            best = max(best, (width, height), key=lambda each: each[0] * each[1])
            at = head.find(name, at + 4)
    return best
