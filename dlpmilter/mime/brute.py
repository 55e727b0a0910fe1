# SPDX-License-Identifier: Apache-2.0
"""Encoded blocks in octets that nobody declared: base64, quoted-printable, uuencode, yEnc, BinHex and their kin.

Looks at the octets only, never at what a header claims. A find is kept when it looks like text or like a
known kind of file; all else is noise. One pass of a possessive pattern for each encoding, and counts
are capped, so that no input makes it slow.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from dlpmilter.mime import decoders
from dlpmilter.mime.text import decode_base64

if TYPE_CHECKING:
    from mmap import mmap

MAX_RUNS = 100_000
"""Single runs of base64 signs that are tried in one buffer; ordinary text has a handful."""
MAX_BLOCKS = 1000
"""Blocks of one encoding in one buffer."""

_MAGIC = (
    *(b"PK\x03\x04", b"PK\x05\x06", b"%PDF", b"\xd0\xcf\x11\xe0", b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"BZh"),
    *(b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"{\\rtf", b"\x78\x9f\x3e\x22", b"\xfd7zXZ", b"MSCF", b"\x28\xb5\x2f\xfd"),
    *(b"\x04\x22\x4d\x18", b"II*\0", b"MM\0*", b"RIFF", b"SQLite format 3", b"\x1f\x9d", b"%!PS"),
)
_FRAMES = (b"=ybegin ", b"begin ")
_CONTROL = bytes({*range(32), 127} - {9, 10, 13, 12, 27})
_PLAIN = bytes({*range(32, 127), 9, 10, 13})
_SAMPLE = 4096

_SIGN = rb"[A-Za-z0-9+/_-]"
_QUOTE = rb"[>| \t]{0,8}+"
_BASE64_LINE = rb"(?!--)" + _SIGN + rb"++={0,2}+[ \t]*+\r?+"
_BASE64_LINES = re.compile(
    rb"^" + _QUOTE + _BASE64_LINE + rb"(?:\n(?:[ \t]*+\r?\n){0,2}+" + _QUOTE + _BASE64_LINE + rb"(?=\n|\Z))*+(?=\n|\Z)",
    re.MULTILINE,
)
_GROUPS = re.compile(rb"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{4}[ \t]){4,}+(?:[A-Za-z0-9+/]{2,4}={0,2})?+")
_RUN = re.compile(rb"[A-Za-z0-9+/_-]{20,}+={0,2}")
_AFTER_EQUALS = rb"[0-9A-Fa-f]{2}|[ \t]*+\r?$"
_QUOTED_LINES = re.compile(
    rb"(?:^[^\n=]*+(?:(?:===++|==(?!=|[ \t]*+\r?$)|=(?!=|"
    + _AFTER_EQUALS
    + rb"))[^\n=]*+)*+(?:=(?:"
    + _AFTER_EQUALS
    + rb")|(?<!=)==[ \t]*+\r?$)[^\n]*+(?:\n|\Z))++"
    rb"[^\n]*+",
    re.MULTILINE,
)
_QUOTE_MARKS = re.compile(rb"^[>| \t]++", re.MULTILINE)
_BEGIN = re.compile(rb"^[>| \t]{0,8}+begin(-base64|-b64)?+[ \t]++(?:[0-7]{3,4}[ \t]++)?([^\r\n]*+)\r?\n", re.MULTILINE)
_END = re.compile(rb"^[>| \t]{0,8}+(?:end\b|====)", re.MULTILINE)
_UU_LINES = re.compile(rb"(?:^M[\x20-\x60]{60,61}+\r?\n)++(?:[\x20-\x60]{1,61}+\r?(?:\n|\Z))?", re.MULTILINE)
_YENC = re.compile(rb"^=ybegin[ \t][^\r\n]*+", re.MULTILINE)
_YENC_NAME = re.compile(rb"name=([^\r\n]*)")
_YENC_END = re.compile(rb"^=yend", re.MULTILINE)
_HQX = re.compile(rb"^:([!-9;-r\r\n \t]{40,}+):?", re.MULTILINE)
_ASCII85 = re.compile(rb"<~([!-uz\s]++)~>")
_HEX = re.compile(rb"(?<![0-9A-Fa-f])(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[ :,]?\r?\n?){14,}+")
_BASE32 = re.compile(rb"(?<![A-Z2-7])(?:[A-Z2-7]{8,}+={0,6}+\r?\n?)++(?:[A-Z2-7]{1,7}={0,6})?+")
_PERCENT = re.compile(rb"^[^\n%]*+%[^\n]*+", re.MULTILINE)
_ENTITIES = re.compile(rb"^[^\n&]*+&[^\n]*+", re.MULTILINE)
_UNICODE = re.compile(rb"^[^\n\\]*+\\[^\n]*+", re.MULTILINE)
_UNICODE_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_ESCAPED_BREAKS = re.compile(rb"^[^\n\\]*+\\[^\n]*+", re.MULTILINE)
_PARAGRAPH_END = re.compile(rb"\n(?:[ \t]*+\r?\n)++")
MAX_PARAGRAPHS = 20_000
"""Paragraphs of one buffer that are tried as base64 with junk; the rest counts as one."""
_PERCENT_SIGN = re.compile(rb"%[0-9A-Fa-f]{2}")
_ENTITY = re.compile(rb"&#(?:[xX][0-9A-Fa-f]{1,6}|[0-9]{1,7})")
_FEW = 4
"""Signs of one line below this many are left to the readers of HTML and addresses."""
_UNICODE_SIGN = re.compile(rb"\\u([0-9A-Fa-f]{4})")


class Block(NamedTuple):
    """One find: which encoding, the name it carried, and its octets."""

    kind: str
    name: str
    data: bytes


class Finds(NamedTuple):
    """What one buffer held, and the slugs of caps that were reached."""

    blocks: list[Block]
    troubles: tuple[str, ...]


def is_known_file(data: bytes) -> bool:
    """Whether octets begin like a document, archive or picture that the content room opens."""
    return data.startswith(_MAGIC)


def looks_like_text(data: bytes) -> bool:
    """Few control signs (NULs of wide charsets aside); short octets have to be clean ASCII or UTF-8."""
    sample = data[:_SAMPLE]
    bare = sample.replace(b"\0", b"")
    if not bare or len(bare) * 5 < len(sample):
        return False
    controls = len(bare) - len(bare.translate(None, _CONTROL))
    if len(bare) >= 60:
        return controls * 50 <= len(bare)
    if len(bare) < 3 or controls:
        return False
    strange = len(bare.translate(None, _PLAIN))
    return strange == 0 or (strange * 2 <= len(bare) and _is_utf8(bare))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def worth_reading(data: bytes) -> bool:
    """Whether a decoded block is kept."""
    return is_known_file(data) or data.startswith(_FRAMES) or looks_like_text(data)


def find_blocks(data: bytes | mmap, start: int, end: int) -> Finds:
    """Look for every encoding between two offsets."""
    troubles: dict[str, None] = {}
    blocks: list[Block] = []
    for hint, finder in _FINDERS:
        if hint and data.find(hint, start, end) < 0:
            continue
        for number, block in enumerate(finder(data, start, end)):
            if number == MAX_BLOCKS:
                troubles["too-many-blocks"] = None
                break
            blocks.append(block)
    blocks += _base64(data, start, end, troubles)
    return Finds(blocks, tuple(troubles))


def _base64(data: bytes | mmap, start: int, end: int, troubles: dict[str, None]) -> list[Block]:
    blocks: list[Block] = []
    taken = start
    runs: list[bytes] = []
    tried = 0
    for match in _BASE64_LINES.finditer(data, start, end):
        if match.end() - match.start() < 12:
            continue
        tried += _runs(data, taken, match.start(), runs)
        tried += 1
        taken = match.end()
        found = _from_lines(match[0])
        if found:
            blocks += [Block("base64", "", octets) for octets in found]
        else:
            tried += _runs(data, match.start(), match.end(), runs)
        if tried > MAX_RUNS or len(blocks) > MAX_BLOCKS:
            troubles["too-many-blocks"] = None
            break
    else:
        if _runs(data, taken, end, runs) >= MAX_RUNS:
            troubles["too-many-blocks"] = None
    for match in _GROUPS.finditer(data, start, end):
        runs += [octets for octets in decoders.base64_readings(match[0]) if worth_reading(octets)][:1]
        if len(runs) > MAX_RUNS:
            break
    blocks += [Block("base64", "", octets) for octets in runs if is_known_file(octets)][:MAX_BLOCKS]
    if texts := [octets for octets in runs if not is_known_file(octets)]:
        blocks.append(Block("base64-runs", "", b"\n".join(texts)))
    return blocks


def _from_lines(lines: bytes) -> list[bytes]:
    """Whole lines of base64; a word or two above it does not hide it."""
    if len(lines) > _SAMPLE and not any(worth_reading(each) for each in _starts(lines[:_SAMPLE])):
        return []
    for candidate in _starts(lines):
        found = [octets for octets in decoders.base64_readings(candidate) if worth_reading(octets)]
        if found:
            return found
    return []


def _starts(lines: bytes) -> Iterator[bytes]:
    """The lines from the first, the second and the third on."""
    yield lines
    rest = lines
    for _ in range(3):
        _, newline, rest = rest.partition(b"\n")
        if not newline:
            return
        yield rest


def _runs(data: bytes | mmap, start: int, end: int, kept: list[bytes]) -> int:
    """Runs within lines, at each of the four places a group of signs may begin; how many were tried."""
    number = 0
    for match in _RUN.finditer(data, start, end):
        number += 1
        run = match[0].translate(_URL_SAFE)
        for shift in range(4):
            if worth_reading(decode_base64(run[shift : shift + 400])):
                kept.append(decode_base64(run[shift:]))
                break
        if number >= MAX_RUNS:
            break
    return number


_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _quoted_printable(data: bytes | mmap, start: int, end: int) -> Iterator[Block]:
    pieces = [match[0] for match in _QUOTED_LINES.finditer(data, start, end)]
    whole = b"\n".join(pieces)
    if not whole:
        return
    forms = [whole] if b"\n>" not in whole else [whole, _QUOTE_MARKS.sub(b"", whole)]
    for form in forms:
        yield from (
            Block("quoted-printable", "", octets)
            for octets in decoders.quoted_printable_readings(form)
            if octets != form
        )


def _uu(data: bytes | mmap, start: int, end: int) -> Iterator[Block]:
    begins = []
    for match in _BEGIN.finditer(data, start, end):
        begins.append(match)
        if len(begins) > MAX_BLOCKS:
            break
    closing: re.Match[bytes] | None = None
    for number, match in enumerate(begins):
        until = begins[number + 1].start() if number + 1 < len(begins) else end
        if closing is None or closing.start() < match.end():
            closing = _END.search(data, match.end(), end)
        stop = min(until, closing.start()) if closing else until
        lines = bytes(data[match.end() : stop])
        name = match[2].decode("utf-8", "replace").strip()[:300]
        if match[1]:
            readings = decoders.base64_readings(lines)
        else:
            readings = (decoders.decode_uu(lines), decoders.decode_xx(lines))
        yield from (Block("uuencode", name, octets) for octets in readings if worth_reading(octets))
        if closing is None:
            end = until  # no end in sight for later ones either: each reads up to the next begin


def _uu_lines(data: bytes | mmap, start: int, end: int) -> Iterator[Block]:
    for match in _UU_LINES.finditer(data, start, end):
        octets = decoders.decode_uu(match[0])
        if worth_reading(octets):
            yield Block("uuencode", "", octets)


def _yenc(data: bytes | mmap, start: int, end: int) -> Iterator[Block]:
    begins = []
    for match in _YENC.finditer(data, start, end):
        begins.append(match)
        if len(begins) > MAX_BLOCKS:
            break
    for number, match in enumerate(begins):
        until = begins[number + 1].start() if number + 1 < len(begins) else end
        closing = _YENC_END.search(data, match.end(), until)
        name = _YENC_NAME.search(match[0])
        octets = decoders.decode_yenc(bytes(data[match.end() : closing.start() if closing else until]))
        if octets:
            yield Block("yenc", name[1].decode("utf-8", "replace").strip()[:300] if name else "", octets)


def _binhex(data: bytes | mmap, start: int, end: int) -> Iterator[Block]:
    for match in _HQX.finditer(data, start, end):
        name, octets = decoders.decode_binhex(match[1])
        if name and octets:
            yield Block("binhex", name, octets)


def _by_pattern(kind: str, pattern: re.Pattern[bytes], decode: Callable[[bytes], tuple[bytes, ...]]) -> _Finder:
    """All matches of a pattern that decode to something, joined when they are text."""

    def find(data: bytes | mmap, start: int, end: int) -> Iterator[Block]:
        texts: dict[int, list[bytes]] = {}
        for number, match in enumerate(pattern.finditer(data, start, end)):
            for reading, octets in enumerate(decode(match[0])):
                if is_known_file(octets):
                    yield Block(kind, "", octets)
                elif worth_reading(octets):
                    texts.setdefault(reading, []).append(octets)
            if number > MAX_RUNS:
                break
        for lines in texts.values():
            yield Block(kind, "", b"\n".join(lines))

    return find


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


def _escaped_breaks(data: bytes | mmap, start: int, end: int) -> Iterator[Block]:
    """Strings as JSON and program text have them, with escapes for line ends."""
    lines = [match[0] for match in _ESCAPED_BREAKS.finditer(data, start, end)]
    if lines:
        yield Block("string", "", b"\n".join(lines).replace(b"\\r", b"").replace(b"\\n", b"\n"))


def _paragraphs(data: bytes | mmap, start: int, end: int) -> Iterator[Block]:
    """Whole paragraphs read as base64 with junk in it; prose gives control signs and is dropped."""
    position, texts = start, []
    for number, match in enumerate(_PARAGRAPH_END.finditer(data, start, end)):
        if number >= MAX_PARAGRAPHS:
            break
        if match.start() - position >= 24:
            texts += _junked(bytes(data[position : match.start()]))
        position = match.end()
    if end - position >= 24:
        texts += _junked(bytes(data[position:end]))
    for octets in texts:
        if is_known_file(octets):
            yield Block("base64-junk", "", octets)
    if text := b"\n".join(octets for octets in texts if not is_known_file(octets)):
        yield Block("base64-junk", "", text)


def _junked(paragraph: bytes) -> list[bytes]:
    sample = decoders.base64_readings(paragraph[:600])
    if not any(worth_reading(octets) for octets in sample):
        return []
    return [octets for octets in decoders.base64_readings(paragraph) if worth_reading(octets)]


_Finder = Callable[["bytes | mmap", int, int], Iterator[Block]]
_FINDERS: tuple[tuple[bytes, _Finder], ...] = (
    (b"=", _quoted_printable),
    (b"begin", _uu),
    (b"\nM", _uu_lines),
    (b"=ybegin", _yenc),
    (b"\n:", _binhex),
    (b"<~", _by_pattern("ascii85", _ASCII85, lambda signs: (decoders.decode_ascii85(signs),))),
    (b"", _paragraphs),
    (b"\\n", _escaped_breaks),
    (b"", _by_pattern("hex", _HEX, lambda signs: (decoders.decode_hex(signs),))),
    (b"", _by_pattern("base32", _BASE32, lambda signs: (decoders.decode_base32(signs),))),
    (b"%", _by_pattern("percent", _PERCENT, _percent)),
    (b"&#", _by_pattern("entities", _ENTITIES, _entities)),
    (b"\\u", _by_pattern("unicode-escapes", _UNICODE, _unicode)),
)
"""What has to be there at all, and the finder."""
