# SPDX-License-Identifier: Apache-2.0
"""Spellings that look like plain text but are not: invisible, wide, mathematical, foreign look-alike, turned round.

Gives a second copy of the lines that change, so that a pattern finds what a person reads. Never
replaces the original and never guesses a language; linear, pure.
"""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x115F, 0x1160),
    (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x2800, 0x2800),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE000, 0xF8FF), (0x482, 0x482), (0xE0000, 0xE01EF), (0xF0000, 0xFFFFD), (0x100000, 0x10FFFD),
)  # fmt: skip
"""Format characters (category Cf), fillers, variation selectors, signs without a meaning (private use)."""
_DROP = {number: None for first, last in _INVISIBLE for number in range(first, last + 1)}
# Letters and digits of other scripts that look like Latin ones (our own list, from looking at fonts).
_ALIKE = str.maketrans({
    each: latin
    for latin, others in {
        "A": "АΑᎪᗅꓮ", "B": "ВΒᏴᗷꓐ", "C": "СϹᏟꓚ", "D": "Ꭰᗞꓓ", "E": "ЕΕᎬꓰ", "F": "Ϝꓝᖴ", "G": "ԌᏀꓖ", "H": "НΗᎻꓧ",
        "I": "ІΙӀꓲ", "J": "ЈᎫꓙ", "K": "КΚKᏦꓗ", "L": "Ꮮᒪꓡ", "M": "МΜᎷꓟ", "N": "Νꓠ", "O": "ОΟՕꓳ", "P": "РΡᏢꓑ",
        "Q": "Ԛ", "R": "ᎡᖇꓣƦ", "S": "ЅՏᏚꓢ", "T": "ТΤᎢꓔ", "U": "Սꓴ", "V": "ѴᏙꓦ", "W": "ԜᎳꓪ", "X": "ХΧꓫ",
        "Y": "УҮΥꓬ", "Z": "ΖᏃꓜ",
        "a": "аαɑ", "b": "ЬᏏ", "c": "сϲᴄ", "d": "ԁᏧᴅ", "e": "еҽєᴇ", "f": "ϝք", "g": "ɡց", "h": "һհ", "i": "іιɩ",
        "j": "јϳ", "k": "κᴋ", "l": "ӏǀ", "m": "ᴍ", "n": "ոпη", "o": "оοօσᴏ", "p": "рρ", "q": "ԛգ", "r": "ᴦ",
        "s": "ѕꜱ", "t": "τᴛ", "u": "υսᴜ", "v": "ѵνᴠ", "w": "ԝѡᴡω", "x": "хχ", "y": "уүγ", "z": "ᴢ",
    }.items()
    for each in others
})  # fmt: skip
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣－⁃˗", "-"))
_BLANKS = str.maketrans(dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
                                      "\u202f\u205f\u3000", " "))  # fmt: skip
_WORD = re.compile(r"[^\W_]+")
_TURNED = re.compile("[\u202e\u2067]([^\u202c\u2069\n\u202e\u2067]*)[\u202c\u2069]?")
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
_SAME_SHAPE = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ƒ": "f"})
_REGIONAL = {0x1F1E6 + number: 65 + number for number in range(26)}
_NEGATIVE = {start + number: 65 + number for start in (0x1F130, 0x1F150, 0x1F170) for number in range(26)}
_CIRCLED = {
    start + number: 48 + first + number
    for start, first, count in (
        (0x2460, 1, 9), (0x2474, 1, 9), (0x2488, 1, 9), (0x24F5, 1, 9), (0x2776, 1, 9), (0x2780, 1, 9), (0x278A, 1, 9),
        (0x24EA, 0, 1), (0x24FF, 0, 1), (0x1F10B, 0, 1), (0x1F10C, 0, 1), (0x1F100, 0, 1),
    )
    for number in range(count)
}  # fmt: skip
"""Digits in circles, in parentheses and with a full stop, as the digit alone."""
_TAG_LETTERS = {0xE0000 + number: number for number in range(0x20, 0x7F)}
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{6,}")
"""Selectors in a row select nothing: each of the 256 is an octet to who knows it."""
_HAS_TAGS = re.compile("[\U000e0020-\U000e007e]{3,}")
_SHAPES: dict[int, str | int | None] = {**_BLANKS, **_DASHES, **_NEGATIVE, **_REGIONAL, **_CIRCLED, **_DROP}
_ODD = re.compile(
    "[\xaa\xad\xb2\xb3\xb9\xba\u0180-\u2012\u2015-\u2017\u201b\u201f-\u2021\u2023-\u2025\u2027-\u20ab\u20ad-\U0010ffff]"
)
"""Anything but the letters and marks of European typing: lines without it need no folding."""


def folded(text: str) -> str:
    """The lines of a text that read otherwise when folded, folded; "" when none does."""
    if text.isascii():
        return ""
    if not _ODD.search(text):
        return ""
    lines = []
    for line in text.split("\n"):
        if line.isascii() or not _ODD.search(line):
            continue
        plain = fold_line(line)
        if plain != line and plain != line.translate(_BLANKS):
            lines.append(plain)
        lines += [found[0].translate(_TAG_LETTERS) for found in _HAS_TAGS.finditer(line)]
        lines += [_selected(found[0]) for found in _SELECTORS.finditer(line)]
    return "\n".join(lines)


def fold_line(line: str) -> str:
    """One line as plainly as it can be spelled: NFKC, nothing invisible, no look-alikes, umlauts kept."""
    turned = _TURNED.sub(lambda found: found[1][::-1], line)
    shapes = turned.translate(_SHAPES)
    composed = unicodedata.normalize("NFKC", shapes)
    composed = _digits(_MARKS.sub("", composed))
    return _WORD.sub(_latin, composed).translate(_SAME_SHAPE)


def _selected(run: str) -> str:
    """What a run of variation selectors says: the first sixteen are 0 to 15, the rest lie in plane 14."""
    codes = (ord(each) - 0xFE00 if each <= "\ufe0f" else ord(each) - 0xE0100 + 16 for each in run)
    return bytes(codes).decode("utf-8", "replace")


def _digits(text: str) -> str:
    """Digits of any script as 0-9, rare accented Latin letters as their base."""
    return text if text.isascii() else "".join(map(_plain, text))


def _plain(each: str) -> str:
    if each < "\u0180":
        return each
    if each.isdecimal():
        return str(unicodedata.decimal(each))
    return unicodedata.normalize("NFD", each)[0] if each < "\u0250" or "\u1e00" <= each <= "\u1eff" else each


def _latin(found: re.Match[str]) -> str:
    """A word of look-alikes only, as Latin; a Russian or Greek word has other letters too and stays."""
    word = found[0]
    if word.isascii():
        return word
    changed = word.translate(_ALIKE)
    return changed if all(each < "\u0250" for each in changed) else word
