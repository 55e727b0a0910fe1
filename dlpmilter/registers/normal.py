# SPDX-License-Identifier: Apache-2.0
"""One spelling for what people write in many: cells of a register and words of a mail meet here. Never keeps a text.

Both sides pass through `fold`, then a cell becomes one canonical text by `canonical`; a mail offers the same
forms (tokens.py). Whatever changes here changes every hash: raise VERSION then, and old indexes are refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

VERSION = 1
"""Stands in each index; another number means that its hashes cannot be found any more."""
MAX_WORDS = 6
"""A cell of more words is running text and is not indexed."""
MIN_LENGTH = 3
"""Shorter cells (M, W, 12) say nothing about a row."""
MAX_NUMBER = 40
NUMBER_TOKENS = 9
"""An IBAN in groups of four has nine at most (Malta: 31 characters in eight)."""

WORD = re.compile(r"[^\W_]+|\+(?=[\d(])")
_IN_LOCAL = r"[^\s<>()\[\]\",;:|\\/'=@]{1,64}"
_IN_DOMAIN = r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,9}"
_LOCAL = re.compile(rf"{_IN_LOCAL}\Z")
_DOMAIN = re.compile(_IN_DOMAIN)
_AT = re.compile(r"@(?=[\w-])")
_ONLY_MAIL = re.compile(rf"(?!\.){_IN_LOCAL}@{_IN_DOMAIN}(?<!-)")
_MAX_LOCAL = 64
"""RFC 5321 4.5.3.1.1."""
_DIGITS = dict.fromkeys(range(ord("0"), ord("9") + 1))
_MARKS = re.compile("[\u0300-\u036f]+")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\ud800-\udfff]+"
)
"""Signs that are not seen, and lone surrogates, which no encoding has."""
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LETTERS = {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
_LETTER = re.compile(f"[{''.join(_LETTERS)}]")
_BETWEEN = "\x1f"
"""Between texts that are folded together: no fold makes, takes or crosses it."""
_AMOUNT = re.compile(r"[\d.,' ]+[.,]\d\d")
_MONTHS = {
    fold: number
    for number, names in enumerate(
        (
            "januar january jan janner",
            "februar february feb",
            "marz march mar",
            "april apr",
            "mai may",
            "juni june jun",
            "juli july jul",
            "august aug",
            "september sept sep",
            "oktober october okt oct",
            "november nov",
            "dezember december dez dec",
        ),
        start=1,
    )
    for fold in names.split()
}
_CODES_OF_TWO = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 "
    "90 91 92 93 94 95 98".split()
)


_SHAPE = bytes.maketrans(b"0123456789abcdefghijklmnopqrstuvwxyz", b"0" * 10 + b"a" * 26)
"""All digits alike, all letters of a folded text alike."""
_MAX_SHAPES = 20_000
_ONLY_SIGNS = dict.fromkeys(number for number in range(128) if not chr(number).isalnum())


def fold(text: str) -> str:
    """One case, no accents, umlauts and their transliterations alike (Müller, Mueller, MULLER), no invisible signs.

    `ae`, `oe`, `ue` become `a`, `o`, `u` everywhere, `strasse` becomes `str`: the two sides only have to agree.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
        text = _MARKS.sub("", unicodedata.normalize("NFD", text))
        text = _LETTER.sub(lambda found: _LETTERS[found.group()], text)
        text = _IDEOGRAPH.sub(r" \g<0> ", unicodedata.normalize("NFC", text))
    else:
        text = text.lower()
    return text.replace("ae", "a").replace("oe", "o").replace("ue", "u").replace("strasse", "str")


def fold_each(texts: Sequence[str]) -> list[str]:
    """`fold` of each text, in one go."""
    folded = fold(_BETWEEN.join(texts)).split(_BETWEEN)
    return folded if len(folded) == len(texts) else [fold(text) for text in texts]


def canonical(folded: str, *, phone: bool = False) -> str:
    """The one form of a folded cell; "" when it says too little or is running text.

    A mail address stays as it is; a date is `=YYYYMMDD`; a number (IBAN, customer number) is `#` and its letters
    and digits; a telephone number is `+` and its national part; all else is its words in alphabetical order,
    so that `Müller, Anna` is `Anna Müller`.
    """
    if folded.isalnum():
        words = [folded]
        if folded.isalpha():
            return folded if len(folded) >= MIN_LENGTH else ""
    elif "@" in folded and (mail := mail_of(folded)):
        return mail
    else:
        words = WORD.findall(folded)
    if phone and (number := phone_of(words)):
        return number
    if "+" in words:
        words = [word for word in words if word != "+"]
    if len(words) == 3 and (day := date_of(words)):
        return day
    if is_number(words):
        return "#" + "".join(words)
    if not words or len(words) > MAX_WORDS or sum(map(len, words)) < MIN_LENGTH:
        return ""
    return words[0] if len(words) == 1 else " ".join(sorted(words))


_NOTHING, _WHOLE, _ONE_NUMBER, _NUMBER, _WORDS, _EACH = range(6)
"""How cells of one shape become canonical: not at all; as they are (one word, or a mail address); `#` before them;
`#` before their letters and digits; their words in order; or `canonical` has to look at each (dates, telephone
numbers, what is not ASCII)."""


class Canonical:
    """`canonical` for the cells of one column. Most columns have cells of few shapes: each shape is looked at once."""

    def __init__(self, *, phone: bool) -> None:
        self.lengths: set[int] = set()
        """Signs of the numbers seen so far."""
        self._phone = phone
        self._ways: dict[bytes, int] = {}

    def each(self, folded: Sequence[str]) -> tuple[list[str], list[str]]:
        """`canonical` of each folded cell, and those among them that have several words."""
        shapes = _BETWEEN.join(folded).encode("utf-8", "surrogatepass").translate(_SHAPE).split(_BETWEEN.encode())
        if len(shapes) != len(folded):  # no cell, or a cell that has the sign between cells in it
            return self._by_way(folded, [_EACH] * len(folded))
        ways = self._ways
        if len(ways) >= _MAX_SHAPES:
            ways.clear()
        if not ways.keys() >= (new := set(shapes)):
            for shape, cell in dict(zip(shapes, folded, strict=True)).items():
                if shape in new and shape not in ways:
                    ways[shape] = self._way(shape, cell)
        return self._by_way(folded, list(map(ways.__getitem__, shapes)))

    def _by_way(self, folded: Sequence[str], ways: list[int]) -> tuple[list[str], list[str]]:
        kinds = set(ways)
        if kinds == {_WHOLE}:
            return list(folded), []
        if kinds == {_ONE_NUMBER}:
            return ["#" + cell for cell in folded], []
        if kinds == {_NUMBER}:
            return ["#" + cell.translate(_ONLY_SIGNS) for cell in folded], []
        phone = self._phone
        forms = [
            cell if way == _WHOLE
            else canonical(cell, phone=phone) if way == _EACH
            else "#" + cell if way == _ONE_NUMBER
            else "#" + cell.translate(_ONLY_SIGNS) if way == _NUMBER
            else " ".join(sorted(WORD.findall(cell))) if way == _WORDS
            else ""
            for cell, way in zip(folded, ways, strict=True)
        ]  # fmt: skip
        if _EACH in kinds:
            self.lengths.update({len(form) - 1 for form in forms if form[:1] == "#"})
        return forms, [form for form in forms if " " in form]

    def _way(self, shape: bytes, cell: str) -> int:
        """What `canonical` does with every cell of this shape, seen from one of them."""
        if not shape.isascii() or b"+" in shape:
            return _EACH
        if b"@" in shape:
            return _WHOLE if _ONLY_MAIL.fullmatch(cell) else _EACH
        words = WORD.findall(cell)
        if b"0" in shape and (self._phone or len(words) == 3):
            return _EACH
        form = canonical(cell)
        if not form:
            return _NOTHING
        if form[0] == "#":
            self.lengths.add(len(form) - 1)
            return _ONE_NUMBER if len(words[0]) == len(cell) else _NUMBER
        return _WHOLE if form == cell and len(words) == 1 else _WORDS


def mail_of(folded: str) -> str:
    """The first mail address, or ""."""
    if _ONLY_MAIL.fullmatch(folded):
        return folded
    return next((address for address, _, _ in mails_in(folded)), "")


def mails_in(folded: str) -> Iterator[tuple[str, int, int]]:
    """Mail addresses with their first character and the one behind. Looks 64 characters back from each @."""
    end = 0
    for sign in _AT.finditer(folded):
        at = sign.start()
        if at < end or (domain := _DOMAIN.match(folded, at + 1)) is None:
            continue
        before = _LOCAL.search(folded, max(end, at - _MAX_LOCAL), at)
        if before is not None:
            end = domain.end()
            yield before.group().lstrip(".") + "@" + domain.group().rstrip("-"), before.start(), end


def is_number(words: list[str]) -> bool:
    """Whether these words are one number in groups: most of it digits, letters only where an IBAN has them."""
    count = len(words)
    if not 0 < count <= NUMBER_TOKENS:
        return False
    whole = words[0] if count == 1 else "".join(words)
    if whole.isdigit():
        return 4 <= len(whole) <= MAX_NUMBER
    letters = digits = 0
    for place, word in enumerate(words):
        if word.isdigit():
            digits += len(word)
            continue
        if word.isalpha() and not _may_be_letters(word, place, count):
            return False
        here = len(word.translate(_DIGITS))
        digits += len(word) - here
        letters += here
    return digits >= 4 and digits >= letters and digits + letters <= MAX_NUMBER


def _may_be_letters(word: str, place: int, count: int) -> bool:
    """`K 10023` and the second group of `GB29 NWBK 6016`."""
    return (place == 0 and len(word) <= 4 and count > 1) or (place == 1 and len(word) == 4 and count > 2)


def date_of(words: list[str]) -> str:
    """`=YYYYMMDD` of three words (12 3 1980, 1980 03 12, 12 marz 1980), or ""."""
    first, second, third = words
    if second in _MONTHS:
        second = str(_MONTHS[second])
    elif first in _MONTHS:  # March 12, 1980
        first, second = second, str(_MONTHS[first])
    if not (first.isdecimal() and second.isdecimal() and third.isdecimal()):
        return ""
    if len(first) == 4 and len(second) <= 2 and len(third) <= 2:
        year, month, day = int(first), int(second), int(third)
    elif len(third) == 4 and len(first) <= 2 and len(second) <= 2:
        day, month, year = int(first), int(second), int(third)
        if month > 12:
            day, month = month, day
    else:
        return ""
    return f"={year:04}{month:02}{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 and year >= 1000 else ""


def phone_of(words: list[str]) -> str:
    """`+` and the national part without its leading zero, or "". `+49 (0)170 12`, `0049170 12` and `0170/12` agree."""
    abroad = bool(words) and words[0] == "+"
    digits = "".join(words[1:] if abroad else words)
    if not digits.isdecimal() or not 6 <= len(digits) <= 17:
        return ""
    if not abroad and digits.startswith("00"):
        abroad, digits = True, digits[2:]
    if abroad:
        size = 1 if digits[0] in "17" else 2 if digits[:2] in _CODES_OF_TWO else 3
        digits = digits[size:]
    elif not digits.startswith("0"):
        return ""
    digits = digits.lstrip("0")
    return f"+{digits}" if len(digits) >= 5 else ""


def identifies(form: str, cell: str) -> bool:
    """Whether a value of this form may name a row on its own: an address, a long number, a telephone number."""
    if form.startswith("#"):
        return len(form) > 6 and not _AMOUNT.fullmatch(cell.strip())
    return form.startswith("+") or "@" in form
