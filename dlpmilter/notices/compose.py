# SPDX-License-Identifier: Apache-2.0
"""NoticeFacts -> one complete mail (domain.md section 5, T1, T3 to T6 and T9). Never sends, never looks anything up.

The result is ASCII with CRLF: RFC 2047 subject, quoted-printable body, so that no next hop needs
8BITMIME. The null return path belongs to the envelope: see `notice_envelope`.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

import jinja2

from dlpmilter.model.address import NULL_SENDER, parse_address
from dlpmilter.model.transaction import EnvelopePath
from dlpmilter.model.words import Stated
from dlpmilter.notices import headers, words
from dlpmilter.notices.facts import Language, NoticeKind
from dlpmilter.notices.mark import HEADER, notice_mark
from dlpmilter.notices.page import alternative

if TYPE_CHECKING:
    from datetime import datetime

    from dlpmilter.notices.facts import Letterhead, NoticeFacts, Text

LINE = 72
_BULLET = "* "

_SUBJECTS: dict[Language, dict[NoticeKind, str]] = {
    "de": {
        NoticeKind.hold: "Ihre E-Mail wartet noch",
        NoticeKind.approved: "Ihre E-Mail ist freigegeben",
        NoticeKind.answered: "Ihre Antwort ist da",
        NoticeKind.allowed: "Ihre E-Mail ist weitergeschickt",
        NoticeKind.rejected: "Ihre E-Mail konnte nicht freigegeben werden",
        NoticeKind.reminder: "Erinnerung: Ihre E-Mail wartet noch",
        NoticeKind.expired: "Ihre E-Mail wurde nicht zugestellt",
        NoticeKind.withdrawn: "Ihre E-Mail ist zurückgezogen",
        NoticeKind.evidence: "Ihr Beleg ist gesichert",
    },
    "en": {
        NoticeKind.hold: "Your e-mail is still waiting",
        NoticeKind.approved: "Your e-mail is approved",
        NoticeKind.answered: "Your answer has arrived",
        NoticeKind.allowed: "Your e-mail was sent on",
        NoticeKind.rejected: "Your e-mail could not be approved",
        NoticeKind.reminder: "Reminder: your e-mail is still waiting",
        NoticeKind.expired: "Your e-mail was not delivered",
        NoticeKind.withdrawn: "Your e-mail is withdrawn",
        NoticeKind.evidence: "Your evidence is kept safe",
    },
}
_BELOW = {"de": "(Deutscher Text weiter unten.)", "en": "(English text below.)"}
_HEADING = {"de": "Deutsch", "en": "English"}
_QUOTES = {"de": "„{}“", "en": "“{}”"}


def choose_languages(configured: Sequence[Language], person: Language | None = None) -> tuple[Language, ...]:
    """The languages of one notice.

    A known language of the person stands alone when the company has it. Otherwise every configured
    language goes into one mail, in configured order: a person who cannot read the notice cannot
    keep the deadline, and a guess from the address would be wrong for some.
    """
    if person in configured:
        return (person,)  # type: ignore[return-value]  # `in` has shown it is not None
    return tuple(dict.fromkeys(configured)) or ("en",)


def compose(
    kind: NoticeKind | str,
    facts: NoticeFacts,
    language: Language | Sequence[Language],
    *,
    letterhead: Letterhead,
    now: datetime,
) -> bytes:
    """The notice of one state of one case, ready for the outbox.

    `language` is one code or several (then one mail holds all, first one first). Raises ValueError
    when the facts cannot carry this kind (a hold without a deadline, an unknown kind).
    """
    kind = NoticeKind(kind)
    languages: tuple[Language, ...] = (language,) if isinstance(language, str) else tuple(language)
    if kind in {NoticeKind.hold, NoticeKind.reminder} and facts.deadline is None:
        raise ValueError(f"case {facts.case_id}: a {kind} notice needs a deadline")
    texts = [
        words.instead(facts.instead_of, facts.instead_why, each)
        + render(f"{kind}.txt", values(facts, each), each)
        + words.every_recipient(facts.recipients, each)
        for each in languages
    ]
    text = bilingual(texts, languages)
    head = own_head(
        letterhead, now=now, to=facts.person_address, name=facts.person_name,
        subject=_subject(kind, facts, languages), case_id=facts.case_id, kind=kind,
        auto_submitted="auto-generated", answers=facts.message_id, reply_to=facts.answer,
        part=part_of(now, [each.address for each in facts.recipients]),
    )  # fmt: skip
    title = " / ".join(_SUBJECTS[each][kind] for each in languages)
    return (head + alternative(text, title, texts, languages)).encode("ascii")


def part_of(now: datetime, recipients: Sequence[str]) -> str:
    """Tells apart two mails of one kind about one case: many mailboxes drop a second one with the same Message-ID."""
    return hashlib.sha256("\0".join((now.isoformat(), *recipients)).encode("utf-8", "replace")).hexdigest()[:12]


def notice_envelope(address: str) -> tuple[EnvelopePath, EnvelopePath]:
    """Null return path (RFC 3834 section 3.3) and the recipient; SMTPUTF8 where the address needs it."""
    recipient = EnvelopePath(parse_address(address))
    parameters = () if recipient.mailbox.ascii else (("SMTPUTF8", b""),)
    return EnvelopePath(NULL_SENDER, parameters), recipient


def _subject(kind: NoticeKind, facts: NoticeFacts, languages: Sequence[Language]) -> str:
    what = " / ".join(_SUBJECTS[each][kind] for each in languages)
    held = headers.clean(facts.subject, 100)
    named = f"{what}: {_QUOTES[languages[0]].format(held)}" if held else what
    return f"{named} [{facts.case_id}]"


def own_head(  # noqa: PLR0913 - one argument a header field
    letterhead: Letterhead,
    *,
    now: datetime,
    to: str,
    name: str,
    subject: str,
    case_id: str,
    kind: str,
    auto_submitted: Literal["auto-generated", "auto-replied"],
    answers: str,
    part: str,
    reply_to: str = "",
) -> str:
    """The header fields every mail of ours carries, notices and delivery reports alike."""
    fields = [
        headers.address_field("From", letterhead.postmaster, letterhead.product),
        headers.address_field("To", to, name),
        headers.text_field("Subject", subject, 240),
        headers.date_field(now),
        headers.token_field("Message-ID", f"<{case_id}.{kind}.{part}@{letterhead.hostname}>"),
        headers.token_field("Auto-Submitted", auto_submitted),
        headers.token_field("X-Auto-Response-Suppress", "All"),
        headers.token_field(HEADER, notice_mark(case_id, kind, letterhead.mark_key)),
    ]
    if reply_to:
        fields.insert(2, headers.address_field("Reply-To", reply_to, letterhead.product))
    answered = headers.message_id(answers)
    if answered:
        fields += [headers.token_field("In-Reply-To", answered), headers.token_field("References", answered)]
    return "".join(fields)


def values(facts: NoticeFacts, language: Language) -> dict[str, object]:
    """What the templates may use; an empty value switches its sentence off."""

    def say(text: Text) -> str:
        return words.say(text, language)

    offices = [each for each in map(say, (facts.works_council, facts.reporting_office, facts.dpo)) if each]
    kept = words.stored(facts, language)
    return {
        "case": facts.case_id,
        "name": headers.clean(facts.person_name, 60),
        "received": words.moment(facts.received_at, language),
        "deadline": words.moment(facts.deadline, language),
        "delivered_at": words.moment(facts.delivered_at, language),
        "delete_by": words.moment(facts.delete_by, language),
        "content_until": words.moment(facts.content_until, language),
        "recipients": words.recipients(facts.recipients, language),
        "other_recipients": facts.other_recipients,
        "others_delivered": facts.others_delivered,
        "private": facts.private,
        "address_sentence": words.address_sentence(facts.recipients, language),
        "content_sentences": words.content_sentences(facts, language),
        "link": facts.link,
        "company": say(facts.company),
        "contact": say(facts.contact),
        "reviewer": say(facts.reviewer),
        "alternatives": say(facts.alternatives),
        "offices": words.join(offices, language, last="or"),
        "protected_unchecked": facts.protected_unchecked,
        "managers_told": facts.managers_told,
        "reminder": facts.reminder,
        "stored": kept,
        "stored_period": words.period(facts.stored_days, language) if kept else "",
        "purpose": say(facts.purpose),
        "evidence_office": say(facts.evidence_office),
        "answer": facts.answer,
        "answered": facts.answered,
        "asked_until": words.moment(facts.asked_until, language),
        "own_said": facts.stated is Stated.own_document,
        "private_said": facts.stated is Stated.private,
        "unread": facts.unread,
        "forgotten": facts.forgotten,
        "in_mailbox": facts.in_mailbox,
        "decision_reason": say(facts.decision_reason),
        "second_look": say(facts.second_look) if facts.content_until else "",
    }


def render(template: str, filling: dict[str, object], language: Language) -> str:
    """One language version as wrapped plain text: paragraphs, hanging list items, LF line ends."""
    raw = _templates().get_template(f"{language}/{template}").render(filling)
    blocks = ["\n".join(_wrapped(block)) for block in raw.split("\n\n") if block.strip()]
    return "\n\n".join(blocks) + "\n"


def bilingual(texts: Sequence[str], languages: Sequence[Language]) -> str:
    """Several language versions in one body, the first one first, each later one under its own heading."""
    if len(texts) == 1:
        return texts[0]
    body = [" ".join(_BELOW[each] for each in languages[1:]) + "\n", texts[0]]
    for text, language in zip(texts[1:], languages[1:], strict=True):
        body.append(f"{'_' * LINE}\n{_HEADING[language]}\n\n{text}")
    return "\n".join(body)


def _wrapped(block: str) -> list[str]:
    """One paragraph, or a list whose items start with `* `; addresses are never broken."""
    items: list[str] = []
    for line in block.strip().splitlines():
        if line.strip() and (line.startswith(_BULLET) or not items):
            items.append(line.strip())
        elif line.strip():
            items[-1] += " " + line.strip()
    return [
        textwrap.fill(
            " ".join(item.split()), LINE, subsequent_indent="  " if item.startswith(_BULLET) else "",
            break_long_words=False, break_on_hyphens=False,
        )
        for item in items
    ]  # fmt: skip


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("dlpmilter.notices"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text only; values are cleaned to one printable line each
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,  # templates are package data: they do not change under a running process
    )
