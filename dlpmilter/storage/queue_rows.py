# SPDX-License-Identifier: Apache-2.0
"""The queue of reviewers: open cases of their pools, soonest deadline first. Never reads an address or a subject.

One indexed question for each pool and state (ix_holds_queue), merged here: a page costs the same however long the
queue is.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select

from dlpmilter.storage.tables import cases, holds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection, Select
    from sqlalchemy.engine import Row

PAGE = 50
_COLUMNS = (
    holds.c.id, holds.c.case_id, holds.c.recipient_class, holds.c.relation, holds.c.rule, holds.c.pool, holds.c.state,
    holds.c.claimed_by, holds.c.due, cases.c.created_at, cases.c.kind, cases.c.justification_code, cases.c.statement,
)  # fmt: skip
_URGENT = '"urgent": "yes"'
"""As Statement.to_json writes it."""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One held recipient that waits; nothing in it says whose mail it is."""

    hold_id: int
    case_id: str
    recipient_class: str
    relation: str
    rule: str
    pool: str
    state: str
    claimed_by: str | None
    due: datetime
    created_at: datetime
    kind: str
    reason_code: str
    urgent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a reviewer wants to see; "" is everything."""

    recipient_class: str = ""
    rule: str = ""
    reason_code: str = ""
    claimed_by: str = ""
    """An address, or "nobody"."""
    urgent: bool = False
    newest: bool = False
    """The latest deadline first."""


def page(
    conn: Connection, pools: Collection[str], states: Collection[str], wish: Wish | None = None,
    after: tuple[datetime, int] | None = None, limit: int = PAGE,
) -> list[QueueRow]:  # fmt: skip
    """The next rows after a place (deadline and number of the last row seen)."""
    wish = wish or Wish()
    found: list[list[QueueRow]] = []
    for pool in sorted(pools):
        for state in sorted(states):
            query = _wished(select(*_COLUMNS).join(cases, cases.c.id == holds.c.case_id), wish)
            query = query.where(holds.c.pool == pool, holds.c.state == state)
            query = _after(query, after, newest=wish.newest).limit(limit)
            found.append([_row(each) for each in conn.execute(query)])
    return _first(found, limit, newest=wish.newest)


def counts(conn: Connection, pools: Collection[str], states: Collection[str]) -> dict[str, int]:
    """How many held recipients of these pools are in each of these states."""
    query = select(holds.c.state, func.count()).where(holds.c.pool.in_(list(pools)), holds.c.state.in_(list(states)))
    return {state: int(count) for state, count in conn.execute(query.group_by(holds.c.state))}


def of_owner(conn: Connection, owners: Collection[str], limit: int = 200) -> list[str]:
    """The newest cases of these senders, by number."""
    query = select(cases.c.id).where(cases.c.owner.in_(list(owners)))
    return list(conn.scalars(query.order_by(cases.c.created_at.desc()).limit(limit)))


def _wished(query: Select[tuple[object, ...]], wish: Wish) -> Select[tuple[object, ...]]:
    if wish.recipient_class:
        query = query.where(holds.c.recipient_class == wish.recipient_class)
    if wish.rule:
        query = query.where(holds.c.rule == wish.rule)
    if wish.reason_code:
        query = query.where(cases.c.justification_code == wish.reason_code)
    if wish.claimed_by == "nobody":
        query = query.where(holds.c.claimed_by.is_(None))
    elif wish.claimed_by:
        query = query.where(holds.c.claimed_by == wish.claimed_by)
    if wish.urgent:
        query = query.where(cases.c.statement.contains(_URGENT, autoescape=True))
    return query


def _after(
    query: Select[tuple[object, ...]], after: tuple[datetime, int] | None, *, newest: bool
) -> Select[tuple[object, ...]]:
    if newest:
        if after is not None:
            due, number = after
            query = query.where(or_(holds.c.due < due, and_(holds.c.due == due, holds.c.id < number)))
        return query.order_by(holds.c.due.desc(), holds.c.id.desc())
    if after is not None:
        due, number = after
        query = query.where(or_(holds.c.due > due, and_(holds.c.due == due, holds.c.id > number)))
    return query.order_by(holds.c.due, holds.c.id)


def _first(found: Iterable[list[QueueRow]], limit: int, *, newest: bool) -> list[QueueRow]:
    merged = heapq.merge(*found, key=lambda row: (row.due, row.hold_id), reverse=newest)
    return [row for row, _ in zip(merged, range(limit), strict=False)]


def _row(row: Row[tuple[object, ...]]) -> QueueRow:
    return QueueRow(
        hold_id=row.id, case_id=row.case_id, recipient_class=row.recipient_class, relation=row.relation, rule=row.rule,
        pool=row.pool, state=row.state, claimed_by=row.claimed_by, due=row.due, created_at=row.created_at,
        kind=row.kind, reason_code=row.justification_code or "", urgent=_URGENT in (row.statement or ""),
    )  # fmt: skip
