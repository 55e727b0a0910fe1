# SPDX-License-Identifier: Apache-2.0
"""A kept mail before the judge once more, with what its sender says of it as a fact. Never acts on the verdict.

The same judge, readers and sandbox as at the gate, in the office, started when somebody first needs them. People,
agreements and policy are those of now; what was charged for the mail when it came is not counted twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlpmilter.content.inspect import Inspector
from dlpmilter.content.opener import Opener
from dlpmilter.mime.head import read_head
from dlpmilter.model.transaction import Client, Transaction
from dlpmilter.pipeline.judge import Judge
from dlpmilter.pipeline.work import Mail
from dlpmilter.storage.bodies import BodyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpmilter.config import Config
    from dlpmilter.facts.knowledge import Knowledge
    from dlpmilter.holds.desk import PolicyInForce
    from dlpmilter.model.transaction import EnvelopePath
    from dlpmilter.model.verdict import Verdict
    from dlpmilter.model.words import Stated
    from dlpmilter.storage.bodies import BodyStore
    from dlpmilter.storage.case_rows import Case
    from dlpmilter.storage.keys import Keyring


class Rereader:
    """One for the office."""

    def __init__(
        self,
        config: Config,
        policy: PolicyInForce,
        bodies: BodyStore,
        knowledge: Knowledge,
        keyring: Keyring,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bounds = config.bounds
        self._policy = policy
        self._bodies = bodies
        self._knowledge = knowledge
        self._clock = clock
        self._inspector = Inspector(config.bounds, workers=1).on_demand()
        self._opener = Opener(
            config.bounds,
            config.registers_directory,
            keyring,
            unconfined=config.documents_without_sandbox,
            ocr=config.ocr,
        )
        self._judge = Judge(config.bounds, self._inspector, self._opener, knowledge)

    async def verdict(self, case: Case, recipients: Sequence[EnvelopePath], stated: Stated) -> Verdict:
        """The verdict on this mail for these recipients. Raises BodyError, TemporaryFailure, whatever breaks."""
        if case.body_id is None:
            raise BodyError("the mail is deleted")
        message = await self._bodies.get(case.body_id)
        try:
            with message.view() as octets:
                block = bytes(octets[: self._bounds.header_octets + 1])
            head = read_head(block, self._bounds)
            transaction = Transaction(
                id=case.id,
                client=Client("", login=case.login),
                sender=case.sender,
                recipients=tuple(recipients),
                head=head.raw,
                size=message.size,
                received_at=case.created_at,
            )
            facts = replace(self._knowledge.snapshot(self._clock()), stated=stated)
            return await self._judge.evaluate(Mail(transaction, message, self._policy.current, head, facts))
        finally:
            message.close()

    async def close(self) -> None:
        """End the processes that were started."""
        await self._inspector.close()
        await self._opener.close()
