# SPDX-License-Identifier: Apache-2.0
"""One's own case: what waits and why, what can be done, who looked, what is kept. Never shows a reviewer's name.

The same page behind a link in a notice and behind the sign-in; what is typed stays when something is missing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dlpmilter.holds import actors, evidence
from dlpmilter.holds.form import FIELDS
from dlpmilter.holds.sender_acts import ATTESTED
from dlpmilter.holds.states import TRANSITIONS, WAITING, Act, State
from dlpmilter.portal import exhibit
from dlpmilter.portal.guard import forbidden
from dlpmilter.portal.pages import render, see
from dlpmilter.portal.site import site_of
from dlpmilter.portal.words import DONE, PROBLEMS, STATES, event_words
from dlpmilter.privacy import unmasking
from dlpmilter.privacy.dossiers import Book
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from dlpmilter.holds.actors import Actor
    from dlpmilter.portal.person import Person
    from dlpmilter.portal.site import Site
    from dlpmilter.storage.case_rows import Case

ACTS = ("state", "withdraw", "to-mailbox", "extend", "undo", "attest", "ask-open", "renew", "appeal")
"""What a sender may do; sealing is reason R5 of the form. Nothing of it releases a mail."""

_SIGNED_IN = frozenset({"own", "ask-open"})
_NEEDED = {each.name for each in FIELDS if each.required}
_ORDER = sorted(FIELDS, key=lambda each: each.name not in _NEEDED and not (each.only_if and each.only_if[0] in _NEEDED))
"""What is needed comes first, what only helps after it."""
_FIRST_MORE = next(each.name for each in _ORDER if not each.required and each.only_if is None)


async def show(  # noqa: PLR0913 - what was typed comes back
    request: Request, person: Person, case_id: str, *, base: str, status: int = 200,
    typed: Mapping[str, str] | None = None, problems: Mapping[str, str] | None = None,
    refused: Mapping[str, Any] | None = None,
) -> Response:  # fmt: skip
    """The page of one case, for its sender alone."""
    site = site_of(request)
    found = await site.ask(person, "show", case=case_id)
    case = await site.database.read(lambda conn: case_rows.get(conn, case_id.strip().upper()))
    actor = site.requests.known(person.actor)
    if not found["ok"] or case is None or not actors.is_sender(actor, case):
        return forbidden(request, person if person.method != "link" else None)
    values = _values(site, case, actor, found["case"]["trail"])
    values["open"] = await site.database.read(lambda conn: evidence.opened(conn, case.id, site.clock()))
    book = Book(site.keyring, site.policy.version)
    values["unmasked"] = [
        look for one in await site.database.read(lambda conn: unmasking.of_case(conn, book, case.id))
        for look in one.data["looks"]
    ]  # fmt: skip
    stated = json.loads(case.statement) if case.statement else {}
    return render(
        request, "my_case.html", status=status, person=person if person.method != "link" else None, csrf=person.csrf,
        base=base, case=case, fields=_ORDER, first_more=_FIRST_MORE, typed=dict(typed or stated),
        problems={name: PROBLEMS.get(slug, PROBLEMS["missing"]) for name, slug in (problems or {}).items()},
        refused=refused, done=DONE.get(request.query_params.get("done", "")), **values,
    )  # fmt: skip


async def act(request: Request, person: Person, case_id: str, name: str, form: FormData, *, base: str) -> Response:
    """One act of the sender; then the page again."""
    site = site_of(request)
    case = await site.database.read(lambda conn: case_rows.get(conn, case_id.strip().upper()))
    mine = case is not None and actors.is_sender(site.requests.known(person.actor), case)
    if (
        name not in {*ACTS, "own"} or not mine
    ):  # a reviewer who acts on somebody's behalf does so on the reviewer's page
        return forbidden(request, person if person.method != "link" else None)
    if name in _SIGNED_IN and person.method == "link":  # a link explains and takes back; content needs a sign-in
        return see(f"/sign-in?to=/my/{case_id.strip().upper()}")
    if name == "own":
        return await exhibit.own(request, person, case_id)
    answers = {each.name: value for each in FIELDS if isinstance(value := form.get(each.name, ""), str) and value}
    fields: dict[str, Any] = {"case": case_id}
    if name == "state":
        fields["answers"] = answers
    elif name == "appeal":
        fields["text"] = str(form.get("text", ""))[:2000]
    answer = await site.ask(person, name, **fields)
    if answer["ok"]:
        return see(f"{base}?done={name}")
    if answer["reason"] in {"not-yours", "no-such-case", "wrong-pool"}:
        return forbidden(request, person if person.method != "link" else None)
    status = 503 if answer["exit"] == 75 else 409 if answer["reason"] == "conflict" else 400
    problems = answer.get("problems", {})
    return await show(
        request, person, case_id, base=base, status=status, typed=answers, problems=problems,
        refused=None if problems else answer,
    )  # fmt: skip


def _values(site: Site, case: Case, actor: Actor, entries: list[dict[str, Any]]) -> dict[str, Any]:
    policy = site.policy
    governance = policy.governance
    states = {State(hold.state) for hold in case.holds}
    pools = [each for name in dict.fromkeys(hold.pool for hold in case.holds)
             if governance and (each := governance.pool(name))]  # fmt: skip
    rules = [rule for name in dict.fromkeys(hold.rule for hold in case.holds) if (rule := policy.rule(name))]
    waiting = bool(states & WAITING)
    appeal_pool = governance.appeal_pool if governance else ""
    refused = TRANSITIONS[Act.appeal][0]
    second = bool(appeal_pool) and any(
        hold.state in refused and hold.pool != appeal_pool and governance and not governance.is_closed(hold.pool)
        for hold in case.holds
    )
    return {
        "states": [STATES[each] for each in dict.fromkeys(State(hold.state) for hold in case.holds)],
        "waiting": waiting,
        "sealed": State.sealed in states and case.body_id is not None,
        "office": governance is not None and bool(governance.evidence_pool),
        "can_attest": State.released in states and all(each["event"] != ATTESTED for each in entries),
        "can_withdraw": bool(states & TRANSITIONS[Act.withdraw][0]),
        "can_extend": waiting and not case.extended,
        "can_appeal": second and case.purged_at is None,
        "can_mailbox": waiting and not case.mute and case.body_id is not None,
        "rules": rules, "pools": pools, "governance": governance,
        "reasons": [each["reason"] for each in entries if each["event"] == "rejected" and each["reason"]],
        "events": [(each["at"], event_words(each["event"])) for each in entries],
        "looked": [each for each in entries if each["event"] == "content-opened"],
        "kept_days": policy.hold.case_days, "mine": actor.address,
    }  # fmt: skip
