# SPDX-License-Identifier: Apache-2.0
"""What kind of mail it is: fresh, reply, forward, auto-forward, forward as attachment, resent, calendar, bounce.

Weighs subject prefix, threading headers and the quoted mails that the mime room found. Never
asks who the recipient is; whether one recipient took part in the quoted talk is a question of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dlpmilter.engine.addresses import addresses_of
from dlpmilter.engine.autoforward import is_bulk
from dlpmilter.engine.canonical import same_mailbox
from dlpmilter.engine.prefixes import outermost
from dlpmilter.mime.quoted import topic_of
from dlpmilter.mime.text import decode_words
from dlpmilter.model.verdict import Evidence, MessageJudgement, PartSummary
from dlpmilter.model.words import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpmilter.engine.autoforward import AutoForward
    from dlpmilter.model.message import Head, QuotedMail, Structure
    from dlpmilter.model.transaction import Transaction

_EITHER = frozenset({"original-message", "header-block", "markup"})
"""Styles that a reply and a forward share."""
_SHARED_PREFIXES = frozenset({"vs", "i", "r", "ds", "enc", "tr", "pd"})
"""Prefixes that mean something else in another language or as an abbreviation."""
_SENT_ON = frozenset({"nothing", "signature", "handing-on"})
"""What stands above a mail that is sent on; who answers writes a text."""
_MANY = 3
"""Readable people in the quoted mail, besides the sender, of whom an answer would reach at least one."""
_SPELLINGS = 100
"""Quoted people who are compared in every spelling; more would be a list, not a talk."""
_REPORTS = frozenset({"delivery-status", "disposition-notification", "feedback-report"})


class _Reading(NamedTuple):
    kind: Kind
    confidence: float
    evidence: tuple[Evidence, ...]


def kind_from_head(head: Head, auto: AutoForward, *, null_sender: bool) -> Kind | None:
    """The kind where envelope and headers settle it, else None: the structure is needed."""
    if _is_report_head(head):
        return Kind.bounce
    return Kind.auto_forward if auto.certain and not null_sender else None


def judge_message(transaction: Transaction, head: Head, auto: AutoForward, structure: Structure) -> MessageJudgement:
    """The full judgement with confidence 0..1 and the signs it rests on."""
    reading = _read(transaction, head, auto, structure)
    quotes = tuple(Evidence(quote.style, f"part {quote.part}", quote.signal) for quote in structure.quotes[:20])
    parts = tuple(
        PartSummary(part.path, part.type, part.name, part.text_chars, part.status) for part in structure.parts
    )
    return MessageJudgement(
        kind=reading.kind,
        confidence=round(reading.confidence, 2),
        evidence=(*reading.evidence, *(each for each in quotes if each not in reading.evidence)),
        earlier_mail=has_earlier_mail(structure, head),
        ambiguous=structure.ambiguous or bool(head.doubts),
        uninspectable=tuple(dict.fromkeys((*head.problems, *structure.uninspectable))),
        parts=parts,
    )


def unread_judgement(head: Head, auto: AutoForward, *, null_sender: bool) -> MessageJudgement:
    """What the headers alone say, for verdicts that needed no more."""
    kind = kind_from_head(head, auto, null_sender=null_sender) or Kind.fresh
    evidence = tuple(Evidence(sign.signal, sign.where) for sign in auto.signs)
    return MessageJudgement(kind, 0.5, evidence, uninspectable=head.problems, complete=False)


def has_earlier_mail(structure: Structure, head: Head) -> bool:
    """Whether words of an earlier mail are inside, quoted or attached, or Thunderbird names the one it sends on."""
    return bool(structure.quotes) or structure.attached_mail or "x-forwarded-message-id" in head


def took_part(address: str, structure: Structure) -> bool | None:
    """Whether this address stood in the quoted conversation; None when that cannot be told.

    Outlook quotes names without addresses: such a block proves nothing against anybody.
    """
    people = {person for quote in structure.quotes for person in (*quote.senders, *quote.receivers)}
    if address in people or _spelled_otherwise(address, people):
        return True
    if not people or any(quote.nameless for quote in structure.quotes):
        return None
    return False


def left_out(address: str, structure: Structure) -> bool:
    """Whether the outermost quoted mail names whom it went to, and this address stands in none of the quoted ones.

    A line `On ... X wrote:` names one person only, so it proves nothing about the others.
    """
    first = next((quote for quote in structure.quotes if quote.style != "attached"), None)
    return first is not None and bool(first.receivers) and took_part(address, structure) is False


def others_mail(address: str, structure: Structure) -> bool:
    """Whether some quoted or attached mail names its people and this address is not one of them."""
    if structure.attached_mail and not any(quote.style == "attached" for quote in structure.quotes):
        return True  # an Outlook file: nobody can be read out of it
    return any(
        not quote.nameless
        and bool(people := {*quote.senders, *quote.receivers})
        and address not in people
        and not _spelled_otherwise(address, people)
        for quote in structure.quotes
    )


def _spelled_otherwise(address: str, people: set[str]) -> bool:
    """Whether one of them is the same mailbox in another spelling (`anna+shop@gmail.com` wrote as `anna@gmail.com`)."""
    first = address.lstrip('"')[:1]
    near = [person for person in people if person.lstrip('"').startswith(first)][:_SPELLINGS]
    return any(same_mailbox(address, person) for person in near)


def _read(transaction: Transaction, head: Head, auto: AutoForward, structure: Structure) -> _Reading:
    null = transaction.sender.mailbox.null
    if structure.report in _REPORTS or _is_report_head(head):
        return _Reading(Kind.bounce, 0.95, (Evidence("report", "Content-Type", structure.report),))
    if auto.certain:
        signs = tuple(Evidence(sign.signal, sign.where, f"weight {sign.weight:g}") for sign in auto.signs)
        return _Reading(Kind.auto_forward, auto.confidence, signs)
    if null and any(part.type in ("message/delivery-status", "message/rfc822") for part in structure.parts):
        return _Reading(Kind.bounce, 0.8, (Evidence("null-sender-returns-mail", "envelope"),))
    if structure.invitation:
        return _Reading(Kind.calendar, 0.95, (Evidence("calendar-object", "body"),))
    if "resent-from" in head or "resent-sender" in head or "resent-to" in head:
        return _Reading(Kind.resent, 0.9, (Evidence("resent", "Resent-From"),))
    if structure.attached_mail and not structure.digest:
        return _Reading(Kind.forward_attachment, 0.9, _attached_evidence(structure))
    return _reply_or_forward(transaction, head, structure)


def _attached_evidence(structure: Structure) -> tuple[Evidence, ...]:
    found = [
        Evidence(quote.style, f"part {quote.part}", quote.signal)
        for quote in structure.quotes
        if quote.style == "attached"
    ]
    return tuple(found) or (Evidence("attached", "body", "outlook-mail"),)


def _reply_or_forward(transaction: Transaction, head: Head, structure: Structure) -> _Reading:
    """Subject prefix first; then the first quoted mail; then who stands in it; then the threading headers."""
    reading, word = outermost(decode_words(head.get("subject") or b""))
    subject = (Evidence(f"{reading}-prefix", "Subject", word),) if reading else ()
    first = next((quote for quote in structure.quotes if quote.style != "attached"), None)
    quoted = (Evidence(first.style, f"part {first.part}", first.signal),) if first else ()
    threaded = "in-reply-to" in head or "references" in head
    if "x-forwarded-message-id" in head:  # Thunderbird
        return _Reading(
            Kind.forward, 0.95, (Evidence("x-forwarded-message-id", "X-Forwarded-Message-Id"), *subject, *quoted)
        )
    if first is not None and first.style == "forward-marker":
        return _Reading(Kind.forward, 0.75 if reading == "reply" else 0.98, (*quoted, *subject))
    if reading == "forward":
        return _named_forward(transaction, head, first, (*subject, *quoted), word)
    if reading == "reply":
        return _Reading(Kind.reply, 0.95 if threaded or first else 0.7, (*subject, *quoted))
    if first is not None:
        return _without_prefix(transaction, head, first, quoted, threaded=threaded)
    if threaded:
        return _Reading(Kind.reply, 0.6, (Evidence("in-reply-to", "In-Reply-To"),))
    return _Reading(Kind.fresh, 0.9, ())


def _named_forward(
    transaction: Transaction, head: Head, first: QuotedMail | None, seen: tuple[Evidence, ...], word: str
) -> _Reading:
    """The subject says forward; some prefixes say it in one language only."""
    threaded = "in-reply-to" in head or "references" in head
    if first is None and is_bulk(head):  # a list sends out what its members named so; there is no mail in it
        return _Reading(Kind.reply if threaded else Kind.fresh, 0.6, seen)
    if word in _SHARED_PREFIXES and first is None and not threaded and word != "tr":
        return _Reading(Kind.forward, 0.6, seen)
    if word == "vs" and first is not None and _answers(transaction, head, first):
        return _Reading(Kind.reply, 0.6, seen)  # Finnish VS answers, Danish VS forwards
    return _Reading(Kind.forward, 0.95 if first else 0.85, seen)


def _without_prefix(
    transaction: Transaction, head: Head, first: QuotedMail, quoted: tuple[Evidence, ...], *, threaded: bool
) -> _Reading:
    answers = _answers(transaction, head, first)
    if is_bulk(head) and threaded:
        return _Reading(Kind.reply, 0.6, quoted)  # talk on a mailing list goes to the list, not to who is quoted
    if first.style in _EITHER:
        if answers or (threaded and first.nameless and not first.senders):
            return _Reading(
                Kind.reply, 0.7, (*quoted, Evidence("writes-to-quoted-sender", "To")) if answers else quoted
            )
        if first.style == "markup" and threaded:
            return _Reading(Kind.reply, 0.6, quoted)
        return _past_the_quoted(transaction, head, first, quoted)
    if first.signal == "indented-attribution" and first.above in _SENT_ON and not answers and not threaded:
        # Outlook for Mac 2019 sends on with `On ... wrote:` and the mail set in, and nothing else
        return _Reading(Kind.forward, 0.65, (*quoted, _own_words(first)))
    return _Reading(Kind.reply, 0.7 if threaded or answers else 0.55, quoted)


def _past_the_quoted(transaction: Transaction, head: Head, first: QuotedMail, quoted: tuple[Evidence, ...]) -> _Reading:
    """Outlook's block, nothing in the subject, and nobody of the quoted mail addressed: the writer's words decide.

    Without a text of his own he sends a mail on. A text is an answer (an address may be missed, for the
    quoted mail may have had a Reply-To), unless the subject is the quoted one with its prefix taken off,
    or so many people are missed that no answer would reach none of them.
    """
    past = Evidence("not-to-quoted-people", "To")
    if first.above in _SENT_ON or not first.above:
        return _Reading(Kind.forward, 0.75 if first.above else 0.7, (*quoted, past, _own_words(first)))
    if is_bulk(head):  # a list mail never goes to the people quoted in it, so missing them says nothing
        return _Reading(Kind.reply, 0.55, (*quoted, _own_words(first)))
    if first.topic and first.topic == topic_of(decode_words(head.get("subject") or b"")):
        return _Reading(Kind.forward, 0.7, (*quoted, past, Evidence("quoted-subject-without-prefix", "Subject")))
    missed = {*first.senders, *first.receivers} - {transaction.sender.mailbox.key, *_of(head, ("from",))}
    if first.above == "note" and len(missed) >= _MANY:
        return _Reading(Kind.forward, 0.65, (*quoted, Evidence("reaches-none-of-many", "To", str(len(missed)))))
    return _Reading(Kind.reply, 0.55, (*quoted, _own_words(first)))


def _own_words(first: QuotedMail) -> Evidence:
    return Evidence("above-the-quote", f"part {first.part}", first.above or "not-read")


def _answers(transaction: Transaction, head: Head, quote: QuotedMail) -> bool:
    """Whether the mail goes to people who stood in the quoted mail; the sender's own address does not count."""
    people = {*quote.senders, *quote.receivers} - {transaction.sender.mailbox.key, *_of(head, ("from",))}
    going: Sequence[str] = [*_of(head, ("to", "cc")), *(each.mailbox.key for each in transaction.recipients)]
    return any(address in people for address in going)


def _of(head: Head, names: tuple[str, ...]) -> list[str]:
    return [address for name in names for value in head.all(name) for address in addresses_of(value)]


def _is_report_head(head: Head) -> bool:
    kind = (head.get("content-type") or b"").lower()
    return kind.lstrip().startswith(b"multipart/report") and any(name.encode() in kind for name in _REPORTS)
