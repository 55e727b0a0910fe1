# SPDX-License-Identifier: Apache-2.0
"""The emergency journal: outcomes the database could not take, beside it on disk. Never the normal way.

One file a process, made and filled with zeros at start, so that a full disk still takes a line;
written with O_DSYNC. It is replayed when the database is back, each record once. A line that is no
record is set aside in a file `.bad` beside it, with an alarm, so that the others come home.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from dlpmilter import maillog, metrics
from dlpmilter.holds.outcomes import OutcomeRecord
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.storage import message_rows
from dlpmilter.storage.errors import StorageFailure

if TYPE_CHECKING:
    from pathlib import Path

    from dlpmilter.storage.database import Database

SIZE = 1024 * 1024
_SLOTS = 256


class Journal:
    """The journal of this process, and the way to replay those of processes that are gone."""

    def __init__(self, database_path: Path) -> None:
        """Take the first free file. Raises OSError when there is no space for it."""
        self._base = database_path
        self._slot, self._file = self._take()
        self._end = len(_content(self._file))

    def _path(self, slot: int) -> Path:
        return self._base.with_name(f"{self._base.name}.journal-{slot}")

    def _take(self) -> tuple[int, int]:
        for slot in range(_SLOTS):
            file = os.open(self._path(slot), os.O_RDWR | os.O_CREAT | os.O_DSYNC | os.O_CLOEXEC, 0o600)
            if _locked(file):
                if os.fstat(file).st_size < SIZE:
                    _fill(file)
                return slot, file
            os.close(file)
        raise OSError(f"more than {_SLOTS} processes use {self._base}")

    @property
    def used(self) -> bool:
        """Whether something waits in it."""
        return self._end > 0

    def append(self, record: OutcomeRecord) -> None:
        """Keep one record; durable when this returns. Raises StorageFailure when even this fails."""
        data = record.line().encode("ascii") + b"\n"
        if self._end + len(data) >= SIZE:
            raise StorageFailure("the emergency journal is full")
        try:
            os.pwrite(self._file, data + b"\0", self._end)
        except OSError as error:
            raise StorageFailure(f"the emergency journal cannot be written: {error.strerror}") from error
        self._end += len(data)

    async def replay(self, database: Database) -> int:
        """Bring waiting records into the database, also those of dead processes; returns how many.

        Raises TemporaryFailure while the database is away: nothing is lost, try again later.
        """
        done = await self._replay_own(database)
        for slot in range(_SLOTS):
            path = self._path(slot)
            if slot != self._slot and path.exists():
                done += await _replay_left(path, database)
        return done

    async def _replay_own(self, database: Database) -> int:
        end = self._end
        if not end:
            return 0
        records = await _apply(database, self._path(self._slot), os.pread(self._file, end, 0))
        if self._end == end:  # nothing came in meanwhile; else the next replay takes all of it, each record once
            os.pwrite(self._file, b"\0", 0)
            self._end = 0
            await _forget(database, records)
        return len(records)

    def close(self) -> None:
        """Leave the file for the next process."""
        os.close(self._file)


async def _replay_left(path: Path, database: Database) -> int:
    file = os.open(path, os.O_RDWR | os.O_DSYNC | os.O_CLOEXEC)
    try:
        if not _locked(file):
            return 0
        content = _content(file)
        if not content:
            return 0
        records = await _apply(database, path, content)
        os.pwrite(file, b"\0", 0)
        await _forget(database, records)
        return len(records)
    finally:
        os.close(file)


async def _apply(database: Database, path: Path, content: bytes) -> list[OutcomeRecord]:
    """Whole lines only: a line that was cut was never acknowledged. Returns the records that are home now."""
    done, bad = [], []
    for line in content.split(b"\n")[:-1]:
        if not line:
            continue
        try:
            record = OutcomeRecord.read(line.decode("ascii"))
            await database.write(record.apply_once)
        except TemporaryFailure:
            raise
        except Exception as error:  # noqa: BLE001 - one broken line must not keep the others out
            maillog.journal_bad_line(error)
            metrics.alarms.labels("journal-bad-line").inc()
            bad.append(line)
        else:
            done.append(record)
    _set_aside(path, bad)
    return done


def _set_aside(path: Path, lines: list[bytes]) -> None:
    """Keep what is no record, durable, for a person to look at. Raises StorageFailure: then the journal stays."""
    if not lines:
        return
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_DSYNC | os.O_CLOEXEC
    try:
        file = os.open(path.with_name(path.name + ".bad"), flags, 0o600)
        try:
            os.write(file, b"\n".join(lines) + b"\n")
        finally:
            os.close(file)
    except OSError as error:
        raise StorageFailure(f"a bad line of the journal cannot be set aside: {error.strerror}") from error


async def _forget(database: Database, records: list[OutcomeRecord]) -> None:
    """These records are in no journal any more, so they cannot come again."""
    if records:
        await database.write(lambda conn: message_rows.unclaim(conn, [record.claim for record in records]))


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _fill(file: int) -> None:
    size = os.fstat(file).st_size
    os.pwrite(file, bytes(SIZE - size), size)


def _content(file: int) -> bytes:
    return os.pread(file, SIZE, 0).partition(b"\0")[0]
