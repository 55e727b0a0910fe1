# SPDX-License-Identifier: Apache-2.0
"""Rows of customers as keyed hashes, one import after the other. Never sees a plain address.

An import counts from the moment it is published: until then, and when it breaks off, the old one answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Integer, and_, bindparam, delete, func, insert, select, text, update

from dlpmilter.storage.knowledge_tables import customer_registers as registers
from dlpmilter.storage.knowledge_tables import customers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

PURGE_ROWS = 20_000
"""Rows that go in one transaction, so that nobody waits long for his turn."""


@dataclass(frozen=True, slots=True)
class Register:
    """One list of customers that answers now."""

    name: str
    rows: int
    at: datetime


def begin(conn: Connection, name: str, at: datetime) -> int:
    """A new import of a register, which nobody sees yet; the remains of one that broke off are given up."""
    waiting = select(registers.c.id).where(registers.c.name == name, registers.c.live.is_(False))
    for (number,) in conn.execute(waiting).all():
        conn.execute(delete(registers).where(registers.c.id == number))
    highest = conn.execute(
        select(func.max(func.coalesce(registers.c.id, 0))).union_all(select(func.max(customers.c.register)))
    )
    number = 1 + max((value or 0 for (value,) in highest), default=0)
    conn.execute(insert(registers), {"id": number, "name": name, "live": False, "rows": 0, "at": at})
    return number


def add(conn: Connection, number: int, keys: Sequence[bytes]) -> None:
    """Put hashes into an import; one that is there already is no mistake."""
    statement = text("INSERT INTO customers (key, register) VALUES (:key, :register) ON CONFLICT DO NOTHING")
    statement = statement.bindparams(bindparam("register", type_=Integer))
    conn.execute(statement, [{"key": key, "register": number} for key in sorted(keys)])


def publish(conn: Connection, number: int) -> int:
    """Let an import answer in place of the one before; returns its rows. ValueError when a newer one began."""
    name = conn.execute(select(registers.c.name).where(registers.c.id == number)).scalar_one_or_none()
    if name is None:
        raise ValueError("another import of this register began meanwhile, so this one was given up")
    rows = conn.execute(select(func.count()).select_from(customers).where(customers.c.register == number)).scalar_one()
    conn.execute(delete(registers).where(registers.c.name == name, registers.c.id != number))
    conn.execute(update(registers).where(registers.c.id == number).values(live=True, rows=rows))
    return rows


def drop(conn: Connection, name: str) -> int:
    """Take a register away; returns how many rows answered until now."""
    rows = conn.execute(
        select(func.coalesce(func.sum(registers.c.rows), 0)).where(registers.c.name == name, registers.c.live)
    ).scalar_one()
    conn.execute(delete(registers).where(registers.c.name == name))
    return int(rows)


def purge(conn: Connection) -> int:
    """Delete some rows of imports that are gone; returns how many, 0 when none is left."""
    numbers = select(customers.c.register).distinct()
    gone = [
        number for (number,) in conn.execute(numbers.where(customers.c.register.not_in(select(registers.c.id)))).all()
    ]
    if not gone:
        return 0
    some = select(customers.c.key).where(customers.c.register == gone[0]).limit(PURGE_ROWS)
    return conn.execute(
        delete(customers).where(and_(customers.c.register == gone[0], customers.c.key.in_(some)))
    ).rowcount


def listed(conn: Connection) -> list[Register]:
    """The registers that answer now, by name."""
    query = (
        select(registers.c.name, registers.c.rows, registers.c.at).where(registers.c.live).order_by(registers.c.name)
    )
    return [Register(*row) for row in conn.execute(query)]


def exists(conn: Connection, name: str) -> bool:
    """Whether a register of this name answers."""
    return conn.execute(select(registers.c.id).where(registers.c.name == name, registers.c.live)).first() is not None


def among(conn: Connection, keys: Sequence[bytes]) -> frozenset[bytes]:
    """Those of these hashes that are a customer's."""
    query = (
        select(customers.c.key)
        .join(registers, registers.c.id == customers.c.register)
        .where(customers.c.key.in_(keys), registers.c.live)
    )
    return frozenset(row.key for row in conn.execute(query))
