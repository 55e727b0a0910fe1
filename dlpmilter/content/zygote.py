# SPDX-License-Identifier: Apache-2.0
"""The warm process: it has loaded every reader, and forks one confined child for each mail, ahead of it when
no other is at work.

Started as `python -m dlpmilter.content.zygote FD`. A request brings three descriptors: the mail, where the child
answers, and where this process notes how the child ended. It never looks at a mail itself, and it ends when the
gate's side of its socket closes; its children end with it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import mmap
import os
import resource
import select
import signal
import socket
import sys
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, NamedTuple

from dlpmilter.content.analysis import analysis_of, settings_from
from dlpmilter.content.confine import ANSWER, MAIL, WORK, Cell, memory
from dlpmilter.content.examine import Sight, examine
from dlpmilter.content.ocr import Ocr
from dlpmilter.content.one_file import examine_file, pack_file
from dlpmilter.content.registry import warm
from dlpmilter.content.report_wire import pack_report
from dlpmilter.content.tesseract import TesseractMissing
from dlpmilter.content.wire import MORE
from dlpmilter.detect.own import OwnPerson
from dlpmilter.model.content import ContentReport
from dlpmilter.model.limits import Limits
from dlpmilter.settings import Ocr as Settings

if TYPE_CHECKING:
    from dlpmilter.content.analysis import Analysis
    from dlpmilter.content.examine import Scanner

MAX_SETTINGS = 64 * 1024
MAX_REQUEST = 4096
"""Octets of a request: who sends the mail. With its descriptors it always arrives whole (unix(7))."""
_OPEN_FILES = 256
_PIXEL_OCTETS = 12
"""Octets of memory that reading a picture takes for each of its pixels, at most: decoded, in grey, in black."""
_PATIENCE = 0.05
"""Seconds a new spare child waits for the one at work to end: two at once on a busy machine slow the mail down."""
_GRACE = 0.2
"""Seconds a child may take to pack its answer after its time is over."""


def main(descriptor: int) -> int:
    """Warm up, say so, serve until the socket closes."""
    with socket.socket(fileno=descriptor) as gate:
        try:
            nursery = _warmed(gate)
        except Exception as error:  # noqa: BLE001 - whatever it is, the admin has to read it
            gate.sendall(json.dumps({"error": f"{type(error).__name__}: {error}"[:500]}).encode("ascii") + b"\n")
            return 1
        nursery.serve()
    return 0


def _warmed(gate: socket.socket) -> _Nursery:
    settings = json.loads(_line(gate))
    limits = Limits(**settings["limits"])
    cell = Cell()
    look = Look(limits, tuple(_scanner(spec, argument) for spec, argument in settings["scanners"]), None, None)
    warm()
    if settings["ocr"] is not None:
        look = _with_ocr(look, Settings(**settings["ocr"]))
    if settings["analysis"] is not None:
        wanted = settings_from(settings["analysis"])
        look = look._replace(analysis=analysis_of(wanted, limits), one_file=wanted.one_file)
    rehearse(look)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    gc.collect()
    gc.freeze()  # the children's collector must not touch, and so copy, what is shared
    means = asdict(cell.means) | {"ocr": look.ocr is not None}
    gate.sendall(json.dumps(means).encode("ascii") + b"\n")
    return _Nursery(gate, cell, look, confined=cell.means.seccomp or settings["unconfined"])


class Look(NamedTuple):
    """What every child does with its mail; `one_file` is settled here, for all of them (analysis.py)."""

    limits: Limits
    scanners: tuple[Scanner, ...]
    analysis: Analysis | None
    one_file: str | None
    ocr: Ocr | None = None


def _with_ocr(look: Look, settings: Settings) -> Look:
    """The same with an engine that is warm, where it is installed; what it takes comes on top of a child's memory."""
    before = memory()[1]
    try:
        engine = Ocr(settings)
    except TesseractMissing:
        return look  # `dlpmilter check` says so; mail is examined as without OCR
    engine.rehearse()
    taken = max(0, memory()[1] - before) + _PIXEL_OCTETS * settings.pixels
    limits = replace(look.limits, content_memory_octets=look.limits.content_memory_octets + taken)
    return look._replace(ocr=engine, limits=limits)


def rehearse(look: Look) -> None:
    """Examine a small mail, so that whatever is loaded at the first use is loaded now."""
    mail = b"From: a@example.com\r\nSubject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nxyz\r\n"
    pack_report(examine(mail, look.limits, look.scanners, analysis=look.analysis))


def _scanner(spec: str, argument: str) -> Scanner:
    """`module:function` called with its argument: what it returns looks at extracts."""
    module, _, function = spec.partition(":")
    found: Scanner = getattr(importlib.import_module(module), function)(argument)
    return found


def _line(gate: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) < MAX_SETTINGS:
        block = gate.recv(MAX_SETTINGS)
        if not block:
            break
        data += block
    return data


class _Child:
    """One mail under examination: until when it may run, and where its end is noted."""

    __slots__ = ("deadline", "late", "note", "pid")

    def __init__(self, pid: int, note: int, seconds: float) -> None:
        self.pid, self.note, self.late = pid, note, False
        self.deadline = time.monotonic() + seconds + _GRACE


class _Spare:
    """A child that is confined and rehearsed, and waits for its mail."""

    __slots__ = ("pid", "work")

    def __init__(self, pid: int, work: socket.socket) -> None:
        self.pid, self.work = pid, work


class _Nursery:
    """Forks, watches the clock, buries."""

    def __init__(self, gate: socket.socket, cell: Cell, look: Look, *, confined: bool) -> None:
        self._gate, self._cell, self._look, self._confined = gate, cell, look, confined
        self._children: dict[int, _Child] = {}
        self._spare: _Spare | None = None
        self._wanted = 0.0
        """When there has to be a spare at the latest; 0 when there is one, or none can live."""
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def serve(self) -> None:
        self._spare = self._fork()
        try:
            while True:
                poll = select.poll()
                poll.register(self._gate, select.POLLIN)
                poll.register(self._woken, select.POLLIN)
                for each in self._children.values():
                    poll.register(each.note, 0)  # a hang-up: nobody waits for this mail any more
                for descriptor, event in poll.poll(self._wait()):
                    if descriptor == self._woken:
                        with contextlib.suppress(BlockingIOError):
                            os.read(self._woken, 4096)
                    elif descriptor == self._gate.fileno():
                        if event & ~select.POLLIN or not self._accept():
                            return
                    else:
                        self._forget(descriptor)
                self._bury()
                self._end_late()
                self._provide()
        finally:
            for child in self._children.values():
                os.kill(child.pid, signal.SIGKILL)

    def _wait(self) -> int | None:
        """Milliseconds until the next child is late, or a spare one is wanted."""
        times = [each.deadline for each in self._children.values()]
        if self._wanted:
            times.append(self._wanted)
        return max(0, int(1000 * (min(times) - time.monotonic()))) + 1 if times else None

    def _provide(self) -> None:
        """A spare for the next mail: as soon as no child is at work, or when one takes its time."""
        if self._wanted and (not self._children or self._wanted <= time.monotonic()):
            self._wanted = 0.0
            self._spare = self._spare or self._fork()

    def _accept(self) -> bool:
        request, descriptors, _, _ = socket.recv_fds(self._gate, MAX_REQUEST, 3)
        if not request:
            return False
        if len(descriptors) != 3:
            for each in descriptors:
                os.close(each)
            return True
        mail, answer, note = descriptors
        pid = self._hand_over(request, mail, answer)
        os.close(mail)
        os.close(answer)
        if pid:
            self._children[pid] = _Child(pid, note, self._look.limits.content_seconds)
            _tell(note, {"pid": pid})
            self._wanted = time.monotonic() + _PATIENCE
        else:
            os.close(note)
        return True

    def _hand_over(self, request: bytes, mail: int, answer: int) -> int:
        """Give a mail to a child; its process id, 0 when there is none to be had (no more processes or memory)."""
        for _ in range(2):
            spare, self._spare = self._spare or self._fork(), None
            if spare is None:
                return 0
            with spare.work as work:
                try:
                    socket.send_fds(work, [request], [mail, answer])
                except OSError:  # somebody killed it while it waited
                    continue
            return spare.pid
        return 0

    def _fork(self) -> _Spare | None:
        parent = os.getpid()
        ours, theirs = socket.socketpair()
        try:
            pid = os.fork()
        except OSError:
            pid = -1
        if pid == 0:
            self._live(parent, theirs)
        theirs.close()
        if pid < 0:
            ours.close()
            return None
        return _Spare(pid, ours)

    def _bury(self) -> None:
        while self._children or self._spare:
            pid, status, used = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            if self._spare and pid == self._spare.pid:
                self._spare.work.close()
                self._spare = None  # the next mail makes a new one: no loop of children that cannot live
            child = self._children.pop(pid, None)
            if child is not None:
                code = os.waitstatus_to_exitcode(status)
                late = child.late or code == -signal.SIGXCPU
                spent = {"memory": used.ru_maxrss * 1024, "seconds": used.ru_utime + used.ru_stime}
                _tell(child.note, {"code": code, "late": late, **spent})
                os.close(child.note)

    def _forget(self, note: int) -> None:
        for child in self._children.values():
            if child.note == note:
                os.kill(child.pid, signal.SIGKILL)

    def _end_late(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.deadline <= now:
                child.late, child.deadline = True, now + 1
                os.kill(child.pid, signal.SIGKILL)

    def _live(self, parent: int, theirs: socket.socket) -> None:
        """The child, from confinement to answer: never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._cell.die_with_parent(parent)
            work = _alone(theirs)
            self._cell.enter(self._look.limits)
            rehearse(self._look)  # touches, and so copies, the memory it will need, ahead of the mail
            request, descriptors, _, _ = socket.recv_fds(work, MAX_REQUEST, 2)
            work.close()
            if descriptors == [MAIL, ANSWER]:
                size = os.fstat(MAIL).st_size
                message = mmap.mmap(MAIL, size, access=mmap.ACCESS_READ) if size else b""
                if self._look.one_file is None:
                    _write(_report(message, self._look, _person(request), confined=self._confined))
                else:
                    _write(_file(message, self._look, _name(request), confined=self._confined))
                code = 0
        finally:
            os._exit(code)  # unmapping and freeing would only cost time


def _nothing(*_: object) -> None:
    """Wakes the loop."""


def _tell(note: int, what: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # nobody waits for it any more
        os.write(note, json.dumps(what).encode("ascii") + b"\n")


def _alone(theirs: socket.socket) -> socket.socket:
    """Our end of the work socket as the only thing open: the next two descriptors will be MAIL and ANSWER."""
    os.dup2(theirs.detach(), WORK, inheritable=False)
    os.closerange(WORK + 1, _OPEN_FILES)
    work = socket.socket(fileno=WORK)
    os.close(MAIL)
    os.close(ANSWER)
    return work


def _person(request: bytes) -> OwnPerson:
    """The sender of this mail, as the gate says."""
    said = json.loads(request)
    return OwnPerson(tuple(said["names"]), tuple(said["addresses"]))


def _report(message: bytes | mmap.mmap, look: Look, own: OwnPerson, *, confined: bool) -> bytes:
    try:
        sight = Sight(look.ocr, _write_first) if look.ocr is not None else None
        return pack_report(
            examine(
                message, look.limits, look.scanners, analysis=look.analysis, own=own, confined=confined, sight=sight
            )
        )
    except MemoryError:
        return pack_report(ContentReport(uninspectable=("out-of-memory",)))


def _name(request: bytes) -> str:
    """The file's name, as the admin gave it."""
    return str(json.loads(request)["name"])


def _file(data: bytes | mmap.mmap, look: Look, name: str, *, confined: bool) -> bytes:
    key = bytes.fromhex(look.one_file or "")
    return pack_file(examine_file(data, name, look.limits, look.analysis, key, confined=confined))


def _write_first(report: ContentReport) -> None:
    _write(pack_report(report), more=True)


def _write(answer: bytes, *, more: bool = False) -> None:
    """An answer behind its length; a first one, after which `more` may come, is marked."""
    view = memoryview((len(answer) + (MORE if more else 0)).to_bytes(4, "big") + answer)
    while view:
        view = view[os.write(ANSWER, view) :]


if __name__ == "__main__":
    os._exit(main(int(sys.argv[1])))  # tidying up what was loaded would only take time
