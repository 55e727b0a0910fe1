# SPDX-License-Identifier: Apache-2.0
"""Delivery reports (RFC 3464) for recipients who will not get a mail: expiry, policy, failed release.

Never returns the mail: the third part holds Date, Message-ID and, while it is still known, Subject.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from dlpmilter.notices import headers, words
from dlpmilter.notices.compose import bilingual, own_head, part_of, render
from dlpmilter.notices.facts import HeldRecipient, Language

if TYPE_CHECKING:
    from datetime import datetime

    from dlpmilter.model.reply import Reply
    from dlpmilter.model.transaction import EnvelopePath
    from dlpmilter.notices.facts import Letterhead, Text

_XTEXT = re.compile(rb"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")


class DsnKind(StrEnum):
    """Why the report is written; each has its own human part."""

    expired = "dsn-expired"
    rejected = "dsn-rejected"
    undelivered = "dsn-undelivered"


_SUBJECTS: dict[Language, str] = {"de": "Ihre E-Mail wurde nicht zugestellt", "en": "Your e-mail was not delivered"}


@dataclass(frozen=True, slots=True)
class DsnRecipient:
    """One recipient of the report; `reply` is what the next hop said, `status` an RFC 3463 code."""

    path: EnvelopePath
    status: str
    reply: Reply | None = None
    action: Literal["failed", "delayed"] = "failed"
    unvetted_ai: bool = False
    """An AI service of which nobody knows how it treats what it gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DsnFacts:
    """What a report may say. `sender` is the envelope sender with its ENVID."""

    case_id: str
    sender: EnvelopePath
    recipients: tuple[DsnRecipient, ...]
    received_at: datetime
    contact: Text
    remote: str = ""
    """Host name of the next hop whose replies are quoted."""
    subject: str = ""
    message_id: str = ""
    date: str = ""
    """The raw Date value of the mail."""
    services: tuple[str, ...] = ()
    """AI services that were vetted and may be used instead."""
    instead_of: str = ""
    """Whose mail it is, when the postmaster hears of it in his place; `instead_why` is the slug why."""
    instead_why: str = ""


def wants_report(path: EnvelopePath) -> bool:
    """Whether this recipient's NOTIFY asks for a failure report (RFC 3461 4.1); without NOTIFY it does."""
    notify = path.parameter("NOTIFY")
    return notify is None or b"FAILURE" in notify.upper().split(b",")


def decode_xtext(value: bytes) -> str | None:
    """Text in xtext form (RFC 3461 section 4) as printable ASCII, None when it is malformed or would break a field."""
    if not _XTEXT.fullmatch(value):
        return None
    raw = re.sub(rb"\+([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), value)
    text = raw.decode("latin-1")
    return text if text.isascii() and text.isprintable() and len(text) <= 500 else None


def compose_dsn(
    kind: DsnKind | str,
    facts: DsnFacts,
    language: Language | Sequence[Language],
    *,
    letterhead: Letterhead,
    now: datetime,
) -> bytes:
    """A multipart/report for those recipients of `facts` whose NOTIFY asks for one; ASCII with CRLF.

    Raises ValueError when nobody wants a report or the sender is null (RFC 5321 6.1: such a mail
    must never get one): ask `wants_report` before.
    """
    kind = DsnKind(kind)
    wanted = tuple(each for each in facts.recipients if wants_report(each.path))
    if facts.sender.mailbox.null or not wanted:
        raise ValueError(f"case {facts.case_id}: no delivery report may be written for this envelope")
    languages: tuple[Language, ...] = (language,) if isinstance(language, str) else tuple(language)
    head = own_head(
        letterhead, now=now, to=facts.sender.mailbox.text, name="",
        subject=f"{' / '.join(_SUBJECTS[each] for each in languages)} [{facts.case_id}]",
        case_id=facts.case_id, kind=kind, auto_submitted="auto-replied", answers=facts.message_id,
        part=part_of(now, [each.path.mailbox.text for each in wanted]),
    )  # fmt: skip
    human = bilingual([_human(kind, facts, wanted, each) for each in languages], languages)
    boundary = _boundary(facts.case_id, kind, letterhead.mark_key)
    return "".join(
        (
            head,
            headers.token_field("MIME-Version", "1.0"),
            "Content-Type: multipart/report; report-type=delivery-status;\r\n",
            f'\tboundary="{boundary}"\r\n\r\n',
            f"--{boundary}\r\n",
            headers.token_field("Content-Language", ", ".join(languages)),
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
            headers.quoted_printable(human),
            f"\r\n--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n",
            _status(facts, wanted, letterhead.hostname, now),
            f"\r\n--{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\n",
            _returned(facts),
            f"\r\n--{boundary}--\r\n",
        )
    ).encode("ascii")


def _named(recipients: Sequence[DsnRecipient], language: Language) -> str:
    found = [HeldRecipient(each.path.mailbox.text) for each in recipients]
    return words.recipients(found, language) if found else ""


def _human(kind: DsnKind, facts: DsnFacts, wanted: Sequence[DsnRecipient], language: Language) -> str:
    filling: dict[str, object] = {
        "case": facts.case_id,
        "received": words.moment(facts.received_at, language),
        "recipients": _named([each for each in wanted if not each.unvetted_ai], language),
        "ai": _named([each for each in wanted if each.unvetted_ai], language),
        "services": words.join([headers.clean(each, 100) for each in facts.services[:5]], language),
        "contact": words.say(facts.contact, language),
        "answers": [_diagnostic(each.reply, 200) for each in wanted if each.reply is not None][:3],
    }
    return words.instead(facts.instead_of, facts.instead_why, language) + render(f"{kind}.txt", filling, language)


def _status(facts: DsnFacts, wanted: Sequence[DsnRecipient], hostname: str, now: datetime) -> str:
    fields = [headers.token_field("Reporting-MTA", f"dns; {hostname}")]
    envelope_id = decode_xtext(facts.sender.parameter("ENVID") or b"")
    if envelope_id:
        fields.insert(0, headers.token_field("Original-Envelope-Id", envelope_id))
    fields.append(headers.date_field(facts.received_at).replace("Date:", "Arrival-Date:", 1))
    for each in wanted:
        fields.append("\r\n")
        original = _original_recipient(each.path)
        if original:
            fields.append(headers.token_field("Original-Recipient", original))
        fields.append(headers.token_field("Final-Recipient", _final_recipient(each.path)))
        fields.append(headers.token_field("Action", each.action))
        fields.append(headers.token_field("Status", each.status))
        if facts.remote and each.reply is not None:
            fields.append(headers.token_field("Remote-MTA", f"dns; {headers.clean(facts.remote, 255)}"))
        if each.reply is not None:
            fields.append(headers.token_field("Diagnostic-Code", f"smtp; {_diagnostic(each.reply, 900)}"))
        fields.append(headers.date_field(now).replace("Date:", "Last-Attempt-Date:", 1))
    return "".join(fields)


def _original_recipient(path: EnvelopePath) -> str | None:
    """`type; address` from ORCPT; a utf-8 address stays in its ASCII form (RFC 6533 section 3)."""
    kind, _, value = (path.parameter("ORCPT") or b"").partition(b";")
    name = kind.decode("ascii", "replace")
    if not _ADDRESS_TYPE.fullmatch(name):
        return None
    if name.lower() == "utf-8":
        raw = value.decode("ascii", "replace")
        return f"{name}; {raw}" if raw.isascii() and raw.isprintable() and raw else None
    address = decode_xtext(value)
    return f"{name}; {address}" if address else None


def _final_recipient(path: EnvelopePath) -> str:
    address = path.mailbox.text
    if address.isascii():
        return f"rfc822; {headers.clean(address, 254)}"
    escaped = "".join(
        each if "!" <= each <= "~" and each not in "\\+=" else f"\\x{{{ord(each):X}}}" for each in address
    )
    return f"utf-8; {escaped}"


def _diagnostic(reply: Reply, limit: int) -> str:
    printable = "".join(each if " " <= each <= "~" else "?" for each in headers.clean(reply.text, limit))
    return printable[:limit]


def _returned(facts: DsnFacts) -> str:
    fields = []
    date = headers.clean(facts.date, 100)
    if date and date.isascii():
        fields.append(headers.token_field("Date", date))
    original = headers.message_id(facts.message_id)
    if original:
        fields.append(headers.token_field("Message-ID", original))
    if facts.subject:
        fields.append(headers.text_field("Subject", facts.subject))
    return "".join(fields)


def _boundary(case_id: str, kind: str, key: bytes) -> str:
    """Nobody outside can guess it, and `=_` cannot occur in quoted-printable (RFC 2045 6.7)."""
    return "=_" + hmac.new(key, f"boundary {case_id} {kind}".encode(), hashlib.sha256).hexdigest()[:40]
