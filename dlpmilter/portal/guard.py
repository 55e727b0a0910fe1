# SPDX-License-Identifier: Apache-2.0
"""What stands before every page: headers, size and origin of a request, who is signed in. Never answers a page itself.

A form counts only from our own pages: the browser says where it came from, and it carries the session's own token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import python_multipart  # noqa: F401 - starlette reads forms with it
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from dlpmilter.holds.form import Said
from dlpmilter.portal import sessions
from dlpmilter.portal.pages import HEADERS, message, see
from dlpmilter.portal.site import site_of

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from dlpmilter.portal.person import Person, Role

BODY_OCTETS = 256 * 1024
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
Page = Callable[["Request", "Person"], Awaitable["Response"]]


class Porch:
    """ASGI middleware: security headers on every answer, foreign and oversized requests refused before any page."""

    def __init__(self, app: ASGIApp, url: str) -> None:
        self._app = app
        self._origin = url
        self._host = urlsplit(url).netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    found.setdefault(name, value)
                if self._origin.startswith("https://"):
                    found.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        refused = self._refusal(scope["method"], scope["path"], headers)
        if refused is not None:
            await refused(scope, receive, answer)
            return
        await self._app(scope, _limited(receive), answer)

    def _refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        if headers.get("host", "").lower() != self._host:  # DNS rebinding: another name for our address
            return PlainTextResponse(f"This site is called {self._host}.\n", 421)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > BODY_OCTETS:
            return PlainTextResponse("This request is too long.\n", 413)
        if method in _SAFE or path.startswith("/api/"):  # programs carry a key, no cookie
            return None
        where = headers.get("sec-fetch-site")
        foreign = where not in {"same-origin", "none"} if where else headers.get("origin", self._origin) != self._origin
        if foreign:
            return PlainTextResponse("This form came from another site. Please open the page and try again.\n", 403)
        return None


def _limited(receive: Receive) -> Receive:
    """A body without a length ends where the limit is."""
    octets = 0

    async def counted() -> Message:
        nonlocal octets
        message = await receive()
        octets += len(message.get("body", b""))
        if octets > BODY_OCTETS:
            return {"type": "http.disconnect"}
        return message

    return counted


def signed_in(page: Page, *roles: Role) -> Callable[[Request], Awaitable[Response]]:
    """The page for people with one of these roles (without any: for everybody who signed in)."""

    async def endpoint(request: Request) -> Response:
        person = await sessions.person_of(site_of(request), request)
        if person is None:
            if request.method in _SAFE:
                return see(f"/sign-in?to={quote(request.url.path, safe='/')}")
            return message(
                request, 403, Said("Sie sind nicht mehr angemeldet", "You are not signed in any more"),
                Said("Ihre Anmeldung ist abgelaufen; nichts wurde geändert. Bitte melden Sie sich wieder an.",
                 "Your session is over; nothing was changed. Please sign in again."), back="/sign-in",
            )  # fmt: skip
        if roles and not person.has(*roles):
            return forbidden(request, person)
        if request.method not in _SAFE and not await _ours(request, person):
            return message(
                request, 403, Said("Bitte noch einmal", "Once more, please"),
                Said("Dieses Formular gehört nicht zu Ihrer Anmeldung; nichts wurde geändert. Laden Sie die Seite neu.",
                 "This form does not belong to your session; nothing was changed. Please reload the page."),
                person=person, back="/",
            )  # fmt: skip
        return await page(request, person)

    return endpoint


def forbidden(request: Request, person: Person | None) -> Response:
    """The same words whether something is not there or not yours: nobody learns what exists."""
    return message(
        request, 403, Said("Das ist nicht für Sie", "This is not for you"),
        Said("Diese Seite gehört zu einer Aufgabe, die Sie hier nicht haben, oder es gibt sie nicht.",
         "This page belongs to a task that is not yours here, or it does not exist."), person=person, back="/",
    )  # fmt: skip


async def _ours(request: Request, person: Person) -> bool:
    form = await request.form(max_files=0, max_fields=2000)
    given = form.get("csrf")
    return isinstance(given, str) and bool(person.csrf) and sessions.same(given, person.csrf)


def text(form: FormData, name: str, most: int = 2000) -> str:
    """One field of a form as text, cut."""
    value = form.get(name, "")
    return value[:most] if isinstance(value, str) else ""


def local(path: str) -> str:
    """A path of ours to go on to; anything else is the first page: no open redirect."""
    fine = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if fine and len(path) < 200 else "/"
