# SPDX-License-Identifier: Apache-2.0
"""One SMTP connection: aiosmtpd's skeleton (transport, STARTTLS), our own command loop and timers.

Bytes stay bytes, one reply a command. Knows no verb; never answers 5xx for trouble of ours, never
lets a disconnect stop a commit.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Protocol

from aiosmtpd.smtp import SMTP, Envelope

from dlpmilter import maillog, metrics
from dlpmilter.listeners.data import Flood, SlowSender
from dlpmilter.model.errors import Failure, PermanentFailure, TemporaryFailure
from dlpmilter.model.reply import Reply, reply
from dlpmilter.spill import Budget

if TYPE_CHECKING:
    import ssl

    from dlpmilter.config import Config
    from dlpmilter.listeners.admission import Admission, Networks
    from dlpmilter.model.transaction import Transaction
    from dlpmilter.relay.client import NextHop, Session
    from dlpmilter.spill import MessageBytes

READ_LIMIT = 64 * 1024


class Judge(Protocol):
    """What the door hands a whole mail to: the pipeline. It owns session and message from then on."""

    @property
    def accepting(self) -> bool:
        """False while new mail could not be recorded."""
        ...

    async def accept(self, transaction: Transaction, message: MessageBytes, session: Session) -> Reply:
        """The reply to the final dot."""
        ...


@dataclass(slots=True)
class House:
    """What all connections of one gate share."""

    config: Config
    hop: NextHop
    judge: Judge
    admission: Admission
    allowed: Networks
    xforward: Networks
    tls: ssl.SSLContext | None = None
    budget: Budget = field(default_factory=lambda: Budget(0))
    doors: set[Connection] = field(default_factory=set)
    commits: set[asyncio.Task[Reply]] = field(default_factory=set)


class Hangup(Exception):  # no error: the connection is over and what had to be said was said
    """Ends the command loop."""


class Connection(SMTP, ABC):
    """One connection; subclasses bring the verbs and forget a half-said mail."""

    def __init__(self, house: House) -> None:
        # aiosmtpd's own __init__ inspects every method for each connection (0.3 ms); what its
        # connection handling and STARTTLS read is set here instead, pinned by a test.
        self.loop = asyncio.get_running_loop()
        asyncio.StreamReaderProtocol.__init__(
            self,
            asyncio.StreamReader(limit=READ_LIMIT, loop=self.loop),
            client_connected_cb=self._cb_client_connected,
            loop=self.loop,
        )
        self.house = house
        self.hostname = house.config.hostname
        self.enable_SMTPUTF8 = True
        self.tls_context = house.tls
        self.session = None
        self.envelope = None
        self.transport = None
        self.event_handler = None
        self._handle_hooks = {}
        self._timeout_duration = house.config.bounds.idle_seconds
        self._timeout_handle = None
        self._tls_handshake_okay = True
        self._tls_protocol = None
        self._original_transport = None
        self._handler_coroutine = None
        self._limits = house.config.bounds
        self._greeted = ""
        self._errors = 0
        self._peer = ""
        self._entered = False
        self._committing = False

    @property
    @abstractmethod
    def verbs(self) -> Mapping[bytes, Callable[[bytes], Awaitable[Reply | None]]]:
        """Command (upper case) -> coroutine that takes the argument and gives the reply."""

    @property
    @abstractmethod
    def in_mail(self) -> bool:
        """Whether an envelope is being said."""

    @abstractmethod
    def forget_mail(self) -> None:
        """Drop the envelope that is being said, and what it holds of the next hop."""

    # -- connection life, on the skeleton ------------------------------------------------

    def _create_envelope(self) -> Envelope | None:  # type: ignore[override]  # our envelope is _Mail
        return None

    def _set_rset_state(self) -> None:
        """Called by the skeleton at connect and after the TLS handshake (RFC 3207 section 4.2)."""
        self.forget_mail()
        self._greeted = ""

    def connection_lost(self, error: Exception | None) -> None:
        """Count out; a commit that runs goes on by itself."""
        self._count_out()
        super().connection_lost(error)

    def _count_out(self) -> None:
        """Give the place back, once: a failed TLS handshake ends a connection without connection_lost."""
        self.house.doors.discard(self)
        if self._entered:
            self._entered = False
            self.house.admission.leave(self._peer)
            metrics.connections.dec()

    def eof_received(self) -> bool | None:
        """A half-closed connection still gets its reply: never cancel what runs."""
        if self._tls_protocol is not None:
            self._reader.feed_eof()
            return False  # True has no effect on TLS
        return asyncio.StreamReaderProtocol.eof_received(self)

    def _timeout_cb(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self._writer.write(b"421 4.4.2 " + self.hostname.encode() + b" idle for too long\r\n")
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()

    def drain(self) -> None:
        """No more commands: an idle client is told at once, a busy one after its reply."""
        if not self.in_mail and not self._committing and self.transport is not None and not self.transport.is_closing():
            self._writer.write(self._closing)
            self.transport.close()

    @property
    def _closing(self) -> bytes:
        return b"421 4.3.2 " + self.hostname.encode() + b" is being restarted, try again\r\n"

    async def _handle_client(self) -> None:
        peer = self._writer.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else "unix"
        self._entered = True
        metrics.connections.inc()
        self.house.doors.add(self)
        refusal = self.house.admission.enter(self._peer)
        try:
            if refusal is not None:
                metrics.tempfails.labels(refusal).inc()
                maillog.connection_refused(self._peer, refusal)
                self._writer.write(self._closing if refusal == "draining" else b"421 4.3.2 too many connections\r\n")
                return
            self._writer.write(b"220 " + self.hostname.encode() + b" ESMTP dlpmilter\r\n")
            while True:
                await self._one_command()
        except (Hangup, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.forget_mail()
            self._count_out()
            self._writer.close()
            if self._original_transport is not None:
                self._original_transport.close()

    async def _one_command(self) -> None:
        line = await self._read_line()
        self._stop_timer()
        verb, _, argument = line.partition(b" ")
        answer: Reply | None = None
        try:
            answer = await self._run(verb.upper(), argument.strip(b" \t"))
        except SlowSender as error:
            await self._farewell(error, "slow-sender")
        except Flood as error:
            await self._farewell(error, "flood")
        except Failure as error:
            answer = Reply(error.code, (f"{error.enhanced} {error.text}".encode("ascii", "replace"),))
        except (Hangup, ConnectionError, asyncio.IncompleteReadError):
            raise
        except Exception as error:  # noqa: BLE001 - anything unforeseen is temporary (design invariant 1)
            metrics.unforeseen.labels("door").inc()
            maillog.unforeseen("door", error)
            self.forget_mail()
            answer = reply(451, "4.3.0 try again later")
        if answer is not None:
            await self._answer(answer)

    async def _run(self, verb: bytes, argument: bytes) -> Reply | None:
        method = self.verbs.get(verb)
        if method is None:
            return reply(500, "5.5.2 command not recognised")
        return await method(argument)

    async def _read_line(self) -> bytes:
        self._reset_timeout()
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            line = b""
        if not line or len(line) > self._limits.command_octets:
            await self._farewell(PermanentFailure("line too long", code=500, enhanced="5.5.2"), "line-too-long")
        if line[-2:] != b"\r\n" or b"\r" in line[:-2] or b"\0" in line:
            await self._farewell(
                PermanentFailure("bare CR, bare LF or NUL in a command", code=550, enhanced="5.5.2"), "bare-line-end"
            )
        return line[:-2]

    async def _answer(self, answer: Reply) -> None:
        self._writer.write(answer.wire)
        if answer.permanent:
            self._errors += 1
            if self._errors >= self._limits.errors_per_session:
                await self._farewell(TemporaryFailure("too many errors", code=421, enhanced="4.7.0"), "errors")
        if self.house.admission.draining and not self.in_mail:
            self._writer.write(self._closing)
            raise Hangup
        await self._drain()

    async def _drain(self) -> None:
        """Wait until the client reads; one that does not holds nothing of ours for long."""
        if self._writer.transport.get_write_buffer_size() == 0:
            return
        try:
            async with asyncio.timeout(self._limits.data_idle_seconds):
                await self._writer.drain()
        except TimeoutError:
            metrics.tempfails.labels("client-does-not-read").inc()
            maillog.protocol_error(self._peer, "client-does-not-read")
            self._writer.transport.abort()
            raise Hangup from None

    async def _farewell(self, failure: Failure, reason: str) -> NoReturn:
        """Say why and hang up."""
        counter = metrics.tempfails if failure.code < 500 else metrics.refused  # RFC 5321 4.2.1
        counter.labels(reason).inc()
        maillog.protocol_error(self._peer, reason)
        self._writer.write(failure.reply + b"\r\n")
        raise Hangup
