# SPDX-License-Identifier: Apache-2.0
"""A wish that came by mail (holds/answers.py): what ends it, who may not approve meanwhile. Never carries it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.holds.acting import acting, entry
from dlpmilter.holds.actors import NotAllowed
from dlpmilter.holds.states import WAITING
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.holds.acting import Tools
    from dlpmilter.holds.actors import Actor
    from dlpmilter.storage.case_rows import Case


def forget(conn: Connection, case: Case, *, actor: Actor, role: str, tools: Tools) -> None:
    """The sender has said something else since: the wish does not count any more."""
    if case.asked:
        case_rows.ask(conn, case.id, "", None)
        fields = acting(actor, role, case.holds) | {"wish": case.asked}
        trail.append(conn, entry("asked-by-mail-undone", "hold", case, fields, tools.now))


def refuse_asked(case: Case) -> None:
    """Raise NotAllowed while the sender has asked by mail to take it back."""
    if case.asked and any(hold.state in WAITING for hold in case.holds):
        raise NotAllowed("taken-back", f"the sender of case {case.id} has asked by mail to take it back")
