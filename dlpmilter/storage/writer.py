# SPDX-License-Identifier: Apache-2.0
"""One thread that writes: acts that wait are committed together. Never retries an fsync.

Each act runs in its own SAVEPOINT, so one that fails does not spoil the others. Processes take
turns by one blocking lock on `<database>.lock` before BEGIN IMMEDIATE: SQLite's own busy wait
sleeps and starves under load. An act whose caller stopped waiting before its turn never runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from dlpmilter.storage.engines import create_file, writer_engine
from dlpmilter.storage.errors import DurabilityLost, StorageFailure, storage_failure
from dlpmilter.storage.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from dlpmilter.storage.vault import Vault

BATCH = 256
"""Acts in one commit at most: bounds how long the lock is kept."""


class Writer:
    """The only place that holds a writing connection. `submit` from any thread, `stop` once."""

    def __init__(
        self, path: Path, *, busy_seconds: float, fatal: Callable[[DurabilityLost], None] | None,
        vault: Vault | None = None,
    ) -> None:  # fmt: skip
        self._path = path
        self._lock_path = path.with_name(path.name + ".lock")
        self._engine = writer_engine(path, busy_seconds, vault)
        self._fatal = fatal
        self._jobs: queue.SimpleQueue[tuple[Callable[[Connection], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._conn: Connection | None = None
        self._inode = 0
        self._lost: DurabilityLost | None = None
        self._may_create = True
        self._thread = threading.Thread(target=self._run, name="dlpmilter-writer", daemon=True)
        self._thread.start()
        self.commits = 0

    def submit(self, act: Callable[[Connection], Any]) -> Future[Any]:
        """Queue one act; the future is done when its commit is durable, or has failed."""
        future: Future[Any] = Future()
        self._jobs.put((act, future))
        return future

    def stop(self) -> None:
        """Finish what is queued, close the connection, end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            job = self._jobs.get()
            batch = []
            while True:
                if job is None:
                    more = False
                    break
                batch.append(job)
                if len(batch) >= BATCH:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            if batch:
                self._serve(batch)
        self._disconnect()

    def _serve(self, batch: list[tuple[Callable[[Connection], Any], Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            if self._lost is not None:
                raise self._lost
            with self._turn():
                self._commit(batch, done)
        except BaseException as error:  # noqa: BLE001 - every caller that waits must hear of it
            self._fail(batch, error)
            return
        for future, value, refused in done:
            if refused is None:
                future.set_result(value)
            else:
                future.set_exception(refused)

    def _commit(
        self,
        batch: list[tuple[Callable[[Connection], Any], Future[Any]]],
        done: list[tuple[Future[Any], Any, BaseException | None]],
    ) -> None:
        conn = self._connected()
        with conn.begin():
            for act, future in batch:
                if future.set_running_or_notify_cancel():
                    value, error = self._one(conn, act)
                    done.append((future, value, error))
        self.commits += 1

    def _one(self, conn: Connection, act: Callable[[Connection], Any]) -> tuple[Any, BaseException | None]:
        raw = conn.connection.dbapi_connection
        if raw is None:
            raise StorageFailure("the connection is gone")
        cursor = raw.cursor()  # three plain words a mail: not worth the layers in between
        cursor.execute("SAVEPOINT act")
        try:
            value = act(conn)
        except BaseException as error:
            if not isinstance(error, (OSError, StorageFailure)) and storage_failure(error) is not None:
                raise
            cursor.execute("ROLLBACK TO act")
            cursor.execute("RELEASE act")
            return None, error
        cursor.execute("RELEASE act")
        return value, None

    def _fail(self, batch: list[tuple[Callable[[Connection], Any], Future[Any]]], error: BaseException) -> None:
        failure = storage_failure(error) or StorageFailure(f"the database refused: {type(error).__name__}")
        failure.__cause__ = error if error is not failure else None
        self._disconnect()
        if isinstance(failure, DurabilityLost) and self._lost is None:
            self._lost = failure
            if self._fatal is not None:
                self._fatal(failure)
        for _, future in batch:
            if future.running() or future.set_running_or_notify_cancel():
                future.set_exception(failure)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        lock = os.open(self._lock_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _connected(self) -> Connection:
        if self._may_create and not self._path.exists():
            create_file(self._path)
        inode = self._path.stat().st_ino
        if self._conn is not None and inode != self._inode:
            raise StorageFailure("the database file was replaced under the running process")
        if self._conn is None:
            conn = self._engine.connect()
            try:
                migrate(conn)
            except BaseException:
                conn.close()
                raise
            self._conn, self._inode, self._may_create = conn, inode, False
        return self._conn

    def _disconnect(self) -> None:
        if self._conn is not None:
            with contextlib.suppress(Exception):
                self._conn.close()
            self._conn = None
