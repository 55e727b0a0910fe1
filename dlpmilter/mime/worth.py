# SPDX-License-Identifier: Apache-2.0
"""Whether octets are worth reading: text, or a kind of file that is opened elsewhere. Never decodes anything."""

from __future__ import annotations

import zlib
from typing import NamedTuple

MAX_RUNS = 100_000
"""Single runs of signs that are tried in one buffer; ordinary text has a handful."""
MAX_BLOCKS = 1000
"""Blocks of one encoding in one buffer."""
SAMPLE = 4096
"""Octets that tell what the rest is."""
_MAGIC = (
    *(b"PK\x03\x04", b"PK\x05\x06", b"%PDF", b"\xd0\xcf\x11\xe0", b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"BZh"),
    *(b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"{\\rtf", b"\x78\x9f\x3e\x22", b"\xfd7zXZ", b"MSCF", b"\x28\xb5\x2f\xfd"),
    *(b"\x04\x22\x4d\x18", b"II*\0", b"MM\0*", b"RIFF", b"SQLite format 3", b"\x1f\x9d", b"%!PS"),
)
_FRAMES = (b"=ybegin ", b"begin ")
_CONTROL = bytes({*range(32), 127} - {9, 10, 13, 12, 27})
_PLAIN = bytes({*range(32, 127), 9, 10, 13})
_LETTERS = bytes(range(128, 256))
_BARE = 40
"""Octets of a stream without a head: fewer of any kind may look like one."""
_PACKED = 24
"""Octets of text a stream without a name has to begin with: by chance nearly none does."""
_FEW = 4
"""Octets of so few kinds are a ruled line."""


class Block(NamedTuple):
    """One find: which encoding, the name it carried, and its octets."""

    kind: str
    name: str
    data: bytes


def classes(ones: bytes, blanks: bytes = b"") -> bytes:
    """A table that maps octets of a set to 1, blanks to `s` and all others to 0: runs become plain strings."""
    return bytes(49 if octet in ones else 115 if octet in blanks else 48 for octet in range(256))


def is_known_file(data: bytes) -> bool:
    """Whether octets begin like a document, archive or picture that the content room opens, or are packed text."""
    return data.startswith(_MAGIC) or (len(data) >= 16 and packed_text(data))


def packed_text(data: bytes) -> bool:
    """Whether these octets are a zlib or deflate stream (RFC 1950, 1951) that begins with text: such have no name."""
    bare = not (data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0)
    if bare and (len(data) < _BARE or data[0] & 6 == 6):
        return False  # no such block, or nothing
    stream = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS)
    try:
        start = stream.decompress(data[:SAMPLE], SAMPLE)
    except zlib.error:
        return False
    if stream.unused_data or (stream.eof and len(data) > SAMPLE):
        return False  # something else begins like one
    return len(start) >= _PACKED and not start.translate(None, _PLAIN + _LETTERS)


def looks_like_text(data: bytes) -> bool:
    """Few control signs (NULs of wide charsets aside); short octets have to be clean ASCII or UTF-8."""
    sample = data[:SAMPLE]
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


def surely_worth_reading(data: bytes) -> bool:
    """The same for encodings that ordinary words and numbers look like: 8-bit text has to be UTF-8."""
    return worth_reading(data) and (not looks_like_text(data) or _is_utf8(data[:SAMPLE], cut=True))
