# SPDX-License-Identifier: Apache-2.0
"""One plain form of a text, so that one spelling of a pattern is enough. Never drops a visible character's trace.

NFKC, invisible characters out, typographic dashes, quotes and spaces as ASCII, Latin letters without
accents (ä as ae, ß as ss). What has no such form stays as UTF-8.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_GERMAN: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "AE", "Ö": "OE", "Ü": "UE", "ß": "ss", "ẞ": "SS"}
_OTHER: Final = {
    "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ı": "i",
    "’": "'", "‘": "'", "‚": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "⁄": "/", "−": "-",
    "\u2028": "\n", "\u2029": "\n", "\x85": "\n",
}  # fmt: skip
_PLAIN: Final = {**_GERMAN, **_OTHER}
# Unicode 15, Default_Ignorable_Code_Point: a reader sees nothing there.
_INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
_INVISIBLE_RUN: Final = re.compile(f"[{_INVISIBLE}]+")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]+")
_DIAERESIS: Final = "\u0308"
_SHORT: Final = 8
"""Runs up to this length are remembered: umlauts and quotes come again and again."""


def plain_forms(text: str) -> tuple[bytes, ...]:
    """The plain form, UTF-8; and a second one with a space for each invisible run, where there was one.

    The first finds an IBAN that was split with zero-width characters, the second two numbers that only
    such a character keeps apart.
    """
    if text.isascii():
        return (text.encode("ascii"),)
    if _DIAERESIS in text:
        text = unicodedata.normalize("NFC", text)
    joined = _NOT_ASCII.sub(_plain_run, text)
    if joined.isascii() and not _INVISIBLE_RUN.search(text):
        return (joined.encode("ascii"),)
    forms = [joined.encode("utf-8", "replace")]
    apart = _NOT_ASCII.sub(_plain_run, _INVISIBLE_RUN.sub(" ", text)).encode("utf-8", "replace")
    if apart != forms[0]:
        forms.append(apart)
    return tuple(forms)


def plain(text: str) -> str:
    """The plain form of a pattern or word, as text."""
    return plain_forms(text)[0].decode("utf-8", "replace")


def _plain_run(match: re.Match[str]) -> str:
    run = match[0]
    return _remembered(run) if len(run) <= _SHORT else _spell(run)


def _spell(run: str) -> str:
    return "".join(_letter(each) for each in _INVISIBLE_RUN.sub("", run))


@lru_cache(maxsize=8192)
def _letter(letter: str) -> str:
    known = _PLAIN.get(letter)
    if known is not None:
        return known
    category = unicodedata.category(letter)
    if category == "Pd":
        return "-"
    if category == "Zs":
        return " "
    if category == "Nd":
        return str(unicodedata.digit(letter))
    spelt = unicodedata.normalize("NFKD", letter)
    kept = "".join(_PLAIN.get(each, each) for each in spelt if unicodedata.category(each) != "Mn")
    return kept if kept or category != "Mn" else ""


_remembered = lru_cache(maxsize=4096)(_spell)
