# SPDX-License-Identifier: Apache-2.0
"""Sealed fields of the trail: unreadable without the key, in another place, or once their key is gone. Never a mock."""

from __future__ import annotations

import contextlib
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from dlpmilter.audit import forget, trail
from dlpmilter.audit.pseudonyms import begin_quarter, pseudonym
from dlpmilter.audit.retention import PROFILES, outcome_of, periods
from dlpmilter.audit.verify import verify
from dlpmilter.holds.turns import in_turns
from dlpmilter.storage import trail_rows, vault, vault_rows
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring
from dlpmilter.storage.trail_rows import NoVault
from tests.audit.trails import AT, KEYS, entry, fill, octets, opened


async def three(database: Database) -> None:
    """Three cases, one entry each."""
    await database.write(lambda conn: fill(conn, [entry(number) for number in (1, 2, 3)], []))


def found(conn: Connection) -> list[list[str]]:
    """The values of every entry as this connection reads them."""
    return [[value.value for value in values if value.layer == "L2"] for _, values in trail_rows.entries(conn)]


@pytest.mark.asyncio
async def test_personal_fields_are_readable_with_the_key_and_nowhere_else(tmp_path: Path) -> None:
    """No address in any file; without the key file nothing can be read or written, and the check counts them."""
    async with opened(tmp_path / "a.db") as database:
        await three(database)
        assert '"p2@company.example"' in (await database.read(found))[1]
        written = octets(tmp_path.glob("a.db*"))
        assert b"@company.example" not in written
        assert b"@gmx.example" not in written
    async with opened(tmp_path / "a.db", None) as database:
        assert {value for values in await database.read(found) for value in values} == {trail_rows.SEALED}
        result = await database.read(verify)
        assert (result.ok, result.sealed) == (True, 9)
        with pytest.raises(NoVault) as refused:
            await database.write(lambda conn: trail.append(conn, entry(4)))
        assert "without the key file" in refused.value.cause
    async with opened(tmp_path / "a.db", Keyring("x", {"x": b"x" * 32})) as database:
        result = await database.read(verify)
        assert (result.ok, result.seq, result.kind) == (False, 1, "edited")
        assert "the key 'k' is not in the key file" in result.problem


@pytest.mark.asyncio
async def test_an_older_key_still_opens_and_finds(tmp_path: Path) -> None:
    """After the key file changed, with the old key behind the new one, old entries are read and people are found."""
    async with opened(tmp_path / "a.db") as database:
        await three(database)
    newer = Keyring("n", {"n": b"n" * 32, **KEYS.keys})
    async with opened(tmp_path / "a.db", newer) as database:
        await database.write(lambda conn: trail.append(conn, entry(1)))
        assert (await database.read(verify)).ok
        subjects = vault.Vault(newer).subjects_ever("P1@Company.example")
        places = await database.read(lambda conn: vault_rows.named(conn, subjects))
        assert [seq for seq, _ in places] == [1, 4]


@pytest.mark.asyncio
async def test_what_is_forgotten_cannot_be_opened_again(tmp_path: Path) -> None:
    """Values, salts, index and key of the case are gone, the others stay, the trail verifies, nothing is done twice."""
    async with opened(tmp_path / "a.db") as database:
        await three(database)

        def forget_one(conn: Connection) -> int:
            return forget.forget_scopes(conn, ["CASE-2"], policy_version="p", why="retention case", at=AT)

        assert await database.write(forget_one) == 3
        assert await database.write(forget_one) == 0
        result = await database.read(verify)
        assert (result.ok, result.erased, result.entries) == (True, 3, 4)
        values = await database.read(found)
        assert [len(each) for each in values] == [3, 0, 3, 1]

        def left(conn: Connection) -> tuple[int, int]:
            keys = conn.scalar(text("SELECT count(*) FROM vault_keys WHERE scope = 'CASE-2'"))
            named = conn.scalar(text("SELECT count(*) FROM trail_subjects WHERE seq = 2"))
            return int(keys or 0), int(named or 0)

        assert await database.read(left) == (0, 0)


@pytest.mark.asyncio
async def test_what_an_older_version_wrote_openly_is_sealed(tmp_path: Path) -> None:
    """Plain values are sealed in steps, found by their people afterwards, and the leaves stay what they were."""
    async with opened(tmp_path / "a.db") as database:
        await three(database)

        def as_before(conn: Connection) -> None:
            for _, values in list(trail_rows.entries(conn)):
                for one in values:
                    conn.execute(
                        text(
                            "UPDATE trail_values SET salt = :salt, value = :value WHERE seq = :seq AND position = :at"
                        ),
                        {"salt": one.salt, "value": one.value, "seq": one.seq, "at": one.position},
                    )
            conn.execute(text("DELETE FROM vault_keys"))
            conn.execute(text("DELETE FROM trail_subjects"))
            trail_rows.note(conn, trail_rows.UNSEALED, "3")

        await database.write(as_before)
        assert (await database.read(verify)).ok
        done = 0
        while step := await database.write(lambda conn: trail_rows.seal_old(conn, 4)):
            done += step
        assert done == 9
        assert await database.read(lambda conn: trail_rows.noted(conn, trail_rows.UNSEALED)) is None
        assert (await database.read(verify)).ok
        subjects = vault.Vault(KEYS).subjects_ever("x3@gmx.example")
        assert await database.read(lambda conn: vault_rows.named(conn, subjects)) == [(3, 3)]
    for each in tmp_path.glob("a.db"):
        assert b"@gmx.example" not in each.read_bytes()


def test_how_a_case_ends_says_how_long_it_is_kept() -> None:
    """The shortest of profile and works agreement; what left is kept longer than what stayed."""
    assert outcome_of("decided", "reject") == outcome_of("withdrawn", "withhold") == vault.WITHHELD
    assert outcome_of("released", "relay") == vault.RELEASED
    assert outcome_of("decided", "hold") == vault.OPEN
    for name, profile in PROFILES.items():
        kept = periods(name, 10_000)
        assert kept.of(vault.WITHHELD).days == profile.withheld <= profile.released == kept.of(vault.OPEN).days
        assert periods(name, 5).released.days == 5
    assert periods("unheard-of", 10_000) == periods("de", 10_000)


@pytest.mark.asyncio
async def test_a_database_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    """Schema 0008 with entries in the clear: migrated at the start, sealed in steps, fine; an empty one has no note."""
    for count in (0, 3):
        path = tmp_path / f"{count}.db"
        async with opened(path) as database:
            await database.write(partial(fill, entries=[entry(n) for n in range(1, count + 1)], signed_at=[]))
            rows = await database.read(lambda conn: [one for _, values in trail_rows.entries(conn) for one in values])
        _as_of_0008(path, rows)
        async with opened(path) as database:
            noted = await database.read(lambda conn: trail_rows.noted(conn, trail_rows.UNSEALED))
            assert noted == ("3" if count else None)
            await in_turns(database, lambda conn: trail_rows.seal_old(conn, 4))
            result = await database.read(verify)
            assert (result.ok, result.entries, result.sealed) == (True, count, 0)
        assert b"@gmx.example" not in octets([path])


def _as_of_0008(path: Path, rows: list[trail_rows.ValueRow]) -> None:
    """Take the file back: no tables of 0009 and later, every value readable."""
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        for table in ("vault_keys", "trail_subjects", "trail_nodes", "checkpoints", "dossiers"):
            raw.execute(f"DROP TABLE {table}")
        raw.execute("UPDATE alembic_version SET version_num = '0008'")
        raw.executemany(
            "UPDATE trail_values SET salt = ?, value = ? WHERE seq = ? AND position = ?",
            [(one.salt, one.value, one.seq, one.position) for one in rows],
        )


@pytest.mark.asyncio
async def test_a_key_file_that_was_lost_and_made_anew_stops_no_entry(tmp_path: Path) -> None:
    """The same case, day and quarter go on under a key beside the old one; what the old one sealed is said unreadable."""
    lost, new = KEYS, Keyring("n", {"n": b"n" * 32})
    async with opened(tmp_path / "a.db", lost) as database:
        await database.write(lambda conn: fill(conn, [entry(1)], []))
        await database.write(lambda conn: begin_quarter(conn, AT))
    async with opened(tmp_path / "a.db", new) as database:
        for _ in range(2):
            await database.write(lambda conn: fill(conn, [entry(1)], []))
            await database.write(lambda conn: begin_quarter(conn, AT))
        readable = await database.read(found)
        assert [value.startswith("@") for value in readable[0]] == [True] * 3
        assert '"p1@company.example"' in readable[1]
        assert (await database.read(lambda conn: pseudonym(conn, "p1@company.example", AT))).startswith("P-")
        result = await database.read(verify)
        assert (result.ok, result.seq) == (False, 1)
        assert "the key 'k' is not in the key file" in result.problem
        await database.write(
            lambda conn: forget.forget_scopes(conn, ["CASE-1"], policy_version="p", why="retention case", at=AT)
        )
        assert [len(each) for each in await database.read(found)][:3] == [0, 0, 0]
        assert (await database.read(verify)).ok
