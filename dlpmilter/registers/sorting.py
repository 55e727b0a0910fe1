# SPDX-License-Identifier: Apache-2.0
"""Sorts more fixed-size records than memory holds, by their first octet into 256 parts. Never holds all of them.

The records begin with a keyed hash, so the parts are of one size. What waits beyond BUFFER goes to an unlinked
file beside the index.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

BUFFER = 96 * 1024 * 1024
PARTS = 256


class Sorter:
    """Append records to `parts[record[0]]`, call `relieve` now and then, read `sorted` once."""

    def __init__(self, width: int, directory: Path, *, buffer: int = BUFFER) -> None:
        self.width = width
        self.parts = [bytearray() for _ in range(PARTS)]
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in range(PARTS)]
        self._buffer = buffer
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - closed by __exit__
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def waiting(self) -> int:
        """Octets in memory."""
        return sum(map(len, self.parts))

    def relieve(self) -> None:
        """Put what waits into the file when it is more than the buffer."""
        if self.waiting <= self._buffer:
            return
        for number, part in enumerate(self.parts):
            if part:
                self._file.write(part)
                self._pieces[number].append((self._end, len(part)))
                self._end += len(part)
                part.clear()

    def sorted(self) -> Iterator[list[bytes]]:
        """The distinct records in order, part by part. Each part is forgotten once it is read."""
        for number, part in enumerate(self.parts):
            data = b"".join((*self._read(number), part))
            self.parts[number] = bytearray()
            width = self.width
            yield sorted({data[at : at + width] for at in range(0, len(data), width)})

    def _read(self, number: int) -> Iterator[bytes]:
        for start, size in self._pieces[number]:
            self._file.seek(start)
            yield self._file.read(size)
