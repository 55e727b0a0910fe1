# SPDX-License-Identifier: Apache-2.0
"""One inbound mail: relayed as it came, then learned who wrote it. Never judges, holds, alters or records it.

250 is said only when the next hop said 250. Learning happens afterwards and in batches; a full queue or a broken
database costs what would have been learned, never a mail and never time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from dlpmilter import maillog, metrics
from dlpmilter.engine.inbound import lesson_of
from dlpmilter.mime.head import read_head
from dlpmilter.mime.trace import received_field
from dlpmilter.model.errors import Failure, TemporaryFailure
from dlpmilter.model.reply import Reply, reply
from dlpmilter.pipeline.loops import refuse_loops
from dlpmilter.relay.connection import HopLost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from dlpmilter.config import Config
    from dlpmilter.holds.desk import PolicyInForce
    from dlpmilter.model.facts import Lesson
    from dlpmilter.model.transaction import Transaction
    from dlpmilter.relay.client import Session
    from dlpmilter.spill import MessageBytes

    Learn = Callable[[Sequence[tuple[Lesson, datetime]]], Awaitable[int]]

BATCH = 500
PAUSE_SECONDS = 0.5
"""Mails that come in this time share one commit."""


class Learner:
    """The way of an inbound mail, for one gate. Start `run` once; `finish` at the end."""

    def __init__(self, config: Config, policy: PolicyInForce, instance: str, learn: Learn) -> None:
        self._config = config
        self._policy = policy
        self._instance = instance
        self._learn = learn
        self._authserv_id = config.inbound.authserv_id if config.inbound else ""
        self._copies = config.inbound is None or config.inbound.next_hop is None
        self._waiting: list[tuple[Lesson, datetime]] = []
        self._missed = 0

    @property
    def accepting(self) -> bool:
        """Nothing is recorded here, so nothing can be in the way."""
        return True

    async def accept(self, transaction: Transaction, message: MessageBytes, session: Session) -> Reply:
        """The reply to the final dot. Owns `message` and `session`; raises nothing."""
        started = time.monotonic()
        metrics.open_transactions.inc()
        try:
            answer = await self._relay(transaction, message, session)
        except Failure as error:
            counter = metrics.tempfails if error.code < 500 else metrics.refused  # RFC 5321 4.2.1
            counter.labels(error.enhanced).inc()
            answer = reply(error.code, f"{error.enhanced} {error.text}")
        except Exception as error:  # noqa: BLE001 - anything unforeseen is temporary (design invariant 1)
            metrics.unforeseen.labels("inbound").inc()
            maillog.unforeseen("inbound", error)
            answer = reply(451, "4.3.0 try again later")
        finally:
            metrics.open_transactions.dec()
            session.done()
            message.close()
        if answer.ok:
            self._note(transaction)
        maillog.passed_in(
            transaction.id, client=transaction.client.address, size=transaction.size,
            recipients=len(transaction.recipients), seconds=time.monotonic() - started, reply=answer.short,
        )  # fmt: skip
        return answer

    async def _relay(self, transaction: Transaction, message: MessageBytes, session: Session) -> Reply:
        if not self._copies:  # a copy goes nowhere, so it cannot run in a circle
            refuse_loops(transaction, self._config.bounds.received_lines, self._instance)
        prefix = received_field(transaction, self._config.hostname, self._instance, transaction.id)
        try:
            return await session.data(prefix, message)
        except HopLost as error:
            if error.after_dot:
                metrics.outcome_unknown.inc()
                maillog.may_be_sent_twice(transaction.id)
            raise

    # -- learning: from here on the mail has its answer --------------------------------------

    def _note(self, transaction: Transaction) -> None:
        """Read the header block and queue what it teaches; whatever goes wrong is counted."""
        try:
            head = read_head(transaction.head, self._config.bounds)
            lesson = lesson_of(
                head, self._policy.current.domains, self._authserv_id, null_sender=transaction.sender.mailbox.null
            )
        except Exception as error:  # noqa: BLE001 - the mail is relayed: nothing may turn its 250 into an error
            metrics.unforeseen.labels("inbound-learning").inc()
            maillog.unforeseen("inbound-learning", error)
            return
        if isinstance(lesson, str):
            metrics.inbound_learned.labels(lesson).inc()
        elif len(self._waiting) >= self._config.bounds.inbound_waiting:
            metrics.inbound_learned.labels("queue-full").inc()
            self._missed += 1
        else:
            self._waiting.append((lesson, transaction.received_at))

    async def run(self) -> None:
        """Write what was learned, again and again, until cancelled."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. What the database does not take is lost and counted: the next mails count more."""
        if self._missed:
            maillog.not_learned(self._missed, "queue-full")
            self._missed = 0
        while batch := self._waiting[:BATCH]:
            try:
                new = await self._learn(batch)
            except TemporaryFailure as error:
                self._lost(len(batch), "store-unavailable")
                maillog.store_unavailable(error)
            except Exception as error:  # noqa: BLE001 - without this loop nothing would ever be learned again
                self._lost(len(batch), "unforeseen")
                maillog.unforeseen("inbound-learning", error)
            else:
                metrics.inbound_learned.labels("learned").inc(new)
                metrics.inbound_learned.labels("known").inc(len(batch) - new)
            del self._waiting[: len(batch)]

    def _lost(self, mails: int, reason: str) -> None:
        metrics.inbound_learned.labels(reason).inc(mails)
        maillog.not_learned(mails, reason)

    async def finish(self, task: asyncio.Task[None]) -> None:
        """End `run` between two batches and write the rest."""
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await self.flush()
