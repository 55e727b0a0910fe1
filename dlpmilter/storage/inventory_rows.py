# SPDX-License-Identifier: Apache-2.0
"""Counting what lies in each table, and how old it is. Never reads a content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select

from dlpmilter.storage import dossier_rows, knowledge_tables, portal_tables, trail_tables
from dlpmilter.storage.case_rows import KEPT
from dlpmilter.storage.tables import cases, holds, metadata, outbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

_MODULES = (dossier_rows, knowledge_tables, portal_tables, trail_tables)
"""Their tables belong to the one schema."""


class Census(NamedTuple):
    """How many rows a table has, the time of the oldest, and how many are older than they may be."""

    number: int
    oldest: datetime | None
    overdue: int


def tables() -> list[str]:
    """The names of every table of the product."""
    return sorted(metadata.tables)


def census(conn: Connection, table: str, column: str = "", before: datetime | None = None) -> Census:
    """Count a table by one of its times; without one nothing in it has an age."""
    found = metadata.tables[table]
    if not column:
        return Census(int(conn.scalar(select(func.count()).select_from(found)) or 0), None, 0)
    time: ColumnElement[Any] = found.c[column]
    count, oldest = conn.execute(select(func.count(), func.min(time)).select_from(found)).one()
    late = 0
    if before is not None:
        late = int(conn.scalar(select(func.count()).select_from(found).where(time < before)) or 0)
    return Census(int(count), oldest, late)


def late_cases(conn: Connection, before: datetime) -> int:
    """Cases whose content went before then and that nobody keeps."""
    late = select(func.count()).select_from(cases).where(cases.c.purged_at < before, cases.c.id.not_in(KEPT))
    return int(conn.scalar(late) or 0)


def late_bodies(conn: Connection, before: Mapping[str, datetime]) -> int:
    """Bodies of cases all of whose recipients ended before the time of their state, and that nobody keeps."""
    young = or_(
        holds.c.state.not_in(list(before)),
        *(and_(holds.c.state == state, holds.c.state_at >= moment) for state, moment in before.items()),
    )
    waits = select(holds.c.id).where(holds.c.case_id == cases.c.id, young).exists()
    owed = select(outbox.c.id).where(outbox.c.body_id == cases.c.body_id).exists()
    late = select(func.count()).select_from(cases).where(cases.c.body_id.is_not(None), ~waits, ~owed)
    return int(conn.scalar(late.where(cases.c.id.not_in(KEPT))) or 0)
