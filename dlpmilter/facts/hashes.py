# SPDX-License-Identifier: Apache-2.0
"""Addresses as keyed hashes, so that a stolen list names nobody. Never gives an address back.

BLAKE2b with a key (RFC 7693), 16 octets, of the canonical form (engine/canonical.py).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpmilter.storage.keys import Keyring

OCTETS = 16
PURPOSE = "addresses"
_TEXT = re.compile(r"h:([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Hashes:
    """Hashes under the current key, and under older ones to find what they once wrote."""

    keys: tuple[bytes, ...] = (b"",)
    """The current key first; one empty key: not keyed, for what never leaves memory."""

    @classmethod
    def of_keyring(cls, keyring: Keyring) -> Hashes:
        """Under every key of the key file."""
        return cls(keyring.derive_all(PURPOSE))

    def of(self, canonical: str) -> bytes:
        """The hash to write."""
        return _hash(self.keys[0], canonical)

    def each(self, canonical: str) -> tuple[bytes, ...]:
        """Every hash this address may have been written with, the current one first."""
        return tuple(_hash(key, canonical) for key in self.keys)


def _hash(key: bytes, canonical: str) -> bytes:
    return hashlib.blake2b(canonical.encode("utf-8", "surrogatepass"), digest_size=OCTETS, key=key).digest()


def written(digest: bytes) -> str:
    """The hash as it stands in a file: `h:` and 32 hex digits."""
    return f"h:{digest.hex()}"


def read(text: str) -> bytes | None:
    """The hash of `h:...`; None when it is none."""
    match = _TEXT.fullmatch(text.strip().lower())
    return bytes.fromhex(match[1]) if match else None
