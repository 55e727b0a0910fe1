# SPDX-License-Identifier: Apache-2.0
"""The client connection: dots, reply order, hostile replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.relay.connection import Capabilities, Connection, HopLost, stuffed


def plainly(mail: bytes) -> bytes:
    """RFC 5321 4.5.2 on a whole mail."""
    if mail and not mail.endswith(b"\r\n"):
        mail += b"\r\n"
    return (b"\r\n" + mail).replace(b"\r\n.", b"\r\n..")[2:]


@given(st.lists(st.sampled_from([b"\r\n", b".", b"a", b"..", b"\r\n.", b""]), max_size=12))
def test_dots_are_stuffed_the_same_wherever_the_blocks_end(blocks: list[bytes]) -> None:
    """A mail in any blocks goes out as the plain rule says, closed by CRLF."""
    assert b"".join(stuffed(blocks)) == plainly(b"".join(blocks))


@asynccontextmanager
async def peer(script: bytes) -> AsyncIterator[Connection]:
    """A server that says `script` at once, and a connection to it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(script)
            await writer.drain()
            await reader.read()
        except ConnectionError:
            pass  # the client aborted, as it should
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    try:
        yield connection
    finally:
        connection.abort()
        await asyncio.sleep(0.01)
        server.close()
        await server.wait_closed()


@pytest.mark.asyncio
async def test_a_multi_line_reply_is_kept_line_by_line() -> None:
    """EHLO keywords are read from the lines after the greeting, the size too."""
    async with peer(b"250-hi there\r\n250-SIZE 1000\r\n250-8bitmime\r\n250 DSN\r\n") as connection:
        reply = await connection.reply(2)

    offered = Capabilities.of(reply)
    assert reply.lines == (b"hi there", b"SIZE 1000", b"8bitmime", b"DSN")
    assert ("8BITMIME" in offered, "DSN" in offered, "CHUNKING" in offered, offered.size) == (True, True, False, 1000)


@pytest.mark.asyncio
@pytest.mark.parametrize("script", [b"hello\r\n", b"999 x\r\n", b"250-" + b"x" * 40_000, b"25\r\n", b"\0\r\n"])
async def test_garbage_is_a_lost_connection(script: bytes) -> None:
    """What is no SMTP reply, or has no end, is never taken for an answer."""
    async with peer(script) as connection:
        with pytest.raises(HopLost):
            await connection.reply(2)


@pytest.mark.asyncio
async def test_a_reply_nobody_waits_for_any_more_is_not_given_to_the_next() -> None:
    """A cancelled command's reply is thrown away, not handed to the command after it."""
    async with peer(b"") as connection:
        first = asyncio.ensure_future(connection.reply(2))
        second = asyncio.ensure_future(connection.reply(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        connection.data_received(b"250 for the first\r\n250 for the second\r\n")

        assert (await second).lines == (b"for the second",)


@pytest.mark.asyncio
async def test_silence_is_a_lost_connection() -> None:
    """No reply in time raises HopLost and drops the connection."""
    async with peer(b"") as connection:
        with pytest.raises(HopLost):
            await connection.reply(0.05)
        assert connection.lost


@pytest.mark.asyncio
async def test_a_loss_after_the_dot_is_marked_as_such() -> None:
    """Whoever sends a mail learns whether the final dot was already out."""
    async with peer(b"") as connection:
        with pytest.raises(HopLost) as lost:
            await connection.send_mail([b"A: b\r\n"], 0.05)

    assert lost.value.after_dot


@pytest.mark.asyncio
@pytest.mark.parametrize(("early", "code"), [(b"552 5.3.4 too big\r\n", 552), (b"250 fine\r\n", None)])
async def test_an_answer_in_the_middle_of_a_mail_counts_only_as_a_refusal(early: bytes, code: int | None) -> None:
    """A refusal before the dot is passed on; an acceptance before the dot is no acceptance."""
    async with peer(early) as connection:
        await asyncio.sleep(0.05)
        if code is None:
            with pytest.raises(HopLost) as lost:
                await connection.send_mail([b"A: b\r\n"], 1)
            assert not lost.value.after_dot
        else:
            assert (await connection.send_mail([b"A: b\r\n"], 1)).code == code


@pytest.mark.asyncio
async def test_pipelined_commands_get_their_replies_in_order() -> None:
    """Several commands go out in one write; each reply finds its command."""
    async with peer(b"") as connection:
        asking = asyncio.ensure_future(connection.commands([b"RSET", b"MAIL", b"RCPT"], 2))
        await asyncio.sleep(0)
        connection.data_received(b"250 reset\r\n250 mail\r\n550 5.1.1")
        connection.data_received(b" nobody\r\n")

        assert [reply.lines[0] for reply in await asking] == [b"reset", b"mail", b"5.1.1 nobody"]


@pytest.mark.asyncio
async def test_pipelined_commands_without_answer_are_a_lost_connection() -> None:
    """One missing reply loses all of them: nobody knows which command it belonged to."""
    async with peer(b"") as connection:
        asking = asyncio.ensure_future(connection.commands([b"MAIL", b"RCPT"], 0.1))
        await asyncio.sleep(0)
        connection.data_received(b"250 mail\r\n")
        with pytest.raises(HopLost):
            await asking
        assert connection.lost
