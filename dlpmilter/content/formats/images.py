# SPDX-License-Identifier: Apache-2.0
"""Pictures: what is written in their metadata, and what hangs behind their end.

The picture itself is not read here (content/ocr.py does, where that is switched on), and the status says so:
`picture`. Never decodes a pixel.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from itertools import islice

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.decode import decode
from dlpmilter.content.formats.dimensions import page_like
from dlpmilter.content.formats.ooxml import note_label
from dlpmilter.content.formats.paper import Paper, inflate, inflate_any
from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.strings import binary_strings
from dlpmilter.mime.worth import packed_text

MAX_CHUNKS = 10_000
MAX_TEXT = 2 * 1024 * 1024
_XMP = re.compile(rb"<x:xmpmeta.{0,500000}?</x:xmpmeta>", re.DOTALL)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_ATTRIBUTE = re.compile(r"[\w:]+=\"([^\"]{3,2000})\"")
_LABEL = re.compile(r"(MSIP_Label_[0-9A-Fa-f-]{36}_\w+)(?:=\"|>)([^\"<]{0,200})")
_TIFF = re.compile(rb"II\*\x00|MM\x00\*")
_WRITTEN = re.compile(rb"[\x20-\x7e]{16,}")
"""Letters in a row as packed pixels hardly ever give them: a text in any block."""
_SUB_IFDS = (0x8769, 0x8825, 0xA005)
_WIDE_TAGS = range(0x9C9B, 0x9CA0)


def read_image(data: bytes, paper: Paper) -> None:
    """Text of the metadata; trailing data as a member."""
    paper.trouble("picture")
    paper.page = page_like(data)
    end = 0  # of PNG, JPEG and GIF the walk knows the end
    if data.startswith(b"\x89PNG"):
        _png(data, paper)
    elif data.startswith(b"\xff\xd8"):
        _jpeg(data, paper)
    elif data.startswith(b"GIF8"):
        _gif(data, paper)
    elif data.startswith(b"RIFF") and len(data) >= 12:
        end = 8 + int.from_bytes(data[4:8], "little") + int.from_bytes(data[4:8], "little") % 2
    elif data.startswith(b"BM"):
        end = int.from_bytes(data[2:6], "little")
    for found in list(_TIFF.finditer(data))[:20]:
        for text in exif_texts(data[found.start() : found.start() + MAX_TEXT]):
            paper.hide(text)
    for packet in _XMP.findall(data)[:20]:
        markup = decode(packet)
        paper.hide(" ".join(_TAG.sub(" ", markup).split()))
        paper.hide("\n".join(_ATTRIBUTE.findall(markup)))
        for key, value in _LABEL.findall(markup):
            note_label(key, value, paper)
    paper.hide("\n".join(found[0].decode("latin-1") for found in islice(_WRITTEN.finditer(data), MAX_CHUNKS)))
    rest = data[end:].strip(b"\0\r\n ") if 0 < end < len(data) else b""
    if len(rest) > 32:
        if sniff(rest) in (t.UNKNOWN, t.TEXT):
            paper.hide(binary_strings(rest))
        else:
            paper.member("after-the-end", rest)


def _png(data: bytes, paper: Paper) -> None:
    """Text chunks (PNG 11.3.3)."""
    place = 8
    for _ in range(MAX_CHUNKS):
        if place + 12 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + size]
        place += 12 + size
        if kind == b"tEXt":
            paper.hide(body.replace(b"\0", b": ", 1).decode("latin-1"))
        elif kind == b"zTXt":
            key, _, rest = body.partition(b"\0")
            paper.hide(
                key.decode("latin-1")
                + ": "
                + inflate(rest[1:], paper.budget, zlib.MAX_WBITS, MAX_TEXT)[0].decode("latin-1")
            )
        elif kind == b"iTXt":
            key, _, rest = body.partition(b"\0")
            packed, rest = rest[:1] == b"\1", rest[2:]
            text = rest.split(b"\0", 2)[-1]
            if packed:
                text = inflate(text, paper.budget, zlib.MAX_WBITS, MAX_TEXT)[0]
            paper.hide(f"{key.decode('latin-1')}: {text.decode('utf-8', 'replace')}")
        elif kind == b"iCCP" or kind[:1].islower():
            _packed(body.partition(b"\0\0")[2] if kind == b"iCCP" else body, paper)


def _packed(body: bytes, paper: Paper) -> None:
    """A block of an application that is a stream of packed text."""
    if body and packed_text(body):
        paper.hide(decode(inflate_any(body, paper.budget)[0]))


def _jpeg(data: bytes, paper: Paper) -> None:
    """Comments and IPTC."""
    place = 2
    for _ in range(MAX_CHUNKS):
        if place + 4 > len(data) or data[place] != 0xFF:
            break
        marker, size = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        body = data[place + 4 : place + 2 + size]
        if marker == 0xFE:
            paper.hide(decode(body))
        elif marker == 0xED:
            paper.hide(binary_strings(body))
        elif marker == 0xE1 and body.startswith(b"http"):
            paper.hide(" ".join(_TAG.sub(" ", decode(body)).split()))
        elif marker == 0xDA:
            return
        elif 0xE0 <= marker <= 0xEF:
            _packed(body, paper)
        place += 2 + max(2, size)


def _gif(data: bytes, paper: Paper) -> None:
    """Comment extensions."""
    place = 13 + (3 << ((data[10] & 7) + 1) if len(data) > 13 and data[10] & 0x80 else 0)
    for _ in range(MAX_CHUNKS):
        if place >= len(data) or data[place] == 0x3B:
            return
        kind = data[place]
        if kind == 0x21:
            body, following = _blocks(data, place + 2)
            if data[place + 1 : place + 2] in (b"\xfe", b"\x01"):
                paper.hide(decode(body))
            place = following
        elif kind == 0x2C and place + 10 <= len(data):
            flags = data[place + 9]
            _, place = _blocks(data, place + 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0))
        else:
            return


def _blocks(data: bytes, place: int) -> tuple[bytes, int]:
    out = bytearray()
    while place < len(data) and data[place]:
        out += data[place + 1 : place + 1 + data[place]]
        place += 1 + data[place]
    return bytes(out), place + 1


def exif_texts(data: bytes) -> Iterator[str]:
    """ASCII values, Windows' wide ones and the user's comment of a TIFF directory (EXIF 2.32 4.6)."""
    order = "<" if data.startswith(b"II") else ">"
    waiting = [int.from_bytes(data[4:8], "little" if order == "<" else "big")]
    seen: set[int] = set()
    while waiting and len(seen) < 50:
        place = waiting.pop()
        if place in seen or place + 2 > len(data):
            continue
        seen.add(place)
        (count,) = struct.unpack_from(f"{order}H", data, place)
        for number in range(min(count, 500)):
            if place + 14 + 12 * number > len(data):
                return
            tag, kind, size, value = struct.unpack_from(f"{order}HHII", data, place + 2 + 12 * number)
            inline = data[place + 10 + 12 * number : place + 14 + 12 * number]
            octets = inline[:size] if size <= 4 else data[value : value + min(size, MAX_TEXT)]
            if tag in _SUB_IFDS:
                waiting.append(value)
            elif tag in _WIDE_TAGS:
                yield octets.decode("utf-16-le", "replace").rstrip("\0")
            elif kind == 2 or tag in (0x9286, 0x83BB):
                yield decode(octets.removeprefix(b"ASCII\0\0\0").removeprefix(b"UNICODE\0")).strip("\0 ")
        after = place + 2 + 12 * count
        if after + 4 <= len(data):
            waiting.append(struct.unpack_from(f"{order}I", data, after)[0])


def read_media(data: bytes, paper: Paper) -> None:
    """Sound and film are not read; titles and comments in their octets are."""
    paper.trouble("media")
    paper.hide(binary_strings(data[:65_536] + data[-65_536:])[:20_000])
