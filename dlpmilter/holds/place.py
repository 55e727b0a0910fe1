# SPDX-License-Identifier: Apache-2.0
"""Recording a verdict before anything is done about it, and the outcome after. Never relays.

One transaction makes a mail held: case, recipients, wrapped key, trail entry, message keys and the
notice stand together or not at all. The same octets from the same sender a second time find their
case again: nothing is held or told twice (hop.md section 4, S2).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.holds import prepare
from dlpmilter.holds.outcomes import OWED, RELAYED, OutcomeRecord
from dlpmilter.holds.terms import MESSAGE_KEY_AGE
from dlpmilter.mime.head import read_head
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.words import Action
from dlpmilter.notices.dsn import DsnKind, DsnRecipient
from dlpmilter.notices.facts import NoticeKind
from dlpmilter.relay.outbox import Owed, owe
from dlpmilter.storage import case_rows, message_rows
from dlpmilter.storage.message_rows import MessageKey

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.holds.journal import Journal
    from dlpmilter.holds.notify import Notifier, Prepared
    from dlpmilter.model.reply import Reply
    from dlpmilter.model.transaction import EnvelopePath, Transaction
    from dlpmilter.model.verdict import Disposition, Verdict
    from dlpmilter.policy.schema import Policy
    from dlpmilter.spill import MessageBytes
    from dlpmilter.storage.bodies import BodyStore, StoredBody
    from dlpmilter.storage.case_rows import Case
    from dlpmilter.storage.database import Database

POLICY_REFUSAL = "5.7.1"
_SMALL = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Decided:
    """What stands in the record now. Recipients are named by the octets of their address."""

    case_id: str
    policy_version: str
    transaction_id: str
    held: frozenset[bytes] = frozenset()
    repeated: bool = False
    """Every recipient was recorded before: this is a retry."""
    relayed_before: frozenset[bytes] = frozenset()
    """Not to be sent now: an earlier try reached these, we owe them the mail, or they were held then."""
    body_id: str | None = None
    digest: bytes | None = None
    keys: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Draft:
    """Everything the transaction needs, made before it."""

    transaction: Transaction
    verdict: Verdict
    case: Case
    stored: StoredBody | None
    digest: bytes | None
    keys: Mapping[bytes, bytes]
    notice: Prepared | None
    report: Prepared | None
    notifier: Notifier | None


async def record_decided(  # noqa: PLR0913 - the contract of the pipeline
    database: Database,
    bodies: BodyStore,
    *,
    transaction: Transaction,
    verdict: Verdict,
    message: MessageBytes,
    policy: Policy,
    config: Config,
    notice: Notifier | None,
    quiet: bool = False,
) -> Decided:
    """Make the verdict durable. Raises TemporaryFailure: then nothing of it is recorded.

    `quiet` says that the mail is a notice of ours that came back: it is held without a new notice.
    """
    head = read_head(transaction.head, config.bounds)
    holds = any(one.action is Action.hold for one in verdict.dispositions)
    stored = await bodies.put(message) if holds else None
    digest = None
    if prepare.recognisable(head):
        content = stored.sha256 if stored else await _hash(message)
        digest = prepare.message_digest(transaction.sender.mailbox.raw, content)
    secret = bodies.keyring.derive("message-key")
    case = prepare.case_of(
        transaction, verdict, head, case_id=prepare.new_case_id(), body_id=stored.id if stored else None,
        terms=policy.hold, languages=config.languages, quiet=quiet,
    )  # fmt: skip
    draft = _Draft(
        transaction, verdict, case, stored, digest,
        {each.mailbox.raw: prepare.recipient_key(secret, digest or b"", each) for each in transaction.recipients},
        _hold_notice(notice, case, verdict) if stored else None,
        _refusal_report(notice, case, verdict),
        notice,
    )  # fmt: skip
    return await database.write(lambda conn: _record(conn, draft, bodies))


async def _hash(message: MessageBytes) -> bytes:
    def work() -> bytes:
        digest = hashlib.sha256()
        for chunk in message.chunks():
            digest.update(chunk)
        return digest.digest()

    return work() if message.size < _SMALL else await asyncio.to_thread(work)


def _hold_notice(notifier: Notifier | None, case: Case, verdict: Verdict) -> Prepared | None:
    if notifier is None:
        return None
    held = [_as_hold(case, one) for one in verdict.dispositions if one.action is Action.hold]
    message = verdict.message
    return notifier.notice(
        NoticeKind.hold, case, held, case.created_at,
        earlier_mail=message.earlier_mail, uninspectable=bool(message.uninspectable),
        encrypted="encrypted" in message.uninspectable,
    )  # fmt: skip


def _as_hold(case: Case, one: Disposition) -> case_rows.Hold:
    new = prepare.hold_of(one)
    return case_rows.Hold(
        0, case.id, new.recipient, new.recipient_class, new.relation, new.rule, new.reasons, new.pool,
        new.approvals_needed, "held", case.created_at,
    )  # fmt: skip


def _refusal_report(notifier: Notifier | None, case: Case, verdict: Verdict) -> Prepared | None:
    """Refused recipients of a mail that is otherwise taken: upstream cannot tell, so we do (hop.md section 3)."""
    refused = [one for one in verdict.dispositions if one.action is Action.reject]
    if notifier is None or not refused or len(refused) == len(verdict.dispositions):
        return None
    recipients = [DsnRecipient(one.recipient, POLICY_REFUSAL) for one in refused]
    return notifier.report(DsnKind.rejected, case, recipients, case.created_at)


def _record(conn: Connection, draft: _Draft, bodies: BodyStore) -> Decided:
    known = _known(conn, draft)
    fresh = _fresh(conn, draft, known)
    case_id = known[0].case_id if known else draft.case.id
    body_id = None
    held = [one for one in fresh if one.action is Action.hold]
    if draft.stored is not None:
        joined = case_rows.get(conn, case_id) if known else None
        if joined is not None and joined.body_id is not None and joined.purged_at is None:
            bodies.purge(conn, draft.stored.id)
            body_id = joined.body_id
        elif held:
            case_id = draft.case.id
            body_id = draft.stored.id
            case_rows.add(conn, draft.case)
            bodies.keep(conn, draft.stored)
        else:
            bodies.purge(conn, draft.stored.id)
        case_rows.add_holds(conn, case_id, draft.digest, [prepare.hold_of(one) for one in held], draft.case.created_at)
    if fresh:
        _write_decision(conn, draft, case_id, fresh)
    return _decided(draft, case_id, body_id, known, fresh)


def _known(conn: Connection, draft: _Draft) -> list[MessageKey]:
    if draft.digest is None:
        return []
    known = message_rows.of_digest(conn, draft.digest)
    if known and known[-1].at < draft.case.created_at - MESSAGE_KEY_AGE:
        message_rows.forget(conn, [draft.digest])
        return []
    return known


def _fresh(conn: Connection, draft: _Draft, known: Sequence[MessageKey]) -> list[Disposition]:
    """Dispositions not recorded yet; one that was open and is now held counts as new."""
    before = {key.recipient: key for key in known}
    fresh: dict[bytes, Disposition] = {}
    reopened: list[bytes] = []
    for one in draft.verdict.dispositions:
        raw = one.recipient.mailbox.raw
        key = before.get(draft.keys[raw])
        if (
            key is not None
            and one.action is Action.hold
            and key.action != "hold"
            and key.outcome not in {RELAYED, OWED}
        ):
            reopened.append(key.recipient)
            key = None
        if key is None:
            fresh.setdefault(raw, one)
    if draft.digest is not None and reopened:
        message_rows.replace_open(conn, draft.digest, reopened)
    return list(fresh.values())


def _write_decision(conn: Connection, draft: _Draft, case_id: str, fresh: Sequence[Disposition]) -> None:
    now = draft.case.created_at
    strongest = max(one.action for one in fresh)
    if strongest > Action.relay:
        fields = prepare.decided_fields(draft.case, draft.transaction, draft.verdict, fresh)
        if draft.notifier is not None and case_id == draft.case.id:
            if draft.notice is not None:
                fields["notice"] = draft.notifier.queue(conn, case_id, draft.notice, now) or "queued"
            if draft.report is not None:
                draft.notifier.queue(conn, case_id, draft.report, now)
        trail.append(conn, Entry("decided", strongest.name, draft.verdict.policy_version, case_id, fields, now))
    if draft.digest is not None:
        message_rows.add(
            conn,
            [
                MessageKey(draft.digest, draft.keys[one.recipient.mailbox.raw], case_id, one.action.name, None, now)
                for one in fresh
            ],
        )


def _decided(
    draft: _Draft, case_id: str, body_id: str | None, known: Sequence[MessageKey], fresh: Sequence[Disposition]
) -> Decided:
    """What stands now. Somebody held before is never relayed because a later policy says so."""
    new = {one.recipient.mailbox.raw for one in fresh}
    wanted = {one.recipient.mailbox.raw for one in draft.verdict.dispositions if one.action is Action.hold}
    before = {key.recipient: key for key in known}
    held = {one.recipient.mailbox.raw for one in fresh if one.action is Action.hold}
    relayed = set()
    for raw, name in draft.keys.items():
        key = before.get(name)
        if key is not None and raw not in new:
            was_held = key.action == "hold"
            held |= {raw} if was_held else set()
            relayed |= {raw} if key.outcome in {RELAYED, OWED} or (was_held and raw not in wanted) else set()
    return Decided(
        case_id=case_id,
        policy_version=draft.verdict.policy_version,
        transaction_id=draft.transaction.id,
        held=frozenset(held),
        repeated=not fresh,
        relayed_before=frozenset(relayed),
        body_id=body_id,
        digest=draft.digest,
        keys=draft.keys,
    )


async def record_outcome(
    database: Database,
    decided: Decided,
    outcomes: Mapping[EnvelopePath, Reply | None],
    *,
    journal: Journal | None = None,
) -> bool:
    """Record what the next hop said to each recipient; None means it is not known, or ours by now.

    When the database fails the outcome goes to the journal and False is returned: after the next
    hop's 250 nothing may change the reply. Without a journal raises TemporaryFailure.
    """
    record = OutcomeRecord.build(
        decided.case_id, decided.policy_version, decided.transaction_id, decided.digest, decided.keys, outcomes
    )
    try:
        await database.write(record.apply)
    except TemporaryFailure:
        if journal is None:
            raise
        journal.append(record)
        return False
    return True


async def owe_leftover(
    database: Database,
    bodies: BodyStore,
    *,
    decided: Decided,
    transaction: Transaction,
    recipients: Sequence[EnvelopePath],
    prefix: bytes,
    message: MessageBytes,
) -> None:
    """Recipients the next hop did not take now become ours, durably. Raises TemporaryFailure.

    `prefix` is our trace header (and tag). The octets of `message` are kept under a key of their own:
    they may differ from those of the case, and outlive it.
    """
    stored = await bodies.put(message)

    def act(conn: Connection) -> None:
        bodies.keep(conn, stored)
        owed = Owed("leftover", decided.case_id, transaction.sender, tuple(recipients), stored.id, prefix)
        owe(conn, owed, transaction.received_at)
        if decided.digest is not None:
            names = [decided.keys[each.mailbox.raw] for each in recipients if each.mailbox.raw in decided.keys]
            message_rows.set_outcomes(conn, decided.digest, dict.fromkeys(names, OWED))
        fields: dict[str, trail.Value] = {"transaction": decided.transaction_id, "leftover": len(recipients)}
        trail.append(conn, Entry("owed", "relay", decided.policy_version, decided.case_id, fields))

    await database.write(act)
