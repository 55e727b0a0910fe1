# SPDX-License-Identifier: Apache-2.0
"""Words in the headers of archives: comments of members, fields nobody knows, owners. Never a member's own octets.

Packers fill some of these fields with times and numbers, so only readable runs are taken. Pure, linear.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator

_CENTRAL = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_USUAL = frozenset({0x0001, 0x000A, 0x000D, 0x5455, 0x5855, 0x7855, 0x7875, 0x9901, 0xCAFE, 0xD935})
"""Sizes, times, owners, AES, marks of Java and Android (APPNOTE 4.5.2, 4.6.1)."""
_RUN = re.compile(rb"[\t\x20-\x7e\x80-\xff]{8,}")
_USUAL_PAX = frozenset("path linkpath size mtime atime ctime uid gid hdrcharset".split())
_LONG = 8
_MOST = 200_000
"""Octets of notes kept from one archive."""


def zip_notes(data: bytes, start: int, stop: int, headers: tuple[int, ...]) -> bytes:
    """Comments and unknown extra fields of the directory from `start` to `stop`, and of these local headers."""
    found: list[bytes] = []
    while start + _CENTRAL.size <= stop and data.startswith(b"PK\x01\x02", start):
        fields = _CENTRAL.unpack_from(data, start)
        name, extra, comment = fields[10:13]
        start += _CENTRAL.size + name
        found += _extras(data[start : start + extra])
        found += _RUN.findall(data[start + extra : start + extra + comment])
        start += extra + comment
    for at in headers:
        if data.startswith(b"PK\x03\x04", at) and at + _LOCAL.size <= len(data):
            *_, name, extra = _LOCAL.unpack_from(data, at)
            found += _extras(data[at + _LOCAL.size + name : at + _LOCAL.size + name + extra])
    return b"\n".join(dict.fromkeys(found))[:_MOST]


def _extras(block: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 <= len(block):
        kind, size = struct.unpack_from("<HH", block, at)
        if kind not in _USUAL:
            yield from _RUN.findall(block[at + 4 : at + 4 + size])
        at += 4 + size


def gzip_notes(data: bytes) -> bytes:
    """The extra field and the comment of a .gz (RFC 1952 2.3)."""
    flags, at, found = data[3:4], 10, []
    if not flags:
        return b""
    if flags[0] & 4:
        size = int.from_bytes(data[at : at + 2], "little")
        found += _RUN.findall(data[at + 2 : at + 2 + size])
        at += 2 + size
    for flag in (8, 16):
        if flags[0] & flag:
            end = data.find(b"\0", at)
            end = len(data) if end < 0 else end
            found += [data[at : min(end, at + _MOST)]] if flag == 16 else []
            at = end + 1
    return b"\n".join(found)[:_MOST]


def tar_notes(each: tarfile.TarInfo) -> bytes:
    """Owner and group where they are no usual names, and extended headers that are no times and sizes (pax(1))."""
    values = [value for value in (each.uname, each.gname) if len(value) > _LONG and any(map(str.isdigit, value))]
    values += [f"{key}: {value}" for key, value in each.pax_headers.items() if key not in _USUAL_PAX]
    return "\n".join(values).encode("utf-8", "replace")[:_MOST]
