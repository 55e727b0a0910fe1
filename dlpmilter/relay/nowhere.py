# SPDX-License-Identifier: Apache-2.0
"""A next hop for copies of mail (Postfix always_bcc, journals): says 250 and forgets. Never used for mail itself.

It has the shape of `NextHop`, so the door in front of it is the same: limits, line ends and sizes hold here, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.model.reply import Reply, reply
from dlpmilter.relay.client import NextHop, Session
from dlpmilter.relay.connection import Capabilities, Connection

if TYPE_CHECKING:
    from dlpmilter.model.transaction import EnvelopePath
    from dlpmilter.settings import NextHopSettings
    from dlpmilter.spill import MessageBytes

_TAKEN = reply(250, "2.0.0 Ok")
# Everything a copy may need; DSN too, so that no server in front reports "relayed" to the sender for us (RFC 3461 6).
_OFFERED = Capabilities({"8BITMIME": "", "SMTPUTF8": "", "DSN": ""})


class _Nothing(Session):
    """Takes everything."""

    @property
    def capabilities(self) -> Capabilities:
        """What copies may use."""
        return _OFFERED

    async def rcpt(self, path: EnvelopePath) -> Reply:  # noqa: ARG002 - whoever it was for, it is a copy
        """Any recipient."""
        return _TAKEN

    async def data(self, prefix: bytes, message: MessageBytes) -> Reply:  # noqa: ARG002 - thrown away
        """Any mail."""
        return _TAKEN

    def done(self) -> None:
        """There is nothing to give back."""


class Nowhere(NextHop):
    """No connection is ever opened."""

    def __init__(self, settings: NextHopSettings, hostname: str) -> None:
        super().__init__("nowhere:0", settings, hostname)

    @property
    def known(self) -> bool:
        """Its capabilities never change."""
        return True

    async def capabilities(self) -> Capabilities:
        """What copies may use."""
        return _OFFERED

    async def begin(self, sender: EnvelopePath) -> tuple[Session, Reply]:  # noqa: ARG002 - any sender
        """A session that takes everything."""
        return _Nothing(self, Connection()), _TAKEN
