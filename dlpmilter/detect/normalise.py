# SPDX-License-Identifier: Apache-2.0
"""One plain form of a text, so that one spelling of a pattern is enough. Never drops a visible character's trace.

NFKC, invisible characters out, typographic dashes, quotes and spaces as ASCII, digits of any script as 0-9,
Latin letters without accents (ä as ae, ß as ss). What has no such form stays as UTF-8.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from contextvars import ContextVar
from functools import lru_cache
from typing import Final

_GERMAN: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "AE", "Ö": "OE", "Ü": "UE"}
_MOVED: Final = "\U0010fffe"
"""A code that is no character: stands for U+0080 while texts are folded, whose octet marks places there."""
_PLAIN: Final = {
    "ẞ": "SS", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE",
    "ı": "i", "‘": "'", "‚": "'", "´": "'", "«": '"', "»": '"', "⁄": "/", "−": "-", "\u2028": "\n", "\u2029": "\n",
    "\x85": "\n", "’": "'", "„": '"', "“": '"', "”": '"', _MOVED: "\x80", **_GERMAN,
}  # fmt: skip
# Unicode 15, Default_Ignorable_Code_Point: a reader sees nothing there.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_GAP: Final = "\0"
"""Stands for an invisible character until both forms are made; a NUL in a text is one as well."""
_DIAERESIS: Final = "\u0308"
_HANDLER: Final = "dlpmilter-plain"
_SHORT: Final = 8
"""Runs up to this length are remembered: the same few come again and again."""
_LATER: Final = b"\x80"
"""In Latin-1 octets: what stands here is no ASCII when it is spelt, and is put in at the end."""
_ASCII: Final = bytes(range(128)) + _LATER


def plain_forms(text: str) -> tuple[bytes, ...]:
    """The plain form, UTF-8; and a second one with a space for each invisible run, where there was one.

    The first finds an IBAN that was split with zero-width characters, the second two numbers that only
    such a character keeps apart.
    """
    octets = text.encode() if text.isascii() else _folded(text)
    if b"\0" not in octets:
        return (octets,)
    joined, apart = octets.replace(b"\0", b""), b" ".join(each for each in octets.split(b"\0") if each)
    return (joined, apart) if joined != apart else (joined,)


def plain(text: str) -> str:
    """The plain form of a pattern or word, as text."""
    return plain_forms(text)[0].decode("utf-8", "replace")


def _folded(text: str) -> bytes:
    """The plain form with gaps.

    Latin-1 is the form Python keeps European text in: its encoder is a copy, and one octet is replaced at the speed of
    memory. That folds at five times the speed of a call for each run of letters, and everything else still has one.
    """
    if _DIAERESIS in text:
        text = unicodedata.normalize("NFC", text)
    text = text.replace("\x80", _MOVED).replace("\xb5", "\u03bc")
    later: list[bytes] = []
    _wide.set(later)
    octets = text.encode("latin-1", _HANDLER)
    for letter, spelt in _COMMON:
        octets = octets.replace(letter, spelt)
    if octets.isascii():
        return octets
    there = octets.translate(None, _ASCII)
    for letter, spelt in _LATIN if there else ():
        if letter in there:
            octets = octets.replace(letter, spelt)
    pieces = octets.split(_LATER)
    return b"".join(each for pair in zip(pieces, (*later, b""), strict=True) for each in pair)


def _plain_run(error: UnicodeError) -> tuple[bytes, int]:
    """What the encoder writes for a run of characters that are not Latin-1."""
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101  # the handler serves encoding only
    run = error.object[error.start : error.end]
    spelt = _remembered(run) if len(run) <= _SHORT else spelt_out(run)
    if spelt.isascii():
        return spelt, error.end
    _wide.get().append(spelt)
    return _LATER, error.end


def spelt_out(run: str) -> bytes:
    """The plain form with a NUL for what is invisible, letter by letter: what all the rest here equals."""
    return "".join(map(_letter, run)).encode("utf-8", "replace")


@lru_cache(maxsize=8192)
def _letter(letter: str) -> str:
    known = _PLAIN.get(letter)
    if known is not None:
        return known
    if _INVISIBLE.match(letter):
        return _GAP
    category = unicodedata.category(letter)
    if category == "Pd":
        return "-"
    if category == "Zs":
        return " "
    if category == "Nd":
        return str(unicodedata.digit(letter))
    spelt = unicodedata.normalize("NFKD", letter)
    return "".join(_PLAIN.get(each, each) for each in spelt if unicodedata.category(each) != "Mn")


def _latin() -> tuple[tuple[bytes, bytes], ...]:
    """Latin-1 octet -> its form, in an order in which no form is taken for a letter that comes later.

    ASCII first; what stays as it is, U+0080 to U+00BF, becomes an octet C2 (by then no letter) and its own one;
    the rest an octet C3 and one that was dealt with before.
    """
    letters = [chr(code) for code in range(0x81, 0x100) if chr(code) not in _GERMAN and code != ord("\xb5")]
    ordered = sorted(letters, key=lambda each: (not _letter(each).isascii(), ord(each) >= 0xC0, each))
    return tuple((each.encode("latin-1"), _letter(each).encode()) for each in ordered)


_wide: ContextVar[list[bytes]] = ContextVar("wide")
"""What is put in at each _LATER of the text that is being folded."""
_remembered = lru_cache(maxsize=4096)(spelt_out)
_COMMON: Final = tuple((letter.encode("latin-1"), spelt.encode()) for letter, spelt in _GERMAN.items())
_LATIN: Final = _latin()
codecs.register_error(_HANDLER, _plain_run)
