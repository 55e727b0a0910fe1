# SPDX-License-Identifier: Apache-2.0
"""The database as the rest of the product sees it: write an act, read a query. Never loses a commit.

`write` returns after the commit is durable (WAL, synchronous=FULL). Trouble with disk or file is a
TemporaryFailure; the next write tries again with a fresh connection. Make it after fork, not before.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from dlpmilter.storage.engines import reader_engine, refuse_network_disk
from dlpmilter.storage.errors import DurabilityLost, StorageFailure, storage_failure
from dlpmilter.storage.vault import Vault
from dlpmilter.storage.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from dlpmilter.storage.keys import Keyring

__all__ = ["Database", "DurabilityLost", "StorageFailure"]

T = TypeVar("T")

START_SECONDS = 60.0
"""A start may wait for a neighbour that migrates."""


_FLUSH_BUSY = 0.05
"""The lock is kept while SQLite waits for readers: so long the hop may wait."""
_FLUSH_PAUSE = 0.4
_FLUSH_TRIES = 20


class Database:
    """One SQLite file, shared by all processes of the host.

    `fatal` is called once, from the writer thread, when the disk failed under an fsync: the process
    must end and be started again. Without it the writes just keep failing with DurabilityLost.
    Without `keyring` the personal fields of the trail can be neither read nor written.
    """

    def __init__(
        self,
        path: Path,
        *,
        keyring: Keyring | None = None,
        write_seconds: float = 30.0,
        busy_seconds: float = 10.0,
        readers: int = 4,
        fatal: Callable[[DurabilityLost], None] | None = None,
    ) -> None:
        self.path = path
        self._write_seconds = write_seconds
        self._busy_seconds = busy_seconds
        self._readers = readers
        self._fatal = fatal
        self._writer: Writer | None = None
        self._vault = Vault(keyring) if keyring is not None else None
        self._reader = reader_engine(path, busy_seconds, readers, self._vault)
        self._threads = ThreadPoolExecutor(readers, thread_name_prefix="dlpmilter-reader")

    async def start(self) -> None:
        """Create or open the file and bring its tables up to date. Raises ConfigError, TemporaryFailure."""
        refuse_network_disk(self.path)
        self._writer = Writer(self.path, busy_seconds=self._busy_seconds, fatal=self._fatal, vault=self._vault)
        try:
            await self._write(lambda _: None, START_SECONDS)
        except BaseException:
            await self.close()
            raise

    @property
    def commits(self) -> int:
        """Commits so far: writes divided by this is the size of a group."""
        return self._writer.commits if self._writer else 0

    async def write(self, act: Callable[[Connection], T]) -> T:
        """Run `act` in a transaction and return its value once that is durable.

        What `act` raises comes back unchanged and undoes only this act. When the turn does not come
        within `write_seconds`, or the database is in trouble, raises TemporaryFailure: nothing of the
        act is kept. Once the act runs, the answer is awaited however long the disk takes.
        """
        return await self._write(act, self._write_seconds)

    async def _write(self, act: Callable[[Connection], T], seconds: float) -> T:
        if self._writer is None:
            raise StorageFailure("the database is not started")
        pending = self._writer.submit(act)
        future = asyncio.wrap_future(pending)
        done, _ = await asyncio.wait((future,), timeout=seconds)
        if not done and pending.cancel():
            raise StorageFailure(f"no turn to write within {seconds:g} s")
        value: T = await future
        return value

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run `query` in a thread on a read-only snapshot. Raises TemporaryFailure when unreachable."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, query)

    def _read(self, query: Callable[[Connection], T]) -> T:
        try:
            with self._reader.connect() as conn, conn.begin():
                return query(conn)
        except Exception as error:
            failure = storage_failure(error)
            if failure is None or failure is error:
                raise
            raise failure from error

    async def flush(self) -> bool:
        """Bring everything from the write-ahead log into the file and empty it; False while a reader keeps it open.

        What was erased is in no file of the database after this (secure_delete overwrote its pages). Asks briefly
        and again: whoever waits for readers with the lock in hand would stop the mail.
        """

        def work() -> bool:
            with contextlib.closing(sqlite3.connect(self.path, timeout=_FLUSH_BUSY)) as raw:
                busy: int = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            return not busy

        for _ in range(_FLUSH_TRIES):
            try:
                if await asyncio.to_thread(work):
                    return True
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise StorageFailure(f"the write-ahead log cannot be emptied: {error}") from None
            await asyncio.sleep(_FLUSH_PAUSE)
        return False

    async def close(self) -> None:
        """Finish queued writes and close every connection."""
        if self._writer is not None:
            await asyncio.to_thread(self._writer.stop)
            self._writer = None
        await asyncio.to_thread(self._threads.shutdown)
        self._reader.dispose()
