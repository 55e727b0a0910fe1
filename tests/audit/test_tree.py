# SPDX-License-Identifier: Apache-2.0
"""The tree over the entries: roots, growth and inclusion agree with RFC 6962 at every size. Never signs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from dlpmilter.audit import tree
from dlpmilter.audit.merkle import Peaks, included, leaf_hash, root_of, sha256
from dlpmilter.audit.record import entry_bytes
from dlpmilter.storage import checkpoint_rows
from dlpmilter.storage.tables import trail
from tests.audit.trails import opened

SIZE = 1100


def recursive(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962 section 2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + recursive(leaves[:split]) + recursive(leaves[split:]))


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70))
def test_roots_and_growth_are_those_of_the_definition(data: list[bytes]) -> None:
    """Level by level, one leaf after the other, or by the definition: the root is the same."""
    leaves = [leaf_hash(each) for each in data]
    peaks = Peaks()
    for leaf in leaves:
        peaks.add(leaf)
    assert root_of(leaves) == peaks.root() == recursive(leaves)


def _fill(conn: Connection, first: int = 1, last: int = SIZE) -> None:
    rows = [
        {"seq": seq, "day": "2026-11-23", "event": "decided", "action": "hold", "policy_version": "p",
         "leaves": b"", "fields_root": sha256(str(seq).encode()), "chain": b"c"}
        for seq in range(first, last + 1)
    ]  # fmt: skip
    conn.execute(trail.insert(), rows)


def _leaves(count: int = SIZE) -> list[bytes]:
    return [
        leaf_hash(entry_bytes(seq, "2026-11-23", "decided", "hold", "p", sha256(str(seq).encode())))
        for seq in range(1, count + 1)
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize("stored", [True, False], ids=["with stored hashes", "before they are stored"])
async def test_roots_and_proofs_come_from_few_rows(tmp_path: Path, stored: bool) -> None:
    """At sizes around every power of two: the root is right, and each proof leads to it and to no other."""
    leaves = _leaves()
    sizes = sorted({1, 2, 3, 255, 256, 257, 511, 512, 513, 700, 767, 768, 769, 1023, 1024, 1025, SIZE})
    async with opened(tmp_path / "a.db") as database:
        await database.write(_fill)
        if stored:
            assert await database.write(tree.integrate) == SIZE // 256
            assert await database.write(tree.integrate) == 0

        def look(conn: Connection) -> None:
            assert checkpoint_rows.node_count(conn, 1) == (SIZE // 256 if stored else 0)
            for size in sizes:
                root = tree.root(conn, size)
                assert root == root_of(leaves[:size]), size
                for index in {0, size // 3, size // 2, size - 1}:
                    path = tree.inclusion(conn, index, size)
                    assert included(leaves[index], index, size, path) == root, (index, size)
                    assert included(leaves[(index + 1) % SIZE], index, size, path) != root
                    assert included(leaves[index], index, size, path[:-1]) != root or size == 1
                    assert included(leaves[index], index, size, [*path, root]) is None

        await database.read(look)


@pytest.mark.asyncio
async def test_an_entry_that_is_not_there_has_no_proof(tmp_path: Path) -> None:
    """Beyond the end there is a sentence, not a wrong path."""
    async with opened(tmp_path / "a.db") as database:
        await database.write(_fill)
        with pytest.raises(ValueError, match="entry 1101 is not among the first 1100"):
            await database.read(lambda conn: tree.inclusion(conn, SIZE, SIZE))


@pytest.mark.asyncio
async def test_the_tree_grows_in_steps_of_any_size_and_on_every_level(tmp_path: Path) -> None:
    """Entry counts on both sides of 256, 512 and 65,536: stored hashes are made once each, and roots stay right."""
    steps = [1, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 65_537, 66_000, 131_072, 131_100]
    leaves = _leaves(steps[-1])
    async with opened(tmp_path / "a.db") as database:
        before = 0
        for size in steps:
            await database.write(lambda conn, a=before + 1, b=size: _fill(conn, a, b))  # type: ignore[misc]
            while await database.write(tree.integrate):
                pass
            counts = [
                await database.read(lambda conn, level=level: checkpoint_rows.node_count(conn, level))  # type: ignore[misc]
                for level in (1, 2, 3)
            ]
            assert counts == [size >> 8, size >> 16, 0]
            assert await database.read(lambda conn, size=size: tree.root(conn, size)) == root_of(leaves[:size])  # type: ignore[misc]
            before = size
