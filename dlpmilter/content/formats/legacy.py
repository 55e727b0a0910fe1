# SPDX-License-Identifier: Apache-2.0
"""Word and PowerPoint before 2007: the piece table of DOC ([MS-DOC] 2.4.1), the text atoms of PPT ([MS-PPT]).

What an older or broken file does not give up is told as `unsupported-legacy` with its strings. Never
runs a macro.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.cfb import CompoundFile
from dlpmilter.content.formats.ole import hand_on_objects, read_macros, stop_when_encrypted
from dlpmilter.content.formats.oleprops import read_ole_properties
from dlpmilter.content.formats.paper import Paper, inflate
from dlpmilter.content.formats.strings import binary_strings

MAX_PIECES = 200_000
MAX_RECORDS = 500_000
_WORD97 = 0xC1
_CLX = 0x1A2
_COUNTS = 0x4C
_REGIONS = (("text", False), ("footnotes", False), ("headers", False), ("macros", True), ("comments", True),
            ("endnotes", False), ("boxes", False), ("header boxes", False))  # fmt: skip
_FIELD = re.compile("\x13([^\x13\x14\x15]*)(?:\x14([^\x13\x14\x15]*))?\x15")
_CLEAN = {0x0D: "\n", 0x0B: "\n", 0x0C: "\n", 0x0E: "\n", 0x07: "\t", 0x1E: "-", 0x1F: None, 0xA0: " ", 0x13: None,
          0x14: None, 0x15: None, **dict.fromkeys((0, 1, 2, 3, 4, 5, 6, 8), None)}  # fmt: skip
_TEXT_CHARS, _TEXT_BYTES, _CSTRING = 0x0FA0, 0x0FA8, 0x0FBA
_CRYPT, _OLE_STORAGE = 0x2F14, 0x1011
_BEHIND = frozenset({0x03F0, 0x03F8, 0x2EE0, 0x0FC9, 0x03EA})
"""Notes, masters, comments, handouts."""
_MANY_FIELDS = 20


def read_doc(data: bytes, paper: Paper) -> None:
    """A Word document of 6.0 to 2003."""
    stop_when_encrypted(data)
    file = CompoundFile(data)
    main = file.get("worddocument") or b""
    read_ole_properties(file, paper)
    try:
        whole, counts = _pieces(file, main)
    except (struct.error, Stopped) as error:
        if str(error) == "encrypted":
            raise
        paper.trouble("unsupported-legacy")
        paper.hide(binary_strings(main))
        whole, counts = "", []
    start = 0
    for count, (_, hidden) in zip(counts, _REGIONS, strict=False):
        _write_region(whole[start : start + count], paper, hidden=hidden)
        start += count
    if whole and start < len(whole):
        _write_region(whole[start:], paper, hidden=True)
    pool = file.find("objectpool")
    if pool:
        hand_on_objects(file, pool, paper, strings=False)
    read_macros(file, paper)


def _pieces(file: CompoundFile, main: bytes) -> tuple[str, list[int]]:
    """The text in its logical order, and how many characters each region has."""
    magic, version = struct.unpack_from("<HH", main, 0)
    (flags,) = struct.unpack_from("<H", main, 10)
    if flags & 0x0100:
        raise Stopped("encrypted")
    if magic not in (0xA5EC, 0xA5DC) or (version < _WORD97 and flags & 0x0004):
        raise Stopped("unsupported-legacy")  # Word 6 after a fast save: the pieces stand elsewhere
    if version < _WORD97:
        first, last = struct.unpack_from("<II", main, 0x18)
        return main[first:last].decode("cp1252", "replace"), list(struct.unpack_from("<8I", main, 0x34))
    table = file.get("1table" if flags & 0x0200 else "0table") or b""
    place, size = struct.unpack_from("<II", main, _CLX)
    counts = list(struct.unpack_from("<8I", main, _COUNTS))
    return "".join(_piece_texts(main, table[place : place + size])), counts


def _piece_texts(main: bytes, clx: bytes) -> Iterator[str]:
    place = 0
    while place < len(clx) and clx[place] == 1:
        (size,) = struct.unpack_from("<H", clx, place + 1)
        place += 3 + size
    if place >= len(clx) or clx[place] != 2:
        raise Stopped("unsupported-legacy")
    (size,) = struct.unpack_from("<I", clx, place + 1)
    pieces = min((min(size, len(clx)) - 4) // 12, MAX_PIECES)
    if pieces < 1:
        raise Stopped("unsupported-legacy")
    starts = struct.unpack_from(f"<{pieces + 1}I", clx, place + 5)
    base = place + 5 + 4 * (pieces + 1)
    total = 0
    for number in range(pieces):
        (where,) = struct.unpack_from("<I", clx, base + 8 * number + 2)
        count = starts[number + 1] - starts[number]
        if count < 0 or total > 2 * len(main):
            raise Stopped("corrupt")
        total += count
        if where & 0x40000000:
            first = (where & 0x3FFFFFFF) // 2
            yield main[first : first + count].decode("cp1252", "replace")
        else:
            first = where & 0x3FFFFFFF
            yield main[first : first + 2 * count].decode("utf-16-le", "replace")


def _write_region(text: str, paper: Paper, *, hidden: bool) -> None:
    for _ in range(_MANY_FIELDS):  # fields stand inside fields
        codes = [found[1] for found in _FIELD.finditer(text)]
        if not codes:
            break
        paper.hide("\n".join(codes))
        text = _FIELD.sub(lambda found: found[2] or "", text)
    rows = [row.split("\x07") for row in text.split("\x07\x07")[:-1]]
    paper.table(
        [
            [cell.rpartition("\r")[2] if n == 0 else cell.replace("\r", " ") for n, cell in enumerate(row)]
            for row in rows
        ]
    )
    paper.write(text.replace("\x07\x07", "\n").translate(_CLEAN), hidden=hidden)


def read_ppt(data: bytes, paper: Paper) -> None:
    """A PowerPoint presentation of 97 to 2003."""
    stop_when_encrypted(data)
    file = CompoundFile(data)
    read_ole_properties(file, paper)
    main = file.get("powerpoint document") or file.get("pp97_dualstorage", "powerpoint document")
    if not main:
        paper.trouble("unsupported-legacy")
        hand_on_objects(file, file.root, paper)
        return
    seen: set[tuple[str, bool]] = set()
    for kind, body, hidden in _atoms(main):
        if kind == _OLE_STORAGE:
            _embedded(body, paper)
            continue
        text = body.decode("utf-16-le" if kind != _TEXT_BYTES else "latin-1", "replace").translate(_CLEAN)
        if (text, hidden) not in seen:  # each save appends the slide again
            seen.add((text, hidden))
            paper.write(text + "\n", hidden=hidden)
    read_macros(file, paper)


def _atoms(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Text atoms and embedded storages, with whether they stand in notes, masters or comments."""
    ends: list[tuple[int, bool]] = [(len(data), False)]
    place = 0
    for _ in range(MAX_RECORDS):
        if place + 8 > len(data):
            return
        while len(ends) > 1 and place >= ends[-1][0]:
            ends.pop()
        version, kind, size = struct.unpack_from("<HHI", data, place)
        place += 8
        if kind == _CRYPT:
            raise Stopped("encrypted")
        if version & 0xF == 0xF:
            ends.append((min(place + size, len(data)), ends[-1][1] or kind in _BEHIND))
            continue
        body = data[place : place + size]
        if kind in (_TEXT_CHARS, _TEXT_BYTES, _CSTRING) and body:
            yield kind, body, ends[-1][1]
        elif kind == _OLE_STORAGE:
            yield kind, body if version >> 4 == 0 else b"z" + body, ends[-1][1]
        place += size
    raise Stopped("too-big")


def _embedded(body: bytes, paper: Paper) -> None:
    if body[:1] == b"z":  # the unpacked size, then zlib
        body, _ = inflate(body[5:], paper.budget, zlib.MAX_WBITS, 50 * 1024 * 1024)
    paper.member("object", body)
