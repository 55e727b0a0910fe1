# SPDX-License-Identifier: Apache-2.0
"""The mail we owe: rows of the outbox and their recipients. Never delivers, never decides about retries.

Every function runs inside the caller's transaction. A row is gone as soon as nothing of it is owed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from dlpmilter.storage.paths import parameters_text, path_of
from dlpmilter.storage.tables import outbox, outbox_recipients

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection
    from sqlalchemy.engine import Row

    from dlpmilter.model.transaction import EnvelopePath


@dataclass(frozen=True, slots=True)
class OutboxRecipient:
    """One recipient that is still owed the mail; `reply` is the last temporary answer, if any."""

    id: int
    path: EnvelopePath
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One mail that is owed to `recipients`; `attempts` counts finished tries."""

    id: int
    kind: str
    case_id: str
    sender: EnvelopePath
    recipients: tuple[OutboxRecipient, ...]
    body_id: str | None
    prefix: bytes
    created_at: datetime
    due_at: datetime
    attempts: int


def add(  # noqa: PLR0913 - one argument a column
    conn: Connection,
    *,
    kind: str,
    case_id: str,
    sender: EnvelopePath,
    recipients: Sequence[EnvelopePath],
    body_id: str | None,
    prefix: bytes,
    now: datetime,
    due_at: datetime | None = None,
) -> int:
    """Owe one mail; returns the row id. Without recipients it raises ValueError: nothing would be owed."""
    if not recipients:
        raise ValueError("a mail in the outbox needs at least one recipient")
    result = conn.execute(
        insert(outbox),
        {
            "kind": kind,
            "case_id": case_id,
            "sender_raw": sender.mailbox.raw,
            "sender_parameters": parameters_text(sender.parameters),
            "body_id": body_id,
            "prefix": prefix,
            "created_at": now,
            "due_at": due_at or now,
        },
    )
    row_id = int(result.inserted_primary_key[0])  # type: ignore[index]
    conn.execute(
        insert(outbox_recipients),
        [
            {
                "outbox_id": row_id,
                "recipient_raw": each.mailbox.raw,
                "recipient_parameters": parameters_text(each.parameters),
            }
            for each in recipients
        ],
    )
    return row_id


def lease(conn: Connection, *, owner: str, now: datetime, until: datetime, limit: int = 20) -> list[OutboxRow]:
    """Take up to `limit` due rows for `owner` until the given time; a lease that ran out is free again."""
    free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)
    ids = list(
        conn.scalars(
            select(outbox.c.id).where(outbox.c.due_at <= now, free).order_by(outbox.c.due_at, outbox.c.id).limit(limit)
        )
    )
    if not ids:
        return []
    conn.execute(update(outbox).where(outbox.c.id.in_(ids)).values(lease=owner, leased_until=until))
    return _rows(conn, ids)


def get(conn: Connection, row_id: int) -> OutboxRow | None:
    """One row with what is still owed."""
    rows = _rows(conn, [row_id])
    return rows[0] if rows else None


def of_case(conn: Connection, case_id: str, kind: str | None = None) -> list[OutboxRow]:
    """What is still owed for one case."""
    query = select(outbox.c.id).where(outbox.c.case_id == case_id)
    if kind is not None:
        query = query.where(outbox.c.kind == kind)
    return _rows(conn, list(conn.scalars(query)))


def held_by(conn: Connection, row_id: int, owner: str) -> bool:
    """Whether `owner` still holds the lease: what it learnt may be recorded only then."""
    return conn.scalar(select(outbox.c.lease).where(outbox.c.id == row_id)) == owner


def renew(conn: Connection, owner: str, until: datetime) -> int:
    """Keep all rows `owner` has leased until the given time; returns how many."""
    return conn.execute(update(outbox).where(outbox.c.lease == owner).values(leased_until=until)).rowcount


def drop_recipients(conn: Connection, recipient_ids: Sequence[int]) -> None:
    """These recipients are settled for good: delivered, or refused permanently."""
    conn.execute(delete(outbox_recipients).where(outbox_recipients.c.id.in_(list(recipient_ids))))


def note_replies(conn: Connection, replies: Mapping[int, str]) -> None:
    """Keep the last temporary answer a recipient got."""
    if replies:
        conn.execute(
            update(outbox_recipients).where(outbox_recipients.c.id == bindparam("row")).values(reply=bindparam("text")),
            [{"row": row, "text": text} for row, text in replies.items()],
        )


def postpone(conn: Connection, row_id: int, due_at: datetime) -> None:
    """One attempt more is behind us: give the lease back and try again at `due_at`."""
    conn.execute(
        update(outbox)
        .where(outbox.c.id == row_id)
        .values(due_at=due_at, attempts=outbox.c.attempts + 1, lease=None, leased_until=None)
    )


def give_back(conn: Connection, owner: str) -> int:
    """Drop all leases of `owner` (an orderly stop); returns how many."""
    return conn.execute(update(outbox).where(outbox.c.lease == owner).values(lease=None, leased_until=None)).rowcount


def give_back_all(conn: Connection) -> int:
    """Drop every lease: for the only office, when it takes over from one that died."""
    return conn.execute(
        update(outbox).where(outbox.c.lease.is_not(None)).values(lease=None, leased_until=None)
    ).rowcount


def remove(conn: Connection, row_id: int) -> None:
    """Nothing of this row is owed any more."""
    conn.execute(delete(outbox).where(outbox.c.id == row_id))


def next_due(conn: Connection) -> datetime | None:
    """When the next row wants attention (a leased one: when its lease ends), None when all is sent."""
    soonest = func.max(outbox.c.due_at, func.coalesce(outbox.c.leased_until, 0))
    moments = conn.execute(select(outbox.c.due_at, outbox.c.leased_until).order_by(soonest).limit(1)).first()
    return None if moments is None else max(each for each in moments if each is not None)


def depth(conn: Connection) -> dict[str, int]:
    """How many mails are owed, per kind."""
    rows = conn.execute(select(outbox.c.kind, func.count()).group_by(outbox.c.kind))
    return {kind: int(count) for kind, count in rows}


def body_owed(conn: Connection, body_id: str) -> bool:
    """Whether some row still needs this body."""
    return conn.scalar(select(outbox.c.id).where(outbox.c.body_id == body_id).limit(1)) is not None


def _rows(conn: Connection, ids: Sequence[int]) -> list[OutboxRow]:
    recipients: dict[int, list[OutboxRecipient]] = {row_id: [] for row_id in ids}
    owed = select(outbox_recipients).where(outbox_recipients.c.outbox_id.in_(ids)).order_by(outbox_recipients.c.id)
    for row in conn.execute(owed):
        path = path_of(row.recipient_raw, row.recipient_parameters)
        recipients[row.outbox_id].append(OutboxRecipient(row.id, path, row.reply))
    rows = conn.execute(select(outbox).where(outbox.c.id.in_(ids)).order_by(outbox.c.due_at, outbox.c.id))
    return [_row(row, tuple(recipients[row.id])) for row in rows]


def _row(row: Row[tuple[object, ...]], recipients: tuple[OutboxRecipient, ...]) -> OutboxRow:
    return OutboxRow(
        id=row.id,
        kind=row.kind,
        case_id=row.case_id,
        sender=path_of(row.sender_raw, row.sender_parameters),
        recipients=recipients,
        body_id=row.body_id,
        prefix=row.prefix,
        created_at=row.created_at,
        due_at=row.due_at,
        attempts=row.attempts,
    )
