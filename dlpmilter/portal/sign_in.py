# SPDX-License-Identifier: Apache-2.0
"""The pages to sign in and out. Never says whether an address is known, or which of three things was wrong."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import segno

from dlpmilter.holds.form import Said
from dlpmilter.holds.notify import internal
from dlpmilter.model.address import AddressError, parse_address
from dlpmilter.notices.sign_in import compose_sign_in
from dlpmilter.portal import accounts, sessions
from dlpmilter.portal.guard import local, text
from dlpmilter.portal.pages import message, render, see
from dlpmilter.portal.person import Role
from dlpmilter.portal.site import site_of
from dlpmilter.storage import account_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.requests import Request
    from starlette.responses import Response

    from dlpmilter.portal.site import Site

MAIL = "mail"
MAIL_MINUTES = 15
MAILS_PER_HOUR = 3


async def page(request: Request) -> Response:
    """GET: the ways to sign in."""
    site = site_of(request)
    if await sessions.person_of(site, request) is not None:
        return see(local(request.query_params.get("to", "/")))
    return _form(request, to=local(request.query_params.get("to", "/")))


def _form(request: Request, *, status: int = 200, **values: Any) -> Response:
    filled: dict[str, Any] = {"to": "/", "failed": False, "address": "", "sent": False}
    return render(request, "sign_in.html", status=status, **(filled | values))


async def password(request: Request) -> Response:
    """POST: address, password and code together; what was wrong is not said."""
    site = site_of(request)
    form = await request.form(max_files=0)
    to, address = local(text(form, "to")), text(form, "address").strip().lower()
    client = request.client.host if request.client else ""
    if site.throttle.over("password", client, most=20, seconds=300):
        return _too_often(request)
    one = await accounts.sign_in(
        site.database, site.keyring, address=address, password=text(form, "password"), code=text(form, "code"),
        unused=timedelta(days=site.config.portal.unused_days), now=site.clock(),
    )  # fmt: skip
    if one is None:
        return _form(request, status=401, to=to, failed=True, address=address)
    response = see(to)
    await sessions.start(
        site, response, address=one.address, name=one.name, roles=one.roles, pools=one.pools, method="password"
    )
    return response


async def by_mail(request: Request) -> Response:
    """POST: send a link to the business mailbox; the answer is the same for every address."""
    site = site_of(request)
    form = await request.form(max_files=0)
    address = text(form, "address").strip().lower()
    client = request.client.host if request.client else ""
    if site.throttle.over("mail", client, most=10, seconds=600):
        return _too_often(request)
    if _ours(site, address):
        await _send(site, address)
    return _form(request, sent=True, address=address)


def _ours(site: Site, address: str) -> bool:
    try:
        return bool(parse_address(address).domain) and internal(address, site.config.internal_domains)
    except AddressError:
        return False


async def _send(site: Site, address: str) -> None:
    notifier, now = site.desk.notifier, site.clock()

    def act(conn: Connection) -> None:
        since = now - timedelta(hours=1)
        if account_rows.tickets_since(conn, MAIL, address, since) >= MAILS_PER_HOUR:
            return
        token = accounts.give(conn, MAIL, address, now, now + timedelta(minutes=MAIL_MINUTES))
        data = compose_sign_in(
            f"{site.config.portal_url}/in/{token}", address, notifier.languages, minutes=MAIL_MINUTES,
            letterhead=notifier.letterhead, now=now,
        )  # fmt: skip
        notifier.send_once(conn, address, data, now)

    await site.database.write(act)


async def arrive(request: Request) -> Response:
    """GET shows a button, POST signs in: a link that a scanner opens stays good."""
    site, token = site_of(request), request.path_params["token"]
    key, now = sessions.hashed(token), site.clock()
    found = await site.database.read(lambda conn: account_rows.ticket(conn, key, MAIL))
    if found is None or found.used_at is not None or found.expires_at <= now:
        return _over(request)
    if request.method != "POST":
        return render(request, "arrive.html", address=found.address)
    if not await site.database.write(lambda conn: account_rows.use_ticket(conn, key, now)):
        return _over(request)
    response = see("/")
    await sessions.start(
        site, response, address=found.address, name="", roles=(Role.employee.value,), pools=(), method="mail"
    )
    return response


async def set_up(request: Request) -> Response:
    """A new account: its owner chooses a password and shows that the second factor works."""
    site, token = site_of(request), request.path_params["token"]
    ticket = await accounts.invited(site.database, token, site.clock())
    if ticket is None:
        return _over(request)
    problems: dict[str, str] = {}
    if request.method == "POST":
        form = await request.form(max_files=0)
        try:
            one = await accounts.set_up(
                site.database, site.keyring, token, password=text(form, "password"), again=text(form, "again"),
                code=text(form, "code"), now=site.clock(),
            )  # fmt: skip
        except accounts.NotGood as error:
            problems = error.problems
        else:
            if one is None:
                return _over(request)
            response = see("/")
            await sessions.start(
                site, response, address=one.address, name=one.name, roles=one.roles, pools=one.pools, method="password"
            )
            return response
    secret = accounts.second_factor(site.keyring, token)
    return render(
        request, "set_up.html", status=400 if problems else 200, address=ticket.address, secret=secret,
        picture=_qr(ticket.address, secret), problems=problems, least=accounts.LEAST_LETTERS,
    )  # fmt: skip


def _qr(address: str, secret: str) -> str:
    """The otpauth address as a picture, made here (data: address, no request)."""
    out = io.BytesIO()
    name = accounts.provisioning(address, secret)
    segno.make(name, error="m").save(out, kind="png", scale=5, border=3)
    return accounts.data_address(out.getvalue())


async def sign_out(request: Request) -> Response:
    """POST: this session ends."""
    response = see("/sign-in")
    await sessions.end(site_of(request), request, response)
    return response


def _over(request: Request) -> Response:
    return message(
        request, 410, Said("Dieser Link gilt nicht mehr", "This link is not good any more"),
        Said("Er wurde schon benutzt, oder seine Zeit ist um. Fordern Sie auf der Anmeldeseite einen neuen an; für ein "
         "neues Konto fragen Sie Ihre Mail-Administration.",
         "It was used already, or its time is up. Ask for a new one on the sign-in page; for a new account ask your "
         "mail admin."), back="/sign-in",
    )  # fmt: skip


def _too_often(request: Request) -> Response:
    return message(
        request, 429, Said("Bitte kurz warten", "Please wait a little"),
        Said("Von hier kamen gerade viele Versuche. Bitte versuchen Sie es in einigen Minuten wieder.",
         "Many tries came from here just now. Please try again in some minutes."), back="/sign-in",
    )  # fmt: skip
