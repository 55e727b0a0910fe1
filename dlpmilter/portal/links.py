# SPDX-License-Identifier: Apache-2.0
"""The page behind the link in a notice: one case, its sender, no sign-in. Explains and takes back; never decides.

The token is all there is: no cookie, no session. A GET or HEAD changes nothing, so link scanners may come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.holds.form import Said
from dlpmilter.notices import links
from dlpmilter.portal import my_case
from dlpmilter.portal.guard import text
from dlpmilter.portal.pages import message
from dlpmilter.portal.person import Person, Role
from dlpmilter.portal.site import site_of
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from dlpmilter.portal.site import Site
    from dlpmilter.storage.case_rows import Case


async def page(request: Request) -> Response:
    """GET: the case."""
    found = await _opened(request)
    if isinstance(found, Person):
        token = request.path_params["token"]
        case_id = token.partition(".")[0]
        return await my_case.show(request, found, case_id, base=f"/c/{token}")
    return found


async def act(request: Request) -> Response:
    """POST: one act of the sender."""
    found = await _opened(request)
    if not isinstance(found, Person):
        return found
    token = request.path_params["token"]
    if site_of(request).throttle.over("link", token, most=60, seconds=600):
        return message(
            request, 429, Said("Bitte kurz warten", "Please wait a little"),
            Said("Das waren viele Versuche. Bitte in einigen Minuten wieder.",
                 "Too many tries. Please come back in some minutes."),
        )  # fmt: skip
    form = await request.form(max_files=0)
    return await my_case.act(request, found, token.partition(".")[0], text(form, "act", 40), form, base=f"/c/{token}")


async def _opened(request: Request) -> Person | Response:
    """The sender, when the token is genuine and still good; else a page that says what to do."""
    site = site_of(request)
    link = links.read(request.path_params["token"])
    if link is None:
        return _mangled(request)
    case = await site.database.read(lambda conn: case_rows.get(conn, link.case_id))
    if case is None or not case.owner or not links.genuine(link, site.link_keys(), case.owner):
        return _mangled(request)
    if link.ends <= site.clock():
        return _expired(request)
    return _sender(site, case)


def _sender(site: Site, case: Case) -> Person:
    address = site.requests.person(case.owner)
    return Person(address, case.owner_name, frozenset({Role.employee}), frozenset(), "link")


def _mangled(request: Request) -> Response:
    """The same page for a foreign, damaged or forged link, and for a case that is gone."""
    return message(
        request, 404, Said("Dieser Link führt zu keinem Vorgang", "This link leads to no case"),
        Said("Vielleicht hat das Mailprogramm ihn umgebrochen: Bitte kopieren Sie ihn ganz, mit allem bis zum Ende der "
         "Zeile. Sonst hilft die Adresse, die in der E-Mail steht. Sie können sich auch anmelden und Ihre Vorgänge "
         "dort ansehen.",
         "Perhaps the mail program broke it in two: please copy all of it, up to the end of the line. Otherwise the "
         "address in the e-mail helps. You can also sign in and see your cases there."), back="/sign-in?to=/my",
    )  # fmt: skip


def _expired(request: Request) -> Response:
    return message(
        request, 410, Said("Dieser Link ist abgelaufen", "This link has expired"),
        Said("Es wurde nichts geändert. Bitte melden Sie sich an: Dort stehen Ihre Vorgänge, solange es sie gibt.",
         "Nothing was changed. Please sign in: your cases are there as long as they are kept."),
        back="/sign-in?to=/my",
    )  # fmt: skip
