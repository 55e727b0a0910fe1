# SPDX-License-Identifier: Apache-2.0
"""Rows of cases and their holds, one hold a recipient. Never decides which state may follow which.

`set_state` is the one statement that changes a state; holds/states.py alone calls it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from dlpmilter.storage.paths import parameters_text, path_of
from dlpmilter.storage.tables import approvals, cases, holds, outbox
from dlpmilter.storage.trail_tables import vault_keys

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection
    from sqlalchemy.engine import Row

    from dlpmilter.model.transaction import EnvelopePath


KEPT = select(vault_keys.c.scope).where(vault_keys.c.kept_for != "")
"""Under a legal hold, or asked for (Art. 18): nothing of these cases goes."""
REDUCED = "reduced"
"""`mute` of a case that was its sender's own business."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One held recipient."""

    id: int
    case_id: str
    recipient: EnvelopePath
    recipient_class: str
    relation: str
    rule: str
    reasons: tuple[str, ...]
    pool: str
    approvals_needed: int
    state: str
    state_at: datetime
    claimed_by: str | None = None
    """Address of the reviewer who has taken it."""
    claimed_at: datetime | None = None
    refused_by: str | None = None
    """The key (holds/actors.py) of who refused it before an appeal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One mail that needed a decision. What is None or "" was erased, or never known."""

    id: str
    created_at: datetime
    deadline: datetime
    policy_version: str
    body_id: str | None
    language: str
    kind: str
    size: int
    sender: EnvelopePath
    owner: str
    """Who answers for the mail: what notices and "never decides" rest on."""
    owner_name: str
    owner_source: str
    login: str
    authors: tuple[str, ...]
    """Addresses of From and Sender."""
    mute: str
    """Why nobody gets a notice, "" when the owner does."""
    others: int
    """Recipients of the same mail that were not held."""
    subject: str | None
    message_id: str | None
    justification_code: str | None = None
    justification_text: str | None = None
    reminders: int = 0
    purged_at: datetime | None = None
    statement: str | None = None
    """The whole form as JSON (holds/form.py), once there is one."""
    extended: bool = False
    """More time was given; it is given once."""
    asked: str = ""
    """What the sender asked for by mail (holds/answers.py), "" for nothing."""
    asked_until: datetime | None = None
    """When that happens unless it is undone."""
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class NewHold:
    """What `add_holds` inserts."""

    recipient: EnvelopePath
    recipient_class: str
    relation: str
    rule: str
    reasons: tuple[str, ...]
    pool: str
    approvals_needed: int


def add(conn: Connection, case: Case) -> None:
    """Insert a case; its holds come by `add_holds`."""
    conn.execute(
        insert(cases),
        {
            "id": case.id,
            "created_at": case.created_at,
            "deadline": case.deadline,
            "policy_version": case.policy_version,
            "body_id": case.body_id,
            "language": case.language,
            "kind": case.kind,
            "size": case.size,
            "sender_raw": case.sender.mailbox.raw,
            "sender_parameters": parameters_text(case.sender.parameters),
            "owner": case.owner,
            "owner_name": case.owner_name,
            "owner_source": case.owner_source,
            "login": case.login,
            "authors": json.dumps(case.authors),
            "mute": case.mute,
            "others": case.others,
            "subject": case.subject,
            "message_id": case.message_id,
        },
    )


def add_holds(conn: Connection, case: Case, digest: bytes | None, new: Sequence[NewHold], now: datetime) -> None:
    """Insert held recipients of a case; (digest, recipient) a second time raises IntegrityError."""
    if not new:
        return
    conn.execute(
        insert(holds),
        [
            {
                "case_id": case.id,
                "due": case.deadline,
                "digest": digest,
                "recipient_raw": each.recipient.mailbox.raw,
                "recipient_parameters": parameters_text(each.recipient.parameters),
                "recipient_class": each.recipient_class,
                "relation": each.relation,
                "rule": each.rule,
                "reasons": json.dumps(each.reasons),
                "pool": each.pool,
                "approvals": each.approvals_needed,
                "state": "held",
                "state_at": now,
            }
            for each in new
        ],
    )


def of_digest(conn: Connection, digest: bytes) -> list[Hold]:
    """The holds that stand for these octets."""
    return [_hold(row) for row in conn.execute(select(holds).where(holds.c.digest == digest).order_by(holds.c.id))]


def detach(conn: Connection, hold_ids: Sequence[int]) -> None:
    """These holds are over and no longer stand for their octets: the same mail may be held anew."""
    conn.execute(update(holds).where(holds.c.id.in_(list(hold_ids))).values(digest=None))


def get(conn: Connection, case_id: str) -> Case | None:
    """One case with its holds."""
    found = many(conn, [case_id])
    return found[0] if found else None


def many(conn: Connection, case_ids: Sequence[str]) -> list[Case]:
    """These cases with their holds, oldest first."""
    grouped: dict[str, list[Hold]] = {}
    for row in conn.execute(select(holds).where(holds.c.case_id.in_(case_ids)).order_by(holds.c.id)):
        grouped.setdefault(row.case_id, []).append(_hold(row))
    rows = conn.execute(select(cases).where(cases.c.id.in_(case_ids)).order_by(cases.c.created_at, cases.c.id))
    return [_case(row, tuple(grouped.get(row.id, ()))) for row in rows]


def in_states(conn: Connection, states: Collection[str], limit: int = 10_000) -> list[Case]:
    """Cases with at least one hold in these states, oldest first."""
    ids = select(holds.c.case_id).where(holds.c.state.in_(list(states))).group_by(holds.c.case_id)
    return many(conn, list(conn.scalars(ids.order_by(func.min(holds.c.id)).limit(limit))))


def overdue(conn: Connection, states: Collection[str], now: datetime, limit: int) -> list[Case]:
    """Cases past their deadline with a hold still in these states."""
    ids = (
        select(cases.c.id)
        .join(holds, holds.c.case_id == cases.c.id)
        .where(cases.c.deadline <= now, holds.c.state.in_(list(states)))
        .distinct()
        .limit(limit)
    )
    return many(conn, list(conn.scalars(ids)))


def with_content_only_in(conn: Connection, final: Collection[str], limit: int) -> list[Case]:
    """Cases that still have content although every hold is in a final state, and that nobody keeps."""
    undecided = select(holds.c.id).where(holds.c.case_id == cases.c.id, holds.c.state.not_in(list(final))).exists()
    ids = select(cases.c.id).where(cases.c.purged_at.is_(None), ~undecided, cases.c.id.not_in(KEPT))
    return many(conn, list(conn.scalars(ids.order_by(cases.c.created_at).limit(limit))))


def purged_before(conn: Connection, before: datetime, limit: int) -> list[str]:
    """Cases whose content went before then and of which nothing is owed any more."""
    owed = select(outbox.c.id).where(outbox.c.case_id == cases.c.id).exists()
    gone = select(cases.c.id).where(cases.c.purged_at < before, ~owed, cases.c.id.not_in(KEPT))
    return list(conn.scalars(gone.limit(limit)))


def set_state(conn: Connection, hold_ids: Sequence[int], sources: Collection[str], target: str, now: datetime) -> int:
    """Compare and set: holds of these ids that are in one of `sources` go to `target`; returns how many did."""
    return conn.execute(
        update(holds)
        .where(holds.c.id.in_(list(hold_ids)), holds.c.state.in_(list(sources)))
        .values(state=target, state_at=now)
    ).rowcount


def states_of(conn: Connection, hold_ids: Sequence[int]) -> dict[int, str]:
    """The present state of each hold."""
    query = select(holds.c.id, holds.c.state).where(holds.c.id.in_(list(hold_ids)))
    return {row.id: row.state for row in conn.execute(query)}


def approve(conn: Connection, hold_id: int, actor: str, now: datetime) -> int:
    """Note one approval and return how many there are; the same actor twice raises IntegrityError."""
    conn.execute(insert(approvals), {"hold_id": hold_id, "actor": actor, "at": now})
    return int(conn.scalar(select(func.count()).where(approvals.c.hold_id == hold_id)) or 0)


def approved_by(conn: Connection, hold_ids: Sequence[int], actor: str) -> set[int]:
    """Those of the holds this actor has approved already."""
    query = select(approvals.c.hold_id).where(approvals.c.hold_id.in_(list(hold_ids)), approvals.c.actor == actor)
    return set(conn.scalars(query))


def justify(conn: Connection, case_id: str, code: str, text: str, statement: str) -> None:
    """Keep what the sender states; a later one replaces it (each stands in the trail)."""
    values = {"justification_code": code, "justification_text": text, "statement": statement}
    conn.execute(update(cases).where(cases.c.id == case_id).values(values))


def judged(conn: Connection, hold_id: int, new: NewHold) -> None:
    """Note what the policy says of this recipient, once it could be asked."""
    values = {
        "recipient_class": new.recipient_class, "relation": new.relation, "rule": new.rule,
        "reasons": json.dumps(new.reasons), "pool": new.pool, "approvals": new.approvals_needed,
    }  # fmt: skip
    conn.execute(update(holds).where(holds.c.id == hold_id).values(values))


def claim(conn: Connection, hold_ids: Sequence[int], by: str | None, at: datetime | None) -> None:
    """Note who has taken these holds, None for nobody."""
    conn.execute(update(holds).where(holds.c.id.in_(list(hold_ids))).values(claimed_by=by, claimed_at=at))


def give_to(conn: Connection, hold_ids: Sequence[int], pool: str) -> None:
    """Another pool decides about these holds; approvals of the old one are void."""
    conn.execute(delete(approvals).where(approvals.c.hold_id.in_(list(hold_ids))))
    conn.execute(update(holds).where(holds.c.id.in_(list(hold_ids))).values(pool=pool))


def refused(conn: Connection, hold_ids: Sequence[int], by: str) -> None:
    """Note who refused these holds."""
    conn.execute(update(holds).where(holds.c.id.in_(list(hold_ids))).values(refused_by=by))


def set_deadline(conn: Connection, case_id: str, deadline: datetime) -> None:
    """A new end of a case that begins anew, with its reminders."""
    conn.execute(update(cases).where(cases.c.id == case_id).values(deadline=deadline, reminders=0))
    conn.execute(update(holds).where(holds.c.case_id == case_id).values(due=deadline))


def extend(conn: Connection, case_id: str, deadline: datetime, reminders: int) -> bool:
    """Give more time, unless that was done before; whether it was done now. `reminders` count as sent already."""
    changed = update(cases).where(cases.c.id == case_id, cases.c.extended == 0)
    if conn.execute(changed.values(deadline=deadline, extended=1, reminders=reminders)).rowcount != 1:
        return False
    conn.execute(update(holds).where(holds.c.case_id == case_id).values(due=deadline))
    return True


def ask(conn: Connection, case_id: str, wish: str, until: datetime | None) -> None:
    """Note what the sender asked for by mail, "" for nothing any more."""
    conn.execute(update(cases).where(cases.c.id == case_id).values(asked=wish, asked_until=until))


def asked_before(conn: Connection, now: datetime, limit: int) -> list[str]:
    """Cases in which the time to undo a wish is over."""
    return list(conn.scalars(select(cases.c.id).where(cases.c.asked_until <= now).limit(limit)))


def set_reminders(conn: Connection, case_id: str, sent: int, before: int) -> bool:
    """Count a reminder, unless somebody else did; whether it was ours."""
    changed = update(cases).where(cases.c.id == case_id, cases.c.reminders == before).values(reminders=sent)
    return conn.execute(changed).rowcount == 1


def purge_content(conn: Connection, case_id: str, now: datetime) -> None:
    """Forget subject, free text and the body's place; people and states stay until `remove`."""
    conn.execute(
        update(cases)
        .where(cases.c.id == case_id)
        .values(subject=None, justification_text=None, statement=None, body_id=None, purged_at=now)
    )


def reduce(conn: Connection, case_id: str) -> None:
    """Forget whose mail it was; only for a retry of the same octets something stands there one day longer."""
    nobody = {"owner": "", "owner_name": "", "login": "", "authors": "[]", "message_id": None, "mute": REDUCED}
    conn.execute(update(cases).where(cases.c.id == case_id).values(nobody))


def reduced_before(conn: Connection, before: datetime, limit: int) -> list[str]:
    """Reduced cases whose content went before then and of which nothing is owed any more."""
    owed = select(outbox.c.id).where(outbox.c.case_id == cases.c.id).exists()
    chosen = select(cases.c.id).where(cases.c.mute == REDUCED, cases.c.purged_at < before, ~owed)
    return list(conn.scalars(chosen.where(cases.c.id.not_in(KEPT)).limit(limit)))


def remove(conn: Connection, case_ids: Sequence[str]) -> int:
    """Delete cases with everything personal in them; their trail entries stay."""
    return conn.execute(delete(cases).where(cases.c.id.in_(list(case_ids)))).rowcount


def state_counts(conn: Connection) -> dict[str, int]:
    """How many held recipients are in each state."""
    rows = conn.execute(select(holds.c.state, func.count()).group_by(holds.c.state))
    return {state: int(count) for state, count in rows}


def body_of_a_case(conn: Connection, body_id: str) -> bool:
    """Whether some case still needs this body."""
    return conn.scalar(select(cases.c.id).where(cases.c.body_id == body_id).limit(1)) is not None


def _hold(row: Row[tuple[object, ...]]) -> Hold:
    return Hold(
        row.id,
        row.case_id,
        path_of(row.recipient_raw, row.recipient_parameters),
        row.recipient_class,
        row.relation,
        row.rule,
        tuple(json.loads(row.reasons)),
        row.pool,
        row.approvals,
        row.state,
        row.state_at,
        row.claimed_by,
        row.claimed_at,
        row.refused_by,
    )


def _case(row: Row[tuple[object, ...]], of_case: tuple[Hold, ...]) -> Case:
    return Case(
        id=row.id,
        created_at=row.created_at,
        deadline=row.deadline,
        policy_version=row.policy_version,
        body_id=row.body_id,
        language=row.language,
        kind=row.kind,
        size=row.size,
        sender=path_of(row.sender_raw, row.sender_parameters),
        owner=row.owner,
        owner_name=row.owner_name,
        owner_source=row.owner_source,
        login=row.login,
        authors=tuple(json.loads(row.authors)),
        mute=row.mute,
        others=row.others,
        subject=row.subject,
        message_id=row.message_id,
        justification_code=row.justification_code,
        justification_text=row.justification_text,
        reminders=row.reminders,
        purged_at=row.purged_at,
        statement=row.statement,
        extended=bool(row.extended),
        asked=row.asked,
        asked_until=row.asked_until,
        holds=of_case,
    )
