# SPDX-License-Identifier: Apache-2.0
"""The verdict on a fresh mail: asks the pure engine, fetches what it needs, answers for a judge that breaks.

Never acts on a verdict, never guesses: a store or a worker that does not answer in time is 451.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from dlpmilter import maillog, metrics
from dlpmilter.actions.plan import settled
from dlpmilter.detect.own import OwnPerson
from dlpmilter.engine.evaluate import evaluate
from dlpmilter.engine.failure import OPEN, must_wait, unjudged
from dlpmilter.engine.questions import own_person, questions
from dlpmilter.model.errors import Failure, TemporaryFailure
from dlpmilter.model.words import Action
from dlpmilter.pipeline.charge import asked as asked_stores
from dlpmilter.pipeline.charge import counted
from dlpmilter.policy.match import Needs
from dlpmilter.policy.schema import FACTS
from dlpmilter.policy.terms import SOURCES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dlpmilter.content.inspect import Inspector
    from dlpmilter.content.opener import Opener
    from dlpmilter.facts.knowledge import Knowledge
    from dlpmilter.model.facts import Questions
    from dlpmilter.model.limits import Limits
    from dlpmilter.model.transaction import Transaction
    from dlpmilter.model.verdict import Verdict
    from dlpmilter.pipeline.work import Mail, Work

T = TypeVar("T")
POISON_TRIES = 3
_POISON_MEMORY = 1000


class Judge:
    """One gate's judge: remembers only on which mails it broke."""

    def __init__(self, bounds: Limits, inspector: Inspector, opener: Opener, knowledge: Knowledge) -> None:
        self._bounds = bounds
        self._inspector = inspector
        self._opener = opener
        self._knowledge = knowledge
        self._broken: Counter[bytes] = Counter()

    async def verdict(self, work: Work, passed: frozenset[bytes]) -> Verdict:
        """The verdict as it can be carried out; a judge that breaks three times on a mail holds it."""
        transaction = work.transaction
        try:
            verdict = await counted(work, await self.evaluate(work), passed, self._knowledge, self.evaluate)
        except Failure:  # no worker in time: upstream keeps the mail
            raise
        except Exception as error:  # noqa: BLE001 - a broken judge is no free pass and no lost mail
            maillog.judge_failed(transaction.id, error)
            metrics.alarms.labels("judge-failed").inc()
            self._again_or_hold(transaction)
            if must_wait(transaction, work.policy):
                raise TemporaryFailure from None
            verdict = unjudged(transaction, work.policy, work.facts)
            verdict = await counted(work, verdict, passed, self._knowledge, _as_it_was(verdict))
            if any(OPEN in one.reasons for one in verdict.dispositions):
                metrics.alarms.labels(OPEN).inc()
        if passed:
            each = tuple(
                replace(one, action=Action.relay, reasons=(*one.reasons, "released-by-reviewer"))
                if one.recipient.mailbox.raw in passed
                else one
                for one in verdict.dispositions
            )
            verdict = replace(verdict, dispositions=each)
        return settled(verdict, null_sender=transaction.sender.mailbox.null, report_body=work.report_body)

    async def evaluate(self, work: Mail) -> Verdict:
        """Ask the engine until it is content; whatever it needs is fetched once, the cheapest source first.

        The verdict by itself: nothing is charged, and what breaks is raised.
        """
        for _ in SOURCES:
            result = evaluate(
                work.transaction, work.head, work.facts, work.policy, work.structure, work.report, work.seen
            )
            if not isinstance(result, Needs):
                return result
            await self._fetch(work, result)
        raise TypeError("the engine asks for what it has")  # a bug of ours, caught above

    async def _fetch(self, work: Mail, needs: Needs) -> None:
        asked = {source for fact in needs.facts for source in FACTS[fact].sources}
        source = next(each for each in SOURCES if each in asked and not work.has(each))
        if source == "store":
            work.facts = replace(work.facts, known=await asked_stores(work, self._knowledge))
        elif source == "network":
            known = work.facts.known or await asked_stores(work, self._knowledge)
            hosts = await self._knowledge.mail_hosts(self._questions(work))
            work.facts = replace(work.facts, known=replace(known, mail_hosts=hosts))
        elif source == "structure":
            work.structure = await self._in_time(self._inspector.structure(work.message))
        else:
            work.report = await self._in_time(self._opener.report(work.message, work.policy, _own(work)))
            work.rows = {hit.key: hit.rows for hit in work.report.registers}
            work.sizes = {hit.key: hit.register_rows for hit in work.report.registers}
            before = work.facts.known
            if work.rows and before is not None and work.policy.counts_drip:  # asked before anybody knew the rows
                drip = (await asked_stores(work, self._knowledge)).drip
                work.facts = replace(work.facts, known=replace(before, drip=drip))

    @staticmethod
    def _questions(work: Mail) -> Questions:
        return questions(work.transaction, work.head, work.facts, work.policy, work.seen)

    async def _in_time(self, answer: Awaitable[T]) -> T:
        """Wait for a worker, but not longer than upstream waits for us."""
        try:
            bounds = self._bounds
            async with asyncio.timeout(max(bounds.answer_seconds / 2, bounds.inspect_seconds + 5)):
                return await answer
        except TimeoutError:
            metrics.alarms.labels("inspection-busy").inc()
            raise TemporaryFailure from None

    def _again_or_hold(self, transaction: Transaction) -> None:
        """451 twice, so that a passing fault heals; then hold, so that the mail does not circle for days."""
        key = hashlib.sha256(transaction.sender.mailbox.raw + b"\0" + transaction.head).digest()
        self._broken[key] += 1
        if self._broken[key] < POISON_TRIES:
            raise TemporaryFailure
        del self._broken[key]
        if len(self._broken) > _POISON_MEMORY:
            self._broken.clear()


def _own(work: Mail) -> OwnPerson:
    """The sender, for documents about himself alone."""
    names, addresses = own_person(work.transaction, work.head, work.facts, work.policy, work.seen)
    return OwnPerson(names, addresses)


def _as_it_was(verdict: Verdict) -> Callable[[Work], Awaitable[Verdict]]:
    """A judge that cannot be asked again: it has broken on this mail."""

    async def judge(work: Work) -> Verdict:  # noqa: ARG001 - counted calls it with the mail
        return verdict

    return judge
