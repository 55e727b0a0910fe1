# SPDX-License-Identifier: Apache-2.0
"""What a sender asks for by mail: take it back, or send it to the own business mailbox. Never at once, never a release.

A mail can be forged or sent by mistake, so what it asks for happens a day later unless it is undone. Until then the
case waits as before, nobody can approve it, and any other act of the sender takes the wish back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.holds.acting import Done, acting, entry
from dlpmilter.holds.actors import NotAllowed, is_sender
from dlpmilter.holds.sender_acts import refuse_no_mailbox, to_mailbox, waiting_of, withdraw
from dlpmilter.holds.states import WAITING, Act, Conflict
from dlpmilter.holds.wishes import forget
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.holds.acting import Tools
    from dlpmilter.holds.actors import Actor
    from dlpmilter.storage.case_rows import Case

WITHDRAW, MAILBOX = "withdraw", "to-mailbox"
WISHES = (WITHDRAW, MAILBOX)
HOURS = 24
"""So long a wish that came by mail can be undone."""


def ask(conn: Connection, case: Case, *, actor: Actor, wish: str, tools: Tools) -> Done:
    """Note the wish. The same wish once more changes nothing, another one takes its place."""
    if not is_sender(actor, case):
        raise NotAllowed("not-yours", f"case {case.id} is not your own mail")
    role, mine = waiting_of(actor, case)
    if wish == MAILBOX:
        refuse_no_mailbox(case, tools)
    until = tools.now + timedelta(hours=HOURS)
    if case.asked == wish:
        return Done(case, mine)
    case_rows.ask(conn, case.id, wish, until)
    fields: dict[str, Value] = acting(actor, role, mine) | {"wish": wish, "ends": until.isoformat(timespec="minutes")}
    trail.append(conn, entry("asked-by-mail", "hold", case, fields, tools.now))
    return Done(case, mine)


def undo(conn: Connection, case: Case, *, actor: Actor, tools: Tools) -> Done:
    """Take the wish back; the case waits on."""
    if not is_sender(actor, case):
        raise NotAllowed("not-yours", f"case {case.id} is not your own mail")
    if not case.asked:
        raise Conflict(Act.withdraw, [hold.state for hold in case.holds])
    role, mine = waiting_of(actor, case)
    forget(conn, case, actor=actor, role=role, tools=tools)
    return Done(case, mine)


def carry_out(conn: Connection, case: Case, *, actor: Actor, tools: Tools) -> Done | None:
    """The day is over: do what was asked; None when there is nothing to do any more."""
    if not case.asked or case.asked_until is None or case.asked_until > tools.now:
        return None
    wish = case.asked
    case_rows.ask(conn, case.id, "", None)
    if not any(hold.state in WAITING for hold in case.holds):
        return None
    if wish == MAILBOX:
        try:
            return to_mailbox(conn, case, actor=actor, tools=tools)
        except NotAllowed:  # there is no such mailbox any more; taking it back is what is left
            pass
    return withdraw(conn, case, actor=actor, tools=tools)
