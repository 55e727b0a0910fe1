# SPDX-License-Identifier: Apache-2.0
"""The gate's side of the sandbox: has documents opened by confined children of a warm process.

A mail goes over as a file descriptor, a small JSON object comes back. A child that hangs, crashes, eats memory or
is killed costs its own mail only, and that mail is uninspectable: never passed for that reason, never lost, and no
text of it ever comes back here. Never raises for a mail.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from dlpmilter.content.analysis import NOBODY
from dlpmilter.content.inspect import _PYTHON_ENVIRONMENT, _descriptor, read_only
from dlpmilter.content.one_file import FileReport, unpack_file
from dlpmilter.content.report_wire import unpack_report
from dlpmilter.content.talk import Lines, Lost, answers_of, code, number, pair, seconds
from dlpmilter.content.walk import PICTURES
from dlpmilter.content.zygote import MAX_REQUEST
from dlpmilter.model.content import ContentReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpmilter.content.analysis import Settings
    from dlpmilter.detect.own import OwnPerson
    from dlpmilter.model.limits import Limits
    from dlpmilter.settings import Ocr
    from dlpmilter.spill import MessageBytes

START_SECONDS = 60.0
"""Loading every document library takes about two seconds; a busy machine with cold disks takes longer."""
_LATE = 3.0
"""Seconds after the child's own limit until the gate gives up on the warm process, too."""
_LAST_SECONDS = 1.0
_NO_ANSWER = "inspection-crashed"
_ATTEMPTS = 3
"""Warm processes that are asked when one was gone before it took the mail."""


class ExtractorError(Exception):
    """The warm process cannot be started; the text says why."""


class _Gone(Exception):
    """The warm process was gone before it got the mail: the next one may have it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How the last child of a mail ended, for metrics and tests.

    `code` is its exit code (negative: a signal), `memory` its most octets in memory, `seconds` its processor time.
    """

    pid: int = 0
    code: int | None = None
    late: bool = False
    memory: int = 0
    seconds: float = 0.0


class Extractor:
    """Warm processes, and at most `limits.content_children` mails in them; `report` may be called in parallel.

    `scanners` are pairs of `module:function` and an argument; each warm process calls the function once, and what it
    returns looks at every mail. `unconfined` opens documents even where the system has no seccomp. `ocr` reads
    pictures where the admin has switched that on.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        analysis: Settings | None = None,
        scanners: Sequence[tuple[str, str]] = (),
        zygotes: int = 1,
        unconfined: bool = False,
        ocr: Ocr | None = None,
    ) -> None:
        self._limits = limits
        looks = asdict(analysis) if analysis is not None else None
        self._settings: dict[str, object] = {
            "ocr": ocr.model_dump() if ocr is not None and ocr.enabled else None,
            "limits": asdict(limits), "scanners": list(scanners), "unconfined": unconfined, "analysis": looks,
        }  # fmt: skip
        self._slots = asyncio.Semaphore(limits.content_children)
        self._zygotes: list[_Zygote | None] = [None] * zygotes
        self._starting: list[asyncio.Lock] = [asyncio.Lock() for _ in range(zygotes)]
        self._next = 0
        self._running: set[int] = set()
        self._closed = False

    async def start(self) -> None:
        """Start the warm processes side by side. Raises ExtractorError: better now than with a mail."""
        starts = [self._zygote(each) for each in range(len(self._zygotes))]
        results = await asyncio.gather(*starts, return_exceptions=True)
        for each in results:
            if isinstance(each, BaseException):
                await self.close()
                raise ExtractorError(f"the process that opens documents does not start: {each}") from each

    async def report(self, message: MessageBytes, own: OwnPerson = NOBODY) -> ContentReport:
        """Have one mail of this person examined; whatever goes wrong is named in `uninspectable`."""
        answer, _ = await self._examined(message, _request(own), to_the_end=False)
        return _report_of(answer)

    async def report_with_ending(self, message: MessageBytes) -> tuple[ContentReport, Ending]:
        """As `report`, and how the child ended, which takes some milliseconds more."""
        answer, ending = await self._examined(message, _request(NOBODY), to_the_end=True)
        return _report_of(answer), ending

    async def file(self, content: MessageBytes, name: str) -> FileReport:
        """Have one file of the admin read by an extractor that is for files (`Settings.one_file`), not for mails.

        An extractor for mails does not understand the request, as one for files understands no mail's.
        """
        request = json.dumps({"name": name[-200:]}).encode("ascii")
        answer, _ = await self._examined(content, request, to_the_end=False)
        if not isinstance(answer, str):
            try:
                return unpack_file(answer[-1])
            except ValueError:
                answer = _NO_ANSWER
        return FileReport(_nothing(answer))

    async def _examined(
        self, message: MessageBytes, request: bytes, *, to_the_end: bool
    ) -> tuple[tuple[bytes, ...] | str, Ending]:
        """The child's answer, or the slug of why there is none."""
        async with self._slots:
            place = self._next = (self._next + 1) % len(self._zygotes)
            for _ in range(_ATTEMPTS):
                zygote = None
                try:
                    zygote = await self._zygote(place)
                    return await self._ask(zygote, message, request, to_the_end=to_the_end)
                except _Gone:
                    await self._drop(zygote)
                except TimeoutError:  # neither the child nor the warm process answers: it is not well
                    await self._drop(zygote)
                    return "timed-out", Ending()
                except Lost as error:
                    return str(error), Ending()
                except ValueError:  # a note that is none
                    return _NO_ANSWER, Ending()
                except (OSError, ExtractorError):
                    return "inspection-failed", Ending()
            return _NO_ANSWER, Ending()

    async def close(self) -> None:
        """End all processes."""
        self._closed = True
        for zygote in self._zygotes:
            if zygote is not None:
                await self._drop(zygote)

    @property
    def limits(self) -> Limits:
        """The limits its children work under."""
        return self._limits

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the warm processes, for supervision and tests."""
        return tuple(each.process.pid for each in self._zygotes if each is not None and each.alive)

    @property
    def children(self) -> tuple[int, ...]:
        """Process ids of the children at work."""
        return tuple(self._running)

    @property
    def confined(self) -> bool:
        """Whether every warm process has seccomp; without it only text is read."""
        return all(each is not None and each.means.get("seccomp") is True for each in self._zygotes)

    @property
    def reads_pictures(self) -> bool:
        """Whether every warm process has an engine for OCR."""
        return all(each is not None and each.means.get("ocr") is True for each in self._zygotes)

    async def _zygote(self, place: int) -> _Zygote:
        async with self._starting[place]:
            zygote = self._zygotes[place]
            if zygote is not None and zygote.alive:
                return zygote
            if zygote is not None:
                await self._drop(zygote)
            if self._closed:
                raise ExtractorError("closed")
            zygote = self._zygotes[place] = await _Zygote.start(self._settings)
            return zygote

    async def _drop(self, zygote: _Zygote | None) -> None:
        if zygote is None:
            return
        self._zygotes = [None if each is zygote else each for each in self._zygotes]
        await zygote.end()

    async def _ask(
        self, zygote: _Zygote, message: MessageBytes, request: bytes, *, to_the_end: bool
    ) -> tuple[tuple[bytes, ...], Ending]:
        """One mail. The answer is the child's; the note, which tells how the child ended, is the warm process's."""
        answer, far_answer = pair()
        note, far_note = pair()
        pid = 0
        try:
            with far_answer, far_note, _descriptor(message) as ours, read_only(ours) as mail:
                zygote.send(request, mail, far_answer.fileno(), far_note.fileno())
            async with asyncio.timeout(self._limits.content_seconds + _LATE):
                lines = Lines(note)
                pid = number(await lines.next(), "pid")
                self._running.add(pid)
                answers = await answers_of(answer)
                if answers is not None and not to_the_end:
                    return answers, Ending(pid)
                ended = await lines.next()
            ending = Ending(pid, code(ended), ended.get("late") is True, number(ended, "memory"), seconds(ended))
            if answers is None:
                raise Lost("timed-out" if ending.late else "inspection-crashed")
            return answers, ending
        finally:
            self._running.discard(pid)
            answer.close()
            note.close()


def _request(own: OwnPerson) -> bytes:
    """Who sends, in at most MAX_REQUEST octets."""
    said = {"names": [each[:100] for each in own.names[:8]], "addresses": [each[:254] for each in own.addresses[:6]]}
    octets = json.dumps(said).encode("ascii")
    return octets if len(octets) <= MAX_REQUEST else b'{"names": [], "addresses": []}'


def _report_of(answers: tuple[bytes, ...] | str) -> ContentReport:
    """The last report; what could not be read before pictures were stays named, whatever a library made of the child.

    Only pictures can be taken back.
    """
    if isinstance(answers, str):
        return _nothing(answers)
    try:
        first, *more = map(unpack_report, answers)
    except ValueError:
        return _nothing(_NO_ANSWER)
    if not more:
        return first
    kept = [each for each in first.uninspectable if each not in PICTURES]
    return replace(
        more[0],
        uninspectable=tuple(dict.fromkeys((*kept, *more[0].uninspectable))),
        doubts=tuple(dict.fromkeys((*first.doubts, *more[0].doubts))),
    )


def _nothing(slug: str) -> ContentReport:
    return ContentReport(uninspectable=(slug,))


class _Zygote:
    """One warm process and our end of its socket."""

    def __init__(self, process: asyncio.subprocess.Process, gate: socket.socket) -> None:
        self.process = process
        self.means: dict[str, object] = {}
        self._gate = gate

    @classmethod
    async def start(cls, settings: dict[str, object]) -> _Zygote:
        gate, far = pair()
        environment = {name: os.environ[name] for name in _PYTHON_ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        try:
            with far:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-m", "dlpmilter.content.zygote", str(far.fileno()),
                    pass_fds=(far.fileno(),), env=environment, stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
        except BaseException:
            gate.close()
            raise
        zygote = cls(process, gate)
        try:
            async with asyncio.timeout(START_SECONDS):
                await asyncio.get_running_loop().sock_sendall(gate, json.dumps(settings).encode("ascii") + b"\n")
                zygote.means = await Lines(gate).next()
            if "error" in zygote.means:
                raise ExtractorError(str(zygote.means["error"]))
        except BaseException:
            await zygote.end()
            raise
        return zygote

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    def send(self, request: bytes, *descriptors: int) -> None:
        """Hand over one mail. Raises _Gone."""
        try:
            socket.send_fds(self._gate, [request], list(descriptors))  # a few, and small: never blocks
        except OSError as error:
            raise _Gone from error

    async def end(self) -> None:
        """It ends when its socket closes; if it cannot, it is killed. The kernel ends its children with it."""
        self._gate.close()
        try:
            async with asyncio.timeout(_LAST_SECONDS):
                await self.process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
