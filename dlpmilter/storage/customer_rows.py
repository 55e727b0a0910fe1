# SPDX-License-Identifier: Apache-2.0
"""Rows of customers as keyed hashes, one import after the other. Never sees a plain address.

An import counts from the moment it is published: until then, and when it breaks off, the old one answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, text, update

from dlpmilter.storage.knowledge_tables import customer_registers as registers
from dlpmilter.storage.knowledge_tables import customers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

_GONE = ""
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
    conn.execute(update(registers).where(registers.c.name == name, registers.c.live.is_(False)).values(name=_GONE))
    number = 1 + (conn.execute(select(func.max(registers.c.id))).scalar_one() or 0)
    conn.execute(insert(registers), {"id": number, "name": name, "live": False, "rows": 0, "at": at})
    return number


def add(conn: Connection, number: int, keys: Sequence[bytes]) -> None:
    """Put hashes into an import, best in their order; one that is there already is no mistake."""
    statement = text("INSERT INTO customers (register, key) VALUES (:register, :key) ON CONFLICT DO NOTHING")
    conn.execute(statement, [{"register": number, "key": key} for key in keys])


def publish(conn: Connection, number: int) -> int:
    """Let an import answer in place of the one before; returns its rows. ValueError when a newer one began."""
    name = conn.execute(select(registers.c.name).where(registers.c.id == number)).scalar_one_or_none()
    if not name:
        raise ValueError("another import of this register began meanwhile, so this one was given up")
    rows = conn.execute(select(func.count()).select_from(customers).where(customers.c.register == number)).scalar_one()
    _give_up(conn, name, but=number)
    conn.execute(update(registers).where(registers.c.id == number).values(live=True, rows=rows))
    return rows


def drop(conn: Connection, name: str) -> int:
    """Take a register away; returns how many rows answered until now."""
    rows = conn.execute(
        select(func.coalesce(func.sum(registers.c.rows), 0)).where(registers.c.name == name, registers.c.live)
    ).scalar_one()
    _give_up(conn, name, but=-1)
    return int(rows)


def _give_up(conn: Connection, name: str, *, but: int) -> None:
    gone = update(registers).where(registers.c.name == name, registers.c.id != but)
    conn.execute(gone.values(name=_GONE, live=False))


def purge(conn: Connection) -> bool:
    """Delete some rows of imports that are gone; whether there may be more."""
    number = conn.execute(select(registers.c.id).where(registers.c.name == _GONE).limit(1)).scalar_one_or_none()
    if number is None:
        return False
    mine = customers.c.register == number
    some = select(customers.c.key).where(mine).order_by(customers.c.key).limit(PURGE_ROWS)
    if not conn.execute(delete(customers).where(mine, customers.c.key.in_(some))).rowcount:
        conn.execute(delete(registers).where(registers.c.id == number))
    return True


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
    live = [number for (number,) in conn.execute(select(registers.c.id).where(registers.c.live))]
    if not live:
        return frozenset()
    query = select(customers.c.key).where(customers.c.register.in_(live), customers.c.key.in_(keys))
    return frozenset(key for (key,) in conn.execute(query))
