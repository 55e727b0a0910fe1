# SPDX-License-Identifier: Apache-2.0
"""Checkpoints outside the database: a file beside it, and a folder somewhere else. Never read by who writes entries.

One file a day, notes one below the other, only ever appended to, so that the folder may forbid changes.
"""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dlpmilter.audit.notes import parse_checkpoints

if TYPE_CHECKING:
    from dlpmilter.audit.notes import Checkpoint

_TAIL = 64 * 1024
_NEWEST = "newest.txt"
_NAME = "checkpoints-{day}.txt"


def local_folder(database: Path) -> Path:
    """Where checkpoints lie that only tell a restored backup from the database that was here."""
    return database.with_name(f"checkpoints-{database.name}")


def keep(folder: Path, note: str, at: datetime) -> None:
    """Append a note, durable when this returns. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / _NAME.format(day=at.astimezone(UTC).date().isoformat())
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_DSYNC | os.O_CLOEXEC, 0o640)
    try:
        data = f"{note}\n".encode()
        if os.write(file, data) != len(data):
            raise OSError(28, "No space left on device", str(path))
    finally:
        os.close(file)
    with contextlib.suppress(OSError):  # a folder that only allows appending
        _remember(folder, note)


def _remember(folder: Path, note: str) -> None:
    """The newest note alone, replaced as a whole."""
    new = folder / f"{_NEWEST}.new"
    with new.open("w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / _NEWEST)


def newest(folder: Path) -> Checkpoint | None:
    """The note that was kept last, None when there is none. Raises OSError."""
    try:
        return parse_checkpoints((folder / _NEWEST).read_text(encoding="utf-8"))[-1]
    except (FileNotFoundError, IndexError, UnicodeDecodeError):
        pass
    try:
        names = sorted((each for each in folder.iterdir() if each.name.startswith("checkpoints-")), reverse=True)
    except FileNotFoundError:
        return None
    found = []
    for path in names[:2]:  # across midnight, and across a clock that went back a day
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            notes = parse_checkpoints(file.read().decode("utf-8", "replace"))
        found += notes[-1:]
    return max(found, key=lambda one: one.time, default=None)
