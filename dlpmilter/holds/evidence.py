# SPDX-License-Identifier: Apache-2.0
"""Evidence under seal: opened with two keys, the person's and one of the office's, and kept longer on wish. Never sent.

Both keys count for a day. Who of the office agreed looks, and nobody else of it; each look is on record.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.holds import states
from dlpmilter.holds.acting import Done, acting, entry
from dlpmilter.holds.actors import NotAllowed, canonical, is_sender, of_pools, refuse_sender
from dlpmilter.holds.states import Act, Conflict, State
from dlpmilter.storage import evidence_rows

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from dlpmilter.holds.acting import Tools
    from dlpmilter.holds.actors import Actor
    from dlpmilter.storage.case_rows import Case, Hold
    from dlpmilter.storage.evidence_rows import Keys

HOURS = 24


def ask_open(conn: Connection, case: Case, *, actor: Actor, tools: Tools) -> Done:
    """The person's key, and a mail to the office; raises NotAllowed where no office keeps evidence."""
    mine = _sealed(case)
    if not is_sender(actor, case):
        raise NotAllowed("not-yours", f"case {case.id} is not your own mail")
    governance = tools.notifier.policy.governance
    if governance is None or not governance.evidence_pool or mine[0].pool != governance.evidence_pool:
        raise NotAllowed("no-office-for-evidence", "nobody keeps evidence here with you; the notice says whom to ask")
    evidence_rows.ask(conn, case.id, tools.now)
    trail.append(conn, entry("evidence-asked", "none", case, acting(actor, "sender", mine), tools.now))
    mail = tools.notifier.ask(case, mine, None, tools.now, opening=True)
    tools.notifier.queue(conn, case.id, mail, tools.now, mark=f"-open-{tools.now:%Y%m%d%H%M}")
    return Done(case, ())


def grant_open(conn: Connection, case: Case, *, actor: Actor, tools: Tools) -> Done:
    """The office's key, by one of its people who stands not too close to the sender."""
    mine = _sealed(case)
    refuse_sender(actor, case)
    mine = of_pools(actor, case, mine)
    keys = evidence_rows.get(conn, case.id)
    if keys is None or keys.person_at + timedelta(hours=HOURS) <= tools.now:
        raise NotAllowed("not-asked", f"the sender of case {case.id} has not asked to open it within a day")
    evidence_rows.grant(conn, case.id, actor.address, tools.now)
    trail.append(conn, entry("evidence-granted", "none", case, acting(actor, "office", mine), tools.now))
    return Done(case, ())


def renew(conn: Connection, case: Case, *, actor: Actor, tools: Tools) -> Done:
    """Keep it as long again, from now on; the person or the office may wish it."""
    mine = _sealed(case)
    role = "sender" if is_sender(actor, case) else "office"
    if role == "office":
        mine = of_pools(actor, case, mine)
    until = tools.now + timedelta(days=tools.notifier.policy.hold.sealed_days)
    fields = acting(actor, role, mine) | {"ends": until.isoformat()}
    states.move(conn, Act.renew, mine, entry("evidence-renewed", "withhold", case, fields, tools.now), tools.now)
    return Done(case, mine)


def opened(conn: Connection, case_id: str, now: datetime) -> Keys | None:
    """Both keys, while they count."""
    keys = evidence_rows.get(conn, case_id)
    if keys is None or keys.office_at is None or keys.office_at + timedelta(hours=HOURS) <= now:
        return None
    return keys


def refuse_shut(conn: Connection, case: Case, actor: Actor, now: datetime) -> None:
    """Raise NotAllowed unless both keys count and this is the person, or who agreed."""
    keys = opened(conn, case.id, now)
    if keys is None or not (is_sender(actor, case) or canonical(keys.office_by) == actor.key):
        raise NotAllowed("sealed", f"case {case.id} is evidence under seal; one person alone cannot open it")


def _sealed(case: Case) -> tuple[Hold, ...]:
    found = tuple(hold for hold in case.holds if hold.state == State.sealed)
    if not found or case.body_id is None:
        raise Conflict(Act.renew, [hold.state for hold in case.holds])
    return found
