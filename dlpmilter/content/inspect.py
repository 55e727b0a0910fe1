# SPDX-License-Identifier: Apache-2.0
"""Has the structure of a mail read by confined worker processes, within time and memory limits.

The gate never walks a body itself: the mail goes over as a file descriptor, a small JSON object comes
back. A worker that hangs, crashes or is killed is replaced, and the mail is uninspectable; it is never
passed for that reason and never lost. Never raises for a mail.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
from dataclasses import asdict
from typing import TYPE_CHECKING, Self

from dlpmilter.content.wire import MAX_ANSWER, unpack
from dlpmilter.content.worker import LENGTH
from dlpmilter.model.message import Structure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpmilter.model.limits import Limits
    from dlpmilter.spill import MessageBytes

START_SECONDS = 20.0
WORKERS = 2
WORKER = "dlpmilter.content.worker"
"""The module that is started for each worker."""
_PYTHON_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT")


class WorkerLost(Exception):  # caught here, told as a slug
    """The worker did not answer; the text is the slug that the structure will carry."""


class Inspector:
    """A small pool of workers, each with one mail at a time. `structure` may be called in parallel."""

    def __init__(self, limits: Limits, *, workers: int = WORKERS, seconds: float | None = None) -> None:
        self._limits = limits
        self._seconds = limits.inspect_seconds if seconds is None else seconds
        self._idle: asyncio.Queue[_Worker | None] = asyncio.Queue()
        self._count = workers
        self._workers: set[_Worker] = set()
        self._closed = False

    async def start(self) -> None:
        """Start the workers. Raises OSError or WorkerLost when not one can be started: better now than with a mail."""
        for _ in range(self._count):
            self._idle.put_nowait(await self._new_worker())

    def on_demand(self) -> Self:
        """Instead of `start`, for a process that looks at few mails: the worker comes with the first of them."""
        self._idle.put_nowait(None)
        return self

    async def structure(self, message: MessageBytes) -> Structure:
        """Read the structure of one mail; whatever goes wrong is named in `uninspectable`."""
        worker = await self._idle.get()  # None: the last one was lost and could not be replaced yet
        try:
            if worker is None or not worker.alive:
                worker = await self._replaced(worker)
            with _descriptor(message) as ours, read_only(ours) as descriptor:
                async with asyncio.timeout(self._seconds):
                    answer = await worker.ask(descriptor)
            return unpack(answer)
        except (TimeoutError, WorkerLost, OSError, ValueError) as error:
            slug = _slug(error)
            await self._drop(worker)
            worker = None
            return Structure(uninspectable=(slug,))
        except BaseException:  # cancelled in the middle: the answer would reach the next mail
            await self._drop(worker)
            worker = None
            raise
        finally:
            self._idle.put_nowait(worker)

    async def close(self) -> None:
        """End all workers."""
        self._closed = True
        for worker in tuple(self._workers):
            await self._drop(worker)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers, for supervision and tests."""
        return tuple(worker.process.pid for worker in self._workers)

    async def _replaced(self, worker: _Worker | None) -> _Worker:
        await self._drop(worker)
        if self._closed:
            raise WorkerLost("inspection-closed")
        return await self._new_worker()

    async def _new_worker(self) -> _Worker:
        worker = await _Worker.start(self._limits)
        self._workers.add(worker)
        return worker

    async def _drop(self, worker: _Worker | None) -> None:
        if worker is not None:
            self._workers.discard(worker)
            await worker.end()


def _slug(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed-out"
    return str(error) if isinstance(error, WorkerLost) else "inspection-failed"


class _Worker:
    """One process and our end of its socket."""

    def __init__(self, process: asyncio.subprocess.Process, gate: socket.socket) -> None:
        self.process = process
        self._gate = gate

    @classmethod
    async def start(cls, limits: Limits) -> _Worker:
        gate, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        gate.setblocking(False)
        environment = {name: os.environ[name] for name in _PYTHON_ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        try:
            with far:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-m", WORKER, str(far.fileno()),
                    pass_fds=(far.fileno(),), env=environment, stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
        except BaseException:
            gate.close()
            raise
        worker = cls(process, gate)
        try:
            async with asyncio.timeout(START_SECONDS):
                await asyncio.get_running_loop().sock_sendall(gate, json.dumps(asdict(limits)).encode("ascii"))
                await worker._read()
        except BaseException:
            await worker.end()
            raise
        return worker

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def ask(self, descriptor: int) -> bytes:
        """Hand over one mail and wait for the answer. Raises WorkerLost."""
        try:
            socket.send_fds(self._gate, [b"?"], [descriptor])  # one octet into an empty socket: never blocks
        except OSError as error:
            raise WorkerLost("inspection-crashed") from error
        return await self._read()

    async def _read(self) -> bytes:
        (size,) = LENGTH.unpack(await self._exactly(LENGTH.size))
        if size > MAX_ANSWER:
            raise WorkerLost("inspection-crashed")
        return await self._exactly(size)

    async def _exactly(self, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        data = bytearray()
        while len(data) < size:
            try:
                block = await loop.sock_recv(self._gate, min(size - len(data), 65536))
            except OSError:
                block = b""
            if not block:
                raise WorkerLost(await self._how_it_ended())
            data += block
        return bytes(data)

    async def _how_it_ended(self) -> str:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self.process.wait()
        if self.process.returncode == -signal.SIGXCPU:
            return "timed-out"
        return "inspection-crashed"

    async def end(self) -> None:
        """Kill and reap."""
        self._gate.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@contextlib.contextmanager
def _descriptor(message: MessageBytes) -> Iterator[int]:
    """The mail as a descriptor: the unlinked spill file as it is, a small mail in anonymous memory."""
    spilled = message.fileno()
    if spilled is not None:
        yield spilled
        return
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("mail", os.MFD_CLOEXEC)
        try:
            _write(descriptor, message.read())
            yield descriptor
        finally:
            os.close(descriptor)
        return
    with tempfile.TemporaryFile() as file:
        file.write(message.read())
        file.flush()
        yield file.fileno()


@contextlib.contextmanager
def read_only(descriptor: int) -> Iterator[int]:
    """The same file, opened anew for reading only: what will be relayed is out of reach of whoever gets this one."""
    opened = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield opened
    finally:
        os.close(opened)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
