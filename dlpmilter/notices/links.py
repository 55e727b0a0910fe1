# SPDX-License-Identifier: Apache-2.0
"""The signed link in a notice: which case, for whom, until when. Never says who, never acts, needs no store.

The token names case and end; person and mailbox are inside the signature only, so neither a log nor a browser's
history learns them. What may be done with it stands in portal/links.py: explain and take back, nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

PURPOSE = "portal-link"
"""What the key is derived for (Keyring.derive)."""
_SIGNATURE_OCTETS = 18
_TOKEN = re.compile(r"([A-Z0-9-]{1,64})\.([0-9a-z]{1,9})\.([A-Za-z0-9_-]{24})")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Link(NamedTuple):
    """What a token says before anybody has checked it."""

    case_id: str
    ends: datetime
    signature: bytes


def sign(key: bytes, case_id: str, address: str, ends: datetime) -> str:
    """The token for one person and one case; `ends` is rounded up to the minute."""
    minutes = -(-int(ends.timestamp()) // 60)
    signature = _signature(key, case_id, address, minutes)
    return f"{case_id}.{_base36(minutes)}.{base64.urlsafe_b64encode(signature).decode()}"


def read(token: str) -> Link | None:
    """The parts of a token; None when it is none of ours or was damaged on the way."""
    match = _TOKEN.fullmatch(token.strip().rstrip(".,;:)>]"))
    if match is None:
        return None
    try:
        signature = base64.urlsafe_b64decode(match[3])
        return Link(match[1], datetime.fromtimestamp(int(match[2], 36) * 60, UTC), signature)
    except (binascii.Error, ValueError, OverflowError, OSError):
        return None


def genuine(link: Link, keys: Sequence[bytes], address: str) -> bool:
    """Whether one of our keys, older ones too, signed it for this address."""
    minutes = int(link.ends.timestamp()) // 60
    return any(hmac.compare_digest(_signature(key, link.case_id, address, minutes), link.signature) for key in keys)


def _signature(key: bytes, case_id: str, address: str, minutes: int) -> bytes:
    said = "\0".join((case_id, address.casefold(), str(minutes))).encode("utf-8", "surrogatepass")
    return hmac.new(key, said, hashlib.sha256).digest()[:_SIGNATURE_OCTETS]


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
