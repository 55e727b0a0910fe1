# SPDX-License-Identifier: Apache-2.0
"""What people do with a case: justify, approve, reject, withdraw, release again. Never acts by itself.

Each act is one transaction: right of the person, state, trail entry, notice and outbox stand together.
Who may act is asked again inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.audit.controller import controller_after
from dlpmilter.audit.trail import Entry
from dlpmilter.holds import actors, release, states
from dlpmilter.holds.actors import Actor, NotAllowed
from dlpmilter.holds.notify import told
from dlpmilter.holds.states import Act, Conflict
from dlpmilter.holds.terms import keep_for
from dlpmilter.notices.facts import NoticeKind
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.holds.notify import Notifier
    from dlpmilter.holds.release import MarkDigest, Sending
    from dlpmilter.storage.bodies import BodyStore
    from dlpmilter.storage.case_rows import Case, Hold
    from dlpmilter.storage.database import Database

REASON_CODES = tuple(f"R{number}" for number in range(1, 12))
"""domain.md section 6."""
EVIDENCE = "R5"
PROTECTED = "R6"
TEXT_LIMIT = 280


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
class Workflow:
    """The acts of people, for one policy."""

    database: Database
    bodies: BodyStore
    notifier: Notifier
    sending: Sending
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def justify(self, case_id: str, actor: Actor, code: str, text: str) -> Done:
        """Say why the mail should go: a code of domain.md section 6 and up to 280 characters.

        Raises NoSuchCase, NotAllowed, Conflict, ValueError, TemporaryFailure; so do the others.
        """
        code = code.upper()
        if code not in REASON_CODES:
            raise ValueError(f"{code!r} is not a reason code; they are R1 to R11")
        text = "" if code == PROTECTED else " ".join(text.split())  # a report is nobody's business here
        if len(text) > TEXT_LIMIT:
            raise ValueError(f"the reason has {len(text)} characters, {TEXT_LIMIT} are enough")
        return await self._write(case_id, partial(_justify, actor=actor, code=code, text=text, now=self.clock()))

    async def approve(self, case_id: str, actor: Actor) -> Done:
        """One approval; with the last one that is wanted the release is queued."""
        digest = await self._mail_digest(case_id, actor)
        return await self._write(case_id, partial(self._approve, actor=actor, digest=digest, now=self.clock()))

    async def reject(self, case_id: str, actor: Actor, reason: str) -> Done:
        """Refuse the release; `reason` is one kind sentence the sender will read."""
        reason = " ".join(reason.split())
        if not reason or len(reason) > TEXT_LIMIT:
            raise ValueError(f"a refusal needs a reason the sender can read, up to {TEXT_LIMIT} characters")
        return await self._write(case_id, partial(self._reject, actor=actor, reason=reason, now=self.clock()))

    async def withdraw(self, case_id: str, actor: Actor) -> Done:
        """Take the mail back: by the sender, or by a reviewer on his behalf."""
        return await self._write(case_id, partial(self._withdraw, actor=actor, now=self.clock()))

    async def release(self, case_id: str, actor: Actor) -> Done:
        """Try a failed release again; approves nothing."""
        digest = await self._mail_digest(case_id, actor)
        return await self._write(case_id, partial(self._release, actor=actor, digest=digest, now=self.clock()))

    async def _write(self, case_id: str, act: Callable[[Connection, Case], Done]) -> Done:
        def inside(conn: Connection) -> Done:
            done = act(conn, case_in(conn, case_id))
            return Done(case_in(conn, case_id), done.moved, done.waiting_for)

        return await self.database.write(inside)

    async def _mail_digest(self, case_id: str, actor: Actor) -> MarkDigest:
        """Open the body once: it proves that the mail can be sent, and the mark is bound to it."""
        case = await self.database.read(lambda conn: case_in(conn, case_id))
        actors.refuse_sender(actor, case)
        actors.of_pools(actor, case, case.holds)
        if case.body_id is None:
            raise Conflict(Act.release, [hold.state for hold in case.holds])
        message = await self.bodies.get(case.body_id)
        try:
            return await release.digest_of(message)
        finally:
            message.close()

    def _approve(self, conn: Connection, case: Case, *, actor: Actor, digest: MarkDigest, now: datetime) -> Done:
        actors.refuse_sender(actor, case)
        if case.justification_code == EVIDENCE:
            raise NotAllowed(
                "evidence-stays", f"case {case.id} was given as evidence to keep ({EVIDENCE}); it is never sent"
            )
        mine = _fitting(Act.approve, actor, case)
        before = case_rows.approved_by(conn, [hold.id for hold in mine], actor.key)
        new = [hold for hold in mine if hold.id not in before]
        if not new:
            raise NotAllowed("approved-already", f"you have approved case {case.id} already; somebody else has to")
        counts = {hold.id: case_rows.approve(conn, hold.id, actor.key, now) for hold in new}
        complete = tuple(hold for hold in new if counts[hold.id] >= hold.approvals_needed)
        missing = max((hold.approvals_needed - counts[hold.id] for hold in new), default=0)
        fields = _acting(actor, "reviewer", complete or new)
        fields["approvals"] = max(counts.values())
        if not complete:
            trail.append(conn, Entry("approval", "hold", case.policy_version, case.id, fields, now))
            return Done(case, (), max(missing, 0))
        states.move(conn, Act.approve, complete, _entry("approved", "release", case, fields, now), now)
        release.queue(conn, self.sending, case, complete, digest, _acting(actor, "reviewer", complete), now)
        return Done(case, complete, max(missing, 0))

    def _reject(self, conn: Connection, case: Case, *, actor: Actor, reason: str, now: datetime) -> Done:
        actors.refuse_sender(actor, case)
        mine = _fitting(Act.reject, actor, case)
        fields = _acting(actor, "reviewer", mine) | {"reason": reason} | _kept_here()
        until = (now + keep_for(states.State.rejected, self.notifier.policy.hold)).astimezone()
        mail = self.notifier.notice(NoticeKind.rejected, case, mine, now, decision_reason=reason, content_until=until)
        fields |= told(mail)
        states.move(conn, Act.reject, mine, _entry("rejected", "withhold", case, fields, now), now)
        self.notifier.queue(conn, case.id, mail, now, mark=_part(mine))
        return Done(case, mine)

    def _withdraw(self, conn: Connection, case: Case, *, actor: Actor, now: datetime) -> Done:
        role, mine = _for_sender(Act.withdraw, actor, case)
        mail = self.notifier.notice(NoticeKind.withdrawn, case, mine, now)
        fields = _acting(actor, role, mine) | _kept_here() | told(mail)
        states.move(conn, Act.withdraw, mine, _entry("withdrawn", "withhold", case, fields, now), now)
        self.notifier.queue(conn, case.id, mail, now, mark=_part(mine))
        return Done(case, mine)

    def _release(self, conn: Connection, case: Case, *, actor: Actor, digest: MarkDigest, now: datetime) -> Done:
        actors.refuse_sender(actor, case)
        failed = [hold for hold in case.holds if hold.state == states.State.release_failed]
        if not failed:
            raise Conflict(Act.release, [hold.state for hold in case.holds])
        mine = actors.of_pools(actor, case, failed)
        release.queue(conn, self.sending, case, mine, digest, _acting(actor, "reviewer", mine), now)
        return Done(case, mine)


def _justify(conn: Connection, case: Case, *, actor: Actor, code: str, text: str, now: datetime) -> Done:
    role, mine = _for_sender(Act.justify, actor, case)
    fields = _acting(actor, role, mine) | {"reason-code": code, "justification": text}
    states.move(conn, Act.justify, mine, _entry("justified", "hold", case, fields, now), now)
    case_rows.justify(conn, case.id, code, text)
    return Done(case, mine)


def case_in(conn: Connection, case_id: str) -> Case:
    """The case of this number, however it is written. Raises NoSuchCase."""
    case = case_rows.get(conn, case_id.strip().upper())
    if case is None:
        raise NoSuchCase(f"there is no case {case_id!r}; `dlpmilter holds list` shows the open ones")
    return case


def _fitting(act: Act, actor: Actor, case: Case) -> tuple[Hold, ...]:
    fitting = states.possible(act, case.holds)
    if not fitting:
        raise Conflict(act, [hold.state for hold in case.holds])
    return actors.of_pools(actor, case, fitting)


def _for_sender(act: Act, actor: Actor, case: Case) -> tuple[str, tuple[Hold, ...]]:
    """The sender acts on all of his mail; a reviewer, on his behalf, on what his pools hold."""
    if not actors.is_sender(actor, case):
        return "on-behalf", _fitting(act, actor, case)
    fitting = states.possible(act, case.holds)
    if not fitting:
        raise Conflict(act, [hold.state for hold in case.holds])
    return "sender", fitting


def _acting(actor: Actor, role: str, holds: Sequence[Hold]) -> dict[str, Value]:
    fields: dict[str, Value] = {"actor": actor.address, "actor-user": actor.user, "role": role}
    for number, hold in enumerate(holds):
        fields[f"recipient.{number}.address"] = hold.recipient.mailbox.text
    return fields


def _kept_here() -> dict[str, Value]:
    found = controller_after(transmitted=False)
    return {"controller-after": found.after.value, "controller-basis": found.basis}


def _entry(event: str, action: str, case: Case, fields: dict[str, Value], now: datetime) -> Entry:
    return Entry(event, action, case.policy_version, case.id, fields, now)


def _part(holds: Sequence[Hold]) -> str:
    """Tells apart two notices of one kind when pools decide about parts of a case."""
    return f"-{min(hold.id for hold in holds)}"
