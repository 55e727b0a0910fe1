# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree of RFC 6962 section 2.1: roots, growth, inclusion. Never stores anything.

Part of the single-file verifier (single_file.py): imports nothing of the product.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_OCTETS = 32


def sha256(data: bytes) -> bytes:
    """The hash of everything here."""
    return hashlib.sha256(data).digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf, so that a leaf can never pass for a node."""
    return sha256(b"\x00" + data)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in their order; of no leaves the hash of nothing."""
    if not leaves:
        return sha256(b"")
    level = list(leaves)
    while len(level) > 1:
        pairs = [sha256(b"\x01" + level[at] + level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = [*pairs, level[-1]] if len(level) % 2 else pairs
    return level[0]


def root_of_joined(leaves: bytes) -> bytes:
    """The same over leaf hashes that stand one behind the other."""
    level = leaves or sha256(b"")
    while len(level) > HASH_OCTETS:
        whole = len(level) - len(level) % (2 * HASH_OCTETS)
        pairs = [
            hashlib.sha256(b"\x01" + level[at : at + 2 * HASH_OCTETS]).digest()
            for at in range(0, whole, 2 * HASH_OCTETS)
        ]
        level = b"".join(pairs) + level[whole:]
    return level


class Peaks:
    """A tree that grows: the roots of its complete subtrees, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """One more leaf hash."""
        self.size += 1
        node, left = leaf, self.size
        while left % 2 == 0:
            node = sha256(b"\x01" + self._peaks.pop() + node)
            left //= 2
        self._peaks.append(node)

    def root(self) -> bytes:
        """The root now."""
        if not self._peaks:
            return sha256(b"")
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = sha256(b"\x01" + peak + node)
        return node


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2), None when it cannot be one."""
    if not 0 <= index < size:
        return None
    at, last, node = index, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if at % 2 or at == last:
            node = sha256(b"\x01" + step + node)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\x01" + node + step)
        at, last = at >> 1, last >> 1
    return node if last == 0 else None
