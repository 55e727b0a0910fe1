# SPDX-License-Identifier: Apache-2.0
"""A next hop that misbehaves by script: it says, hangs, drips, garbles or closes at one chosen point.

Never repairs and never guesses: it records what it received, and which recipients it *accepted*,
that is, those whose 250 to the final dot it wrote. Runs in a thread: `with FaultyHop() as hop`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

BLOCK = 64 * 1024
POINTS = ("connect", "ehlo", "mail", "rcpt", "data", "body", "dot", "rset", "quit")
EXTENSIONS = ("PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")


@dataclass(frozen=True, slots=True)
class Act:
    """What happens at a point instead of the usual reply."""

    kind: Literal["say", "close", "hang", "drip"]
    wire: bytes = b""
    """The octets of the reply, line ends included."""
    seconds: float = 0.0
    """`say`: waits that long before. `drip`: between two octets."""


CLOSE = Act("close")
HANG = Act("hang")
GARBAGE = Act("say", b"\x00\xffthis is not SMTP\r\n")


def says(text: str, *, after: float = 0.0) -> Act:
    """A reply; several lines are separated by a line feed and get their `-` here."""
    *first, last = text.split("\n")
    lines = [f"{line[:3]}-{line[4:]}" for line in first] + [last]
    return Act("say", "".join(line + "\r\n" for line in lines).encode(), after)


def drips(text: str, seconds: float) -> Act:
    """A reply that comes one octet at a time."""
    return Act("drip", text.encode() + b"\r\n", seconds)


@dataclass(slots=True)
class Received:
    """One transaction as it was seen here; `data` holds the octets before dot-unstuffing is undone."""

    session: int
    sender: bytes
    mail_line: bytes
    recipients: list[bytes] = field(default_factory=list)
    rcpt_lines: list[bytes] = field(default_factory=list)
    data: bytes = b""
    complete: bool = False
    """Whether the final dot came."""
    accepted: bool = False
    """Whether our 250 to the final dot was written."""
    at: float = 0.0


class _Closed(Exception):
    """This connection is over."""


class _Session:
    def __init__(self, hop: FaultyHop, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hop, self.number, self.reader, self.writer = hop, number, reader, writer
        self.mail: Received | None = None
        self.buffer = bytearray()

    async def run(self) -> None:
        await self.answer("connect", "220 faulty.test ESMTP")
        verbs: dict[str, Callable[[bytes], Coroutine[Any, Any, None]]] = {
            "EHLO": self.ehlo, "HELO": self.ehlo, "MAIL": self.mail_from, "RCPT": self.rcpt_to,
            "DATA": self.data, "RSET": self.rset, "QUIT": self.quit,
        }  # fmt: skip
        while True:
            line = await self.take(b"\r\n")
            verb = line[:4].decode("latin-1").upper()
            self.hop.commands.append((self.number, line))
            method = verbs.get(verb)
            if method is None:
                self.writer.write(b"502 5.5.1 not here\r\n")
            else:
                await method(line)

    async def take(self, end: bytes) -> bytes:
        start = 0
        while (at := self.buffer.find(end, start)) < 0:
            start = max(0, len(self.buffer) - len(end) + 1)
            block = await self.reader.read(BLOCK)
            if not block:
                raise _Closed
            self.buffer += block
        found = bytes(self.buffer[:at])
        del self.buffer[: at + len(end)]
        return found

    async def answer(self, point: str, usual: str, *, act: Act | None = None) -> bool:
        """Play the scripted act, else give the usual reply; True when a 2xx or 3xx was written."""
        act = self.hop._next_act(point, self.mail.sender if self.mail else None) or act or says(usual)
        if act.kind == "close":
            raise _Closed
        if act.kind == "hang":
            await asyncio.sleep(3600)
        if act.kind == "drip":
            for octet in act.wire:
                self.writer.write(bytes((octet,)))
                await self.writer.drain()
                await asyncio.sleep(act.seconds)
        else:
            if act.seconds:
                await asyncio.sleep(act.seconds)
            if self.writer.transport.is_closing() or self.reader.at_eof():
                raise _Closed  # nobody is there any more who could take it as a promise
            self.writer.write(act.wire)
        await self.writer.drain()
        if act.wire.startswith(b"421"):  # RFC 5321 4.2.2: the channel is closed
            raise _Closed
        return act.wire[:1] in b"23"

    async def ehlo(self, line: bytes) -> None:
        self.mail = None
        lines = ["250 faulty.test"] + [f"250 {word}" for word in self.hop.extensions]
        await self.answer("ehlo", "\n".join(lines))

    async def mail_from(self, line: bytes) -> None:
        kept = self.mail.recipients if self.mail else []  # a hop that refused RSET still has its old envelope
        self.mail = Received(self.number, _path(line), line, recipients=kept, at=time.time())
        if not await self.answer("mail", "250 2.1.0 Ok"):
            self.mail = None

    async def rcpt_to(self, line: bytes) -> None:
        if self.mail is None:
            self.writer.write(b"503 5.5.1 MAIL first\r\n")
            return
        path = _path(line)
        special = next((act for start, act in self.hop.recipients.items() if path.startswith(start)), None)
        if await self.answer("rcpt", "250 2.1.5 Ok", act=special):
            self.mail.recipients.append(path)
            self.mail.rcpt_lines.append(line)

    async def data(self, line: bytes) -> None:
        mail = self.mail
        if mail is None or not mail.recipients:
            self.writer.write(b"503 5.5.1 RCPT first\r\n")
            return
        if not await self.answer("data", "354 go ahead"):
            return
        self.hop.received.append(mail)
        if self.hop._next_act("body", mail.sender) is not None:
            mail.data = await self.reader.read(BLOCK)  # the mail has begun, its end is never seen
            raise _Closed
        self.buffer[:0] = b"\r\n"
        mail.data = (await self.take(b"\r\n.\r\n") + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
        mail.complete = True
        mail.accepted = await self.answer("dot", "250 2.0.0 Ok: queued by faulty hop")
        self.mail = None

    async def rset(self, line: bytes) -> None:
        if await self.answer("rset", "250 2.0.0 Ok"):
            self.mail = None

    async def quit(self, line: bytes) -> None:
        await self.answer("quit", "221 2.0.0 Bye")
        raise _Closed


def _path(line: bytes) -> bytes:
    return line[line.index(b"<") + 1 : line.rindex(b">")]


class FaultyHop:
    """The hop on 127.0.0.1; `play` sets the script, `down` and `up` take the port away and back."""

    def __init__(self, *, extensions: tuple[str, ...] = EXTENSIONS) -> None:
        self.port = 0
        self.extensions = extensions
        self.recipients: dict[bytes, Act] = {}
        """Replies to RCPT by the start of the address."""
        self.received: list[Received] = []
        self.commands: list[tuple[int, bytes]] = []
        self._scripts: dict[bytes | None, dict[str, Act]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty-hop", daemon=True)
        self._server: asyncio.Server | None = None
        self._sessions: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.sessions = 0

    # what a test does with it

    def play(self, script: Mapping[str, Act], *, only: bytes | None = None, fresh: bool = False) -> None:
        """Set the script for mail of one sender (points `mail` to `dot`), or for everybody; {} ends it.

        `fresh` drops every connection, so that a pooled session meets the banner and EHLO again.
        """
        unknown = set(script) - set(POINTS)
        if unknown:
            raise ValueError(f"no such points: {sorted(unknown)}")
        self._scripts[only] = dict(script)
        if fresh:
            self._run(self._drop())

    def down(self) -> None:
        """Refuse connections and drop those there are."""
        self._run(self._close())

    def up(self) -> None:
        """Listen again on the same port."""
        self._run(self._listen())

    def accepted(self, sender: bytes | None = None) -> list[Received]:
        """The transactions we promised to deliver, of one sender or all."""
        return [each for each in self.received if each.accepted and sender in (None, each.sender)]

    # inside

    def _next_act(self, point: str, sender: bytes | None) -> Act | None:
        mine = self._scripts.get(sender, {}) if sender is not None else {}
        return mine.get(point) or self._scripts.get(None, {}).get(point)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        task = asyncio.current_task()
        assert task is not None
        self._sessions[task] = writer
        try:
            await _Session(self, self.sessions, reader, writer).run()
        except (_Closed, OSError, asyncio.CancelledError):
            pass  # the peer left, or the script asked for it
        finally:
            self._sessions.pop(task, None)
            writer.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=4 * BLOCK)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _drop(self) -> None:
        tasks = list(self._sessions)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._drop()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def __enter__(self) -> Self:
        self._thread.start()
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
