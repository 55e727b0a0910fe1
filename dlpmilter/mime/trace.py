# SPDX-License-Identifier: Apache-2.0
"""Trace header fields (RFC 5321 4.4) and our own header names. Never names a recipient: Bcc stays secret."""

from __future__ import annotations

import re
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpmilter.model.transaction import Transaction

OWN_PREFIX = b"x-dlpmilter-"
TAG_FIELD = b"X-Dlpmilter-Tag"
_UNSAFE = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_OWN_FIELD = re.compile(rb"(?im)^x-dlpmilter-[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")
_RECEIVED = re.compile(rb"(?im)^received[ \t]*:")


def received_field(transaction: Transaction, hostname: str, instance: str, identity: str, comment: str = "") -> bytes:
    """One `Received:` field with CRLF. `instance` is how we know our own mail when it comes round.

    `comment` goes into the same field, so that a released mail gets exactly one header more.
    """
    client = transaction.client
    protocol = "UTF8SMTP" if transaction.sender.parameter("SMTPUTF8") is not None else "ESMTP"
    protocol += "S" if client.tls else ""
    who = _UNSAFE.sub("?", client.helo)[:255] or "unknown"
    where = _UNSAFE.sub("?", client.address)[:64]
    note = f"\r\n\t({comment})" if comment else ""
    return (
        f"Received: from {who} ([{where}])\r\n"
        f"\tby {hostname} (dlpmilter {instance}) with {protocol} id {identity}{note};\r\n"
        f"\t{format_datetime(transaction.received_at)}\r\n"
    ).encode("ascii", "replace")


def times_received(head: bytes) -> int:
    """How many Received fields a header block has (RFC 5321 6.3: the loop count)."""
    return len(_RECEIVED.findall(head))


def times_seen(head: bytes, instance: str) -> int:
    """How often this installation has handled the mail already."""
    return head.count(b"(dlpmilter " + instance.encode("ascii") + b")")


def own_fields(head: bytes) -> list[tuple[int, int]]:
    """Byte ranges of header fields that only we may write: whoever sent them, they are not ours."""
    if OWN_PREFIX not in head.lower():
        return []
    return [match.span() for match in _OWN_FIELD.finditer(head)]


def tag_field(rules: list[str]) -> bytes:
    """The field a tagged mail gets: the ids of the rules that asked for it."""
    return TAG_FIELD + b": " + ", ".join(rules).encode("ascii", "replace")[:900] + b"\r\n"
