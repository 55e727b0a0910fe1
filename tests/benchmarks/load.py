# SPDX-License-Identifier: Apache-2.0
"""A load generator that costs little: one prepared mail, sent again and again over parallel connections.

It speaks as Postfix does: MAIL, RCPT and DATA in one write where PIPELINING is offered, else one by
one. Never retries: any reply but the expected one ends the run.
"""

from __future__ import annotations

import asyncio

from tests.peers.wire import stuffed


class _Sender(asyncio.Protocol):
    """One connection that sends `mails` mails and leaves."""

    def __init__(self, mails: int, wire: bytes, done: asyncio.Future[None]) -> None:
        self.left = mails
        self.wire = wire
        self.done = done
        self.buffer = b""
        self.pipelining = False
        self.expected: list[tuple[bytes, bytes]] = [(b"220", b"EHLO load.corp.example\r\n"), (b"250", b"")]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def _write(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[attr-defined]  # a stream transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server hung up during the load"))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n")) >= 0:
            line, self.buffer = self.buffer[:end], self.buffer[end + 2 :]
            if line[4:].upper() == b"PIPELINING":
                self.pipelining = True
            if line[3:4] != b"-":
                self._reply(line)

    def _reply(self, line: bytes) -> None:
        code, then = self.expected.pop(0)
        if not line.startswith(code):
            self._fail(line)
            return
        if then:
            self._write(then)
        if not self.expected:
            self._next()

    def _fail(self, line: bytes) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"the server said {line!r} under load"))
        self.transport.close()

    def _next(self) -> None:
        if self.left == 0:
            self._write(b"QUIT\r\n")
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self.left -= 1
        mail, rcpt, data = (
            b"MAIL FROM:<anna.berger@corp.example>\r\n",
            b"RCPT TO:<einkauf@partner.example>\r\n",
            b"DATA\r\n",
        )
        if self.pipelining:
            self._write(mail + rcpt + data)
            self.expected = [(b"250", b""), (b"250", b""), (b"354", self.wire), (b"250", b"")]
        else:
            self._write(mail)
            self.expected = [(b"250", rcpt), (b"250", data), (b"354", self.wire), (b"250", b"")]


async def load(port: int, mail: bytes, *, mails: int, each: int, connections: int) -> None:
    """Send `mails` mails, `each` per connection, over `connections` at a time. Raises ConnectionError."""
    wire = stuffed(mail) + b".\r\n"
    waiting = [min(each, mails - start) for start in range(0, mails, each)]
    loop = asyncio.get_running_loop()

    async def lane() -> None:
        while waiting:
            count = waiting.pop()
            done: asyncio.Future[None] = loop.create_future()
            await loop.create_connection(lambda n=count, d=done: _Sender(n, wire, d), "127.0.0.1", port)  # type: ignore[misc]
            await done

    await asyncio.gather(*(lane() for _ in range(connections)))
