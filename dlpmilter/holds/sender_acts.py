# SPDX-License-Identifier: Apache-2.0
"""What a sender does with his held mail: say why, take back, ask for time or a second look, seal. Never decides.

Each function runs inside one transaction; a reviewer may call it on the sender's behalf and is then named.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.holds import release, reread, states, terms
from dlpmilter.holds.acting import Done, acting, ask_pools, entry, fitting, for_sender, kept_here, part, some
from dlpmilter.holds.actors import NotAllowed, is_sender, of_pools
from dlpmilter.holds.form import EVIDENCE, WRONG
from dlpmilter.holds.notify import internal, told
from dlpmilter.holds.states import WAITING, Act, Conflict, State
from dlpmilter.holds.wishes import forget
from dlpmilter.notices.facts import NoticeKind
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.holds.acting import Tools
    from dlpmilter.holds.actors import Actor
    from dlpmilter.holds.form import Statement
    from dlpmilter.holds.reread import Reading
    from dlpmilter.storage.case_rows import Case, Hold

ATTESTED = "deletion-attested"
MOST_DAYS = 14
"""Working days a mail waits at most, with more time and a second look (domain.md section 3)."""


def justify(
    conn: Connection, case: Case, *, actor: Actor, statement: Statement, tools: Tools, reading: Reading | None = None
) -> Done:
    """Keep what the sender states; two reasons lead somewhere else at once (domain.md section 6).

    `reading` is what the policy says of the mail with that statement; only the sender's own word counts there.
    """
    if statement.code == WRONG:
        return withdraw(conn, case, actor=actor, tools=tools, statement=statement)
    if statement.code == EVIDENCE:
        return seal(conn, case, actor=actor, statement=statement, tools=tools)
    role, mine = waiting_of(actor, case)
    forget(conn, case, actor=actor, role=role, tools=tools)
    fields = acting(actor, role, mine) | stated(statement)
    moves = [(act, states.possible(act, mine)) for act in (Act.justify, Act.amend)]
    states.move_each(conn, moves, entry("justified", "hold", case, fields, tools.now), tools.now)
    case_rows.justify(conn, case.id, statement.code, statement.purpose, statement.to_json())
    settled = reread.decide(conn, case, reading, actor=actor, tools=tools) if reading and role == "sender" else ()
    left = [hold for hold in states.possible(Act.justify, mine) if hold not in settled]
    ask_pools(conn, case, left, tools, statement=statement)
    return Done(case, mine)


def withdraw(conn: Connection, case: Case, *, actor: Actor, tools: Tools, statement: Statement | None = None) -> Done:
    """Take the mail back."""
    role, mine = for_sender(Act.withdraw, actor, case)
    mail = tools.notifier.notice(NoticeKind.withdrawn, case, mine, tools.now)
    fields = acting(actor, role, mine) | kept_here() | told(mail) | (stated(statement) if statement else {})
    states.move(conn, Act.withdraw, mine, entry("withdrawn", "withhold", case, fields, tools.now), tools.now)
    tools.notifier.queue(conn, case.id, mail, tools.now, mark=part(mine))
    return Done(case, mine)


def to_mailbox(conn: Connection, case: Case, *, actor: Actor, tools: Tools) -> Done:
    """Another way, at once: the mail goes to the sender's own business mailbox instead, and nowhere else."""
    role, mine = waiting_of(actor, case)
    refuse_no_mailbox(case, tools)
    if case.body_id is None:
        raise Conflict(Act.withdraw, [hold.state for hold in case.holds])
    mail = tools.notifier.notice(NoticeKind.withdrawn, case, mine, tools.now, in_mailbox=True)
    fields = acting(actor, role, mine) | kept_here() | told(mail) | {"mailbox": case.owner}
    states.move(conn, Act.withdraw, mine, entry("returned", "withhold", case, fields, tools.now), tools.now)
    release.give_back(conn, tools.sending, case, tools.now)
    tools.notifier.queue(conn, case.id, mail, tools.now, mark=part(mine))
    return Done(case, mine)


def refuse_no_mailbox(case: Case, tools: Tools) -> None:
    """Raise NotAllowed when nobody with a mailbox of ours sent this mail."""
    if not case.owner or not internal(case.owner, tools.notifier.domains) or case.mute:
        raise NotAllowed("no-mailbox", f"case {case.id} has no sender with a mailbox of ours; it can be withdrawn")


def seal(conn: Connection, case: Case, *, actor: Actor, statement: Statement, tools: Tools) -> Done:
    """Keep the mail in the company as evidence: it is never sent, and no reviewer decides about it."""
    role, mine = for_sender(Act.seal, actor, case)
    if set(mine) != set(case.holds):
        raise Conflict(Act.seal, [hold.state for hold in case.holds])  # what was sent or refused cannot be sealed
    until = (tools.now + timedelta(days=tools.notifier.policy.hold.sealed_days)).astimezone()
    governance = tools.notifier.policy.governance
    office = governance.pool(governance.evidence_pool) if governance and governance.evidence_pool else None
    keeper = {language: office.title.in_language(language) for language in ("de", "en")} if office else ""
    mail = tools.notifier.notice(
        NoticeKind.evidence, case, mine, tools.now, content_until=until, evidence_office=keeper
    )
    fields = acting(actor, role, mine) | kept_here() | told(mail)
    fields |= {"reason-code": EVIDENCE, "ends": until.isoformat()}
    if case.body_id is not None and (digest := tools.digest_of(conn, case.body_id)) is not None:
        fields["content-digest"] = digest.hex()  # with it anybody can prove later which mail it was
    states.move(conn, Act.seal, mine, entry("sealed", "withhold", case, fields, tools.now), tools.now)
    case_rows.justify(conn, case.id, EVIDENCE, statement.purpose, statement.to_json())
    if office is not None:
        case_rows.give_to(conn, [hold.id for hold in mine], office.name)
    tools.notifier.queue(conn, case.id, mail, tools.now, mark=part(mine))
    return Done(case, mine)


def extend(conn: Connection, case: Case, *, actor: Actor, tools: Tools) -> Done:
    """More time, once: as many working days again, 14 in all at most (WCAG 2.2.1)."""
    role, mine = waiting_of(actor, case)
    hold = tools.notifier.policy.hold
    most = terms.add_working_days(case.created_at.astimezone(), MOST_DAYS, hold)
    deadline = min(terms.add_working_days(case.deadline.astimezone(), hold.working_days, hold), most)
    due = terms.reminders_due(case.created_at.astimezone(), deadline, hold, tools.now)  # none right after the wish
    if case.extended or deadline <= case.deadline or not case_rows.extend(conn, case.id, deadline, due):
        raise NotAllowed("extended-already", f"case {case.id} waits until {_day(case)}; more time is given once")
    forget(conn, case, actor=actor, role=role, tools=tools)
    fields: dict[str, Value] = acting(actor, role, mine) | {"deadline": deadline.isoformat(timespec="minutes")}
    trail.append(conn, entry("extended", "hold", case, fields, tools.now))
    return Done(case, mine)


def attest(conn: Connection, case: Case, *, actor: Actor, tools: Tools) -> Done:
    """The sender says that the released mail is deleted where it went (domain.md section 5, T3); said once."""
    if not is_sender(actor, case):
        raise NotAllowed("not-yours", f"case {case.id} is not your own mail")
    released = tuple(hold for hold in case.holds if hold.state == State.released)
    if not released:
        raise Conflict(Act.deliver, [hold.state for hold in case.holds])
    if not any(row.event == ATTESTED for row, _ in trail.of_case(conn, case.id)):
        trail.append(conn, entry(ATTESTED, "none", case, acting(actor, "sender", released), tools.now))
    return Done(case, ())


def appeal(conn: Connection, case: Case, *, actor: Actor, text: str, tools: Tools) -> Done:
    """Ask for a second look at a refusal, once; other people decide then (`governance.appeal_pool`)."""
    governance = tools.notifier.policy.governance
    pool = governance.appeal_pool if governance else ""
    if not pool:
        raise NotAllowed("no-second-look", "nobody looks a second time here; the notice says whom to ask")
    refused = some(Act.appeal, case)
    role = "sender" if is_sender(actor, case) else "on-behalf"
    if role == "on-behalf":
        refused = fitting(Act.appeal, actor, case)
    if governance is not None and all(governance.is_closed(hold.pool) for hold in refused):
        raise NotAllowed("no-second-look", "only people of this group may see its mail; the notice says whom to ask")
    mine = tuple(hold for hold in refused if hold.pool != pool and not (governance and governance.is_closed(hold.pool)))
    if not mine:
        raise NotAllowed("appealed-already", f"who looks last has answered case {case.id}; that answer stands")
    if case.purged_at is not None or case.body_id is None:
        raise NotAllowed("content-gone", f"the mail of case {case.id} is deleted; please send it again")
    hold = tools.notifier.policy.hold
    deadline = terms.deadline(tools.now.astimezone(), hold)
    fields: dict[str, Value] = acting(actor, role, mine) | {"to-pool": pool, "note": text}
    fields["deadline"] = deadline.isoformat(timespec="minutes")
    states.move(conn, Act.appeal, mine, entry("appealed", "hold", case, fields, tools.now), tools.now)
    ids = [each.id for each in mine]
    case_rows.give_to(conn, ids, pool)
    case_rows.claim(conn, ids, None, None)
    case_rows.set_deadline(conn, case.id, deadline)
    now_there = replace(case, deadline=deadline)
    ask_pools(conn, now_there, [replace(each, pool=pool) for each in mine], tools, again=True)
    return Done(case, mine)


def stated(statement: Statement) -> dict[str, Value]:
    """The fields of the trail: choices are facts, texts are personal."""
    fields: dict[str, Value] = {
        "reason-code": statement.code,
        "justification": statement.purpose,
        "basis-claimed": statement.basis,
        "whose-data": statement.whose_data,
        "sensitive": statement.sensitive,
        "business-secret": statement.business_secret,
        "informed": statement.informed,
        "statement": statement.to_json(),
    }
    if statement.needed_until:
        fields["needed-until"] = statement.needed_until
    if statement.urgent:
        fields["urgent"] = True
    return fields


def waiting_of(actor: Actor, case: Case) -> tuple[str, tuple[Hold, ...]]:
    """The waiting holds this person may speak for. Raises Conflict, NotAllowed."""
    waiting = tuple(hold for hold in case.holds if hold.state in WAITING)
    if not waiting:
        raise Conflict(Act.justify, [hold.state for hold in case.holds])
    if is_sender(actor, case):
        return "sender", waiting
    return "on-behalf", of_pools(actor, case, waiting)


def _day(case: Case) -> str:
    return case.deadline.astimezone().strftime("%Y-%m-%d %H:%M %Z")
