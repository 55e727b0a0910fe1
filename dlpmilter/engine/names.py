# SPDX-License-Identifier: Apache-2.0
"""Names of people in one spelling: umlauts folded, titles dropped, given name told from surname.

Never guesses from one word alone which of the two it is, unless a list of given names knows it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from dlpmilter.detect.given_names import GIVEN, NOT_A_NAME, SHORT_FORMS

_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "ł": "l", "đ": "d", "œ": "oe"}
)
_BARE = str.maketrans(
    {"ä": "a", "ö": "o", "ü": "u", "ß": "s", "æ": "a", "ø": "o", "å": "a", "ł": "l", "đ": "d", "œ": "o"}
)
_APOSTROPHES = dict.fromkeys(map(ord, "'’´`"))
_CUT = re.compile(
    r"\(.*?\)|\[.*?\]|<.*?>|[|/@].*|\s+[-–—]\s.*|\bvia\b.*|,\s*(?:Dr|Prof|MBA|M\.?A|LL\.?M|Dipl).*", re.IGNORECASE
)
_WORDS = re.compile(r"[^\W\d_]+(?:['’´`][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Person:
    """Folded words of one person. `given` and `surname` hold every spelling and part of the name."""

    given: frozenset[str]
    surname: frozenset[str]
    unsure: frozenset[str] = frozenset()
    """A single word that may be either."""

    @property
    def initials(self) -> frozenset[str]:
        """First letters of the given names."""
        return frozenset(name[0] for name in self.given)


def fold(text: str) -> str:
    """Lower case, ä as ae, other accents dropped; letters of other scripts stay."""
    if text.isascii():
        return text.lower()
    lowered = unicodedata.normalize("NFC", text).lower().translate(_UMLAUTS)
    return "".join(char for char in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(char))


def spellings(word: str) -> frozenset[str]:
    """The ways a word is written in an address: Müller as mueller and muller."""
    word = word.translate(_APOSTROPHES)  # O'Connor is oconnor, whichever sign stands there
    whole = bare = fold(word)
    if not word.isascii():
        bare = unicodedata.normalize("NFC", word).lower().translate(_BARE)
        bare = "".join(char for char in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(char))
    found = {whole, bare}
    if re.search("[aou]e", whole) and word.isascii():
        # the directory already wrote Mueller: people also write muller
        found.add(re.sub("([aou])e", r"\1", whole))
    return frozenset(re.sub("[^a-z]", "", each) if each.isascii() else each for each in found if each)


@lru_cache(maxsize=4096)
def person_from_name(display: str) -> Person | None:
    """Read a display name: `Anna Berger`, `Berger, Anna`, `Dr. Anna-Lena Berger-Voss (Vertrieb)`."""
    if "@" in display and " " not in display.strip():
        return person_from_local(display.partition("@")[0])
    text = _CUT.sub(" ", display[:200])
    last_first = text.count(",") == 1
    pieces = [part for part in (text.split(",") if last_first else [text]) if part.strip()]
    groups = [_groups(part) for part in pieces]
    if last_first and len(groups) == 2:  # `Surname, Given`
        return _person(groups[1], groups[0])
    words = [group for each in groups for group in each]
    if not words:
        return None
    if len(words) == 1:
        return _single(words[0])
    if _is_given(words[-1]) and not _is_given(words[0]):
        return _person(words[1:], words[:1])  # `BERGER Anna`
    return _person(words[:-1], words[-1:])


@lru_cache(maxsize=4096)
def person_from_local(local: str) -> Person | None:
    """Read a local part: `anna.berger`, `a.berger`, `berger`; roles such as `info` give None."""
    local = local.partition("+")[0]
    words = [[word] for word in re.split(r"[._\-\d\s]+", fold(local)) if word]
    kept = [word for word in words if word[0] not in NOT_A_NAME]
    if not kept or len(kept) < len(words):
        return None  # info.berlin, anna.vertrieb: not a person's own address for sure
    if len(kept) == 1:
        return _single(kept[0]) if len(kept[0][0]) > 2 else None  # initials say nothing
    if (_is_given(kept[-1]) and not _is_given(kept[0])) or len(kept[-1][0]) == 1 < len(kept[0][0]):
        return _person(kept[1:], kept[:1])
    return _person(kept[:-1], kept[-1:])


def _groups(text: str) -> list[list[str]]:
    """Words of a name; parts joined by a hyphen stay one group, titles and particles fall out."""
    found = []
    for chunk in text.replace("‐", "-").split():
        parts = [word for word in _WORDS.findall(chunk) if fold(word).strip("'’´`") not in NOT_A_NAME]
        if parts:
            found.append(parts)
    return found


def _is_given(group: list[str]) -> bool:
    return all(fold(word) in GIVEN for word in group)


def _single(group: list[str]) -> Person:
    names = _variants([group])
    if _is_given(group):
        return Person(names, frozenset())
    return Person(frozenset(), frozenset(), names)


def _person(given: list[list[str]], surname: list[list[str]]) -> Person:
    return Person(_with_short_forms(_variants(given)), _variants(surname))


def _variants(groups: list[list[str]]) -> frozenset[str]:
    """Every word in every spelling, and hyphenated names joined: Anna-Lena is anna, lena and annalena."""
    found: set[str] = set()
    for group in groups:
        for word in group:
            found |= spellings(word)
        if len(group) > 1:
            found |= spellings("".join(group))
    if len(groups) > 1:
        found |= spellings("".join(group[0] for group in groups))
    return frozenset(name for name in found if name)


def _with_short_forms(names: frozenset[str]) -> frozenset[str]:
    return names | {short for name in names for short in SHORT_FORMS.get(name, "").split()}
