# SPDX-License-Identifier: Apache-2.0
"""The relay one writes in an hour: aiosmtpd in front, smtplib behind. Proof that our tests can fail.

It is what hop.md warns of: errors of ours become 5xx, bare line ends pass, one bad QUIT turns a
delivery into a bounce. Never part of the product.
"""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.controller import Controller

from tests.peers.processes import free_port

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session


class _Relay:
    def __init__(self, next_hop: int) -> None:
        self.next_hop = next_hop

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Relay at once, in the loop, as the tutorials do."""
        content: Any = envelope.content
        with smtplib.SMTP("127.0.0.1", self.next_hop, timeout=2) as client:
            client.sendmail(envelope.mail_from or "", envelope.rcpt_tos, content)
        return "250 2.0.0 Ok"


class NaiveRelay:
    """`with NaiveRelay(next_hop_port) as relay: ... relay.port`."""

    def __init__(self, next_hop: int) -> None:
        self.port = free_port()
        self._controller = Controller(_Relay(next_hop), hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
