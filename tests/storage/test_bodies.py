# SPDX-License-Identifier: Apache-2.0
"""Sealed bodies: what comes back is what went in, and damage of any kind is seen."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Connection, text

from dlpmilter.config import ConfigError
from dlpmilter.spill import CHUNK, MessageBytes
from dlpmilter.storage.bodies import BodyError, BodyStore
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring, new_key_file


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[BodyStore]:
    """A body store on a real database."""
    new_key_file(tmp_path / "key")
    database = Database(tmp_path / "a.db")
    await database.start()
    yield BodyStore(database, Keyring.load(str(tmp_path / "key")), spool=tmp_path)
    await database.close()


async def keep(store: BodyStore, data: bytes) -> str:
    """Store one body for good."""
    stored = await store.put(MessageBytes.of(data))
    assert stored.sha256 == hashlib.sha256(data).digest()
    await store.database.write(lambda conn: store.keep(conn, stored))
    return stored.id


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK, 9 * CHUNK + 5])
async def test_octets_come_back_exactly(store: BodyStore, size: int) -> None:
    """Whatever the size around the chunk borders, the body is the same."""
    data = os.urandom(size)
    message = await store.get(await keep(store, data))
    assert message.read() == data
    message.close()


@pytest.mark.asyncio
async def test_nothing_of_a_body_stands_plain_on_the_disk(store: BodyStore, tmp_path: Path) -> None:
    """Neither database nor log holds the text of a held mail."""
    await keep(store, b"Sehr geheime Zeile " * 20_000)
    for each in tmp_path.glob("a.db*"):
        assert b"Sehr geheime Zeile" not in each.read_bytes()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM body_chunks WHERE position = 3",
        "DELETE FROM body_chunks WHERE position = 0",
        "UPDATE body_chunks SET position = CASE position WHEN 0 THEN 91 ELSE 90 END WHERE position < 2",
        "UPDATE body_chunks SET data = zeroblob(length(data)) WHERE position = 1",
        "UPDATE body_chunks SET data = (SELECT data FROM body_chunks c WHERE c.position = 1 LIMIT 1) WHERE position = 2",
        "UPDATE body_keys SET chunks = 3",
        "UPDATE body_keys SET octets = octets - 1",
        "UPDATE body_keys SET wrapped_key = zeroblob(40)",
        "UPDATE body_keys SET key_id = 'other'",
        "UPDATE body_chunks SET data = substr(data, 1, length(data) - 1) WHERE position = 3",
    ],
)
async def test_damage_is_seen(store: BodyStore, damage: str) -> None:
    """Cutting, swapping, moving or changing chunks, sizes or keys never gives another mail back."""
    body_id = await keep(store, os.urandom(3 * CHUNK + 100))
    await store.database.write(lambda conn: conn.execute(text(damage)))
    with pytest.raises(BodyError):
        await store.get(body_id)


def _run(statement: str, conn: Connection) -> None:
    conn.execute(text(statement))


@pytest.mark.asyncio
async def test_a_truncated_body_cannot_pass_for_a_shorter_one(store: BodyStore) -> None:
    """Cutting the last chunk together with the counts that tell of it is still seen."""
    body_id = await keep(store, os.urandom(2 * CHUNK + 1))
    for statement in (
        "DELETE FROM body_chunks WHERE position = 2",
        f"UPDATE body_keys SET chunks = 2, octets = {2 * CHUNK}",
    ):
        await store.database.write(partial(_run, statement))
    with pytest.raises(BodyError, match="changed, moved or cut"):
        await store.get(body_id)


@pytest.mark.asyncio
async def test_chunks_of_two_bodies_cannot_be_mixed(store: BodyStore) -> None:
    """A chunk of another body does not open, even at the same place."""
    one = await keep(store, os.urandom(2 * CHUNK))
    two = await keep(store, os.urandom(2 * CHUNK))
    swap = text(
        "UPDATE body_chunks SET data = (SELECT data FROM body_chunks c WHERE c.body_id = :two AND c.position = 0) "
        "WHERE body_id = :one AND position = 0"
    )
    await store.database.write(lambda conn: conn.execute(swap, {"one": one, "two": two}))
    with pytest.raises(BodyError):
        await store.get(one)


@pytest.mark.asyncio
async def test_orphans_go_after_a_day_and_kept_bodies_stay(store: BodyStore) -> None:
    """Chunks without a key are swept when they are old; a kept body and a young orphan stay."""
    kept = await keep(store, os.urandom(CHUNK + 1))
    await store.put(MessageBytes.of(os.urandom(CHUNK + 1)))
    now = datetime.now(UTC)
    assert await store.database.write(lambda conn: store.sweep_orphans(conn, now)) == 0
    assert await store.database.write(lambda conn: store.sweep_orphans(conn, now + timedelta(hours=25))) == 1
    left = await store.database.read(lambda conn: conn.scalar(text("SELECT count(*) FROM body_chunks")))
    assert left == 2
    (await store.get(kept)).close()


@pytest.mark.asyncio
async def test_purge_deletes_key_and_chunks(store: BodyStore) -> None:
    """After a purge there is nothing left to open."""
    body_id = await keep(store, b"x")
    assert await store.database.write(lambda conn: store.purge(conn, body_id)) is True
    with pytest.raises(BodyError, match="no such body"):
        await store.get(body_id)


@pytest.mark.asyncio
async def test_an_old_key_still_opens_and_a_lost_one_is_named(store: BodyStore, tmp_path: Path) -> None:
    """After a change of keys old bodies open through [[previous]]; without it the error names the key."""
    body_id = await keep(store, b"old")
    old = (tmp_path / "key").read_text()
    old_id = store.keyring.id
    (tmp_path / "key").unlink()
    new_key_file(tmp_path / "key")
    without = BodyStore(store.database, Keyring.load(str(tmp_path / "key")))
    with pytest.raises(BodyError, match=old_id):
        await without.get(body_id)
    lines = "\n".join(line for line in old.splitlines() if not line.startswith("#"))
    with (tmp_path / "key").open("a") as file:
        file.write(f"[[previous]]\n{lines}\n")
    rotated = BodyStore(store.database, Keyring.load(str(tmp_path / "key")))
    message = await rotated.get(body_id)
    assert message.read() == b"old"
    message.close()


def test_key_files_are_private_never_overwritten_and_want_a_backup(tmp_path: Path) -> None:
    """A new key has mode 0600, a second one never replaces it, and running asks for a confirmed backup."""
    path = tmp_path / "key"
    new_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        new_key_file(path)
    with pytest.raises(ConfigError, match="backup"):
        Keyring.load(str(path), require_backup=True)
    path.write_text('backup_confirmed = "2026-11-01"\n' + path.read_text())
    assert Keyring.load(str(path), require_backup=True).backup_confirmed is not None
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="0640"):
        Keyring.load(str(path))


def test_keys_come_from_environment_and_credentials_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same key from a file, the environment and a systemd credential derives the same secrets."""
    new_key_file(tmp_path / "key")
    text_ = (tmp_path / "key").read_text()
    monkeypatch.setenv("DLP_KEY", text_)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    rings = [Keyring.load(name) for name in (str(tmp_path / "key"), "env:DLP_KEY", "credential:key")]
    assert len({ring.derive("a") for ring in rings}) == 1
    assert rings[0].derive("a") != rings[0].derive("b")
    for missing in ("env:NOT_THERE", "credential:nothing", str(tmp_path / "none")):
        with pytest.raises(ConfigError):
            Keyring.load(missing)


def test_every_problem_of_a_key_file_is_named(tmp_path: Path) -> None:
    """A wrong key, an unknown name and a wrong day are reported together, and no key is printed."""
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text('key = "c2hvcnQ="\nkye = 1\nbackup_confirmed = "soon"\n')
    with pytest.raises(ConfigError) as failure:
        Keyring.load(str(path))
    assert {problem.key for problem in failure.value.problems} == {"key", "kye", "backup_confirmed"}
    assert "c2hvcnQ" not in str(failure.value)
