# SPDX-License-Identifier: Apache-2.0
"""One plain form of a text, so that one spelling of a pattern is enough. Never drops a visible character's trace.

NFKC, invisible characters out, typographic dashes, quotes and spaces as ASCII, digits of any script as 0-9,
Latin letters without accents (ä as ae, ß as ss). What has no such form stays as UTF-8.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import lru_cache
from typing import Final

_GERMAN: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "AE", "Ö": "OE", "Ü": "UE"}
_OCTETS: Final = tuple((letter.encode(), spelt.encode()) for letter, spelt in _GERMAN.items())
"""Two octets for two, which costs no more than a copy; all else takes a call for each run."""
_PLAIN: Final = {
    "ẞ": "SS", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE",
    "ı": "i", "‘": "'", "‚": "'", "´": "'", "«": '"', "»": '"', "⁄": "/", "−": "-", "\u2028": "\n", "\u2029": "\n",
    "\x85": "\n", "’": "'", "„": '"', "“": '"', "”": '"', **_GERMAN,
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


def plain_forms(text: str) -> tuple[bytes, ...]:
    """The plain form, UTF-8; and a second one with a space for each invisible run, where there was one.

    The first finds an IBAN that was split with zero-width characters, the second two numbers that only
    such a character keeps apart.
    """
    if not text.isascii():
        if _DIAERESIS in text:
            text = unicodedata.normalize("NFC", text)
        octets = text.encode("utf-8", "replace")
        for letter, spelt in _OCTETS:
            octets = octets.replace(letter, spelt)
        text = octets.decode("utf-8")
    octets = text.encode("ascii", _HANDLER)
    if b"\0" not in octets:
        return (octets,)
    joined, apart = octets.replace(b"\0", b""), b" ".join(each for each in octets.split(b"\0") if each)
    return (joined, apart) if joined != apart else (joined,)


def plain(text: str) -> str:
    """The plain form of a pattern or word, as text."""
    return plain_forms(text)[0].decode("utf-8", "replace")


def _plain_run(error: UnicodeError) -> tuple[bytes, int]:
    """What the encoder writes for a run of characters that are not ASCII."""
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101  # the handler serves encoding only
    run = error.object[error.start : error.end]
    return _remembered(run) if len(run) <= _SHORT else _spell(run), error.end


def _spell(run: str) -> bytes:
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


_remembered = lru_cache(maxsize=4096)(_spell)
codecs.register_error(_HANDLER, _plain_run)
