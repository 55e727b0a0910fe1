# SPDX-License-Identifier: Apache-2.0
"""The daily digest (domain.md section 5, T10): mails a mailbox rule forwarded, and notices beyond the cap, in one mail.

Never names a subject: a digest is read on many screens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.notices import headers, words
from dlpmilter.notices.compose import bilingual, own_head, part_of, render
from dlpmilter.notices.page import alternative

if TYPE_CHECKING:
    from datetime import datetime

    from dlpmilter.notices.facts import HeldRecipient, Language, Letterhead, Text

KIND = "digest"
LISTED = 10
"""So many cases are listed; the page of one's own cases has all of them."""
_SUBJECT = {"de": "E-Mails von Ihnen warten noch: {count}", "en": "E-mails of yours are still waiting: {count}"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One case of the digest."""

    case_id: str
    received_at: datetime
    recipients: tuple[HeldRecipient, ...]
    deadline: datetime
    link: str = ""
    forwarded: bool = False
    """A rule in a mailbox sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestFacts:
    """What the digest may say; times are aware and in the zone of the people."""

    person_address: str
    person_name: str = ""
    waiting: tuple[Waiting, ...]
    more: int = 0
    """Cases beyond these, of the same kind as most of them."""
    company: Text = ""
    contact: Text = ""
    alternatives: Text = ""
    page: str = ""
    """Where the person sees all own cases after signing in; "" where there is no portal."""

    def __post_init__(self) -> None:
        """Refuse what says nothing, and times that would be read in the wrong zone. Raises ValueError."""
        if not self.waiting:
            raise ValueError("a digest needs at least one case")
        if any(each.deadline.tzinfo is None or each.received_at.tzinfo is None for each in self.waiting):
            raise ValueError("times in a notice need a zone")


def compose_digest(
    facts: DigestFacts, languages: Sequence[Language], *, letterhead: Letterhead, now: datetime
) -> bytes:
    """One complete mail, ASCII with CRLF."""
    texts = [render("digest.txt", _values(facts, each), each) for each in languages]
    subject = " / ".join(_SUBJECT[each].format(count=len(facts.waiting) + facts.more) for each in languages)
    head = own_head(
        letterhead, now=now, to=facts.person_address, name=facts.person_name, subject=subject,
        case_id=facts.waiting[0].case_id, kind=KIND, auto_submitted="auto-generated", answers="",
        part=part_of(now, [facts.person_address]),
    )  # fmt: skip
    return (head + alternative(bilingual(texts, languages), subject, texts, languages)).encode("ascii")


def _values(facts: DigestFacts, language: Language) -> dict[str, object]:
    forwarded = [each for each in facts.waiting if each.forwarded]
    others = len(facts.waiting) - len(forwarded)
    by_rule = len(forwarded) > others
    addresses = list({each.address: each for one in forwarded for each in one.recipients}.values())
    return {
        "name": headers.clean(facts.person_name, 60),
        "forwarded": len(forwarded) + (facts.more if by_rule else 0),
        "forwarded_to": words.recipients(addresses, language) if addresses else "",
        "others": others + (0 if by_rule else facts.more),
        "deadline": words.moment(min(each.deadline for each in facts.waiting), language),
        "page": facts.page,
        "alternatives": words.say(facts.alternatives, language),
        "contact": words.say(facts.contact, language),
        "company": words.say(facts.company, language),
        "items": [
            {
                "case": each.case_id,
                "received": words.moment(each.received_at, language),
                "recipients": words.recipients(each.recipients, language),
                "link": each.link,
            }
            for each in facts.waiting[:LISTED]
        ],
        "more": max(0, len(facts.waiting) - LISTED) + facts.more,
    }
