# SPDX-License-Identifier: Apache-2.0
"""Two failures: ours (temporary, 4xx, upstream keeps the mail) and a decision (permanent, 5xx).

The public text never holds internals: no path, no exception, no configuration value.
"""

from __future__ import annotations


class Failure(Exception):
    """An SMTP reply that ends a command: code, RFC 3463 enhanced code, text for the peer."""

    def __init__(self, code: int, enhanced: str, text: str) -> None:
        super().__init__(f"{code} {enhanced} {text}")
        self.code = code
        self.enhanced = enhanced
        self.text = text

    @property
    def reply(self) -> bytes:
        """The reply line without CRLF."""
        return f"{self.code} {self.enhanced} {self.text}".encode("ascii", "replace")


class TemporaryFailure(Failure):
    """Try again later: nothing was taken over. Anything unforeseen is one of these."""

    def __init__(self, text: str = "try again later", *, code: int = 451, enhanced: str = "4.3.0") -> None:
        super().__init__(code, enhanced, text)


class PermanentFailure(Failure):
    """A decision or a protocol violation; never our own trouble."""

    def __init__(self, text: str, *, code: int = 550, enhanced: str = "5.7.1") -> None:
        super().__init__(code, enhanced, text)
