# SPDX-License-Identifier: Apache-2.0
"""Which notice a case owes to whom, put into the outbox in the transaction of the act. Never sends.

A notice goes to the person who answers for the mail, never to an outsider and never twice for one
state of one case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from dlpmilter import metrics
from dlpmilter.model.address import AddressError, parse_address
from dlpmilter.model.transaction import EnvelopePath
from dlpmilter.model.words import Kind, RecipientClass, Relation
from dlpmilter.notices.compose import choose_languages, compose, notice_envelope
from dlpmilter.notices.dsn import DsnFacts, DsnKind, DsnRecipient, compose_dsn, wants_report
from dlpmilter.notices.facts import HeldRecipient, Language, Letterhead, NoticeFacts, NoticeKind, StoredField
from dlpmilter.notices.limits import Occasion, may_notify
from dlpmilter.relay.outbox import Owed, owe
from dlpmilter.storage import notice_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.notices.facts import Text
    from dlpmilter.policy.schema import Governance, Policy, Words
    from dlpmilter.storage.case_rows import Case, Hold
    from dlpmilter.storage.keys import Keyring

STORED: tuple[StoredField, ...] = (
    "sender", "recipient", "times", "rule", "message-id", "justification", "decision",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prepared:
    """One composed mail and where it goes."""

    kind: str
    address: str
    data: bytes
    outbox_kind: Literal["notice", "dsn"] = "notice"


@dataclass(frozen=True, slots=True)
class Notifier:
    """Composes with the words of one policy; make a new one when the policy changes."""

    letterhead: Letterhead
    languages: tuple[Language, ...]
    policy: Policy
    postmaster: str
    remote: str
    domains: tuple[str, ...]

    @classmethod
    def build(cls, config: Config, policy: Policy, keyring: Keyring) -> Notifier:
        """From configuration, policy and the key for our mark."""
        letterhead = Letterhead(config.postmaster, config.hostname, keyring.derive("notice-mark"))
        remote = config.next_hop.rpartition(":")[0].strip("[]")
        return cls(
            letterhead, choose_languages(config.languages), policy, config.postmaster, remote, config.internal_domains
        )

    def notice(
        self, kind: NoticeKind, case: Case, holds: Sequence[Hold], now: datetime, **more: Any
    ) -> Prepared | None:
        """The notice of one state, None when nobody may get it."""
        if case.mute or not case.owner:
            return None
        data = compose(kind, self._facts(case, holds, **more), self.languages, letterhead=self.letterhead, now=now)
        return Prepared(kind.value, case.owner, data)

    def report(
        self,
        kind: DsnKind,
        case: Case,
        recipients: Sequence[DsnRecipient],
        now: datetime,
        *,
        date: str = "",
    ) -> Prepared | None:
        """The delivery report (RFC 3464), None when nobody may get it or NOTIFY says not to.

        It goes to the owner: an outsider whose mail was forwarded by a rule gets none (backscatter).
        """
        wanted = tuple(each for each in recipients if wants_report(each.path))
        if case.mute or not case.owner or not wanted:
            return None
        sender = case.sender
        if sender.mailbox.null or sender.mailbox.key != case.owner.lower():
            sender = EnvelopePath(parse_address(case.owner))
        facts = DsnFacts(
            case_id=case.id, sender=sender, recipients=wanted, received_at=case.created_at.astimezone(),
            contact=self._contact(), remote=self.remote, subject=case.subject or "",
            message_id=case.message_id or "", date=date,
        )  # fmt: skip
        data = compose_dsn(kind, facts, self.languages, letterhead=self.letterhead, now=now)
        return Prepared(kind.value, case.owner, data, "dsn")

    def queue(self, conn: Connection, case_id: str, mail: Prepared | None, now: datetime, *, mark: str = "") -> str:
        """Owe it, unless a limit says no; returns "" or the reason. `mark` tells apart equal kinds (reminders)."""
        if mail is None:
            return "muted"
        name = mail.kind + mark
        reason = may_notify(
            Occasion(
                address=mail.address,
                internal=True,
                already_sent=int(notice_rows.sent(conn, case_id=case_id, kind=name)),
                last_hour=notice_rows.count_since(conn, recipient=mail.address, since=now - timedelta(hours=1)),
            )
        )
        metrics.notices.labels(mail.kind, reason or "queued").inc()
        if reason is None:
            sender, recipient = notice_envelope(mail.address)
            owe(conn, Owed(mail.outbox_kind, case_id, sender, (recipient,), None, mail.data), now)
            notice_rows.add(conn, case_id=case_id, kind=name, recipient=mail.address, now=now)
        return reason or ""

    def _facts(self, case: Case, holds: Sequence[Hold], **more: Any) -> NoticeFacts:
        governance = self.policy.governance
        values: dict[str, Any] = {
            "case_id": case.id,
            "person_address": case.owner,
            "person_name": case.owner_name,
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
