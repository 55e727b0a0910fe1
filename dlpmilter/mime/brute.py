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
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from dlpmilter.mime import decoders
from dlpmilter.mime.text import decode_base64

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

_SIGNS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"


def _classes(ones: bytes, blanks: bytes = b"") -> bytes:
    """A table that maps octets of a set to 1, blanks to `s` and all others to 0: runs become plain strings."""
    return bytes(49 if octet in ones else 115 if octet in blanks else 48 for octet in range(256))


_RUN_CLASSES = _classes(_SIGNS)
_GROUP_CLASSES = _classes(_SIGNS, b" \t")
_HEX_CLASSES = _classes(b"0123456789abcdefABCDEF")
_BASE32_CLASSES = _classes(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_NOT_UPPER = bytes(set(range(256)) - set(range(65, 91)))
_NOT_SIGN = bytes(set(range(256)) - set(_SIGNS))
_SHORTEST_RUN = 20
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

# Every pattern begins with a plain line feed where it wants the start of a line (the search gets one put before it):
# `re` skips to a plain octet far faster than it tries `^`. No group repeats without a bound: each turn costs memory.
_SIGN = rb"[A-Za-z0-9+/_-]"
_QUOTE = rb"[>| \t]{0,8}+"
_BASE64_LINE = rb"(?!--)" + _SIGN + rb"++={0,2}+[ \t]*+\r?+"
_BASE64_LINES = re.compile(
    rb"\n" + _QUOTE + _BASE64_LINE + rb"(?:\n(?:[ \t]*+\r?\n){0,2}+" + _QUOTE + _BASE64_LINE + rb"(?=\n|\Z)){0,300000}+"
    rb"(?=\n|\Z)"
)
_GROUPS = re.compile(rb"[A-Za-z0-9+/]{4}[ \t][A-Za-z0-9+/ \t=]{15,}+")
_QUOTED_LINES = re.compile(
    rb"\n[^\n]*(?:(?<!=)=[0-9A-Fa-f]{2}[^\n&]{0,4}=[0-9A-Fa-f]{2}|(?<!=)={1,2}[ \t]*+\r?(?=\n|\Z))"
    rb"[^\n]*+(?:\n[^\n]*+)?+"
)
"""Two escapes side by side, or nearly, or a soft break: one alone is `?page=12` far more often."""
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
_INNER_BLANK = re.compile(rb"[ \t](?=[^\s])")
_PARAGRAPH_END = re.compile(rb"\n[ \t\r]*+\n\s*+")
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


def _is_utf8(data: bytes, *, cut: bool = False) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return cut and error.start >= len(data) - 3
    return True


def worth_reading(data: bytes) -> bool:
    """Whether a decoded block is kept."""
    return is_known_file(data) or data.startswith(_FRAMES) or (looks_like_text(data) and len(set(data[:200])) > _FEW)


def _surely_worth_reading(data: bytes) -> bool:
    """The same for encodings that ordinary words and numbers look like: 8-bit text has to be UTF-8."""
    return worth_reading(data) and (not looks_like_text(data) or _is_utf8(data[:_SAMPLE], cut=True))


def may_hide(data: bytes) -> bool:
    """Whether octets that are no text could hold a block: a long run of base64 signs, or a frame."""
    return b"1" * 60 in data.translate(_RUN_CLASSES) or any(frame in data for frame in (b"begin ", b"=ybegin "))


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
    blocks += _base64(data, troubles)
    return Finds(blocks, tuple(troubles))


def _base64(data: bytes, troubles: dict[str, None]) -> list[Block]:
    blocks: list[Block] = []
    taken: list[tuple[int, int]] = []
    for number, match in enumerate(_BASE64_LINES.finditer(data)):
        if match.end() - match.start() < 12:
            continue
        found = _from_lines(match[0])
        if found:
            blocks += [Block("base64", "", octets) for octets in found]
            taken.append(match.span())
        if number > MAX_RUNS or len(blocks) > MAX_BLOCKS:
            troubles["too-many-blocks"] = None
            break
    runs, complete = _runs(data, taken)
    if not complete:
        troubles["too-many-blocks"] = None
    if b"1111s1111s1111s1111s" in data.translate(_GROUP_CLASSES):
        for number, match in enumerate(_GROUPS.finditer(data)):
            runs += [octets for octets in decoders.base64_readings(match[0]) if worth_reading(octets)][:1]
            if number > MAX_RUNS:
                break
    blocks += [Block("base64", "", octets) for octets in runs if is_known_file(octets)][:MAX_BLOCKS]
    if texts := [octets for octets in runs if not is_known_file(octets)]:
        blocks.append(Block("base64-runs", "", b"\n".join(texts)))
    return blocks


def _from_lines(lines: bytes) -> list[bytes]:
    """Whole lines of base64; a word or two above it does not hide it."""
    if len(lines) > _SAMPLE and not any(worth_reading(decode_base64(each)) for each in _starts(lines[:_SAMPLE])):
        return []
    found: list[bytes] = []
    for candidate in _starts(lines):
        readings = [octets for octets in decoders.base64_readings(candidate) if worth_reading(octets)]
        if sure := [octets for octets in readings if _surely_worth_reading(octets)]:
            return sure
        found = found or readings
    return found


def _starts(lines: bytes) -> Iterator[bytes]:
    """The lines from the first, the second and the third on."""
    yield lines
    rest = lines.lstrip(b"\n")
    for _ in range(3):
        _, newline, rest = rest.partition(b"\n")
        if not newline:
            return
        yield rest


def _runs(data: bytes, taken: list[tuple[int, int]]) -> tuple[list[bytes], bool]:
    """What runs within lines say, at each of the four places a group of signs may begin; whether all were tried."""
    kept: list[bytes] = []
    classes = data.translate(_RUN_CLASSES)
    needle = b"1" * _SHORTEST_RUN
    skip = iter([*taken, (len(data), len(data))])
    first, last = next(skip)
    position = 0
    for _ in range(MAX_RUNS):
        position = classes.find(needle, position)
        if position < 0:
            return kept, True
        end = classes.find(b"0", position)
        end = len(data) if end < 0 else end
        while last < position:
            first, last = next(skip)
        if first <= position:
            position = max(last, end)
            continue
        run = data[position:end].translate(_URL_SAFE)
        for shift in range(4):
            if worth_reading(decode_base64(run[shift : shift + 400])):
                kept.append(decode_base64(run[shift:]))
                break
        position = end
    return kept, False


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
    for number, match in enumerate(begins):
        until = begins[number + 1].start() if number + 1 < len(begins) else len(data)
        closing = _YENC_END.search(data, match.end(), until)
        name = _YENC_NAME.search(match[0])
        octets = decoders.decode_yenc(bytes(data[match.end() : closing.start() if closing else until]))
        if octets:
            yield Block("yenc", name[1].decode("utf-8", "replace").strip()[:300] if name else "", octets)


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
    worth = _surely_worth_reading if needle else worth_reading

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


def _paragraphs(data: bytes) -> Iterator[Block]:
    """Whole paragraphs read as base64 with junk in it; prose gives control signs and is dropped."""
    position, end = 0, len(data)
    texts: list[bytes] = []
    for number, match in enumerate(_PARAGRAPH_END.finditer(data)):
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
    if decoders.is_clean_base64(paragraph) and not _INNER_BLANK.search(paragraph):
        return []  # whole lines of base64 are found as such
    start = paragraph[:_SAMPLE]
    if len(start.translate(None, _NOT_UPPER)) * 8 < len(start.translate(None, _NOT_SIGN)):
        return []  # prose: of base64 signs two in five are capitals
    sample = decoders.base64_readings(paragraph[:600])
    if not any(worth_reading(octets) for octets in sample):
        return []
    return [octets for octets in decoders.base64_readings(paragraph) if worth_reading(octets)]


_Finder = Callable[[bytes], Iterator[Block]]
_FINDERS: tuple[tuple[bytes, _Finder], ...] = (
    (b"=", _quoted_printable),
    (b"begin", _uu),
    (b"\nM", _uu_lines),
    (b"=ybegin", _yenc),
    (b"\n:", _binhex),
    (b"<~", _by_pattern("ascii85", _ASCII85, lambda signs: (decoders.decode_ascii85(signs),))),
    (b"", _paragraphs),
    (b"\\n", _escaped_breaks),
    (b"", _by_pattern("hex", _HEX, lambda signs: (decoders.decode_hex(signs),), _HEX_CLASSES, b"1" * 28)),
    (b"", _by_pattern("base32", _BASE32, lambda signs: (decoders.decode_base32(signs),), _BASE32_CLASSES, b"1" * 24)),
    (b"%", _by_pattern("percent", _PERCENT, _percent)),
    (b"&#", _by_pattern("entities", _ENTITIES, _entities)),
    (b"\\u", _by_pattern("unicode-escapes", _UNICODE, _unicode)),
)
"""What has to be there at all, and the finder."""
