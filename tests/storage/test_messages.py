# SPDX-License-Identifier: Apache-2.0
"""What an admin reads when the database does not open: file, reason, owner; never only a number."""

from __future__ import annotations

import os
import pwd
import sqlite3
from pathlib import Path

import pytest

from dlpmilter.storage.database import Database, StorageFailure
from dlpmilter.storage.engines import create_file, reader_engine, writer_engine
from dlpmilter.storage.errors import storage_failure


@pytest.mark.asyncio
async def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    """A file with other octets: its path, what it is not, whose it is."""
    path = tmp_path / "a.db"
    path.write_bytes(b"something else" * 1000)
    with pytest.raises(StorageFailure) as failure:
        await Database(path).start()
    assert "it is not a database" in failure.value.cause
    assert f"{path}, belongs to {pwd.getpwuid(os.geteuid()).pw_name}" in failure.value.cause


@pytest.mark.asyncio
async def test_a_path_that_is_a_folder_is_named(tmp_path: Path) -> None:
    """The system's reason stands beside the file."""
    path = tmp_path / "a.db"
    path.mkdir()
    with pytest.raises(StorageFailure) as failure:
        await Database(path).start()
    assert str(path) in failure.value.cause
    assert "Is a directory" in failure.value.cause


@pytest.mark.parametrize("engine", [lambda path: writer_engine(path, 1), lambda path: reader_engine(path, 1, 1)])
def test_a_file_that_is_gone_is_named(tmp_path: Path, engine: object) -> None:
    """Reader and writer say which file they looked for, and that it is not there."""
    assert callable(engine)
    path = tmp_path / "gone.db"
    with pytest.raises(Exception, match="unable to open") as error:
        engine(path).connect()
    failure = storage_failure(error.value)
    assert failure is not None
    assert f"it cannot be opened; {path}: No such file or directory" in failure.cause


def test_looking_for_the_reason_drops_no_lock(tmp_path: Path) -> None:
    """While one connection holds the write lock, a failed one in this process must not release it (fcntl locks)."""
    path = tmp_path / "a.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("CREATE TABLE t (x)")
    holder.execute("BEGIN EXCLUSIVE")
    create_file(path)
    with pytest.raises(Exception, match="locked"):
        writer_engine(path, 0.1).connect()
    child = os.fork()
    if child == 0:
        try:
            sqlite3.connect(path, timeout=0.1).execute("SELECT * FROM t")
        except sqlite3.OperationalError:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    holder.close()
