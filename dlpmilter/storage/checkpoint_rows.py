# SPDX-License-Identifier: Apache-2.0
"""Rows of the tree and of checkpoints. Never hashes, never signs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import BigInteger, delete, func, insert, select, type_coerce

from dlpmilter.storage.tables import trail
from dlpmilter.storage.trail_tables import checkpoints, trail_nodes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

_SKELETON = (
    trail.c.seq, trail.c.day, trail.c.event, trail.c.action, trail.c.policy_version, trail.c.fields_root,
)  # fmt: skip


class Skeleton(NamedTuple):
    """What the tree covers of an entry."""

    seq: int
    day: str
    event: str
    action: str
    policy_version: str
    fields_root: bytes


def skeletons(conn: Connection, first: int, count: int) -> list[Skeleton]:
    """Entries by their number, in order."""
    query = select(*_SKELETON).where(trail.c.seq.between(first, first + count - 1)).order_by(trail.c.seq)
    return [Skeleton(*row) for row in conn.execute(query)]


def nodes(conn: Connection, level: int, first: int, count: int) -> list[bytes]:
    """Hashes of one level, in order."""
    query = select(trail_nodes.c.hash).where(
        trail_nodes.c.level == level, trail_nodes.c.number.between(first, first + count - 1)
    )
    return list(conn.scalars(query.order_by(trail_nodes.c.number)))


def node_count(conn: Connection, level: int) -> int:
    """How many hashes of one level there are; they have no gaps."""
    last = conn.scalar(select(func.max(trail_nodes.c.number)).where(trail_nodes.c.level == level))
    return 0 if last is None else int(last) + 1


def add_nodes(conn: Connection, level: int, first: int, hashes: Sequence[bytes]) -> None:
    """Append hashes of one level."""
    rows = [{"level": level, "number": first + at, "hash": each} for at, each in enumerate(hashes)]
    if rows:
        conn.execute(insert(trail_nodes), rows)


def newest(conn: Connection) -> tuple[int, datetime, str] | None:
    """Size, time and note of the last checkpoint."""
    query = select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return (row.size, row.at, row.note) if row is not None else None


def notes(conn: Connection) -> list[str]:
    """Every checkpoint, the oldest first."""
    return list(conn.scalars(select(checkpoints.c.note).order_by(checkpoints.c.size)))


def add(conn: Connection, size: int, at: datetime, note: str) -> None:
    """Keep a checkpoint."""
    conn.execute(insert(checkpoints), {"size": size, "at": at, "note": note})


def thin(conn: Connection, before: datetime, day: int) -> int:
    """Keep of the checkpoints before then only the last of each day (`day` in microseconds); how many went."""
    days = type_coerce(checkpoints.c.at, BigInteger) // day
    kept = select(func.max(checkpoints.c.size)).group_by(days)
    return conn.execute(delete(checkpoints).where(checkpoints.c.at < before, checkpoints.c.size.not_in(kept))).rowcount
