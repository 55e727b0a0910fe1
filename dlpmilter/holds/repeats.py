# SPDX-License-Identifier: Apache-2.0
"""The same octets from the same sender again: who is new, who waits, who was reached, who may start anew.

Never writes but to make room for a new hold. An octet-identical mail is a retry whose answer got lost,
a later part of a mail upstream split, or the same mail sent once more on purpose; a decision that is
an hour old tells the last from the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dlpmilter.holds.outcomes import OWED, RELAYED
from dlpmilter.holds.states import WAITING, State
from dlpmilter.holds.terms import MESSAGE_KEY_AGE
from dlpmilter.model.words import Action
from dlpmilter.storage import case_rows, message_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.model.verdict import Disposition
    from dlpmilter.storage.case_rows import Case, Hold
    from dlpmilter.storage.message_rows import MessageKey

REPORTED = "reported"
"""Outcome of a refused recipient whose delivery report is in the outbox."""
RETRY_WITHIN = timedelta(hours=1)
"""So soon after a decision identical octets are a retry; later the person sent the mail again."""
UNSENT = frozenset({State.withdrawn, State.rejected, State.expired, State.release_failed, State.sealed})


@dataclass(frozen=True, slots=True)
class Known:
    """What the record says of these octets: message keys by recipient hash, oldest first, and holds by address."""

    keys: Mapping[bytes, MessageKey] = field(default_factory=dict)
    holds: Mapping[bytes, Hold] = field(default_factory=dict)

    def reported(self, names: Mapping[bytes, bytes]) -> frozenset[bytes]:
        """Recipients (address octets) whose delivery report was written."""
        done = {name for name, key in self.keys.items() if key.outcome == REPORTED}
        return frozenset(raw for raw, name in names.items() if name in done)


@dataclass(frozen=True, slots=True)
class Sorted:
    """The recipients of one transaction against the record."""

    fresh: tuple[Disposition, ...]
    held: frozenset[bytes]
    closed: Mapping[bytes, str]
    """Address octets and the final state of the hold."""
    not_now: frozenset[bytes]
    """Reached before, owed, or held then: never to be sent by this transaction."""
    anew: tuple[int, ...]
    """Holds that are over and give way to new ones."""
    replaced: tuple[bytes, ...]
    """Message keys that give way to new ones."""
    cases: tuple[str, ...]
    """Cases of recipients that were known, in order."""


def look(conn: Connection, digest: bytes | None, now: datetime) -> Known:
    """Read what is known; octets last seen longer ago than any retry are forgotten."""
    if digest is None:
        return Known()
    keys = message_rows.of_digest(conn, digest)
    if keys and keys[-1].at < now - MESSAGE_KEY_AGE:
        message_rows.forget(conn, [digest])
        return Known()
    holds = {hold.recipient.mailbox.raw: hold for hold in case_rows.of_digest(conn, digest)} if keys else {}
    return Known({key.recipient: key for key in keys}, holds)


def sort(known: Known, dispositions: Sequence[Disposition], names: Mapping[bytes, bytes], now: datetime) -> Sorted:
    """Judge each recipient; `names` maps address octets to their hash in the message keys."""
    fresh: dict[bytes, Disposition] = {}
    closed: dict[bytes, str] = {}
    held, not_now = set(), set()
    anew, replaced, cases = [], [], []
    for raw, one in {one.recipient.mailbox.raw: one for one in reversed(dispositions)}.items():
        key = known.keys.get(names[raw])
        place = _place(key, known.holds.get(raw), one, now)
        if place == "fresh":
            fresh[raw] = one
            if key is not None:
                replaced.append(key.recipient)
                anew += [known.holds[raw].id] if raw in known.holds else []
        else:
            cases += [key.case_id] if key is not None else []
            held |= {raw} if place == "held" else set()
            not_now |= {raw} if place in {"held", "closed"} and one.action is not Action.hold else set()
            not_now |= {raw} if place == "reached" else set()
            if place == "closed":
                closed[raw] = known.holds[raw].state
    order = tuple(
        fresh[one.recipient.mailbox.raw] for one in dispositions if fresh.get(one.recipient.mailbox.raw) is one
    )
    return Sorted(order, frozenset(held), closed, frozenset(not_now), tuple(anew), tuple(replaced), tuple(cases))


def _place(key: MessageKey | None, hold: Hold | None, one: Disposition, now: datetime) -> str:
    """One of fresh, held, closed, reached, open."""
    if key is None:
        return "fresh"
    if key.action != Action.hold.name:
        if key.outcome in {RELAYED, OWED}:
            return "reached"
        return "fresh" if one.action is Action.hold else "open"
    if hold is None:
        return "fresh"
    if hold.state == State.released:
        return "reached"
    if hold.state in UNSENT:
        return "fresh" if hold.state_at <= now - RETRY_WITHIN else "closed"
    return "held"


def make_room(conn: Connection, digest: bytes | None, sorted_: Sorted) -> None:
    """Drop keys and detach holds that new decisions take the place of."""
    if digest is not None and sorted_.replaced:
        message_rows.replace_open(conn, digest, sorted_.replaced)
    if sorted_.anew:
        case_rows.detach(conn, sorted_.anew)


def joinable(conn: Connection, known: Known, now: datetime) -> Case | None:
    """The newest case of these octets that still waits for a person; never one closed, purged or overdue."""
    names = list(dict.fromkeys(key.case_id for key in reversed(list(known.keys.values()))))
    cases = {case.id: case for case in case_rows.many(conn, names)} if names else {}
    return next((cases[name] for name in names if name in cases and is_open(cases[name], now)), None)


def is_open(case: Case, now: datetime) -> bool:
    """Whether a person can still decide about it with its content at hand."""
    waits = any(hold.state in WAITING for hold in case.holds)
    return waits and case.body_id is not None and case.purged_at is None and case.deadline > now


def case_of(known: Known, sorted_: Sorted) -> str | None:
    """The number to name when nothing new is held: that of a known recipient, else the newest of these octets."""
    if sorted_.cases:
        return sorted_.cases[-1]
    return next((key.case_id for key in reversed(list(known.keys.values()))), None)
