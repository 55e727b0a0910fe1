# SPDX-License-Identifier: Apache-2.0
"""Sign in, stay in for a while, sign out. Never keeps the cookie: the database has its SHA-256."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from dlpmilter.portal.groups import rights_of
from dlpmilter.portal.person import Person, roles_of
from dlpmilter.storage import account_rows
from dlpmilter.storage.account_rows import Session

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from dlpmilter.portal.person import Method
    from dlpmilter.portal.site import Site

_PROVEN = frozenset({"oidc", "password"})
NOTED_EVERY = timedelta(seconds=60)
"""A click is written down at most this often: pages shall not cost a commit each."""


def hashed(token: str) -> bytes:
    """What the database knows of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same(given: str, wanted: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def cookie_name(site: Site) -> str:
    """__Host- binds the cookie to this host and to TLS (RFC 6265bis); plain HTTP is for loopback only."""
    return "__Host-dlpmilter" if site.secure else "dlpmilter"


async def start(
    site: Site,
    response: Response,
    *,
    address: str,
    name: str,
    roles: tuple[str, ...],
    pools: tuple[str, ...],
    method: Method,
) -> None:
    """A new session and its cookie; the token is fresh, so nobody can have fixed it before.

    Groups of the LDAP server count where somebody has proven who it is, not for a link that came by mail.
    """
    if method in _PROVEN:
        more = await rights_of(site, address)
        roles, pools = tuple(sorted({*roles, *more.roles})), tuple(sorted({*pools, *more.pools}))
    token, now = secrets.token_urlsafe(32), site.clock()
    one = Session(
        key=hashed(token), address=address, name=name, roles=roles, pools=pools, method=method, created_at=now,
        seen_at=now,
    )  # fmt: skip
    await site.database.write(lambda conn: account_rows.add_session(conn, one))
    response.set_cookie(
        cookie_name(site), token, max_age=int(site.longest.total_seconds()), httponly=True, secure=site.secure,
        samesite="lax", path="/",
    )  # fmt: skip


async def person_of(site: Site, request: Request) -> Person | None:
    """Who sent this request; None when nobody is signed in, or not any more."""
    token = request.cookies.get(cookie_name(site), "")
    if not token or len(token) > 200:
        return None
    key, now = hashed(token), site.clock()
    one = await site.database.read(lambda conn: account_rows.session(conn, key))
    if one is None or now - one.seen_at > site.idle or now - one.created_at > site.longest:
        return None
    if now - one.seen_at > NOTED_EVERY:
        await site.database.write(lambda conn: account_rows.seen(conn, key, now))
    method: Method = one.method  # type: ignore[assignment]  # only `start` writes it
    return Person(one.address, one.name, roles_of(one.roles), frozenset(one.pools), method, key, site.csrf(key))


async def end(site: Site, request: Request, response: Response) -> None:
    """Sign out here: the row goes, and the cookie."""
    token = request.cookies.get(cookie_name(site), "")
    if token:
        await site.database.write(lambda conn: account_rows.end_session(conn, hashed(token)))
    response.delete_cookie(cookie_name(site), path="/", secure=site.secure, httponly=True, samesite="lax")
