# SPDX-License-Identifier: Apache-2.0
"""The control socket as a front door: what comes in, how much of it, and what becomes of the socket's file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.holds.requests import Caller, Requests
from dlpmilter.listeners import control as door
from dlpmilter.listeners.control import Control
from dlpmilter.listeners.control_socket import ADDRESS_OCTETS, address
from dlpmilter.settings import Reviewer
from tests.holds.house import Rooms, rooms

ME = pwd.getpwuid(os.getuid()).pw_name
LIST = b'{"act": "list", "all": false}\n'


@asynccontextmanager
async def serving(path: Path, answer: door.Answering) -> AsyncIterator[Control]:
    """A control socket that is served while the block runs."""
    control = Control(path, answer)
    task = asyncio.create_task(control.run())
    try:
        await control.tried.wait()
        yield control
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await control.finish()


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[tuple[Rooms, Path]]:
    """A house whose control socket answers; the calling user is a reviewer."""
    me = {ME: Reviewer(address="rita.reviewer@company.example", pools=("privacy",))}
    async with rooms(folder, reviewers=me) as house:
        requests = Requests(house.config, house.database, lambda: house.workflow)
        path = house.config.control_socket
        async with serving(path, requests.answer):
            yield house, path


async def whoami(caller: Caller, request: Mapping[str, Any]) -> dict[str, Any]:
    """An answer that tells who the door believes is calling."""
    return {"ok": True, "user": caller.user, "keeper": caller.keeper, "asked": dict(request)}


async def connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """One connection, however long the path is."""
    with address(path) as place:
        return await asyncio.open_unix_connection(place)


async def send(path: Path, octets: bytes, *, end: bool = False) -> dict[str, Any]:
    """The answer to these octets on a connection of their own."""
    return await asyncio.to_thread(_send, path, octets, end)


def _send(path: Path, octets: bytes, end: bool) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        with address(path) as place:
            connection.connect(place)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused early
            connection.sendall(octets)
            if end:
                connection.shutdown(socket.SHUT_WR)
        got = b""
        while not got.endswith(b"\n") and (block := connection.recv(65536)):
            got += block
    answer: dict[str, Any] = json.loads(got)
    return answer


async def until(path: Path, request: dict[str, Any], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask again and again, for four seconds at most, until the answer is the one that is waited for."""
    for _ in range(200):
        with contextlib.suppress(OSError, ValueError):  # nobody there, or just leaving
            if wanted(answer := await send(path, json.dumps(request).encode() + b"\n")):
                return answer
        await asyncio.sleep(0.02)
    raise TimeoutError("the answer does not come")


GARBAGE = {
    "empty": b"\n",
    "not-json": b"approve everything\n",
    "not-utf8": b'{"act": "\xff\xfe"}\n',
    "list": b'["approve"]\n',
    "nested": b"[" * 15_000 + b"\n",
    "number": b"9" * 10_000 + b"\n",
    "unknown-act": b'{"act": "unshunt-all"}\n',
    "act-list": b'{"act": ["list"]}\n',
    "no-case": b'{"act": "approve"}\n',
    "case-number": b'{"act": "show", "case": 7}\n',
    "surrogate": b'{"act": "show", "case": "\\ud800"}\n',
    "more-fields": b'{"act": "list", "all": false, "user": "rita"}\n',
    "two-requests": LIST + LIST,
    "smtp": b"EHLO x\r\nMAIL FROM:<>\r\n",
    "huge": b'{"act": "reject", "case": "X", "reason": "' + b"x" * 20_000 + b'"}\n',
    "endless": b"x" * 2_000_000,
}


@pytest.mark.asyncio
async def test_whatever_comes_is_an_answer_and_the_office_goes_on(tmp_path: Path) -> None:
    """Each piece of garbage gets one refusal in words, exit 2; afterwards a request is answered as ever."""
    async with office(tmp_path) as (house, path):
        case = (await house.hold()).case_id
        for name, octets in GARBAGE.items():
            answer = await send(path, octets)
            assert (answer["ok"], answer["exit"]) == (False, 2), name
            assert answer["error"].endswith("."), name
        assert (await send(path, b'{"act": "li', end=True))["exit"] == 2
        (row,) = (await send(path, LIST))["cases"]
        assert row["case"] == case


@pytest.mark.asyncio
async def test_the_caller_is_the_user_the_kernel_names(tmp_path: Path) -> None:
    """The door hands over the peer's user; a user in the request stays a part of the request."""
    async with serving(tmp_path / "c", whoami):
        answer = await send(tmp_path / "c", b'{"user": "somebody", "uid": 4711}\n')
        assert (answer["user"], answer["keeper"]) == (ME, True)
        assert answer["asked"] == {"user": "somebody", "uid": 4711}


@pytest.mark.asyncio
async def test_a_slow_request_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Octets that drip in get a sentence after the time for the whole request, not for each octet."""
    monkeypatch.setattr(door, "REQUEST_SECONDS", 0.4)
    async with serving(tmp_path / "c", whoami):
        answer = await asyncio.to_thread(_drip, tmp_path / "c", b'{"act": "list", "all": false')
        assert answer["reason"] == "too-slow"


def _drip(path: Path, octets: bytes) -> dict[str, Any]:
    """Send an octet every tenth of a second until an answer is there."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        for octet in octets:
            connection.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                if got := connection.recv(65536):
                    answer: dict[str, Any] = json.loads(got)
                    return answer
            connection.sendall(bytes([octet]))
    raise TimeoutError("no answer came")


@pytest.mark.asyncio
async def test_one_user_cannot_take_all_places(tmp_path: Path) -> None:
    """Over his number of connections a user hears that it is too many; with a free place he is answered."""
    async with serving(tmp_path / "c", whoami):
        idle = [await connect(tmp_path / "c") for _ in range(door.CONNECTIONS_OF_ONE_USER)]
        assert (await send(tmp_path / "c", b""))["reason"] == "busy"
        idle[0][1].close()
        await answered(tmp_path / "c")
        for _, writer in idle:
            writer.close()


@pytest.mark.asyncio
async def test_what_was_asked_is_done_when_the_caller_goes_away(tmp_path: Path) -> None:
    """A caller who hangs up after his request has approved; the case says so."""
    async with office(tmp_path) as (house, path):
        case = (await house.hold()).case_id
        approval = {"act": "approve", "basis": "contract", "checked": True, "delete_by": "", "note": ""}
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path))
            caller.sendall(json.dumps(approval | {"case": case}).encode() + b"\n")
        show = {"act": "show", "case": case}
        await until(path, show, lambda answer: answer["case"]["holds"][0]["state"] == "releasing")


@pytest.mark.asyncio
async def test_an_unforeseen_error_is_an_answer_without_its_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The office goes on, the caller hears exit 75, and neither answer nor log repeats what the error says."""

    async def broken(caller: Caller, request: Mapping[str, Any]) -> dict[str, Any]:
        if request:
            raise RuntimeError("anna.berg@company.example")
        return {"ok": True}

    async with serving(tmp_path / "c", broken):
        answer = await send(tmp_path / "c", b'{"act": "list"}\n')
        assert (answer["exit"], answer["reason"]) == (75, "unforeseen")
        assert (await send(tmp_path / "c", b"{}\n"))["ok"]
    log = capsys.readouterr().err
    assert '"unforeseen"' in log
    assert "anna" not in log + json.dumps(answer)


@pytest.mark.asyncio
async def test_a_stale_socket_is_replaced_and_another_file_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A killed office's socket gives way; a file that is no socket is left alone, said, and tried again."""
    monkeypatch.setattr(door, "RETRY_SECONDS", 0.05)
    path = tmp_path / "c"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    async with serving(path, whoami):
        assert (await send(path, b"{}\n"))["ok"]
        assert path.stat().st_mode & 0o777 == 0o666
    assert not path.exists()
    path.write_text("precious")
    async with serving(path, whoami):
        await asyncio.sleep(0.2)
        assert path.read_text() == "precious"
        path.unlink()
        await answered(path)
    assert capsys.readouterr().err.count("a-file-that-is-no-socket-has-its-name") == 1


async def answered(path: Path) -> dict[str, Any]:
    """Wait until the socket at `path` answers."""
    return await until(path, {}, lambda answer: answer["ok"])


@pytest.mark.asyncio
async def test_of_two_offices_the_second_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second never takes a living socket away, and has it as soon as the first has ended."""
    monkeypatch.setattr(door, "RETRY_SECONDS", 0.05)

    async def second(caller: Caller, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"ok": True, "user": "second"}

    async with contextlib.AsyncExitStack() as stack:
        async with serving(tmp_path / "c", whoami):
            first = (tmp_path / "c").stat().st_ino
            await stack.enter_async_context(serving(tmp_path / "c", second))
            for _ in range(10):
                assert (tmp_path / "c").stat().st_ino == first
                await asyncio.sleep(0.03)
            assert (await send(tmp_path / "c", b"{}\n"))["user"] == ME
        assert (await answered(tmp_path / "c"))["user"] == "second"


@pytest.mark.asyncio
async def test_a_socket_that_was_taken_away_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing folder or a removed socket ends nothing: as soon as it can, the office listens there again."""
    monkeypatch.setattr(door, "RETRY_SECONDS", 0.05)
    path = tmp_path / "run" / "c"
    async with serving(path, whoami):
        path.parent.mkdir()
        await answered(path)
        path.unlink()
        await answered(path)


@pytest.mark.asyncio
async def test_a_path_longer_than_the_kernel_takes_works(tmp_path: Path) -> None:
    """Beyond the 107 octets of unix(7) both ends go through the opened folder."""
    folder = tmp_path / ("a" * 60) / ("b" * 60)
    folder.mkdir(parents=True)
    path = folder / "control.sock"
    assert len(os.fsencode(path)) > ADDRESS_OCTETS
    async with serving(path, whoami):
        assert (await send(path, b"{}\n"))["ok"]
