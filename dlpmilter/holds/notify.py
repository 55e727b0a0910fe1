# SPDX-License-Identifier: Apache-2.0
"""Which notice a case owes to whom, put into the outbox in the transaction of the act. Never sends.

A notice goes to the person who answers for the mail, else to the postmaster; never to an outsider and
never twice for one state of one case. Nothing is dropped: one too many in an hour leaves later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from dlpmilter import metrics
from dlpmilter.holds.form import QUESTIONS, Statement
from dlpmilter.mime.sign import Signer
from dlpmilter.model.address import AddressError, parse_address
from dlpmilter.model.transaction import EnvelopePath
from dlpmilter.model.words import Kind, RecipientClass, Relation
from dlpmilter.notices import answer_address, links
from dlpmilter.notices.compose import choose_languages, compose, notice_envelope
from dlpmilter.notices.digest import KIND as DIGEST
from dlpmilter.notices.digest import DigestFacts, compose_digest
from dlpmilter.notices.dsn import DsnFacts, DsnKind, DsnRecipient, compose_dsn, wants_report
from dlpmilter.notices.facts import HeldRecipient, Language, Letterhead, NoticeFacts, NoticeKind, StoredField
from dlpmilter.notices.limits import HOURLY_LIMIT, Hearer, due_at, hears_notice, hears_report
from dlpmilter.notices.review import KIND as REVIEW
from dlpmilter.notices.review import ReviewFacts, compose_review
from dlpmilter.relay.outbox import Owed, owe
from dlpmilter.storage import digest_rows, notice_rows
from dlpmilter.storage.keys import signing_key

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.config import Config
    from dlpmilter.notices.facts import Text
    from dlpmilter.policy.schema import Governance, Policy, Words
    from dlpmilter.storage.case_rows import Case, Hold
    from dlpmilter.storage.keys import Keyring

_ANSWERED = frozenset({NoticeKind.hold, NoticeKind.reminder, NoticeKind.answered, NoticeKind.approved})
"""Notices that can be answered with a number."""
STORED: tuple[StoredField, ...] = (
    "sender", "recipient", "times", "rule", "message-id", "justification", "decision",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prepared:
    """One composed mail and where it goes; without an address nobody may get it, and `why` says so."""

    kind: str
    address: str
    data: bytes
    why: str
    outbox_kind: Literal["notice", "dsn"] = "notice"
    digest: Literal["always", "over-cap", "never"] = "never"
    """Whether it may wait for the daily digest: always, or when the person has had ten in an hour."""


def _digest(kind: NoticeKind, case: Case) -> Literal["always", "over-cap", "never"]:
    if kind not in {NoticeKind.hold, NoticeKind.reminder}:
        return "never"
    return "always" if case.kind == Kind.auto_forward else "over-cap"  # a rule sends many, and nobody waits for them


def told(mail: Prepared | None, name: str = "told") -> dict[str, Value]:
    """The trail fields that say who hears of it and why he; None: NOTIFY asks for no report."""
    if mail is None:
        return {f"{name}-why": "notify-says-no"}
    return {name: mail.address, f"{name}-why": mail.why}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the portal's pages are, and what its links are signed with; `url` "" where there is none."""

    url: str = ""
    key: bytes = b""
    days: int = 31
    mailbox: str = ""
    """Where notices can be answered to by mail, "" where they cannot."""
    seal: bytes = b""

    def answer_of(self, case: Case) -> str:
        """The sealed address for the person who answers for the mail."""
        return answer_address.sign(self.seal, case.id, case.owner, self.mailbox) if self.mailbox and case.owner else ""

    def of_sender(self, case: Case, now: datetime) -> str:
        """The page of the person who answers for the mail."""
        if not self.url or not case.owner:
            return ""
        return f"{self.url}/c/{links.sign(self.key, case.id, case.owner, now + timedelta(days=self.days))}"

    def of_pool(self, case: Case) -> str:
        """The page of those who decide; they sign in."""
        return f"{self.url}/queue/{case.id}" if self.url else ""


@dataclass(frozen=True, slots=True)
class Notifier:
    """Composes with the words of one policy; make a new one when the policy changes."""

    letterhead: Letterhead
    languages: tuple[Language, ...]
    policy: Policy
    postmaster: str
    remote: str
    domains: tuple[str, ...]
    signer: Signer | None = None
    language_of: Callable[[str], str] = lambda _: ""
    """The language a person wants to be written to in, by the directory; "" when nobody knows."""
    places: Places = Places()

    @classmethod
    def build(
        cls, config: Config, policy: Policy, keyring: Keyring, language_of: Callable[[str], str] = lambda _: ""
    ) -> Notifier:
        """From configuration, policy and the key for our mark. Raises ConfigError when a key cannot be read."""
        letterhead = Letterhead(config.postmaster, config.hostname, keyring.derive("notice-mark"))
        remote = config.next_hop.rpartition(":")[0].strip("[]")
        languages = choose_languages(config.languages)
        signer = None
        if config.dkim is not None:
            signer = Signer(config.dkim.domain, config.dkim.selector, *signing_key(config.dkim.key_file))
        mailbox = config.answers.address if config.answers else ""
        places = Places(
            config.portal_url, keyring.derive(links.PURPOSE), config.portal.link_days, mailbox,
            keyring.derive(answer_address.PURPOSE),
        )  # fmt: skip
        domains = config.internal_domains
        return cls(letterhead, languages, policy, config.postmaster, remote, domains, signer, language_of, places)

    def notice(self, kind: NoticeKind, case: Case, holds: Sequence[Hold], now: datetime, **more: Any) -> Prepared:
        """The notice of one state, to the owner or in his place to the postmaster."""
        hearer = hears_notice(
            mute=case.mute, owner=case.owner, null_sender=case.sender.mailbox.null, postmaster=self.postmaster
        )
        if not hearer.address:
            return Prepared(kind.value, "", b"", hearer.why)
        link = self.places.of_sender(case, now) if hearer.why == "owner" else ""
        answer = self.places.answer_of(case) if hearer.why == "owner" and kind in _ANSWERED else ""
        facts = self._facts(case, holds, hearer, link=link, answer=answer, **more)
        data = self._signed(compose(kind, facts, self._languages(hearer), letterhead=self.letterhead, now=now))
        return Prepared(kind.value, hearer.address, data, hearer.why, digest=_digest(kind, case))

    def ask(
        self,
        case: Case,
        holds: Sequence[Hold],
        statement: Statement | None,
        now: datetime,
        *,
        again: bool = False,
        opening: bool = False,
    ) -> Prepared | None:
        """The mail that asks one pool to decide about these holds; None where the policy knows no such pool."""
        governance = self.policy.governance
        pool = governance.pool(holds[0].pool) if governance and holds else None
        if governance is None or pool is None:
            return None
        pool = governance.pool(governance.evidence_pool) or pool if opening else pool
        said = statement or (Statement.from_json(case.statement) if case.statement else None)
        rules = [self.policy.rule(hold.rule) for hold in holds]
        facts = ReviewFacts(
            case_id=case.id, pool=_both(pool.title), company=governance.employer, deadline=case.deadline.astimezone(),
            classes=tuple(RecipientClass(hold.recipient_class) for hold in holds),
            rules=tuple(_both(rule.title) for rule in rules if rule is not None),
            link=self.places.of_pool(case), second_look=again, opening=opening, **(_stated(said) if said else {}),
        )  # fmt: skip
        data = compose_review(facts, self.languages, pool.contact, letterhead=self.letterhead, now=now)
        return Prepared(REVIEW, pool.contact, self._signed(data), "pool")

    def report(
        self,
        kind: DsnKind,
        case: Case,
        recipients: Sequence[DsnRecipient],
        now: datetime,
        *,
        date: str = "",
    ) -> Prepared | None:
        """The delivery report (RFC 3464), None when NOTIFY says not to; `hears_report` says to whom."""
        wanted = tuple(each for each in recipients if wants_report(each.path))
        if not wanted:
            return None
        mailbox = case.sender.mailbox
        hearer = hears_report(
            mute=case.mute, owner=case.owner, sender=mailbox.text, internal=internal(mailbox.text, self.domains),
            obliged=kind is DsnKind.undelivered, postmaster=self.postmaster,
        )  # fmt: skip
        if not hearer.address:
            return Prepared(kind.value, "", b"", hearer.why, "dsn")
        same = not mailbox.null and mailbox.key == hearer.address.lower()
        facts = DsnFacts(
            case_id=case.id, sender=case.sender if same else EnvelopePath(parse_address(hearer.address)),
            recipients=wanted, received_at=case.created_at.astimezone(), contact=self._contact(), remote=self.remote,
            subject=case.subject or "", message_id=case.message_id or "", date=date,
            services=tuple(
                each.domain for each in self.policy.vetted_on(now.date())
                if self.policy.domains.classify(each.domain).recipient_class is RecipientClass.ai_service
            ),
            instead_of=self._instead_of(case, hearer), instead_why=hearer.why,
        )  # fmt: skip
        data = self._signed(compose_dsn(kind, facts, self._languages(hearer), letterhead=self.letterhead, now=now))
        return Prepared(kind.value, hearer.address, data, hearer.why, "dsn")

    def queue(self, conn: Connection, case_id: str, mail: Prepared | None, now: datetime, *, mark: str = "") -> str:
        """Owe it; returns `queued`, `paced` (later), `digest` (with others, once a day) or why it is not written.

        `mark` tells apart equal kinds. Delivery reports leave at once, however many there are.
        """
        if mail is None:
            return "notify-says-no"
        name = mail.kind + mark
        result, due = "queued", now
        if not mail.address:
            result = mail.why
            if mail.outbox_kind == "dsn":
                metrics.alarms.labels("nobody-to-tell").inc()
        elif notice_rows.sent(conn, case_id=case_id, kind=name, recipient=mail.address):
            result = "already-sent"
        else:
            if mail.outbox_kind == "notice":
                due = due_at(notice_rows.nth_last(conn, recipient=mail.address, number=HOURLY_LIMIT), now)
                result = "paced" if due > now else "queued"
            if mail.digest == "always" or (mail.digest == "over-cap" and due > now):
                result = "digest" if digest_rows.add(conn, mail.address, case_id, now) else "already-sent"
                metrics.notices.labels(mail.kind, result).inc()
                return result
            sender, recipient = notice_envelope(mail.address)
            owe(conn, Owed(mail.outbox_kind, case_id, sender, (recipient,), None, mail.data), due)
            notice_rows.add(conn, case_id=case_id, kind=name, recipient=mail.address, now=due)
        metrics.notices.labels(mail.kind, result).inc()
        return result

    def queue_digest(self, conn: Connection, facts: DigestFacts, now: datetime) -> None:
        """Owe one person's digest."""
        own = self._languages(Hearer(facts.person_address, "owner"))
        data = self._signed(compose_digest(facts, own, letterhead=self.letterhead, now=now))
        sender, recipient = notice_envelope(facts.person_address)
        owe(conn, Owed("notice", facts.waiting[0].case_id, sender, (recipient,), None, data), now)
        metrics.notices.labels(DIGEST, "queued").inc()

    @property
    def alternatives(self) -> Text:
        """Other ways to do the work, as one phrase."""
        return _joined(self.policy.governance.alternatives) if self.policy.governance else ""

    def send_once(self, conn: Connection, address: str, data: bytes, now: datetime) -> None:
        """Owe a mail that belongs to no case: a link to sign in."""
        sender, recipient = notice_envelope(address)
        owe(conn, Owed("notice", "", sender, (recipient,), None, self._signed(data)), now)

    def _languages(self, hearer: Hearer) -> tuple[Language, ...]:
        """His own language alone where it is known and the company writes it, else all."""
        own = self.language_of(hearer.address)
        return choose_languages(self.languages, own if own in {"de", "en"} else None)  # type: ignore[arg-type]

    def _signed(self, data: bytes) -> bytes:
        return self.signer.signed(data) if self.signer is not None else data

    def _instead_of(self, case: Case, hearer: Hearer) -> str:
        """Whose mail it is, when the postmaster hears of it in his place."""
        if hearer.why in {"owner", "envelope-sender"}:
            return ""
        return case.sender.mailbox.text or case.owner or "<>"

    def _facts(self, case: Case, holds: Sequence[Hold], hearer: Hearer, **more: Any) -> NoticeFacts:
        governance = self.policy.governance
        values: dict[str, Any] = {
            "case_id": case.id,
            "person_address": hearer.address,
            "person_name": case.owner_name if hearer.why == "owner" else "",
            "instead_of": self._instead_of(case, hearer),
            "instead_why": hearer.why,
            "recipients": tuple(
                HeldRecipient(
                    hold.recipient.mailbox.text, RecipientClass(hold.recipient_class), Relation(hold.relation)
                )
                for hold in holds
            ),
            "company": governance.employer if governance else "",
            "contact": self._contact(),
            "received_at": case.created_at.astimezone(),
            "deadline": case.deadline.astimezone(),
            "other_recipients": case.others > 0,
            "subject": case.subject or "",
            "message_id": case.message_id or "",
            "kind": Kind(case.kind),
            "reminder": True,
            "stored_fields": STORED,
            "stored_days": self.policy.hold.case_days,
        }
        if governance:
            values |= _governed(governance, {hold.pool for hold in holds})
        return NoticeFacts(**(values | more))

    def _contact(self) -> str:
        return self.policy.governance.contact if self.policy.governance else self.postmaster


def _governed(governance: Governance, pools: set[str]) -> dict[str, Any]:
    known = [pool for pool in (governance.pool(name) for name in sorted(pools)) if pool is not None]
    return {
        "alternatives": _joined(governance.alternatives),
        "dpo": governance.dpo_address,
        "works_council": governance.works_council,
        "managers_told": governance.managers_told,
        "reviewer": _joined([pool.title for pool in known]),
    }


def _both(words: Words) -> Text:
    return {language: words.in_language(language) for language in ("de", "en")}


def _stated(said: Statement) -> dict[str, Any]:
    """The choices of a statement in words; its texts stay out of mailboxes."""

    def words(name: str, value: str) -> Text:
        found = (QUESTIONS[name].choices or {}).get(value)
        return {"de": found.de, "en": found.en} if found else ""

    return {
        "reason": words("code", said.code),
        "basis": words("basis", said.basis),
        "informed": words("informed", said.informed),
        "urgent": bool(said.urgent),
    }


def _joined(words: Sequence[Words]) -> Text:
    return {
        language: ", ".join(filter(None, (each.in_language(language) for each in words))) for language in ("de", "en")
    }


def internal(address: str, domains: Sequence[str]) -> bool:
    """Whether an address lies in one of our domains or below one."""
    try:
        domain = parse_address(address).domain.rstrip(".").lower()
    except AddressError:
        return False
    return any(domain == each or domain.endswith("." + each) for each in domains)
