# SPDX-License-Identifier: Apache-2.0
"""One click to be an employee, a reviewer, ...: for `dlpmilter demo`. Never there in a real installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dlpmilter.holds.form import Said
from dlpmilter.portal import sessions
from dlpmilter.portal.guard import forbidden, text
from dlpmilter.portal.pages import render, see
from dlpmilter.portal.person import Role
from dlpmilter.portal.site import site_of
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from dlpmilter.portal.site import Site


class Part(NamedTuple):
    """One role to play."""

    title: Said
    roles: tuple[Role, ...]
    what: Said


PARTS: dict[str, Part] = {
    "employee": Part(Said("Angestellte", "Employee"), (), Said("Ihre E-Mail wartet: zurückziehen, anders lösen, begründen.", "Your e-mail waits: withdraw it, use another way, explain.")),
    "reviewer": Part(Said("Prüfung", "Reviewer"), (Role.reviewer,), Said("Vorgänge ansehen und entscheiden.", "Look at cases and decide.")),
    "second": Part(Said("Zweite Prüfung", "Second reviewer"), (Role.reviewer,), Said("Wo zwei Freigaben nötig sind, und bei Einspruch.", "Where two approvals are needed, and for objections.")),
    "dpo": Part(Said("Datenschutz", "Data protection officer"), (Role.dpo,), Said("Zahlen und Absprachen, keine Namen.", "Numbers and agreements, no names.")),
    "admin": Part(Said("Mail-Administration", "Mail admin"), (Role.admin,), Said("Zustand ohne Inhalte.", "Health without content.")),
}  # fmt: skip


async def page(request: Request) -> Response:
    """GET shows the roles, POST takes one."""
    site = site_of(request)
    if not site.config.portal.play:
        return forbidden(request, None)
    if request.method != "POST":
        return render(request, "play.html", parts=PARTS)
    form = await request.form(max_files=0)
    name = text(form, "part", 20)
    if name not in PARTS:
        return forbidden(request, None)
    address = await _address(site, name)
    governance = site.policy.governance
    pools = tuple(each.name for each in governance.pools) if governance else ()
    roles = tuple(each.value for each in PARTS[name].roles)
    response = see("/")
    await sessions.start(
        site, response, address=address, name=PARTS[name].title.en, roles=roles,
        pools=pools if Role.reviewer in PARTS[name].roles else (), method="play",
    )  # fmt: skip
    return response


async def _address(site: Site, name: str) -> str:
    """The employee is whoever sent the first mail that waits; the others are nobody's senders."""
    domain = site.config.internal_domains[0]
    if name == "employee":
        open_cases = await site.database.read(lambda conn: case_rows.in_states(conn, {"held", "justified"}, 50))
        return next((case.owner for case in open_cases if case.owner), f"employee@{domain}")
    return f"demo.{name}@{domain}"
