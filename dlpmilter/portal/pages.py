# SPDX-License-Identifier: Apache-2.0
"""Templates to pages, with the headers every page carries. Never loads anything from elsewhere, never runs a script."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dlpmilter.portal.language import COOKIE, language_of, moment, sayer
from dlpmilter.portal.person import OVERSIGHT, Role
from dlpmilter.portal.site import site_of
from dlpmilter.portal.words import PROBLEMS, REFUSALS

if TYPE_CHECKING:
    from starlette.requests import Request

    from dlpmilter.holds.form import Said
    from dlpmilter.portal.person import Person

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}


def render(
    request: Request, template: str, *, status: int = 200, person: Person | None = None, **values: Any
) -> Response:
    """One page in the reader's language. `person` stands in the head of the page, with what is open to him."""
    site = site_of(request)
    language = language_of(request, site.config.languages)
    known = {
        "say": sayer(language), "words": lambda said: getattr(_said(said), language), "lang": language,
        "when": lambda at: moment(at, language), "parse": datetime.fromisoformat, "person": person,
        "path": request.url.path, "roles": Role, "oversight": OVERSIGHT, "company": _company(request),
        "refusals": REFUSALS, "play": site.config.portal.play, "oidc": site.oidc is not None,
    }  # fmt: skip
    html = _templates().get_template(template).render(known | values)
    response = HTMLResponse(html, status)
    if request.query_params.get("lang") in {"de", "en"}:
        response.set_cookie(COOKIE, language, max_age=365 * 86400, secure=site.secure, httponly=True, samesite="lax")
    return response


def _said(words: Said | str) -> Said:
    return PROBLEMS[words] if isinstance(words, str) else words


def _company(request: Request) -> str:
    governance = site_of(request).policy.governance
    return governance.employer if governance else ""


def message(
    request: Request, status: int, title: Said, text: Said, *, person: Person | None = None, back: str = ""
) -> Response:
    """A page that says what happened and what to do."""
    return render(request, "message.html", status=status, person=person, title=title, text=text, back=back)


def see(path: str) -> Response:
    """After a POST: look at this page (RFC 9110 section 15.4.4)."""
    return RedirectResponse(path, status_code=303)


@cache
def stylesheet() -> bytes:
    """The one stylesheet."""
    return files("dlpmilter.portal").joinpath("static/style.css").read_bytes()


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("dlpmilter.portal"), undefined=jinja2.StrictUndefined, autoescape=True,
        trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
