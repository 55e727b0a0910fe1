# SPDX-License-Identifier: Apache-2.0
"""The DATA phase: one end of mail, wherever the wire is cut."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.listeners.data import Flood, SlowSender, Unstuffer, read_message
from dlpmilter.model.errors import Failure
from dlpmilter.model.limits import Limits
from dlpmilter.spill import MessageBytes

LIMITS = Limits()


def reference(wire: bytes) -> tuple[bytes, bytes, bool] | None:
    """RFC 5321 4.5.2 written down plainly: content, what follows it, whether line ends are clean."""
    wire = b"\r\n" + wire
    end = wire.find(b"\r\n.\r\n")
    if end < 0:
        return None
    content = wire[: end + 2]
    clean = content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r") and b"\0" not in content
    return content.replace(b"\r\n.", b"\r\n")[2:], wire[end + 5 :], clean


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\0", b"\r\n", b"\r\n.\r\n"]), max_size=14), st.data())
def test_cuts_on_the_wire_change_nothing(pieces: list[bytes], data: st.DataObject) -> None:
    """Content, rest and cleanness are those of the plain rule, however the octets arrive in blocks."""
    wire = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    unstuffer, content, rest = Unstuffer(), b"", b""
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        if unstuffer.rest is None:
            content += unstuffer.feed(wire[start:end])
        else:
            rest += wire[start:end]

    expected = reference(wire)

    if expected is None:
        assert unstuffer.rest is None
    else:
        assert (content, (unstuffer.rest or b"") + rest, unstuffer.clean) == expected


async def read(wire: bytes, limits: Limits = LIMITS, size: int = 10_000) -> tuple[bytes, bytes, Failure | None]:
    """Read `wire` as a client would have sent it."""
    reader = asyncio.StreamReader()
    reader.feed_data(wire)
    message = MessageBytes()
    rest, refusal = await read_message(reader, message, limits, size)
    return message.read(), rest, refusal


@pytest.mark.asyncio
async def test_a_mail_and_the_commands_behind_it_are_parted() -> None:
    """Dots are unstuffed and pipelined commands come back whole."""
    assert await read(b"A: b\r\n\r\n..x\r\n.\r\nQUIT\r\n") == (b"A: b\r\n\r\n.x\r\n", b"QUIT\r\n", None)


@pytest.mark.asyncio
@pytest.mark.parametrize("bad", [b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n", b"a\r\r\n", b"\n.\nMAIL FROM:<x@y>\r\n"])
async def test_a_bare_line_end_or_nul_refuses_the_mail(bad: bytes) -> None:
    """The refusal is 550 5.5.2 and comes only at the real end of the mail."""
    _, rest, refusal = await read(bad + b"tail\r\n.\r\nNOOP\r\n")

    assert refusal is not None
    assert (refusal.code, refusal.enhanced, rest) == (550, "5.5.2", b"NOOP\r\n")


@pytest.mark.asyncio
async def test_a_mail_over_the_limit_is_read_to_its_end_and_refused() -> None:
    """552 5.3.4 after the dot, and not all of it is kept."""
    kept, _, refusal = await read(b"x" * 70_000 + b"\r\n.\r\n", size=60_000)

    assert refusal is not None
    assert (refusal.code, refusal.enhanced) == (552, "5.3.4")
    assert len(kept) <= 65_536


@pytest.mark.asyncio
async def test_a_flood_ends_the_connection() -> None:
    """Far beyond twice the limit nothing more is read."""
    with pytest.raises(Flood):
        await read(b"x" * 300_000, size=50_000)


@pytest.mark.asyncio
async def test_a_silent_sender_is_cut_off() -> None:
    """No octet within the idle time raises SlowSender."""
    with pytest.raises(SlowSender):
        await read(b"half a mail", replace(LIMITS, data_idle_seconds=0.05))


@pytest.mark.asyncio
async def test_a_disconnect_before_the_dot_is_no_mail() -> None:
    """End of file inside the mail raises ConnectionResetError."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"half")
    reader.feed_eof()
    with pytest.raises(ConnectionResetError):
        await read_message(reader, MessageBytes(), LIMITS, 1000)
