# SPDX-License-Identifier: Apache-2.0
"""Sorts more fixed-size records than memory holds, by their first octet into 256 parts. Never holds all of them.

The records begin with a keyed hash, so the parts are of one size. What waits beyond BUFFER goes to a file in a
scratch folder; other processes may read it from there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BUFFER = 96 * 1024 * 1024
PARTS = 256


@dataclass(frozen=True, slots=True)
class Spill:
    """A file of records and where in it the pieces of each part stand: (start, octets)."""

    path: Path
    pieces: tuple[tuple[tuple[int, int], ...], ...]


class Sorter:
    """Append records to `parts[record[0]]` and call `relieve` now and then; `spill` ends it."""

    def __init__(self, path: Path, *, buffer: int = BUFFER) -> None:
        self.parts = [bytearray() for _ in range(PARTS)]
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in range(PARTS)]
        self._buffer = buffer
        self._path = path
        self._end = 0
        path.touch(0o600, exist_ok=False)

    def relieve(self) -> None:
        """Put what waits into the file when it is more than the buffer."""
        if sum(map(len, self.parts)) > self._buffer:
            self._flush()

    def spill(self) -> Spill:
        """Put everything into the file."""
        self._flush()
        return Spill(self._path, tuple(map(tuple, self._pieces)))

    def _flush(self) -> None:
        with self._path.open("ab") as file:
            for number, part in enumerate(self.parts):
                if part:
                    file.write(part)
                    self._pieces[number].append((self._end, len(part)))
                    self._end += len(part)
                    self.parts[number] = bytearray()


def parts_of(spills: Sequence[Spill], numbers: Iterable[int] = range(PARTS)) -> Iterator[bytes]:
    """The octets of each part, from all files."""
    files = [each.path.open("rb") for each in spills]
    try:
        for number in numbers:
            data = []
            for file, each in zip(files, spills, strict=True):
                for start, size in each.pieces[number]:
                    file.seek(start)
                    data.append(file.read(size))
            yield b"".join(data)
    finally:
        for file in files:
            file.close()


def cut(data: bytes, width: int) -> list[bytes]:
    """Records one by one."""
    return [record for (record,) in struct.iter_unpack(f"{width}s", data)]


def in_order(spills: Sequence[Spill], width: int, numbers: Iterable[int] = range(PARTS)) -> Iterator[list[bytes]]:
    """The distinct records in order, part by part."""
    for data in parts_of(spills, numbers):
        yield sorted(set(cut(data, width)))
