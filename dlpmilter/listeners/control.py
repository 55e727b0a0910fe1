# SPDX-License-Identifier: Apache-2.0
"""The office's front door for people on this host: one JSON line asks, one JSON line answers.

Protocol only. Never takes the caller's name from the request, and never ends the office: anything
unforeseen is an error answer, and a socket that cannot be opened is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from dlpmilter import maillog, metrics
from dlpmilter.holds.requests import Caller, refusal
from dlpmilter.listeners import control_socket
from dlpmilter.listeners.control_socket import TakenElsewhere, Unavailable

REQUEST_OCTETS = 16 * 1024
REQUEST_SECONDS = 10.0
"""For the whole request, so that nobody keeps a place by sending slowly."""
SEND_SECONDS = 30.0
CONNECTIONS = 64
CONNECTIONS_OF_ONE_USER = 8
RETRY_SECONDS = 2.0
FINISH_SECONDS = 10.0
_BLOCK = 64 * 1024

Answering = Callable[[Caller, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class _NotARequest(Exception):
    """What came is not one JSON line; the text is the sentence for the sender."""


class Control:
    """One for each office. `run` serves until it is cancelled; `tried` is set after the first attempt to open."""

    def __init__(self, path: Path, answer: Answering) -> None:
        self._path = path
        self._answer = answer
        self._open: dict[asyncio.Task[None], int] = {}
        self._said = ""
        self.tried = asyncio.Event()

    async def run(self) -> None:
        """Own the socket and answer; when another office has it or it cannot be opened, try again."""
        while True:
            try:
                with control_socket.owned(self._path) as listener:
                    self._said = ""
                    self.tried.set()
                    await self._accept_while_there(listener)
            except Unavailable as error:
                self._report(str(error), alarm=not isinstance(error, TakenElsewhere))
            except Exception as error:  # noqa: BLE001 - the office has mail to send, whatever happens here
                maillog.unforeseen("control", error)
            self.tried.set()
            await asyncio.sleep(RETRY_SECONDS)

    def _report(self, reason: str, *, alarm: bool) -> None:
        if alarm:
            metrics.alarms.labels("control-unavailable").inc()
        if reason != self._said:
            self._said = reason
            maillog.control_unavailable(reason)

    async def finish(self) -> None:
        """Let what was asked come to its end; call it after `run` was cancelled."""
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _accept_while_there(self, listener: socket.socket) -> None:
        """Accept until the socket's file is taken away or replaced: then nobody finds us any more."""
        accepting = asyncio.create_task(self._accept(listener))
        mine = now = control_socket.inode(self._path)
        try:
            while now is not None and now == mine and not accepting.done():
                await asyncio.wait({accepting}, timeout=RETRY_SECONDS)
                now = control_socket.inode(self._path)
        finally:
            accepting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await accepting

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:  # no descriptor left: what is open ends soon
                self._report(error.strerror or type(error).__name__, alarm=True)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            uid = control_socket.peer_uid(connection)
            mine = sum(each == uid for each in self._open.values())
            if len(self._open) >= CONNECTIONS or mine >= CONNECTIONS_OF_ONE_USER:
                connection.send(_line(refusal(75, "busy", "Too many requests at once. Try again in a moment.")))
                connection.close()
                return
        except OSError:  # gone already
            connection.close()
            return
        task = asyncio.create_task(self._serve(connection, uid))
        self._open[task] = uid
        task.add_done_callback(lambda done: self._open.pop(done, None))

    async def _serve(self, connection: socket.socket, uid: int) -> None:
        """One connection, one request, one answer."""
        with connection:
            try:
                answer = await self._answered(connection, uid)
                async with asyncio.timeout(SEND_SECONDS):
                    await asyncio.get_running_loop().sock_sendall(connection, _line(answer))
            except (OSError, TimeoutError):  # the caller went away; what he asked for is done all the same
                pass
            except Exception as error:  # noqa: BLE001 - see run
                maillog.unforeseen("control", error)

    async def _answered(self, connection: socket.socket, uid: int) -> dict[str, Any]:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                request = _parsed(await _read_line(connection))
                user = await asyncio.to_thread(_name_of, uid)  # a directory service may be slow
        except TimeoutError:
            return refusal(75, "too-slow", f"No whole request came within {REQUEST_SECONDS:g} s. Try again.")
        except _NotARequest as error:
            return refusal(2, "usage", str(error))
        try:
            return await self._answer(Caller(user, uid in {0, os.geteuid()}), request)
        except Exception as error:  # noqa: BLE001 - see run
            maillog.unforeseen("control", error)
            sentence = "Something unforeseen happened in the office; its log says more. See the case with `holds show`."
            return refusal(75, "unforeseen", sentence)


async def _read_line(connection: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    got = bytearray()
    while b"\n" not in got:
        if len(got) > REQUEST_OCTETS:
            raise _NotARequest(f"The request is longer than {REQUEST_OCTETS} octets.")
        block = await loop.sock_recv(connection, _BLOCK)
        if not block:
            raise _NotARequest("The request ended before its line did.")
        got += block
    line, _, more = got.partition(b"\n")
    if len(line) > REQUEST_OCTETS:
        raise _NotARequest(f"The request is longer than {REQUEST_OCTETS} octets.")
    if more:
        raise _NotARequest("One connection takes one request.")
    return bytes(line)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, nested too deep
        raise _NotARequest("The request is not one line of JSON.") from None
    if not isinstance(request, dict):
        raise _NotARequest("The request is not a JSON object.")
    return request


def _line(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def _name_of(uid: int) -> str:
    """The user's name; for a number without one, the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
