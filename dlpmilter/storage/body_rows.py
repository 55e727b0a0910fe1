# SPDX-License-Identifier: Apache-2.0
"""Rows of sealed bodies: chunks and the wrapped key. Never sees plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import NoResultFound

from dlpmilter.storage.tables import body_chunks, body_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection


class KeyRow(NamedTuple):
    """What opens a body, and what it must turn out to be."""

    body_id: str
    key_id: str
    wrapped_key: bytes
    octets: int
    chunks: int
    sha256: bytes


def add_chunks(conn: Connection, body_id: str, first: int, chunks: Sequence[bytes], now: datetime) -> None:
    """Store sealed chunks; they are garbage until `add_key`."""
    if chunks:
        conn.execute(
            insert(body_chunks),
            [
                {"body_id": body_id, "position": first + index, "created_at": now, "data": data}
                for index, data in enumerate(chunks)
            ],
        )


def add_key(conn: Connection, key: KeyRow, now: datetime) -> None:
    """From here on the body counts."""
    conn.execute(insert(body_keys), {**key._asdict(), "created_at": now})


def key_of(conn: Connection, body_id: str) -> KeyRow | None:
    """The key row, None when the body was purged or never kept."""
    try:
        row = conn.execute(select(body_keys).where(body_keys.c.body_id == body_id)).one()
    except NoResultFound:
        return None
    return KeyRow(row.body_id, row.key_id, row.wrapped_key, row.octets, row.chunks, row.sha256)


def chunks_of(conn: Connection, body_id: str, first: int, count: int) -> list[bytes]:
    """Sealed chunks `first` ... in order; fewer when some are missing."""
    query = (
        select(body_chunks.c.data)
        .where(body_chunks.c.body_id == body_id, body_chunks.c.position >= first)
        .order_by(body_chunks.c.position)
        .limit(count)
    )
    return list(conn.scalars(query))


def remove(conn: Connection, body_id: str) -> bool:
    """Delete key and chunks (secure_delete overwrites them); whether there was something."""
    keys = conn.execute(delete(body_keys).where(body_keys.c.body_id == body_id)).rowcount
    return conn.execute(delete(body_chunks).where(body_chunks.c.body_id == body_id)).rowcount + keys > 0


def remove_orphans(conn: Connection, before: datetime, limit: int = 200) -> int:
    """Delete chunks older than `before` whose body has no key row; returns how many bodies."""
    orphans = (
        select(body_chunks.c.body_id)
        .where(body_chunks.c.created_at < before, body_chunks.c.body_id.not_in(select(body_keys.c.body_id)))
        .distinct()
        .limit(limit)
    )
    ids = list(conn.scalars(orphans))
    if ids:
        conn.execute(delete(body_chunks).where(body_chunks.c.body_id.in_(ids)))
    return len(ids)
