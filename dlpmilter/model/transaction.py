# SPDX-License-Identifier: Apache-2.0
"""One SMTP transaction (RFC 5321 section 3.3): client, envelope, header block. Never the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from dlpmilter.model.address import Mailbox

Parameters = tuple[tuple[str, bytes], ...]
"""ESMTP parameters as (KEYWORD, value): keyword upper case, value exact (RFC 3461 is case-exact)."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who handed us the mail: the peer, or what a listed peer said by XFORWARD."""

    address: str
    helo: str = ""
    name: str = ""
    login: str = ""
    tls: bool = False
    peer: str = ""
    """The address of the real peer; differs from `address` only after XFORWARD."""


@dataclass(frozen=True, slots=True)
class EnvelopePath:
    """A mailbox of the envelope with the ESMTP parameters that came with it."""

    mailbox: Mailbox
    parameters: Parameters = ()

    def parameter(self, keyword: str) -> bytes | None:
        """The exact value of one parameter, b"" when it has none, None when it was not given."""
        return next((value for name, value in self.parameters if name == keyword), None)


@dataclass(frozen=True, slots=True)
class Transaction:
    """Envelope and header block of one mail, as the engine may see them."""

    id: str
    client: Client
    sender: EnvelopePath
    recipients: tuple[EnvelopePath, ...]
    head: bytes
    """The header block up to and including the empty line; cut at the header limit."""
    size: int
    """Octets of the whole message after dot-unstuffing."""
    received_at: datetime
    """Aware, UTC: when the final dot arrived."""
