# SPDX-License-Identifier: Apache-2.0
"""The counter for the acts of people: each is one transaction with its entry, notice and outbox. Never acts by itself.

What the acts do stands in sender_acts.py and review_acts.py; who may is asked again inside the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from dlpmilter import maillog, metrics
from dlpmilter.holds import actors, answers, evidence, form, release, reread, review_acts, sender_acts
from dlpmilter.holds.acting import Done, NoSuchCase, Tools, case_in
from dlpmilter.holds.actors import Actor, NotAllowed
from dlpmilter.holds.form import EVIDENCE, SHORT, Statement
from dlpmilter.holds.reread import STATEMENTS, Reading, shunted, waiting
from dlpmilter.holds.states import WAITING, Act, Conflict
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.words import Stated
from dlpmilter.storage import case_rows
from dlpmilter.storage.bodies import BodyError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.holds.notify import Notifier
    from dlpmilter.holds.release import MarkDigest, Sending
    from dlpmilter.holds.reread import Reread
    from dlpmilter.holds.review_acts import Approval
    from dlpmilter.storage.bodies import BodyStore
    from dlpmilter.storage.case_rows import Case
    from dlpmilter.storage.database import Database

_REFUSALS = (NotAllowed, Conflict, NoSuchCase, BodyError)

__all__ = ["Done", "NoSuchCase", "Refused", "Workflow", "case_in"]


@dataclass(frozen=True, slots=True)
class Refused:
    """One case of several that stayed as it was, and why."""

    case_id: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Workflow:
    """The acts of people, for one policy."""

    database: Database
    bodies: BodyStore
    notifier: Notifier
    sending: Sending
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    reread: Reread | None = None
    """Judges a kept mail again; None where nobody can (the command line without an office): then people decide."""

    async def justify(self, case_id: str, actor: Actor, statement: Statement) -> Done:
        """Say why the mail should go; R8 withdraws it, R5 seals it, with R4 and R7 the policy is asked again.

        Raises NoSuchCase, NotAllowed, Conflict, ValueError, TemporaryFailure; so do the others.
        """
        reading = await self._reading(case_id, actor, statement)
        act = partial(sender_acts.justify, actor=actor, statement=statement, tools=self._tools(), reading=reading)
        return await self._write(case_id, act)

    async def unshunt(self, case_id: str, actor: Actor) -> Done:
        """Judge a mail again on which the judge had broken. Raises Conflict when there is nothing of that kind."""
        case = await self.database.read(lambda conn: case_in(conn, case_id))
        holds = shunted(case)
        if not holds or case.body_id is None:
            raise Conflict(Act.allow, [hold.state for hold in case.holds])
        if self.reread is None:
            raise NotAllowed("no-office", "the running office judges mail again; start `dlpmilter run` first")
        try:
            verdict = await self.reread(case, [hold.recipient for hold in holds], Stated.none)
        except TemporaryFailure:
            raise
        except Exception as error:  # noqa: BLE001 - the judge still breaks: the mail waits as before
            metrics.alarms.labels("judge-failed").inc()
            maillog.judge_failed(case.id, error)
            raise NotAllowed("still-broken", f"the judge still breaks on case {case.id}; the log says how") from None
        reading = Reading(Stated.none, verdict, await self._digest(case.body_id))

        def act(conn: Connection, found: Case) -> Done:
            return Done(found, reread.unshunt(conn, found, reading, actor=actor, tools=self._tools()))

        return await self._write(case_id, act)

    async def shunted(self) -> list[str]:
        """Cases that wait because the judge had broken, oldest first."""
        waiting_cases = await self.database.read(lambda conn: case_rows.in_states(conn, WAITING))
        return [case.id for case in waiting_cases if shunted(case)]

    async def _reading(self, case_id: str, actor: Actor, statement: Statement) -> Reading | None:
        """What the policy says of the mail now; None when it is not asked or cannot answer, and people decide."""
        stated = STATEMENTS.get(statement.code)
        if self.reread is None or stated is None:
            return None
        case = await self.database.read(lambda conn: case_in(conn, case_id))
        holds = waiting(case)
        if case.body_id is None or not holds or not actors.is_sender(actor, case):
            return None
        try:
            verdict = await self.reread(case, [hold.recipient for hold in holds], stated)
            return Reading(stated, verdict, await self._digest(case.body_id))
        except Exception as error:  # noqa: BLE001 - a judge that breaks lets nothing out: people decide as always
            metrics.alarms.labels("judge-failed").inc()
            maillog.judge_failed(case.id, error)
            return None

    async def ask(self, case_id: str, actor: Actor, wish: str) -> Done:
        """Note what the sender asks for by mail; it happens a day later unless it is undone."""
        return await self._write(case_id, partial(answers.ask, actor=actor, wish=wish, tools=self._tools()))

    async def undo(self, case_id: str, actor: Actor) -> Done:
        """Take back what was asked for by mail."""
        return await self._write(case_id, partial(answers.undo, actor=actor, tools=self._tools()))

    async def carry_out(self) -> int:
        """Do what was asked for by mail a day ago and not undone; how many cases that moved."""
        tools = self._tools()

        def act(conn: Connection, case_id: str) -> int:
            case = case_in(conn, case_id)
            owner = Actor("mail", case.owner, frozenset())
            done = answers.carry_out(conn, case, actor=owner, tools=tools)
            return len(done.moved) if done is not None else 0

        moved = 0
        for each in await self.database.read(lambda conn: case_rows.asked_before(conn, tools.now, 200)):
            try:
                moved += await self.database.write(partial(act, case_id=each))
            except _REFUSALS as error:  # one that cannot be done must not stop expiry and deletion behind it
                maillog.acted("answer", each, getattr(error, "slug", "conflict"))
                await self.database.write(partial(case_rows.ask, case_id=each, wish="", until=None))
        return moved

    async def seal(self, case_id: str, actor: Actor) -> Done:
        """Keep the mail as evidence; it is never sent."""
        return await self.justify(case_id, actor, form.read({"code": EVIDENCE}))

    async def withdraw(self, case_id: str, actor: Actor) -> Done:
        """Take the mail back: by the sender, or by a reviewer on his behalf."""
        return await self._write(case_id, partial(sender_acts.withdraw, actor=actor, tools=self._tools()))

    async def to_mailbox(self, case_id: str, actor: Actor) -> Done:
        """Send the mail to the sender's own business mailbox instead; the hold is withdrawn."""
        return await self._write(case_id, partial(sender_acts.to_mailbox, actor=actor, tools=self._tools()))

    async def ask_open(self, case_id: str, actor: Actor) -> Done:
        """The person's key to sealed evidence."""
        return await self._write(case_id, partial(evidence.ask_open, actor=actor, tools=self._tools()))

    async def grant_open(self, case_id: str, actor: Actor) -> Done:
        """The office's key to sealed evidence."""
        return await self._write(case_id, partial(evidence.grant_open, actor=actor, tools=self._tools()))

    async def renew(self, case_id: str, actor: Actor) -> Done:
        """Keep sealed evidence as long again."""
        return await self._write(case_id, partial(evidence.renew, actor=actor, tools=self._tools()))

    async def extend(self, case_id: str, actor: Actor) -> Done:
        """More time, once."""
        return await self._write(case_id, partial(sender_acts.extend, actor=actor, tools=self._tools()))

    async def attest(self, case_id: str, actor: Actor) -> Done:
        """Say that the released mail is deleted where it went."""
        return await self._write(case_id, partial(sender_acts.attest, actor=actor, tools=self._tools()))

    async def appeal(self, case_id: str, actor: Actor, text: str) -> Done:
        """Ask other people for a second look at a refusal, once."""
        words = _sentence(text, "an objection says in a sentence why")
        return await self._write(case_id, partial(sender_acts.appeal, actor=actor, text=words, tools=self._tools()))

    async def claim(self, case_id: str, actor: Actor) -> Done:
        """Take a case."""
        return await self._write(case_id, partial(review_acts.claim, actor=actor, tools=self._tools()))

    async def hand_over(self, case_id: str, actor: Actor, reason: str, pool: str = "") -> Done:
        """Give a case on, back to its pool or to another one."""
        words = _sentence(reason, "giving a case on needs a reason")
        act = partial(review_acts.hand_over, actor=actor, pool=pool, reason=words, tools=self._tools())
        return await self._write(case_id, act)

    async def approve(self, case_id: str, actor: Actor, approval: Approval) -> Done:
        """One approval; with the last one that is wanted the release is queued."""
        digest = await self._mail_digest(case_id, actor)
        act = partial(review_acts.approve, actor=actor, approval=approval, digest=digest, tools=self._tools())
        return await self._write(case_id, act)

    async def reject(self, case_id: str, actor: Actor, reason: str) -> Done:
        """Refuse the release; `reason` is one kind sentence the sender will read."""
        words = _sentence(reason, "a refusal needs a reason the sender can read")
        return await self._write(case_id, partial(review_acts.reject, actor=actor, reason=words, tools=self._tools()))

    async def approve_all(self, case_ids: Sequence[str], actor: Actor, approval: Approval) -> list[Done | Refused]:
        """One approval for each case, each with a record of its own; a case that cannot be approved stops no other."""
        digests: dict[str, MarkDigest] = {}
        refused: dict[str, Exception] = {}
        for case_id in case_ids:
            try:
                digests[case_id] = await self._mail_digest(case_id, actor)
            except _REFUSALS as error:
                refused[case_id] = error
        tools = self._tools()

        def act(conn: Connection, case: Case, asked: str) -> Done:
            if asked in refused:
                raise refused[asked]
            digest = digests[asked]
            return review_acts.approve(conn, case, actor=actor, approval=approval, digest=digest, tools=tools)

        return await self._write_each(case_ids, act)

    async def reject_all(self, case_ids: Sequence[str], actor: Actor, reason: str) -> list[Done | Refused]:
        """Refuse each case for one reason, each with a record and a notice of its own."""
        words, tools = _sentence(reason, "a refusal needs a reason the sender can read"), self._tools()
        return await self._write_each(
            case_ids, lambda conn, case, _: review_acts.reject(conn, case, actor=actor, reason=words, tools=tools)
        )

    async def release(self, case_id: str, actor: Actor) -> Done:
        """Try a failed release again; approves nothing."""
        digest = await self._mail_digest(case_id, actor)
        return await self._write(case_id, partial(review_acts.again, actor=actor, digest=digest, tools=self._tools()))

    def _tools(self) -> Tools:
        return Tools(self.notifier, self.sending, self.bodies.digest, self.clock())

    async def _write(self, case_id: str, act: Callable[[Connection, Case], Done]) -> Done:
        def inside(conn: Connection) -> Done:
            done = act(conn, case_in(conn, case_id))
            return Done(case_in(conn, case_id), done.moved, done.waiting_for)

        return await self.database.write(inside)

    async def _write_each(
        self, case_ids: Sequence[str], act: Callable[[Connection, Case, str], Done]
    ) -> list[Done | Refused]:
        """All of them in one transaction. Who may not, or comes too late, is told before anything is written."""

        def inside(conn: Connection) -> list[Done | Refused]:
            names = {asked: asked.strip().upper() for asked in case_ids}
            before = {case.id: case for case in case_rows.many(conn, list(names.values()))}
            done: dict[str, Done | Exception] = {}
            for asked, name in names.items():
                try:
                    done[asked] = act(conn, before[name] if name in before else case_in(conn, asked), asked)
                except _REFUSALS as error:
                    done[asked] = error
            after = {case.id: case for case in case_rows.many(conn, list(names.values()))}
            return [
                Refused(asked, each) if isinstance(each, Exception) else replace(each, case=after[names[asked]])
                for asked, each in done.items()
            ]

        return await self.database.write(inside)

    async def _mail_digest(self, case_id: str, actor: Actor) -> MarkDigest:
        """Open the body once: it proves that the mail can be sent, and the mark is bound to it."""
        case = await self.database.read(lambda conn: case_in(conn, case_id))
        actors.refuse_sender(actor, case)
        actors.of_pools(actor, case, case.holds)
        if case.body_id is None:
            raise Conflict(Act.release, [hold.state for hold in case.holds])
        return await self._digest(case.body_id)

    async def _digest(self, body_id: str) -> MarkDigest:
        message = await self.bodies.get(body_id)
        try:
            return await release.digest_of(message)
        finally:
            message.close()


def _sentence(text: str, wanted: str) -> str:
    words = " ".join(text.split())
    if not words or len(words) > SHORT:
        raise ValueError(f"{wanted}, up to {SHORT} characters")
    return words
