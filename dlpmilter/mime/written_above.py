# SPDX-License-Identifier: Apache-2.0
"""What a writer put above the mail he quotes: nothing, a signature, a note that hands it on, or an answer.

Outlook writes the same header block under a reply and under a forward, so what stands above it is
all the text has to tell them apart. Answers with one slug; never keeps or returns the words.
"""

from __future__ import annotations

import re

from dlpmilter.mime.quote_words import CLOSINGS, DEVICE_LINES, HANDING_ON

MOST_LINES = 400
SHORT_NOTE = 400
"""Characters: who hands a mail on says so in a line or two; a longer text is a letter of its own."""

_FRAME = "-–—_*=#~>|+ \t\xa0\ufeff\u200b\u200e\u200f"


def _words(phrases: tuple[str, ...]) -> str:
    return "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))


_HANDING_ON = re.compile(rf"(?<!\w)(?:{_words(HANDING_ON)})(?!\w)")
_HANDING_ON_CJK = (
    *("供参考", "供您参考", "請參考", "请参阅", "请见下", "转发给", "轉寄給", "ご参考", "転送します", "転送いたします"),
    *("下記の通り", "참고", "전달드립니다", "전달합니다"),
)
"""No blanks between the words of these languages."""
_CLOSING = re.compile(rf"(?:{_words(CLOSINGS)})(?!\w)[^.!?:]{{0,40}}\Z|(?:best|att)[ ,.]*\Z")
_DEVICE = re.compile(rf"(?:{_words(DEVICE_LINES)})(?!\w)")


def own_words(above: list[str]) -> str:
    """One of "nothing", "signature", "handing-on", "note", "text" for the lines before the first trace of a mail."""
    said: list[str] = []
    signed = False
    for raw in above[:MOST_LINES]:
        if raw.rstrip("\r\n") in ("-- ", "--"):  # RFC 3676 4.3: the signature goes on to the end
            signed = True
            break
        if raw.lstrip().startswith(">"):
            return "text"  # he answers between the lines
        line = raw[: 2 * SHORT_NOTE].strip(_FRAME).casefold()
        if not line or _framed(raw):
            continue
        if _DEVICE.match(line):
            signed = True
        elif _CLOSING.match(line):  # what follows is name, company, telephone
            signed = True
            break
        else:
            said.append(line)
    if not said:
        return "signature" if signed else "nothing"
    note = " ".join(said[:20])
    if len(note) > SHORT_NOTE or len(said) > 20:
        return "text"
    handed_on = _HANDING_ON.search(note) or any(word in note for word in _HANDING_ON_CJK)
    return "handing-on" if handed_on else "note"


def _framed(raw: str) -> bool:
    """`---------- Words ----------`: a program's marker in a language we do not know, not the writer's words."""
    line = raw.strip()
    return line.startswith(("-----", "_____", "=====")) and line.endswith(("---", "___", "==="))
