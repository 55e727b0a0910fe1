# SPDX-License-Identifier: Apache-2.0
"""Checkpoints outside the database: a file beside it, and a folder somewhere else. Never read by who writes entries.

One file a day, notes one below the other, only ever appended to, so that the folder may forbid changes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dlpmilter.audit.notes import parse_checkpoints

if TYPE_CHECKING:
    from dlpmilter.audit.notes import Checkpoint

_TAIL = 64 * 1024


def local_folder(database: Path) -> Path:
    """Where checkpoints lie that only tell a restored backup from the database that was here."""
    return database.with_name(f"checkpoints-{database.name}")


def keep(folder: Path, note: str, at: datetime) -> None:
    """Append a note, durable when this returns. Several installations may share a folder. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    name = _name(note.partition("\n")[0])
    path = folder / f"checkpoints-{name}-{at.astimezone(UTC).date().isoformat()}.txt"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_DSYNC | os.O_CLOEXEC, 0o640)
    try:
        data = f"{note}\n".encode()
        if os.write(file, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(file)
    with contextlib.suppress(OSError):  # a folder that only allows appending
        _remember(folder / f"newest-{name}.txt", note)


def _name(origin: str) -> str:
    """The name of a trail as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", origin).strip("-")[:100]


def _remember(path: Path, note: str) -> None:
    """The newest note alone, replaced as a whole."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def newest(folder: Path, origin: str) -> Checkpoint | None:
    """The note of this trail that was kept last, None when there is none. Raises OSError."""
    name = _name(origin)
    try:
        alone = _notes((folder / f"newest-{name}.txt").read_bytes(), origin)
    except FileNotFoundError:
        alone = []
    if alone:
        return alone[-1]
    found: list[Checkpoint] = []
    days = sorted(folder.glob(f"checkpoints-{name}-*.txt"), reverse=True)
    for path in days[:2]:  # across midnight, and across a clock that went back a day
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            found += _notes(file.read(), origin)[-1:]
    return max(found, key=lambda one: one.time, default=None)


def _notes(data: bytes, origin: str) -> list[Checkpoint]:
    return [one for one in parse_checkpoints(data.decode("utf-8", "replace")) if one.origin == origin]
