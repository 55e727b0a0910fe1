# SPDX-License-Identifier: Apache-2.0
"""Rows of the vault's keys: which cases have personal fields, how they ended, who keeps them. Never opens one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, func, or_, select, update

from dlpmilter.storage.tables import trail, trail_values
from dlpmilter.storage.trail_rows import SEALED
from dlpmilter.storage.trail_tables import trail_subjects, vault_keys
from dlpmilter.storage.vault import BESIDE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

DAY = "day-"
"""Scope of entries that belong to no case."""


class Kept(NamedTuple):
    """A legal hold: who keeps which case for which reason, and until when it must be looked at again."""

    scope: str
    reason: str
    until: datetime


def due(conn: Connection, outcomes: Sequence[str], before: datetime, limit: int) -> list[str]:
    """Scopes that ended like that before then and that nobody keeps, oldest first."""
    query = (
        select(vault_keys.c.scope)
        .where(vault_keys.c.outcome.in_(list(outcomes)), vault_keys.c.outcome_at < before, vault_keys.c.kept_for == "")
        .order_by(vault_keys.c.outcome_at)
        .limit(limit)
    )
    return list(conn.scalars(query))


def entries_of(conn: Connection, scopes: Sequence[str]) -> list[int]:
    """Numbers of the entries whose personal fields lie under these keys."""
    names = {each.partition(BESIDE)[0] for each in scopes}
    cases = [f'"{each}"' for each in names if not each.startswith(DAY)]
    days = [each.removeprefix(DAY) for each in names if each.startswith(DAY)]
    found = list(
        conn.scalars(select(trail_values.c.seq).where(trail_values.c.name == "case", trail_values.c.value.in_(cases)))
    )
    if days:
        of_days = [SEALED + each for each in scopes if each.startswith(DAY)]
        query = select(trail.c.seq).where(trail.c.day.in_(days)).where(
            trail.c.seq == trail_values.c.seq, trail_values.c.value.in_(of_days)
        )  # fmt: skip
        found += conn.scalars(query.distinct())
    return sorted(found)


def keep(conn: Connection, scope: str, reason: str, until: datetime | None) -> bool:
    """Keep the personal fields of a case beyond their time, or no longer ("", None); False when it has none."""
    mine = or_(vault_keys.c.scope == scope, vault_keys.c.scope.startswith(scope + BESIDE, autoescape=True))
    return conn.execute(update(vault_keys).where(mine).values(kept_for=reason, kept_until=until)).rowcount > 0


def kept(conn: Connection) -> list[Kept]:
    """Every legal hold, the one to be looked at next first."""
    query = select(vault_keys.c.scope, vault_keys.c.kept_for, vault_keys.c.kept_until).where(
        vault_keys.c.kept_for != ""
    )
    return [Kept(*row) for row in conn.execute(query.order_by(vault_keys.c.kept_until))]


def named(conn: Connection, subjects: Sequence[bytes]) -> list[tuple[int, int]]:
    """(entry, field) of every sealed field that names one of these people."""
    query = select(trail_subjects.c.seq, trail_subjects.c.position).where(trail_subjects.c.subject.in_(list(subjects)))
    return [(row.seq, row.position) for row in conn.execute(query.order_by(trail_subjects.c.seq))]


def census(
    conn: Connection, withheld: datetime, others: datetime, withheld_outcome: str
) -> tuple[int, datetime | None, int]:
    """How many keys there are, the oldest, and how many should be gone already."""
    count, oldest = conn.execute(select(func.count(), func.min(vault_keys.c.created_at))).one()
    late = or_(
        and_(vault_keys.c.outcome == withheld_outcome, vault_keys.c.outcome_at < withheld),
        and_(vault_keys.c.outcome != withheld_outcome, vault_keys.c.outcome_at < others),
    )
    overdue = conn.scalar(select(func.count()).select_from(vault_keys).where(late, vault_keys.c.kept_for == ""))
    return int(count), oldest, int(overdue or 0)
