# SPDX-License-Identifier: Apache-2.0
"""Properties of compound files ([MS-OLEPS]): title, author, custom properties and the labels among them.

Every offset is checked against the stream; never raises for a broken one.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dlpmilter.content.formats.ooxml import note_label
from dlpmilter.content.formats.strings import binary_strings
from dlpmilter.mime.text import charset_text

if TYPE_CHECKING:
    from dlpmilter.content.formats.cfb import CompoundFile
    from dlpmilter.content.formats.paper import Paper

MAX_PROPERTIES = 2_000
_STREAMS = ("\x05summaryinformation", "\x05documentsummaryinformation")
_CHARSETS = {65001: "utf-8", 1200: "utf-16-le", 10000: "mac-roman"}


def read_ole_properties(file: CompoundFile, paper: Paper) -> None:
    """Both property streams, as far as they can be read."""
    for name in _STREAMS:
        data = file.get(name)
        if data:
            for key, value in _properties(data):
                paper.hide(f"{key}: {value}" if key else value)
                note_label(key, value, paper)
    paper.hide(binary_strings(file.slack()))


def _properties(data: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    try:
        (sets,) = struct.unpack_from("<I", data, 24)
        for number in range(min(sets, 4)):
            (offset,) = struct.unpack_from("<I", data, 28 + 20 * number + 16)
            found += _one_set(data, offset)
    except (struct.error, UnicodeError):
        pass
    return found


def _one_set(data: bytes, base: int) -> list[tuple[str, str]]:
    (count,) = struct.unpack_from("<I", data, base + 4)
    places: dict[int, int] = {}
    for number in range(min(count, MAX_PROPERTIES)):
        key, offset = struct.unpack_from("<II", data, base + 8 + 8 * number)
        places[key] = base + offset
    charset = "cp1252"
    if 1 in places:
        (page,) = struct.unpack_from("<H", data, places[1] + 4)
        charset = _CHARSETS.get(page, f"cp{page}")
    names = _dictionary(data, places[0], charset) if 0 in places else {}
    found = []
    for key, place in places.items():
        if key > 1:
            value = _value(data, place, charset)
            if value:
                found.append((names.get(key, ""), value))
    return found


def _value(data: bytes, place: int, charset: str) -> str:
    try:
        kind, size = struct.unpack_from("<II", data, place)
    except struct.error:
        return ""
    if kind == 0x1E:
        return charset_text(data[place + 8 : place + 8 + size], charset)[0].rstrip("\0")
    if kind == 0x1F:
        return data[place + 8 : place + 8 + 2 * size].decode("utf-16-le", "replace").rstrip("\0")
    return str(size) if kind in (2, 3) and size < 0x7FFFFFFF else ""


def _dictionary(data: bytes, place: int, charset: str) -> dict[int, str]:
    (count,) = struct.unpack_from("<I", data, place)
    place += 4
    names: dict[int, str] = {}
    for _ in range(min(count, MAX_PROPERTIES)):
        key, size = struct.unpack_from("<II", data, place)
        octets = size * 2 if charset == "utf-16-le" else size
        names[key] = charset_text(data[place + 8 : place + 8 + octets], charset)[0].rstrip("\0")
        place += 8 + octets + (-octets % 4 if charset == "utf-16-le" else 0)
    return names
