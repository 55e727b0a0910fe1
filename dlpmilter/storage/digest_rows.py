# SPDX-License-Identifier: Apache-2.0
"""Rows of notices that wait for the daily digest of their person. Never holds their text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from dlpmilter.storage.tables import digests

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def add(conn: Connection, recipient: str, case_id: str, now: datetime) -> bool:
    """Let a case wait for this person's digest; False when it does already."""
    known = select(digests.c.id).where(digests.c.recipient == recipient, digests.c.case_id == case_id)
    if conn.scalar(known) is not None:
        return False
    conn.execute(insert(digests), {"recipient": recipient, "case_id": case_id, "at": now})
    return True


def due(conn: Connection, before: datetime, limit: int) -> list[str]:
    """People with something that has waited since before then."""
    query = select(digests.c.recipient).where(digests.c.at <= before).group_by(digests.c.recipient)
    return list(conn.scalars(query.order_by(func.min(digests.c.at)).limit(limit)))


def cases_of(conn: Connection, recipient: str, limit: int) -> list[str]:
    """The cases that wait for this person's digest, oldest first."""
    query = select(digests.c.case_id).where(digests.c.recipient == recipient).order_by(digests.c.at, digests.c.id)
    return list(conn.scalars(query.limit(limit)))


def take(conn: Connection, recipient: str) -> int:
    """This person is told of everything that waits; how many that was."""
    return conn.execute(delete(digests).where(digests.c.recipient == recipient)).rowcount
