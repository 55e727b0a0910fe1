# SPDX-License-Identifier: Apache-2.0
"""The mail that asks a pool to decide (domain.md section 5, T2). Never carries subject, names, addresses or texts.

What a reviewer has to know about people stands behind the sign-in or the command line, not in a mailbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.model.words import RecipientClass
from dlpmilter.notices import words
from dlpmilter.notices.compose import bilingual, own_head, part_of, render
from dlpmilter.notices.page import alternative

if TYPE_CHECKING:
    from datetime import datetime

    from dlpmilter.notices.facts import Language, Letterhead, Text

KIND = "review"
_SUBJECT = {
    "de": "Bitte entscheiden: Vorgang {case} (bis {deadline})",
    "en": "Please decide: case {case} (by {deadline})",
}
_OPENING = {
    "de": "Bitte gemeinsam öffnen: Beleg, Vorgang {case}",
    "en": "Please open together: evidence, case {case}",
}
_CLASSES: Mapping[RecipientClass, tuple[str, str]] = {
    RecipientClass.internal: ("eine eigene Adresse", "an address of ours"),
    RecipientClass.partner: ("einen Partner", "a partner"),
    RecipientClass.authority: ("eine Behörde", "an authority"),
    RecipientClass.protected: ("eine geschützte Stelle", "a protected office"),
    RecipientClass.business: ("eine Firma", "a company"),
    RecipientClass.freemail: ("ein privates Postfach", "a private mailbox"),
    RecipientClass.isp: ("ein privates Postfach", "a private mailbox"),
    RecipientClass.vanity: ("ein privates Postfach", "a private mailbox"),
    RecipientClass.disposable: ("eine Wegwerf-Adresse", "a throw-away address"),
    RecipientClass.alias_relay: ("eine weitergeleitete Adresse", "an address that passes mail on"),
    RecipientClass.ai_service: ("einen KI-Dienst", "an AI service"),
    RecipientClass.mail_in: ("einen Dienst, der E-Mails verarbeitet", "a service that processes mail"),
    RecipientClass.lookalike: ("eine Adresse, die einer anderen ähnelt", "an address that resembles another one"),
    RecipientClass.unknown: ("eine Adresse außerhalb der Firma", "an address outside the company"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFacts:
    """What the mail may say. Texts of the sender are not among it: they may hold names."""

    case_id: str
    pool: Text
    company: Text
    deadline: datetime
    classes: tuple[RecipientClass, ...]
    rules: tuple[Text, ...]
    """Titles of the rules."""
    reason: Text = ""
    """The words of the reason code; "" when nobody gave one."""
    basis: Text = ""
    informed: Text = ""
    link: str = ""
    """Where the pool decides; "" where there is no portal."""
    urgent: bool = False
    opening: bool = False
    """The person whose evidence lies under seal asks to open it together."""
    second_look: bool = False
    """Somebody disagreed with a refusal."""

    def __post_init__(self) -> None:
        """Refuse a time that would be read in the wrong zone. Raises ValueError."""
        if self.deadline.tzinfo is None:
            raise ValueError(f"case {self.case_id}: times in a notice need a zone")


def compose_review(
    facts: ReviewFacts, languages: Sequence[Language], to: str, *, letterhead: Letterhead, now: datetime
) -> bytes:
    """One complete mail to the pool's address, ASCII with CRLF."""
    texts = [render("review.txt", _values(facts, each), each) for each in languages]
    subject = " / ".join(
        (_OPENING if facts.opening else _SUBJECT)[each].format(
            case=facts.case_id, deadline=words.moment(facts.deadline, each)
        )
        for each in languages
    )
    head = own_head(
        letterhead, now=now, to=to, name="", subject=subject, case_id=facts.case_id, kind=KIND,
        auto_submitted="auto-generated", answers="", part=part_of(now, [to]),
    )  # fmt: skip
    return (head + alternative(bilingual(texts, languages), subject, texts, languages)).encode("ascii")


def _values(facts: ReviewFacts, language: Language) -> dict[str, object]:
    place = 0 if language == "de" else 1
    classes = list(dict.fromkeys(_CLASSES[each][place] for each in facts.classes))
    rules = list(dict.fromkeys(words.say(each, language) for each in facts.rules))
    return {
        "case": facts.case_id,
        "pool": words.say(facts.pool, language),
        "company": words.say(facts.company, language),
        "deadline": words.moment(facts.deadline, language),
        "classes": words.join(classes, language),
        "rules": words.join([each for each in rules if each], language),
        "reason": words.say(facts.reason, language),
        "basis": words.say(facts.basis, language),
        "informed": words.say(facts.informed, language),
        "link": facts.link,
        "urgent": facts.urgent,
        "opening": facts.opening,
        "second_look": facts.second_look,
    }
