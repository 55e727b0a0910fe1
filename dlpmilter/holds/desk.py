# SPDX-License-Identifier: Apache-2.0
"""The counter of this room: what pipeline, office and command line ask for, with its collaborators bound.

Never holds a rule of its own; each method is one call into the file that does the work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from dlpmilter import maillog, metrics
from dlpmilter.facts.drip import DripCounter
from dlpmilter.holds import place, release, settle
from dlpmilter.holds.charges import charge_released
from dlpmilter.holds.journal import Journal
from dlpmilter.holds.notify import Notifier
from dlpmilter.holds.release import Claim, Sending
from dlpmilter.holds.states import WAITING
from dlpmilter.holds.sweep import Sweeper
from dlpmilter.holds.workflow import Workflow
from dlpmilter.mime.head import read_head
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.notices.mark import HEADER, is_own_notice
from dlpmilter.storage import account_rows, case_rows, outbox_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.holds.place import Decided
    from dlpmilter.holds.reread import Reread
    from dlpmilter.model.reply import Reply
    from dlpmilter.model.transaction import EnvelopePath, Transaction
    from dlpmilter.model.verdict import Verdict
    from dlpmilter.policy.schema import Policy
    from dlpmilter.relay.outbox import Outcome
    from dlpmilter.spill import MessageBytes
    from dlpmilter.storage.bodies import BodyStore
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring
    from dlpmilter.storage.outbox_rows import OutboxRow


class PolicyInForce(Protocol):
    """Where the current policy is found."""

    @property
    def current(self) -> Policy:
        """The policy in force now."""
        ...


class Desk:
    """One for each process. The journal is opened with it, because later may be too late."""

    def __init__(
        self,
        config: Config,
        policy: PolicyInForce,
        database: Database,
        bodies: BodyStore,
        keyring: Keyring,
        language_of: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._config = config
        self._policy = policy
        self._database = database
        self._bodies = bodies
        self._keyring = keyring
        self._language_of = language_of
        self._mark_key = keyring.derive("notice-mark")
        self.instance = release.instance_of(keyring)
        """How this installation knows its own trace fields; the same in all its processes."""
        self.sending = Sending.build(keyring, config.hostname, self.instance, config.relay.retry_days)
        self._journal = Journal(config.database)
        self._sweeper = Sweeper(database, bodies)
        self._drip = DripCounter(keyring)
        self._notifiers: dict[str, Notifier] = {}
        self.reread: Reread | None = None
        """Judges a kept mail again; the office sets it."""

    @property
    def accepting(self) -> bool:
        """False while an outcome waits in the journal: what cannot be recorded may not be started."""
        return not self._journal.used

    @property
    def notifier(self) -> Notifier:
        """The notices of the policy in force."""
        return self._notifier(self._policy.current)

    def _notifier(self, policy: Policy) -> Notifier:
        if policy.version not in self._notifiers:
            self._notifiers = {policy.version: Notifier.build(self._config, policy, self._keyring, self._language_of)}
        return self._notifiers[policy.version]

    @property
    def workflow(self) -> Workflow:
        """The acts of people."""
        return Workflow(self._database, self._bodies, self.notifier, self.sending, reread=self.reread)

    def is_own_notice(self, head: bytes) -> bool:
        """Whether this mail carries a valid notice mark of ours."""
        if HEADER.lower().encode() not in head.lower():
            return False
        return is_own_notice(read_head(head, self._config.bounds).get(HEADER), self._mark_key)

    async def passed_by_release(self, transaction: Transaction, message: MessageBytes) -> frozenset[bytes]:
        """The recipients (address octets) for whom this mail is one we released. Raises TemporaryFailure."""
        mark = release.parse_mark(transaction.head)
        if mark is None:
            return frozenset()
        claim = Claim(
            transaction.id, transaction.sender.mailbox.raw, tuple(each.mailbox for each in transaction.recipients),
            await release.digest_of(message),
        )  # fmt: skip
        passed = await release.claim_mark(
            self._database, mark, claim, secret=self.sending.secret,
            policy_version=self._policy.current.version, now=datetime.now(UTC),
        )  # fmt: skip
        maillog.release_mark(transaction.id, mark.case_id, "believed" if passed else "not-believed")
        return passed

    async def decide(
        self, transaction: Transaction, verdict: Verdict, message: MessageBytes, policy: Policy, *, quiet: bool = False
    ) -> Decided:
        """Make the verdict durable before anything is done about it. Raises TemporaryFailure."""
        return await place.record_decided(
            self._database, self._bodies, transaction=transaction, verdict=verdict, message=message, policy=policy,
            config=self._config, notice=self._notifier(policy), quiet=quiet,
        )  # fmt: skip

    async def outcome(self, decided: Decided, outcomes: Mapping[EnvelopePath, Reply | None]) -> None:
        """Record what the next hop said; in the journal when the database is away. Raises nothing: the mail is gone."""
        try:
            recorded = await place.record_outcome(self._database, decided, outcomes, journal=self._journal)
        except TemporaryFailure as error:
            metrics.alarms.labels("outcome-lost").inc()
            maillog.store_unavailable(error)
            return
        if not recorded:
            metrics.alarms.labels("journal-used").inc()
            maillog.journal_used(decided.transaction_id)

    async def owe(
        self,
        decided: Decided,
        transaction: Transaction,
        recipients: Sequence[EnvelopePath],
        prefix: bytes,
        message: MessageBytes,
    ) -> None:
        """Recipients the next hop did not take now become ours. Raises TemporaryFailure."""
        await place.owe_leftover(
            self._database, self._bodies, decided=decided, transaction=transaction, recipients=recipients,
            prefix=prefix, message=message,
        )  # fmt: skip

    def settle(self, conn: Connection, row: OutboxRow, outcomes: tuple[Outcome, ...]) -> None:
        """What the outbox calls inside the transaction that records a try."""
        now = datetime.now(UTC)
        settle.settle(conn, row, outcomes, notifier=self.notifier, now=now)
        charge_released(conn, row, outcomes, policy=self._policy.current, counter=self._drip, now=now)

    async def replay(self) -> int:
        """Bring journalled outcomes into the database; returns how many. Raises TemporaryFailure."""
        return await self._journal.replay(self._database)

    async def sweep(self, now: datetime) -> dict[str, int]:
        """Reminders, expiry, deletion, and what waits in journals. Raises TemporaryFailure."""
        replayed = await self.replay()
        portal = self._config.portal
        idle, longest = now - timedelta(minutes=portal.idle_minutes), now - timedelta(hours=portal.session_hours)
        if self._config.portal_url:
            await self._database.write(lambda conn: account_rows.sweep(conn, now, idle, longest))
        asked = await self.workflow.carry_out()
        return {**await self._sweeper.run(self.notifier, now), "replayed": replayed, "asked": asked}

    async def backlog(self) -> tuple[int, int]:
        """Cases nobody has decided yet, and mails we owe."""

        def look(conn: Connection) -> tuple[int, int]:
            counts = case_rows.state_counts(conn)
            return sum(counts.get(state, 0) for state in WAITING), sum(outbox_rows.depth(conn).values())

        return await self._database.read(look)

    async def close(self) -> None:
        """Leave the journal to the next process."""
        self._journal.close()
