# SPDX-License-Identifier: Apache-2.0
"""Addresses and display names out of header fields, tolerantly; RFC 5322 groups and comments included.

Headers are evidence only: an address found here never becomes a recipient.
"""

from __future__ import annotations

import re

from dlpmilter.mime.quoted import addresses
from dlpmilter.mime.text import decode_words

MAX_FIELD = 32 * 1024
MAX_ENTRIES = 200

_PRVS = re.compile(r"(?:prvs|btv1)=[^=]{1,20}=+", re.IGNORECASE)
_ENTRY = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"|([^"<>,;]*+))\s*<([^<>]*+)>|([^\s<>,;"]++@[^\s<>,;"]++)')


def addresses_of(value: bytes | None) -> tuple[str, ...]:
    """Every address in a header value, lower case."""
    return addresses(decode_words(value)) if value else ()


def address_of(value: bytes | None) -> str:
    """The first address in a header value, lower case, or ""; an address in a display name does not count."""
    if not value:
        return ""
    text = _without_quotes(value[:MAX_FIELD])
    opening = text.find(b"<")
    found = addresses_of(text[opening + 1 :].split(b">", 1)[0]) if opening >= 0 else ()
    return (found or addresses_of(text) or ("",))[0]


def _without_quotes(value: bytes) -> bytes:
    return re.sub(rb'"(?:[^"\\]|\\.)*+"', b"", value) if b'"' in value else value


def names_of(value: bytes | None) -> tuple[str, ...]:
    """Display names of a From field, decoded, comments as a last resort (`a@b (Anna Berger)`)."""
    if not value:
        return ()
    text = decode_words(value[:MAX_FIELD])
    found: dict[str, None] = {}
    for match in _ENTRY.finditer(text):
        name = (match[1] or match[2] or "").replace("\\", "").strip().strip("'\"").strip()
        if not name and match[4]:
            comment = text[match.end() : match.end() + 100].lstrip()
            name = comment[1 : comment.find(")")].strip() if comment.startswith("(") and ")" in comment else ""
        if name:
            found.setdefault(name[:200])
        if len(found) == MAX_ENTRIES:
            break
    return tuple(found)


def domain_of(address: str) -> str:
    """What follows the last @, lower case."""
    return address.rpartition("@")[2].lower()


def local_of(address: str) -> str:
    """What stands before the last @, lower case."""
    return address.rpartition("@")[0].lower()


def plain_sender(address: str) -> str:
    """An envelope sender without what forwarders and bounce taggers add: Gmail caf, BATV (prvs), SRS0.

    For SRS the address is that of the author outside, so the caller must know what he asks for.
    """
    local, _, domain = address.rpartition("@")
    local = _PRVS.sub("", local, count=1)
    if "+caf_=" in local:
        local = local.partition("+caf_=")[0]
    return f"{local}@{domain}" if domain else address


def is_srs(address: str) -> bool:
    """Whether a forwarder rewrote this sender: SRS0 and SRS1, or the form Exchange Online writes."""
    return local_of(address).startswith(_SRS)


_SRS = ("srs0=", "srs0+", "srs0-", "srs1=", "srs1+", "srs1-", "bounces+srs=")
