# SPDX-License-Identifier: Apache-2.0
"""SMTP paths (RFC 5321 section 4.1.2): parsed strictly, kept as the bytes that arrived.

Never rewrites an address: what was received between the angle brackets is what is relayed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LOCAL_OCTETS = 64  # RFC 5321 4.5.3.1.1
MAX_PATH_OCTETS = 254  # RFC 5321 4.5.3.1.3: 256 with the angle brackets

_ATEXT = rb"[A-Za-z0-9!#$&'*+/=?^_`{|}~\x80-\xff%-]"
_DOT_STRING = re.compile(rb"%s+(?:\.%s+)*" % (_ATEXT, _ATEXT))
_QUOTED = re.compile(rb'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\x20-\x7e])*"')
_DOMAIN = re.compile(
    rb"(?:[A-Za-z0-9_\x80-\xff](?:[A-Za-z0-9_\x80-\xff-]{0,61}[A-Za-z0-9_\x80-\xff])?)"
    rb"(?:\.[A-Za-z0-9_\x80-\xff](?:[A-Za-z0-9_\x80-\xff-]{0,61}[A-Za-z0-9_\x80-\xff])?)*\.?"
)
_LITERAL = re.compile(rb"\[(?:[0-9.]{7,15}|IPv6:[0-9A-Fa-f:.]{2,45})\]")


class AddressError(ValueError):
    """The path is not one we relay; `enhanced` is its RFC 3463 code, the text says why."""

    def __init__(self, text: str, enhanced: str) -> None:
        super().__init__(text)
        self.enhanced = enhanced


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One path. `raw` is exact; `local` and `domain` are for judging, in the spelling received."""

    raw: bytes
    local: str
    domain: str

    @property
    def null(self) -> bool:
        """Whether this is the null reverse-path `<>` (RFC 5321 4.5.5)."""
        return not self.raw

    @property
    def text(self) -> str:
        """The address as text; bytes outside UTF-8 become U+FFFD, so never relay this."""
        return self.raw.decode("utf-8", "replace")

    @property
    def key(self) -> str:
        """The spelling to compare by: the whole address in lower case, no trailing dot."""
        return f"{self.local}@{self.domain.rstrip('.')}".lower() if self.raw else ""

    @property
    def ascii(self) -> bool:
        """Whether the path needs no SMTPUTF8 (RFC 6531)."""
        return self.raw.isascii()


NULL_SENDER = Mailbox(b"", "", "")


def parse_mailbox(raw: bytes, *, allow_null: bool = False) -> Mailbox:
    """Parse the octets between `<` and `>` of a MAIL or RCPT command.

    Refuses source routes and percent or bang routing, which would hide the real destination
    from the judge (`anna%gmx.de@partner.example` reads as partner). `Postmaster` without a
    domain is accepted (RFC 5321 4.1.1.3). Raises AddressError.
    """
    if not raw:
        if allow_null:
            return NULL_SENDER
        raise AddressError("an empty address is allowed in MAIL FROM only", "5.1.3")
    if len(raw) > MAX_PATH_OCTETS:
        raise AddressError(f"the address is longer than {MAX_PATH_OCTETS} octets", "5.1.3")
    if raw.lower() == b"postmaster":
        return Mailbox(raw, raw.decode("ascii"), "")
    if raw.startswith(b"@"):
        raise AddressError("source routes are not accepted", "5.1.3")
    local, rest = _split_local(raw)
    if not rest.startswith(b"@") or len(rest) == 1:
        raise AddressError("the address needs a domain after one @", "5.1.3")
    domain = rest[1:]
    if not (_DOMAIN.fullmatch(domain) or _LITERAL.fullmatch(domain)):
        raise AddressError("the part after @ is not a domain", "5.1.2")
    if len(local) > MAX_LOCAL_OCTETS:
        raise AddressError(f"the part before @ is longer than {MAX_LOCAL_OCTETS} octets", "5.1.3")
    if b"%" in local or b"!" in local or b"@" in local:
        raise AddressError("percent, bang and nested routing are not accepted", "5.1.3")
    if not raw.isascii():
        _require_utf8(raw)
    return Mailbox(raw, local.decode("utf-8"), domain.decode("utf-8"))


def _split_local(raw: bytes) -> tuple[bytes, bytes]:
    pattern = _QUOTED if raw.startswith(b'"') else _DOT_STRING
    match = pattern.match(raw)
    if match is None:
        raise AddressError("the part before @ is not written as RFC 5321 asks", "5.1.3")
    return match.group(), raw[match.end() :]


def _require_utf8(raw: bytes) -> None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise AddressError("the address is neither ASCII nor UTF-8", "5.6.7") from None


def parse_address(text: str) -> Mailbox:
    """Parse an address given as text (a configuration key, a command-line flag, a directory row)."""
    return parse_mailbox(text.strip().strip("<>").encode("utf-8"))
