# SPDX-License-Identifier: Apache-2.0
"""The office's second job: the tree grows, checkpoints are signed and go out, events go out. Never edits an entry.

Each step that fails is tried again a second later and covers everything since: a full disk or a mount that is
away delays a checkpoint and raises an alarm, it leaves no gap.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import dlpmilter
from dlpmilter import maillog, metrics
from dlpmilter.audit import forget, sequencer, trail, tree, witness
from dlpmilter.audit.events import Event
from dlpmilter.audit.fields import Layer
from dlpmilter.audit.trail import Entry
from dlpmilter.config import ConfigError, Problem
from dlpmilter.holds.turns import in_turns
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.notices.checkpoint import compose_checkpoint
from dlpmilter.privacy import outlet
from dlpmilter.storage import checkpoint_rows, trail_rows
from dlpmilter.storage.signing import signing_keys

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from dlpmilter.audit.notes import Checkpoint
    from dlpmilter.audit.sequencer import Signer
    from dlpmilter.config import Config
    from dlpmilter.holds.notify import Notifier
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring
    from dlpmilter.storage.trail_rows import EntryRow, ValueRow

SECONDS = 1.0
THIN = timedelta(hours=1)
STEP = timedelta(seconds=5)
"""A clock that moves by more than this against the time that passed has been set."""
EVENTS = 500
OUTSIDE_SECONDS = 5.0
"""A place outside that does not answer in this time is away."""
_MAILED = "checkpoint-mailed-at"
_SENT = "events-sent-until"


class Notary:
    """Signs for one installation; lives in the office that leads."""

    def __init__(
        self,
        config: Config,
        database: Database,
        signer: Signer,
        notifier: Callable[[], Notifier],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._config = config
        self._database = database
        self._signer = signer
        self._notifier = notifier
        self._clock = clock
        self._local = witness.local_folder(config.database)
        self._out_due = self._thin_due = 0.0
        self._last_out = self._announced = 0
        self._steady: tuple[datetime, float] | None = None
        self._failed: set[str] = set()
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._under_way: dict[str, Future[None]] = {}

    async def run(self) -> None:
        """Until cancelled. Raises nothing that a later turn may mend."""
        while True:
            try:
                await self.turn()
            except TemporaryFailure as error:
                self._alarm("checkpoint", str(getattr(error, "cause", error.text)))
            except Exception as error:  # noqa: BLE001 - without this loop nothing would be signed any more
                metrics.unforeseen.labels("notary").inc()
                maillog.unforeseen("notary", error)
            else:
                self._failed.discard("checkpoint")
            await asyncio.sleep(SECONDS)

    async def turn(self) -> None:
        """One look: the clock, the tree, a checkpoint, and what has to go out. Raises TemporaryFailure."""
        now = self._clock()
        await self._watch_clock(now)
        if await self._database.read(tree.waiting):
            await in_turns(self._database, tree.integrate)  # after an upgrade there may be a million
        if await self._database.read(partial(_has_work, signer=self._signer)):
            note = await self._database.write(partial(_sign, signer=self._signer, now=now))
            if note is not None:
                await self._try("checkpoint-local", partial(witness.keep, self._local, note, now))
        await self._hand_out(now)
        await self._thin(now)
        await self._send_events(now)

    async def _hand_out(self, now: datetime) -> None:
        """The newest checkpoint leaves: to the folder every minute, by mail once a day."""
        settings = self._config.trail
        if time.monotonic() < self._out_due:
            return
        newest = await self._database.read(checkpoint_rows.newest)
        if newest is None:
            return
        if settings.folder is not None and newest[0] > self._last_out:
            if not await self._try("checkpoint-folder", partial(witness.keep, settings.folder, newest[2], now)):
                return
            self._last_out = newest[0]
        if not await self._announce(newest[0], newest[2], now):
            return
        if settings.mail_to:
            await self._database.write(partial(self._mail, note=newest[2], now=now))
        self._out_due = time.monotonic() + settings.every_seconds

    async def _announce(self, size: int, note: str, now: datetime) -> bool:
        """The newest checkpoint as an event: a SIEM that cannot be changed afterwards is a place outside too."""
        settings = self._config.trail
        if (settings.events_file is None and not settings.events_syslog) or size <= self._announced:
            return True
        when = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = Event(
            size,
            when[:10],
            "checkpoint",
            "none",
            "",
            {"note": note},
            self._config.hostname,
            dlpmilter.__version__,
            when,
        )
        if not await self._try("events", partial(self._out, [event])):
            return False
        self._announced = size
        return True

    def _mail(self, conn: Connection, *, note: str, now: datetime) -> None:
        settings = self._config.trail
        last = trail_rows.noted(conn, _MAILED)
        if last is not None and now < datetime.fromisoformat(last) + timedelta(hours=settings.mail_hours):
            return
        notifier = self._notifier()
        data = compose_checkpoint(
            note, settings.mail_to, notifier.languages, letterhead=notifier.letterhead, now=now
        )  # fmt: skip
        notifier.send_once(conn, settings.mail_to, data, now)
        trail_rows.note(conn, _MAILED, now.isoformat())

    async def _thin(self, now: datetime) -> None:
        if time.monotonic() >= self._thin_due:
            await self._database.write(partial(sequencer.thin, now=now))
            self._thin_due = time.monotonic() + THIN.total_seconds()

    async def _watch_clock(self, now: datetime) -> None:
        """A clock that was set is said in the trail; entries before and after it may carry days in another order."""
        ticks = time.monotonic()
        before, self._steady = self._steady, (now, ticks)
        if before is None:
            return
        moved = now - before[0] - timedelta(seconds=ticks - before[1])
        if abs(moved) < STEP:
            return
        metrics.alarms.labels("clock-stepped").inc()
        maillog.clock_stepped(round(moved.total_seconds()))
        await self._database.write(partial(_clock_stepped, seconds=round(moved.total_seconds()), now=now))

    async def _send_events(self, now: datetime) -> None:
        settings = self._config.trail
        if settings.events_file is None and not settings.events_syslog:
            return
        while True:
            since = await self._database.read(_since)
            rows = await self._database.read(partial(_entries, after=since))
            if not rows:
                return
            events = [self._event(row, values, now) for row, values in rows]
            if not await self._try("events", partial(self._out, events)):
                return
            done = str(rows[-1][0].seq)
            await self._database.write(partial(trail_rows.note, name=_SENT, value=done))

    def _event(self, row: EntryRow, values: list[ValueRow], now: datetime) -> Event:
        allowed = {Layer.facts, Layer.skeleton} | ({Layer.vault} if self._config.trail.events_personal else set())
        fields = {one.name: json.loads(one.value) for one in values if Layer(one.layer) in allowed and not one.sealed}
        when = str(fields.get("at") or now.astimezone(UTC).isoformat(timespec="milliseconds"))
        return Event(
            row.seq, row.day, row.event, row.action, row.policy_version, fields, self._config.hostname,
            dlpmilter.__version__, when.replace("+00:00", "Z"),
        )  # fmt: skip

    def _out(self, events: list[Event]) -> None:
        settings = self._config.trail
        form = settings.events_form
        if settings.events_file is not None:
            shape = {"json": Event.json, "rfc5424": Event.rfc5424, "cef": Event.cef}[form]
            outlet.append(settings.events_file, [shape(each) for each in events])
        if settings.events_syslog:
            shape = Event.cef if form == "cef" else Event.rfc5424
            outlet.send(settings.events_syslog, [shape(each) for each in events])

    async def _try(self, what: str, act: Callable[[], None]) -> bool:
        """One write to a place outside. A mount that hangs keeps its own thread and nothing else."""
        if (before := self._under_way.get(what)) is not None and not before.done():
            self._alarm(what, "the last write there has not come back yet")
            return False
        place = self._threads.setdefault(what, ThreadPoolExecutor(1, thread_name_prefix=f"dlpmilter-{what}"))
        self._under_way[what] = future = place.submit(act)
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), OUTSIDE_SECONDS)
        except OSError as error:
            self._alarm(what, error.strerror or type(error).__name__)
            return False
        self._failed.discard(what)
        return True

    def _alarm(self, what: str, why: str) -> None:
        metrics.alarms.labels(what).inc()
        if what not in self._failed:
            maillog.trail_delayed(what, why)
        self._failed.add(what)


def _has_work(conn: Connection, signer: Signer) -> bool:
    return sequencer.due(conn) or trail_rows.noted(conn, sequencer.KEY) != signer.key.text


def _sign(conn: Connection, signer: Signer, now: datetime) -> str | None:
    sequencer.adopt_key(conn, signer, now)
    return sequencer.sign(conn, signer, now)


def _clock_stepped(conn: Connection, seconds: int, now: datetime) -> None:
    trail.append(conn, Entry("clock-stepped", "none", "", "", {"count": seconds}, now))
    if seconds < 0:
        forget.look_again_from(conn, trail_rows.day_before(now.astimezone(UTC).date().isoformat()))


def _since(conn: Connection) -> int:
    return int(trail_rows.noted(conn, _SENT) or 0)


def _entries(conn: Connection, after: int) -> list[tuple[EntryRow, list[ValueRow]]]:
    return list(trail_rows.entries(conn, after, after + EVENTS))


async def signer_of(config: Config, database: Database, keyring: Keyring) -> Signer:
    """Who signs here. Raises ConfigError, TemporaryFailure."""
    origin = await database.read(partial(sequencer.origin_of, hostname=config.hostname))
    return sequencer.Signer(origin, signing_keys(keyring, config.trail.key_file))


_looker = ThreadPoolExecutor(2, thread_name_prefix="dlpmilter-witness")


async def refuse_rollback(config: Config, database: Database) -> None:
    """Raise ConfigError when checkpoints outside say that this database is an older or another one."""
    folders: list[Path] = [witness.local_folder(config.database)]
    if config.trail.folder is not None:
        folders.append(config.trail.folder)
    origin = await database.read(partial(sequencer.origin_of, hostname=config.hostname))
    for folder in folders:
        try:
            looking = asyncio.get_running_loop().run_in_executor(_looker, witness.newest, folder, origin)
            newest: Checkpoint | None = await asyncio.wait_for(asyncio.shield(looking), OUTSIDE_SECONDS)
        except OSError as error:  # a mount that hangs must not keep mail out
            maillog.trail_delayed("checkpoint-folder", error.strerror or type(error).__name__)
            continue
        why = await database.read(partial(sequencer.rolled_back, witness=newest))
        if why is not None:
            fix = (
                "If a backup was restored on purpose, `dlpmilter audit accept-rollback` says so in the trail; "
                "mail that was held since that backup is lost here and was never delivered."
            )
            raise ConfigError([Problem(str(config.database), "", f"is not the database that was here: {why}.", fix)])
