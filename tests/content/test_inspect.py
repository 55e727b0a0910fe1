# SPDX-License-Identifier: Apache-2.0
"""The inspection workers: real processes, real signals, real limits; nothing a mail does reaches the gate."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ctypes import CDLL
from dataclasses import replace
from pathlib import Path

import pytest

from dlpmilter.content import inspect, wire
from dlpmilter.content.confine import _landlock_abi
from dlpmilter.content.inspect import Inspector
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.limits import Limits
from dlpmilter.spill import MessageBytes

LIMITS = Limits()
TRUNCATE_ABI = 3
"""Kernel 6.2 and later: Landlock knows the right to cut a file."""
MAIL = (
    b"From: a@corp.example\r\nSubject: WG: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
    b"-----Original Message-----\r\nFrom: k@x.example\r\nTo: a@y.example\r\nSubject: x\r\n\r\n"
    b'--b\r\nContent-Type: application/pdf; name="\xff\xfe.pdf"\r\n\r\nx\r\n--b--\r\n'
)


@asynccontextmanager
async def inspector(
    limits: Limits = LIMITS, *, workers: int = 1, seconds: float | None = None
) -> AsyncIterator[Inspector]:
    one = Inspector(limits, workers=workers, seconds=seconds)
    await one.start()
    try:
        yield one
    finally:
        await one.close()


@pytest.mark.asyncio
async def test_a_worker_reads_what_the_parser_reads() -> None:
    """The structure that comes back over the socket is the parser's own, field by field."""
    async with inspector() as one:
        assert await one.structure(MessageBytes.of(MAIL)) == read_structure(MAIL, LIMITS)


@pytest.mark.asyncio
async def test_a_spilled_mail_goes_over_as_its_own_file(tmp_path: Path) -> None:
    """A big mail is mapped from the unlinked spill file, and its reading position is left alone."""
    message = MessageBytes(tmp_path, threshold=10)
    message.write(MAIL)
    async with inspector() as one:
        assert message.spilled
        assert (await one.structure(message)).attachments == 1
    assert message.read() == MAIL
    message.close()


@pytest.mark.asyncio
async def test_an_empty_mail_is_a_mail() -> None:
    """No octets at all make a structure, too."""
    async with inspector() as one:
        assert (await one.structure(MessageBytes.of(b""))).uninspectable == ()


@pytest.mark.asyncio
async def test_kill_nine_makes_one_mail_uninspectable_and_a_new_worker() -> None:
    """The worker dies with a mail in its hands: that mail says so, the next one is read."""
    async with inspector() as one:
        (pid,) = one.pids
        os.kill(pid, signal.SIGSTOP)
        waiting = asyncio.create_task(one.structure(MessageBytes.of(MAIL)))
        await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        assert (await waiting).uninspectable == ("inspection-crashed",)
        assert (await one.structure(MessageBytes.of(MAIL))).attachments == 1
        assert one.pids != (pid,)


@pytest.mark.asyncio
async def test_a_worker_killed_between_two_mails_costs_nothing() -> None:
    """A worker that died while idle is replaced before it gets a mail, or the mail says so."""
    async with inspector() as one:
        (pid,) = one.pids
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.2)
        assert (await one.structure(MessageBytes.of(MAIL))).attachments == 1


@pytest.mark.asyncio
async def test_a_hang_ends_at_the_time_limit() -> None:
    """A worker that does not answer is ended by the clock of the gate."""
    async with inspector(seconds=0.5) as one:
        (pid,) = one.pids
        os.kill(pid, signal.SIGSTOP)
        assert (await one.structure(MessageBytes.of(MAIL))).uninspectable == ("timed-out",)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert (await one.structure(MessageBytes.of(MAIL))).attachments == 1


@pytest.mark.asyncio
async def test_processor_time_is_limited_by_the_kernel() -> None:
    """Work that never ends is ended by RLIMIT_CPU even if the gate's clock would wait longer."""
    raw = b"\r\n" + b"Date: 1\nFrom: a\n" * 4_000_000
    limits = replace(LIMITS, text_octets=100 * 1024 * 1024, inspect_seconds=0.01, inspect_memory_octets=4 * 1024**3)
    async with inspector(limits, seconds=60) as one:
        assert (await one.structure(MessageBytes.of(raw))).uninspectable == ("timed-out",)


@pytest.mark.asyncio
async def test_a_mail_that_wants_too_much_memory_is_uninspectable() -> None:
    """Memory ends inside the worker; the gate keeps its own."""
    limits = replace(LIMITS, inspect_memory_octets=80 * 1024 * 1024, text_octets=60 * 1024 * 1024)
    raw = b"Content-Type: text/html\r\n\r\n" + b"<p>\xc3\xa4" * 6_000_000
    async with inspector(limits) as one:
        (slug,) = (await one.structure(MessageBytes.of(raw))).uninspectable
        assert slug in ("out-of-memory", "unreadable-memoryerror", "inspection-crashed")
        assert (await one.structure(MessageBytes.of(MAIL))).attachments == 1


@pytest.mark.asyncio
async def test_mails_wait_for_a_free_worker() -> None:
    """Fifty mails on two workers: each gets its own answer."""
    mails = [b"Subject: x\r\n\r\n" + b"a" * n for n in range(50)]
    async with inspector(workers=2) as one:
        found = await asyncio.gather(*(one.structure(MessageBytes.of(mail)) for mail in mails))
        assert [each.parts[0].text_chars for each in found] == list(range(50))
        assert len(one.pids) == 2


@pytest.mark.asyncio
async def test_a_cancelled_question_does_not_answer_the_next_mail() -> None:
    """The answer to a mail nobody waits for any more is thrown away with its worker."""
    async with inspector() as one:
        (pid,) = one.pids
        os.kill(pid, signal.SIGSTOP)
        waiting = asyncio.create_task(one.structure(MessageBytes.of(b"Subject: first\r\n\r\n")))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await one.structure(MessageBytes.of(MAIL))).attachments == 1


@pytest.mark.asyncio
async def test_the_worker_can_not_write_files() -> None:
    """The kernel holds the worker's limits: no file may grow, few may be open, no core is written."""
    async with inspector() as one:
        (pid,) = one.pids
        limits = Path(f"/proc/{pid}/limits").read_text("ascii")
        rows = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
        assert rows["Max file size"] == ["0", "0"]
        assert rows["Max core file size"] == ["0", "0"]
        assert rows["Max open files"] == ["16", "16"]
        assert rows["Max address space"] == [str(LIMITS.inspect_memory_octets)] * 2


@pytest.mark.asyncio
async def test_a_worker_cannot_change_the_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever broke into a worker may not write, cut or map the spilled mail that will be relayed, nor open it anew."""
    monkeypatch.setattr(inspect, "WORKER", "tests.content.forger")
    message = MessageBytes(tmp_path, threshold=10)
    message.write(MAIL)
    async with inspector() as one:
        assert message.spilled
        done = (await one.structure(message)).uninspectable
    assert message.read() == MAIL
    message.close()
    anew = ("open-anew-refused", "cut-by-name-refused") if _landlock_abi(CDLL(None)) >= TRUNCATE_ABI else done[3:]
    assert done == ("write-refused", "cut-refused", "map-refused", *anew)


@pytest.mark.asyncio
async def test_closing_ends_every_process() -> None:
    """Nothing is left behind."""
    async with inspector(workers=2) as one:
        pids = one.pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b"{}", b"\x80\x04cos\nsystem", b'{"parts": 1}', wire.pack(read_structure(MAIL, LIMITS))[:-1],
     wire.pack(read_structure(MAIL, LIMITS)).replace(b'"attachments":1', b'"attachments":"1"'),
     wire.pack(read_structure(MAIL, LIMITS)).replace(b'"signed":false', b'"signed":0')],
)  # fmt: skip
def test_a_false_answer_is_refused(answer: bytes) -> None:
    """What a broken worker might send is checked field by field."""
    with pytest.raises(ValueError, match=r"structure|Expecting|delimiter|decode|utf-8"):
        wire.unpack(answer)


def test_a_structure_survives_the_wire() -> None:
    """Packing and unpacking change nothing, names outside UTF-8 included."""
    found = read_structure(MAIL, LIMITS)
    assert wire.unpack(wire.pack(found)) == found
