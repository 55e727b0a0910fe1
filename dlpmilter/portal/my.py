# SPDX-License-Identifier: Apache-2.0
"""What everybody has: the own cases and the own private mailboxes. Never shows anybody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.holds import actors
from dlpmilter.holds.states import WAITING, State
from dlpmilter.model.words import Kind
from dlpmilter.portal import my_case
from dlpmilter.portal.guard import text
from dlpmilter.portal.pages import render, see
from dlpmilter.portal.person import OVERSIGHT, Role
from dlpmilter.portal.site import site_of
from dlpmilter.portal.words import DONE, STATES
from dlpmilter.storage import case_rows, queue_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from starlette.requests import Request
    from starlette.responses import Response

    from dlpmilter.portal.person import Person
    from dlpmilter.storage.case_rows import Case, Hold


MOST = 200
"""Cases one click moves; the next one takes the rest."""


async def home(_: Request, person: Person) -> Response:
    """Where the person has most to do."""
    if person.has(Role.reviewer):
        return see("/queue")
    return see("/overview" if person.has(Role.admin, *OVERSIGHT) else "/my")


async def cases(request: Request, person: Person) -> Response:
    """The own cases, newest first."""
    mine = await _own(request, person)
    return render(
        request, "my.html", person=person, cases=mine, states=_states, waits=_waits, csrf=person.csrf,
        forwarded=sum(map(_forwarded, mine)), done=DONE.get(request.query_params.get("done", "")),
    )  # fmt: skip


async def fetch(request: Request, person: Person) -> Response:
    """Everything a mailbox rule forwarded, into the own business mailbox with one click."""
    done = ""
    for each in [case for case in await _own(request, person) if _forwarded(case)][:MOST]:
        answer = await site_of(request).ask(person, "to-mailbox", case=each.id)
        done = "to-mailbox" if answer["ok"] else done
    return see(f"/my?done={done}")


async def _own(request: Request, person: Person) -> list[Case]:
    site = site_of(request)
    actor = site.requests.known(person.actor)
    names = {person.address, actor.address, *site.requests.kin(actor.address)[0]}
    found = await site.database.read(lambda conn: case_rows.many(conn, queue_rows.of_owner(conn, names)))
    return [case for case in reversed(found) if actors.is_sender(actor, case)]


def _forwarded(case: Case) -> bool:
    return case.kind == Kind.auto_forward and not case.mute and case.body_id is not None and _waits(case)


def _states(case: Case) -> list[object]:
    return [STATES[State(each)] for each in dict.fromkeys(hold.state for hold in case.holds)]


def _waits(case: Case) -> bool:
    return any(_waiting(hold) for hold in case.holds)


def _waiting(hold: Hold) -> bool:
    return hold.state in WAITING


async def case(request: Request, person: Person) -> Response:
    """One of them."""
    case_id = request.path_params["case"]
    return await my_case.show(request, person, case_id, base=f"/my/{case_id}")


async def act(request: Request, person: Person) -> Response:
    """One act on one of them."""
    form, case_id = await request.form(max_files=0), request.path_params["case"]
    return await my_case.act(request, person, case_id, text(form, "act", 40), form, base=f"/my/{case_id}")


async def mailboxes(request: Request, person: Person) -> Response:
    """The own private mailboxes: what counts as "yours", and what somebody proposed."""
    site = site_of(request)
    refused, typed = None, ""
    if request.method == "POST":
        form = await request.form(max_files=0)
        name, typed = text(form, "act", 20), text(form, "address", 254).strip()
        fields: Mapping[str, Any] = {"address": typed} | ({"person": ""} if name == "remove" else {})
        wanted = f"mailbox-{name}" if name in {"add", "confirm", "remove"} else "mailbox-list"
        answer = await site.ask(person, wanted, **(fields if wanted != "mailbox-list" else {}))
        if answer["ok"]:
            return see("/my/mailboxes?done=mailbox")
        refused = answer
    found = await site.ask(person, "mailbox-list")
    return render(
        request, "mailboxes.html", status=400 if refused else 200, person=person, mailboxes=found.get("mailboxes", []),
        refused=refused, typed=typed, done=DONE.get(request.query_params.get("done", "")),
    )  # fmt: skip
