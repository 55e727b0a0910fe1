# SPDX-License-Identifier: Apache-2.0
"""Agreements and exemptions as recorded objects: propose, sign, revoke, expire. Nobody grants one to himself.

Two different people make one, neither of them a sender it covers. A transition is a compare-and-set together
with its entry in the trail, in one transaction. Never extends one: who needs longer proposes a new one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.facts.consents import AGREEMENT, EXEMPTION, IN_FORCE
from dlpmilter.holds.actors import NotAllowed, canonical
from dlpmilter.model.consent import EXEMPTION_DAYS
from dlpmilter.storage import consent_rows
from dlpmilter.storage.consent_rows import Consent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.holds.actors import Actor
    from dlpmilter.storage.database import Database

AGREEMENT_DAYS = 366
TEXT_LIMIT = 500
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PREFIX = {AGREEMENT: "A", EXEMPTION: "E"}
_WORD = {AGREEMENT: "agreement", EXEMPTION: "exemption"}


class ConsentState(StrEnum):
    """Where an agreement or exemption stands."""

    proposed = "proposed"
    in_force = IN_FORCE
    revoked = "revoked"
    refused = "refused"
    expired = "expired"


class ConsentAct(StrEnum):
    """What moves one."""

    sign = "sign"
    revoke = "revoke"
    refuse = "refuse"
    expire = "expire"


OPEN = frozenset({ConsentState.proposed, ConsentState.in_force})
CLOSED = frozenset(ConsentState) - OPEN
TRANSITIONS: Mapping[ConsentAct, tuple[frozenset[ConsentState], ConsentState]] = {
    ConsentAct.sign: (frozenset({ConsentState.proposed}), ConsentState.in_force),
    ConsentAct.revoke: (frozenset({ConsentState.in_force}), ConsentState.revoked),
    ConsentAct.refuse: (frozenset({ConsentState.proposed}), ConsentState.refused),
    ConsentAct.expire: (OPEN, ConsentState.expired),
}
_EVENT = {
    ConsentAct.sign: "signed",
    ConsentAct.revoke: "revoked",
    ConsentAct.refuse: "refused",
    ConsentAct.expire: "expired",
}


class NoSuchConsent(Exception):
    """No agreement or exemption has this id."""


class NotNow(Exception):
    """The act does not fit the state; the text says how things stand."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed: checked text and scope, see holds/scope.py."""

    kind: str
    scope: Mapping[str, Value]
    reason: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Consents:
    """The acts of people on agreements and exemptions, under one policy."""

    database: Database
    policy_version: str
    owners: Mapping[str, str]
    """Address without a person -> address of the person who answers for it."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    person: Callable[[str], str] = lambda address: address
    """The main address of the person behind an address (the directory's); the address itself when unknown."""

    async def propose(self, actor: Actor, proposal: Proposal) -> Consent:
        """The first of the two. Raises NotAllowed, ValueError, TemporaryFailure."""
        reason = " ".join(proposal.reason.split())
        if not reason or len(reason) > TEXT_LIMIT:
            raise ValueError(f"say why in 1 to {TEXT_LIMIT} characters: the report shows it")
        _check_times(proposal, self.clock())
        self._refuse_covered(actor, proposal.kind, proposal.scope)
        return await self.database.write(partial(self._propose, actor=actor, proposal=replace(proposal, reason=reason)))

    async def sign(self, kind: str, consent_id: str, actor: Actor) -> Consent:
        """The second of the two: with it the thing is in force. Raises NoSuchConsent, NotNow, NotAllowed."""
        return await self.database.write(partial(self._sign, kind=kind, consent_id=consent_id, actor=actor))

    async def revoke(self, kind: str, consent_id: str, actor: Actor) -> Consent:
        """End it, or refuse what is only proposed; one person is enough, also a covered one."""
        return await self.database.write(partial(self._revoke, kind=kind, consent_id=consent_id, actor=actor))

    def _propose(self, conn: Connection, *, actor: Actor, proposal: Proposal) -> Consent:
        now = self.clock()
        one = Consent(
            id=_new_id(conn, proposal.kind),
            kind=proposal.kind,
            state=ConsentState.proposed,
            scope=proposal.scope,
            reason=proposal.reason,
            starts_at=proposal.starts_at,
            ends_at=proposal.ends_at,
            proposed_by=actor.address,
            proposed_at=now,
        )
        consent_rows.add(conn, one)
        fields = _scope_fields(one) | _acting(actor, "proposer") | {"reason": one.reason}
        self._write_down(conn, one, "proposed", fields, now)
        return one

    def _sign(self, conn: Connection, *, kind: str, consent_id: str, actor: Actor) -> Consent:
        now, one = self.clock(), consent_in(conn, kind, consent_id)
        if one.state == ConsentState.proposed and one.ends_at <= now:
            raise NotNow(f"{one.id} is over before anybody signed it; propose a new one")
        if one.state == ConsentState.proposed:
            if canonical(one.proposed_by) == actor.key or self.person(actor.address) == self.person(one.proposed_by):
                raise NotAllowed("two-people", f"you proposed {one.id}; a second person has to sign it")
            self._refuse_covered(actor, kind, one.scope)
        marks = {"signed_by": actor.address, "signed_at": now}
        fields = _scope_fields(one) | _acting(actor, "signer")
        return self._move(conn, ConsentAct.sign, one, marks, fields, now)

    def _revoke(self, conn: Connection, *, kind: str, consent_id: str, actor: Actor) -> Consent:
        now, one = self.clock(), consent_in(conn, kind, consent_id)
        act = ConsentAct.refuse if one.state == ConsentState.proposed else ConsentAct.revoke
        fields = _acting(actor, "reviewer") | {"count": one.uses}
        return self._move(conn, act, one, {"closed_by": actor.address, "closed_at": now}, fields, now)

    def expire(self, conn: Connection, consent_id: str, now: datetime) -> bool:
        """Note that one is over, inside the caller's transaction; it covers nothing since `ends_at` anyway."""
        one = consent_rows.get(conn, consent_id)
        if one is None or one.state not in OPEN or one.ends_at > now:
            return False
        self._move(conn, ConsentAct.expire, one, {"closed_at": now}, {"count": one.uses}, now)
        return True

    def _move(
        self,
        conn: Connection,
        act: ConsentAct,
        one: Consent,
        marks: Mapping[str, object],
        fields: dict[str, Value],
        now: datetime,
    ) -> Consent:
        sources, target = TRANSITIONS[act]
        if not consent_rows.set_state(conn, one.id, sources, target, marks):
            raise NotNow(f"{act} is not possible now: {one.id} is {one.state.replace('_', ' ')}")
        self._write_down(conn, one, _EVENT[act], fields, now)
        return consent_rows.get(conn, one.id) or one

    def _write_down(self, conn: Connection, one: Consent, event: str, fields: dict[str, Value], now: datetime) -> None:
        trail.append(conn, Entry(f"{_WORD[one.kind]}-{event}", "none", self.policy_version, one.id, fields, now))

    def _refuse_covered(self, actor: Actor, kind: str, scope: Mapping[str, Value]) -> None:
        """Raise NotAllowed when the actor is one of the senders, by whatever address: the sender never decides."""
        own = {actor.key, canonical(self.person(actor.address))}
        owners = {canonical(address): canonical(person) for address, person in self.owners.items()}
        for recipient in recipients_of(scope):
            if canonical(self.person(recipient)) in own:
                what = f"{recipient} is a mailbox of yours; two other people have to agree"
                raise NotAllowed("sender-never-decides", what)
        for sender in senders_of(kind, scope):
            names = {canonical(sender), canonical(self.person(sender)), owners.get(canonical(sender), "")}
            if own & names:
                raise NotAllowed(
                    "sender-never-decides",
                    f"you are the sender {sender} that it covers; two other people have to agree",
                )
            if "@" not in sender and any(each.rpartition("@")[2] == sender for each in own):
                what = f"it covers everybody of {sender}, so you, too"
                raise NotAllowed(
                    "sender-never-decides", f"{what}; name the senders one by one, without the two who agree"
                )


def recipients_of(scope: Mapping[str, Value]) -> tuple[str, ...]:
    """Addresses and domains that may get the mail; none for an exemption."""
    found = scope.get("recipients", ())
    return tuple(str(each) for each in found) if isinstance(found, list | tuple) else ()


def senders_of(kind: str, scope: Mapping[str, Value]) -> tuple[str, ...]:
    """Addresses and domains of those whose mail it covers."""
    found = scope.get("senders") if kind == AGREEMENT else [scope.get("sender")]
    return tuple(str(each) for each in found if each) if isinstance(found, list | tuple) else ()


def consent_in(conn: Connection, kind: str, consent_id: str) -> Consent:
    """The one with this id, however it is written. Raises NoSuchConsent."""
    one = consent_rows.get(conn, consent_id.strip().upper())
    if one is None or one.kind != kind:
        word = _WORD[kind]
        raise NoSuchConsent(f"there is no {word} {consent_id[:40]!r}; `dlpmilter {word}s list` shows them")
    return one


def _check_times(proposal: Proposal, now: datetime) -> None:
    if proposal.ends_at <= now:
        raise ValueError("the end lies in the past; name a later day")
    if proposal.ends_at <= proposal.starts_at:
        raise ValueError("it would end before it starts; name a later end or an earlier start")
    most = AGREEMENT_DAYS if proposal.kind == AGREEMENT else EXEMPTION_DAYS
    if proposal.ends_at - proposal.starts_at > timedelta(days=most):
        raise ValueError(
            f"an {_WORD[proposal.kind]} lasts {most} days at most; propose a shorter one and renew it then"
        )
    if proposal.starts_at > now + timedelta(days=AGREEMENT_DAYS):
        raise ValueError(f"it may start {AGREEMENT_DAYS} days from now at the latest; propose it later")


def _new_id(conn: Connection, kind: str) -> str:
    """Short enough to read out; as many tries as it takes, though a second one is rare."""
    while True:
        letters = "".join(secrets.choice(_LETTERS) for _ in range(6))
        if not consent_rows.known(conn, found := f"{_PREFIX[kind]}-{letters}"):
            return found


def _acting(actor: Actor, role: str) -> dict[str, Value]:
    return {"actor": actor.address, "actor-user": actor.user, "role": role}


def _scope_fields(one: Consent) -> dict[str, Value]:
    """What is agreed, by layer: persons apart from facts."""
    fields: dict[str, Value] = {
        "senders": list(senders_of(one.kind, one.scope)),
        "starts": one.starts_at.isoformat(timespec="seconds"),
        "ends": one.ends_at.isoformat(timespec="seconds"),
    }
    if one.kind == AGREEMENT:
        fields |= {
            "recipients": _list(one.scope.get("recipients")),
            "data-groups": _list(one.scope.get("data")),
            "attachments-allowed": one.scope.get("attachments") is True,
            "auto-forward-allowed": one.scope.get("auto_forward") is True,
        }
    return fields


def _list(value: Value | Iterable[Value]) -> list[Value]:
    return list(value) if isinstance(value, list | tuple) else []
