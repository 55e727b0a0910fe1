# SPDX-License-Identifier: Apache-2.0
"""The database: group commit, savepoints, turns of processes, trouble with disk and file."""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import os
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from dlpmilter.config import ConfigError
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.storage import (
    dossier_rows,  # noqa: F401 - its table belongs to the one schema
    engines,
    knowledge_tables,  # noqa: F401 - its tables belong to the one schema
    portal_tables,  # noqa: F401 - as above
    trail_tables,  # noqa: F401 - as above
)
from dlpmilter.storage.database import Database, DurabilityLost, StorageFailure
from dlpmilter.storage.errors import storage_failure
from dlpmilter.storage.migrate import HEAD
from dlpmilter.storage.tables import metadata

ADD = text("INSERT INTO meta (name, value) VALUES (:name, 'x')")


def add(name: str) -> Callable[[Connection], str]:
    """An act that inserts one row."""

    def act(conn: Connection) -> str:
        conn.execute(ADD, {"name": name})
        return name

    return act


async def names(database: Database) -> list[str]:
    """What the table holds."""
    return list(await database.read(lambda conn: conn.scalars(text("SELECT name FROM meta ORDER BY name")).all()))


@pytest.mark.asyncio
async def test_waiting_acts_share_a_commit(tmp_path: Path) -> None:
    """Two hundred acts at once need far fewer commits, and each gets its own value."""
    database = Database(tmp_path / "a.db")
    await database.start()
    before = database.commits
    results = await asyncio.gather(*(database.write(add(f"n{number:03}")) for number in range(200)))
    assert results == [f"n{number:03}" for number in range(200)]
    assert database.commits - before < 50
    assert len(await names(database)) == 200
    await database.close()


@pytest.mark.asyncio
async def test_a_failing_act_does_not_spoil_its_neighbours(tmp_path: Path) -> None:
    """The act that raises is undone and hears its own error; the others stand."""
    database = Database(tmp_path / "a.db")
    await database.start()

    def broken(conn: Connection) -> None:
        conn.execute(ADD, {"name": "half"})
        raise LookupError("mine")

    results = await asyncio.gather(
        database.write(add("one")),
        database.write(broken),
        database.write(add("two")),
        database.write(add("one")),
        return_exceptions=True,
    )
    assert isinstance(results[1], LookupError)
    assert not isinstance(results[3], TemporaryFailure)
    assert await names(database) == ["one", "two"]
    await database.close()


@pytest.mark.asyncio
async def test_files_are_private_and_durable_pragmas_hold(tmp_path: Path) -> None:
    """Every file has mode 0600 and the connection runs with WAL, FULL, secure_delete and foreign keys."""
    database = Database(tmp_path / "a.db")
    await database.start()

    def look(conn: Connection) -> list[object]:
        wanted = ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        return [conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted]

    assert await database.write(look) == ["wal", 2, 1, 1]
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    await database.close()


@pytest.mark.asyncio
async def test_the_migrations_give_the_schema_of_the_tables(tmp_path: Path) -> None:
    """A migrated file and storage/tables.py do not differ, and HEAD is the newest migration."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    database = Database(tmp_path / "a.db")
    await database.start()

    def differences(conn: Connection) -> list[object]:
        context = MigrationContext.configure(conn, opts={"compare_type": False})
        return list(compare_metadata(context, metadata))

    assert await database.read(differences) == []
    scripts = ScriptDirectory(str(Path(engines.__file__).with_name("migrations")))
    assert scripts.get_heads() == [HEAD]
    await database.close()


@pytest.mark.asyncio
async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An older program does not write into the database of a newer one."""
    database = Database(tmp_path / "a.db")
    await database.start()
    await database.write(lambda conn: conn.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    await database.close()
    with pytest.raises(StorageFailure) as failure:
        await Database(tmp_path / "a.db").start()
    assert "9999" in failure.value.cause


@pytest.mark.asyncio
async def test_a_missing_directory_is_temporary_and_heals(tmp_path: Path) -> None:
    """Without its directory the start fails for now; with it, it works."""
    database = Database(tmp_path / "gone" / "a.db")
    with pytest.raises(TemporaryFailure):
        await database.start()
    (tmp_path / "gone").mkdir()
    database = Database(tmp_path / "gone" / "a.db")
    await database.start()
    await database.close()


@pytest.mark.asyncio
async def test_a_vanished_file_is_never_silently_made_anew(tmp_path: Path) -> None:
    """When somebody removes the file under us, writes fail until it is back; then they work by themselves."""
    path = tmp_path / "a.db"
    database = Database(path)
    await database.start()
    await database.write(add("one"))
    aside = tmp_path / "aside"
    aside.mkdir()
    for each in tmp_path.glob("a.db*"):
        if not each.name.endswith(".lock"):
            each.rename(aside / each.name)
    with pytest.raises(TemporaryFailure):
        await database.write(add("lost"))
    assert not path.exists()
    for each in aside.iterdir():
        each.rename(tmp_path / each.name)
    await database.write(add("two"))
    assert await names(database) == ["one", "two"]
    await database.close()


@pytest.mark.asyncio
async def test_a_stuck_neighbour_makes_writes_temporary_and_undone(tmp_path: Path) -> None:
    """While another process keeps its turn, a write gives up in time and never happens later."""
    database = Database(tmp_path / "a.db", write_seconds=0.3)
    await database.start()
    with (tmp_path / "a.db.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        first = asyncio.create_task(database.write(add("first")))
        with pytest.raises(TemporaryFailure):
            await database.write(add("second"))
        with pytest.raises(TemporaryFailure):
            await first
    await database.write(add("third"))
    assert await names(database) == ["third"]
    await database.close()


@pytest.mark.asyncio
async def test_a_locked_database_is_temporary(tmp_path: Path) -> None:
    """A foreign program that holds SQLite's own lock costs a 451, and the next write works."""
    database = Database(tmp_path / "a.db", busy_seconds=0.2)
    await database.start()
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TemporaryFailure):
        await database.write(add("one"))
    other.execute("ROLLBACK")
    other.close()
    await database.write(add("two"))
    assert await names(database) == ["two"]
    await database.close()


@pytest.mark.asyncio
async def test_reads_cannot_write(tmp_path: Path) -> None:
    """A query that tries to change something fails."""
    database = Database(tmp_path / "a.db")
    await database.start()
    with pytest.raises(TemporaryFailure):
        await database.read(add("one"))
    assert await names(database) == []
    await database.close()


def _write_many(path: Path, start: int, count: int) -> None:
    async def main() -> None:
        database = Database(path)
        await database.start()
        await asyncio.gather(*(database.write(add(f"n{number:04}")) for number in range(start, start + count)))
        await database.close()

    asyncio.run(main())


def test_processes_take_turns(tmp_path: Path) -> None:
    """Four processes start on no database at all and lose none of their writes to each other."""
    context = multiprocessing.get_context("fork")
    path = tmp_path / "a.db"
    workers = [context.Process(target=_write_many, args=(path, 1000 * number, 50)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    conn = sqlite3.connect(path)
    assert conn.execute("SELECT count(*) FROM meta").fetchone() == (200,)
    conn.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mount is not possible here: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.asyncio
async def test_a_full_disk_is_temporary_and_heals_without_restart(small_disk: Path) -> None:
    """On a full disk every write answers 451 and keeps nothing; with space again the next one works."""
    database = Database(small_disk / "a.db")
    await database.start()
    await database.write(add("one"))
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        while True:
            file.write(bytes(4096))

    def big(conn: Connection) -> None:
        conn.execute(text("INSERT INTO meta (name, value) VALUES ('big', :value)"), {"value": "x" * 1_000_000})

    for _ in range(2):
        with pytest.raises(TemporaryFailure):
            await database.write(big)
    ballast.unlink()
    await database.write(add("two"))
    assert await names(database) == ["one", "two"]
    await database.close()


@pytest.mark.asyncio
async def test_a_failed_fsync_is_fatal_and_never_tried_again(tmp_path: Path) -> None:
    """When the disk fails under a commit, the process is told once and no later write is attempted."""
    told: list[BaseException] = []
    database = Database(tmp_path / "a.db", fatal=told.append)
    await database.start()
    ran: list[int] = []

    def failing(_: Connection) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    with pytest.raises(DurabilityLost):
        await database.write(failing)
    with pytest.raises(DurabilityLost):
        await database.write(lambda _: ran.append(1))
    assert len(told) == 1
    assert ran == []
    await database.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, StorageFailure),
        (sqlite3.SQLITE_BUSY, StorageFailure),
        (sqlite3.SQLITE_CANTOPEN, StorageFailure),
        (sqlite3.SQLITE_READONLY, StorageFailure),
        (sqlite3.SQLITE_IOERR_FSYNC, DurabilityLost),
        (sqlite3.SQLITE_IOERR_WRITE, DurabilityLost),
        (sqlite3.SQLITE_CONSTRAINT, type(None)),
    ],
)
def test_result_codes_are_sorted_into_wait_stop_and_own_fault(code: int, kind: type) -> None:
    """Each SQLite result code means: try later, end the process, or an error of the act alone."""
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    assert type(storage_failure(error)) is kind


def test_network_file_systems_are_refused(tmp_path: Path) -> None:
    """A mount table that puts the path on NFS stops the start with a sentence."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / {tmp_path} rw,relatime shared:1 - nfs4 srv:/x rw\n")
    with pytest.raises(ConfigError, match="network file system"):
        engines.refuse_network_disk(tmp_path / "a.db", mounts)
    assert engines.file_system_of(Path("/elsewhere"), mounts) == "ext4"


@pytest.mark.asyncio
async def test_purged_octets_leave_the_file(tmp_path: Path) -> None:
    """What was deleted is overwritten: neither the database nor its log still holds it after a checkpoint."""
    database = Database(tmp_path / "a.db")
    await database.start()
    await database.write(add("SECRET-OF-NOBODY"))
    await database.write(lambda conn: conn.execute(text("DELETE FROM meta")))
    await database.close()
    assert b"SECRET-OF-NOBODY" not in (tmp_path / "a.db").read_bytes()
    wal = tmp_path / "a.db-wal"
    assert not wal.exists() or b"SECRET-OF-NOBODY" not in wal.read_bytes()
