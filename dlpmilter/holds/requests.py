# SPDX-License-Identifier: Apache-2.0
"""One request of a person, answered as JSON: about cases here, about agreements in holds/consent_requests.py.

Control socket and command line ask here, so both give the same answers. Never believes a request
about who is calling: that comes from the kernel, beside the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from dlpmilter.audit import trail
from dlpmilter.config import sentence
from dlpmilter.holds import form, mailboxes, reasons
from dlpmilter.holds.actors import Actor, NotAllowed, actor_of, known_person
from dlpmilter.holds.consent_requests import FIELDS as CONSENT_FIELDS
from dlpmilter.holds.consent_requests import READING as CONSENT_READING
from dlpmilter.holds.consent_requests import ConsentRequests
from dlpmilter.holds.consents import NoSuchConsent, NotNow
from dlpmilter.holds.review_acts import Approval
from dlpmilter.holds.states import WAITING, Conflict, State
from dlpmilter.holds.view import described, may_see, told
from dlpmilter.holds.workflow import NoSuchCase, Refused, Workflow, case_in
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.storage import case_rows
from dlpmilter.storage.bodies import BodyError

if TYPE_CHECKING:
    from dlpmilter.config import Config
    from dlpmilter.holds.mailboxes import Mailboxes
    from dlpmilter.holds.workflow import Done
    from dlpmilter.storage.database import Database

Answer = dict[str, Any]
"""`{"ok": true, "cases": [..]}` or `{"ok": true, "case": {..}}` or a refusal; for agreements "consents", "consent"."""

OPEN = frozenset({*WAITING, State.approved, State.releasing, State.release_failed})
FIELDS: dict[str, dict[str, type]] = {
    "list": {"all": bool},
    "show": {"case": str},
    "justify": {"case": str, "code": str, "text": str},
    "state": {"case": str, "answers": dict},
    "seal": {"case": str},
    "ask-open": {"case": str},
    "grant-open": {"case": str},
    "renew": {"case": str},
    "to-mailbox": {"case": str},
    "extend": {"case": str},
    "undo": {"case": str},
    "attest": {"case": str},
    "appeal": {"case": str, "text": str},
    "claim": {"case": str},
    "hand-over": {"case": str, "reason": str, "pool": str},
    "approve": {"case": str, "basis": str, "checked": bool, "delete_by": str, "note": str},
    "reject": {"case": str, "reason": str},
    "approve-all": {"cases": list, "basis": str, "checked": bool, "delete_by": str, "note": str},
    "reject-all": {"cases": list, "reason": str},
    "withdraw": {"case": str},
    "release": {"case": str},
    "unshunt": {"cases": list},
    **CONSENT_FIELDS,
    **mailboxes.FIELDS,
}
_SEVERAL = frozenset({"approve-all", "reject-all", "unshunt"})
MOST_CASES = 500
UNSHUNT_SECONDS = 60.0
"""After this the rest is named and left for the next call: the caller waits 90 s for the answer."""
READING = frozenset({"list", "show", *CONSENT_READING})
ACTING = tuple(act for act in FIELDS if act not in READING | mailboxes.FIELDS.keys())
"""What changes a case, an agreement or an exemption."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the kernel says: the name of the Unix user, and whether the files are his anyway."""

    user: str
    keeper: bool
    """Root or the service's own user: sees that cases exist, not whose they are and what they say."""


def refusal(code: int, slug: str, sentence: str) -> Answer:
    """An answer that says no: the exit code of design section 6, a slug for programs, a sentence for people."""
    return {"ok": False, "exit": code, "reason": slug, "error": sentence}


@dataclass(frozen=True, slots=True)
class Requests:
    """The counter where people ask. `workflow` gives the acts under the policy in force."""

    config: Config
    database: Database
    workflow: Callable[[], Workflow]
    log: Callable[[str, str, str], None] | None = None
    """Told act, case ("" when there is none) and result of everything that could change a case."""
    person: Callable[[str], str] = lambda address: address
    """The main address of the person behind an address (the directory's), for "the sender never decides"."""
    kin: Callable[[str], tuple[frozenset[str], frozenset[str]]] = lambda _: (frozenset(), frozenset())
    """All addresses of the person behind an address, and those of people too close to decide (the directory's)."""
    mailboxes: Mailboxes | None = None
    """The counter for private mailboxes, where there is one."""

    async def answer(self, caller: Caller, request: Mapping[str, Any]) -> Answer:
        """Do what is asked, when this person may. Raises only what nobody foresaw, and ConfigError of `workflow`."""
        return await self._told(request, lambda act, asked: self._of_user(caller, act, asked))

    async def answer_for(self, actor: Actor, request: Mapping[str, Any]) -> Answer:
        """The same for a person who has signed in: who it is and which pools, the sign-in has found out."""
        return await self._told(request, lambda act, asked: self._of_person(self.known(actor), act, asked))

    def known(self, actor: Actor) -> Actor:
        """The person by his main address, as the directory knows him: under two names nobody approves twice."""
        main = next((each for name in (actor.address, actor.key) if (each := self.person(name)) != name), actor.address)
        return known_person(replace(actor, address=main), self.kin)

    async def _told(
        self, request: Mapping[str, Any], work: Callable[[str, Mapping[str, Any]], Awaitable[Answer]]
    ) -> Answer:
        try:
            answer = await work(*_checked(request))
        except Exception as error:
            refused = _told(error)
            if refused is None:
                raise
            answer = refused
        if self.log is not None and request.get("act") in ACTING:
            for each in answer.get("cases", (answer,)):
                self.log(request["act"], _number_in(each), each.get("reason", "done"))
        return answer

    async def _of_user(self, caller: Caller, act: str, asked: Mapping[str, Any]) -> Answer:
        if act in READING:
            return await self._read(self._reader(caller), act, asked, keeper=caller.keeper)
        if act == "unshunt" and caller.keeper:  # the rules decide, so whoever runs the service may ask them again
            keeper = Actor(caller.user, caller.user, frozenset())
            return {"ok": True, "cases": await self._unshunted(_names(asked["cases"]), keeper)}
        if act in mailboxes.FIELDS:
            if self.mailboxes is None:
                raise ValueError("private mailboxes are not kept here")
            return await self.mailboxes.answer(caller.user, act, asked)
        return await self._acted(self.known(actor_of(caller.user, self.config)), act, asked)

    async def _of_person(self, actor: Actor, act: str, asked: Mapping[str, Any]) -> Answer:
        if act in READING:
            return await self._read(actor, act, asked, keeper=False)
        if act in mailboxes.FIELDS:
            if self.mailboxes is None:
                raise ValueError("private mailboxes are not kept here")
            return await self.mailboxes.answer_for(actor, act, asked)
        return await self._acted(actor, act, asked)

    async def _read(self, actor: Actor | None, act: str, asked: Mapping[str, Any], *, keeper: bool) -> Answer:
        if act == "list":
            return {"ok": True, "cases": await self._list(actor, keeper=keeper, everything=asked["all"])}
        if act == "show":
            return {"ok": True, "case": await self._show(actor, asked["case"], keeper=keeper)}
        consents = ConsentRequests(self.config, self.database, self.person)
        return {"ok": True} | await consents.read(actor, act, asked)

    async def _acted(self, actor: Actor, act: str, asked: Mapping[str, Any]) -> Answer:
        if act in CONSENT_FIELDS:
            consents = ConsentRequests(self.config, self.database, self.person)
            return {"ok": True} | await consents.act(self.workflow(), actor, act, asked)
        if act in _SEVERAL:
            return {"ok": True, "cases": await self._several(act, actor, asked)}
        done = await self._act(act, actor, asked)
        return {"ok": True, "case": described(done.case, actor) | {"approvals_missing": done.waiting_for}}

    async def _list(self, actor: Actor | None, *, keeper: bool, everything: bool) -> list[dict[str, Any]]:
        states = set(State) if everything else OPEN
        cases = await self.database.read(lambda conn: case_rows.in_states(conn, states))
        return [described(case, actor) for case in cases if keeper or may_see(case, actor)]

    async def _show(self, actor: Actor | None, case_id: str, *, keeper: bool) -> dict[str, Any]:
        case = await self.database.read(lambda conn: case_in(conn, case_id))
        if not keeper and not may_see(case, actor):
            raise NotAllowed(
                "not-yours", f"case {case.id} is not your own mail, and none of your pools decides about it"
            )
        entries = await self.database.read(lambda conn: trail.of_case(conn, case.id))
        return described(case, actor) | {"trail": [told(row, fields, case, actor) for row, fields in entries]}

    def _reader(self, caller: Caller) -> Actor | None:
        """The person who looks; None for a keeper whom nobody mapped. Raises NotAllowed for all others."""
        try:
            return self.known(actor_of(caller.user, self.config))
        except NotAllowed:
            if caller.keeper:
                return None
            what = f"the Unix user {caller.user!r} is not in [reviewers] of dlpmilter.toml, so nothing can be shown"
            raise NotAllowed("not-mapped", f"{what}; ask your mail admin") from None

    async def _several(self, act: str, actor: Actor, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """One answer a case, in the order they were asked."""
        names = _names(asked["cases"])
        if act == "unshunt":
            if not actor.pools:
                raise NotAllowed("not-a-reviewer", "mails are judged again for reviewers and for who runs the service")
            return await self._unshunted(names, actor)
        if not 0 < len(names) <= MOST_CASES:
            raise ValueError(f"{len(names)} cases: between 1 and {MOST_CASES} can be decided at once")
        workflow = self.workflow()
        if act == "approve-all":
            found = await workflow.approve_all(names, actor, _approval(asked))
        else:
            found = await workflow.reject_all(names, actor, asked["reason"])
        answers: list[dict[str, Any]] = []
        for each in found:
            if isinstance(each, Refused):
                answers.append({"case": each.case_id} | (_told(each.error) or {}))
            else:
                answers.append({"ok": True} | described(each.case, actor) | {"approvals_missing": each.waiting_for})
        return answers

    async def _unshunted(self, names: list[str], actor: Actor) -> list[dict[str, Any]]:
        """These cases, or every one on which the judge had broken; one that still breaks stops no other."""
        workflow = self.workflow()
        answers: list[dict[str, Any]] = []
        until = asyncio.get_running_loop().time() + UNSHUNT_SECONDS
        for name in names or await workflow.shunted():
            if asyncio.get_running_loop().time() > until:
                answers.append({"case": name} | refusal(75, "later", "Not tried yet: call it again for the rest."))
                continue
            try:
                done = await workflow.unshunt(name, actor)
            except Exception as error:
                if (refused := _told(error)) is None:
                    raise
                answers.append({"case": name} | refused)
            else:
                answers.append({"ok": True} | described(done.case, actor) | {"approvals_missing": 0})
        return answers

    async def _act(self, act: str, actor: Actor, asked: Mapping[str, Any]) -> Done:
        workflow, case_id = self.workflow(), asked["case"]
        acts: dict[str, Callable[[], Awaitable[Done]]] = {
            "justify": lambda: workflow.justify(
                case_id, actor, form.short(reasons.known(asked["code"]), asked["text"])
            ),
            "state": lambda: workflow.justify(case_id, actor, form.read(asked["answers"])),
            "seal": lambda: workflow.seal(case_id, actor),
            "ask-open": lambda: workflow.ask_open(case_id, actor),
            "grant-open": lambda: workflow.grant_open(case_id, actor),
            "renew": lambda: workflow.renew(case_id, actor),
            "to-mailbox": lambda: workflow.to_mailbox(case_id, actor),
            "extend": lambda: workflow.extend(case_id, actor),
            "attest": lambda: workflow.attest(case_id, actor),
            "undo": lambda: workflow.undo(case_id, actor),
            "appeal": lambda: workflow.appeal(case_id, actor, asked["text"]),
            "claim": lambda: workflow.claim(case_id, actor),
            "hand-over": lambda: workflow.hand_over(case_id, actor, asked["reason"], asked["pool"]),
            "approve": lambda: workflow.approve(case_id, actor, _approval(asked)),
            "reject": lambda: workflow.reject(case_id, actor, asked["reason"]),
            "withdraw": lambda: workflow.withdraw(case_id, actor),
            "release": lambda: workflow.release(case_id, actor),
        }
        return await acts[act]()


def _names(asked: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(each.strip().upper() for each in asked))


def _approval(asked: Mapping[str, Any]) -> Approval:
    """`checked` is one tick for both questions: necessary, and no safer way. Raises ValueError."""
    day = asked["delete_by"]
    try:
        delete_by = date.fromisoformat(day) if day else None
    except ValueError:
        raise ValueError(f"{day[:20]!r} is not a date, for example 2026-12-31") from None
    return Approval(asked["basis"], asked["checked"], asked["checked"], delete_by, " ".join(asked["note"].split()))


def _checked(request: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The act and its fields, all of them and no other. Raises ValueError."""
    act = request.get("act")
    if not isinstance(act, str) or act not in FIELDS:
        raise ValueError(f"this is not something to ask for; known are {', '.join(FIELDS)}")
    wanted = FIELDS[act]
    if unknown := sorted(set(request) - {"act", *wanted}):
        raise ValueError(f"{act} does not take {unknown[0][:40]!r}; who is calling is never part of a request")
    for name, kind in wanted.items():
        value = request.get(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError(f"{act} needs {name!r}")
        for text in _texts(value):
            if not isinstance(text, str):
                raise ValueError(f"{name!r} holds texts only")  # noqa: TRY004 - as above
            if not text.isascii() and not _encodable(text):
                raise ValueError(f"{name!r} is not valid UTF-8")
    return act, {name: request[name] for name in wanted}


def _texts(value: object) -> list[Any]:
    """Every text of one field of a request."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def _number_in(answer: Answer) -> str:
    """The case, agreement or exemption that was changed, "" when none was."""
    if not answer["ok"]:
        return ""
    if "consent" in answer:
        return str(answer["consent"]["id"])
    return str(answer["case"]["case"] if isinstance(answer["case"], dict) else answer["case"])


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _told(error: Exception) -> Answer | None:
    """What a person hears of an error; None when it is none that we foresaw."""
    if isinstance(error, NotAllowed):
        return refusal(1, error.slug, sentence(str(error)))
    if isinstance(error, Conflict | NotNow):
        return refusal(1, "conflict", sentence(str(error)))
    if isinstance(error, NoSuchConsent):
        return refusal(1, "no-such-consent", sentence(str(error)))
    if isinstance(error, NoSuchCase):
        return refusal(1, "no-such-case", sentence(str(error)))
    if isinstance(error, BodyError):
        return refusal(1, "content-unreadable", f"The held mail cannot be opened: {error}.")
    if isinstance(error, TemporaryFailure):
        cause = getattr(error, "cause", error.text)
        return refusal(75, "temporary", f"The database cannot be used right now: {cause}. Try again.")
    if isinstance(error, form.FormProblems):
        return refusal(2, "usage", sentence(str(error))) | {"problems": error.problems}
    return refusal(2, "usage", sentence(str(error))) if isinstance(error, ValueError) else None
