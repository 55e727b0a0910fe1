# SPDX-License-Identifier: Apache-2.0
"""A DKIM signature for a mail of our own (RFC 6376, RFC 8463). Never signs what others wrote, never reads a file.

From, Subject and Date are signed once more than they occur, so that nobody can add a second one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import dkim


@dataclass(frozen=True, slots=True)
class Signer:
    """A domain's key under one selector."""

    domain: str
    selector: str
    algorithm: Literal["rsa-sha256", "ed25519-sha256"]
    key: bytes = field(repr=False)
    """What the library takes: PEM for RSA, the seed in base64 for Ed25519."""

    def signed(self, message: bytes) -> bytes:
        """The message with its signature in front, CRLF kept. For our own mails only: their form is known."""
        work = dkim.DKIM(message, signature_algorithm=self.algorithm.encode())
        line = work.sign(
            self.selector.encode(), self.domain.encode(), self.key, canonicalize=(b"relaxed", b"relaxed")
        )  # fmt: skip
        return bytes(line) + message
