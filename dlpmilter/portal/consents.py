# SPDX-License-Identifier: Apache-2.0
"""Agreements and exemptions: look, propose, sign, end. Two people make one; who may is asked in holds/consents.py.

Never shows one to somebody without a task in it, and signs nothing by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpmilter.portal.guard import forbidden, text
from dlpmilter.portal.pages import render, see
from dlpmilter.portal.person import Role
from dlpmilter.portal.site import site_of
from dlpmilter.portal.words import CONSENT_STATES, DONE

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from dlpmilter.portal.person import Person

MAKERS = (Role.reviewer, Role.dpo)
"""They propose and sign; works council and auditor look."""


async def page(request: Request, person: Person) -> Response:
    """GET lists them, POST does one thing with one."""
    refused, typed = None, None
    if request.method == "POST":
        if not person.has(*MAKERS):
            return forbidden(request, person)
        form = await request.form(max_files=0)
        act, fields = _asked(form)
        if not act:
            return forbidden(request, person)
        answer = await site_of(request).ask(person, act, **fields)
        if answer["ok"]:
            return see(f"/consents?done={act.partition('-')[2]}")
        refused, typed = answer, form
    everything = request.query_params.get("all") == "yes"
    found = [
        (kind, (await site_of(request).ask(person, f"{kind}-list", all=everything)).get("consents", []))
        for kind in ("agreements", "exemptions")
    ]
    return render(
        request, "consents.html", status=400 if refused else 200, person=person, found=found, refused=refused,
        typed=typed or {}, makes=person.has(*MAKERS), everything=everything, states=CONSENT_STATES,
        done=DONE.get(request.query_params.get("done", "")),
    )  # fmt: skip


def _asked(form: FormData) -> tuple[str, dict[str, Any]]:
    """The request behind a form, "" when it is none of ours."""
    kind, act = text(form, "kind", 20), text(form, "act", 20)
    if kind not in {"agreements", "exemptions"}:
        return "", {}
    if act in {"sign", "revoke"}:
        return f"{kind}-{act}", {"id": text(form, "id", 40)}
    if act == "propose" and kind == "agreements":
        return "agreements-propose", {
            "senders": text(form, "senders").split(), "recipients": text(form, "recipients").split(),
            "data": text(form, "data").split(), "purpose": text(form, "purpose", 600),
            "attachments": text(form, "attachments", 4) == "yes",
            "auto_forward": text(form, "auto_forward", 4) == "yes",
            "starts": text(form, "starts", 20), "ends": text(form, "ends", 20),
        }  # fmt: skip
    if act == "propose":
        days = text(form, "days", 4)
        wanted = {"sender": text(form, "sender", 300), "reason": text(form, "reason", 600)}
        return "exemptions-propose", wanted | {"days": int(days) if days.isascii() and days.isdigit() else 0}
    return "", {}
