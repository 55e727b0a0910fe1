# SPDX-License-Identifier: Apache-2.0
"""The peer of the benchmark: aiosmtpd in front, aiosmtplib behind, on uvloop, and nothing else.

It keeps one connection to the next hop per client connection, which is the kindest thing one can
do for it. Never judges, records or checks. `python -m tests.benchmarks.bare_relay --next-hop PORT`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
from typing import TYPE_CHECKING

import aiosmtplib
from aiosmtpd.smtp import SMTP

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope, Session


class _Relay:
    def __init__(self, next_hop: int) -> None:
        self.next_hop = next_hop

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Relay, then answer what the next hop answered."""
        client = getattr(session, "relay_client", None)
        if client is None:
            client = aiosmtplib.SMTP(
                hostname="127.0.0.1", port=self.next_hop, start_tls=False, local_hostname="bare.test"
            )
            await client.connect()
            session.relay_client = client  # type: ignore[attr-defined]  # kept for the connection's next mail
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        _, answer = await client.sendmail(envelope.mail_from or "", envelope.rcpt_tos, content)
        return f"250 {answer}"


class _Server(SMTP):
    def connection_lost(self, error: Exception | None) -> None:
        client = getattr(self.session, "relay_client", None)
        if client is not None:
            client.close()
        super().connection_lost(error)


async def _serve(next_hop: int) -> None:
    loop = asyncio.get_running_loop()
    handler = _Relay(next_hop)
    server = await loop.create_server(
        lambda: _Server(handler, hostname="bare.test", data_size_limit=100_000_000, enable_SMTPUTF8=True, loop=loop),
        "127.0.0.1",
        0,
        backlog=500,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def main() -> None:
    """Relay until standard input ends; print the port first."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--next-hop", type=int, required=True)
    logging.disable(logging.CRITICAL)
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(_serve(parser.parse_args().next_hop))


if __name__ == "__main__":
    main()
