# SPDX-License-Identifier: Apache-2.0
"""Rows of release marks: who may pass once with which octets. Never checks a signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, or_, select, update

from dlpmilter.storage.tables import mark_recipients, marks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection


def add(conn: Connection, *, nonce: str, case_id: str, expires_at: datetime, recipients: Sequence[str]) -> None:
    """Remember a mark that is about to leave."""
    conn.execute(insert(marks), {"nonce": nonce, "case_id": case_id, "expires_at": expires_at})
    conn.execute(insert(mark_recipients), [{"nonce": nonce, "recipient": each} for each in recipients])


def find(conn: Connection, nonce: str, case_id: str) -> tuple[datetime, list[str]] | None:
    """When a mark of this case ends and its recipients, None when there is no such mark."""
    query = (
        select(mark_recipients.c.recipient, marks.c.expires_at)
        .join(marks, marks.c.nonce == mark_recipients.c.nonce)
        .where(marks.c.nonce == nonce, marks.c.case_id == case_id)
        .order_by(mark_recipients.c.recipient)
    )
    rows = conn.execute(query).all()
    return (rows[0].expires_at, [row.recipient for row in rows]) if rows else None


def claim(conn: Connection, nonce: str, recipient: str, digest: bytes) -> bool:
    """Bind (nonce, recipient) to these octets; False when other octets have it already."""
    free = or_(mark_recipients.c.digest.is_(None), mark_recipients.c.digest == digest)
    return (
        conn.execute(
            update(mark_recipients)
            .where(mark_recipients.c.nonce == nonce, mark_recipients.c.recipient == recipient, free)
            .values(digest=digest)
        ).rowcount
        == 1
    )


def shorten(conn: Connection, case_id: str, expires_at: datetime) -> None:
    """Let the marks of a case end at `expires_at` at the latest."""
    conn.execute(
        update(marks).where(marks.c.case_id == case_id, marks.c.expires_at > expires_at).values(expires_at=expires_at)
    )


def purge(conn: Connection, now: datetime) -> int:
    """Forget expired marks; returns how many."""
    return conn.execute(delete(marks).where(marks.c.expires_at <= now)).rowcount
