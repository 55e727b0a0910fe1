# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter run`: opens the listeners, starts gates and office, replaces what ends, drains on SIGTERM.

Never touches a mail or the database: each worker is a process of its own, forked from the nursery, that
inherits the listening socket, so a crash of one loses nothing the others hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dlpmilter import maillog
from dlpmilter.nursery import Nursery, NurseryLost, Nursling, name_process

if TYPE_CHECKING:
    from dlpmilter.config import Config
    from dlpmilter.listeners.monitoring import Monitoring

EXIT_TEMPORARY = 75
START_SECONDS = 60.0
DRAIN_SECONDS = 35.0
RESTART_PAUSE_SECONDS = 1.0
BACKLOG = 1024
USAGE = 2
"""A worker ends with it when something has to be mended by hand (ConfigError)."""


class StartError(Exception):
    """The product cannot start; the text says why and what to do, the code whether trying again can help."""

    def __init__(self, text: str, exit_code: int = 75) -> None:
        super().__init__(text)
        self.exit_code = exit_code


@dataclass(slots=True)
class Worker:
    """One child process. The lifeline is a pipe: when the supervisor dies, the child sees its end."""

    role: str
    process: Nursling
    lifeline: int
    ready: bool = False
    reload: bool = False
    """A SIGHUP came while it was starting: it may have read the policy before the change."""


@dataclass(slots=True)
class Supervisor:
    """Everything `run` owns."""

    config: Config
    config_file: Path
    roles: frozenset[str]
    workers: list[Worker] = field(default_factory=list)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    watchers: set[asyncio.Task[None]] = field(default_factory=set)
    listener: socket.socket | None = None
    inbound: socket.socket | None = None
    pages: socket.socket | None = None
    answers: socket.socket | None = None
    metrics_directory: Path = Path()

    def run(self) -> int:
        """Start, serve until told to stop, drain. Returns the exit code. Raises StartError."""
        maillog.start("supervisor")
        self._prepare_metrics()
        nursery = Nursery.open(self.config_file)
        name_process("supervisor")
        try:
            return asyncio.run(self._run(nursery))
        finally:
            nursery.close()

    async def _run(self, nursery: Nursery) -> int:
        nursery.listen()
        if "gate" in self.roles:
            self.listener = _listen("listen", self.config.listen)
            if self.config.inbound is not None:
                self.inbound = _listen("inbound.listen", self.config.inbound.listen)
        if "office" in self.roles and self.config.portal_url:
            self.pages = _listen("portal.listen", self.config.portal.listen)
        if "office" in self.roles and self.config.answers is not None:
            self.answers = _listen("answers.listen", self.config.answers.listen)
        monitoring = self._monitoring()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        wanted = ["office"] * ("office" in self.roles)
        wanted += ["gate"] * (self.config.worker_count if "gate" in self.roles else 0)
        try:
            if monitoring is not None:
                monitoring.start()
            await asyncio.gather(*(self._start(nursery, role) for role in wanted))
            self._announce(monitoring.address if monitoring else None)
            await self._until_stopped(nursery)
        finally:
            await self._drain(nursery)
            if monitoring is not None:
                monitoring.stop()
            shutil.rmtree(self.metrics_directory, ignore_errors=True)
        return EXIT_TEMPORARY if nursery.lost.is_set() else 0

    async def _until_stopped(self, nursery: Nursery) -> None:
        """Without a nursery no worker that ends can be replaced: then all drain, and a service manager starts anew."""
        tasks = [asyncio.ensure_future(each.wait()) for each in (self.stopping, nursery.lost)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in tasks:
            each.cancel()
        if nursery.lost.is_set():
            maillog.fatal("nursery-lost")

    def _prepare_metrics(self) -> None:
        """Each start begins with empty metric files; children write them, monitoring adds them up."""
        name = "metrics-" + "-".join(sorted(self.roles))
        self.metrics_directory = self.config.database.parent / name
        shutil.rmtree(self.metrics_directory, ignore_errors=True)
        try:
            self.metrics_directory.mkdir(parents=True)
        except OSError as error:
            raise StartError(
                f"the folder {self.config.database.parent} cannot be written ({error.strerror}): "
                "create it and give it to the user dlpmilter runs as"
            ) from None
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self.metrics_directory)

    def _monitoring(self) -> Monitoring | None:
        if self.config.monitoring is None:
            return None
        from dlpmilter.listeners import monitoring  # prometheus reads the variable set above

        try:
            return monitoring.Monitoring(self.config.monitoring, self.metrics_directory, self._ready)
        except OSError as error:
            raise StartError(f"monitoring = {self.config.monitoring!r} cannot be opened: {error.strerror}") from None

    def _ready(self) -> tuple[bool, str]:
        missing = [role for role in sorted(self.roles) if not any(w.ready and w.role == role for w in self.workers)]
        if self.stopping.is_set():
            return False, "stopping"
        return not missing, "ready" if not missing else "not running: " + ", ".join(missing)

    async def _start(self, nursery: Nursery, role: str) -> None:
        lifeline_read, lifeline_write = os.pipe()
        ready_read, ready_write = os.pipe()
        os.set_blocking(ready_read, False)
        descriptors = [lifeline_read, ready_write]
        if role == "gate":
            descriptors += [each.fileno() for each in (self.listener, self.inbound) if each is not None]
        else:
            descriptors += [each.fileno() for each in (self.pages, self.answers) if each is not None]
        try:
            process = await nursery.start(self._named(role), descriptors)
        except NurseryLost:
            os.close(lifeline_write)
            os.close(ready_read)
            raise StartError("the process that starts the others has ended: see its messages above") from None
        finally:
            os.close(lifeline_read)
            os.close(ready_write)
        worker = Worker(role, process, lifeline_write)
        self.workers.append(worker)
        watcher = asyncio.create_task(self._watch(nursery, worker))
        self.watchers.add(watcher)
        watcher.add_done_callback(self.watchers.discard)
        try:
            worker.ready = await _wait_ready(ready_read, process)
        finally:
            os.close(ready_read)
        if worker.ready and worker.reload:
            self._reload()
        if not worker.ready and not self.stopping.is_set():
            code = USAGE if await _ended_with(process) == USAGE else 75
            raise StartError(f"the {role} process did not start: see its messages above", code)

    def _named(self, role: str) -> str:
        """What the sockets of an office are for: the file it reads may name others by then."""
        if role != "office":
            return role
        given = {"pages": self.pages, "answers": self.answers}
        return "+".join((role, *(name for name, each in given.items() if each is not None)))

    async def _watch(self, nursery: Nursery, worker: Worker) -> None:
        status = await worker.process.wait()
        os.close(worker.lifeline)
        self.workers.remove(worker)
        self._forget_metrics(worker.process.pid)
        if self.stopping.is_set() or not worker.ready:
            return
        maillog.process_ended(worker.role, worker.process.pid, status)
        await asyncio.sleep(RESTART_PAUSE_SECONDS)
        while not self.stopping.is_set():
            try:
                await self._start(nursery, worker.role)
            except StartError:
                await asyncio.sleep(5 * RESTART_PAUSE_SECONDS)
            else:
                return

    def _forget_metrics(self, pid: int) -> None:
        from dlpmilter.listeners.monitoring import forget_process  # see _monitoring

        forget_process(self.metrics_directory, pid)

    def _reload(self) -> None:
        """A worker that is still starting would die of SIGHUP: it gets it when it is ready."""
        for worker in self.workers:
            worker.reload = not worker.ready
            if worker.ready:
                worker.process.send_signal(signal.SIGHUP)

    def _pass_on(self, number: signal.Signals) -> None:
        for worker in self.workers:
            worker.process.send_signal(number)

    def _announce(self, metrics: str | None) -> None:
        smtp = _address(self.config.listen, self.listener)
        inbound = _address(self.config.inbound.listen, self.inbound) if self.config.inbound else None
        portal = self.config.portal_url if self.pages else None
        answers = _address(self.config.answers.listen, self.answers) if self.config.answers else None
        line = {
            "event": "ready", "smtp": smtp, "milter": None, "inbound": inbound, "portal": portal, "answers": answers,
            "metrics": metrics,
        }  # fmt: skip
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        maillog.ready(smtp=smtp, inbound=inbound, metrics=metrics)

    async def _drain(self, nursery: Nursery) -> None:
        """Stop accepting, let what is open finish, then insist."""
        self.stopping.set()
        maillog.stopping("signal")
        for listener in (self.listener, self.inbound, self.pages, self.answers):
            if listener is not None:
                listener.close()
        self._pass_on(signal.SIGTERM)
        if self.watchers:
            await asyncio.wait(self.watchers, timeout=DRAIN_SECONDS)
        self._pass_on(signal.SIGKILL)
        if self.watchers:
            await asyncio.wait(self.watchers, timeout=DRAIN_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while nursery.orphans:
                    await asyncio.sleep(0.1)


async def _wait_ready(descriptor: int, process: Nursling) -> bool:
    """Whether the child wrote its ready byte before it ended or the time was up."""
    loop = asyncio.get_running_loop()
    said: asyncio.Future[bytes] = loop.create_future()

    def read() -> None:
        if not said.done():
            said.set_result(os.read(descriptor, 1))

    loop.add_reader(descriptor, read)
    ended = asyncio.ensure_future(process.wait())
    waiting: set[asyncio.Future[bytes] | asyncio.Future[int]] = {said, ended}
    try:
        await asyncio.wait(waiting, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        return said.done() and said.result() == b"1"
    finally:
        loop.remove_reader(descriptor)
        ended.cancel()


def _address(endpoint: str, listener: socket.socket | None) -> str | None:
    """Host as configured, port as it is (0 asks for any)."""
    return f"{endpoint.rpartition(':')[0]}:{listener.getsockname()[1]}" if listener else None


def _listen(key: str, endpoint: str) -> socket.socket:
    host, _, port = endpoint.rpartition(":")
    host = host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        raise StartError(
            f"{key} = {endpoint!r} cannot be opened: {error.strerror}. Is another dlpmilter running on it?"
        ) from None
    return listener


async def _ended_with(process: Nursling) -> int | None:
    """The exit code of a worker that is not ready, None while it still runs."""
    try:
        return await asyncio.wait_for(process.wait(), 1.0)
    except TimeoutError:
        return None
