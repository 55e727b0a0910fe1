# SPDX-License-Identifier: Apache-2.0
"""The pages around the company's own sign-in (oidc.py): there and back again. Never says what the provider said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpmilter import maillog
from dlpmilter.holds.form import Said
from dlpmilter.holds.notify import internal
from dlpmilter.portal import sessions
from dlpmilter.portal.guard import forbidden, local
from dlpmilter.portal.oidc import COOKIE_SECONDS, Provider, SignInFailed
from dlpmilter.portal.pages import message, see
from dlpmilter.portal.site import site_of
from dlpmilter.storage.keys import secret_text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from dlpmilter.portal.site import Site

BACK = "/sign-in/oidc/back"
COOKIE = "dlpmilter-oidc"


def with_provider(site: Site) -> Site:
    """The site with its provider, where one is configured. Raises ConfigError when the secret cannot be read."""
    settings = site.config.portal.oidc
    if settings is None:
        return site
    secret = (
        secret_text(settings.client_secret_file, "portal.oidc.client_secret_file")
        if settings.client_secret_file
        else ""
    )
    back_here = site.config.portal_url + BACK
    return replace(site, oidc=Provider(settings, back_here, site.keyring.derive("portal-oidc"), secret))


async def begin(request: Request) -> Response:
    """GET: off to the provider. Nothing changes here but a cookie of ten minutes."""
    site = site_of(request)
    if site.oidc is None:
        return forbidden(request, None)
    try:
        where, cookie = await site.oidc.begin(local(request.query_params.get("to", "/")))
    except SignInFailed as error:
        return _failed(request, error)
    response = see(where)
    response.set_cookie(
        COOKIE, cookie, max_age=COOKIE_SECONDS, path=BACK, httponly=True, secure=site.secure, samesite="lax"
    )
    return response


async def back(request: Request) -> Response:
    """GET: the provider sent the person back; with a genuine answer the session starts."""
    site = site_of(request)
    if site.oidc is None:
        return forbidden(request, None)
    try:
        found = await site.oidc.finish(dict(request.query_params), request.cookies.get(COOKIE, ""))
        if not internal(found.address, site.config.internal_domains):
            raise SignInFailed("address", "the address is none of the company")
    except SignInFailed as error:
        return _failed(request, error)
    response = see(local(found.back_to))
    response.delete_cookie(COOKIE, path=BACK)
    await sessions.start(
        site, response, address=found.address, name=found.name, roles=found.roles, pools=found.pools, method="oidc"
    )
    return response


def _failed(request: Request, error: SignInFailed) -> Response:
    maillog.sign_in_failed(error.slug, str(error))
    response = message(
        request, 503 if error.slug == "provider" else 403,
        Said("Die Anmeldung hat nicht geklappt", "Signing in did not work"),
        Said("Bitte versuchen Sie es noch einmal. Klappt es wieder nicht, sagen Sie Ihrer Mail-Administration, "
             "wann es war.",
             "Please try again. If it fails again, tell your mail admin when it was."), back="/sign-in",
    )  # fmt: skip
    response.delete_cookie(COOKIE, path=BACK)
    return response
