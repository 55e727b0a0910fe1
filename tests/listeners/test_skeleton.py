# SPDX-License-Identifier: Apache-2.0
"""The private names of aiosmtpd and asyncio that the door stands on."""

from __future__ import annotations

import asyncio
import inspect

from aiosmtpd.smtp import SMTP


def test_the_skeleton_still_reads_what_we_set() -> None:
    """The attributes our constructor sets instead of aiosmtpd's are all its connection code reads."""
    known = {
        "loop", "session", "transport", "envelope", "event_handler", "tls_context", "hostname", "_timeout_handle",
        "_timeout_duration", "_tls_handshake_okay", "_tls_protocol", "_original_transport", "_handler_coroutine",
        "_handle_hooks", "_reader", "_writer", "_closed",
    }  # fmt: skip
    used: set[str] = set()
    for method in (SMTP.connection_made, SMTP.connection_lost, SMTP._reset_timeout, SMTP.smtp_STARTTLS):
        names = inspect.unwrap(method).__code__.co_names
        used |= {name for name in names if name.startswith("_") and not name.startswith("__")}
    methods = {name for name in dir(SMTP) if callable(getattr(SMTP, name))}
    foreign = {"_transport", "_buffer", "_extra", "_app_transport"}  # of asyncio's reader, writer and TLS protocol

    assert used - methods - foreign <= known


def test_the_stream_reader_still_has_a_buffer_to_put_octets_back() -> None:
    """`_buffer` is a bytearray in front of which pipelined commands can be put back."""

    async def check() -> bytes:
        reader = asyncio.StreamReader()
        reader.feed_data(b"later\r\n")
        reader._buffer[:0] = b"first\r\n"  # type: ignore[attr-defined]
        return await reader.readline()

    assert asyncio.run(check()) == b"first\r\n"
