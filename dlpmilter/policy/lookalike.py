# SPDX-License-Identifier: Apache-2.0
"""Domains that look like a known one: "did you mean gmx.de?". Pure; never judges a domain that is in a list.

Two ways to be alike: the same skeleton (homoglyphs, 0/o, 1/l/i, rn/m, vv/w: somebody wanted it to look alike) and
one slip of the fingers (Damerau-Levenshtein distance 1). Short names are one letter away from honest companies, so
what counts as a slip depends on the length.
"""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING

import idna

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

WELL_KNOWN = tuple(
    """
    gmail.com googlemail.com gmx.de gmx.net gmx.at gmx.ch gmx.com web.de t-online.de outlook.com outlook.de
    hotmail.com hotmail.de hotmail.fr hotmail.it hotmail.es hotmail.co.uk live.com live.de yahoo.com yahoo.de yahoo.fr
    yahoo.it yahoo.es yahoo.co.uk aol.com icloud.com protonmail.com freenet.de posteo.de mailbox.org arcor.de
    vodafonemail.de bluewin.ch hispeed.ch chello.at orange.fr wanadoo.fr laposte.net libero.it virgilio.it tiscali.it
    fastwebnet.it telefonica.net movistar.es ziggo.nl kpnmail.nl hetnet.nl xs4all.nl telenet.be skynet.be interia.pl
    neostrada.pl seznam.cz btinternet.com virginmedia.com talktalk.net blueyonder.co.uk ntlworld.com comcast.net
    verizon.net sbcglobal.net bellsouth.net yandex.ru rambler.ru
    """.split()
)
"""Mailboxes so common that a neighbour is rather a slip than a firm; each stands in a shipped list as well."""

HONEST = frozenset(
    {
        "accor.de",  # hotels, beside arcor.de
        "cloud.com",  # software, beside icloud.com
        "libro.it",  # books, beside libero.it
        "poste.de",  # a surname and the French post, beside posteo.de
        "telnet.be",  # firm, beside telenet.be
    }
)
"""Domains of others that stand one slip beside a well-known mailbox."""

SHORT = 5
"""Below this many letters only doubled letters, a wrong ending and skeletons count: all short names are taken."""
LONG = 7
"""From here on any single slip counts; between the two only typical ones."""

_PAIRS = (("rn", "m"), ("vv", "w"))
_DIGITS = str.maketrans("01358|", "olesbl")
_LETTERS = str.maketrans(
    "асԁеһіјӏорԛѕԝхуүʏαικνορτυχγıɩɡɑɢɴʀℓłøđƅкмтвнг",
    "acdehijlopqswxyyyaikvoptuxyiigagnrllodbkmtbhr",
)
"""Cyrillic, Greek and rare Latin letters that look like plain ones (own table, after UTS 39's idea)."""
_ROWS = ("1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm", "qwertyuiop", "zxcvbnm")


def _neighbours() -> frozenset[tuple[str, str]]:
    """Keys beside or above each other on German and English keyboards."""
    near: set[tuple[str, str]] = set()
    for row in _ROWS:
        near.update(pairwise(row))
    for upper, lower in (("qwertzuiop", "asdfghjkl"), ("asdfghjkl", "yxcvbnm"), ("asdfghjkl", "zxcvbnm")):
        for index, key in enumerate(lower):
            near.update((each, key) for each in upper[index : index + 2])
    return frozenset(near | {(right, left) for left, right in near})


_NEAR = _neighbours()


def _unicode(name: str) -> str:
    """The letters behind `xn--`, as a person sees them; what IDNA cannot read stays."""
    if "xn--" not in name:
        return name
    try:
        return ".".join(idna.decode(each) if each.startswith("xn--") else each for each in name.split("."))
    except (idna.IDNAError, UnicodeError):
        return name


def _plain(text: str) -> str:
    """Homoglyphs of other scripts as Latin letters. German umlauts keep their dots: Müller is not Muller's typo."""
    folded = text.translate(_LETTERS)
    kept = "äöü"
    return "".join(each if each in kept else unicodedata.normalize("NFKD", each)[0] for each in folded)


def skeleton(domain: str) -> str:
    """What the eye sees of a normalised domain: equal skeletons look equal. The ending folds homoglyphs only."""
    name, dot, ending = _unicode(domain).partition(".")
    name = _plain(name)
    if len(name) >= SHORT - 1:
        name = name.replace("i", "l")
    name = name.translate(_DIGITS)
    for pair, one in _PAIRS:
        name = name.replace(pair, one)
    return name + dot + _plain(ending)


def distance_one(left: str, right: str) -> bool:
    """Whether one letter was dropped, added, replaced, or two neighbours changed places."""
    if left == right or abs(len(left) - len(right)) > 1:
        return False
    at = _first_difference(left, right)
    rest_left, rest_right = left[at:], right[at:]
    if len(left) != len(right):
        longer, shorter = sorted((rest_left, rest_right), key=len, reverse=True)
        return longer[1:] == shorter
    return rest_left[1:] == rest_right[1:] or (
        rest_left[2:] == rest_right[2:] and rest_left[:2] == rest_right[:2][::-1] and len(rest_left) > 1
    )


def _first_difference(left: str, right: str) -> int:
    pairs = enumerate(zip(left, right, strict=False))
    return next((index for index, (one, two) in pairs if one != two), min(len(left), len(right)))


def typical_slip(typed: str, meant: str) -> bool:
    """Whether a name (without ending) one step away is what fingers do, by the length of the name meant."""
    if not distance_one(typed, meant):
        return False
    at = _first_difference(typed, meant)
    if len(typed) == len(meant) + 1 and at and typed[at] in (typed[at - 1], *typed[at + 1 : at + 2]):
        return True  # doubled: gmxx, gmmail
    if len(meant) < SHORT:
        return False
    left, right = typed[at : at + 1], meant[at : at + 1]
    if left.isdigit() or right.isdigit():
        return False  # firma1 and firma2 are two firms; digits as letters are the skeleton's
    if len(meant) >= LONG:
        return True
    if at == 0 and len(typed) == len(meant) and typed[1:] == meant[1:]:
        return False  # fmail, hmail, grange: nobody mistypes the first letter
    if len(typed) < len(meant):
        return at > 0
    if len(typed) > len(meant):
        return (left, meant[at - 1 : at]) in _NEAR or (left, right) in _NEAR
    return typed[at + 1 :] != meant[at + 1 :] or (left, right) in _NEAR


def _deletes(text: str) -> Iterator[str]:
    yield text
    for index in range(len(text)):
        yield text[:index] + text[index + 1 :]


class Lookalikes:
    """Index over the domains one may have meant: the well-known mailboxes and the company's own and partners' names."""

    def __init__(self, known: Iterable[str], is_ending: Callable[[str], bool]) -> None:
        """`is_ending` says whether a text is a public suffix; it is asked for near hits only."""
        self._is_ending = is_ending
        self._skeletons: dict[str, str] = {}
        self._near: dict[str, list[str]] = {}
        for domain in dict.fromkeys(known):
            if domain.count(".") not in (1, 2) or len(domain.partition(".")[0]) < SHORT - 2:
                continue
            self._skeletons.setdefault(skeleton(domain), domain)
            for each in _deletes(domain):
                self._near.setdefault(each, []).append(domain)

    def suggest(self, domain: str) -> str:
        """The known domain this unlisted one looks like, or ""."""
        labels = domain.split(".")
        for count in (2, 3):
            if len(labels) < count:
                break
            tail = ".".join(labels[-count:])
            if tail in HONEST:
                return ""
            if found := self._skeletons.get(skeleton(tail)) or self._slip(tail):
                return found if found != tail else ""
        return ""

    def _slip(self, tail: str) -> str:
        candidates = {known: None for each in _deletes(tail) for known in self._near.get(each, ())}
        return next((known for known in candidates if self._is_slip(tail, known)), "")

    def _is_slip(self, typed: str, meant: str) -> bool:
        name, _, ending = typed.partition(".")
        meant_name, _, meant_ending = meant.partition(".")
        if ending == meant_ending:
            return typical_slip(name, meant_name)
        if name != meant_name or not distance_one(ending, meant_ending):
            return False
        # an ending nobody can register under is a slip whatever the name; a real one only for .com
        return not self._is_ending(ending) or (meant_ending == "com" and len(name) >= SHORT)
