# SPDX-License-Identifier: Apache-2.0
"""The tree over the entries in the database: roots and inclusion proofs. Never changes an entry.

For each 256 entries one hash is stored, for each 256 of those another one, and so on: a root or a proof of
a million entries reads some hundred rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.audit.merkle import leaf_hash, root_of, sha256
from dlpmilter.audit.record import entry_bytes
from dlpmilter.storage import checkpoint_rows, trail_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BITS = 8
_BATCH = 8
"""Stored hashes made in one transaction: 2,048 entries, some ten milliseconds in which the hop waits."""


def integrate(conn: Connection) -> int:
    """Store hashes over entries that have none yet, some of them; returns how many hashes, 0 when none were due."""
    done, level, size = 0, 1, trail_rows.last(conn)
    while complete := size >> _BITS * level:
        have = checkpoint_rows.node_count(conn, level)
        count = min(complete - have, _BATCH)
        if count <= 0:
            break
        below = _hashes(conn, level - 1, have << _BITS, count << _BITS)
        count = len(below) >> _BITS  # the level below may not be there yet
        made = [root_of(below[at << _BITS : (at + 1) << _BITS]) for at in range(count)]
        checkpoint_rows.add_nodes(conn, level, have, made)
        done += count
        level += 1
    return done


def waiting(conn: Connection) -> bool:
    """Whether `integrate` has something to do."""
    return trail_rows.last(conn) >> _BITS > checkpoint_rows.node_count(conn, 1)


def _hashes(conn: Connection, level: int, first: int, count: int) -> list[bytes]:
    if level:
        return checkpoint_rows.nodes(conn, level, first, count)
    return [leaf_hash(entry_bytes(*each)) for each in checkpoint_rows.skeletons(conn, first + 1, count)]


def _subtree(conn: Connection, height: int, number: int) -> bytes:
    """The hash over entries number * 2^height and the 2^height - 1 after it, all of which exist."""
    level = height // _BITS
    while level and checkpoint_rows.node_count(conn, level) << _BITS * level < (number + 1) << height:
        level -= 1  # not stored yet: from what lies below
    span = height - _BITS * level
    found = _hashes(conn, level, number << span, 1 << span)
    if len(found) != 1 << span:
        raise ValueError("the tree has a gap: run `dlpmilter audit verify`")
    return root_of(found)


def root(conn: Connection, size: int) -> bytes:
    """The root over the first `size` entries."""
    return _range(conn, 0, size) if size else sha256(b"")


def _range(conn: Connection, start: int, end: int) -> bytes:
    """The hash over entries start to end - 1, where start is a multiple of the power of two below their number."""
    count = end - start
    split = 1 << (count - 1).bit_length() - 1 if count > 1 else 1
    if count == split or count == split * 2:
        height = count.bit_length() - 1
        return _subtree(conn, height, start >> height)
    return sha256(b"\x01" + _range(conn, start, start + split) + _range(conn, start + split, end))


def inclusion(conn: Connection, index: int, size: int) -> list[bytes]:
    """The inclusion proof of an entry (counted from 0) in the tree of `size` entries (RFC 6962 section 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"entry {index + 1} is not among the first {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if index < split:
            path.append(_range(conn, split, end))
            end = split
        else:
            path.append(_range(conn, start, split))
            start = split
    return path[::-1]
