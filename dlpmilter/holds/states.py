# SPDX-License-Identifier: Apache-2.0
"""The only table of transitions of a hold, and the only function that makes one.

A transition is a compare-and-set together with its entry in the trail, in one transaction. Nothing
leads from waiting to released but an approval, or the policy asked again: expiry never does, nor a statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Entry
    from dlpmilter.storage.case_rows import Hold


class State(StrEnum):
    """Where one held recipient stands."""

    held = "held"
    justified = "justified"
    in_review = "in_review"
    approved = "approved"
    rejected = "rejected"
    withdrawn = "withdrawn"
    expired = "expired"
    releasing = "releasing"
    released = "released"
    release_failed = "release_failed"
    sealed = "sealed"


class Act(StrEnum):
    """What moves a hold."""

    justify = "justify"
    amend = "amend"
    claim = "claim"
    hand_over = "hand_over"
    return_to = "return_to"
    approve = "approve"
    allow = "allow"
    reject = "reject"
    withdraw = "withdraw"
    seal = "seal"
    renew = "renew"
    unseal = "unseal"
    appeal = "appeal"
    expire = "expire"
    release = "release"
    deliver = "deliver"
    fail = "fail"


WAITING = frozenset({State.held, State.justified, State.in_review})
FINAL = frozenset({State.rejected, State.withdrawn, State.expired, State.released, State.release_failed})
"""Nothing more happens by itself; content goes some hours later."""

TRANSITIONS: dict[Act, tuple[frozenset[State], State]] = {
    Act.justify: (frozenset({State.held, State.justified}), State.justified),
    Act.amend: (frozenset({State.in_review}), State.in_review),
    Act.claim: (WAITING, State.in_review),
    Act.hand_over: (frozenset({State.in_review}), State.justified),
    Act.return_to: (frozenset({State.in_review}), State.held),
    Act.approve: (WAITING, State.approved),
    Act.allow: (frozenset({State.held, State.justified}), State.approved),
    Act.reject: (WAITING, State.rejected),
    Act.appeal: (frozenset({State.rejected}), State.justified),
    Act.withdraw: (WAITING | {State.release_failed}, State.withdrawn),
    Act.seal: (WAITING, State.sealed),
    Act.renew: (frozenset({State.sealed}), State.sealed),
    Act.unseal: (frozenset({State.sealed}), State.expired),
    Act.expire: (WAITING, State.expired),
    Act.release: (frozenset({State.approved, State.release_failed}), State.releasing),
    Act.deliver: (frozenset({State.releasing}), State.released),
    Act.fail: (frozenset({State.releasing}), State.release_failed),
}

MEANINGS: dict[Act, str] = {
    Act.justify: "the sender says why",
    Act.amend: "the sender says more while somebody decides",
    Act.claim: "a reviewer takes the case",
    Act.hand_over: "a reviewer gives it on, a reason was given",
    Act.return_to: "a reviewer gives it on, no reason was given yet",
    Act.approve: "the last approval that is wanted",
    Act.allow: "the policy itself, asked again with what the sender says, has nothing against it",
    Act.reject: "a reviewer refuses, with a sentence for the sender",
    Act.appeal: "the sender asks for a second look, once",
    Act.withdraw: "the sender takes the mail back",
    Act.seal: "the sender keeps it as evidence",
    Act.renew: "the sender or the office keeps the evidence as long again",
    Act.unseal: "the time of the evidence is over",
    Act.expire: "nobody decided in time; never releases",
    Act.release: "the mail is queued for the next hop",
    Act.deliver: "the next hop has it",
    Act.fail: "the next hop refused it",
}
"""What each act is, for the table in deploy/relayhost.md."""


class Conflict(Exception):
    """Somebody was faster, or the act does not fit the state; `states` says how things stand now."""

    def __init__(self, act: Act, states: Sequence[str]) -> None:
        super().__init__(f"{act} is not possible now: the case is {', '.join(sorted(set(states))) or 'gone'}")
        self.act = act
        self.states = tuple(states)


def table() -> str:
    """The transitions as lines of Markdown."""
    lines = ["| act | from | to | what it is |", "|---|---|---|---|"]
    for act, (sources, target) in TRANSITIONS.items():
        lines.append(f"| {act} | {', '.join(sorted(sources))} | {target} | {MEANINGS[act]} |")
    return "\n".join(lines)


def possible(act: Act, holds: Sequence[Hold]) -> tuple[Hold, ...]:
    """Those holds the act fits, as far as known before the transaction."""
    sources = TRANSITIONS[act][0]
    return tuple(hold for hold in holds if hold.state in sources)


def move(conn: Connection, act: Act, holds: Sequence[Hold], entry: Entry, now: datetime) -> int:
    """Move all these holds, or none: raises Conflict. Returns the number of the trail entry."""
    return move_each(conn, ((act, holds),), entry, now)


def move_each(conn: Connection, moves: Sequence[tuple[Act, Sequence[Hold]]], entry: Entry, now: datetime) -> int:
    """One entry for holds of one case that stand in different states; all of them move, or none: raises Conflict."""
    wanted = [(act, [hold.id for hold in holds]) for act, holds in moves if holds]
    if not wanted:
        raise Conflict(moves[0][0], [])
    for act, ids in wanted:
        sources, target = TRANSITIONS[act]
        if case_rows.set_state(conn, ids, sources, target, now) != len(ids):
            raise Conflict(act, list(case_rows.states_of(conn, ids).values()))
    return trail.append(conn, entry)
