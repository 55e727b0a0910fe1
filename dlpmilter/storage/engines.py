# SPDX-License-Identifier: Apache-2.0
"""Opening the SQLite file: private mode, WAL, FULL sync, local disk only. Never runs product SQL."""

from __future__ import annotations

import contextlib
import os
import pwd
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import Engine, NullPool, QueuePool, create_engine, event

from dlpmilter.config import ConfigError, Problem

if TYPE_CHECKING:
    from dlpmilter.storage.vault import Vault

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "lustre", "afs", "ncpfs", "fuse.sshfs"}

# secure_delete: purged mail must not stay in free pages. FULL: WAL with NORMAL loses acknowledged holds.
_PRAGMAS = (
    "PRAGMA secure_delete = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA temp_store = MEMORY",
)


def create_file(path: Path) -> None:
    """Make the database file with mode 0600 when it is not there (WAL and shm inherit the mode).

    Never opens one that is there: closing it again would drop the locks of this process's other connections
    (https://www.sqlite.org/howtocorrupt.html section 2.2).
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))


def writer_engine(path: Path, busy_seconds: float, vault: Vault | None = None) -> Engine:
    """An engine whose every transaction starts with BEGIN IMMEDIATE; never creates the file.

    Its connections carry the vault of the trail's personal fields.
    """

    def connect() -> sqlite3.Connection:
        raw = _connect(path, busy_seconds)
        raw.execute("PRAGMA journal_mode = WAL")
        return raw

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN IMMEDIATE"))
    event.listen(engine, "connect", lambda _, record: record.info.update(vault=vault))
    return engine


def reader_engine(path: Path, busy_seconds: float, connections: int, vault: Vault | None = None) -> Engine:
    """An engine that can only read; each transaction sees one snapshot."""

    def connect() -> sqlite3.Connection:
        raw = _connect(path, busy_seconds)
        raw.execute("PRAGMA query_only = ON")
        return raw

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=connections, max_overflow=0)
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN"))
    event.listen(engine, "connect", lambda _, record: record.info.update(vault=vault))
    return engine


def _connect(path: Path, busy_seconds: float) -> sqlite3.Connection:
    try:
        raw = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        error.add_note(_seen(path))  # SQLite does not say which file, nor why
        raise
    try:
        for pragma in _PRAGMAS:
            raw.execute(pragma)
    except sqlite3.Error as error:
        error.add_note(_seen(path))
        raw.close()
        raise
    except BaseException:
        raw.close()
        raise
    return raw


def _seen(path: Path) -> str:
    """File, the system's reason, owner: what an admin needs to know of a file that does not open.

    Never opens it: closing any descriptor of a file drops the locks SQLite holds on it (fcntl(2)).
    """
    try:
        found = path.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    reason = "" if os.access(path, os.R_OK | os.W_OK) else ": Permission denied"
    if stat.S_ISDIR(found.st_mode):
        reason = ": Is a directory"
    try:
        return f"{path}{reason}, belongs to {pwd.getpwuid(found.st_uid).pw_name}"
    except KeyError:
        return f"{path}{reason}, belongs to {found.st_uid}"


def refuse_network_disk(path: Path, mounts: Path = MOUNTS) -> None:
    """Raise ConfigError when the file would lie on a network file system: locks and fsync lie there."""
    kind = file_system_of(path.resolve(), mounts)
    if kind in _NETWORK:
        problem = Problem(
            str(path), "database", f"lies on a network file system ({kind}).", "Put it on a local disk of this host."
        )
        raise ConfigError([problem])


def file_system_of(path: Path, mounts: Path = MOUNTS) -> str:
    """The type of the file system `path` lies on, "" when the host does not say (proc(5), mountinfo)."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        point = left.split(" ")[4].replace("\\040", " ")
        inside = str(path) == point or str(path).startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split(" ")[0]
    return kind
