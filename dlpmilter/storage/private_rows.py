# SPDX-License-Identifier: Apache-2.0
"""Rows of private mailboxes that people named themselves. Never sees a plain address: keys are hashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from dlpmilter.storage.knowledge_tables import private_mailboxes as table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class PrivateMailbox:
    """One mailbox of one person; `confirmed_at` None while it is only proposed."""

    id: int
    key: bytes
    person: str
    sealed: bytes | None
    source: str
    confirmed_at: datetime | None
    created_at: datetime


def add(conn: Connection, new: PrivateMailbox) -> None:
    """Remember one; its id is given by the database."""
    conn.execute(
        insert(table),
        {
            "key": new.key,
            "person": new.person,
            "sealed": new.sealed,
            "source": new.source,
            "confirmed_at": new.confirmed_at,
            "created_at": new.created_at,
        },
    )


def find(conn: Connection, keys: Sequence[bytes], person: str) -> PrivateMailbox | None:
    """The mailbox of this person under any of these hashes."""
    row = conn.execute(select(table).where(table.c.key.in_(keys), table.c.person == person)).first()
    return None if row is None else PrivateMailbox(*row)


def of_person(conn: Connection, person: str) -> list[PrivateMailbox]:
    """All of one person, the oldest first."""
    rows = conn.execute(select(table).where(table.c.person == person).order_by(table.c.id))
    return [PrivateMailbox(*row) for row in rows]


def confirm(conn: Connection, number: int, at: datetime) -> None:
    """The person says that it is his."""
    conn.execute(update(table).where(table.c.id == number).values(confirmed_at=at))


def remove(conn: Connection, number: int) -> None:
    """Forget one."""
    conn.execute(delete(table).where(table.c.id == number))


def fingerprint(conn: Connection) -> tuple[object, ...]:
    """Changes whenever the table does, and is cheap to ask for."""
    query = select(
        func.count(), func.max(table.c.id), func.sum(table.c.id), func.max(table.c.created_at),
        func.max(table.c.confirmed_at), func.count(table.c.confirmed_at),
    )  # fmt: skip
    return tuple(conn.execute(query).one())


def owners(conn: Connection) -> list[tuple[bytes, str, bool]]:
    """Every mailbox: its hash, whose it is, whether that is confirmed."""
    query = select(table.c.key, table.c.person, table.c.confirmed_at.is_not(None)).order_by(table.c.id)
    return [(key, person, bool(confirmed)) for key, person, confirmed in conn.execute(query)]
