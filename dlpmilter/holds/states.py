# SPDX-License-Identifier: Apache-2.0
"""The only table of transitions of a hold, and the only function that makes one.

A transition is a compare-and-set together with its entry in the trail, in one transaction. Nothing
leads from waiting to released but an approval: expiry never releases.
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
    approved = "approved"
    rejected = "rejected"
    withdrawn = "withdrawn"
    expired = "expired"
    releasing = "releasing"
    released = "released"
    release_failed = "release_failed"


class Act(StrEnum):
    """What moves a hold."""

    justify = "justify"
    approve = "approve"
    reject = "reject"
    withdraw = "withdraw"
    expire = "expire"
    release = "release"
    deliver = "deliver"
    fail = "fail"


WAITING = frozenset({State.held, State.justified})
FINAL = frozenset({State.rejected, State.withdrawn, State.expired, State.released, State.release_failed})
"""Nothing more happens by itself; content goes some hours later."""

TRANSITIONS: dict[Act, tuple[frozenset[State], State]] = {
    Act.justify: (WAITING, State.justified),
    Act.approve: (WAITING, State.approved),
    Act.reject: (WAITING, State.rejected),
    Act.withdraw: (WAITING | {State.release_failed}, State.withdrawn),
    Act.expire: (WAITING, State.expired),
    Act.release: (frozenset({State.approved, State.release_failed}), State.releasing),
    Act.deliver: (frozenset({State.releasing}), State.released),
    Act.fail: (frozenset({State.releasing}), State.release_failed),
}


class Conflict(Exception):
    """Somebody was faster, or the act does not fit the state; `states` says how things stand now."""

    def __init__(self, act: Act, states: Sequence[str]) -> None:
        super().__init__(f"{act} is not possible now: the case is {', '.join(sorted(set(states))) or 'gone'}")
        self.act = act
        self.states = tuple(states)


def possible(act: Act, holds: Sequence[Hold]) -> tuple[Hold, ...]:
    """Those holds the act fits, as far as known before the transaction."""
    sources = TRANSITIONS[act][0]
    return tuple(hold for hold in holds if hold.state in sources)


def move(conn: Connection, act: Act, holds: Sequence[Hold], entry: Entry, now: datetime) -> int:
    """Move all these holds, or none: raises Conflict. Returns the number of the trail entry."""
    sources, target = TRANSITIONS[act]
    ids = [hold.id for hold in holds]
    if not ids or case_rows.set_state(conn, ids, sources, target, now) != len(ids):
        raise Conflict(act, list(case_rows.states_of(conn, ids).values()))
    return trail.append(conn, entry)
