# SPDX-License-Identifier: Apache-2.0
"""The next hop: pooled sessions, one command at a time, replies passed on verbatim.

Never retries a mail after the final dot, never turns a reply into another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.reply import Reply, reply
from dlpmilter.relay.connection import Capabilities, Connection, HopLost, HopUnavailable

if TYPE_CHECKING:
    from dlpmilter.model.transaction import EnvelopePath
    from dlpmilter.settings import NextHopSettings
    from dlpmilter.spill import MessageBytes

_Said = TypeVar("_Said")

CAPABILITY_SECONDS = 60.0
_CLOSING = 421
# What we may forward when the next hop offers the extension in the second column.
_MAIL_PARAMETERS = {"SIZE": "SIZE", "BODY": "8BITMIME", "SMTPUTF8": "SMTPUTF8", "RET": "DSN", "ENVID": "DSN"}
_RCPT_PARAMETERS = {"NOTIFY": "DSN", "ORCPT": "DSN"}
_NOT_UTF8 = reply(550, "5.6.7 the next hop does not take internationalised addresses")


class Session:
    """One transaction at a time on one connection; give it back with `done` or `abandon`."""

    def __init__(self, hop: NextHop, connection: Connection) -> None:
        self._hop = hop
        self.connection = connection
        self.used = False
        self.idle_since = 0.0
        self._open = False

    @property
    def capabilities(self) -> Capabilities:
        """What this very session offered."""
        return self.connection.capabilities

    async def mail(self, path: EnvelopePath) -> Reply:
        """MAIL FROM with the parameters the next hop understands."""
        if "SMTPUTF8" not in self.capabilities and (not path.mailbox.ascii or path.parameter("SMTPUTF8") is not None):
            return _NOT_UTF8
        self._open = True
        return await self._command(self._line(b"MAIL FROM:", path, _MAIL_PARAMETERS))

    async def rcpt(self, path: EnvelopePath) -> Reply:
        """RCPT TO with the parameters the next hop understands."""
        if "SMTPUTF8" not in self.capabilities and not path.mailbox.ascii:
            return _NOT_UTF8
        return await self._command(self._line(b"RCPT TO:", path, _RCPT_PARAMETERS))

    async def envelope(
        self, sender: EnvelopePath, recipients: Sequence[EnvelopePath], *, reset: bool = False
    ) -> tuple[Reply, ...]:
        """A whole envelope at once; one reply per recipient, MAIL's own when MAIL was refused.

        One write where the next hop offers PIPELINING (RFC 2920). `reset` says RSET first.
        """
        international = sender.parameter("SMTPUTF8") is not None or not all(
            path.mailbox.ascii for path in (sender, *recipients)
        )
        if international and "SMTPUTF8" not in self.capabilities:
            return (_NOT_UTF8,) * len(recipients)
        if reset and not (await self.rset()).ok:  # the old envelope may still stand: its recipients would get the mail
            self.connection.abort()
            raise HopLost
        lines = [self._line(b"MAIL FROM:", sender, _MAIL_PARAMETERS)]
        lines += [self._line(b"RCPT TO:", path, _RCPT_PARAMETERS) for path in recipients]
        self._open = True
        if "PIPELINING" in self.capabilities:
            answers = await self.connection.commands(lines, self._hop.settings.command_seconds)
            for answer in answers:
                self._note(answer)
        else:
            answers = [await self._command(line) for line in lines]
        mail, *replies = answers
        return tuple(replies) if mail.ok else (mail,) * len(recipients)

    async def data(self, prefix: bytes, message: MessageBytes) -> Reply:
        """DATA, `prefix` (whole header fields with CRLF), the mail; the reply to the final dot."""
        seconds = self._hop.settings.data_seconds
        ready = await self._command(b"DATA")
        if ready.code != 354:  # RFC 5321 4.1.1.4
            if ready.ok:  # 2xx where only 354 makes sense: the peer is out of step
                self.connection.abort()
                raise HopLost
            return ready
        blocks: Iterator[bytes] = chain((prefix,), message.chunks(65536))
        try:
            answer = await self.connection.send_mail(blocks, seconds)
        except BaseException:  # cancelled or broken inside the mail: no command may follow on this connection
            self.connection.abort()
            raise
        self._open = False
        self._note(answer)
        return answer

    async def rset(self) -> Reply:
        """RSET: forget the transaction, keep the session."""
        answer = await self._command(b"RSET")
        self._open = False
        return answer

    async def _command(self, line: bytes) -> Reply:
        answer = await self.connection.command(line, self._hop.settings.command_seconds)
        self._note(answer)
        return answer

    def _note(self, answer: Reply) -> None:
        if answer.code == _CLOSING:  # RFC 5321 3.8: the peer is closing the channel
            self.connection.quit()

    def _line(self, verb: bytes, path: EnvelopePath, table: dict[str, str]) -> bytes:
        words = [verb + b"<" + path.mailbox.raw + b">"]
        for keyword, value in path.parameters:
            if table.get(keyword) in self.capabilities.keywords:
                words.append(keyword.encode() + (b"=" + value if value else b""))
        return b" ".join(words)

    def done(self) -> None:
        """Give the session back; one with an open transaction is reset first, in the background."""
        self._hop.give_back(self, reset=self._open)


class NextHop:
    """The relay behind us: a capped pool of sessions and its capabilities, kept for a minute."""

    def __init__(self, endpoint: str, settings: NextHopSettings, hostname: str) -> None:
        host, _, port = endpoint.rpartition(":")
        self.host = host.strip("[]")
        self.port = int(port)
        self.settings = settings
        self._hostname = hostname
        self._idle: list[Session] = []
        self._out = 0
        self._capabilities = Capabilities()
        self._asked_at = float("-inf")
        self._tasks: set[asyncio.Task[None]] = set()
        self._plain_until = float("-inf")

    @property
    def known(self) -> bool:
        """Whether the next hop has told its capabilities since this process started."""
        return self._asked_at > float("-inf")

    async def capabilities(self) -> Capabilities:
        """The EHLO keywords, at most a minute old; the last known ones while the hop is away."""
        if time.monotonic() - self._asked_at > CAPABILITY_SECONDS:
            with contextlib.suppress(TemporaryFailure):  # what is known stays good enough while the hop is away
                (await self._fresh()).done()
        return self._capabilities

    async def begin(self, sender: EnvelopePath) -> tuple[Session, Reply]:
        """A session with MAIL said."""
        return await self._opened(lambda session: session.mail(sender))

    async def envelope(
        self, sender: EnvelopePath, recipients: Sequence[EnvelopePath]
    ) -> tuple[Session, tuple[Reply, ...]]:
        """A session with the whole envelope said."""
        return await self._opened(lambda session: session.envelope(sender, recipients))

    async def _opened(self, say: Callable[[Session], Awaitable[_Said]]) -> tuple[Session, _Said]:
        """A pooled session that has died meanwhile is replaced: nothing of the mail was sent on it."""
        while True:
            session = await self.session()
            try:
                return session, await say(session)
            except HopLost:
                fresh = not session.used
                session.done()
                if fresh:
                    raise
            except BaseException:
                session.done()
                raise

    async def session(self) -> Session:
        """A session, pooled or new. Raises HopUnavailable (451 4.4.1, 4.7.5, or 4.3.2 over the cap)."""
        while self._idle:
            session = self._idle.pop()
            if not session.connection.lost and time.monotonic() - session.idle_since < self.settings.idle_seconds:
                self._out += 1
                session.used = True
                return session
            session.connection.quit()
        return await self._fresh()

    async def _fresh(self) -> Session:
        if self._out >= self.settings.sessions:
            raise HopUnavailable("too many sessions with the next hop, try again", enhanced="4.3.2")
        self._out += 1
        try:
            return Session(self, await self._connect())
        except BaseException:
            self._out -= 1
            raise

    def give_back(self, session: Session, *, reset: bool) -> None:
        """Called by Session.done."""
        if session.connection.lost:
            self._out -= 1
        elif reset:
            task = asyncio.get_running_loop().create_task(self._reset(session))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._out -= 1
            session.idle_since = time.monotonic()
            self._idle.append(session)

    async def _reset(self, session: Session) -> None:
        try:
            if not (await session.rset()).ok:
                session.connection.quit()
        except TemporaryFailure:
            session.connection.abort()
        self.give_back(session, reset=False)

    async def _connect(self) -> Connection:
        mode = self.settings.tls
        if mode == "opportunistic" and time.monotonic() < self._plain_until:
            mode = "none"
        try:
            return await self._greet(mode)
        except (ssl.SSLError, ConnectionError, HopUnavailable, TimeoutError, OSError) as error:
            if mode == "opportunistic" and isinstance(error, ssl.SSLError | _TlsFailed):
                self._plain_until = time.monotonic() + CAPABILITY_SECONDS
                return await self._connect()
            if isinstance(error, TemporaryFailure):
                raise
            raise HopUnavailable from error

    async def _greet(self, mode: str) -> Connection:
        seconds = self.settings.connect_seconds
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            _, connection = await loop.create_connection(Connection, self.host, self.port)
        try:
            greeting = await connection.reply(seconds)
            if not greeting.ok:
                raise HopUnavailable
            await self._ehlo(connection)
            if mode != "none" and "STARTTLS" in connection.capabilities:
                await self._upgrade(connection)
            elif mode == "require":
                raise HopUnavailable("the next hop offers no TLS", enhanced="4.7.5")
        except BaseException as error:
            connection.abort()
            if isinstance(error, HopLost):
                raise HopUnavailable from error
            raise
        self._capabilities, self._asked_at = connection.capabilities, time.monotonic()
        return connection

    async def _ehlo(self, connection: Connection) -> None:
        name = self._hostname.encode("ascii", "replace")
        answer = await connection.command(b"EHLO " + name, self.settings.command_seconds)
        if answer.permanent:
            answer = await connection.command(b"HELO " + name, self.settings.command_seconds)
            answer = Reply(answer.code, answer.lines[:1])
        if not answer.ok:
            raise HopUnavailable
        connection.capabilities = Capabilities.of(answer)

    async def _upgrade(self, connection: Connection) -> None:
        answer = await connection.command(b"STARTTLS", self.settings.command_seconds)
        if answer.code != 220:  # RFC 3207 section 4
            raise _TlsFailed
        context = ssl.create_default_context()
        context.check_hostname = False  # encryption without verification, as Postfix's level "encrypt"
        context.verify_mode = ssl.CERT_NONE
        try:
            await connection.start_tls(context, self.host, self.settings.connect_seconds)
        except (ssl.SSLError, ConnectionError, TimeoutError) as error:
            raise _TlsFailed from error
        await self._ehlo(connection)

    async def close(self) -> None:
        """End every idle session; those in use end when they are given back."""
        for session in self._idle:
            session.connection.quit()
        self._idle.clear()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)


class _TlsFailed(HopUnavailable):
    def __init__(self) -> None:
        super().__init__("TLS to the next hop failed", enhanced="4.7.5")


async def deliver(
    hop: NextHop, sender: EnvelopePath, recipients: Sequence[EnvelopePath], prefix: bytes, message: MessageBytes
) -> tuple[Reply, ...]:
    """One whole transaction; one reply per recipient, in order. Trouble with the hop is a 451 reply."""
    try:
        session, answers = await hop.envelope(sender, recipients)
    except TemporaryFailure as error:
        return (_as_reply(error),) * len(recipients)
    try:
        if not any(each.ok for each in answers):
            return answers
        final = await session.data(prefix, message)
        return tuple(final if each.ok else each for each in answers)
    except TemporaryFailure as error:
        return (_as_reply(error),) * len(recipients)
    finally:
        session.done()


def _as_reply(error: TemporaryFailure) -> Reply:
    return reply(error.code, f"{error.enhanced} {error.text}")
