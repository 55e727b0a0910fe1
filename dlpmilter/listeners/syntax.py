# SPDX-License-Identifier: Apache-2.0
"""MAIL, RCPT and XFORWARD arguments as bytes (RFC 5321 4.1.2, RFC 3461, Postfix XFORWARD_README).

Never changes the case of a value, never answers a harmless parameter with an error.
"""

from __future__ import annotations

import re

from dlpmilter.model.address import AddressError, parse_mailbox
from dlpmilter.model.errors import PermanentFailure
from dlpmilter.model.transaction import EnvelopePath, Parameters

_PARAMETER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e\x80-\xff]*))?")
# The end of the path: the first ">" outside quotes.
_PATH = re.compile(rb'<((?:"(?:[^"\\]|\\.)*"|[^">])*)>')
_XTEXT = re.compile(rb"\+([0-9A-Fa-f]{2})")
# We do not offer these, and leaving them out would break a promise made to the sender.
_BINDING = frozenset({"REQUIRETLS", "HOLDFOR", "HOLDUNTIL", "BY"})

XFORWARD_NAMES = frozenset({"NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE", "LOGIN"})


def parse_path_argument(argument: bytes, keyword: bytes, *, allow_null: bool) -> EnvelopePath:
    """Parse `FROM:<path> parameters` or `TO:<path> parameters`. Raises PermanentFailure."""
    if argument[: len(keyword)].upper() != keyword:
        raise PermanentFailure(f"Syntax: {keyword.decode()}<address>", code=501, enhanced="5.5.4")
    rest = argument[len(keyword) :].lstrip(b" ")  # a blank after the colon is wrong and common
    match = _PATH.match(rest)
    if match is None:
        raise PermanentFailure("the address must stand in angle brackets", code=501, enhanced="5.1.3")
    tail = rest[match.end() :]
    if tail and not tail.startswith(b" "):
        raise PermanentFailure("unexpected text after the address", code=501, enhanced="5.5.4")
    try:
        mailbox = parse_mailbox(match[1], allow_null=allow_null)
    except AddressError as error:
        raise PermanentFailure(str(error), code=553, enhanced=error.enhanced) from None
    return EnvelopePath(mailbox, _parse_parameters(tail))


def _parse_parameters(text: bytes) -> Parameters:
    parameters: list[tuple[str, bytes]] = []
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise PermanentFailure("a parameter is not written as keyword=value", code=501, enhanced="5.5.4")
        keyword = match[1].decode("ascii").upper()
        if keyword in _BINDING or (keyword == "BODY" and (match[2] or b"").upper() == b"BINARYMIME"):
            raise PermanentFailure(f"{keyword} is not offered here", code=555, enhanced="5.5.4")
        parameters.append((keyword, match[2] or b""))
    return tuple(parameters)


def declared_size(path: EnvelopePath) -> int:
    """The SIZE parameter in octets, 0 when absent or no number (RFC 1870)."""
    value = path.parameter("SIZE") or b"0"
    return int(value) if value.isdigit() and len(value) <= 20 else 0  # RFC 1870 section 3


def parse_xforward(argument: bytes) -> dict[str, str]:
    """`NAME=value ...`; unavailable values are left out. Raises PermanentFailure."""
    values: dict[str, str] = {}
    for word in argument.split():
        name, equals, value = word.partition(b"=")
        keyword = name.decode("ascii", "replace").upper()
        if not equals or keyword not in XFORWARD_NAMES:
            raise PermanentFailure("unknown XFORWARD attribute", code=501, enhanced="5.5.4")
        text = _XTEXT.sub(lambda match: bytes([int(match[1], 16)]), value).decode("utf-8", "replace")
        if not text.isprintable() or len(text) > 255:  # Postfix's own limit
            raise PermanentFailure("an XFORWARD value is not printable", code=501, enhanced="5.5.4")
        if text.upper() not in ("[UNAVAILABLE]", "[TEMPUNAVAIL]"):
            values[keyword] = text.removeprefix("IPV6:").removeprefix("IPv6:") if keyword == "ADDR" else text
    return values
