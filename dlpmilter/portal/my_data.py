# SPDX-License-Identifier: Apache-2.0
"""What is kept about the person who has signed in (Art. 15), and the wish to have it deleted. Never anybody else's.

Looking needs nobody's leave. The wish to delete opens a request that the DPO answers; nothing is deleted here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from dlpmilter.holds.form import Said
from dlpmilter.portal.guard import text
from dlpmilter.portal.language import language_of
from dlpmilter.portal.pages import render, see
from dlpmilter.portal.site import site_of
from dlpmilter.privacy import access
from dlpmilter.privacy.dossiers import Book, Dossier
from dlpmilter.privacy.paper import as_html
from dlpmilter.privacy.paper_person import access_paper
from dlpmilter.privacy.report_person import report_on

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.requests import Request

    from dlpmilter.portal.person import Person
    from dlpmilter.portal.site import Site

OPENED = Said("Ihre Anfrage ist eingegangen.", "Your request has arrived.")


async def page(request: Request, person: Person) -> Response:
    """GET: how much there is, and the own requests; POST: ask for deletion."""
    site, now = site_of(request), site_of(request).clock()
    addresses = _addresses(site, person)
    book = Book(site.keyring, site.policy.version)
    if request.method == "POST":
        form = await request.form(max_files=0)
        asked = _mine(await site.database.read(lambda conn: _open(conn, book)), addresses)
        if text(form, "act", 20) == "erase" and not any(one.data["wish"] == "erasure" for one in asked):
            wish = access.Request("erasure", tuple(addresses), "portal", proven=True)
            await site.database.write(lambda conn: access.open_request(conn, book, wish, None, now))
        return see("/my/data?done=1")
    report = await site.database.read(lambda conn: report_on(conn, addresses, now))
    requests = _mine(await site.database.read(lambda conn: book.many(conn, access.KIND)), addresses)
    return render(
        request, "my_data.html", person=person, report=report, requests=[one.shown() for one in requests],
        asked=any(one.row.closed_at is None and one.data["wish"] == "erasure" for one in requests),
        done=OPENED if "done" in request.query_params else None,
    )  # fmt: skip


async def answer(request: Request, person: Person) -> Response:
    """All of it, as a page or as JSON, to be kept."""
    site = site_of(request)
    now = site.clock()
    report = await site.database.read(lambda conn: report_on(conn, _addresses(site, person), now))
    kind = request.path_params["form"]
    language = language_of(request, site.config.languages)
    if kind not in {"html", "json"}:
        raise HTTPException(404)
    if kind == "json":
        data, media = json.dumps(report, ensure_ascii=False, indent=1), "application/json"
    else:
        data, media = as_html(access_paper({"id": "", "report": report}, language)), "text/html"
    named = {"Content-Disposition": f'attachment; filename="my-data.{kind}"', "Cache-Control": "no-store"}
    return Response(data, media_type=media, headers=named)


def _addresses(site: Site, person: Person) -> list[str]:
    """The person's own addresses, as the directory knows them."""
    actor = site.requests.known(person.actor)
    return sorted({person.address.lower(), actor.address.lower(), *site.requests.kin(actor.address)[0]})[:20]


def _open(conn: Connection, book: Book) -> list[Dossier]:
    return book.many(conn, access.KIND, still_open=True)


def _mine(found: list[Dossier], addresses: list[str]) -> list[Dossier]:
    mine: set[Any] = set(addresses)
    return [one for one in found if mine & set(one.data["addresses"])]
