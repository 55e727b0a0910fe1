# SPDX-License-Identifier: Apache-2.0
"""What a failing database means for the mail in hand: come back later, or stop. Never 5xx.

Result codes: https://www.sqlite.org/rescode.html.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from dlpmilter.model.errors import TemporaryFailure

_LOST = {
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_CLOSE,
}
_UNREACHABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}


_WORDS = {
    sqlite3.SQLITE_BUSY: "another process has it locked",
    sqlite3.SQLITE_LOCKED: "another process has it locked",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_READONLY: "it cannot be written",
    sqlite3.SQLITE_IOERR: "the disk does not read or write it",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_NOTADB: "it is not a database",
    sqlite3.SQLITE_PERM: "it may not be opened",
    sqlite3.SQLITE_AUTH: "it may not be opened",
}


class StorageFailure(TemporaryFailure):
    """The record could not be written or read now; `cause` is for the log, never for the peer."""

    def __init__(self, cause: str) -> None:
        super().__init__("the record cannot be kept right now, try again later")
        self.cause = cause


class DurabilityLost(StorageFailure):
    """fsync or write failed at the disk: what the kernel holds is unknown, so this process must end.

    A second fsync may report success for pages that were thrown away, so it is never retried.
    """


def result_code(error: BaseException) -> int | None:
    """The extended SQLite result code behind an exception, None when it is not the database."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    return code if isinstance(code, int) else None


def storage_failure(error: BaseException) -> StorageFailure | None:
    """The failure to report when the database itself is in trouble; None for an error of the act."""
    if isinstance(error, StorageFailure):
        return error
    if isinstance(error, OSError):
        name = error.filename if isinstance(error.filename, str) else "its files"
        return StorageFailure(f"{name} cannot be used ({error.strerror or error})")
    code = result_code(error)
    if code is None:
        return None
    if code in _LOST:
        return DurabilityLost(f"the disk under the database failed (SQLite code {code})")
    if code & 0xFF in _UNREACHABLE:
        why = "; ".join([_WORDS.get(code & 0xFF, "SQLite refuses"), *_notes(error)])
        return StorageFailure(f"{why} (SQLite code {code})")
    return None


def _notes(error: BaseException) -> list[str]:
    """What engines.py noted about the file when it could not be opened."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return list(getattr(cause, "__notes__", ()))
