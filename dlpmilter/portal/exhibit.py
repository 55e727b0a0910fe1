# SPDX-License-Identifier: Apache-2.0
"""What a reviewer sees of a held mail, step by step: excerpt, text, markup in a sandboxed frame, a file. Never on GET.

Each step is recorded before anything is shown; holds/openings.py asks who may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response

from dlpmilter.config import sentence
from dlpmilter.holds.actors import NotAllowed
from dlpmilter.holds.openings import Exhibits, Look, Stage
from dlpmilter.holds.workflow import NoSuchCase
from dlpmilter.portal import review
from dlpmilter.portal.guard import forbidden, text
from dlpmilter.portal.site import site_of
from dlpmilter.storage.bodies import BodyError

if TYPE_CHECKING:
    from starlette.requests import Request

    from dlpmilter.portal.person import Person

_HIDDEN = frozenset({"wrong-pool", "sender-never-decides", "too-close"})


async def open_content(request: Request, person: Person) -> Response:
    """POST: record, then show this much on the page of the case, or hand the file over."""
    site, case_id = site_of(request), request.path_params["case"]
    form = await request.form(max_files=0)
    wanted, path = text(form, "stage", 20), text(form, "part", 80)
    if wanted not in set(Stage):
        return forbidden(request, person)
    exhibits = Exhibits(site.database, site.bodies, site.inspector, site.config.bounds, site.clock)
    actor, look = site.requests.known(person.actor), Look(Stage(wanted), path, text(form, "together", 4) == "yes")
    try:
        if look.stage is Stage.part:
            return _file(*await exhibits.part(case_id, actor, look))
        shown = {"stage": look.stage.value, "exhibit": await exhibits.open(case_id, actor, look)}
    except NotAllowed as error:
        if error.slug in _HIDDEN:
            return forbidden(request, person)
        return await review.case(
            request, person, refused={"reason": error.slug, "error": sentence(str(error))}, status=409
        )
    except NoSuchCase:
        return forbidden(request, person)
    except (BodyError, TimeoutError) as error:
        words = str(error) or "it took too long"
        refused = {"reason": "content-unreadable", "error": f"The mail cannot be shown: {words}."}
        return await review.case(request, person, refused=refused, status=409)
    return await review.case(request, person, shown=shown)


async def own(request: Request, person: Person, case_id: str) -> Response:
    """The person's own evidence as a file, when both keys are there."""
    site = site_of(request)
    exhibits = Exhibits(site.database, site.bodies, site.inspector, site.config.bounds, site.clock)
    try:
        octets = await exhibits.own(case_id, site.requests.known(person.actor))
    except (NotAllowed, NoSuchCase, BodyError):
        return forbidden(request, person if person.method != "link" else None)
    return _file(f"{case_id}.eml", octets)


def _file(name: str, octets: bytes) -> Response:
    """As a download, never as a page: whatever it claims to be, no browser shows it under our name."""
    headers = {
        "Content-Disposition": f"attachment; filename=\"attachment\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(octets, media_type="application/octet-stream", headers=headers)
