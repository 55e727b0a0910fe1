# SPDX-License-Identifier: Apache-2.0
"""The trail: the exact format of entries, erasure of single fields, and what `verify` finds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Connection, text

from dlpmilter.audit import trail
from dlpmilter.audit.bundle import parse_head
from dlpmilter.audit.checking import Result
from dlpmilter.audit.fields import Layer, layer_of
from dlpmilter.audit.merkle import leaf_hash, root_of
from dlpmilter.audit.trail import Entry
from dlpmilter.audit.verify import verify
from dlpmilter.storage import trail_rows
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring

KEYS = Keyring("k", {"k": bytes(32)})
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def entry(number: int) -> Entry:
    """One of a row of entries with facts and personal fields."""
    return Entry(
        "decided", "hold", "policy-1", f"CASE-{number}",
        {"sender": f"p{number}@company.example", "kind": "forward", "recipient.0.address": f"x{number}@gmx.example"},
        AT,
    )  # fmt: skip


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A trail of ten entries."""
    database = Database(tmp_path / "a.db", keyring=KEYS)
    await database.start()
    for number in range(1, 11):
        await database.write(partial(trail.append, entry=entry(number)))
    yield database
    await database.close()


async def checked(database: Database, head: str | None = None) -> Result:
    """The result of a check."""
    return await database.read(lambda conn: verify(conn, expected_head=parse_head(head) if head else None))


def _h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_roots_are_those_of_rfc_6962() -> None:
    """The tree hash agrees with the published test vectors of RFC 6962 implementations."""
    inputs = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"`abcdefghijklmno",
    ]
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    leaf = leaf_hash(b"")
    assert leaf.hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of([leaf]) == leaf
    leaves = [leaf_hash(each) for each in inputs]
    node = lambda a, b: _h(b"\x01" + a + b)  # noqa: E731
    left = node(node(leaves[0], leaves[1]), node(leaves[2], leaves[3]))
    assert root_of(leaves[:3]) == node(node(leaves[0], leaves[1]), leaves[2])
    assert root_of(leaves[:5]) == node(left, leaves[4])
    assert root_of(leaves[:7]) == node(left, node(node(leaves[4], leaves[5]), leaves[6]))


@pytest.mark.asyncio
async def test_an_entry_can_be_recomputed_by_hand(database: Database) -> None:
    """Leaf, root, entry octets and chain follow the documented format and nothing else."""

    def look(conn: Connection) -> None:
        previous = conn.execute(text("SELECT chain FROM trail WHERE seq = 1")).scalar_one()
        row = conn.execute(text("SELECT * FROM trail WHERE seq = 2")).one()
        ((_, values),) = trail_rows.by_number(conn, [2])
        assert [value.name for value in values] == ["at", "case", "kind", "recipient.0.address", "sender"]
        leaves = [_h(b"\x00" + value.salt + f'["{value.name}",{value.value}]'.encode()) for value in values]
        assert row.leaves == b"".join(leaves)
        node = lambda a, b: _h(b"\x01" + a + b)  # noqa: E731
        root = node(node(node(leaves[0], leaves[1]), node(leaves[2], leaves[3])), leaves[4])
        written = json.dumps(
            {"v": 1, "seq": 2, "day": "2026-11-23", "event": "decided", "action": "hold", "policy_version": "policy-1", "fields_root": root.hex()},
            sort_keys=True, separators=(",", ":"),
        ).encode()  # fmt: skip
        assert row.chain == _h(previous + written)
        assert all(len(value.salt) == 32 for value in values)

    await database.read(look)


def test_only_listed_fields_with_their_layers() -> None:
    """A field outside the list is refused; numbered recipient fields share one place in it."""
    assert layer_of("recipient.17.address") is Layer.vault
    assert layer_of("recipient.17.class") is Layer.facts
    for wrong in ("body", "subject", "recipient.x.address", "recipient.0.subject"):
        with pytest.raises(ValueError, match="not a field"):
            layer_of(wrong)


@pytest.mark.asyncio
async def test_a_rolled_back_act_leaves_no_gap(database: Database) -> None:
    """An act that fails after its entry takes the entry and its number back."""

    def broken(conn: Connection) -> None:
        trail.append(conn, entry(99))
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(broken)
    assert await database.write(lambda conn: trail.append(conn, entry(11))) == 11
    assert (await checked(database)).ok


@pytest.mark.asyncio
async def test_one_field_can_be_erased_and_the_trail_still_verifies(database: Database) -> None:
    """After erasing one address its value and salt are gone, the rest stays, and the check passes."""

    def erase(conn: Connection) -> int:
        place = conn.execute(text("SELECT seq, position FROM trail_values WHERE seq = 4 AND name = 'sender'")).one()
        return trail.erase(conn, [(place.seq, place.position)], policy_version="p", scope="request", at=AT)

    assert await database.write(erase) == 1
    result = await checked(database)
    assert (result.ok, result.entries, result.erased) == (True, 11, 1)
    left = await database.read(lambda conn: trail.of_case(conn, "CASE-4"))
    assert "sender" not in left[0][1]
    assert left[0][1]["recipient.0.address"] == "x4@gmx.example"
    dump = await database.read(lambda conn: str(conn.execute(text("SELECT * FROM trail_values")).all()))
    assert "p4@company.example" not in dump


@pytest.mark.asyncio
async def test_a_whole_layer_can_be_erased(database: Database) -> None:
    """Erasing the personal layer of some entries leaves their facts and a trail that verifies."""
    await database.write(
        lambda conn: trail.erase_layer(conn, [1, 2, 3], Layer.vault, policy_version="p", scope="retention", at=AT)
    )
    result = await checked(database)
    assert result.ok
    assert result.erased == 9
    left = await database.read(lambda conn: trail.of_case(conn, "CASE-2"))
    assert left[0][1] == {"case": "CASE-2", "kind": "forward"}


EDITS = [
    ("UPDATE trail SET day = '2026-11-24' WHERE seq = {n}", "{n}"),
    ("UPDATE trail SET event = 'released' WHERE seq = {n}", "{n}"),
    ("UPDATE trail SET action = 'relay' WHERE seq = {n}", "{n}"),
    ("UPDATE trail SET policy_version = 'p2' WHERE seq = {n}", "{n}"),
    ("UPDATE trail SET fields_root = zeroblob(32) WHERE seq = {n}", "{n}"),
    ("UPDATE trail SET chain = zeroblob(32) WHERE seq = {n}", "{n}"),
    ("UPDATE trail SET leaves = zeroblob(160) WHERE seq = {n}", "{n}"),
    ("UPDATE trail SET leaves = substr(leaves, 1, 128) WHERE seq = {n}", "{n}"),
    ("UPDATE trail_values SET value = '\"other\"' WHERE seq = {n} AND name = 'sender'", "{n}"),
    ("UPDATE trail_values SET name = 'actor' WHERE seq = {n} AND name = 'sender'", "{n}"),
    ("UPDATE trail_values SET salt = zeroblob(32) WHERE seq = {n} AND position = 0", "{n}"),
    ("UPDATE trail_values SET layer = 'F' WHERE seq = {n} AND name = 'sender'", "{n}"),
    ("DELETE FROM trail_values WHERE seq = {n} AND name = 'sender'", "{n}"),
    ("DELETE FROM trail_values WHERE seq = {n}", "{n}"),
    ("INSERT INTO trail_values VALUES ({n}, 9, 'actor', 'L2', zeroblob(32), '\"x\"')", "{n}"),
    ("DELETE FROM trail WHERE seq = {n}", "{n}"),
]
MOVES = [
    ("UPDATE trail SET seq = 99 WHERE seq = {n}", "{n}"),
    (
        "INSERT INTO trail SELECT 11, day, event, action, policy_version, leaves, fields_root, chain FROM trail WHERE seq = {n}",
        "11",
    ),
    (
        "UPDATE meta SET value = '9 ' || (SELECT lower(hex(chain)) FROM trail WHERE seq = 9) WHERE name = 'trail-head'",
        "10",
    ),
    ("UPDATE meta SET value = '10 {zero}' WHERE name = 'trail-head'", "10"),
    ("DELETE FROM meta WHERE name = 'trail-head'", "1"),
]
VARIANTS = [(sql, at, number) for sql, at in EDITS for number in (1, 5, 10)] + [(sql, at, 5) for sql, at in MOVES]


@pytest.mark.asyncio
@pytest.mark.parametrize(("sql", "at", "number"), VARIANTS)
async def test_every_tampering_is_found_at_its_place(database: Database, sql: str, at: str, number: int) -> None:
    """Fifty-three edits, deletions, insertions and moves: each is reported with the first bad entry."""
    statement = sql.format(n=number, zero="00" * 32)

    def tamper(conn: Connection) -> None:
        conn.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        if "DELETE FROM trail " in statement or "SET seq" in statement:
            conn.execute(text(f"DELETE FROM trail_values WHERE seq = {number}"))
        conn.exec_driver_sql(statement)

    await database.write(tamper)
    result = await checked(database)
    assert not result.ok
    assert result.seq == int(at.format(n=number))
    assert str(result.seq) in result.problem


@pytest.mark.asyncio
async def test_swapped_entries_are_found(database: Database) -> None:
    """Two entries that changed places are reported at the first of them."""

    def swap(conn: Connection) -> None:
        columns = "day, event, action, policy_version, leaves, fields_root, chain"
        rows = {seq: conn.execute(text(f"SELECT {columns} FROM trail WHERE seq = {seq}")).one() for seq in (3, 4)}
        for seq, other in ((3, 4), (4, 3)):
            names = ", ".join(f"{name} = :{name}" for name in columns.split(", "))
            conn.execute(text(f"UPDATE trail SET {names} WHERE seq = {seq}"), rows[other]._asdict())

    await database.write(swap)
    assert (await checked(database)).seq == 3


@pytest.mark.asyncio
async def test_a_cut_tail_is_seen_only_against_a_head_kept_elsewhere(database: Database) -> None:
    """Cutting entries and head together passes alone, and the result says so; a noted head finds it."""
    noted = (await checked(database)).head

    def cut(conn: Connection) -> None:
        conn.execute(text("DELETE FROM trail_values WHERE seq > 7"))
        conn.execute(text("DELETE FROM trail WHERE seq > 7"))
        chain = conn.execute(text("SELECT chain FROM trail WHERE seq = 7")).scalar_one().hex()
        conn.execute(text("UPDATE meta SET value = :v WHERE name = 'trail-head'"), {"v": f"7 {chain}"})

    await database.write(cut)
    alone = await checked(database)
    assert alone.ok
    assert "cannot be seen" in alone.limits
    assert "Invented entries appended" in alone.limits
    against = await checked(database, noted)
    assert (against.ok, against.seq) == (False, 8)


@pytest.mark.asyncio
async def test_a_rewritten_trail_is_found_by_a_noted_head(database: Database) -> None:
    """A trail whose hashes were all computed anew does not carry the head noted before."""
    noted = (await checked(database)).head

    def rewrite(conn: Connection) -> None:
        for table in ("trail_values", "trail", "meta"):
            conn.execute(text(f"DELETE FROM {table}"))
        for number in range(1, 12):
            trail.append(conn, entry(number))

    await database.write(rewrite)
    assert (await checked(database)).ok
    assert (await checked(database, noted)).seq == 10


@pytest.mark.asyncio
async def test_an_empty_trail_is_fine(tmp_path: Path) -> None:
    """Nothing recorded yet is not an error."""
    database = Database(tmp_path / "b.db", keyring=KEYS)
    await database.start()
    result = await checked(database)
    assert (result.ok, result.entries) == (True, 0)
    await database.close()
