# SPDX-License-Identifier: Apache-2.0
"""The mail we owe: releases, notices, leftovers and delivery reports, handed over until each is settled.

Never forgets a row before the next hop took it or refused it for good, and never sends one row from
two workers. A crash between the next hop's 250 and our record sends that one mail again: the row
stays, so at most one duplicate, never a loss (hop.md section 4). A row whose result cannot be
recorded is parked and its result kept in memory: others go on, and it is not sent again by this worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

from dlpmilter import maillog, metrics
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.reply import Reply, reply
from dlpmilter.relay import client
from dlpmilter.spill import MessageBytes
from dlpmilter.storage import outbox_rows
from dlpmilter.storage.bodies import BodyError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.model.transaction import EnvelopePath
    from dlpmilter.storage.bodies import BodyStore
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.outbox_rows import OutboxRow

OwedKind = Literal["release", "returned", "notice", "leftover", "dsn"]

LEASE = timedelta(seconds=60)
"""How long a crashed worker's rows stay its own; a live worker renews at a quarter of it."""
POLL_SECONDS = 1.0
BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""Pause after the first, second, third and every later try."""
_RECORD_PAUSES = (0.2, 1.0, 5.0, 15.0)
_LAST_TRIES = 3
PARK_AFTER = 5
"""Failures of settle after which a row is parked."""
PARKED = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=24))
"""Pause after the first, second and every later time a row is parked."""
_COUNT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Owed:
    """One mail to hand over: `prefix` are whole header fields (or a whole mail) before the stored body."""

    kind: OwedKind
    case_id: str
    sender: EnvelopePath
    recipients: tuple[EnvelopePath, ...]
    body_id: str | None = None
    prefix: bytes = b""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recipient in one try. `failed` is for good: a 5xx, or retry_days are over."""

    id: int
    recipient: EnvelopePath
    reply: Reply
    state: Literal["delivered", "failed", "later"]

    @property
    def final(self) -> bool:
        """Whether this recipient is settled."""
        return self.state != "later"


Settle = Callable[["Connection", "OutboxRow", "tuple[Outcome, ...]"], None]
"""Called after each try inside the transaction that records it, with the outcomes this try decided.

The outbox rows are already updated: `outbox_rows.body_owed` tells whether a body is still needed.
Whatever it raises undoes the record, and the record (not the mail) is tried again, first at once,
after `PARK_AFTER` failures in growing pauses.
"""


def owe(conn: Connection, owed: Owed, now: datetime) -> int:
    """Put one mail into the outbox inside the caller's transaction; returns the row id.

    `now` is aware. Raises ValueError without recipients. Wake the worker after the commit, or let
    its poll find the row.
    """
    return outbox_rows.add(
        conn, kind=owed.kind, case_id=owed.case_id, sender=owed.sender, recipients=owed.recipients,
        body_id=owed.body_id, prefix=owed.prefix, now=now,
    )  # fmt: skip


def backoff(attempts: int) -> timedelta:
    """The pause before the next try, after `attempts` finished ones (at least 1)."""
    return BACKOFF[min(attempts, len(BACKOFF)) - 1]


class OutboxWorker:
    """Hands over what is owed. `run` until `stop`; several workers may share one database.

    `clock` gives the aware present time; `retry_days` come from `[relay]`.
    """

    def __init__(  # noqa: PLR0913 - its four collaborators and what tests change
        self,
        database: Database,
        bodies: BodyStore,
        hop: client.NextHop,
        settle: Settle,
        *,
        retry_days: float = 5,
        parallel: int = 8,
        lease: timedelta = LEASE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._bodies = bodies
        self._hop = hop
        self._settle = settle
        self._keep_trying = timedelta(days=retry_days)
        self._parallel = parallel
        self._lease = lease
        self._pause = min(POLL_SECONDS, lease.total_seconds() / 4)
        self._clock = clock
        self._owner = secrets.token_hex(8)
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unrecorded: dict[int, tuple[int, tuple[Outcome, ...]]] = {}
        self._stopping = False
        self._renewed_at = clock()
        self._counted_at = float("-inf")

    def wake(self) -> None:
        """Something new is owed, or a slot is free: look now instead of at the next poll."""
        self._woken.set()

    def stop(self) -> None:
        """Take no new row; `run` returns when what is under way is recorded."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Work until `stop`. Trouble with the database is waited out."""
        try:
            while not self._stopping:
                self._woken.clear()
                if not await self._turn():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), self._pause)
        finally:
            await self._finish()

    async def _turn(self) -> bool:
        """Renew, count, lease and start; True when more may be due at once."""
        try:
            await self._renew()
            await self._count()
            free = self._parallel - len(self._tasks)
            rows = await self._take(free) if free > 0 else []
        except TemporaryFailure as error:
            maillog.store_unavailable(error)
            return False
        except Exception as error:  # noqa: BLE001 - the worker must outlive anything unforeseen
            _alarm("outbox", error)
            return False
        for row in rows:
            task = asyncio.get_running_loop().create_task(self._work(row))
            self._tasks.add(task)
            task.add_done_callback(self._worked)
        return bool(rows) and len(self._tasks) < self._parallel

    def _worked(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.wake()

    async def _take(self, limit: int) -> list[OutboxRow]:
        """Lease due rows; a look without a write lock comes first, so an idle office writes nothing."""
        now = self._clock()
        due = await self._database.read(outbox_rows.next_due)
        if due is None or due > now:
            return []
        until = now + self._lease
        return await self._database.write(
            lambda conn: outbox_rows.lease(conn, owner=self._owner, now=now, until=until, limit=limit)
        )

    async def _renew(self) -> None:
        now = self._clock()
        if not self._tasks:
            self._renewed_at = now
        elif now - self._renewed_at >= self._lease / 4:
            until = now + self._lease
            await self._database.write(lambda conn: outbox_rows.renew(conn, self._owner, until))
            self._renewed_at = now

    async def _count(self) -> None:
        moment = asyncio.get_running_loop().time()
        if moment - self._counted_at >= _COUNT_SECONDS:
            depth = await self._database.read(outbox_rows.depth)
            metrics.outbox_due.set(sum(depth.values()))
            self._counted_at = moment

    async def _work(self, row: OutboxRow) -> None:
        if row.id in self._unrecorded:
            outcomes = self._unrecorded[row.id][1]
        elif not row.recipients:  # everything was settled by a worker whose lease had run out
            outcomes = ()
        else:
            outcomes = self._judge(row, await self._deliver(row))
        recorded = await self._record(row, outcomes)
        for each in outcomes:
            if recorded and each.final:
                maillog.delivered(f"{row.kind}-{row.id}", row.case_id, _code(each.reply))

    async def _deliver(self, row: OutboxRow) -> Sequence[Reply]:
        """One reply per recipient; our own trouble is a 451 and a next try, never a lost mail."""
        try:
            body = MessageBytes.of(b"") if row.body_id is None else await self._bodies.get(row.body_id)
        except BodyError as error:
            _alarm("outbox-body", error)
            return (reply(451, "4.3.0 the stored mail cannot be opened"),) * len(row.recipients)
        except TemporaryFailure as error:
            maillog.store_unavailable(error)
            return (reply(451, "4.3.0 the stored mail cannot be read now"),) * len(row.recipients)
        try:
            return await client.deliver(self._hop, row.sender, [each.path for each in row.recipients], row.prefix, body)
        except Exception as error:  # noqa: BLE001 - anything unforeseen is a temporary failure
            _alarm("outbox", error)
            return (reply(451, "4.3.0 internal error, will retry"),) * len(row.recipients)
        finally:
            body.close()

    def _judge(self, row: OutboxRow, replies: Sequence[Reply]) -> tuple[Outcome, ...]:
        over = self._clock() - row.created_at >= self._keep_trying
        return tuple(
            Outcome(each.id, each.path, answer, _state(answer, over=over))
            for each, answer in zip(row.recipients, replies, strict=True)
        )

    async def _record(self, row: OutboxRow, outcomes: tuple[Outcome, ...]) -> bool:
        """Make the result durable; the mail is gone already, so only the record is repeated."""
        tries = broken = 0
        while True:
            try:
                await self._database.write(partial(self._record_in, row, outcomes))
                self._unrecorded.pop(row.id, None)
                return True
            except TemporaryFailure as error:
                maillog.store_unavailable(error)
            except Exception as error:  # noqa: BLE001 - a broken settle must not send the mail again and again
                _alarm("outbox-settle", error)
                broken += 1
                if broken >= PARK_AFTER and await self._park(row, outcomes):
                    return False
            await asyncio.sleep(_RECORD_PAUSES[min(tries, len(_RECORD_PAUSES) - 1)])
            tries += 1
            if self._stopping and tries > _LAST_TRIES:  # the next office sends it once more: better than to hang
                return False

    async def _park(self, row: OutboxRow, outcomes: tuple[Outcome, ...]) -> bool:
        """Let the others go on; only another office, which knows no result, would send this mail again."""
        times = self._unrecorded.get(row.id, (0, ()))[0]
        due = self._clock() + PARKED[min(times, len(PARKED) - 1)]
        try:
            await self._database.write(partial(self._park_in, row, due))
        except TemporaryFailure as error:
            maillog.store_unavailable(error)
            return False
        self._unrecorded[row.id] = (times + 1, outcomes)
        return True

    def _park_in(self, row: OutboxRow, due: datetime, conn: Connection) -> None:
        if outbox_rows.held_by(conn, row.id, self._owner):
            outbox_rows.postpone(conn, row.id, due)

    def _record_in(self, row: OutboxRow, outcomes: tuple[Outcome, ...], conn: Connection) -> None:
        """Compare and set: only recipients that are still owed count, whoever holds the lease by now."""
        current = outbox_rows.get(conn, row.id)
        if current is None or (current.kind, current.case_id, current.created_at) != (
            row.kind,
            row.case_id,
            row.created_at,
        ):
            return
        owed = {each.id for each in current.recipients}
        ours = outbox_rows.held_by(conn, row.id, self._owner)
        counted = tuple(each for each in outcomes if each.id in owed and (each.final or ours))
        settled = [each.id for each in counted if each.final]
        outbox_rows.drop_recipients(conn, settled)
        outbox_rows.note_replies(conn, {each.id: each.reply.text for each in counted if not each.final})
        if owed <= set(settled):
            outbox_rows.remove(conn, row.id)
        elif ours:
            outbox_rows.postpone(conn, row.id, self._clock() + backoff(row.attempts + 1))
        if counted:
            self._settle(conn, row, counted)

    async def _finish(self) -> None:
        """Wait for what is under way while its leases stay ours, then give the rest back."""
        self._stopping = True
        try:
            while self._tasks:
                await asyncio.wait(self._tasks, timeout=self._pause)
                with contextlib.suppress(TemporaryFailure):
                    await self._renew()
        except asyncio.CancelledError:
            for task in self._tasks:
                task.cancel()
            raise
        with contextlib.suppress(TemporaryFailure):  # the leases run out by themselves
            await self._database.write(lambda conn: outbox_rows.give_back(conn, self._owner))


def _state(answer: Reply, *, over: bool) -> Literal["delivered", "failed", "later"]:
    if answer.ok:
        return "delivered"
    return "failed" if answer.permanent or over else "later"


def _code(answer: Reply) -> str:
    """Code and enhanced code alone: the text of a reply may hold an address."""
    first = answer.lines[0].split(b" ", 1)[0] if answer.lines else b""
    enhanced = first.decode("ascii", "replace") if first[1:2] == b"." and first.replace(b".", b"").isdigit() else ""
    return f"{answer.code} {enhanced}".strip()


def _alarm(place: str, error: BaseException) -> None:
    maillog.unforeseen(place, error)
    metrics.alarms.labels(place).inc()
