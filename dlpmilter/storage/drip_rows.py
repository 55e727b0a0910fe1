# SPDX-License-Identifier: Apache-2.0
"""Rows of the drip counters: what one sender sent to one private mailbox lately. Never sees an address.

People are keyed hashes; a reader gives all hashes of one person (after a key rotation there are several).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, delete, func, insert, select, update

from dlpmilter.storage.knowledge_tables import drip_charges, drip_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

CHUNK = 200
"""Rows of one statement: SQLite takes a limited number of variables."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One sender and one private mailbox, each by its current hash."""

    sender: bytes
    private: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """What `charge` changed, so that it can be undone exactly."""

    pair: Pair
    mail: bytes
    at: datetime
    fresh: bool
    """Whether this mail was not counted before."""
    rows: tuple[tuple[str, int, datetime | None], ...] = field(default=(), repr=False)
    """Register and row number, and when the row had been sent last."""


def totals(
    conn: Connection,
    senders: Sequence[bytes],
    privates: Sequence[bytes],
    starts: tuple[datetime, datetime, datetime],
    without: bytes = b"",
) -> dict[bytes, tuple[list[int], list[int]]]:
    """Private hash -> (messages, octets) since each of `starts` (latest first), without the mail `without`."""
    row, at = drip_charges.c, drip_charges.c.at
    sums = [func.sum(case((at >= start, 1), else_=0)) for start in starts]
    sums += [func.sum(case((at >= start, row.octets), else_=0)) for start in starts]
    query = (
        select(row.private_key, *sums)
        .where(row.private_key.in_(list(privates)), row.sender_key.in_(list(senders)), at >= starts[2])
        .where(row.mail != without)
        .group_by(row.private_key)
    )
    found: dict[bytes, tuple[list[int], list[int]]] = {}
    for key, *numbers in conn.execute(query):
        found[key] = ([int(each) for each in numbers[:3]], [int(each) for each in numbers[3:]])
    return found


def records(
    conn: Connection, senders: Sequence[bytes], privates: Sequence[bytes], starts: tuple[datetime, datetime, datetime]
) -> dict[bytes, list[int]]:
    """Private hash -> distinct rows over all registers since each of `starts`."""
    row = drip_rows.c
    sums = [func.sum(case((row.at >= start, 1), else_=0)) for start in starts]
    query = (
        select(row.private_key, *sums)
        .where(row.private_key.in_(list(privates)), row.sender_key.in_(list(senders)), row.at >= starts[2])
        .group_by(row.private_key)
    )
    return {key: [int(each) for each in numbers] for key, *numbers in conn.execute(query)}


def rows_sent(conn: Connection, privates: Sequence[bytes], register: str, since: datetime) -> frozenset[int]:
    """The rows of one register that this mailbox has received since then, whoever sent them."""
    row = drip_rows.c
    query = select(row.row).where(row.private_key.in_(list(privates)), row.register == register, row.at >= since)
    return frozenset(conn.scalars(query.distinct()))


def charge(
    conn: Connection,
    pair: Pair,
    *,
    mail: bytes,
    octets: int,
    rows: Mapping[str, Sequence[int]],
    now: datetime,
) -> Taken:
    """Count one mail, once however often it is charged; `rows` of registers count as sent now."""
    column = drip_charges.c
    same = select(column.id).where(column.mail == mail, column.private_key == pair.private)
    fresh = conn.scalar(same) is None
    if fresh:
        conn.execute(
            insert(drip_charges),
            {"sender_key": pair.sender, "private_key": pair.private, "at": now, "octets": octets, "mail": mail},
        )
    touched: list[tuple[str, int, datetime | None]] = []
    for register, numbers in rows.items():
        wanted = sorted(set(numbers))
        for start in range(0, len(wanted), CHUNK):
            touched += _send_rows(conn, pair, register, wanted[start : start + CHUNK], now)
    return Taken(pair, mail, now, fresh, tuple(touched))


def _send_rows(
    conn: Connection, pair: Pair, register: str, numbers: Sequence[int], now: datetime
) -> list[tuple[str, int, datetime | None]]:
    row = drip_rows.c
    here = and_(row.private_key == pair.private, row.sender_key == pair.sender, row.register == register)
    before = {each.row: each.at for each in conn.execute(select(row.row, row.at).where(here, row.row.in_(numbers)))}
    if before:
        conn.execute(update(drip_rows).where(here, row.row.in_(list(before))).values(at=now))
    values = {"private_key": pair.private, "sender_key": pair.sender, "register": register, "at": now}
    if new := [values | {"row": number} for number in numbers if number not in before]:
        conn.execute(insert(drip_rows), new)
    return [(register, number, before.get(number)) for number in numbers]


def give_back(conn: Connection, taken: Taken) -> None:
    """Undo a charge whose mail was not sent; what another mail has counted since then stays."""
    if taken.fresh:
        column = drip_charges.c
        mine = and_(column.mail == taken.mail, column.private_key == taken.pair.private)
        conn.execute(delete(drip_charges).where(mine))
    row = drip_rows.c
    grouped: dict[tuple[str, datetime | None], list[int]] = defaultdict(list)
    for register, number, before in taken.rows:
        grouped[register, before].append(number)
    for (register, before), numbers in grouped.items():
        for start in range(0, len(numbers), CHUNK):
            mine = and_(
                row.private_key == taken.pair.private,
                row.sender_key == taken.pair.sender,
                row.register == register,
                row.row.in_(numbers[start : start + CHUNK]),
                row.at == taken.at,
            )
            if before is None:
                conn.execute(delete(drip_rows).where(mine))
            else:
                conn.execute(update(drip_rows).where(mine).values(at=before))


def older(conn: Connection, before: datetime) -> bool:
    """Whether anything is older than that."""
    charges = select(drip_charges.c.id).where(drip_charges.c.at < before).limit(1)
    numbers = select(drip_rows.c.row).where(drip_rows.c.at < before).limit(1)
    return conn.scalar(charges) is not None or conn.scalar(numbers) is not None


def sweep(conn: Connection, before: datetime) -> int:
    """Forget what is older than that; returns how many mails and rows."""
    gone = conn.execute(delete(drip_charges).where(drip_charges.c.at < before)).rowcount
    return gone + conn.execute(delete(drip_rows).where(drip_rows.c.at < before)).rowcount
