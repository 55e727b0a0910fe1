# SPDX-License-Identifier: Apache-2.0
"""Rows of agreements and exemptions. Never decides which state may follow which, or who may act.

`set_state` is the one statement that changes a state; holds/consents.py alone calls it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, insert, literal, or_, select, update

from dlpmilter.storage.knowledge_tables import consents

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Connection
    from sqlalchemy.engine import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One agreement or exemption, whatever its state."""

    id: str
    kind: str
    """agreement or exemption."""
    state: str
    scope: Mapping[str, Any] = field(default_factory=dict)
    """What it covers, as JSON allows it; facts/consents.py says which keys."""
    reason: str
    """The purpose of an agreement, why a sender is exempt."""
    starts_at: datetime
    ends_at: datetime
    proposed_by: str
    proposed_at: datetime
    signed_by: str | None = None
    signed_at: datetime | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    uses: int = 0
    last_used_at: datetime | None = None


def add(conn: Connection, one: Consent) -> None:
    """Insert a proposal; an id a second time raises IntegrityError."""
    conn.execute(
        insert(consents),
        {
            "id": one.id,
            "kind": one.kind,
            "state": one.state,
            "scope": json.dumps(one.scope, ensure_ascii=False, sort_keys=True),
            "reason": one.reason,
            "starts_at": one.starts_at,
            "ends_at": one.ends_at,
            "proposed_by": one.proposed_by,
            "proposed_at": one.proposed_at,
        },
    )


def known(conn: Connection, consent_id: str) -> bool:
    """Whether the id is taken."""
    return conn.scalar(select(consents.c.id).where(consents.c.id == consent_id)) is not None


def get(conn: Connection, consent_id: str) -> Consent | None:
    """One agreement or exemption."""
    row = conn.execute(select(consents).where(consents.c.id == consent_id)).first()
    return None if row is None else _consent(row)


def many(conn: Connection, kind: str, states: Collection[str], limit: int = 10_000) -> list[Consent]:
    """Those of a kind in these states, the first to end first."""
    query = select(consents).where(consents.c.kind == kind, consents.c.state.in_(list(states)))
    return [_consent(row) for row in conn.execute(query.order_by(consents.c.ends_at, consents.c.id).limit(limit))]


def alive(conn: Connection, state: str, now: datetime) -> list[Consent]:
    """All of both kinds in this state that are not over, in the order they were proposed."""
    query = select(consents).where(consents.c.state == state, consents.c.ends_at > now)
    return [_consent(row) for row in conn.execute(query.order_by(consents.c.proposed_at, consents.c.id))]


def overdue(conn: Connection, states: Collection[str], now: datetime, limit: int) -> list[Consent]:
    """Those still in these states although their time is over."""
    query = select(consents).where(consents.c.state.in_(list(states)), consents.c.ends_at <= now).limit(limit)
    return [_consent(row) for row in conn.execute(query)]


def set_state(
    conn: Connection, consent_id: str, sources: Collection[str], target: str, marks: Mapping[str, object]
) -> bool:
    """Compare and set: from one of `sources` to `target`, with who and when (`marks`); whether it was ours."""
    changed = (
        update(consents)
        .where(consents.c.id == consent_id, consents.c.state.in_(list(sources)))
        .values(state=target, **marks)
    )
    return conn.execute(changed).rowcount == 1


def count_uses(conn: Connection, uses: Mapping[str, tuple[int, datetime]]) -> None:
    """Add to the uses of each id, and note the last time when it is later than the one noted."""
    for consent_id, (count, at) in uses.items():
        last = consents.c.last_used_at
        later = case((or_(last.is_(None), last < at), literal(at, last.type)), else_=last)
        conn.execute(
            update(consents).where(consents.c.id == consent_id).values(uses=consents.c.uses + count, last_used_at=later)
        )


def remove_closed(conn: Connection, states: Collection[str], before: datetime) -> int:
    """Forget those in a final state that were closed before then; their trail entries stay."""
    over = (consents.c.state.in_(list(states)), consents.c.closed_at < before)
    return conn.execute(delete(consents).where(*over)).rowcount


def _consent(row: Row[tuple[object, ...]]) -> Consent:
    return Consent(
        id=row.id,
        kind=row.kind,
        state=row.state,
        scope=_scope(row.scope),
        reason=row.reason,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        signed_by=row.signed_by,
        signed_at=row.signed_at,
        closed_by=row.closed_by,
        closed_at=row.closed_at,
        uses=row.uses,
        last_used_at=row.last_used_at,
    )


def _scope(text: str) -> dict[str, Any]:
    """What was written; a row that somebody damaged covers nothing."""
    try:
        scope = json.loads(text)
    except ValueError:
        return {}
    return scope if isinstance(scope, dict) else {}
