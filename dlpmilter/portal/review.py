# SPDX-License-Identifier: Apache-2.0
"""The reviewer's pages: the queue, one case with the sender's words before any content, decisions.

Who may decide is asked in holds/ for each act. Never shows a case of another pool, or one's own mail, to decide on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dlpmilter.holds import actors, evidence
from dlpmilter.holds.form import BASES, FIELDS, NO_QUESTIONS, PRIVATE, QUESTIONS, UNKNOWN
from dlpmilter.holds.reasons import REASONS
from dlpmilter.holds.states import TRANSITIONS, WAITING, Act, State
from dlpmilter.holds.view import is_shut
from dlpmilter.model.words import Action
from dlpmilter.portal.guard import forbidden, text
from dlpmilter.portal.pages import render, see
from dlpmilter.portal.site import site_of
from dlpmilter.portal.words import CLASSES, DONE, RELATIONS, WAITING_FOR, event_words
from dlpmilter.storage import case_rows, evidence_rows, queue_rows
from dlpmilter.storage.queue_rows import PAGE, Wish

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from dlpmilter.portal.person import Person
    from dlpmilter.portal.site import Site
    from dlpmilter.storage.case_rows import Case

Refused = Mapping[str, Any]
"""A refusal of the counter: its slug and its sentence."""
ACTS = ("claim", "hand-over", "approve", "reject", "release", "grant-open", "renew")
_STAYING = frozenset({"claim", "release", "grant-open", "renew"})
"""Acts after which the page of the case is what one wants to see."""
OPEN = (*sorted(WAITING), State.release_failed)


async def queue(request: Request, person: Person, *, refused: tuple[Refused, ...] = (), status: int = 200) -> Response:
    """Open cases of the person's pools."""
    site, asked = site_of(request), request.query_params
    mine = site.requests.known(person.actor)
    claimed = {"me": mine.address, "nobody": "nobody"}.get(asked.get("claimed", ""), "")
    wish = Wish(
        recipient_class=asked.get("class", "")[:40], rule=asked.get("rule", "")[:80],
        reason_code=asked.get("reason", "")[:4], claimed_by=claimed, urgent=asked.get("urgent") == "yes",
        newest=asked.get("order") == "newest",
    )  # fmt: skip
    wanted = asked.get("state", "")
    states: tuple[str, ...] = (wanted,) if wanted in OPEN else OPEN
    if wish.reason_code or wish.urgent:  # nobody has said anything about what is only held: nothing to look through
        states = tuple(each for each in states if each != State.held)
    rows = await site.database.read(
        lambda conn: queue_rows.page(conn, mine.pools, states, wish, _place(asked.get("after", "")), PAGE + 1)
    )
    counts = await site.database.read(lambda conn: queue_rows.counts(conn, mine.pools, OPEN))
    more = _next(request, rows[PAGE - 1]) if len(rows) > PAGE else ""
    policy = site.policy
    titles = {each: rule.title for each in {row.rule for row in rows} if (rule := policy.rule(each))}
    return render(
        request, "queue.html", status=status, person=person, csrf=person.csrf, rows=rows[:PAGE], counts=counts,
        more=more, asked=asked, states=WAITING_FOR, open_states=[State(each) for each in OPEN], reasons=REASONS,
        classes=CLASSES, titles=titles, refused=refused, bases=_bases(), mine=mine.address,
        rules=[rule for rule in policy.rules if rule.action is Action.hold], done=DONE.get(asked.get("done", "")),
    )  # fmt: skip


def _place(after: str) -> tuple[datetime, int] | None:
    due, _, number = after.partition(".")
    if not (due.isdigit() and number.isdigit()) or len(after) > 40:
        return None
    try:
        return datetime.fromtimestamp(int(due) / 1_000_000, UTC), int(number)
    except (OverflowError, OSError, ValueError):
        return None


def _next(request: Request, row: queue_rows.QueueRow) -> str:
    after = f"{round(row.due.timestamp() * 1_000_000)}.{row.hold_id}"
    return "?" + str(request.url.include_query_params(after=after).query)


async def decide(request: Request, person: Person) -> Response:
    """Several cases with one decision; each has its own record, and what could not be decided is named."""
    form = await request.form(max_files=0, max_fields=2000)
    chosen = [each for each in form.getlist("case") if isinstance(each, str)]
    name = text(form, "act", 20)
    fields = _decision(name, form)
    if not chosen or fields is None:
        nothing = {"reason": "nothing-chosen", "error": "Choose at least one case, and a decision."}
        return await queue(request, person, refused=(nothing,), status=400)
    answer = await site_of(request).ask(person, f"{name}-all", cases=chosen, **fields)
    if not answer["ok"]:
        return await queue(request, person, refused=(answer,), status=400)
    failed = tuple(each | {"error": f"{each['case']}: {each['error']}"} for each in answer["cases"] if not each["ok"])
    if failed:
        return await queue(request, person, refused=failed, status=409)
    return see(f"/queue?done={name}")


def _decision(name: str, form: FormData) -> dict[str, Any] | None:
    if name == "approve":
        return {"basis": text(form, "basis", 40), "checked": text(form, "checked", 4) == "yes",
                "delete_by": text(form, "delete_by", 20), "note": text(form, "note")}  # fmt: skip
    return {"reason": text(form, "reason")} if name == "reject" else None


async def case(
    request: Request, person: Person, *, refused: Refused | None = None, typed: FormData | None = None,
    status: int = 200, shown: dict[str, Any] | None = None,
) -> Response:  # fmt: skip
    """One case to decide on."""
    site, case_id = site_of(request), request.path_params["case"].strip().upper()
    found = await site.database.read(lambda conn: case_rows.get(conn, case_id))
    actor = site.requests.known(person.actor)
    if found is None or not _may_decide(actor, found):
        return forbidden(request, person)
    answer = await site.ask(person, "show", case=case_id)
    keys = await site.database.read(lambda conn: evidence_rows.get(conn, found.id))
    both = await site.database.read(lambda conn: evidence.opened(conn, found.id, site.clock()))
    mine_too = both is not None and actors.canonical(both.office_by) == actor.key
    return render(
        request, "review.html", status=status, person=person, csrf=person.csrf, case=found, refused=refused,
        typed=typed or {}, bases=_bases(), done=DONE.get(request.query_params.get("done", "")), shown=shown or {},
        **(_values(site, found, actor, answer["case"]["trail"]) | ({"closed": False} if mine_too else {})),
        keys=keys, both=both,
    )  # fmt: skip


def _may_decide(actor: actors.Actor, case: Case) -> bool:
    try:
        actors.refuse_sender(actor, case)
        return bool(actors.of_pools(actor, case, case.holds))
    except actors.NotAllowed:
        return False


def _values(site: Site, case: Case, actor: actors.Actor, entries: list[dict[str, Any]]) -> dict[str, Any]:
    policy, governance = site.policy, site.policy.governance
    mine = [hold for hold in case.holds if hold.pool in actor.pools]
    states = {State(hold.state) for hold in mine}
    said = json.loads(case.statement) if case.statement else {}
    asked = ("code", "purpose") if case.justification_code in NO_QUESTIONS else tuple(QUESTIONS)
    answers = [
        (each.label, (each.choices or {}).get(value, value))
        for each in FIELDS
        if each.name in asked and (value := said.get(each.name))
    ]
    taken = next((hold.claimed_by for hold in mine if hold.claimed_by), None)
    return {
        "closed": is_shut(case), "private": case.justification_code == PRIVATE,
        "sealed": State.sealed in {State(hold.state) for hold in mine},
        "holds": mine, "states": WAITING_FOR, "classes": CLASSES, "relations": RELATIONS, "answers": answers,
        "rules": [rule for name in dict.fromkeys(hold.rule for hold in mine) if (rule := policy.rule(name))],
        "waiting": bool(states & WAITING), "failed": State.release_failed in states,
        "taken": taken, "taken_by_me": taken is not None and actors.canonical(taken) == actor.key,
        "can_claim": bool(states & TRANSITIONS[Act.claim][0]) and taken is None,
        "pools": governance.pools if governance else (), "governance": governance,
        "events": [(each, event_words(each["event"])) for each in entries],
        "approvals": max((hold.approvals_needed for hold in mine), default=1),
    }  # fmt: skip


def _bases() -> dict[str, Any]:
    return {slug: (QUESTIONS["basis"].choices or {})[slug] for slug in BASES if slug != UNKNOWN}


async def act(request: Request, person: Person) -> Response:
    """One act on one case."""
    form, case_id = await request.form(max_files=0), request.path_params["case"]
    name = text(form, "act", 20)
    if name not in ACTS:
        return forbidden(request, person)
    fields = _decision(name, form) or {}
    if name == "hand-over":
        fields = {"reason": text(form, "reason"), "pool": text(form, "pool", 80)}
    answer = await site_of(request).ask(person, name, case=case_id, **fields)
    if answer["ok"]:
        return see(f"/queue/{case_id}?done={name}" if name in _STAYING else f"/queue?done={name}")
    if answer["reason"] in {"wrong-pool", "no-such-case", "sender-never-decides", "too-close"}:
        return forbidden(request, person)
    status = 503 if answer["exit"] == 75 else 409 if answer["exit"] == 1 else 400
    return await case(request, person, refused=answer, typed=form, status=status)
