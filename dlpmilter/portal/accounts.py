# SPDX-License-Identifier: Apache-2.0
"""Local accounts: set up by a link, a password (argon2id) and a second factor (RFC 6238). Never says what was wrong.

For companies with a single sign-on the accounts stay empty; they are the embedded default.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import argon2
import pyotp

from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.portal.sessions import hashed
from dlpmilter.storage import account_rows
from dlpmilter.storage.account_rows import Account, Ticket
from dlpmilter.storage.seal import SealBroken, seal, unseal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring

SET_UP = "set-up"
KEY = "key"
SET_UP_HOURS = 72
LEAST_LETTERS, MOST_LETTERS = 12, 200
"""Of a password; no other rule, as NIST SP 800-63B advises."""
TRIES = 5
LOCKED = timedelta(minutes=15)
STEP_SECONDS = 30


@cache
def _hasher() -> argon2.PasswordHasher:
    return argon2.PasswordHasher()  # argon2id with the parameters of RFC 9106, section 4, second choice


@cache
def _nobody() -> str:
    """A hash nobody knows the password of: an unknown address takes as long as a known one."""
    return _hasher().hash(secrets.token_urlsafe(24))


class NotGood(ValueError):
    """What was typed cannot be taken; slugs by field."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(", ".join(problems.values()))
        self.problems = problems


def invite(
    conn: Connection, *, address: str, name: str, roles: tuple[str, ...], pools: tuple[str, ...], now: datetime
) -> str:
    """Make or change an account; returns the token with which the person sets it up. The old password is void."""
    known = account_rows.account(conn, address)
    made = known.created_at if known else now
    account_rows.put_account(
        conn, Account(address=address, name=name, roles=roles, pools=pools, created_at=made, used_at=None)
    )
    account_rows.end_sessions_of(conn, address)
    account_rows.end_tickets_of(conn, address, SET_UP)
    account_rows.end_tickets_of(conn, address, KEY)
    return give(conn, SET_UP, address, now, now + timedelta(hours=SET_UP_HOURS))


def give(conn: Connection, purpose: str, address: str, now: datetime, ends: datetime) -> str:
    """A new token for a purpose; only its hash is kept."""
    token = secrets.token_urlsafe(24)
    account_rows.add_ticket(conn, Ticket(hashed(token), purpose, address, now, ends))
    return token


def record(conn: Connection, event: str, address: str, actor: str, policy_version: str, now: datetime) -> None:
    """The trail says who gave or took away the right to decide."""
    fields: dict[str, trail.Value] = {"owner": address, "actor-user": actor}
    trail.append(conn, Entry(event, "none", policy_version, "", fields, now))


def second_factor(keyring: Keyring, token: str) -> str:
    """The TOTP secret that belongs to a set-up link (base32): the page can be opened twice and shows the same."""
    key = keyring.derive("portal-totp")
    return base64.b32encode(hmac.new(key, token.encode(), hashlib.sha256).digest()[:20]).decode()


async def invited(database: Database, token: str, now: datetime) -> Ticket | None:
    """The set-up link, when it is still good."""
    found = await database.read(lambda conn: account_rows.ticket(conn, hashed(token), SET_UP))
    return found if found is not None and found.used_at is None and found.expires_at > now else None


async def set_up(
    database: Database, keyring: Keyring, token: str, *, password: str, again: str, code: str, now: datetime
) -> Account | None:
    """Take password and second factor, once. None when the link is no good any more. Raises NotGood."""
    secret = second_factor(keyring, token)
    step = _step(secret, code, now)
    problems = {}
    if not LEAST_LETTERS <= len(password) <= MOST_LETTERS:
        problems["password"] = "length"  # noqa: S105 - a slug
    elif password != again:
        problems["again"] = "differs"
    if step is None:
        problems["code"] = "wrong-code"
    if problems:
        raise NotGood(problems)
    password_hash = await asyncio.to_thread(_hasher().hash, password)

    def act(conn: Connection) -> Account | None:
        found = account_rows.ticket(conn, hashed(token), SET_UP)
        if found is None or found.expires_at <= now or not account_rows.use_ticket(conn, hashed(token), now):
            return None
        one = account_rows.account(conn, found.address)
        if one is None or not one.enabled:
            return None
        sealed = seal(keyring, secret, f"totp {one.address}")
        one = replace(one, password=password_hash, totp=sealed, totp_step=step or 0, failures=0, used_at=now)
        account_rows.put_account(conn, one)
        return one

    return await database.write(act)


async def sign_in(
    database: Database, keyring: Keyring, *, address: str, password: str, code: str, unused: timedelta, now: datetime
) -> Account | None:
    """The account, or None whatever was wrong: address, password, code, too many tries, unused, switched off."""
    one = await database.read(lambda conn: account_rows.account(conn, address))
    known = one is not None and one.password is not None
    right = await asyncio.to_thread(_verified, one.password if one and one.password else _nobody(), password)
    if one is None or not known:
        return None
    locked = one.locked_until is not None and one.locked_until > now
    if locked or not one.enabled or now - (one.used_at or one.created_at) > unused:
        return None
    step = _step(_secret(keyring, one), code, now) if right else None

    def act(conn: Connection) -> Account | None:
        fresh = account_rows.account(conn, address)
        if fresh is None or fresh.password != one.password:
            return None
        if not right or step is None or step <= fresh.totp_step:  # a code is good once
            failures = fresh.failures + 1
            until = now + LOCKED if failures >= TRIES else None
            account_rows.put_account(conn, replace(fresh, failures=failures % TRIES, locked_until=until))
            return None
        used = replace(fresh, failures=0, locked_until=None, totp_step=step, used_at=now)
        account_rows.put_account(conn, used)
        return used

    return await database.write(act)


def _verified(password_hash: str, password: str) -> bool:
    try:
        return _hasher().verify(password_hash, password[:MOST_LETTERS])
    except argon2.exceptions.VerificationError:
        return False


def _secret(keyring: Keyring, one: Account) -> str:
    try:
        return unseal(keyring, one.totp or b"", f"totp {one.address}")
    except SealBroken:
        return ""


def _step(secret: str, code: str, now: datetime) -> int | None:
    """The time step a code belongs to, one step of drift allowed (RFC 6238 section 5.2); None when it is wrong."""
    digits = "".join(code.split())
    if not secret or len(digits) != 6 or not digits.isascii() or not digits.isdigit():
        return None
    clock = pyotp.TOTP(secret, interval=STEP_SECONDS)
    step = int(now.timestamp()) // STEP_SECONDS
    good = (each for each in (step, step - 1, step + 1) if hmac.compare_digest(clock.generate_otp(each), digits))
    return next(good, None)


def provisioning(address: str, secret: str) -> str:
    """The otpauth address that authenticator apps read."""
    return pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=address, issuer_name="dlpmilter")


def data_address(png: bytes) -> str:
    """A picture inside the page."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
