# SPDX-License-Identifier: Apache-2.0
"""Encoded blocks in octets that nobody declared: base64, quoted-printable, uuencode, yEnc, BinHex and their kin.

Looks at the octets only, never at what a header claims. A find is kept when it looks like text or like a
known kind of file; all else is noise. One pass of a possessive pattern for each encoding, and counts
are capped, so that no input makes it slow.
"""

from __future__ import annotations

import base64
import contextlib
import html
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from dlpmilter.mime import decoders
from dlpmilter.mime.base64_blocks import find_base64, has_long_run, paragraphs
from dlpmilter.mime.worth import (
    MAX_BLOCKS,
    MAX_RUNS,
    Block,
    classes,
    is_known_file,
    surely_worth_reading,
    worth_reading,
)

_HEX_CLASSES = classes(b"0123456789abcdefABCDEF")
_BASE32_CLASSES = classes(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")

# Every pattern begins with a plain line feed where it wants the start of a line (the search gets one put before it):
# `re` skips to a plain octet far faster than it tries `^`. No group repeats without a bound: each turn costs memory.
_QUOTED_LINES = re.compile(
    rb"\n(?=[^\n=]*+=)[^\n]*(?:(?<!=)=[0-9A-Fa-f]{2}[^\n&]{0,4}=[0-9A-Fa-f]{2}|(?<!=)={1,2}[ \t]*+\r?(?=\n|\Z))"
    rb"[^\n]*+(?:\n[^\n]*+)?+"
)
"""Two escapes side by side, or nearly, or a soft break: one alone is `?page=12` far more often.

A line without `=` is passed at one look instead of one from each of its signs."""
_QUOTE_MARKS = re.compile(rb"\n[>| \t]++")
_BEGIN = re.compile(rb"\n[>| \t]{0,8}+begin(-base64|-b64)?+[ \t]++(?:[0-7]{3,4}[ \t]++)?([^\r\n]*+)\r?(?=\n)")
_END = re.compile(rb"\n[>| \t]{0,8}+(?:end\b|====)")
_UU_LINES = re.compile(rb"(?:\nM[\x20-\x60]{60,61}+\r?){1,300000}+(?:\n[\x20-\x60]{1,61}+\r?(?=\n|\Z))?")
_YENC = re.compile(rb"\n=ybegin[ \t][^\r\n]*+")
_YENC_NAME = re.compile(rb"name=([^\r\n]*)")
_YENC_END = re.compile(rb"\n=yend")
_HQX = re.compile(rb"\n:([!-9;-r\r\n \t]{40,}+):?")
_ASCII85 = re.compile(rb"<~([!-uz\s]++)~>")
_HEX = re.compile(rb"(?:0x|\\x)?[0-9A-Fa-f]{2}[0-9A-Fa-f :,x\\\r\n]{24,}+")
_BASE32 = re.compile(rb"[A-Z2-7]{8}[A-Z2-7=\r\n]{14,}+")
_PERCENT = re.compile(rb"\n[^\n%]*+%[^\n]*+")
_ENTITIES = re.compile(rb"\n[^\n&]*+&[^\n]*+")
_UNICODE = re.compile(rb"\n[^\n\\]*+\\[^\n]*+")
_UNICODE_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_PERCENT_SIGN = re.compile(rb"%[0-9A-Fa-f]{2}")
_ENTITY = re.compile(rb"&#(?:[xX][0-9A-Fa-f]{1,6}|[0-9]{1,7})")
_BASE85 = re.compile(rb"[!-;=-~]{60,}+")
_BASE85_CLASSES = classes(bytes({*range(33, 127)} - {60}))
_MANY_OF_85 = 4
"""Signs of base85 that base64 has not, in the first sixty."""
_MAX_85 = 1_000_000
"""Octets of base85 without a frame that are decoded; Python needs a second for three of these."""
_BASE64_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_."
_FEW = 4
"""Signs of one line below this many are left to the readers of HTML and addresses."""
_UNICODE_SIGN = re.compile(rb"\\u([0-9A-Fa-f]{4})")


class Finds(NamedTuple):
    """What one buffer held, and the slugs of caps that were reached."""

    blocks: list[Block]
    troubles: tuple[str, ...]


def may_hide(data: bytes) -> bool:
    """Whether octets that are no text could hold a block: a long run of base64 signs, or a frame."""
    return has_long_run(data) or any(frame in data for frame in (b"begin ", b"=ybegin "))


def find_blocks(region: bytes) -> Finds:
    """Look for every encoding."""
    troubles: dict[str, None] = {}
    blocks: list[Block] = []
    data = b"\n" + region
    for hint, finder in _FINDERS:
        if hint and hint not in data:
            continue
        for number, block in enumerate(finder(data)):
            if number == MAX_BLOCKS:
                troubles["too-many-blocks"] = None
                break
            blocks.append(block)
    blocks += find_base64(data, troubles)
    return Finds(blocks, tuple(troubles))


def _quoted_printable(data: bytes) -> Iterator[Block]:
    pieces: list[bytes] = []
    last = -1
    for number, match in enumerate(_QUOTED_LINES.finditer(data)):
        if match.start() != last and pieces:
            pieces.append(b"\n")
        pieces.append(match[0])
        last = match.end()
        if number > MAX_RUNS:
            break
    whole = b"".join(pieces)
    if not whole:
        return
    forms = [whole] if b"\n>" not in whole else [whole, _QUOTE_MARKS.sub(b"\n", whole)]
    for form in forms:
        yield from (
            Block("quoted-printable", "", octets)
            for octets in decoders.quoted_printable_readings(form)[:2]
            if octets != form
        )


def _uu(data: bytes) -> Iterator[Block]:
    begins = []
    for match in _BEGIN.finditer(data):
        begins.append(match)
        if len(begins) > MAX_BLOCKS:
            break
    closing: re.Match[bytes] | None = None
    end = len(data)
    for number, match in enumerate(begins):
        until = begins[number + 1].start() if number + 1 < len(begins) else len(data)
        if closing is None or closing.start() < match.end():
            closing = _END.search(data, match.end(), end)
        stop = min(until, closing.start()) if closing else until
        lines = bytes(data[match.end() : stop])
        if b">" in match[0][:9]:
            lines = _QUOTE_MARKS.sub(b"\n", lines)
        name = match[2].decode("utf-8", "replace").strip()[:300]
        if match[1]:
            readings = decoders.base64_readings(lines)
        else:
            readings = (decoders.decode_uu(lines), decoders.decode_xx(lines))
        yield from (Block("uuencode", name, octets) for octets in readings if worth_reading(octets))
        if closing is None:
            end = until  # no end in sight for later ones either: each reads up to the next begin


def _uu_lines(data: bytes) -> Iterator[Block]:
    for match in _UU_LINES.finditer(data):
        octets = decoders.decode_uu(match[0])
        if worth_reading(octets):
            yield Block("uuencode", "", octets)


def _yenc(data: bytes) -> Iterator[Block]:
    begins = []
    for match in _YENC.finditer(data):
        begins.append(match)
        if len(begins) > MAX_BLOCKS:
            break
    parts: dict[str, list[bytes]] = {}
    for number, match in enumerate(begins):
        until = begins[number + 1].start() if number + 1 < len(begins) else len(data)
        closing = _YENC_END.search(data, match.end(), until)
        name = _YENC_NAME.search(match[0])
        octets = decoders.decode_yenc(bytes(data[match.end() : closing.start() if closing else until]))
        said = name[1].decode("utf-8", "replace").strip()[:300] if name else ""
        if octets:
            yield Block("yenc", said, octets)
        if b" part=" in match[0]:
            parts.setdefault(said, []).append(octets)
    for said, pieces in parts.items():
        if len(pieces) > 1:
            yield Block("yenc", said, b"".join(pieces))


def _binhex(data: bytes) -> Iterator[Block]:
    for match in _HQX.finditer(data):
        name, octets = decoders.decode_binhex(match[1])
        if name and octets:
            yield Block("binhex", name, octets)


def _by_pattern(
    kind: str,
    pattern: re.Pattern[bytes],
    decode: Callable[[bytes], tuple[bytes, ...]],
    table: bytes | None = None,
    needle: bytes = b"",
) -> _Finder:
    """All matches of a pattern that decode to something, texts joined; a run of classes has to be there first."""
    worth = surely_worth_reading if needle else worth_reading

    def find(data: bytes) -> Iterator[Block]:
        texts: dict[int, list[bytes]] = {}
        if needle and needle not in data.translate(table, b" :,x\\\r\n="):
            return
        for number, match in enumerate(pattern.finditer(data)):
            for reading, octets in enumerate(decode(match[0])):
                if is_known_file(octets):
                    yield Block(kind, "", octets)
                elif worth(octets):
                    texts.setdefault(reading, []).append(octets)
            if number > MAX_RUNS:
                break
        for lines in texts.values():
            yield Block(kind, "", b"\n".join(lines))

    return find


def _base85(data: bytes) -> Iterator[Block]:
    """Runs without a frame, in the alphabet of Ascii85 and in that of RFC 1924, broken into lines or not."""
    if b"1" * 60 not in data.translate(_BASE85_CLASSES):
        return
    tried = 0
    for match in _BASE85.finditer(data):
        run = match[0]
        if len(run[:60].translate(None, _BASE64_ALPHABET)) < _MANY_OF_85:
            continue
        tried += 1
        if tried > MAX_BLOCKS:
            return
        for decode in (base64.a85decode, base64.b85decode):
            with contextlib.suppress(ValueError):
                if surely_worth_reading(decode(run[:60])):
                    yield Block("base85", "", decode(run[:_MAX_85]))


def _percent(line: bytes) -> tuple[bytes, ...]:
    return (unquote_to_bytes(line),) if len(_PERCENT_SIGN.findall(line)) >= _FEW else ()


def _entities(line: bytes) -> tuple[bytes, ...]:
    if len(_ENTITY.findall(line)) < _FEW:
        return ()
    return _as_octets(html.unescape(line.decode("latin-1")))


def _unicode(line: bytes) -> tuple[bytes, ...]:
    if len(_UNICODE_SIGN.findall(line)) < _FEW:
        return ()
    return _as_octets(_UNICODE_ESCAPE.sub(lambda match: chr(int(match[1], 16)), line.decode("latin-1")))


def _as_octets(text: str) -> tuple[bytes, ...]:
    """The signs in UTF-8, and as octets where each of them is one."""
    octets = text.encode("utf-8", "replace")
    try:
        return tuple(dict.fromkeys((octets, text.encode("latin-1"))))
    except UnicodeEncodeError:
        return (octets,)


def _escaped_breaks(data: bytes) -> Iterator[Block]:
    """Strings as JSON and program text have them, with escapes for line ends."""
    lines = [match[0] for match in _UNICODE.finditer(data)]
    if lines:
        yield Block("string", "", b"\n".join(lines).replace(b"\\r", b"").replace(b"\\n", b"\n"))


_Finder = Callable[[bytes], Iterator[Block]]
_FINDERS: tuple[tuple[bytes, _Finder], ...] = (
    (b"=", _quoted_printable),
    (b"begin", _uu),
    (b"\nM", _uu_lines),
    (b"=ybegin", _yenc),
    (b"\n:", _binhex),
    (b"<~", _by_pattern("ascii85", _ASCII85, lambda signs: (decoders.decode_ascii85(signs),))),
    (b"", _base85),
    (b"", paragraphs),
    (b"\\n", _escaped_breaks),
    (b"", _by_pattern("hex", _HEX, lambda signs: (decoders.decode_hex(signs),), _HEX_CLASSES, b"1" * 28)),
    (b"", _by_pattern("base32", _BASE32, lambda signs: (decoders.decode_base32(signs),), _BASE32_CLASSES, b"1" * 24)),
    (b"%", _by_pattern("percent", _PERCENT, _percent)),
    (b"&#", _by_pattern("entities", _ENTITIES, _entities)),
    (b"\\u", _by_pattern("unicode-escapes", _UNICODE, _unicode)),
)
"""What has to be there at all, and the finder."""
