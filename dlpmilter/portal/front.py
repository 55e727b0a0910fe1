# SPDX-License-Identifier: Apache-2.0
"""The table of pages and how they are served. Never takes the office down with it: a page that breaks says so."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dlpmilter import maillog, metrics
from dlpmilter.config import ConfigError
from dlpmilter.holds.form import Said
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.portal import api, consents, exhibit, links, my, my_data, overview, pages, play, review, sign_in, single
from dlpmilter.portal.guard import Porch, signed_in
from dlpmilter.portal.person import OVERSIGHT, Role

if TYPE_CHECKING:
    from collections.abc import Generator

    from starlette.requests import Request

    from dlpmilter.portal.site import Site

GRACE_SECONDS = 5
CONCURRENT = 200


def application(site: Site) -> Starlette:
    """The ASGI application, to be put behind Porch."""
    app = Starlette(routes=_routes(), exception_handlers=_EXCEPTIONS)
    app.state.site = site
    return app


def guarded(site: Site) -> Porch:
    """The application as the world sees it."""
    return Porch(application(site), site.config.portal_url)


def _routes() -> list[Route]:
    review_only = (Role.reviewer,)
    return [
        *(Route(api.ROOT + each.path, api.endpoint(each), methods=[each.method]) for each in api.OPERATIONS),
        Route(api.DESCRIPTION, api.description, methods=["GET"]),
        Route("/static/style.css", _style, name="style"),
        Route("/c/{token}", links.page, methods=["GET"]),
        Route("/c/{token}", links.act, methods=["POST"]),
        Route("/sign-in", sign_in.page, methods=["GET"]),
        Route("/sign-in/oidc", single.begin, methods=["GET"]),
        Route(single.BACK, single.back, methods=["GET"]),
        Route("/sign-in/password", sign_in.password, methods=["POST"]),
        Route("/sign-in/mail", sign_in.by_mail, methods=["POST"]),
        Route("/in/{token}", sign_in.arrive, methods=["GET", "POST"]),
        Route("/set-up/{token}", sign_in.set_up, methods=["GET", "POST"]),
        Route("/play", play.page, methods=["GET", "POST"]),
        Route("/sign-out", signed_in(_out), methods=["POST"]),
        Route("/", signed_in(my.home), methods=["GET"]),
        Route("/my", signed_in(my.cases), methods=["GET"]),
        Route("/my", signed_in(my.fetch), methods=["POST"]),
        Route("/my/mailboxes", signed_in(my.mailboxes), methods=["GET", "POST"]),
        Route("/my/data", signed_in(my_data.page), methods=["GET", "POST"]),
        Route("/my/data/answer.{form:str}", signed_in(my_data.answer), methods=["GET"]),
        Route("/my/{case}", signed_in(my.case), methods=["GET"]),
        Route("/my/{case}", signed_in(my.act), methods=["POST"]),
        Route("/consents", signed_in(consents.page, Role.reviewer, *sorted(OVERSIGHT)), methods=["GET", "POST"]),
        Route("/overview", signed_in(overview.page, Role.admin, *sorted(OVERSIGHT)), methods=["GET"]),
        Route("/queue", signed_in(review.queue, *review_only), methods=["GET"]),
        Route("/queue/decide", signed_in(review.decide, *review_only), methods=["POST"]),
        Route("/queue/{case}/content", signed_in(exhibit.open_content, *review_only), methods=["POST"]),
        Route("/queue/{case}", signed_in(review.case, *review_only), methods=["GET"]),
        Route("/queue/{case}", signed_in(review.act, *review_only), methods=["POST"]),
    ]


async def _out(request: Request, _: object) -> Response:
    return await sign_in.sign_out(request)


async def _style(_: Request) -> Response:
    return Response(pages.stylesheet(), media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


async def _not_there(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    if status == 405:
        return PlainTextResponse("This page does not do that.\n", 405)
    return pages.message(
        request, status, Said("Diese Seite gibt es nicht", "There is no such page"),
        Said("Vielleicht ist die Adresse unvollständig.", "Perhaps the address is not complete."), back="/",
    )  # fmt: skip


async def _not_now(request: Request, _: Exception) -> Response:
    metrics.alarms.labels("portal-unavailable").inc()
    return pages.message(
        request, 503, Said("Gerade nicht möglich", "Not possible right now"),
        Said("Die Datenbank antwortet nicht; es wurde nichts geändert. E-Mails gehen deshalb nicht verloren. Bitte "
         "versuchen Sie es in einigen Minuten wieder.",
         "The database does not answer; nothing was changed. No mail is lost because of it. Please try again in some "
         "minutes."), back=request.url.path if request.method == "GET" else "/",
    )  # fmt: skip


async def _broken(request: Request, error: Exception) -> Response:
    metrics.unforeseen.labels("portal").inc()
    maillog.unforeseen("portal", error)
    return pages.message(
        request, 500, Said("Hier ist ein Fehler", "Something is wrong here"),
        Said("Der Fehler liegt bei uns und ist im Protokoll vermerkt. Sehen Sie nach, ob sich etwas geändert hat, "
             "bevor Sie es noch einmal versuchen.",
         "The mistake is ours and stands in the log. Look whether something has changed before you try again."),
        back="/",
    )  # fmt: skip


_EXCEPTIONS: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    HTTPException: _not_there, TemporaryFailure: _not_now, Exception: _broken,
}  # fmt: skip


class _Server(uvicorn.Server):
    """Signals belong to the office."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave them alone."""
        yield


async def serve(site: Site, listener: socket.socket) -> None:
    """Answer on this socket until cancelled; what breaks is said, and started again."""
    try:
        site = single.with_provider(site)
    except ConfigError as error:  # `check` says it too; the other ways to sign in are there all the same
        maillog.sign_in_failed("provider", str(error.problems[0].what))
    while True:
        server = _Server(_settings(site))
        task = asyncio.create_task(server.serve(sockets=[listener.dup()]))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            server.should_exit = True
            with contextlib.suppress(Exception):
                await asyncio.wait_for(task, GRACE_SECONDS + 1)
            await site.inspector.close()
            raise
        except Exception as error:  # noqa: BLE001 - the pages must never take outbox and sweep down with them
            metrics.unforeseen.labels("portal").inc()
            maillog.unforeseen("portal", error)
        await asyncio.sleep(1)


def _settings(site: Site) -> uvicorn.Config:
    return uvicorn.Config(
        guarded(site), log_config=None, access_log=False, lifespan="off", server_header=False, proxy_headers=True,
        forwarded_allow_ips=list(site.config.portal.trusted_proxies), limit_concurrency=CONCURRENT,
        timeout_graceful_shutdown=GRACE_SECONDS, timeout_keep_alive=20,
    )  # fmt: skip
