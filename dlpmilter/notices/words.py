# SPDX-License-Identifier: Apache-2.0
"""Plain words for what the engine knows as slugs: address, content, times, lists. German and English, B1.

Never names a rule, a detector or a law, and never says more about a person than what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dlpmilter.model.words import Kind, RecipientClass
from dlpmilter.notices.headers import clean

if TYPE_CHECKING:
    from datetime import datetime

    from dlpmilter.notices.facts import HeldRecipient, Language, NoticeFacts, Text

LISTED_RECIPIENTS = 3
"""More addresses than this become "and N more"."""

_ONE = {"de": "Die Adresse", "en": "The address"}
_MANY = {"de": "Eine der Adressen", "en": "One of the addresses"}

_ADDRESS = {
    "private": {
        "de": "{who} sieht nach einem privaten Postfach aus.",
        "en": "{who} looks like a private mailbox.",
    },
    RecipientClass.disposable: {
        "de": "{who} gehört zu einem Dienst für Wegwerf-Adressen.",
        "en": "{who} belongs to a service for throw-away addresses.",
    },
    RecipientClass.alias_relay: {
        "de": "{who} gehört zu einem Dienst, der E-Mails an ein anderes, uns unbekanntes Postfach weitergibt.",
        "en": "{who} belongs to a service that passes mail on to another mailbox we do not know.",
    },
    RecipientClass.ai_service: {
        "de": "{who} gehört zu einem KI-Dienst.",
        "en": "{who} belongs to an AI service.",
    },
    RecipientClass.mail_in: {
        "de": "{who} gehört zu einem Dienst, der E-Mails selbst verarbeitet, etwa für Notizen, Aufgaben oder Druck.",
        "en": "{who} belongs to a service that processes mail itself, for example for notes, tasks or printing.",
    },
    RecipientClass.lookalike: {
        "de": "{who} ähnelt einer bekannten Adresse; vielleicht ist es ein Tippfehler.",
        "en": "{who} resembles a known one; perhaps it is a typing mistake.",
    },
    "other": {
        "de": "Unsere Regeln sehen hier eine Rückfrage vor.",
        "en": "Our rules ask for a short check here.",
    },
}

_INSTEAD: dict[str, dict[str, str]] = {
    "auto-submitted": {"de": "Ein Programm hat sie geschickt.", "en": "A program sent it."},
    "sender-not-internal": {
        "de": "Der Absender gehört nicht zu unserer Organisation.",
        "en": "The sender does not belong to our organisation.",
    },
    "other": {
        "de": "Wir wissen nicht sicher, wer sie geschickt hat.",
        "en": "We do not know for certain who sent it.",
    },
}
_INSTEAD_HEAD = {
    "de": "An die Postverwaltung: Es geht um eine E-Mail von\n{sender}.\n{why}\n"
    "Der Absender bekommt diese Nachricht nicht.",
    "en": "To the postmaster: this is about an e-mail from\n{sender}.\n{why}\nThe sender does not get this message.",
}

_ALL = {"de": "Alle Adressen, um die es geht:", "en": "All the addresses this is about:"}

_CONTENT = {
    "encrypted": {
        "de": "Die E-Mail ist ganz oder teilweise verschlüsselt; darum ließ sich nicht prüfen, was darin steht.",
        "en": "The e-mail is encrypted, fully or in part, so what it contains could not be checked.",
    },
    "uninspectable": {
        "de": "Ein Teil der E-Mail ließ sich nicht prüfen.",
        "en": "A part of the e-mail could not be checked.",
    },
    "auto-forward": {
        "de": "Eine Regel in einem Postfach hat die E-Mail automatisch weitergeleitet.",
        "en": "A rule in a mailbox forwarded the e-mail automatically.",
    },
    "forward": {
        "de": "Die E-Mail gibt eine frühere weiter.",
        "en": "The e-mail passes on an earlier one.",
    },
    "calendar": {
        "de": "Die E-Mail enthält einen Termin.",
        "en": "The e-mail contains an appointment.",
    },
    "earlier": {
        "de": "Die E-Mail enthält Text aus früheren E-Mails.",
        "en": "The e-mail contains text of earlier ones.",
    },
    "attachment": {
        "de": "Die E-Mail hat einen Anhang.",
        "en": "The e-mail has an attachment.",
    },
    "attachments": {
        "de": "Die E-Mail hat {count} Anhänge.",
        "en": "The e-mail has {count} attachments.",
    },
}

_FORWARDS = frozenset({Kind.forward, Kind.forward_attachment, Kind.resent})

_STORED = {
    "sender": {"de": "Absender", "en": "sender"},
    "recipient": {"de": "Empfänger", "en": "recipient"},
    "times": {"de": "Zeiten", "en": "times"},
    "rule": {"de": "Regel", "en": "rule"},
    "message-id": {"de": "Kennung der E-Mail", "en": "e-mail identifier"},
    "subject": {"de": "Betreff", "en": "subject"},
    "justification": {"de": "Begründung", "en": "explanation"},
    "decision": {"de": "Entscheidung", "en": "decision"},
}

_AND = {"de": " und ", "en": " and "}
_OR = {"de": " oder ", "en": " or "}
_MONTHS_EN = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip


def every_recipient(found: Sequence[HeldRecipient], language: Language) -> str:
    """The paragraph that names everybody, one a line, when the sentences name only the first; else ""."""
    if len(found) <= LISTED_RECIPIENTS:
        return ""
    return "\n".join(["", _ALL[language], *(f"* {clean(each.address, 254)}" for each in found)]) + "\n"


def instead(sender: str, why: str, language: Language) -> str:
    """The paragraph before a notice the postmaster gets in place of the sender; "" when nobody is replaced."""
    if not sender:
        return ""
    reason = _INSTEAD.get(why, _INSTEAD["other"])[language]
    return _INSTEAD_HEAD[language].format(sender=clean(sender, 254), why=reason) + "\n\n"


def say(text: Text, language: Language, limit: int = 300) -> str:
    """The company's words in this language, else in any language it gave; one printable line, no final stop."""
    if isinstance(text, Mapping):
        text = text.get(language) or next((each for each in text.values() if each), "")
    return clean(text, limit).rstrip(". ")


def join(items: Sequence[str], language: Language, *, last: str = "and") -> str:
    """`a, b and c` in the language."""
    if len(items) < 2:
        return "".join(items)
    glue = (_OR if last == "or" else _AND)[language]
    return ", ".join(items[:-1]) + glue + items[-1]


def recipients(held: Sequence[HeldRecipient], language: Language) -> str:
    """The addresses, at most LISTED_RECIPIENTS of them."""
    shown = [clean(each.address, 254) for each in held[:LISTED_RECIPIENTS]]
    more = len(held) - len(shown)
    if more:
        shown.append(f"{more} weitere Adressen" if language == "de" else f"{more} more addresses")
    return join(shown, language)


def address_sentence(held: Sequence[HeldRecipient], language: Language) -> str:
    """Why the addresses matter, in one sentence; of several reasons a private mailbox comes first."""
    who = (_ONE if len(held) == 1 else _MANY)[language]
    found = {_address_key(each) for each in held}
    key = next(key for key in _ADDRESS if key in found)
    return _ADDRESS[key][language].format(who=who)


def _address_key(held: HeldRecipient) -> str:
    own = (RecipientClass.disposable, RecipientClass.alias_relay)
    if held.recipient_class in own or (not held.private and held.recipient_class in _ADDRESS):
        return held.recipient_class
    return "private" if held.private else "other"


def content_sentences(facts: NoticeFacts, language: Language) -> str:
    """What is in the mail as far as it was seen: at most two short sentences, none for plain new text."""
    keys = [_kind_key(facts), _attachment_key(facts)]
    return " ".join(_CONTENT[key][language].format(count=facts.attachments) for key in keys if key)


def _kind_key(facts: NoticeFacts) -> str:
    checks = (
        ("auto-forward", facts.kind is Kind.auto_forward),
        ("encrypted", facts.encrypted),
        ("uninspectable", facts.uninspectable),
        ("forward", facts.kind in _FORWARDS),
        ("calendar", facts.kind is Kind.calendar),
        ("earlier", facts.earlier_mail),
    )
    return next((key for key, holds in checks if holds), "")


def _attachment_key(facts: NoticeFacts) -> str:
    if facts.attachments < 1 or facts.encrypted or facts.uninspectable:
        return ""
    return "attachment" if facts.attachments == 1 else "attachments"


def stored(facts: NoticeFacts, language: Language) -> str:
    """What the record keeps and for how long; "" unless both are known."""
    if not facts.stored_fields or facts.stored_days < 1:
        return ""
    return join([_STORED[each][language] for each in facts.stored_fields], language)


def moment(when: datetime | None, language: Language) -> str:
    """Date, time and zone: `29.11.2026, 14:00 Uhr (CET)`, `29 November 2026, 14:00 (CET)`; "" for None."""
    if when is None:
        return ""
    zone = when.tzname() or when.strftime("%z")
    if language == "de":
        return f"{when:%d.%m.%Y, %H:%M} Uhr ({zone})"
    return f"{when.day} {_MONTHS_EN[when.month - 1]} {when.year}, {when:%H:%M} ({zone})"


def period(days: int, language: Language) -> str:
    """A number of days in the unit people say: years, months or days."""
    for size, one, many in (
        (365, ("1 Jahr", "1 year"), ("Jahre", "years")),
        (30, ("1 Monat", "1 month"), ("Monate", "months")),
        (1, ("1 Tag", "1 day"), ("Tage", "days")),
    ):
        if days % size == 0:
            index = 0 if language == "de" else 1
            return one[index] if days == size else f"{days // size} {many[index]}"
    return ""
