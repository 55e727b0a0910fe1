# SPDX-License-Identifier: Apache-2.0
"""A real name server on loopback for tests: answers MX from a table, counts questions, can fall silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """Answers over UDP; names it does not know do not exist."""

    def __init__(self, mx: dict[str, list[str]], ttl: int) -> None:
        self.mx = mx
        self.ttl = ttl
        self.asked: list[str] = []
        self.silent = False
        self.garbage = False
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")[:2]
        return f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        query = dns.message.from_wire(data)
        name = query.question[0].name
        self.asked.append(name.to_text(omit_final_dot=True))
        if self.silent or self._transport is None:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        found = self.mx.get(self.asked[-1])
        if found is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif found:
            answer.answer.append(dns.rrset.from_text_list(name, self.ttl, "IN", "MX", found))
        self._transport.sendto(b"\0\0garbage" if self.garbage else answer.to_wire(), addr)


@asynccontextmanager
async def name_server(mx: dict[str, list[str]], ttl: int = 300) -> AsyncIterator[NameServer]:
    """Run one while the block runs."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: NameServer(mx, ttl), local_addr=("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()
