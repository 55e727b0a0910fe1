# SPDX-License-Identifier: Apache-2.0
"""The most careless mail server there is: the victim in SMTP smuggling tests.

It takes a lone CR or LF for a line end everywhere and a dot between any two of them, with or without
NUL and blanks, for the end of a mail. Never relays. What it records is what such a server would
believe it got: a second mail here is a smuggled mail.
"""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import dataclass
from typing import Self

_END = re.compile(rb"(?:\r\n|[\r\n])\0*\.\0*(?:\r\n|[\r\n])")
_LINE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Taken:
    """One mail as the careless server took it; `raw` is the wire between 354 and what it took for the end."""

    session: int
    sender: bytes
    recipients: tuple[bytes, ...]
    raw: bytes

    @property
    def bare(self) -> bool:
        """Whether a lone CR, a lone LF or a NUL is in it."""
        clean = self.raw.replace(b"\r\n", b"")
        return b"\r" in clean or b"\n" in clean or b"\0" in clean


class LenientSink:
    """`with LenientSink() as sink: ... sink.port ... sink.taken`."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[Taken] = []
        self._sessions = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lenient-sink", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._sessions += 1
        try:
            await self._talk(self._sessions, reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # the peer left
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _talk(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = bytearray()

        async def until(pattern: re.Pattern[bytes]) -> bytes | None:
            while (found := pattern.search(buffer)) is None:
                block = await reader.read(65536)
                if not block:
                    return None
                buffer.extend(block)
            taken = bytes(buffer[: found.start()])
            del buffer[: found.end()]
            return taken

        sender = b""
        recipients: list[bytes] = []
        writer.write(b"220 lenient.test ESMTP\r\n")
        while (line := await until(_LINE)) is not None:
            verb = line[:4].upper()
            if not line:
                continue  # the other half of a line end it saw as two
            if verb == b"EHLO":
                writer.write(b"250-lenient.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
            elif verb == b"MAIL":
                sender, recipients = line.partition(b"<")[2].partition(b">")[0], []
                writer.write(b"250 2.1.0 Ok\r\n")
            elif verb == b"RCPT":
                recipients.append(line.partition(b"<")[2].partition(b">")[0])
                writer.write(b"250 2.1.5 Ok\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go\r\n")
                buffer[:0] = b"\r\n"
                raw = await until(_END)
                if raw is None:
                    return
                self.taken.append(Taken(number, sender, tuple(recipients), raw[2:] + b"\r\n"))
                writer.write(b"250 2.0.0 Ok\r\n")
            else:
                writer.write(b"221 2.0.0 Bye\r\n" if verb == b"QUIT" else b"250 2.0.0 Ok\r\n")
                if verb == b"QUIT":
                    return
