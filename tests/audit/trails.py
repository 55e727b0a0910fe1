# SPDX-License-Identifier: Apache-2.0
"""Trails for the tests of this folder: made with the product, signed with keys of their own. Never asserts."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from dlpmilter.audit import sequencer, trail
from dlpmilter.audit.notes import Checkpoint, parse_checkpoints
from dlpmilter.audit.sequencer import Signer
from dlpmilter.audit.trail import Entry
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring
from dlpmilter.storage.signing import signing_keys

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEYS = Keyring("k", {"k": bytes(32)})
SIGNER = Signer("hop.company.example/dlpmilter", signing_keys(KEYS, ""))


def entry(number: int, **more: object) -> Entry:
    """One of a row of entries with facts and personal fields."""
    return Entry(
        "decided", "hold", "policy-1", f"CASE-{number}",
        {"sender": f"p{number}@company.example", "kind": "forward",
         "recipient.0.address": f"x{number}@gmx.example", **more},  # type: ignore[dict-item]
        AT + timedelta(minutes=number),
    )  # fmt: skip


@asynccontextmanager
async def opened(path: Path, keys: Keyring | None = KEYS) -> AsyncIterator[Database]:
    """A database with the key file of these tests."""
    database = Database(path, keyring=keys)
    await database.start()
    try:
        yield database
    finally:
        await database.close()


def fill(conn: Connection, entries: Sequence[Entry], signed_at: Sequence[int], signer: Signer = SIGNER) -> list[str]:
    """Append these and sign a checkpoint whenever the trail has one of these sizes; the notes."""
    notes = []
    for number, one in enumerate(entries, 1):
        size = trail.append(conn, one)
        if size in signed_at:
            notes.append(sequencer.sign(conn, signer, AT + timedelta(minutes=number)) or "")
    return notes


def octets(paths: Iterable[Path]) -> bytes:
    """What stands in files of an open database, read by another process.

    Closing any descriptor of such a file in this one would drop the locks SQLite holds on it (fcntl(2)).
    """
    names = [str(each) for each in paths if each.is_file()]
    return subprocess.run(["cat", "--", *names], capture_output=True, check=True).stdout


def parsed(notes: Sequence[str]) -> list[Checkpoint]:
    """The notes as they are read again."""
    return [one for note in notes for one in parse_checkpoints(note)]
