# SPDX-License-Identifier: Apache-2.0
"""Decompression by the octets that really come out, bounded before they do. Never believes a declared size."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlpmilter.content.formats.archive_notes import gzip_notes
from dlpmilter.content.formats.base import Member, Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpmilter.content.formats.base import Budget

Octets = bytes | memoryview
RATIO_FLOOR = 1024 * 1024
"""A member up to this size may be packed as tightly as it likes: a page of blanks is no bomb."""
_PIECE = 64 * 1024
_LZMA_MEMORY = 100 * 1024 * 1024
_FAULTS = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)

_FHCRC, _FEXTRA, _FNAME = 2, 4, 8  # RFC 1952 2.3.1


@dataclass(frozen=True, slots=True)
class Stream:
    """One compressed stream: what came out, where it ended, and the slug of what is wrong with it."""

    data: bytes
    end: int
    status: str = "read"


class _Inflate:
    """zlib under the manners of bz2 and lzma."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)

    def decompress(self, data: Octets, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + bytes(data), max_length)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


def raw_deflate() -> _Inflate:
    """For ZIP method 8."""
    return _Inflate(-15)


def gzip_stream() -> _Inflate:
    """For RFC 1952, with its checksum."""
    return _Inflate(31)


def xz_stream() -> lzma.LZMADecompressor:
    """For .xz, with a ceiling for the dictionary."""
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)


def zip_lzma(head: bytes) -> lzma.LZMADecompressor:
    """For ZIP method 14 (APPNOTE 5.8.8): two octets of version, two of length, five of properties."""
    if len(head) < 9 or head[2:4] != b"\x05\x00":
        raise Stopped("corrupt")
    properties, dictionary = struct.unpack("<BI", head[4:9])
    if properties >= 9 * 5 * 5 or dictionary > _LZMA_MEMORY:
        raise Stopped("unsupported")
    rest, lc = divmod(properties, 9)
    pb, lp = divmod(rest, 5)
    chain = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
    return lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=chain)


def ceiling(budget: Budget, packed: int) -> tuple[int, str]:
    """Octets a member of that packed size may have now, and the slug of the bound that is nearest."""
    return min(
        (max(0, budget.octets), "too-big"),
        (budget.member_octets, "too-big"),
        (max(RATIO_FLOOR, budget.ratio * packed), "ratio"),
    )


def unpack(make: Callable[[], Any], data: Octets, budget: Budget, *, packed: int = 0) -> Stream:
    """One stream from its first octet; stops at the nearest bound and spends what came out.

    `packed` is what the ratio is counted against, `len(data)` when 0. Never raises for octets.
    """
    most, bound = ceiling(budget, packed or len(data))
    out: list[bytes] = []
    total, position, status = 0, 0, "truncated"
    try:
        machine = make()
        while position < len(data) or not machine.needs_input:
            piece = data[position : position + _PIECE] if machine.needs_input else b""
            position += len(piece)
            block = machine.decompress(piece, most - total + 1)
            out.append(block)
            total += len(block)
            if total > most:
                status = bound
                break
            if machine.eof:
                position -= len(machine.unused_data)
                status = "read"
                break
    except _FAULTS as error:
        status = "out-of-memory" if "emory" in str(error) else "corrupt"
    budget.octets -= total
    if total > most:
        out.clear()  # not even the first octets of a bomb go on
    return Stream(b"".join(out), position, status)


def read_compressed(make: Callable[[], Any], data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """The one file inside .gz, .bz2 or .xz, all streams joined (their formats say so), and what follows it."""
    budget.spend_member()
    view, position, out, status = memoryview(data), 0, bytearray(), "read"
    while position < len(data):
        found = unpack(make, view[position:], budget)
        if found.status != "read" and out and not found.data:
            break  # not a stream any more: foreign octets behind the last one
        out += found.data
        position += found.end
        status = found.status
        if len(out) > max(RATIO_FLOOR, budget.ratio * len(data)):
            status = "ratio"
        elif len(out) > budget.member_octets:
            status = "too-big"
        if status != "read":
            out = out if status in ("truncated", "corrupt") else bytearray()
            position = len(data)
        elif _padding(view, position):
            position = len(data)
    yield Member(name, bytes(out), status)
    if position < len(data):
        yield Member("appended", data[position:], "appended-data")


def _padding(view: memoryview, position: int) -> bool:
    """Whether only zeros follow (tapes and xz pad with them); looks at what is short, or at its start."""
    rest = view[position : position + _PIECE]
    return not any(rest) and len(view) - position <= _PIECE


def gzip_name(data: bytes) -> str:
    """The name in the header of a .gz, "" when it has none."""
    if len(data) < 10 or not data[3] & _FNAME:
        return ""
    start = 10
    if data[3] & _FEXTRA:
        start += 2 + int.from_bytes(data[10:12], "little")
    return data[start : max(start, data.find(b"\0", start, start + 1024))].decode("latin-1")


def read_gzip(data: bytes, budget: Budget) -> Iterator[Member]:
    """RFC 1952."""
    yield from read_compressed(gzip_stream, data, gzip_name(data), budget)
    if notes := gzip_notes(data):
        yield Member("comment", notes)


def read_bzip2(data: bytes, budget: Budget) -> Iterator[Member]:
    """Bzip2, one stream after the other."""
    return read_compressed(bz2.BZ2Decompressor, data, "", budget)


def read_xz(data: bytes, budget: Budget) -> Iterator[Member]:
    """The .xz container."""
    return read_compressed(xz_stream, data, "", budget)
