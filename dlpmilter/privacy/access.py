# SPDX-License-Identifier: Apache-2.0
"""Requests for access (Art. 15) and erasure (Art. 17): who asks, whether it is that person, what the answer is.

A request that came by mail opens a dossier and does nothing else: From and DKIM are no identity. Never decides:
the DPO does.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from dlpmilter.audit import forget
from dlpmilter.holds.actors import canonical
from dlpmilter.model.address import AddressError, parse_address
from dlpmilter.privacy import erasure
from dlpmilter.privacy.dossiers import Dossier, Moved, acted_by
from dlpmilter.privacy.report_person import report_on
from dlpmilter.storage import vault_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.privacy.dossiers import Book, Officer

KIND = "access"
ACK = timedelta(days=3)
ALERT = timedelta(days=21)
FREEZE = timedelta(days=92)
"""A month and the two more that Art. 12(3) allows."""
MOST_ADDRESSES = 20
Wish = Literal["access", "erasure"]


class State(StrEnum):
    """Where a request stands."""

    received = "received"
    identity_pending = "identity_pending"
    doubt = "doubt"
    verified = "verified"
    refusal_proposed = "refusal_proposed"
    answered = "answered"


OPEN = frozenset(State) - {State.answered}
TRANSITIONS: dict[str, tuple[frozenset[State], State]] = {
    "ask-identity": (frozenset({State.received, State.doubt}), State.identity_pending),
    "doubt": (frozenset({State.received, State.identity_pending}), State.doubt),
    "verify": (frozenset({State.received, State.identity_pending, State.doubt}), State.verified),
    "extend": (OPEN, State.received),
    "answer": (frozenset({State.verified}), State.answered),
    "propose-refusal": (frozenset({State.verified, State.doubt}), State.refusal_proposed),
    "refuse": (frozenset({State.refusal_proposed}), State.answered),
    "erase": (frozenset({State.verified}), State.answered),
}
"""act -> (from, to); `extend` stays where it is."""


@dataclass(frozen=True, slots=True)
class Request:
    """What comes in. `proven` is true only for who has signed in and asks about the own address."""

    wish: Wish
    addresses: tuple[str, ...]
    channel: str
    proven: bool = False


def a_month_later(start: datetime) -> datetime:
    """The same day of the next month, or its last one (Reg. 1182/71 Art. 3(2)(c))."""
    year, month = start.year + start.month // 12, start.month % 12 + 1
    return start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1]))


def checked(addresses: Sequence[str]) -> tuple[str, ...]:
    """Exact mail addresses, each once. Raises ValueError."""
    if not 0 < len(addresses) <= MOST_ADDRESSES:
        raise ValueError(f"name 1 to {MOST_ADDRESSES} exact mail addresses")
    try:
        return tuple(dict.fromkeys(parse_address(each).text.lower() for each in addresses))
    except AddressError as error:
        raise ValueError(f"this is not a mail address: {error}") from None


def open_request(conn: Connection, book: Book, request: Request, by: Officer | None, now: datetime) -> Dossier:
    """A request arrives: what it is about is kept from deletion until it is answered. Nothing else happens."""
    addresses = checked(request.addresses)
    person = erasure.found(conn, addresses, now)
    state = State.verified if request.proven else State.received
    data = {
        "wish": request.wish, "addresses": list(addresses), "channel": request.channel, "history": [],
        "received": now.isoformat(timespec="seconds"), "until": a_month_later(now).isoformat(timespec="seconds"),
        "how": "signed in" if request.proven else "",
    }  # fmt: skip
    fields = acted_by(by, "officer") if by is not None else {"role": request.channel}
    due = a_month_later(now) if request.proven else now + ACK
    one = book.open(conn, KIND, state, data=data, due=due, now=now, fields={**fields, "scope": request.wish})
    already = {each.scope for each in vault_rows.kept(conn)}
    for scope in person.own_scopes:
        if scope not in already:
            vault_rows.keep(conn, scope, one.id, now + FREEZE)
    return one


def act(
    conn: Connection, book: Book, number: str, what: str, by: Officer, now: datetime, said: Mapping[str, str]
) -> Dossier:
    """One step of the DPO. Raises NoSuchDossier, Moved, ValueError."""
    one = book.get(conn, number, KIND)
    step = _fitting(one, what)
    done = _Step(conn, book, one, by, now, dict(said))
    return {
        "ask-identity": done.ask_identity, "doubt": done.doubt, "verify": done.verify, "extend": done.extend,
        "answer": done.answer, "propose-refusal": done.propose_refusal, "refuse": done.refuse, "erase": done.erase,
    }[what](step)  # fmt: skip


def _fitting(one: Dossier, what: str) -> State:
    if what not in TRANSITIONS:
        raise ValueError(f"{what!r} is not one of {', '.join(TRANSITIONS)}")
    sources, target = TRANSITIONS[what]
    if one.row.state not in sources:
        raise Moved(f"{what} is not possible: {one.id} is {one.row.state}")
    return target


@dataclass(slots=True)
class _Step:
    conn: Connection
    book: Book
    one: Dossier
    by: Officer
    now: datetime
    said: dict[str, str]

    def ask_identity(self, to: State) -> Dossier:
        """Ask for more; only on reasonable doubt (Art. 12(6)), through an address or account that is known."""
        return self._move("access-identity-asked", to, due=self._until(), asked=self._word("how"))

    def doubt(self, to: State) -> Dossier:
        """What was shown does not prove it."""
        return self._move("access-doubted", to, reason=self._word("reason"))

    def verify(self, to: State) -> Dossier:
        """It is this person, proven how."""
        return self._move("access-verified", to, due=self._until(), how=self._word("how"))

    def extend(self, _: State) -> Dossier:
        """Two months more, once, with the reason that the person is told (Art. 12(3))."""
        if self.one.data.get("extended"):
            raise Moved(f"{self.one.id} was extended already")
        until = a_month_later(a_month_later(self._until()))
        return self._move(
            "access-extended", State(self.one.row.state), due=until, extended=self._word("reason"),
            until=until.isoformat(timespec="seconds"),
        )  # fmt: skip

    def answer(self, to: State) -> Dossier:
        """The answer to a request for access: what was found, or that nothing was."""
        if self.one.data["wish"] != "access":
            raise Moved(f"{self.one.id} asks for erasure: erase, or propose a refusal")
        found = report_on(self.conn, self.one.data["addresses"], self.now)
        outcome = "granted" if found["cases"] or found["named"] or found["elsewhere"] else "not-found"
        return self._close("access-answered", to, outcome, report=found)

    def propose_refusal(self, to: State) -> Dossier:
        """No, with the ground of the law; a second person has to agree."""
        return self._move(
            "access-refusal-proposed", to, ground=self._word("ground"), proposed_by=canonical(self.by.address)
        )

    def refuse(self, to: State) -> Dossier:
        """The second pair of eyes."""
        if canonical(self.by.address) == self.one.data["proposed_by"]:
            raise ValueError("who proposed the refusal cannot agree to it; somebody else has to")
        return self._close("access-refused", to, "refused")

    def erase(self, to: State) -> Dossier:
        """Erase all that no ground keeps; what is kept is named with its ground and its end."""
        if self.one.data["wish"] != "erasure":
            raise Moved(f"{self.one.id} asks for access, not for erasure")
        self._thaw()
        done = erasure.erase(
            self.conn, self.one.data["addresses"], policy_version=self.book.policy_version, dossier=self.one.id,
            role="dpo", now=self.now,
        )  # fmt: skip
        kept = [f"{each.question} {each.answer}; {each.legal}; until {each.until}" for each in done.kept]
        outcome = "part" if kept else "granted" if done.rows + done.fields else "not-found"
        evidence = {
            "when": self.now.isoformat(timespec="seconds"), "by": "dpo", "how": "rows and keys deleted, log emptied",
            "cases": done.cases, "rows": done.rows, "fields": done.fields, "kept": kept,
        }  # fmt: skip
        return self._close("access-erased", to, outcome, evidence=evidence)

    def _close(self, event: str, to: State, outcome: str, **more: Any) -> Dossier:
        self._thaw()
        return self._move(event, to, closed=True, outcome=outcome, **more)

    def _thaw(self) -> None:
        for each in vault_rows.kept(self.conn):
            if each.reason == self.one.id:
                forget.let_go(self.conn, each.scope)

    def _move(
        self, event: str, to: State, *, due: datetime | None = None, closed: bool = False, **more: Any
    ) -> Dossier:  # fmt: skip
        fields = acted_by(self.by, "dpo")
        if outcome := more.get("outcome"):
            fields["scope"] = outcome
        line = {"at": self.now.isoformat(timespec="seconds"), "event": event, "by": self.by.address}
        history = [*self.one.data["history"], line]
        return self.book.move(
            self.conn, self.one, event, to, self.now, due=due, closed=closed, fields=fields, history=history, **more
        )

    def _until(self) -> datetime:
        return datetime.fromisoformat(self.one.data["until"])

    def _word(self, name: str) -> str:
        word = " ".join(self.said.get(name, "").split())
        if not word:
            raise ValueError(f"say {name}")
        return word[:500]
