# SPDX-License-Identifier: Apache-2.0
"""Rows of local accounts, of who is signed in, and of links that are good once. Never checks a password.

Tokens are looked up by their SHA-256: whoever reads the database cannot use them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, or_, select, update

from dlpmilter.storage.portal_tables import accounts, sessions, tickets

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection
    from sqlalchemy.engine import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One person who signs in with a password."""

    address: str
    name: str
    roles: tuple[str, ...]
    pools: tuple[str, ...]
    password: str | None = None
    """An argon2 hash; None until the person has set the account up."""
    totp: bytes | None = None
    """The sealed secret of the second factor (RFC 6238)."""
    totp_step: int = 0
    """The last step that was used: a code is good once."""
    failures: int = 0
    locked_until: datetime | None = None
    enabled: bool = True
    created_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is signed in; `key` is the SHA-256 of the cookie."""

    key: bytes
    address: str
    name: str
    roles: tuple[str, ...]
    pools: tuple[str, ...]
    method: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """Something that is good once, or until it ends: `key` is the SHA-256 of its token."""

    key: bytes
    purpose: str
    address: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


def account(conn: Connection, address: str) -> Account | None:
    """The account of this address."""
    row = conn.execute(select(accounts).where(accounts.c.address == address)).first()
    return None if row is None else _account(row)


def all_accounts(conn: Connection) -> list[Account]:
    """Every account by its address."""
    return [_account(row) for row in conn.execute(select(accounts).order_by(accounts.c.address))]


def put_account(conn: Connection, one: Account) -> None:
    """Insert it, or put it in the place of the one with this address."""
    values = {
        "name": one.name,
        "roles": json.dumps(one.roles),
        "pools": json.dumps(one.pools),
        "password": one.password,
        "totp": one.totp,
        "totp_step": one.totp_step,
        "failures": one.failures,
        "locked_until": one.locked_until,
        "enabled": one.enabled,
        "created_at": one.created_at,
        "used_at": one.used_at,
    }
    if conn.execute(update(accounts).where(accounts.c.address == one.address).values(**values)).rowcount == 0:
        conn.execute(insert(accounts), {"address": one.address, **values})


def remove_account(conn: Connection, address: str) -> bool:
    """Forget the account; whether it was there."""
    return conn.execute(delete(accounts).where(accounts.c.address == address)).rowcount == 1


def add_session(conn: Connection, one: Session) -> None:
    """Somebody has signed in."""
    values = {
        "key": one.key,
        "address": one.address,
        "name": one.name,
        "roles": json.dumps(one.roles),
        "pools": json.dumps(one.pools),
        "method": one.method,
        "created_at": one.created_at,
        "seen_at": one.seen_at,
    }
    conn.execute(insert(sessions), values)


def session(conn: Connection, key: bytes) -> Session | None:
    """The session of this key, whether or not it is over."""
    row = conn.execute(select(sessions).where(sessions.c.key == key)).first()
    if row is None:
        return None
    return Session(
        key=row.key, address=row.address, name=row.name, roles=tuple(json.loads(row.roles)),
        pools=tuple(json.loads(row.pools)), method=row.method, created_at=row.created_at, seen_at=row.seen_at,
    )  # fmt: skip


def seen(conn: Connection, key: bytes, at: datetime) -> None:
    """The person has clicked."""
    conn.execute(update(sessions).where(sessions.c.key == key).values(seen_at=at))


def end_session(conn: Connection, key: bytes) -> None:
    """Signed out."""
    conn.execute(delete(sessions).where(sessions.c.key == key))


def end_sessions_of(conn: Connection, address: str) -> int:
    """Sign a person out everywhere; returns how many sessions there were."""
    return conn.execute(delete(sessions).where(sessions.c.address == address)).rowcount


def add_ticket(conn: Connection, one: Ticket) -> None:
    """Give one out."""
    values = {
        "key": one.key, "purpose": one.purpose, "address": one.address, "created_at": one.created_at,
        "expires_at": one.expires_at, "used_at": one.used_at,
    }  # fmt: skip
    conn.execute(insert(tickets), values)


def ticket(conn: Connection, key: bytes, purpose: str) -> Ticket | None:
    """The ticket of this key and purpose, used and expired ones too."""
    row = conn.execute(select(tickets).where(tickets.c.key == key, tickets.c.purpose == purpose)).first()
    return None if row is None else Ticket(*row)


def use_ticket(conn: Connection, key: bytes, at: datetime) -> bool:
    """Compare and set: whether it was unused until now."""
    wanted = update(tickets).where(tickets.c.key == key, tickets.c.used_at.is_(None))
    return conn.execute(wanted.values(used_at=at)).rowcount == 1


def tickets_since(conn: Connection, purpose: str, address: str, since: datetime) -> int:
    """How many of one purpose an address was given since then."""
    query = select(func.count()).select_from(tickets)
    query = query.where(tickets.c.purpose == purpose, tickets.c.address == address, tickets.c.created_at >= since)
    return int(conn.scalar(query) or 0)


def end_tickets_of(conn: Connection, address: str, purpose: str) -> int:
    """Make all tickets of one purpose void; returns how many there were."""
    return conn.execute(delete(tickets).where(tickets.c.address == address, tickets.c.purpose == purpose)).rowcount


def sweep(conn: Connection, now: datetime, idle_since: datetime, signed_in_since: datetime) -> int:
    """Forget sessions and tickets that are over; returns how many."""
    over = or_(sessions.c.seen_at < idle_since, sessions.c.created_at < signed_in_since)
    gone = conn.execute(delete(sessions).where(over)).rowcount
    return gone + conn.execute(delete(tickets).where(tickets.c.expires_at < now)).rowcount


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(
        address=row.address, name=row.name, roles=tuple(json.loads(row.roles)), pools=tuple(json.loads(row.pools)),
        password=row.password, totp=row.totp, totp_step=row.totp_step, failures=row.failures,
        locked_until=row.locked_until, enabled=bool(row.enabled), created_at=row.created_at, used_at=row.used_at,
    )  # fmt: skip
