# SPDX-License-Identifier: Apache-2.0
"""Recording a verdict before anything is done about it, and the outcome after. Never relays.

One transaction makes a mail held: case, recipients, wrapped key, trail entry, message keys and the
notice stand together or not at all. The same octets from the same sender a second time find their
case again: nobody is held or told twice (hop.md section 4, S2), and nobody is left out.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.audit.pseudonyms import begin_quarter, pseudonym
from dlpmilter.audit.trail import Entry
from dlpmilter.engine.addresses import domain_of
from dlpmilter.holds import prepare, repeats
from dlpmilter.holds.notify import told
from dlpmilter.holds.outcomes import OWED, OutcomeRecord
from dlpmilter.holds.repeats import REPORTED
from dlpmilter.mime.head import read_head
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.words import Action, RecipientClass
from dlpmilter.notices.dsn import DsnKind, DsnRecipient
from dlpmilter.notices.facts import NoticeKind
from dlpmilter.policy.canonical import canonical_form
from dlpmilter.relay.outbox import Owed, owe
from dlpmilter.storage import case_rows, message_rows, notice_rows, policy_rows
from dlpmilter.storage.message_rows import MessageKey

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.holds.journal import Journal
    from dlpmilter.holds.notify import Notifier, Prepared
    from dlpmilter.holds.repeats import Known, Sorted
    from dlpmilter.model.reply import Reply
    from dlpmilter.model.transaction import EnvelopePath, Transaction
    from dlpmilter.model.verdict import Disposition, Verdict
    from dlpmilter.policy.schema import Policy
    from dlpmilter.spill import MessageBytes
    from dlpmilter.storage.bodies import BodyStore, StoredBody
    from dlpmilter.storage.case_rows import Case
    from dlpmilter.storage.database import Database

POLICY_REFUSAL = "5.7.1"
OWN_NOTICE = "dsn-own-notice"
_SMALL = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Decided:
    """What stands in the record now. Recipients are named by the octets of their address."""

    case_id: str
    policy_version: str
    transaction_id: str
    held: frozenset[bytes] = frozenset()
    """Waiting for a person, or approved and on their way."""
    closed: frozenset[bytes] = frozenset()
    """Held before and decided within the last hour without being sent: a retry, nothing waits now."""
    repeated: bool = False
    """Every recipient was recorded before: this is a retry."""
    relayed_before: frozenset[bytes] = frozenset()
    """Not to be sent now: an earlier try reached these, we owe them the mail, or they were held then."""
    body_id: str | None = None
    digest: bytes | None = None
    keys: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)
    quiet: bool = False
    """The mail is a notice of ours that came back: nothing is written about it."""


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
    notifier: Notifier | None
    policy: Policy


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
    held = [one for one in verdict.dispositions if one.action is Action.hold]
    stored = await bodies.put(message) if held else None
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
        _hold_notice(notice, case, held, verdict) if notice and held else None,
        notice,
        policy,
    )  # fmt: skip
    decided = await database.write(lambda conn: _record(conn, draft, bodies))
    return replace(decided, quiet=quiet)


async def _hash(message: MessageBytes) -> bytes:
    def work() -> bytes:
        digest = hashlib.sha256()
        for chunk in message.chunks():
            digest.update(chunk)
        return digest.digest()

    return work() if message.size < _SMALL else await asyncio.to_thread(work)


def _hold_notice(notifier: Notifier, case: Case, held: Sequence[Disposition], verdict: Verdict) -> Prepared:
    message = verdict.message
    return notifier.notice(
        NoticeKind.hold, case, [_as_hold(case, one) for one in held], case.created_at,
        earlier_mail=message.earlier_mail, uninspectable=bool(message.uninspectable),
        encrypted="encrypted" in message.uninspectable,
    )  # fmt: skip


def _as_hold(case: Case, one: Disposition) -> case_rows.Hold:
    new = prepare.hold_of(one)
    return case_rows.Hold(
        0, case.id, new.recipient, new.recipient_class, new.relation, new.rule, new.reasons, new.pool,
        new.approvals_needed, "held", case.created_at,
    )  # fmt: skip


def _record(conn: Connection, draft: _Draft, bodies: BodyStore) -> Decided:
    known = repeats.look(conn, draft.digest, draft.case.created_at)
    sorted_ = repeats.sort(known, draft.verdict.dispositions, draft.keys, draft.case.created_at)
    repeats.make_room(conn, draft.digest, sorted_)
    held = [one for one in sorted_.fresh if one.action is Action.hold]
    case = _place(conn, draft, bodies, known, sorted_, held)
    refused = _unreported(draft, known, sorted_)
    if sorted_.fresh or refused:
        _write_decision(conn, draft, case, sorted_.fresh, refused)
    if sorted_.closed:
        _write_repeat(conn, draft, case.id, sorted_)
    return Decided(
        case_id=case.id,
        policy_version=draft.verdict.policy_version,
        transaction_id=draft.transaction.id,
        held=sorted_.held | {one.recipient.mailbox.raw for one in held},
        closed=frozenset(sorted_.closed),
        repeated=not sorted_.fresh,
        relayed_before=sorted_.not_now,
        body_id=case.body_id,
        digest=draft.digest,
        keys=draft.keys,
    )


def _place(
    conn: Connection, draft: _Draft, bodies: BodyStore, known: Known, sorted_: Sorted, held: Sequence[Disposition]
) -> Case:
    """The case this mail belongs to, with its new holds: an open one of the same octets, or a new one."""
    case = repeats.joinable(conn, known, draft.case.created_at) if held and not sorted_.anew else None
    if held and case is None and draft.stored is not None:
        case = draft.case
        case_rows.add(conn, case)
        bodies.keep(conn, draft.stored)
    elif draft.stored is not None:
        bodies.purge(conn, draft.stored.id)
    if case is not None:
        holds = [prepare.hold_of(one) for one in held]
        case_rows.add_holds(conn, case, draft.digest, holds, draft.case.created_at)
        return case
    case_id = repeats.case_of(known, sorted_) or draft.case.id
    return case_rows.get(conn, case_id) or replace(draft.case, id=case_id, body_id=None)


def _unreported(draft: _Draft, known: Known, sorted_: Sorted) -> list[Disposition]:
    """Refused recipients of a mail that is otherwise taken: upstream cannot tell, so we do (hop.md section 3).

    One that was refused before counts too, unless a report went out: then upstream heard 550 for all.
    """
    every = draft.verdict.dispositions
    refused = {one.recipient.mailbox.raw: one for one in every if one.action is Action.reject}
    if not refused or all(one.action is Action.reject for one in every):
        return []
    done = sorted_.held | frozenset(sorted_.closed) | sorted_.not_now | known.reported(draft.keys)
    return [one for raw, one in refused.items() if raw not in done]


def _write_decision(
    conn: Connection, draft: _Draft, case: Case, fresh: Sequence[Disposition], refused: Sequence[Disposition]
) -> None:
    now = draft.case.created_at
    recorded = list({one.recipient.mailbox.raw: one for one in (*fresh, *refused)}.values())
    strongest = max(one.action for one in recorded)
    if strongest > Action.relay:
        fields = prepare.decided_fields(draft.case, draft.transaction, draft.verdict, recorded)
        held = [one for one in fresh if one.action is Action.hold]
        if draft.notifier is not None and held:
            fields |= _tell_of_holds(conn, draft, draft.notifier, case, held)
        if draft.notifier is not None and refused:
            fields |= _tell_of_refusals(conn, draft, draft.notifier, case.id, refused)
        fields |= _pseudonym(conn, case.owner, now)
        policy_rows.keep(conn, draft.policy.version, lambda: canonical_form(draft.policy), now)
        trail.append(conn, Entry("decided", strongest.name, draft.verdict.policy_version, case.id, fields, now))
    if draft.digest is None:
        return
    keys = [(one.recipient.mailbox.raw, one.action) for one in fresh]
    message_rows.add(
        conn, [MessageKey(draft.digest, draft.keys[raw], case.id, action.name, None, now) for raw, action in keys]
    )
    reported = [draft.keys[one.recipient.mailbox.raw] for one in refused]
    message_rows.set_outcomes(conn, draft.digest, dict.fromkeys(reported, REPORTED))


def _pseudonym(conn: Connection, owner: str, now: datetime) -> dict[str, trail.Value]:
    """Who it was, for who may not know: the same all quarter, and nobody's once the quarter's key is gone."""
    if not owner:
        return {}
    begin_quarter(conn, now)
    return {"pseudonym": pseudonym(conn, owner, now)}


def _tell_of_holds(
    conn: Connection, draft: _Draft, notifier: Notifier, case: Case, held: Sequence[Disposition]
) -> dict[str, trail.Value]:
    """Every batch of holds has its own notice that names its recipients, whatever went out before."""
    wanted = sum(one.action is Action.hold for one in draft.verdict.dispositions)
    mail = draft.notice
    if mail is None or case.id != draft.case.id or len(held) != wanted:
        mail = _hold_notice(notifier, replace(case, mute=draft.case.mute or case.mute), held, draft.verdict)
    result = notifier.queue(conn, case.id, mail, draft.case.created_at, mark=f"-{draft.transaction.id}")
    return {"notice": result, **told(mail)}


def _tell_of_refusals(
    conn: Connection, draft: _Draft, notifier: Notifier, case_id: str, refused: Sequence[Disposition]
) -> dict[str, trail.Value]:
    now, policy = draft.case.created_at, draft.policy
    recipients = [
        DsnRecipient(one.recipient, POLICY_REFUSAL, unvetted_ai=one.recipient_class is RecipientClass.ai_service
                     and not policy.is_vetted(domain_of(one.recipient.mailbox.key), now.date()))
        for one in refused
    ]  # fmt: skip
    mail = notifier.report(DsnKind.rejected, replace(draft.case, id=case_id), recipients, now)
    notifier.queue(conn, case_id, mail, now, mark=f"-{draft.transaction.id}")
    return told(mail, "report-told")


def _write_repeat(conn: Connection, draft: _Draft, case_id: str, sorted_: Sorted) -> None:
    """Octets whose hold was decided a moment ago came again: nothing waits, so the record says it."""
    fields: dict[str, trail.Value] = {"transaction": draft.transaction.id}
    for number, (raw, state) in enumerate(sorted_.closed.items()):
        fields |= {
            f"recipient.{number}.address": raw.decode("utf-8", "replace"), f"recipient.{number}.state": state,
        }  # fmt: skip
    now = draft.case.created_at
    trail.append(conn, Entry("repeated", "withhold", draft.verdict.policy_version, case_id, fields, now))


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
        if decided.quiet and not notice_rows.sent(conn, case_id=decided.case_id, kind=OWN_NOTICE):
            notice_rows.add(
                conn, case_id=decided.case_id, kind=OWN_NOTICE, recipient="", now=transaction.received_at
            )  # no report about our own notice: that could go round for ever
        trail.append(conn, Entry("owed", "relay", decided.policy_version, decided.case_id, fields))

    await database.write(act)
