# SPDX-License-Identifier: Apache-2.0
"""Where a file really ends, and readable runs in octets nobody can read. Never decides what a file is."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PDF_END = b"%%EOF"
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # entropy-coded data: anything but stuffing and restarts
_NAKED = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length (ITU T.81 B.1.1.3)
_START_OF_SCAN, _START, _END = 0xDA, 0xD8, 0xD9
_SIGNED_DATA = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"  # RFC 5652 section 5.1
_NO_CONTENT = (
    b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01",
    b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\x00\x00",
)
_SIGNATURE_OCTETS = 64 * 1024
_RAR5_LOCKED, _RAR5_END = 4, 5  # types of blocks: from here on encrypted, the last one
_RUN = 6
_ASCII = re.compile(rb"(?:[\t\x20-\x7e]|[\xc2-\xc3][\x80-\xbf]){%d,}" % _RUN)
_WIDE = re.compile(rb"(?:[\t\x20-\x7e\xa0-\xff]\x00){%d,}" % _RUN)
_WIDE_BIG = re.compile(rb"(?:\x00[\t\x20-\x7e\xa0-\xff]){%d,}" % _RUN)


def end_of(data: bytes, kind: str) -> int:
    """The octet after a file's own end, `len(data)` when it has no end to find."""
    finder = _FINDERS.get(kind)
    if finder is None:
        return len(data)
    try:
        return min(finder(data), len(data))
    except (IndexError, struct.error):
        return len(data)


def _pdf(data: bytes) -> int:
    at = data.rfind(_PDF_END)
    return len(data) if at < 0 else at + len(_PDF_END)


def _png(data: bytes) -> int:
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + int(length)
        if kind == b"IEND":
            return at
    return len(data)


def _jpeg(data: bytes) -> int:
    at = 2
    while at + 2 <= len(data):
        if data[at] != 0xFF:
            return len(data)
        marker = data[at + 1]
        if marker == _END:
            return at + 2
        if marker == 0xFF:  # a fill octet
            at += 1
        elif marker in _NAKED:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if marker == _START_OF_SCAN:
                found = _MARKER.search(data, at)
                if found is None:
                    return len(data)
                at = found.start()
    return len(data)


def _gif(data: bytes) -> int:
    at = 13 + _colours(data[10])
    while True:
        block = data[at]
        if block == 0x3B:  # the trailer
            return at + 1
        if block == 0x2C:  # a picture: descriptor, colours, code size, then sub-blocks
            at += 10 + _colours(data[at + 9]) + 1
        elif block == 0x21:
            at += 2
        else:
            return len(data)
        while data[at]:
            at += 1 + data[at]
        at += 1


def _colours(packed: int) -> int:
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def _seven(data: bytes) -> int:
    offset, size = struct.unpack_from("<QQ", data, 12)
    return 32 + int(offset) + int(size)


def _cabinet(data: bytes) -> int:
    return int.from_bytes(data[8:12], "little")


def _iso(data: bytes) -> int:
    blocks, block = struct.unpack_from("<I", data, 0x8000 + 80)[0], struct.unpack_from("<H", data, 0x8000 + 128)[0]
    return int(blocks) * int(block)


def _cpio(data: bytes) -> int:
    at = data.rfind(b"TRAILER!!!\0")
    return len(data) if at < 0 else at + 11


def _rar(data: bytes) -> int:
    """Version 4: block by block up to the one that ends the archive."""
    if data.startswith(b"Rar!\x1a\x07\x01"):
        return _rar5(data)
    at = 7
    while True:
        kind, flags, size = struct.unpack_from("<xxBHH", data, at)
        if kind == 0x7B or size < 7:  # the end
            return at + int(size) if size >= 7 else len(data)
        at += size + (struct.unpack_from("<I", data, at + 7)[0] if flags & 0x8000 else 0)


def _rar5(data: bytes) -> int:
    """Version 5: checksum, then numbers of seven bits for size, type, flags, and the sizes of what follows."""
    at = 8
    while True:
        size, start = _seven_bits(data, at + 4)
        kind, place = _seven_bits(data, start)
        flags, place = _seven_bits(data, place)
        if flags & 1:
            _, place = _seven_bits(data, place)
        payload = _seven_bits(data, place)[0] if flags & 2 else 0
        at = start + size + payload
        if kind == _RAR5_END:
            return at
        if kind == _RAR5_LOCKED or size == 0:
            return len(data)


def _seven_bits(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & 0x80 and shift < 63:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
    return value | data[at] << shift, at + 1


_FINDERS: dict[str, Callable[[bytes], int]] = {
    "application/pdf": _pdf,
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "application/x-7z-compressed": _seven,
    "application/vnd.ms-cab-compressed": _cabinet,
    "application/x-iso9660-image": _iso,
    "application/x-cpio": _cpio,
    "application/vnd.rar": _rar,
}


def detached_signature(data: bytes) -> bool:
    """Whether this is an S/MIME signature that carries no content of its own, whatever it is labelled."""
    head = data[:256]
    return (
        data[:1] == b"\x30"
        and len(data) <= _SIGNATURE_OCTETS
        and _SIGNED_DATA in head[:24]
        and any(each in head for each in _NO_CONTENT)
    )


def strings(data: bytes, most: int) -> str:
    """Readable runs of six characters and more, in one-octet and in UTF-16 text; at most `most` characters."""
    found: list[str] = []
    left = most
    for run in _runs(data):
        found.append(run[:left])
        left -= len(run) + 1
        if left <= 0:
            break
    return "\n".join(found)


def _runs(data: bytes) -> Iterator[str]:
    for match in _ASCII.finditer(data):
        yield match.group().decode("utf-8", "replace")
    for match in _WIDE.finditer(data):
        yield match.group().decode("utf-16-le", "replace")
    for match in _WIDE_BIG.finditer(data):
        yield match.group().decode("utf-16-be", "replace")
