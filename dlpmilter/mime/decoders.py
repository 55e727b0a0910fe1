# SPDX-License-Identifier: Apache-2.0
"""Octets out of text encodings, each the way forgiving programs read it: base64, QP, uu, xx, yEnc, BinHex and kin.

Every decoder is linear and returns octets for any input; none of them decides whether the result is worth
reading (worth.py does), and it never raises.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator

from dlpmilter.mime.text import decode_base64, decode_body

MAX_PIECES = 10_000
"""Separately padded pieces or odd lines of one base64 body that are decoded one by one."""

_PIECE = 1024 * 1024
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_HQX = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_XX = b"+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_FROM_HQX, _NOT_HQX = bytes.maketrans(_HQX, _BASE64), bytes(set(range(256)) - set(_HQX))
_TO_UU = bytes.maketrans(_XX, bytes((number + 32) for number in range(64)))
_PIECE_ENDS = re.compile(rb"[^A-Za-z0-9+/\s]++")
_BASE64_OR_BLANK = _BASE64 + b"= \t\r\n"
MAX_OTHER = 4 * 1024 * 1024
"""Octets of a body whose unusual readings are tried; a longer one has the usual reading only."""
_FOREIGN = re.compile(rb"[^A-Za-z0-9+/=\s]|=[ \t\r\n]*+[A-Za-z0-9+/]")
_SOFT_BREAK = re.compile(rb"=[ \t]*+\r?\n")
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*+\r?\n|[ \t]*+\Z)")
_BAD_PAIR = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*+\r?\n)[^=\r\n]{0,2}")
_YENC_ESCAPE = re.compile(rb"=(.)", re.DOTALL)
_YENC_TABLE = bytes((number - 42) % 256 for number in range(256))
_YENC_LINE = re.compile(rb"^=y[^\n]*+\n?", re.MULTILINE)
_UU_FRAME = re.compile(rb"^(?:begin[^\n]*+\n|end[ \t\r]*+$)", re.MULTILINE)
_RUN_LENGTH = re.compile(rb"(\x90\x00|[^\x90])\x90([^\x00])|\x90\x00", re.DOTALL)
_NOT_HEX = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))
_NOT_BASE32 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
_NOT_BASE85 = bytes(set(range(256)) - set(range(0x21, 0x76)) - set(b"z"))
MAX_ESCAPES = 1_000_000
"""Escapes of one yEnc or BinHex block that are undone; what comes later keeps them."""


def is_clean_base64(data: bytes) -> bool:
    """Whether nobody can read this base64 body differently: its alphabet, line ends, padding only at the end."""
    signs = 0
    last = b""
    for piece in _pieces(data):
        here = piece.translate(None, b" \t\r\n")
        if here.translate(None, _BASE64_OR_BLANK) or b"=" in (last + here)[:-2]:
            return False
        signs += len(here)
        last = (last + here)[-2:]
    return signs % 4 == 0 and not (last[:1] == b"=" and last[1:] != b"=")


def without_blanks(data: bytes) -> bytes:
    """The signs of a clean base64 body alone: they are decoded without another copy."""
    return data.translate(None, b" \t\r\n")


def _pieces(data: bytes) -> Iterator[bytes]:
    """At most _PIECE octets each: a copy of everything is 60 MB too much in a confined child."""
    if len(data) <= _PIECE:
        yield data
        return
    with memoryview(data) as view:
        for at in range(0, len(data), _PIECE):
            yield bytes(view[at : at + _PIECE])


def has_foreign_octets(data: bytes) -> bool:
    """Whether a base64 body holds signs outside its alphabet, or goes on behind its padding."""
    return _FOREIGN.search(data) is not None


def is_torn_base64(data: bytes) -> bool:
    """Whether one sign too many or three too few are there: no octets have such a length."""
    return sum(len(piece.translate(None, _NOT_BASE64)) for piece in _pieces(data)) % 4 == 1


def base64_readings(data: bytes) -> tuple[bytes, ...]:
    """Junk skipped; each piece between padding or junk for itself; each line for itself; the URL alphabet."""
    readings = [decode_base64(data)]
    if len(data) <= MAX_OTHER and not is_clean_base64(data):
        pieces = _PIECE_ENDS.split(data, MAX_PIECES)
        if len(pieces) > 1:
            readings.append(b"".join(decode_base64(piece) for piece in pieces))
        lines = data.split(b"\n", MAX_PIECES)
        if len(lines) > 1:
            readings.append(b"".join(decode_base64(line) for line in lines))
        if b"-" in data or b"_" in data:
            readings.append(decode_base64(data.translate(_URL_SAFE)))
    return tuple(dict.fromkeys(readings))


def quoted_printable_readings(data: bytes) -> tuple[bytes, ...]:
    """Line by line as RFC 2045 has it; soft breaks taken out first; what is no escape left out."""
    first = decode_body(data, "quoted-printable")
    if len(data) > MAX_OTHER:
        return (first,)
    readings = [first]
    joined = binascii.a2b_qp(_SOFT_BREAK.sub(b"", data))
    if joined.split() != first.split():
        readings.append(joined)
    if not is_clean_quoted_printable(data):
        readings.append(decode_body(_BAD_PAIR.sub(b"", data), "quoted-printable"))
    return tuple(dict.fromkeys(readings))


def is_clean_quoted_printable(data: bytes) -> bool:
    """Whether every `=` is an escape or a soft line break."""
    return _BAD_ESCAPE.search(data) is None


def decode_uu(lines: bytes) -> bytes:
    """The data lines of uuencode; a line that does not fit its length counts for what it holds."""
    out = []
    for line in lines.split(b"\n"):
        body = line.rstrip(b"\r")
        if not body:
            continue  # binascii reads an empty line as 32 NULs
        try:
            out.append(binascii.a2b_uu(body))
        except ValueError:  # too long for its count, or trailing blanks were lost
            out.append(_uu_line(body))
    return b"".join(out)


def _uu_line(body: bytes) -> bytes:
    if not body or not 32 <= body[0] <= 96:
        return b""
    count = (body[0] - 32) & 63
    signs = bytes(_BASE64[(sign - 32) & 63] for sign in body[1 : 1 + (count * 4 + 2) // 3 + 3] if 32 <= sign <= 96)
    return decode_base64(signs)[:count]


def decode_xx(lines: bytes) -> bytes:
    """The data lines of xxencode: uuencode with another alphabet."""
    return decode_uu(lines.translate(_TO_UU, bytes(set(range(256)) - set(_XX) - {10})))


def decode_yenc(lines: bytes) -> bytes:
    """What stands between =ybegin and =yend."""
    body = _YENC_LINE.sub(b"", lines).translate(None, b"\r\n")
    return _YENC_ESCAPE.sub(lambda match: bytes(((match[1][0] - 64) % 256,)), body, MAX_ESCAPES).translate(_YENC_TABLE)


def decode_binhex(signs: bytes) -> tuple[str, bytes]:
    """Name and data fork (with the resource fork behind it) of what stands between the colons of BinHex 4."""
    packed = decode_base64(signs.translate(_FROM_HQX, _NOT_HQX))
    raw = _RUN_LENGTH.sub(_repeat, packed, MAX_ESCAPES)
    size = raw[0] if raw else 0
    head = raw[1 + size : 1 + size + 21]  # version, type, creator, flags, two lengths, CRC
    if len(head) < 21:
        return "", raw
    return raw[1 : 1 + size].decode("mac-roman"), raw[1 + size + 21 :]


def _repeat(match: re.Match[bytes]) -> bytes:
    """A sign and how often it stands; 0x90 itself is escaped by a zero (RFC 1741, appendix A)."""
    if match[2] is None:
        return b"\x90"
    return match[1][:1] * match[2][0]


def decode_hex(signs: bytes) -> bytes:
    """Pairs of hexadecimal digits; everything else is skipped."""
    digits = signs.replace(b"0x", b" ").translate(None, _NOT_HEX)
    return binascii.a2b_hex(digits[: len(digits) // 2 * 2])


def decode_base32(signs: bytes) -> bytes:
    """RFC 4648 base32, both cases, padding made up."""
    clean = signs.upper().translate(None, _NOT_BASE32)
    clean = clean[: len(clean) - (1 if len(clean) % 8 in (1, 3, 6) else 0)]
    try:
        return base64.b32decode(clean + b"=" * (-len(clean) % 8))
    except ValueError:
        return b""


def decode_ascii85(signs: bytes) -> bytes:
    """What stands between `<~` and `~>`."""
    try:
        return base64.a85decode(signs.removeprefix(b"<~").removesuffix(b"~>").translate(None, _NOT_BASE85))
    except ValueError:
        return b""


def decode_uu_file(data: bytes) -> bytes:
    """A body declared as uuencode, with or without its begin and end."""
    return decode_uu(_UU_FRAME.sub(b"", data))


def is_clean(data: bytes, encoding: str) -> bool:
    """Whether a body in this encoding can be read in one way only."""
    if encoding == "base64":
        return is_clean_base64(data)
    return encoding == "quoted-printable" and is_clean_quoted_printable(data)


def readings_of(data: bytes, encoding: str) -> tuple[bytes, ...]:
    """The octets of a body by one Content-Transfer-Encoding; unknown ones leave them as they are."""
    decode = DECODERS.get(encoding)
    return decode(data) if decode else (data,)


DECODERS: dict[str, Callable[[bytes], tuple[bytes, ...]]] = {
    "base64": base64_readings,
    "quoted-printable": quoted_printable_readings,
    "x-uuencode": lambda data: (decode_uu_file(data),),
    "x-yenc": lambda data: (decode_yenc(data),),
    "binhex": lambda data: (decode_binhex(data.partition(b":")[2])[1],),
}
"""Encodings a head can declare, each with its readings."""
