# SPDX-License-Identifier: Apache-2.0
"""Numbers for data protection officer, works council, auditor and mail admin. Never a name, a subject or an address.

The works council sees the same page as everybody else here. Groups under five are not told apart (domain.md section 8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.holds.states import State
from dlpmilter.portal.pages import render
from dlpmilter.portal.person import OVERSIGHT, Role
from dlpmilter.portal.site import site_of
from dlpmilter.portal.words import STATES
from dlpmilter.storage import case_rows, consent_rows, outbox_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.requests import Request
    from starlette.responses import Response

    from dlpmilter.portal.person import Person

LEAST = 5
"""A smaller number could point at somebody."""


async def page(request: Request, person: Person) -> Response:
    """How many mails are where, which agreements are in force, whether the machine is well."""
    site = site_of(request)

    def look(conn: Connection) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        kinds = {kind: len(consent_rows.many(conn, kind, {"in_force"})) for kind in ("agreement", "exemption")}
        return case_rows.state_counts(conn), outbox_rows.depth(conn), kinds

    states, owed, consents = await site.database.read(look)
    policy = site.policy
    return render(
        request, "overview.html", person=person, oversees=person.has(*OVERSIGHT), admin=person.has(Role.admin),
        states=[(STATES[State(name)], count if count >= LEAST else None) for name, count in sorted(states.items())],
        owed=sum(owed.values()), consents=consents, policy=policy, governance=policy.governance, least=LEAST,
        accepting=site.desk.accepting,
    )  # fmt: skip
