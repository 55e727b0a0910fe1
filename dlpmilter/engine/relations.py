# SPDX-License-Identifier: Apache-2.0
"""How a recipient stands to the sender. First: whether it is the sender's own private mailbox.

Compares names of the sender (From, directory, local parts) with the recipient's local part and, for
vanity and unlisted domains, with the domain. A shared given name, a short name, a role address or
a frequent surname alone is never enough. Says a likelihood in slugs, never a certainty about a person.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from dlpmilter.detect.given_names import COMMON_SURNAMES, GIVEN, NOT_A_NAME
from dlpmilter.engine.addresses import canonical_local
from dlpmilter.engine.names import Person, fold, person_from_local, person_from_name
from dlpmilter.model.words import RecipientClass, Relation

if TYPE_CHECKING:
    from dlpmilter.model.verdict import Sender

_ALONE = 4
"""Letters a surname needs to count without a given name, or glued to an initial."""
_PRIVATE_WORDS = frozenset(
    "privat private family familie fam home online web net mail post name me ich zuhause daheim haus my the".split()
)
_BOX_WORDS = frozenset(
    "mail post me ich privat private familie family fam home email hallo hello hi moin web inbox all ab".split()
)
_ASIDE = re.compile(r"[|/@()\[\]<>]|\s[-–—]\s")
_SPLIT = re.compile(r"[._\-\d+\s]+")
_COMPARED = frozenset(
    {
        RecipientClass.freemail,
        RecipientClass.isp,
        RecipientClass.vanity,
        RecipientClass.disposable,
        RecipientClass.alias_relay,
        RecipientClass.unknown,
    }
)


class RelationMatch(NamedTuple):
    """The relation and the slug of what it rests on."""

    relation: Relation
    sign: str = ""


NO_RELATION = RelationMatch(Relation.none)


def relate(
    sender: Sender, address: str, recipient_class: RecipientClass, people: tuple[Person, ...] | None = None
) -> RelationMatch:
    """Relation of one recipient address (lower case) of that class to an internal sender.

    `people` are the readings of his name (`people_of`) where somebody has them already.
    """
    if not sender.internal or not sender.address or recipient_class not in _COMPARED:
        return NO_RELATION
    written, _, domain = address.rpartition("@")
    local = canonical_local(written)
    people = people_of(sender) if people is None else people
    sign = ""
    # an unlisted domain may be a customer's, where a namesake works; an address literal is nobody's business
    if recipient_class is not RecipientClass.unknown or domain.startswith("["):
        surnames = _ordinary_surnames(sender)
        same = (_same_local(canonical_local(own), local, people, surnames) for own in _own_locals(sender))
        sign = next(filter(None, same), "") or _local_sign(local, people)
    if not sign and recipient_class in (RecipientClass.vanity, RecipientClass.unknown):
        sign = _domain_sign(local, domain, people)
    return RelationMatch(Relation.own_private, sign) if sign else NO_RELATION


def people_of(sender: Sender) -> tuple[Person, ...]:
    """Every reading of the sender's name: display names first, then the local parts he is known by."""
    found = [person_from_name(name) for name in sender.names]
    found += [person_from_local(canonical_local(own)) for own in _own_locals(sender)]
    return tuple(dict.fromkeys(person for person in found if person is not None))


def _own_locals(sender: Sender) -> tuple[str, ...]:
    return (sender.address.rpartition("@")[0], *sender.locals)


def _local_sign(local: str, people: tuple[Person, ...]) -> str:
    sign = next((sign for person in people if (sign := _matches(_read_local(local), person))), "")
    return sign or _with_tag(local, people)


def _with_tag(local: str, people: tuple[Person, ...]) -> str:
    """`anna+berger` where a plus is a letter like others; every word must be of his name.

    Customers write `kunde+anna.berger` to know who has their address: that is not her mailbox.
    """
    if "+" not in local:
        return ""
    whole = _read_local(local.replace("+", "."))
    return next(
        (
            sign
            for person in people
            if set(whole.words) <= person.given | person.surname | person.initials and (sign := _matches(whole, person))
        ),
        "",
    )


class _Local(NamedTuple):
    words: tuple[str, ...]
    joined: str
    digits: bool


@lru_cache(maxsize=16384)
def _read_local(local: str) -> _Local:
    """Words of a local part without tag, digits and separators."""
    plain = fold(local.partition("+")[0])
    words = tuple(word for word in _SPLIT.split(plain) if word)
    return _Local(words, "".join(words), any(char.isdigit() for char in plain))


def _matches(local: _Local, person: Person) -> str:
    words = set(local.words)
    if person.surname:
        if _full_name(local, words, person):
            return "given-name-and-surname"
        if _initial_and_surname(local, words, person):
            return "initial-and-surname"
        if _surname_alone(local, words, person):
            return "surname"
        if _given_and_initial(local, person):
            return "given-name-and-initial"
    elif person.unsure and any(len(name) > _ALONE and name in words and name not in GIVEN for name in person.unsure):
        rest = words - person.unsure
        if all(word in _BOX_WORDS or word in NOT_A_NAME for word in rest):
            return "same-single-name"
    return ""


def _full_name(local: _Local, words: set[str], person: Person) -> bool:
    """anna.berger, berger_anna84, annaberger, anna-lena.berger, bergerannamaria; short forms by their start."""
    for surname in person.surname:
        if len(surname) < 2:  # one letter is no surname
            continue
        givens = {name for name in person.given if len(name) > 1}
        if surname in words and any(_same_given(word, givens) for word in words - {surname}):
            return True
        for word in (local.joined, *local.words):
            rest = _without(word, surname)
            if rest and (rest in givens or (len(surname) >= _ALONE and _same_given(rest, givens))):
                return True
            if (
                rest
                and len(surname) >= _ALONE
                and any(len(g) >= _ALONE - 1 and (rest.startswith(g) or rest.endswith(g)) for g in givens)
            ):
                return True
    return False


def _same_given(word: str, givens: set[str]) -> bool:
    """The given name, or its first three letters or more: alex for alexander."""
    return word in givens or (len(word) >= 3 and word not in GIVEN and any(name.startswith(word) for name in givens))


def _without(word: str, surname: str) -> str:
    """What is left of a glued word when the surname stands at its end or start."""
    if word == surname:
        return ""
    if word.endswith(surname):
        return word[: -len(surname)]
    return word[len(surname) :] if word.startswith(surname) else ""


def _initial_and_surname(local: _Local, words: set[str], person: Person) -> bool:
    """a.berger, aberger, berger.a, bergera84: needs a surname of some length when glued."""
    for surname in person.surname:
        if len(surname) >= 3 and surname in words and words & person.initials:  # a.kim
            return all(len(word) == 1 or word == surname or word in _BOX_WORDS for word in words)
        if len(surname) >= _ALONE and len(local.words) == 2 and surname in words:  # kh.heide
            (rest,) = words - {surname} or {""}
            return len(rest) == 2 and set(rest) <= person.initials
        if len(surname) >= _ALONE and len(local.words) == 1:
            rest = _without(local.joined, surname)
            if rest and len(rest) <= 2 and rest[0] in person.initials:  # alberger: two given names
                return True
    return False


def _surname_alone(local: _Local, words: set[str], person: Person) -> bool:
    """berger84, familie.berger: only for surnames that are neither short nor frequent nor given names."""
    for surname in person.surname:
        if len(surname) <= _ALONE or surname in COMMON_SURNAMES or surname in GIVEN:
            continue
        rest = words - {surname}
        if surname in words and all(word in _BOX_WORDS or word in _PRIVATE_WORDS for word in rest):
            return True
        if local.joined in {prefix + surname for prefix in ("familie", "fam", "family", "die", "the")} | {
            surname + "s"
        }:
            return True
    return False


def _given_and_initial(local: _Local, person: Person) -> bool:
    """anna.b84: the given name and the first letter of the surname, kept apart by a sign."""
    if len(local.words) != 2:
        return False
    first, second = local.words
    return (
        len(first) >= _ALONE
        and first in person.given
        and len(second) == 1
        and any(surname.startswith(second) for surname in person.surname)
    )


def _ordinary_surnames(sender: Sender) -> frozenset[str]:
    """Words for roles that are this person's surname: Recht or Post behind a given name, before it with a comma."""
    found = set()
    for name in sender.names:
        if _ASIDE.search(name):
            continue  # `Anna Berger - Vertrieb`
        words = [word for word in _SPLIT.split(fold(name).replace(",", " ")) if word]
        if len(words) > 1 and words[-1] in NOT_A_NAME and set(words[:-1]) & GIVEN:
            found.add(words[-1])
        elif len(words) > 1 and "," in name and words[0] in NOT_A_NAME and set(words[1:]) & GIVEN:
            found.add(words[0])
    return frozenset(found)


def _same_local(own: str, other: str, people: tuple[Person, ...], surnames: frozenset[str] = frozenset()) -> str:
    """The very same local part: aberger@corp and aberger@freemail; not for roles and given names."""
    strange = NOT_A_NAME - surnames if surnames else NOT_A_NAME
    mine, theirs = _read_local(own), _read_local(other)
    if not mine.joined or mine.words != theirs.words or len(mine.joined) <= _ALONE:
        return ""
    if all(word in strange or word in GIVEN for word in mine.words):
        return "same-local-part" if len(mine.words) > 1 and not set(mine.words) & strange else ""
    if any(mine.joined in person.given for person in people) or mine.joined in COMMON_SURNAMES:
        return ""
    return "" if set(mine.words) & strange else "same-local-part"


def _domain_sign(local: str, domain: str, people: tuple[Person, ...]) -> str:
    """A domain of the family: berger-privat.de, annaberger.de, berger.name; `info@berger-bau.de` is a company."""
    labels = [_unicode_label(label) for label in domain.lower().split(".")[:-1]]
    words = _read_local(local)
    for person in people:
        for surname in person.surname:
            if len(surname) < _ALONE:
                continue
            for label in labels:
                if surname not in label and surname not in label.replace("-", ""):
                    continue  # nearly always
                if _family_label(label, surname, person, words):
                    return "surname-in-domain"
    return ""


def _family_label(label: str, surname: str, person: Person, local: _Local) -> bool:
    pieces = [piece for piece in _SPLIT.split(label) if piece]
    rest = _without(label.replace("-", ""), surname)
    if surname not in pieces and not rest and label != surname:
        return False
    others = [piece for piece in pieces if piece != surname]
    givens = {name for name in person.given if len(name) > 2}
    own_box = (
        bool(set(local.words) & (givens | {surname}))
        or local.joined in person.initials
        or bool(_matches(local, person))
    )
    whole = not others if surname in pieces else False
    if rest in givens or any(piece in givens for piece in others):
        return True  # annaberger.de
    if surname in pieces and others and all(piece in _PRIVATE_WORDS for piece in others):
        return not set(local.words) & (GIVEN - givens) or own_box  # berger-privat.de, but not of a brother there
    if whole and local.joined in _BOX_WORDS:
        return surname not in COMMON_SURNAMES
    if rest and surname not in pieces:
        return own_box and (rest in _PRIVATE_WORDS or rest.startswith(("familie", "privat")))
    return own_box and bool(set(local.words) & givens or _matches(local, person))


def _unicode_label(label: str) -> str:
    if not label.startswith("xn--"):
        return fold(label)
    try:
        return fold(label[4:].encode("ascii").decode("punycode"))
    except UnicodeError:
        return label
