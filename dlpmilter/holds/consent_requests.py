# SPDX-License-Identifier: Apache-2.0
"""Requests about agreements and exemptions: list, show, propose, sign, revoke, answered as JSON.

holds/requests.py checks the request and asks here. Never shows an address to somebody whom nobody mapped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlpmilter.audit import trail
from dlpmilter.facts.consents import AGREEMENT, EXEMPTION
from dlpmilter.holds import scope
from dlpmilter.holds.consents import OPEN, Consents, ConsentState, consent_in
from dlpmilter.storage import consent_rows

if TYPE_CHECKING:
    from dlpmilter.audit.trail import Value
    from dlpmilter.config import Config
    from dlpmilter.holds.actors import Actor
    from dlpmilter.holds.workflow import Workflow
    from dlpmilter.storage.consent_rows import Consent
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.trail_rows import EntryRow

KINDS = {"agreements": AGREEMENT, "exemptions": EXEMPTION}
_COMMON: dict[str, dict[str, type]] = {
    "list": {"all": bool},
    "show": {"id": str},
    "sign": {"id": str},
    "revoke": {"id": str},
}
FIELDS: dict[str, dict[str, type]] = {
    **{f"{group}-{act}": wanted for group in KINDS for act, wanted in _COMMON.items()},
    "agreements-propose": {
        "senders": list,
        "recipients": list,
        "data": list,
        "purpose": str,
        "attachments": bool,
        "auto_forward": bool,
        "starts": str,
        "ends": str,
    },
    "exemptions-propose": {"sender": str, "reason": str, "days": int},
}
"""Request -> the fields it has, like those of holds/requests.py."""
READING = frozenset(act for act in FIELDS if act.endswith(("-list", "-show")))


@dataclass(frozen=True, slots=True)
class ConsentRequests:
    """Answers for one caller; `actor` is None for a keeper of the files whom nobody mapped."""

    config: Config
    database: Database
    person: Callable[[str], str]
    """The main address of the person behind an address, the address itself when nobody knows."""

    async def read(self, actor: Actor | None, act: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """`{"consents": [..]}` or `{"consent": {..}}`."""
        kind = KINDS[act.partition("-")[0]]
        if act.endswith("-list"):
            states = set(ConsentState) if asked["all"] else OPEN
            rows = await self.database.read(lambda conn: consent_rows.many(conn, kind, states))
            return {"consents": [described(one, actor) for one in rows]}
        one = await self.database.read(lambda conn: consent_in(conn, kind, asked["id"]))
        entries = await self.database.read(lambda conn: trail.of_case(conn, one.id))
        return {"consent": described(one, actor) | {"trail": [_told(row, each, actor) for row, each in entries]}}

    async def act(self, workflow: Workflow, actor: Actor, act: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Propose, sign or revoke, under the policy in force. Raises what holds/consents.py raises."""
        policy = workflow.notifier.policy
        book = Consents(self.database, policy.version, self.config.owners, workflow.clock, self.person)
        kind = KINDS[act.partition("-")[0]]
        if act.endswith("-sign"):
            one = await book.sign(kind, asked["id"], actor)
        elif act.endswith("-revoke"):
            one = await book.revoke(kind, asked["id"], actor)
        else:
            build = scope.agreement if kind == AGREEMENT else scope.exemption
            one = await book.propose(actor, build(policy.domains, now=workflow.clock(), **asked))
        return {"consent": described(one, actor)}


def described(one: Consent, actor: Actor | None) -> dict[str, Any]:
    """One as JSON; the names are a contract (design section 6). People and reasons are for mapped people."""
    found: dict[str, Any] = {
        "id": one.id,
        "kind": one.kind,
        "state": one.state,
        "starts": one.starts_at.isoformat(timespec="seconds"),
        "ends": one.ends_at.isoformat(timespec="seconds"),
        "uses": one.uses,
        "last_used": one.last_used_at.isoformat(timespec="seconds") if one.last_used_at else None,
    }
    people = {
        "proposed_by": one.proposed_by,
        "signed_by": one.signed_by,
        "closed_by": one.closed_by,
    }
    if one.kind == AGREEMENT:
        found |= {
            "attachments": one.scope.get("attachments") is True,
            "auto_forward": one.scope.get("auto_forward") is True,
            "data": one.scope.get("data"),
        }
        people |= {
            "senders": one.scope.get("senders"),
            "recipients": one.scope.get("recipients"),
            "purpose": one.reason,
        }
    else:
        people |= {"sender": one.scope.get("sender"), "reason": one.reason}
    return found | (people if actor is not None else dict.fromkeys(people))


def _told(row: EntryRow, fields: Mapping[str, Value], actor: Actor | None) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "day": row.day,
        "event": row.event,
        "at": fields.get("at"),
        "actor": fields.get("actor") if actor is not None else None,
        "role": fields.get("role"),
    }
