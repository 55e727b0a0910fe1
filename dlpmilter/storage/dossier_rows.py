# SPDX-License-Identifier: Apache-2.0
"""Rows of dossiers: requests for access or erasure, unmaskings, suspected breaches. Never opens a sealed one.

What a dossier says about people lies sealed; only its kind, state and times stand in the clear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Column, Index, LargeBinary, Table, Text, delete, insert, select, update

from dlpmilter.storage.tables import Moment, metadata

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

dossiers = Table(
    "dossiers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("alarm", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_dossiers_kind", "kind", "state", "due_at"),
    Index("ix_dossiers_case", "case_id"),
)
"""`alarm` is the last deadline somebody was told about; `case_id` is "" where there is no single case."""


class Row(NamedTuple):
    """One dossier; `due_at` is the next moment something must have happened."""

    id: str
    kind: str
    state: str
    case_id: str
    opened_at: datetime
    due_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    alarm: str
    sealed: bytes


def add(conn: Connection, row: Row) -> None:
    """Insert a new one."""
    conn.execute(insert(dossiers), row._asdict())


def get(conn: Connection, dossier_id: str) -> Row | None:
    """One by its id."""
    row = conn.execute(select(dossiers).where(dossiers.c.id == dossier_id)).one_or_none()
    return Row(*row) if row is not None else None


def many(conn: Connection, kind: str, states: Collection[str] = (), *, still_open: bool = False) -> list[Row]:
    """Those of a kind, the most urgent first."""
    query = select(dossiers).where(dossiers.c.kind == kind)
    if states:
        query = query.where(dossiers.c.state.in_(list(states)))
    if still_open:
        query = query.where(dossiers.c.closed_at.is_(None))
    return [Row(*row) for row in conn.execute(query.order_by(dossiers.c.due_at, dossiers.c.id))]


def of_case(conn: Connection, kind: str, case_ids: Collection[str]) -> list[Row]:
    """Those about one of these cases."""
    query = select(dossiers).where(dossiers.c.kind == kind, dossiers.c.case_id.in_(list(case_ids)))
    return [Row(*row) for row in conn.execute(query)]


def change(conn: Connection, before: Row, after: Row) -> bool:
    """Replace a dossier if it still is as it was read; False when somebody was faster."""
    same = (dossiers.c.id == before.id) & (dossiers.c.state == before.state) & (
        dossiers.c.changed_at == before.changed_at
    )  # fmt: skip
    return conn.execute(update(dossiers).where(same).values(after._asdict())).rowcount == 1


def note_alarm(conn: Connection, dossier_id: str, alarm: str) -> None:
    """Remember which deadline was told."""
    conn.execute(update(dossiers).where(dossiers.c.id == dossier_id).values(alarm=alarm))


def remove_closed(conn: Connection, before: datetime) -> int:
    """Delete those that were closed before then; how many."""
    return conn.execute(delete(dossiers).where(dossiers.c.closed_at < before)).rowcount
