# SPDX-License-Identifier: Apache-2.0
"""The nursery: one process that has loaded all code, and forks gates and office from it within milliseconds.

A start that loads everything in each process anew takes a machine with two cores many seconds; so does replacing
a worker that ended. The nursery opens no mail, no key and no database, and runs one thread: forking it is safe.
It ends when the supervisor's end of its socket closes. Never decides which worker runs: the supervisor does.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections import deque
from pathlib import Path
from typing import NoReturn

_MESSAGE = 4096
_DESCRIPTORS = 4
"""Lifeline, ready, listener and inbound listener, at most."""
_LOST = -int(signal.SIGKILL)
_OURS = (signal.SIGTERM, signal.SIGHUP)
"""Signals that the nursery ignores and a worker must not miss."""


class NurseryLost(Exception):
    """The nursery ended: no worker can be started any more."""


class Nursling:
    """One worker, as the supervisor sees it."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        """Its exit code, negative for a signal; -9 when the nursery was lost and nobody can know."""
        return await asyncio.shield(self._ended)

    def send_signal(self, number: signal.Signals) -> None:
        """Through the nursery, its parent: the process id cannot mean another process meanwhile."""
        if not self._ended.done():
            self._nursery.send({"signal": int(number), "pid": self.pid})

    def end(self, status: int) -> None:
        """Note how it ended."""
        if not self._ended.done():
            self._ended.set_result(status)


class Nursery:
    """The supervisor's side. `open` forks, and must be called while this process has one thread and no loop."""

    def __init__(self, gate: socket.socket, pid: int) -> None:
        self._gate, self.pid = gate, pid
        self._asked: deque[asyncio.Future[Nursling]] = deque()
        self._nurslings: dict[int, Nursling] = {}
        self.lost = asyncio.Event()

    @classmethod
    def open(cls, config_file: Path) -> Nursery:
        """Fork the process; it loads what gates and office need while the supervisor goes on."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            ours.close()
            _live(theirs, config_file)
        theirs.close()
        return cls(ours, pid)

    def listen(self) -> None:
        """Hear what the nursery says, from now on, in the running loop."""
        asyncio.get_running_loop().add_reader(self._gate, self._hear)

    async def start(self, role: str, descriptors: list[int]) -> Nursling:
        """A new worker of this role that inherits these descriptors. Raises NurseryLost."""
        if self.lost.is_set():
            raise NurseryLost
        asked: asyncio.Future[Nursling] = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        self.send({"start": role}, descriptors)
        return await asked

    def send(self, message: dict[str, object], descriptors: list[int] | None = None) -> None:
        """One short message; a nursery that is gone is noticed where we listen."""
        with contextlib.suppress(OSError):
            socket.send_fds(self._gate, [json.dumps(message).encode("ascii")], descriptors or [])

    def _hear(self) -> None:
        try:
            said = self._gate.recv(_MESSAGE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            self._lose()
            return
        message = json.loads(said)
        if "started" in message:
            self._born(int(message["started"]))
        else:
            nursling = self._nurslings.pop(int(message["ended"]), None)
            if nursling is not None:
                nursling.end(int(message["status"]))

    def _born(self, pid: int) -> None:
        asked = self._asked.popleft()
        nursling = Nursling(self, pid)
        if pid:
            self._nurslings[pid] = nursling
        else:  # no process to be had: as one that ended at once
            nursling.end(_LOST)
        if not asked.done():
            asked.set_result(nursling)

    def _lose(self) -> None:
        asyncio.get_running_loop().remove_reader(self._gate)
        self.lost.set()
        for asked in self._asked:
            if not asked.done():
                asked.set_exception(NurseryLost())
        for nursling in self._nurslings.values():
            nursling.end(_LOST)

    @property
    def orphans(self) -> tuple[int, ...]:
        """Workers of a nursery that was lost: their lifelines tell them to finish, and nobody tells us when."""
        return tuple(pid for pid in self._nurslings if self.lost.is_set() and _lives(pid))

    def close(self) -> None:
        """End the nursery, which has no workers any more and holds nothing, and wait for its end."""
        self._gate.close()
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)  # it may be in the middle of loading
            os.waitpid(self.pid, 0)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def name_process(name: str) -> None:
    """What `ps -o comm` and `top` show: all are forks of one command line. At most 15 letters (proc(5))."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(f"dlp-{name}")


def _live(supervisor: socket.socket, config_file: Path) -> NoReturn:
    """The process itself: never returns into the code that forked it."""
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # they reach the whole group; the supervisor decides
        name_process("nursery")
        _no_input()
        _same_code()
        from dlpmilter import app  # with all it loads: what this process is for

        app.preload()
        gc.collect()
        gc.freeze()  # the collector of a worker must not touch, and so copy, what is shared
        _Home(supervisor, config_file).keep()
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the admin has to read it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


class _Home:
    """Forks on request, passes signals on, tells who ended."""

    def __init__(self, supervisor: socket.socket, config_file: Path) -> None:
        self._supervisor, self._config_file = supervisor, config_file
        self._children: set[int] = set()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def keep(self) -> None:
        """Until the supervisor is gone."""
        poll = select.poll()
        poll.register(self._supervisor, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if self._woken in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._woken, _MESSAGE)
                self._bury()
            if self._supervisor.fileno() in ready and not self._obey():
                return

    def _obey(self) -> bool:
        said, descriptors, _, _ = socket.recv_fds(self._supervisor, _MESSAGE, _DESCRIPTORS)
        if not said:
            return False
        message = json.loads(said)
        if "start" in message:
            self._fork(str(message["start"]), descriptors)
        elif message["pid"] in self._children:  # not buried yet: it can be no other process
            os.kill(message["pid"], message["signal"])
        return True

    def _fork(self, role: str, descriptors: list[int]) -> None:
        # Kept for the worker, who does not ignore them: one that comes before it has run at all would be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)
        try:
            pid = os.fork()
        except OSError:  # no more processes or memory: the supervisor tries again
            pid = 0
        else:
            if pid == 0:
                self._be(role, descriptors)
            self._children.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
        for each in descriptors:
            os.close(each)
        self._tell({"started": pid})

    def _bury(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._children.discard(pid)
            self._tell({"ended": pid, "status": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, int]) -> None:
        with contextlib.suppress(OSError):  # the supervisor is gone: the next poll says so
            self._supervisor.send(json.dumps(message).encode("ascii"))

    def _be(self, role: str, descriptors: list[int]) -> NoReturn:
        """A worker, from its first breath to its last: as if it had been started by itself."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, *_OURS):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
            self._supervisor.close()
            os.close(self._woken)
            os.close(self._wake)
            name_process(role.partition("+")[0])
            from dlpmilter import app  # loaded already

            code = app.main([role, str(self._config_file), *map(str, descriptors)])
        except BaseException:  # noqa: BLE001 - as an interpreter does at its end
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # what belongs to the process that forked us must not be tidied up by us


def _nothing(*_: object) -> None:
    """Wakes the loop."""


def _no_input() -> None:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.dup2(descriptor, 0)
    os.close(descriptor)


def _same_code() -> None:
    """Workers and what they start run the code we run, never what lies in the folder `run` was called in."""
    if not sys.flags.safe_path:
        del sys.path[0]  # of the script, or the current folder
    here = str(Path(__file__).resolve().parents[1])
    sys.path[:] = [here, *(each for each in sys.path if each != here)]
