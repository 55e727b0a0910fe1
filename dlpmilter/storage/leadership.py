# SPDX-License-Identifier: Apache-2.0
"""One office at a time for one database file: a lock the kernel takes back when its holder dies.

Never waits and never breaks a lock: whoever does not get it may ask again.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Leadership:
    """The right to send what is owed. Only processes of one host can share a database file."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.office")
        self._file: int | None = None

    def take(self) -> bool:
        """Whether this process leads now. Raises OSError when the lock file cannot be made."""
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def leave(self) -> None:
        """Let another one lead."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
