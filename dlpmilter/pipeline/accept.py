# SPDX-License-Identifier: Apache-2.0
"""One fresh mail from the final dot to the reply: judge, record, act, record, answer.

Both doors call this and nothing else. Never answers 250 unless each recipient is accepted by
the next hop, owed in the outbox, or held; never acts on a verdict that is not yet recorded.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlpmilter import maillog, metrics
from dlpmilter.actions.plan import Plan, Send, make_plan
from dlpmilter.engine.canonical import canonical_address
from dlpmilter.mime.apply import Splice, spliced
from dlpmilter.mime.head import read_head
from dlpmilter.mime.trace import own_fields, received_field
from dlpmilter.model.errors import Failure, TemporaryFailure
from dlpmilter.model.reply import Reply, reply
from dlpmilter.model.words import Action
from dlpmilter.pipeline.judge import Judge
from dlpmilter.pipeline.loops import refuse_loops
from dlpmilter.pipeline.work import Work
from dlpmilter.relay.connection import HopLost
from dlpmilter.spill import MessageBytes

if TYPE_CHECKING:
    from dlpmilter.config import Config
    from dlpmilter.content.inspect import Inspector
    from dlpmilter.content.opener import Opener
    from dlpmilter.facts.knowledge import Knowledge
    from dlpmilter.holds.desk import Desk, PolicyInForce
    from dlpmilter.holds.place import Decided
    from dlpmilter.model.transaction import EnvelopePath, Transaction
    from dlpmilter.model.verdict import Verdict
    from dlpmilter.relay.client import Session


class Pipeline:
    """The way of a fresh mail, for one gate."""

    def __init__(
        self,
        config: Config,
        policy: PolicyInForce,
        desk: Desk,
        inspector: Inspector,
        opener: Opener,
        knowledge: Knowledge,
    ) -> None:
        self._config = config
        self._policy = policy
        self._desk = desk
        self._knowledge = knowledge
        self._judge = Judge(config.bounds, inspector, opener, knowledge)

    @property
    def accepting(self) -> bool:
        """Whether what is started now could be recorded."""
        return self._desk.accepting

    async def accept(self, transaction: Transaction, message: MessageBytes, session: Session) -> Reply:
        """The reply to the final dot. Owns `message` and `session`; raises nothing."""
        head = read_head(transaction.head, self._config.bounds)
        facts = self._knowledge.snapshot(datetime.now(UTC))
        work = Work(transaction, message, self._policy.current, head, facts, session=session, started=time.monotonic())
        metrics.open_transactions.inc()
        try:
            return await self._accept(work)
        except Failure as error:
            counter = metrics.tempfails if error.code < 500 else metrics.refused  # RFC 5321 4.2.1
            counter.labels(error.enhanced).inc()
            answer = reply(error.code, f"{error.enhanced} {error.text}")
        except Exception as error:  # noqa: BLE001 - anything unforeseen is temporary (design invariant 1)
            metrics.unforeseen.labels("pipeline").inc()
            maillog.unforeseen("pipeline", error)
            answer = reply(451, "4.3.0 try again later")
        finally:
            await self._close_safely(work)
            metrics.open_transactions.dec()
            metrics.answer_seconds.observe(work.seconds)
            session.done()
            work.message.close()
        maillog.answered(transaction.id, size=transaction.size, seconds=work.seconds, reply=answer.short)
        return answer

    async def _accept(self, work: Work) -> Reply:
        refuse_loops(work.transaction, self._config.bounds.received_lines, self._desk.instance)
        quiet = self._desk.is_own_notice(work.transaction.head)
        passed = await self._desk.passed_by_release(work.transaction, work.message)
        self._strip_own_fields(work)
        verdict = work.verdict = await self._judge.verdict(work, passed)
        self._count(verdict)
        if not verdict.needs_record:
            return await self._relay_all(work)
        return await self._record_and_act(work, verdict, quiet=quiet)

    async def _close_safely(self, work: Work) -> None:
        """Nothing that happens here may change the answer: the mail may be gone."""
        try:
            await self._close_accounts(work)
        except Exception as error:  # noqa: BLE001 - see above
            metrics.unforeseen.labels("accounts").inc()
            maillog.unforeseen("accounts", error)

    async def _close_accounts(self, work: Work) -> None:
        """What was not sent does not count; what went out by an agreement is a use of it."""
        if work.charged:
            people = [path.mailbox for path in work.transaction.recipients if path.mailbox.raw in work.reached]
            sent = {canonical_address(each.key) for each in people}
            back = [taken for each, charges in work.charged.items() if each not in sent for taken in charges]
            await self._knowledge.give_back(back)
        if work.verdict is None or not work.reached:
            return
        reached = [one for one in work.verdict.dispositions if one.recipient.mailbox.raw in work.reached]
        if used := self._knowledge.used([reason for one in reached for reason in one.reasons]):
            maillog.consent_used(work.transaction.id, used)

    # -- before the judge ------------------------------------------------------------------

    def _strip_own_fields(self, work: Work) -> None:
        """Nobody outside may write our header fields: not to pass, not to look tagged."""
        ranges = own_fields(work.transaction.head)
        if not ranges:
            return
        head = b"".join(spliced([work.transaction.head], [Splice(*each) for each in ranges]))
        self._replace_message(work, tuple(Splice(*each) for each in ranges))
        work.transaction = replace(work.transaction, head=head, size=work.message.size)
        work.head = read_head(head, self._config.bounds)

    def _replace_message(self, work: Work, splices: tuple[Splice, ...]) -> None:
        edited = self._edited(work.message, splices)
        work.message.close()
        work.message = edited

    def _edited(self, message: MessageBytes, splices: tuple[Splice, ...]) -> MessageBytes:
        edited = MessageBytes(self._config.spool_directory, threshold=self._config.bounds.memory_message_octets)
        for block in spliced(message.chunks(), splices):
            edited.write(block)
        return edited

    @staticmethod
    def _count(verdict: Verdict) -> None:
        metrics.transactions.labels(verdict.action.name).inc()
        for one in verdict.dispositions:
            metrics.recipients.labels(one.recipient_class.value, one.action.name).inc()
            for hit in one.rules:
                metrics.rule_matches.labels(hit.id, hit.mode.value).inc()

    # -- acting ----------------------------------------------------------------------------

    def _trace(self, transaction: Transaction) -> bytes:
        return received_field(transaction, self._config.hostname, self._desk.instance, transaction.id)

    async def _relay_all(self, work: Work) -> Reply:
        """No record, one variant, everyone: the open transaction gets the bytes, upstream the reply."""
        answer = await self._send_open(work, self._trace(work.transaction), work.message)
        transaction = work.transaction
        if answer.ok:
            work.reached |= {path.mailbox.raw for path in transaction.recipients}
            maillog.relayed(
                transaction.id, client=transaction.client.address, size=transaction.size,
                recipients=len(transaction.recipients), seconds=work.seconds, reply=answer.short,
            )  # fmt: skip
        else:
            maillog.answered(transaction.id, size=transaction.size, seconds=work.seconds, reply=answer.short)
        return answer

    async def _send_open(self, work: Work, prefix: bytes, message: MessageBytes) -> Reply:
        self._check_time(work)
        try:
            return await work.session.data(prefix, message)
        except HopLost as error:
            if error.after_dot:
                work.reached |= {path.mailbox.raw for path in work.transaction.recipients}  # perhaps; it counts
                metrics.outcome_unknown.inc()
                maillog.may_be_sent_twice(work.transaction.id)
            raise

    def _check_time(self, work: Work) -> None:
        """Start nothing that upstream would not wait for: it would send the mail again."""
        if work.seconds > self._config.bounds.answer_seconds - self._config.relay.data_seconds / 2:
            metrics.alarms.labels("too-slow").inc()
            raise TemporaryFailure

    async def _record_and_act(self, work: Work, verdict: Verdict, *, quiet: bool) -> Reply:
        plan = make_plan(verdict, work.report_body)
        try:
            decided = await self._desk.decide(work.transaction, verdict, work.message, work.policy, quiet=quiet)
        except TemporaryFailure as error:
            metrics.alarms.labels("store-unavailable").inc()
            maillog.store_unavailable(error)
            raise
        maillog.decided(
            work.transaction.id, case=decided.case_id, repeated=decided.repeated,
            actions={one.action.name for one in verdict.dispositions},
            rules={hit.id for one in verdict.dispositions for hit in one.rules},
        )  # fmt: skip
        return await self._act(work, plan, decided)

    async def _act(self, work: Work, plan: Plan, decided: Decided) -> Reply:
        sends = _without(plan.sends, decided.relayed_before)
        if skipped := sum(len(one.recipients) for one in plan.sends) - sum(len(one.recipients) for one in sends):
            metrics.duplicates_suppressed.inc(skipped)
        whole = len(sends) == 1 and sends[0].recipients == work.transaction.recipients
        durable = bool(plan.held) or bool(plan.rejected) or skipped > 0
        outcomes: dict[EnvelopePath, Reply | None] = {}
        last: Reply | None = None
        for number, send in enumerate(sends):
            fresh = not whole
            try:
                answers = await self._send(work, send, fresh=fresh)
            except TemporaryFailure as error:
                unknown = isinstance(error, HopLost) and error.after_dot
                said = None if unknown else reply(error.code, f"{error.enhanced} {error.text}")
                answers = dict.fromkeys(send.recipients, said)
            outcomes.update(answers)
            work.reached |= {path.mailbox.raw for path, answer in answers.items() if answer is None or answer.ok}
            refused = tuple(path for path, answer in answers.items() if answer is None or not answer.ok)
            if refused and not durable and number == 0 and len(refused) == len(send.recipients):
                await self._desk.outcome(decided, outcomes)
                return _refusal(answers)
            durable = True
            for path in refused:  # "owed" is an entry of its own in the trail
                del outcomes[path]
            if refused:
                try:
                    await self._owe(work, decided, send, refused)
                    work.reached |= {path.mailbox.raw for path in refused}
                except Exception:  # upstream keeps the mail; its retry must find who has it already
                    if outcomes:
                        await self._desk.outcome(decided, outcomes)
                    raise
            last = next((answer for answer in answers.values() if answer is not None and answer.ok), last)
        if outcomes:
            await self._desk.outcome(decided, outcomes)
        return self._final(plan, decided, last, whole=whole)

    async def _send(self, work: Work, send: Send, *, fresh: bool) -> dict[EnvelopePath, Reply | None]:
        """One variant; `fresh` when the open transaction names others too and must be said again."""
        prefix = self._trace(work.transaction) + send.header
        message = self._edited(work.message, send.splices) if send.splices else work.message
        try:
            if not fresh:
                return dict.fromkeys(send.recipients, await self._send_open(work, prefix, message))
            self._check_time(work)
            return await self._send_again(work, send, prefix, message)
        finally:
            if message is not work.message:
                message.close()

    async def _send_again(
        self, work: Work, send: Send, prefix: bytes, message: MessageBytes
    ) -> dict[EnvelopePath, Reply | None]:
        said = await work.session.envelope(work.transaction.sender, send.recipients, reset=True)
        answers: dict[EnvelopePath, Reply | None] = dict(zip(send.recipients, said, strict=True))
        taken = [path for path, each in answers.items() if each is not None and each.ok]
        if taken:
            answers.update(dict.fromkeys(taken, await self._send_open(work, prefix, message)))
        return answers

    async def _owe(self, work: Work, decided: Decided, send: Send, recipients: tuple[EnvelopePath, ...]) -> None:
        """What the next hop would not take now becomes ours, durably, before anybody hears 250."""
        prefix = self._trace(work.transaction) + send.header
        message = self._edited(work.message, send.splices) if send.splices else None
        try:
            await self._desk.owe(decided, work.transaction, recipients, prefix, message or work.message)
        finally:
            if message is not None:
                message.close()
        maillog.leftover(work.transaction.id, len(recipients))

    def _final(self, plan: Plan, decided: Decided, last: Reply | None, *, whole: bool) -> Reply:
        case = decided.case_id
        if whole and last is not None:
            return last
        waiting = [one for one in plan.held if one.recipient.mailbox.raw in decided.held]
        counts = {
            "relayed": sum(len(send.recipients) for send in plan.sends),
            "held": len(waiting),
            "decided before": len(plan.held) - len(waiting),
            "refused": len(plan.rejected),
        }
        only_held = bool(plan.held) and not plan.sends and not plan.rejected
        closed = only_held and decided.closed >= {one.recipient.mailbox.raw for one in plan.held}
        if closed and self._config.hold_reply == "reject":
            return reply(554, f"5.7.1 {case} was decided before: not sent, see the notice")
        told = [f"{word} {count}" for word, count in counts.items() if count]
        if counts["relayed"] or counts["decided before"] or len(told) > 1:
            return reply(250, f"2.6.0 {case} {', '.join(told)}")
        if waiting:
            if self._config.hold_reply == "reject":
                return reply(554, f"5.7.1 {case} not sent yet: waits for review, see the notice")
            return reply(250, f"2.0.0 {case} held for review")
        rules = ", ".join(sorted({hit.id for one in plan.rejected for hit in one.rules if hit.action is Action.reject}))
        help_at = self._config.postmaster
        return reply(
            550,
            f"5.7.1 Nicht zugestellt ({rules}). Hilfe: {help_at}, Vorgang {case}",
            f"5.7.1 Not delivered ({rules}). Help: {help_at}, case {case}",
        )


def _refusal(answers: dict[EnvelopePath, Reply | None]) -> Reply:
    """One answer for a variant nobody got: a temporary one where there is any, for nothing may bounce too early."""
    said = [answer for answer in answers.values() if answer is not None]
    if len(said) < len(answers):
        return reply(451, "4.4.2 try again later")
    return next((answer for answer in said if not answer.permanent), said[0])


def _without(sends: tuple[Send, ...], done: frozenset[bytes]) -> tuple[Send, ...]:
    """The sends that are still to do when some recipients got the mail on an earlier try."""
    if not done:
        return sends
    left = (replace(one, recipients=tuple(p for p in one.recipients if p.mailbox.raw not in done)) for one in sends)
    return tuple(one for one in left if one.recipients)
