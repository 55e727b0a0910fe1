# SPDX-License-Identifier: Apache-2.0
"""The SMTP door: our own verbs (RFC 5321, 1870, 3461, 6152, 6531; Postfix XFORWARD).

RCPT is proxied live, parameters keep their case. Never answers a harmless parameter with an
error, never runs what follows a broken mail.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlpmilter import maillog, metrics
from dlpmilter.listeners.data import read_message
from dlpmilter.listeners.session import Connection, Hangup, House
from dlpmilter.listeners.syntax import declared_size, parse_path_argument, parse_xforward
from dlpmilter.model.errors import PermanentFailure, TemporaryFailure
from dlpmilter.model.reply import Reply, reply
from dlpmilter.model.transaction import Client, EnvelopePath, Transaction
from dlpmilter.spill import MessageBytes

if TYPE_CHECKING:
    from dlpmilter.relay.client import Session

_OK = reply(250, "2.0.0 Ok")
_GO = b"354 End data with <CR><LF>.<CR><LF>\r\n"
_XFORWARD_OFFER = "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE LOGIN"


@dataclass(slots=True)
class _Mail:
    """The envelope while it is being said."""

    sender: EnvelopePath
    session: Session
    recipients: list[EnvelopePath] = field(default_factory=list)


class Door(Connection):
    """One client of the SMTP door."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self._mail: _Mail | None = None
        self._forwarded: dict[str, str] = {}
        self._table: Mapping[bytes, Callable[[bytes], Awaitable[Reply | None]]] = {
            b"EHLO": self._ehlo, b"HELO": self._helo, b"MAIL": self._mail_from, b"RCPT": self._rcpt_to,
            b"DATA": self._data, b"RSET": self._rset, b"NOOP": self._noop, b"QUIT": self._quit,
            b"VRFY": self._vrfy, b"STARTTLS": self._starttls, b"XFORWARD": self._xforward,
        }  # fmt: skip

    @property
    def verbs(self) -> Mapping[bytes, Callable[[bytes], Awaitable[Reply | None]]]:
        """The commands of this door."""
        return self._table

    @property
    def in_mail(self) -> bool:
        """Between MAIL and the final dot."""
        return self._mail is not None

    def forget_mail(self) -> None:
        """Give the next hop's session back."""
        mail, self._mail = self._mail, None
        if mail is not None:
            mail.session.done()

    async def _helo(self, argument: bytes) -> Reply:
        if not argument:
            return reply(501, "5.5.4 Syntax: HELO hostname")
        self.forget_mail()
        self._greeted = argument.decode("ascii", "replace")
        return reply(250, self.hostname)

    async def _ehlo(self, argument: bytes) -> Reply:
        """Offer what the next hop offers and we forward (hop.md 6 A 9)."""
        if not argument:
            return reply(501, "5.5.4 Syntax: EHLO hostname")
        self.forget_mail()
        offered = await self.house.hop.capabilities()
        if not self.house.hop.known:
            # Offering less than the next hop does would make a client bounce mail that needs it (SMTPUTF8).
            metrics.alarms.labels("next-hop-unavailable").inc()
            await self._farewell(
                TemporaryFailure("the next hop cannot be reached", code=421, enhanced="4.4.1"), "next-hop"
            )
        self._greeted = argument.decode("ascii", "replace")
        lines = [self.hostname, "PIPELINING", f"SIZE {self._size_limit(offered.size)}"]
        lines += [keyword for keyword in ("8BITMIME", "SMTPUTF8", "DSN") if keyword in offered]
        lines.append("ENHANCEDSTATUSCODES")
        if self.tls_context is not None and self._tls_protocol is None:
            lines.append("STARTTLS")
        if self._peer in self.house.xforward:
            lines.append(_XFORWARD_OFFER)
        return reply(250, *lines)

    def _size_limit(self, next_hop: int) -> int:
        return min(self._limits.message_octets, next_hop or self._limits.message_octets)

    async def _mail_from(self, argument: bytes) -> Reply:
        if not self._greeted:
            return reply(503, "5.5.1 say EHLO first")
        if self._mail is not None:
            return reply(503, "5.5.1 nested MAIL command")
        if self._peer not in self.house.allowed:
            maillog.connection_refused(self._peer, "not-allowed")
            metrics.refused.labels("not-allowed").inc()
            raise PermanentFailure("this host may not relay here")
        sender = parse_path_argument(argument, b"FROM:", allow_null=True)
        self._check_utf8(sender, sender.parameter("SMTPUTF8") is not None)
        if declared_size(sender) > self._size_limit((await self.house.hop.capabilities()).size):
            raise PermanentFailure("the mail is too big", code=552, enhanced="5.3.4")
        if not self.house.judge.accepting:
            metrics.tempfails.labels("journal").inc()
            raise TemporaryFailure
        if not self.house.admission.disk_has_room():
            metrics.tempfails.labels("disk").inc()
            metrics.alarms.labels("spool-disk-full").inc()
            raise TemporaryFailure("no room for mail now", code=452, enhanced="4.3.1")
        try:
            session, answer = await self.house.hop.begin(sender)
        except TemporaryFailure:
            metrics.tempfails.labels("next-hop").inc()
            metrics.alarms.labels("next-hop-unavailable").inc()
            raise
        if answer.ok:
            self._mail = _Mail(sender, session)
        else:
            session.done()
        return answer

    @staticmethod
    def _check_utf8(path: EnvelopePath, announced: bool) -> None:  # noqa: FBT001 - one private caller each
        if not path.mailbox.ascii and not announced:
            raise PermanentFailure("an address beyond ASCII needs SMTPUTF8", code=553, enhanced="5.6.7")

    async def _rcpt_to(self, argument: bytes) -> Reply:
        mail = self._mail
        if mail is None:
            return reply(503, "5.5.1 say MAIL first")
        recipient = parse_path_argument(argument, b"TO:", allow_null=False)
        self._check_utf8(recipient, mail.sender.parameter("SMTPUTF8") is not None)
        if len(mail.recipients) >= self._limits.recipients:
            raise TemporaryFailure("too many recipients, send the rest separately", code=452, enhanced="4.5.3")
        try:
            answer = await mail.session.rcpt(recipient)
        except TemporaryFailure:
            self.forget_mail()
            raise
        if answer.ok:
            mail.recipients.append(recipient)
        return answer

    async def _data(self, argument: bytes) -> Reply | None:
        mail = self._mail
        if argument:
            return reply(501, "5.5.4 Syntax: DATA")
        if mail is None:
            return reply(503, "5.5.1 say MAIL first")
        if not mail.recipients:
            return reply(554, "5.5.1 no valid recipients")
        self._writer.write(_GO)
        message = MessageBytes(
            self.house.config.spool_directory, threshold=self._limits.memory_message_octets, budget=self.house.budget
        )
        size_limit = self._size_limit(mail.session.capabilities.size)
        try:
            rest, refusal = await read_message(self._reader, message, self._limits, size_limit)
        except BaseException:
            message.close()
            raise
        if refusal is not None:
            message.close()
            self.forget_mail()
            if refusal.enhanced == "5.5.2":
                metrics.refused.labels("bare-line-end").inc()
                if rest:  # what follows a broken mail may be part of it: do not run it
                    await self._farewell(refusal, "bare-line-end")
            raise refusal
        if rest:
            self._unread(rest)
        answer = await self._hand_over(mail, message)
        metrics.replies.labels(str(answer.code)[0]).inc()
        return answer

    def _unread(self, rest: bytes) -> None:
        """Put pipelined commands back in front of what the reader holds."""
        self._reader._buffer[:0] = rest  # type: ignore[attr-defined]  # noqa: SLF001 - StreamReader has no unread

    async def _hand_over(self, mail: _Mail, message: MessageBytes) -> Reply:
        """From here the pipeline owns session and message; a disconnect no longer stops it."""
        self._mail, self._committing = None, True
        transaction = Transaction(
            id=f"{int(time.time()):x}{secrets.token_hex(5)}",
            client=self._client(),
            sender=mail.sender,
            recipients=tuple(mail.recipients),
            head=_head(message, self._limits.header_octets),
            size=message.size,
            received_at=datetime.now(UTC),
        )
        self._forwarded = {}
        commit = self.loop.create_task(self.house.judge.accept(transaction, message, mail.session))
        self.house.commits.add(commit)
        commit.add_done_callback(self.house.commits.discard)
        try:
            return await asyncio.shield(commit)
        finally:
            self._committing = False

    def _client(self) -> Client:
        said = self._forwarded
        client = Client(self._peer, helo=self._greeted, tls=self._tls_protocol is not None, peer=self._peer)
        if not said:
            return client
        return replace(
            client,
            address=said.get("ADDR", client.address),
            helo=said.get("HELO", client.helo),
            name=said.get("NAME", ""),
            login=said.get("LOGIN", ""),
        )

    async def _rset(self, argument: bytes) -> Reply:
        if argument:
            return reply(501, "5.5.4 Syntax: RSET")
        self.forget_mail()
        self._forwarded = {}
        return _OK

    async def _noop(self, argument: bytes) -> Reply:  # noqa: ARG002 - RFC 5321 4.1.1.9: any argument is ignored
        return _OK

    async def _quit(self, argument: bytes) -> Reply | None:  # noqa: ARG002 - a client that leaves may leave
        self._writer.write(b"221 2.0.0 Bye\r\n")
        raise Hangup

    async def _vrfy(self, argument: bytes) -> Reply:  # noqa: ARG002 - RFC 5321 3.5.3: no disclosure
        return reply(252, "2.5.0 cannot verify, but will try to deliver")

    async def _starttls(self, argument: bytes) -> Reply | None:
        if self.tls_context is None or self._tls_protocol is not None:
            return reply(502, "5.5.1 STARTTLS is not offered")
        if argument:
            return reply(501, "5.5.4 Syntax: STARTTLS")
        try:
            await self.smtp_STARTTLS("")
        except Exception as error:  # noqa: BLE001 - a failed handshake ends the connection (RFC 3207 4.1)
            maillog.protocol_error(self._peer, f"tls-{type(error.__cause__ or error).__name__}")
            raise Hangup from None
        return None

    async def _xforward(self, argument: bytes) -> Reply:
        if self._peer not in self.house.xforward:
            maillog.protocol_error(self._peer, "xforward-not-listed")
            raise PermanentFailure("XFORWARD is not allowed for this host")
        if self._mail is not None:
            return reply(503, "5.5.1 XFORWARD belongs before MAIL")
        self._forwarded.update(parse_xforward(argument))
        return _OK


def _head(message: MessageBytes, limit: int) -> bytes:
    """The header block with its empty line; all that is there when no empty line comes in `limit`."""
    start = message.head(limit + 1)  # one octet more tells a block that is too big from one that just fits
    if start.startswith(b"\r\n"):
        return start[:2]
    end = start.find(b"\r\n\r\n")
    return start if end < 0 else start[: end + 4]
