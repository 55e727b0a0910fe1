# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree hash of RFC 6962 section 2.1. Never stores anything."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_OCTETS = 32


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf, so that a leaf can never pass for a node."""
    return hashlib.sha256(b"\x00" + data).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in their order; of no leaves the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()
