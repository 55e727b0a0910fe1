# SPDX-License-Identifier: Apache-2.0
"""The facts that rules ask for, each worked out when the first rule asks and then remembered. Never decides.

A fact that only a source has which was not asked yet (structure, stores, content) is UNKNOWN. Ordinary mail
reads a fifth of the table of facts; working out all of it cost more than the rules themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import domain_of, local_of
from dlpmilter.engine.autoforward import is_bulk
from dlpmilter.engine.consent import SCOPE_FACTS, covered, exemption_for
from dlpmilter.engine.found import CONTENT_FACTS, OPENED_FACTS, content_facts, opened_facts
from dlpmilter.engine.kinds import kind_from_head, left_out, others_mail, took_part
from dlpmilter.engine.stored import STORED_FROM, store_facts
from dlpmilter.policy.domains import normalise_domain
from dlpmilter.policy.match import UNKNOWN
from dlpmilter.policy.schema import FACTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dlpmilter.engine.seen import Reading
    from dlpmilter.model.consent import Agreement
    from dlpmilter.model.content import ContentReport
    from dlpmilter.model.facts import Facts
    from dlpmilter.model.message import Structure
    from dlpmilter.policy.domains import ClassMatch
    from dlpmilter.policy.schema import Policy


class MailFacts(dict[str, object]):
    """Facts that are the same for every recipient."""

    __slots__ = ("facts", "policy", "reading", "report", "structure")

    def __init__(
        self,
        reading: Reading,
        facts: Facts,
        policy: Policy,
        structure: Structure | None,
        report: ContentReport | None,
    ) -> None:
        super().__init__()
        self.reading, self.facts, self.policy = reading, facts, policy
        self.structure, self.report = structure, report

    def __missing__(self, name: str) -> object:
        work = _MAIL.get(name)
        value = self[name] = UNKNOWN if work is None else work(self)
        return value

    def content(self) -> dict[str, object]:
        """Everything the content tells; nothing before it was read."""
        found = content_facts(self.report, self.policy) if self.report is not None else {}
        self.update(found)
        return found

    def opened(self) -> dict[str, object]:
        """What headers or structure say and the content may add to."""
        before = {name: _BEFORE[name](self) for name in OPENED_FACTS}
        found = before | opened_facts(before, self.report)
        self.update(found)
        return found


class RecipientFacts(dict[str, object]):
    """Facts about one recipient; the mail's own stand behind them."""

    __slots__ = ("address", "agreements", "mail", "match")

    def __init__(self, mail: MailFacts, address: str, match: ClassMatch, agreements: tuple[Agreement, ...]) -> None:
        super().__init__()
        self.mail, self.address, self.match, self.agreements = mail, address, match, agreements

    def __missing__(self, name: str) -> object:
        work = _RECIPIENT.get(name)
        value = self[name] = self.mail[name] if work is None else work(self)
        return value

    def of(self, names: Iterable[str]) -> dict[str, object]:
        """These facts, those that are known."""
        return {name: value for name in names if (value := self[name]) is not UNKNOWN}

    def stored(self) -> dict[str, object]:
        """Everything the stores tell; nothing before they were asked."""
        found = store_facts(self.address, self.of(STORED_FROM), self.mail.facts)
        self.update(found)
        return found


def _sender_domain(mail: MailFacts) -> str:
    address = mail.reading.sender.address
    return normalise_domain(domain_of(address)) if address else ""


def _exempt(mail: MailFacts) -> bool:
    facts, sender = mail.facts, mail.reading.sender
    return bool(facts.exemptions and sender.internal and exemption_for(facts.exemptions, sender.address, facts.now))


def _kind(mail: MailFacts) -> object:
    reading = mail.reading
    if mail.structure is not None:
        return reading.judgement(mail.structure).kind
    return kind_from_head(reading.head, reading.auto, null_sender=reading.null) or UNKNOWN


def _calendar(mail: MailFacts) -> object:
    if mail.structure is not None:
        return mail.structure.calendar
    kind = mail.reading.head.get("content-type") or b""
    return True if kind.lstrip().lower().startswith(b"text/calendar") else UNKNOWN


def _ambiguous(mail: MailFacts) -> object:
    if mail.structure is not None:
        return mail.reading.judgement(mail.structure).ambiguous
    return True if mail.reading.head.doubts else UNKNOWN


def _uninspectable(mail: MailFacts) -> object:
    if mail.structure is not None:
        return bool(mail.reading.judgement(mail.structure).uninspectable)
    return True if mail.reading.head.problems else UNKNOWN


def _of_structure(tell: Callable[[Structure], object]) -> Callable[[MailFacts], object]:
    return lambda mail: UNKNOWN if mail.structure is None else tell(mail.structure)


def _of_content(name: str) -> Callable[[MailFacts], object]:
    return lambda mail: mail.content().get(name, UNKNOWN)


def _opened(name: str) -> Callable[[MailFacts], object]:
    return lambda mail: mail.opened()[name]


_BEFORE: Mapping[str, Callable[[MailFacts], object]] = {
    "message.attachments": _of_structure(lambda structure: structure.attachments),
    "message.uninspectable": _uninspectable,
    "message.ambiguous": _ambiguous,
    "message.encrypted": _of_structure(lambda structure: structure.encrypted),
}
"""What is known of these before the content was read."""

_MAIL: Mapping[str, Callable[[MailFacts], object]] = {
    "sender.address": lambda mail: mail.reading.sender.address,
    "sender.domain": _sender_domain,
    "sender.internal": lambda mail: mail.reading.sender.internal,
    "sender.null": lambda mail: mail.reading.null,
    "sender.borrowed": lambda mail: mail.reading.borrowed,
    "sender.secrecy_group": lambda mail: mail.facts.directory.secrecy_group(mail.reading.sender.address),
    "sender.department": lambda mail: mail.facts.directory.department(mail.reading.sender.address),
    "sender.exempt": _exempt,
    "message.auto_forward": lambda mail: mail.reading.auto.certain,
    "message.statement": lambda mail: mail.facts.stated.value,
    "message.size": lambda mail: mail.reading.transaction.size,
    "message.bulk": lambda mail: is_bulk(mail.reading.head),
    "message.kind": _kind,
    "message.calendar": _calendar,
    "message.earlier_mail": lambda mail: (
        UNKNOWN if mail.structure is None else mail.reading.judgement(mail.structure).earlier_mail
    ),
    "message.signed": _of_structure(lambda structure: structure.signed),
    "message.attached_mail": _of_structure(lambda structure: structure.attached_mail),
    **{name: _opened(name) for name in OPENED_FACTS},
    **{name: _of_content(name) for name in CONTENT_FACTS},
}


def _vetted(one: RecipientFacts) -> bool:
    """A record that is complete and not over; the domain itself or a name below it (domain section 1, A4)."""
    return one.mail.policy.is_vetted(one.match.domain, one.mail.facts.now.date())


def _of_talk(tell: Callable[[str, Structure], object]) -> Callable[[RecipientFacts], object]:
    return lambda one: UNKNOWN if one.mail.structure is None else tell(one.address, one.mail.structure)


def _stored(name: str) -> Callable[[RecipientFacts], object]:
    return lambda one: one.stored().get(name, UNKNOWN)


_RECIPIENT: Mapping[str, Callable[[RecipientFacts], object]] = {
    "recipient.address": lambda one: one.address,
    "recipient.local": lambda one: local_of(one.address),
    "recipient.domain": lambda one: one.match.domain,
    "recipient.class": lambda one: one.match.recipient_class,
    "recipient.private": lambda one: one.match.recipient_class.private,
    "recipient.vetted": _vetted,
    "recipient.took_part": _of_talk(lambda address, structure: took_part(address, structure) is True),
    "recipient.left_out": _of_talk(left_out),
    "recipient.others_mail": _of_talk(others_mail),
    "recipient.agreement": lambda one: covered(one.agreements, one.of(SCOPE_FACTS) if one.agreements else {}),
    **{name: _stored(name) for name in FACTS if name == "recipient.mail_host" or name.startswith("drip.")},
}
