# SPDX-License-Identifier: Apache-2.0
"""One SMTP client connection: commands out, replies in, both with limits and deadlines.

Never changes a byte of a mail but the dots RFC 5321 section 4.5.2 asks for.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.reply import Reply

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

MAX_REPLY_OCTETS = 32 * 1024
_REPLY_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])([^\r\n]*))?\r?\n?\Z")


class HopUnavailable(TemporaryFailure):
    """No session with the next hop can be had: nothing was sent."""

    def __init__(self, text: str = "the next hop cannot be reached", *, enhanced: str = "4.4.1") -> None:
        super().__init__(text, code=451, enhanced=enhanced)


class HopLost(TemporaryFailure):
    """The session broke. After the final dot nobody knows whether the mail was taken."""

    def __init__(self, *, after_dot: bool = False) -> None:
        super().__init__("lost connection with the next hop", code=451, enhanced="4.4.2")
        self.after_dot = after_dot


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the next hop offered in its EHLO reply: keyword (upper case) -> parameters."""

    keywords: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def size(self) -> int:
        """The largest message the next hop takes (RFC 1870), 0 when it names none."""
        value = self.keywords.get("SIZE", "")
        return int(value) if value.isdigit() else 0

    @classmethod
    def of(cls, reply: Reply) -> Capabilities:
        """Read an EHLO reply; the first line is the greeting."""
        pairs = (line.decode("ascii", "replace").partition(" ") for line in reply.lines[1:])
        return cls({keyword.upper(): rest.strip() for keyword, _, rest in pairs if keyword})


def stuffed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Dot-stuff a mail given in blocks, and end it with CRLF (RFC 5321 4.5.2).

    The two octets before each block decide whether its first dot starts a line, so up to two
    octets are carried over.
    """
    carry = b"\r\n"
    sent = 0
    for block in blocks:
        data = carry + block
        keep = 2 if data.endswith(b"\r\n") else int(data.endswith(b"\r"))
        carry = data[len(data) - keep :]
        ready = data[: len(data) - keep].replace(b"\r\n.", b"\r\n..")
        if sent == 0 and len(ready) >= 2:  # the CRLF we assumed before the first octet
            ready = ready[2:]
            sent = 1
        if ready:
            yield ready
    if sent == 0:
        carry = carry[2:] if carry != b"\r\n" else b""
        if carry:
            yield carry
    elif carry == b"\r\n":
        yield carry
    else:
        yield carry + b"\r\n"


class Connection(asyncio.Protocol):
    """The wire: replies are handed out in the order of the commands (RFC 2920)."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.capabilities = Capabilities()
        self.lost = False
        self._buffer = bytearray()
        self._lines: list[bytes] = []
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._ready: deque[Reply] = deque()
        self._paused: asyncio.Future[None] | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]  # a stream transport: we only ever connect TCP

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Tell everybody who waits for a reply that none will come."""
        self.lost = True
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(HopLost())
        self.resume_writing()

    def pause_writing(self) -> None:
        """Make `send_mail` wait: the peer reads slower than we write."""
        self._paused = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Let it go on."""
        if self._paused is not None and not self._paused.done():
            self._paused.set_result(None)
        self._paused = None

    def data_received(self, data: bytes) -> None:
        """Turn lines into replies; a reply without end is a broken peer."""
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[: end + 1])
            del self._buffer[: end + 1]
            if not self._take_line(line):
                return
        if len(self._buffer) + sum(map(len, self._lines)) > MAX_REPLY_OCTETS:
            self.abort()

    def _take_line(self, line: bytes) -> bool:
        match = _REPLY_LINE.match(line)
        if match is None:  # not SMTP: nothing that follows can be trusted
            self.abort()
            return False
        self._lines.append(match[3] or b"")
        if match[2] != b"-":
            self._hand_out(Reply(int(match[1]), tuple(self._lines)))
            self._lines = []
        return True

    def _hand_out(self, reply: Reply) -> None:
        if self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():  # whoever was cancelled does not want it, and nobody else may have it
                waiter.set_result(reply)
            return
        self._ready.append(reply)
        if len(self._ready) > 1:  # only the greeting may come unasked
            self.abort()

    # commands

    async def reply(self, seconds: float) -> Reply:
        """The next reply; HopLost when it does not come in time."""
        if self._ready:
            return self._ready.popleft()
        if self.lost:
            raise HopLost
        waiter: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                return await waiter
        except TimeoutError:
            self.abort()
            raise HopLost from None

    def write(self, data: bytes) -> None:
        """Send octets; HopLost when the connection is gone."""
        if self.lost or self.transport is None or self.transport.is_closing():
            raise HopLost
        self.transport.write(data)

    async def command(self, line: bytes, seconds: float) -> Reply:
        """Send one command line (without CRLF) and wait for its reply."""
        if self._ready:  # said something unasked, most often 421 before closing
            self.abort()
            raise HopLost
        self.write(line + b"\r\n")
        return await self.reply(seconds)

    async def commands(self, lines: Sequence[bytes], seconds: float) -> list[Reply]:
        """Send several commands in one write (RFC 2920) and wait for all their replies, in order.

        `seconds` is the patience for each reply: a slow next hop with many recipients is not a lost one.
        """
        if self._ready:
            self.abort()
            raise HopLost
        loop = asyncio.get_running_loop()
        waiters: list[asyncio.Future[Reply]] = [loop.create_future() for _ in lines]
        self.write(b"".join(line + b"\r\n" for line in lines))
        self._waiting.extend(waiters)
        answers: list[Reply] = []
        try:
            for waiter in waiters:
                async with asyncio.timeout(seconds):
                    answers.append(await waiter)
        except BaseException as error:
            self.abort()
            for waiter in waiters:
                if not waiter.cancel() and not waiter.cancelled():
                    waiter.exception()  # looked at: the loss is told once
            if isinstance(error, TimeoutError):
                raise HopLost from None
            raise
        return answers

    async def send_mail(self, blocks: Iterable[bytes], seconds: float) -> Reply:
        """After the 354: the mail, the final dot, the reply. Raises HopLost with `after_dot` set."""
        for block in stuffed(blocks):
            if self._ready:
                return self._refused_early()
            self.write(block)
            if self._paused is not None:
                try:
                    async with asyncio.timeout(seconds):
                        await self._paused
                except TimeoutError:
                    self.abort()
                    raise HopLost from None
        if self._ready:
            return self._refused_early()
        self.write(b".\r\n")
        try:
            return await self.reply(seconds)
        except HopLost:
            raise HopLost(after_dot=True) from None

    def _refused_early(self) -> Reply:
        """An answer in the middle of the mail ends it; only a refusal makes sense there."""
        self.abort()
        answer = self._ready.popleft()
        if answer.ok:
            raise HopLost
        return answer

    async def start_tls(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Upgrade after the 220; octets that came before the handshake end the session.

        They would be an attacker's plain text taken for the peer's (RFC 3207 section 6).
        """
        if self._buffer or self._ready or self.transport is None:
            self.abort()
            raise HopUnavailable("TLS to the next hop failed", enhanced="4.7.5")
        loop = asyncio.get_running_loop()
        upgraded = await loop.start_tls(
            self.transport, self, context, server_hostname=host, ssl_handshake_timeout=seconds
        )
        if upgraded is None:
            raise HopUnavailable("TLS to the next hop failed", enhanced="4.7.5")
        self.transport = upgraded

    def abort(self) -> None:
        """Drop the connection at once."""
        self.lost = True
        if self.transport is not None:
            self.transport.abort()

    def quit(self) -> None:
        """Say goodbye and leave; whatever the peer answers changes nothing."""
        if not self.lost and self.transport is not None and not self.transport.is_closing():
            self.transport.write(b"QUIT\r\n")
            self.transport.close()
        self.lost = True
