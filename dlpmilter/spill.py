# SPDX-License-Identifier: Apache-2.0
"""The bytes of one mail: in memory while small, in an unlinked file when big.

Never names a file that outlives the process: what was spilled is gone after a crash.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

CHUNK = 256 * 1024


class Budget:
    """Octets of all mails in memory together; shared by every session of one gate."""

    def __init__(self, octets: int) -> None:
        self.octets = octets
        self.used = 0

    @property
    def full(self) -> bool:
        """Whether the next mail must go to a file at once."""
        return self.used >= self.octets


class MessageBytes:
    """Write once, then read as often as needed. Close it: memory budget and file go back."""

    def __init__(self, directory: Path | None = None, *, threshold: int = CHUNK, budget: Budget | None = None) -> None:
        self._directory = directory
        self._threshold = threshold
        self._budget = budget
        self._memory = bytearray()
        self._file: BinaryIO | None = None
        self.size = 0

    @classmethod
    def of(cls, data: bytes) -> MessageBytes:
        """A mail that is in memory already."""
        message = cls(threshold=len(data) + 1)
        message.write(data)
        return message

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append octets; raises OSError when the disk is full."""
        self.size += len(data)
        if self._file is None and (self.size > self._threshold or (self._budget and self._budget.full)):
            self._spill()
        if self._file is not None:
            self._file.write(data)
            return
        self._memory += data
        if self._budget:
            self._budget.used += len(data)

    def _spill(self) -> None:
        self._file = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115 - closed in close()
        self._file.write(self._memory)
        self._release_memory()

    def _release_memory(self) -> None:
        if self._budget:
            self._budget.used -= len(self._memory)
        self._memory = bytearray()

    @property
    def spilled(self) -> bool:
        """Whether the bytes lie in a file."""
        return self._file is not None

    def fileno(self) -> int | None:
        """The descriptor of the unlinked file, None while in memory."""
        return None if self._file is None else self._file.fileno()

    def head(self, limit: int) -> bytes:
        """At most `limit` octets from the start."""
        return bytes(self._memory[:limit]) if self._file is None else os.pread(self._file.fileno(), limit, 0)

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """All octets in order, `size` at a time; several readers may run side by side."""
        if self._file is None:
            for start in range(0, len(self._memory), size):
                yield bytes(self._memory[start : start + size])
            return
        offset = 0
        while data := os.pread(self._file.fileno(), size, offset):
            offset += len(data)
            yield data

    def read(self) -> bytes:
        """Everything at once: only for mails known to be small."""
        return b"".join(self.chunks())

    @contextmanager
    def view(self) -> Iterator[bytes | mmap.mmap]:
        """Everything as one searchable buffer; a spilled mail is mapped, not read."""
        if self._file is None or self.size == 0:
            yield bytes(self._memory)
            return
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped

    def close(self) -> None:
        """Give memory and file back; a second call does nothing."""
        self._release_memory()
        if self._file is not None:
            self._file.close()
            self._file = None
