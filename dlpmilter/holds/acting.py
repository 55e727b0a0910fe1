# SPDX-License-Identifier: Apache-2.0
"""What the acts of senders and reviewers have in common: whose hold it is, what the entry says. Never acts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dlpmilter.audit.controller import controller_after
from dlpmilter.audit.trail import Entry
from dlpmilter.holds import actors, states
from dlpmilter.holds.states import Act, Conflict
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.holds.actors import Actor
    from dlpmilter.holds.form import Statement
    from dlpmilter.holds.notify import Notifier
    from dlpmilter.holds.release import Sending
    from dlpmilter.storage.case_rows import Case, Hold


class NoSuchCase(Exception):
    """No case has this number."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an act changed: the holds it moved, and the case afterwards."""

    case: Case
    moved: tuple[Hold, ...]
    waiting_for: int = 0
    """Approvals still missing."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What an act needs besides the case, for one moment."""

    notifier: Notifier
    sending: Sending
    digest_of: Callable[[Connection, str], bytes | None]
    """The SHA-256 of a kept mail."""
    now: datetime


def case_in(conn: Connection, case_id: str) -> Case:
    """The case of this number, however it is written. Raises NoSuchCase."""
    case = case_rows.get(conn, case_id.strip().upper())
    if case is None:
        raise NoSuchCase(f"there is no case {case_id!r}; `dlpmilter holds list` shows the open ones")
    return case


def fitting(act: Act, actor: Actor, case: Case) -> tuple[Hold, ...]:
    """The holds of this person's pools that the act fits. Raises Conflict, NotAllowed."""
    return actors.of_pools(actor, case, some(act, case))


def some(act: Act, case: Case) -> tuple[Hold, ...]:
    """The holds the act fits. Raises Conflict when there is none."""
    found = states.possible(act, case.holds)
    if not found:
        raise Conflict(act, [hold.state for hold in case.holds])
    return found


def for_sender(act: Act, actor: Actor, case: Case) -> tuple[str, tuple[Hold, ...]]:
    """The sender acts on all of his mail; a reviewer, on his behalf, on what his pools hold."""
    if not actors.is_sender(actor, case):
        return "on-behalf", fitting(act, actor, case)
    return "sender", some(act, case)


def acting(actor: Actor, role: str, holds: Sequence[Hold]) -> dict[str, Value]:
    """Who acts as what on which recipients."""
    fields: dict[str, Value] = {"actor": actor.address, "actor-user": actor.user, "role": role}
    for number, hold in enumerate(holds):
        fields[f"recipient.{number}.address"] = hold.recipient.mailbox.text
    return fields


def kept_here() -> dict[str, Value]:
    """Nothing was transmitted."""
    found = controller_after(transmitted=False)
    return {"controller-after": found.after.value, "controller-basis": found.basis}


def entry(event: str, action: str, case: Case, fields: dict[str, Value], now: datetime) -> Entry:
    """One entry about a case."""
    return Entry(event, action, case.policy_version, case.id, fields, now)


def ask_pools(
    conn: Connection, case: Case, holds: Sequence[Hold], tools: Tools, *, statement: Statement | None = None,
    again: bool = False,
) -> None:  # fmt: skip
    """Tell each pool of these holds that a case waits for it; a pool hears of a case once, and once of an objection."""
    for pool in dict.fromkeys(hold.pool for hold in holds):
        mine = [hold for hold in holds if hold.pool == pool]
        mail = tools.notifier.ask(case, mine, statement, tools.now, again=again)
        if mail is not None:
            tools.notifier.queue(conn, case.id, mail, tools.now, mark=f"-{pool}{'-again' if again else ''}")


def part(holds: Sequence[Hold]) -> str:
    """Tells apart two notices of one kind when pools decide about parts of a case."""
    return f"-{min(hold.id for hold in holds)}"
