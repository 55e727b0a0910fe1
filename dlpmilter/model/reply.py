# SPDX-License-Identifier: Apache-2.0
"""An SMTP reply (RFC 5321 section 4.2) kept verbatim, so that it can be passed on; never reworded."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True, slots=True)
class Reply:
    """Code and the text of each line, without code, separator and CRLF."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def ok(self) -> bool:
        """2yz: done."""
        return 200 <= self.code < 300

    @property
    def temporary(self) -> bool:
        """4yz: may work later."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """5yz: will not work."""
        return self.code >= 500

    @property
    def wire(self) -> bytes:
        """The reply as it goes over the wire, CRLF included."""
        code = b"%d" % self.code
        *first, last = self.lines or (b"",)
        return b"".join(code + b"-" + line + b"\r\n" for line in first) + code + b" " + last + b"\r\n"

    @property
    def short(self) -> str:
        """Code and enhanced code alone: what may stand in a log, since the text may quote a mail."""
        first = self.lines[0].split(b" ", 1)[0] if self.lines else b""
        enhanced = first.decode("ascii", "replace") if _ENHANCED.fullmatch(first) else ""
        return f"{self.code} {enhanced}".strip()

    @property
    def text(self) -> str:
        """One line for the trail."""
        return b" ".join((b"%d" % self.code, *self.lines)).decode("utf-8", "replace")


def reply(code: int, *lines: str) -> Reply:
    """A reply of our own."""
    return Reply(code, tuple(line.encode("ascii", "replace") for line in lines))
