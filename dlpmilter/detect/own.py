# SPDX-License-Identifier: Apache-2.0
"""Whether a mail carries a document of the sender about himself and nobody else. Never lowers anything itself.

Payslip, employment contract, certificate, ticket: a person may have these. The answer is the finding
`own-document`; what follows from it the policy says. Whatever looks like a second person, a credential or
a business secret anywhere in the mail, and the answer is no. It cannot see other people who are named
without a title, role, address or number, and not a name in a picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dlpmilter.detect.given_names import GIVEN
from dlpmilter.detect.normalise import plain
from dlpmilter.detect.patterns import compiled
from dlpmilter.model.detector import PLACES, DetectorSpec
from dlpmilter.model.verdict import Finding

_REFUSING: Final = frozenset({"secret", "trade-secret", "marker"})
_SINGLE: Final = frozenset({"personal", "special", "criminal"})
_ROLES: Final = frozenset(
    "info kontakt contact service support noreply no-reply donotreply buchung booking tickets ticket hr personal post "
    "personalabteilung payroll lohn bewerbung jobs office buero mail kundenservice reservierung reservations".split()
)
# A word before a name or a name after a role. What stands between is kept short, so that this is linear.
_TITLED: Final = compiled(
    r"\b(?:Herrn?|Frau|Mrs?|Ms|Miss|Patient(?:in)?|Mandant(?:in)?|Kund(?:e|in)|Bewerber(?:in)?|Mitarbeiter(?:in)?|"
    r"Kolleg(?:e|in)|Versicherte[rn]?|Name|Vorname|Nachname|Employee|Customer|Client|Applicant|Passenger|Traveller|"
    r"Guest|Reisende[rn]?|Fahrgast|Gast)[.:]?[ \t]{1,3}(?:(?:Dr|Prof|Dipl)\.?[ -]{1,2}){0,3}"
    r"[A-Z][A-Za-z'-]+(?:[ \t,]{1,2}[A-Z][A-Za-z'-]+){0,3}"
)
_LISTED: Final = compiled(
    r"(?m:^)[ \t]*[A-Z][a-z'-]+(?:-[A-Z][a-z]+)?,[ \t]{1,2}[A-Z][a-z'-]+(?:[ -][A-Z][a-z'-]+)?[ \t]*(?:[|;\t,\r\n]|\d)"
)
_TITLE_WORDS: Final = frozenset(
    "herr herrn frau mr mrs ms miss dr prof dipl patient patientin mandant mandantin kunde kundin bewerber bewerberin "
    "mitarbeiter mitarbeiterin kollege kollegin versicherte versicherter versicherten name vorname nachname employee "
    "customer client applicant passenger traveller guest reisende reisender reisenden fahrgast gast".split()
)
_MOST_NAMES: Final = 2000
_PAIR: Final = compiled(r"\b[A-Z][a-z'-]{1,20}[ ][A-Z][A-Za-z'-]{1,30}")
_DATA: Final = compiled(
    r"(?i)\b(?:geb\b|geboren|geburtsdatum|born|wohnhaft|wohnt|verdient|erhaelt|erkrankt|krankgeschrieben|diagnose|"
    r"kontoinhaber|earns|resides|diagnosed)"
)
_PLACES: Final = tuple(
    "str platz allee weg gasse ring damm ufer schule gymnasium stiftung krankenhaus klinik haus gmbh ag kg".split()
)
"""What stands behind a given name in an address or the name of a company."""
_NEAR: Final = 80
"""Octets on both sides of a name in which such a word counts, unless the sender is named there as well."""


@dataclass(frozen=True, slots=True)
class OwnPerson:
    """The sender: names as From and directory give them, own addresses (business and private)."""

    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


def own_document(
    spec: DetectorSpec,
    kinds: Mapping[str, tuple[str, int]],
    seen: Mapping[DetectorSpec, Sequence[str]],
    texts: Sequence[bytes],
    own: OwnPerson,
) -> list[Finding]:
    """The finding, or nothing. `kinds`: words for kinds of document -> place; `seen`: values of each detector."""
    parts = _name_parts(own.names)
    addresses = {each.lower() for each in own.addresses}
    if not parts or not kinds or not _mentioned(parts, texts):
        return []
    for other, values in seen.items():
        if other.id == "email-address":
            if any(each not in addresses and each.partition("@")[0] not in _ROLES for each in values):
                return []
        elif _REFUSING & set(other.groups) or (other.patterns and _SINGLE & set(other.groups) and len(values) > 1):
            return []
    if any(_other_name(match.group(), parts) for text in texts for match in _names(text)):
        return []
    if any(_told_of_another(text, parts) for text in texts):
        return []
    known = addresses & {value for other, values in seen.items() if other.id == "email-address" for value in values}
    place = min(kinds.values())
    confidence = spec.confidence_context if known else spec.confidence
    return [Finding(spec.id, 1, confidence, place[0], PLACES[place[1]])]


def _told_of_another(text: bytes, parts: frozenset[str]) -> bool:
    """Whether a given name and a surname that are not the sender's stand beside a word for somebody's data.

    Names alone do not tell: a contract names who signs it, a payslip whom to ask.
    """
    for count, match in enumerate(_PAIR.finditer(text)):
        if count >= _MOST_NAMES:
            return False
        words = _words(match.group().decode("utf-8", "replace"))
        if words[0] not in GIVEN or words[-1].startswith(_PLACES) or parts & set(words):
            continue
        near = text[max(0, match.start() - _NEAR) : match.end() + _NEAR]
        if _DATA.search(near) is not None and not parts & set(_words(near.decode("utf-8", "replace"))):
            return True
    return False


def _name_parts(names: Sequence[str]) -> frozenset[str]:
    """The words of the sender's names, plain and small; nothing unless a name has two words."""
    words = [{part for part in _words(plain(name)) if len(part) > 1 and part not in _TITLE_WORDS} for name in names]
    return frozenset().union(*(each for each in words if len(each) >= 2))


def _words(text: str) -> list[str]:
    return "".join(each if each.isalpha() else " " for each in text.lower()).split()


def _mentioned(parts: frozenset[str], texts: Sequence[bytes]) -> bool:
    """Whether two words of the name stand side by side somewhere."""
    either = "|".join(sorted(parts))
    pattern = compiled(rf"(?i)\b(?:{either})\b[ ,.\t\r\n-]{{1,5}}(?:[a-z]+\.?[ ])?\b(?:{either})\b")
    return any(pattern.search(text) is not None for text in texts)


def _names(text: bytes) -> Iterator[re.Match[bytes]]:
    for pattern in (_TITLED, _LISTED):
        for count, match in enumerate(pattern.finditer(text)):
            if count >= _MOST_NAMES:
                break
            yield match


def _other_name(found: bytes, parts: frozenset[str]) -> bool:
    """Whether the name is not surely the sender's: none of his words, or one of them beside a word that is not."""
    words = {each for each in _words(found.decode("utf-8", "replace")) if each not in _TITLE_WORDS and len(each) > 1}
    shared = parts & words
    return bool(words) and (not shared or (len(shared) == 1 and len(words) > 1))
