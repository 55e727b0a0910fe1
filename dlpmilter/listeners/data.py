# SPDX-License-Identifier: Apache-2.0
"""The DATA phase: blocks in, dots unstuffed, CR LF NUL checked on the way (RFC 5321 2.3.8, 4.5.2).

Only CRLF.CRLF ends a mail. Never repairs a line end: a mail with a bare CR or LF is refused,
because two servers may disagree where it ends (SMTP smuggling).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.model.errors import Failure, PermanentFailure, TemporaryFailure

if TYPE_CHECKING:
    from dlpmilter.model.limits import Limits
    from dlpmilter.spill import MessageBytes

BLOCK = 64 * 1024
_END = b"\r\n.\r\n"
_GRACE_SECONDS = 60.0


class SlowSender(TemporaryFailure):
    """The mail came too slowly or not to its end: the connection is closed."""

    def __init__(self) -> None:
        super().__init__("timeout while waiting for the mail", code=421, enhanced="4.4.2")


class Flood(PermanentFailure):
    """More than twice the size limit came: the connection is closed."""

    def __init__(self) -> None:
        super().__init__("the mail is too big", code=552, enhanced="5.3.4")


@dataclass(slots=True)
class Unstuffer:
    """Takes blocks of the wire, hands out blocks of the mail; knows where the mail ends.

    `carry` starts as the CRLF that ended the DATA command line, so a first line of one dot
    ends an empty mail.
    """

    carry: bytes = b"\r\n"
    started: bool = False
    clean: bool = True
    rest: bytes | None = None
    """Octets after the end of the mail (pipelined commands); None while it has not ended."""

    def feed(self, block: bytes) -> bytes:
        """The octets of the mail that are certain after this block."""
        pending = self.carry + block
        end = pending.find(_END)
        if end >= 0:
            self.rest = pending[end + len(_END) :]
            wire, self.carry = pending[: end + 2], b""
        else:
            cut = _safe_cut(pending)
            wire, self.carry = pending[:cut], pending[cut:]
        return self._unstuff(wire)

    def _unstuff(self, wire: bytes) -> bytes:
        if self.clean:
            lines = wire.count(b"\r\n")
            self.clean = wire.count(b"\n") == lines == wire.count(b"\r") and b"\0" not in wire
        plain = wire.replace(b"\r\n.", b"\r\n")
        if not self.started and plain:
            self.started = True
            return plain[2:]
        return plain


def _safe_cut(pending: bytes) -> int:
    """Where to cut so that neither the end mark, nor CRLF, nor CRLF and its dot are parted."""
    cut = len(pending) - (len(_END) - 1)
    if cut <= 0:
        return 0
    if pending[cut - 1 : cut + 1] == b"\r\n":
        return cut - 1
    if pending[cut : cut + 1] == b"." and pending[:cut].endswith(b"\r\n"):
        return cut - 2
    return cut


async def read_message(
    reader: asyncio.StreamReader, message: MessageBytes, limits: Limits, size_limit: int
) -> tuple[bytes, Failure | None]:
    """Read one mail into `message`; returns the octets behind it and why it is refused, if it is.

    Raises SlowSender or Flood when the connection must be closed, ConnectionResetError at EOF.
    """
    unstuffer = Unstuffer()
    refusal: Failure | None = None
    started = time.monotonic()
    received = 0
    while unstuffer.rest is None:
        block = await _next_block(reader, limits)
        received += len(block)
        _check_pace(received, time.monotonic() - started, limits)
        plain = unstuffer.feed(block)
        if message.size + len(plain) > size_limit and refusal is None:
            refusal = PermanentFailure("the mail is too big", code=552, enhanced="5.3.4")
        if received > 2 * size_limit + BLOCK:
            raise Flood
        if refusal is None and unstuffer.clean:
            refusal = _store(message, plain)
    if not unstuffer.clean:
        refusal = PermanentFailure("bare CR, bare LF or NUL in the mail", code=550, enhanced="5.5.2")
    return unstuffer.rest, refusal


async def _next_block(reader: asyncio.StreamReader, limits: Limits) -> bytes:
    try:
        async with asyncio.timeout(limits.data_idle_seconds):
            block = await reader.read(BLOCK)
    except TimeoutError:
        raise SlowSender from None
    if not block:
        raise ConnectionResetError
    return block


def _check_pace(received: int, seconds: float, limits: Limits) -> None:
    if seconds > limits.data_seconds:
        raise SlowSender
    if seconds > _GRACE_SECONDS and received < seconds * limits.data_rate_octets:
        raise SlowSender


def _store(message: MessageBytes, plain: bytes) -> Failure | None:
    try:
        message.write(plain)
    except OSError:
        return TemporaryFailure("no room for the mail now", code=452, enhanced="4.3.1")
    return None
