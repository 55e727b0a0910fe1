# SPDX-License-Identifier: Apache-2.0
"""Octets to every text somebody could read in them: the declared charset, what the octets betray, the raw signs.

The allow-list of charsets is that of text.py: a name from the mail never picks one of Python's other
codecs. Linear; never raises.
"""

from __future__ import annotations

import re
import unicodedata

from dlpmilter.mime.text import charset_text, knows_charset
from dlpmilter.model.views import Decoded

EBCDIC = dict.fromkeys("cp037 ibm037 ebcdic-cp-us cp500 ibm500 ebcdic-cp-be cp1140 ibm01140 cp1148".split(), "cp500")
EBCDIC |= dict.fromkeys("cp273 ibm273 ebcdic-de ebcdic-cp-de cp1141 ibm01141".split(), "cp273")
"""EBCDIC names; letters and digits lie the same in all of them."""

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_STATEFUL = re.compile(r"utf[-_]?(?:7|16|32)|ucs|iso[-_]?2022|^hz|unicode")
_MULTIBYTE = re.compile(r"gb|big5|jis|euc|johab|ks_c|utf[-_]?(?:16|32)|iso[-_]?2022|^hz|cp9[345]")
_UTF7_LINE = re.compile(rb"^[^\n+]*+(?:\+(?![A-Za-z0-9+/]{3})[^\n+]*+)*+\+[^\n]*+\n?", re.MULTILINE)
_UTF7_RUN = re.compile(rb"\+([A-Za-z0-9+/]{3,})-?")
_ESCAPES = re.compile(rb"\x1b(?:\$[()*+,\-./]?[@-~]?|[(),\-./*+&!%][@-~0-9]?|.)|[\x0e\x0f]", re.DOTALL)
_HZ_ASIDE = re.compile(rb"~(?:\r?\n|[{}~])")
_OVERLONG = re.compile(rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}")
_EBCDIC_SIGNS = bytes(
    {0x40, 0x15, 0x25, 0x0D, 0x0A, 0x4B, 0x6B, 0x60, 0x7A, 0x5A, *range(0x81, 0x8A), *range(0x91, 0x9A)}
    | {*range(0xA2, 0xAA), *range(0xC1, 0xCA), *range(0xD1, 0xDA), *range(0xE2, 0xEA), *range(0xF0, 0xFA)}
)
_ASCII_LETTERS = bytes({*range(0x41, 0x5B), *range(0x61, 0x7B), *range(0x30, 0x3A)} - {0x60, 0x6B, 0x7A, 0x4B, 0x5A})
_LEGACY = ("cp1252", "cp850", "mac-roman", "koi8-r", "cp1251")
_LEGACY_OCTETS = 256 * 1024
"""Octets read as each old charset: only letters outside ASCII differ, and words with them come early or often."""
_SAMPLE = 64 * 1024
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\x00-\x08\x0e-\x1f\x7f\U000e0000-\U000e0fff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a]"
)
_OVERSTRUCK = re.compile(r"[^\n\x08]\x08")
_FLOWED = re.compile(r" \r?\n(?![ \t\r\n>])")


def decode_text(data: bytes, declared_charset: str) -> Decoded:
    """Read octets as text in every way that makes sense.

    Problems: `unknown-charset` (not on the allow-list), `charset-does-not-fit` (a charset whose octets
    nobody can read otherwise). The raw signs are always among the readings, so ASCII is never lost.
    """
    name = declared_charset.strip().strip("\"'").lower()
    problems: list[str] = []
    if name in EBCDIC:
        text, fits = data.decode(EBCDIC[name], "replace"), True
    else:
        text, fits = charset_text(data, name)
        if not knows_charset(name):
            problems.append("unknown-charset")
        elif not fits and data and _MULTIBYTE.search(name):
            problems.append("charset-does-not-fit")
    others = dict.fromkeys(_others(data, name, fits=fits))
    others.pop(text, None)
    return Decoded(text, tuple(problems), tuple(others))


def _others(data: bytes, name: str, *, fits: bool) -> list[str]:
    found: list[str] = []
    marked = next((codec for mark, codec in _BOMS if data.startswith(mark)), "")
    if marked:
        found.append(data.decode(marked, "replace"))
    if name in EBCDIC or _STATEFUL.search(name):
        found.append(charset_text(data, "")[0])
    if b"\0" in data:
        found += _wide(data)
    if data.isascii():
        found += _seven_bit(data)
    else:
        found += _eight_bit(data, name, fits=fits)
    if b"\x1b" in data or b"\x0e" in data:
        found += _escaped(data)
    return found


def _wide(data: bytes) -> list[str]:
    """UTF-16 and UTF-32 without a mark, and the octets without their NULs."""
    found = [charset_text(data.replace(b"\0", b""), "")[0]]
    sample = data[:_SAMPLE]
    if sample.count(0) * 5 > len(sample):
        codecs = ("utf-16-le", "utf-16-be") if sample.count(0) * 5 < len(sample) * 3 else ("utf-32-le", "utf-32-be")
        found += [data.decode(codec, "replace") for codec in codecs]
    return found


def _seven_bit(data: bytes) -> list[str]:
    found = []
    if b"+" in data and (lines := b"".join(_UTF7_LINE.findall(data))):
        found.append(_UTF7_RUN.sub(_utf7, lines).decode("utf-8", "replace"))
    if b"~" in data and _HZ_ASIDE.search(data):
        found += [data.decode("hz", "replace"), _HZ_ASIDE.sub(b"", data).decode("ascii")]
    return found


def _utf7(match: re.Match[bytes]) -> bytes:
    try:
        return (b"+" + match[1] + b"-").decode("utf-7").encode("utf-8", "replace")
    except UnicodeDecodeError:
        return match[0]


def _eight_bit(data: bytes, name: str, *, fits: bool) -> list[str]:
    found = []
    if _OVERLONG.search(data):
        found.append(_OVERLONG.sub(_overlong, data).decode("utf-8", "replace"))
    sample = data[:_SAMPLE]
    strange = len(sample.translate(None, _EBCDIC_SIGNS))
    if strange * 10 < len(sample) * 3:
        found.append(data.decode("cp500", "replace"))
    if not name or not fits:
        if _is_utf8(data):
            found.append(data.decode("utf-8"))
        else:
            found += [data[:_LEGACY_OCTETS].decode(codec, "replace") for codec in _LEGACY]
    if not _is_utf8(data):
        found.append(data.decode("utf-8", "ignore"))
    return found


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _overlong(match: re.Match[bytes]) -> bytes:
    """UTF-8 longer than it need be; RFC 3629 forbids it, old programs read it."""
    octets = match[0]
    number = octets[0] & (0x1F if len(octets) == 2 else 0x0F if len(octets) == 3 else 0x07)
    for octet in octets[1:]:
        number = number << 6 | octet & 0x3F
    return chr(number).encode("utf-8", "replace")


def _escaped(data: bytes) -> list[str]:
    """ISO 2022 in its national forms, and the signs without the escapes."""
    found = [_ESCAPES.sub(b"", data).decode("latin-1")]
    found += [data.decode(codec, "replace") for codec in ("iso2022_jp_2", "iso2022_kr")]
    return found


def normalise(text: str) -> str:
    """The form for scanning: invisible signs out, NFKC, lines of format=flowed (RFC 3676) joined."""
    if "\x08" in text:
        text = _OVERSTRUCK.sub("", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    text = _INVISIBLE.sub("", text)
    return _FLOWED.sub(" ", text)
