# SPDX-License-Identifier: Apache-2.0
"""What comes over the sockets of the sandbox: answers of a child, notes of the warm process. Never trusts one."""

from __future__ import annotations

import asyncio
import json
import socket

from dlpmilter.content.wire import MAX_ANSWER, MORE

_LENGTH = 4
"""Octets that tell the length of an answer."""
_MAX_NOTE = 4096


class Lost(Exception):  # caught here, told as a slug
    """No whole answer; the text is the slug that the report will carry."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a socket that do not block."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.setblocking(False)
    return ours, theirs


async def answers_of(gate: socket.socket) -> tuple[bytes, ...] | None:
    """What the child says, None when it ended before it had said it; a first answer may come before a second.

    Before it reads pictures it says what it knows without them, and that counts if reading them ends it.
    """
    first, more = await _answer(gate)
    if first is None or not more:
        return None if first is None else (first,)
    second, more = await _answer(gate)
    if more:
        raise Lost("inspection-crashed")
    return (first,) if second is None else (first, second)


async def _answer(gate: socket.socket) -> tuple[bytes | None, bool]:
    """One whole answer, None when there was none; and whether another one may follow. Raises Lost."""
    loop = asyncio.get_running_loop()
    data = bytearray()
    size, more = MAX_ANSWER, False
    while len(data) < _LENGTH + size:
        wanted = _LENGTH - len(data) if len(data) < _LENGTH else min(65536, _LENGTH + size - len(data))
        try:
            block = await loop.sock_recv(gate, wanted)
        except ConnectionError:
            block = b""
        if not block:
            return None, False
        data += block
        if len(data) == _LENGTH:
            size = int.from_bytes(data, "big")
            more, size = size >= MORE, size % MORE
        if size > MAX_ANSWER:
            raise Lost("inspection-crashed")
    return bytes(data[_LENGTH:]), more


class Lines:
    """Lines of JSON from one socket."""

    def __init__(self, gate: socket.socket) -> None:
        self._gate = gate
        self._left = b""

    async def next(self) -> dict[str, object]:
        """The next line. Raises Lost when the other side is gone before."""
        loop = asyncio.get_running_loop()
        while b"\n" not in self._left:
            try:
                block = await loop.sock_recv(self._gate, _MAX_NOTE)
            except ConnectionError:
                block = b""
            if not block or len(self._left) > _MAX_NOTE:
                raise Lost("inspection-crashed")
            self._left += block
        line, _, self._left = self._left.partition(b"\n")
        said = json.loads(line)
        if not isinstance(said, dict):
            raise Lost("inspection-crashed")
        return said


def number(said: dict[str, object], name: str) -> int:
    """A whole number of a note, 0 when there is none."""
    value = said.get(name)
    return value if isinstance(value, int) else 0


def code(said: dict[str, object]) -> int | None:
    """The exit code in a note."""
    value = said.get("code")
    return value if isinstance(value, int) else None


def seconds(said: dict[str, object]) -> float:
    """The processor time in a note."""
    value = said.get("seconds")
    return value if isinstance(value, float) else 0.0
