# SPDX-License-Identifier: Apache-2.0
"""The composition root: builds one gate or one office from the configuration and runs it.

Never contains logic of a room; whoever wants to know who talks to whom reads this file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dlpmilter import maillog, metrics
from dlpmilter.config import Config, ConfigError, load_config
from dlpmilter.content.inspect import Inspector
from dlpmilter.content.opener import Opener
from dlpmilter.facts.knowledge import Knowledge
from dlpmilter.facts.ldap_schedule import sync_for_ever
from dlpmilter.holds.desk import Desk
from dlpmilter.holds.mailboxes import Mailboxes
from dlpmilter.holds.requests import Requests
from dlpmilter.holds.sweeping import sweep_for_ever
from dlpmilter.listeners.admission import Admission, Networks
from dlpmilter.listeners.answers import serve_answers
from dlpmilter.listeners.control import Control
from dlpmilter.listeners.inbound import DRAIN_SECONDS, InboundSide, drain
from dlpmilter.listeners.session import House
from dlpmilter.listeners.smtp import Door
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.notices import answer_address
from dlpmilter.pipeline.accept import Pipeline
from dlpmilter.pipeline.answers import AnswerDesk
from dlpmilter.pipeline.policy_source import PolicySource
from dlpmilter.pipeline.reread import Rereader
from dlpmilter.policy.domains import is_public_suffix, normalise_domain
from dlpmilter.portal.front import serve
from dlpmilter.portal.site import Site
from dlpmilter.privacy.notary import refuse_rollback
from dlpmilter.privacy.office import PrivacyOffice
from dlpmilter.relay.client import NextHop
from dlpmilter.relay.outbox import OutboxWorker
from dlpmilter.spill import Budget
from dlpmilter.storage import outbox_rows
from dlpmilter.storage.bodies import BodyStore
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring
from dlpmilter.storage.leadership import Leadership

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EXIT_TEMPORARY = 75
WARM_SECONDS = 3.0
REPLAY_SECONDS = 1.0
REFRESH_SECONDS = 2.0
LEADERSHIP_SECONDS = 1.0


@dataclass(slots=True)
class Rooms:
    """What gate and office have in common."""

    config: Config
    policy: PolicySource
    keyring: Keyring
    database: Database
    bodies: BodyStore
    hop: NextHop
    desk: Desk
    knowledge: Knowledge

    @classmethod
    async def open(cls, config: Config) -> Rooms:
        """Open database and keys. Raises ConfigError, TemporaryFailure."""
        policy = PolicySource(config)
        keyring = Keyring.load(config.key_file, require_backup=True)
        database = Database(config.database, keyring=keyring, fatal=_durability_lost)
        await database.start()
        await refuse_rollback(config, database)
        bodies = BodyStore(database, keyring, spool=config.spool_directory)
        hop = NextHop(config.next_hop, config.relay, config.hostname)
        knowledge = Knowledge(config, database, keyring)
        desk = Desk(config, policy, database, bodies, keyring, knowledge.people.language)
        return cls(config, policy, keyring, database, bodies, hop, desk, knowledge)

    async def close(self) -> None:
        """Close what was opened, the database last."""
        await self.hop.close()
        await self.desk.close()
        await self.database.close()


def _durability_lost(error: BaseException) -> None:
    """The disk failed under an fsync: nothing this process believes about it can be trusted."""
    maillog.fatal(f"durability-lost: {type(error).__name__}")
    os._exit(EXIT_TEMPORARY)


async def run_gate(
    config: Config, listener: socket.socket, inbound: socket.socket | None, stop: asyncio.Event, ready: int
) -> None:
    """Accept mail on the inherited listeners until told to stop, then finish what is open."""
    rooms = await Rooms.open(config)
    inspector = Inspector(config.bounds)
    opener = Opener(
        config.bounds,
        config.registers_directory,
        rooms.keyring,
        unconfined=config.documents_without_sandbox,
        ocr=config.ocr,
    )
    await inspector.start()
    await rooms.knowledge.start()
    house = House(
        config=config,
        hop=rooms.hop,
        judge=Pipeline(config, rooms.policy, rooms.desk, inspector, opener, rooms.knowledge),
        admission=Admission(config.bounds, config.spool_directory),
        allowed=Networks(config.allowed_clients),
        xforward=Networks(config.xforward_clients),
        tls=_server_tls(config),
        budget=Budget(config.bounds.memory_total_octets),
    )
    loop = asyncio.get_running_loop()
    renewing = _renewing(rooms)
    server = await loop.create_server(lambda: Door(house), sock=listener, backlog=1024)
    side = (
        await InboundSide.open(config, rooms.policy, rooms.desk, rooms.knowledge, inbound, house)
        if inbound is not None
        else None
    )
    tasks = [asyncio.create_task(_replay_for_ever(rooms)), renewing, asyncio.create_task(_warm(opener, rooms.policy))]
    _say_ready(ready)
    await stop.wait()
    maillog.stopping("drain")
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(drain(house), *([side.close()] if side else []))
    await inspector.close()
    await opener.close()
    await rooms.knowledge.close()
    await rooms.close()


async def _replay_for_ever(rooms: Rooms) -> None:
    """An outcome in the journal stops new mail: bring it home as soon as the database is back."""
    while True:
        if not rooms.desk.accepting:
            try:
                await rooms.desk.replay()
            except TemporaryFailure:
                pass  # said already; the next turn tries again
            except Exception as error:  # noqa: BLE001 - without this loop the gate would defer mail for ever
                metrics.unforeseen.labels("replay").inc()
                maillog.unforeseen("replay", error)
        await asyncio.sleep(REPLAY_SECONDS)


async def _warm(opener: Opener, policy: PolicySource) -> None:
    """Load the readers of documents in quiet: the first mail that needs them does not wait two seconds."""
    await asyncio.sleep(WARM_SECONDS)
    try:
        await opener.start(policy.current)
    except Exception as error:  # noqa: BLE001 - said now; each mail that needs it tries again and is held
        metrics.alarms.labels("content-not-opened").inc()
        maillog.content_not_opened(str(error))


def _renewing(rooms: Rooms) -> asyncio.Task[None]:
    """SIGHUP reads policy and people again; what others write into the database counts here seconds later."""
    hurry = asyncio.Event()

    def reload() -> None:
        rooms.policy.reload()
        hurry.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    return asyncio.create_task(_refresh_for_ever(rooms.knowledge, hurry))


async def _refresh_for_ever(knowledge: Knowledge, hurry: asyncio.Event) -> None:
    """What other processes changed (an agreement was revoked) counts here seconds later, or at once on SIGHUP."""
    said = False
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hurry.wait(), REFRESH_SECONDS)
        try:
            if hurry.is_set():
                hurry.clear()
                await knowledge.reload()
            await knowledge.refresh(datetime.now(UTC))
            said = False
        except TemporaryFailure as error:
            metrics.alarms.labels("store-unavailable").inc()
            if not said:
                maillog.store_unavailable(error)
            said = True
        except Exception as error:  # noqa: BLE001 - without this loop a revoked agreement would go on
            metrics.unforeseen.labels("refresh").inc()
            maillog.unforeseen("refresh", error)


async def run_office(config: Config, stop: asyncio.Event, ready: int, doors: Mapping[str, socket.socket]) -> None:
    """Send what we owe, remind, expire, delete, answer command line, browsers and mail, until told to stop."""
    rooms = await Rooms.open(config)
    await rooms.knowledge.start()
    renewing = _renewing(rooms)
    leadership = Leadership(config.database)
    if not leadership.take():
        maillog.office_waits()
        _say_ready(ready)
        ready = -1
        while not (stop.is_set() or leadership.take()):
            await asyncio.sleep(LEADERSHIP_SECONDS)
    if not stop.is_set():
        await _lead(config, rooms, stop, ready, doors)
    renewing.cancel()
    leadership.leave()
    await rooms.close()


async def _lead(
    config: Config, rooms: Rooms, stop: asyncio.Event, ready: int, doors: Mapping[str, socket.socket]
) -> None:
    """Be the one office; what a predecessor had under way when it died is ours at once."""
    await rooms.database.write(outbox_rows.give_back_all)
    outbox = OutboxWorker(
        rooms.database, rooms.bodies, rooms.hop, rooms.desk.settle, retry_days=config.relay.retry_days
    )
    rereader = Rereader(config, rooms.policy, rooms.bodies, rooms.knowledge, rooms.keyring)
    rooms.desk.reread = rereader.verdict
    requests = _requests(rooms)
    privacy = await PrivacyOffice.open(
        config, rooms.database, rooms.keyring, lambda: rooms.desk.notifier, lambda: rooms.policy.current
    )
    control = Control(config.control_socket, privacy.before(requests.answer))
    jobs = [
        outbox.run(),
        sweep_for_ever(rooms.desk, rooms.knowledge.sweep, rooms.database),
        control.run(),
        sync_for_ever(config.directory),
        privacy.run(),
    ]
    site = Site(config, rooms.database, rooms.bodies, rooms.keyring, rooms.desk, requests, rooms.policy)
    if "pages" in doors:
        jobs.append(serve(site, doors["pages"]))
    if "answers" in doors and config.answers is not None:
        keys = partial(rooms.keyring.derive_all, answer_address.PURPOSE)
        desk = AnswerDesk(config, config.answers, rooms.database, site.inspector, rooms.desk, requests, keys)
        jobs.append(serve_answers(desk, doors["answers"]))
    tasks = [asyncio.create_task(each) for each in jobs]
    await control.tried.wait()
    _say_ready(ready)
    stopping = asyncio.create_task(_stopped(stop))
    done, _ = await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    outbox.stop()  # what is on its way is finished and recorded: a mail cut off here would be sent twice
    await asyncio.wait(tasks[:1], timeout=DRAIN_SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await control.finish()
    await rereader.close()
    await site.inspector.close()
    for task in done - {stopping}:  # a worker must never end by itself: the supervisor starts a new office
        task.result()


def _requests(rooms: Rooms) -> Requests:
    """The counter behind the control socket."""
    people = rooms.knowledge.people
    mailboxes = Mailboxes(
        rooms.config,
        rooms.database,
        lambda: rooms.keyring,
        lambda: people.current,
        lambda: rooms.policy.current.version,
    )
    return Requests(
        rooms.config, rooms.database, lambda: rooms.desk.workflow, maillog.acted,
        person=people.behind, kin=people.kin, mailboxes=mailboxes,
    )  # fmt: skip


async def _stopped(stop: asyncio.Event) -> None:
    await stop.wait()


def _server_tls(config: Config) -> ssl.SSLContext | None:
    if config.tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.tls.certificate, config.tls.key)
    return context


def _say_ready(descriptor: int) -> None:
    if descriptor < 0:  # said already
        return
    os.write(descriptor, b"1")
    os.close(descriptor)


def _watch_lifeline(descriptor: int, stop: asyncio.Event) -> None:
    """The supervisor holds the other end: when it is gone, so are we."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C reaches the whole group; the supervisor decides

    def ended() -> None:
        loop.remove_reader(descriptor)
        stop.set()

    loop.add_reader(descriptor, ended)


async def _main(role: str, config: Config, descriptors: list[int]) -> None:
    stop = asyncio.Event()
    lifeline, ready, *rest = descriptors
    _watch_lifeline(lifeline, stop)
    sockets = [socket.socket(fileno=each) for each in rest]
    for each in sockets:
        each.setblocking(False)
    if role == "gate":
        await run_gate(config, sockets[0], sockets[1] if len(sockets) > 1 else None, stop, ready)
    else:
        await run_office(config, stop, ready, dict(zip(role.split("+")[1:], sockets, strict=True)))


def preload() -> None:
    """Load now what a start, or a first mail, would load: whoever is forked from this process has it already."""
    normalise_domain("ü.example")
    is_public_suffix("example")
    _loop_factory()


def main(arguments: list[str]) -> int:
    """ROLE CONFIG LIFELINE READY [LISTENER [INBOUND]], in a process that the nursery forked for it.

    An office is called after the sockets it gets: `office`, `office+pages`, `office+pages+answers`.
    """
    role, config_file, *descriptors = arguments
    maillog.start(role.partition("+")[0])
    try:
        config = load_config(Path(config_file))
        with asyncio.Runner(loop_factory=_loop_factory()) as runner, contextlib.suppress(KeyboardInterrupt):
            runner.run(_main(role, config, [int(each) for each in descriptors]))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (TemporaryFailure, OSError) as error:  # no room for the journal, no database: the supervisor tries again
        maillog.fatal(str(error))
        return EXIT_TEMPORARY
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
