# SPDX-License-Identifier: Apache-2.0
"""What reviewers do with a case: take it, give it on, approve, refuse, send again. Never for one's own mail.

Each function runs inside one transaction and asks again who may. The first decision wins; a case that somebody has
taken is his until he gives it on or a working day has passed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.holds import actors, release, states, terms
from dlpmilter.holds.acting import Done, acting, ask_pools, entry, fitting, kept_here, part
from dlpmilter.holds.actors import NotAllowed, canonical
from dlpmilter.holds.form import BASES, EVIDENCE, SHORT, UNKNOWN, Statement
from dlpmilter.holds.notify import told
from dlpmilter.holds.states import Act, Conflict, State
from dlpmilter.holds.terms import keep_for
from dlpmilter.holds.wishes import refuse_asked
from dlpmilter.notices.facts import NoticeKind
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.holds.acting import Tools
    from dlpmilter.holds.actors import Actor
    from dlpmilter.holds.release import MarkDigest
    from dlpmilter.storage.case_rows import Case, Hold

CLAIM_DAYS = 1
"""Working days after which a colleague may take over."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What an approval says, for with it the transfer becomes the company's own act (domain.md section 0, F12)."""

    basis: str
    """One of form.BASES but "unknown": what the reviewer finds, whatever the sender claimed."""
    necessary: bool
    """The reviewer's own tick: it is necessary."""
    no_safer_way: bool
    """And there is no safer way that would do."""
    delete_by: date | None = None
    """Until when the person shall delete the mail in the private mailbox."""
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse what says nothing. Raises ValueError."""
        known = [each for each in BASES if each != UNKNOWN]
        if self.basis not in known:
            raise ValueError(f"an approval needs its legal basis, one of {', '.join(known)}")
        if not (self.necessary and self.no_safer_way):
            raise ValueError("an approval says that the mail is necessary and that there is no safer way")
        if len(self.note) > SHORT:
            raise ValueError(f"the note has {len(self.note)} characters, {SHORT} are enough")


def claim(conn: Connection, case: Case, *, actor: Actor, tools: Tools) -> Done:
    """Take a case, so that colleagues see it is being looked at."""
    actors.refuse_sender(actor, case)
    mine = fitting(Act.claim, actor, case)
    for hold in mine:
        _refuse_taken(hold, actor, tools, over=True)
    _refuse_refuser(mine, actor, case)
    fields = acting(actor, "reviewer", mine)
    states.move(conn, Act.claim, mine, entry("claimed", "hold", case, fields, tools.now), tools.now)
    case_rows.claim(conn, [hold.id for hold in mine], actor.address, tools.now)
    return Done(case, mine)


def hand_over(conn: Connection, case: Case, *, actor: Actor, pool: str, reason: str, tools: Tools) -> Done:
    """Give a case on: back to the pool, or to another one. `reason` is for colleagues."""
    governance = tools.notifier.policy.governance
    if pool and (governance is None or governance.pool(pool) is None):
        names = ", ".join(each.name for each in governance.pools) if governance else "none"
        raise ValueError(f"there is no pool {pool!r}; the policy has {names}")
    if not reason:
        raise ValueError("giving a case on needs a reason, so that colleagues know why")
    actors.refuse_sender(actor, case)
    waiting = actors.of_pools(actor, case, [hold for hold in case.holds if hold.state in states.WAITING])
    for hold in waiting:
        _refuse_taken(hold, actor, tools, over=True)
    if (
        pool
        and governance is not None
        and any(governance.is_closed(hold.pool) and hold.pool != pool for hold in waiting)
    ):
        raise NotAllowed("stays-in-group", f"case {case.id} belongs to people with a duty of secrecy; it stays there")
    act = Act.hand_over if case.justification_code else Act.return_to
    fields: dict[str, Value] = acting(actor, "reviewer", waiting) | {"note": reason}
    if pool:
        fields["to-pool"] = pool
    made = entry("handed-over", "hold", case, fields, tools.now)
    if taken := states.possible(act, waiting):
        states.move(conn, act, taken, made, tools.now)
    elif waiting and pool:
        trail.append(conn, made)
    else:
        raise Conflict(act, [hold.state for hold in case.holds])
    ids = [hold.id for hold in waiting]
    case_rows.claim(conn, ids, None, None)
    if pool:
        case_rows.give_to(conn, ids, pool)
        ask_pools(conn, case, [replace(hold, pool=pool) for hold in waiting], tools)
    return Done(case, waiting)


def approve(
    conn: Connection, case: Case, *, actor: Actor, approval: Approval, digest: MarkDigest, tools: Tools
) -> Done:
    """One approval; with the last one that is wanted the release is queued."""
    actors.refuse_sender(actor, case)
    if case.justification_code == EVIDENCE:
        raise NotAllowed(
            "evidence-stays", f"case {case.id} was given as evidence to keep ({EVIDENCE}); it is never sent"
        )
    refuse_asked(case)
    mine = fitting(Act.approve, actor, case)
    for hold in mine:
        _refuse_taken(hold, actor, tools)
    _refuse_refuser(mine, actor, case)
    _refuse_silence(case, approval)
    now = tools.now
    before = case_rows.approved_by(conn, [hold.id for hold in mine], actor.key)
    new = [hold for hold in mine if hold.id not in before]
    if not new:
        raise NotAllowed("approved-already", f"you have approved case {case.id} already; somebody else has to")
    counts = {hold.id: case_rows.approve(conn, hold.id, actor.key, now) for hold in new}
    complete = tuple(hold for hold in new if counts[hold.id] >= hold.approvals_needed)
    missing = max((hold.approvals_needed - counts[hold.id] for hold in new), default=0)
    fields = acting(actor, "reviewer", complete or new) | _grounds(approval)
    fields["approvals"] = max(counts.values())
    if not complete:
        trail.append(conn, entry("approval", "hold", case, fields, now))
        case_rows.claim(conn, [hold.id for hold in new], None, None)  # the next one is free to decide
        return Done(case, (), max(missing, 0))
    states.move(conn, Act.approve, complete, entry("approved", "release", case, fields, now), now)
    release.queue(conn, tools.sending, case, complete, digest, acting(actor, "reviewer", complete), now)
    return Done(case, complete, max(missing, 0))


def reject(conn: Connection, case: Case, *, actor: Actor, reason: str, tools: Tools) -> Done:
    """Refuse; the sender reads the reason, and who looks again where somebody does."""
    actors.refuse_sender(actor, case)
    mine = fitting(Act.reject, actor, case)
    for hold in mine:
        _refuse_taken(hold, actor, tools)
    _refuse_refuser(mine, actor, case)
    now, notifier = tools.now, tools.notifier
    fields = acting(actor, "reviewer", mine) | {"reason": reason} | kept_here()
    until = (now + keep_for(State.rejected, notifier.policy.hold)).astimezone()
    mail = notifier.notice(
        NoticeKind.rejected, case, mine, now, decision_reason=reason, content_until=until,
        second_look=second_look(tools, mine),
    )  # fmt: skip
    fields |= told(mail)
    states.move(conn, Act.reject, mine, entry("rejected", "withhold", case, fields, now), now)
    case_rows.refused(conn, [hold.id for hold in mine], actor.key)
    notifier.queue(conn, case.id, mail, now, mark=f"{part(mine)}-{mine[0].pool}")
    return Done(case, mine)


def again(conn: Connection, case: Case, *, actor: Actor, digest: MarkDigest, tools: Tools) -> Done:
    """Try a failed release again; approves nothing."""
    actors.refuse_sender(actor, case)
    failed = [hold for hold in case.holds if hold.state == State.release_failed]
    if not failed:
        raise Conflict(Act.release, [hold.state for hold in case.holds])
    mine = actors.of_pools(actor, case, failed)
    release.queue(conn, tools.sending, case, mine, digest, acting(actor, "reviewer", mine), tools.now)
    return Done(case, mine)


def second_look(tools: Tools, holds: Sequence[Hold]) -> dict[str, str] | str:
    """Who looks again, in words; "" when nobody does or this was the second look."""
    governance = tools.notifier.policy.governance
    pool = governance.pool(governance.appeal_pool) if governance and governance.appeal_pool else None
    if governance is None or pool is None:
        return ""
    if all(hold.pool == pool.name or governance.is_closed(hold.pool) for hold in holds):
        return ""
    return {language: pool.title.in_language(language) for language in ("de", "en")}


def _refuse_taken(hold: Hold, actor: Actor, tools: Tools, *, over: bool = False) -> None:
    """Raise NotAllowed while somebody else has taken the hold; `over` lets a colleague take over after a day."""
    if hold.claimed_by is None or hold.claimed_at is None or canonical(hold.claimed_by) == actor.key:
        return
    since = hold.claimed_at.astimezone()
    if over and terms.add_working_days(since, CLAIM_DAYS, tools.notifier.policy.hold) <= tools.now:
        return
    raise NotAllowed(
        "claimed",
        f"{hold.claimed_by} has case {hold.case_id} since {since:%Y-%m-%d %H:%M %Z}; ask for a hand-over, or take it "
        "over after one working day",
    )


def _refuse_refuser(holds: Sequence[Hold], actor: Actor, case: Case) -> None:
    """Who refused a mail does not decide about the objection."""
    if any(hold.refused_by == actor.key for hold in holds):
        raise NotAllowed("refused-before", f"you refused case {case.id}; the second look is somebody else's")


def _refuse_silence(case: Case, approval: Approval) -> None:
    """An interest of the company is no basis while nobody tells the people concerned (domain.md F14)."""
    if approval.basis != "interest":
        return
    said = Statement.from_json(case.statement) if case.statement else None
    told_them = said is not None and (
        said.informed in {"yes", "will-be", "not-applicable"} or (said.informed == "no" and said.informed_detail)
    )
    if not told_them:
        raise NotAllowed(
            "not-informed",
            f"case {case.id}: with an interest of the company as basis somebody must say how the people concerned are "
            "told, or why not; `dlpmilter holds justify` records it (informed, informed_detail)",
        )


def _grounds(approval: Approval) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "basis-accepted": approval.basis,
        "necessary": approval.necessary,
        "safer-way-checked": approval.no_safer_way,
    }
    if approval.delete_by is not None:
        fields["delete-by"] = approval.delete_by.isoformat()
    if approval.note:
        fields["note"] = approval.note
    return fields
