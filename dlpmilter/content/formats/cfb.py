# SPDX-License-Identifier: Apache-2.0
"""Compound files of Microsoft ([MS-CFB]): the directory and the streams of DOC, XLS, PPT, MSG.

Every chain of sectors is followed at most as far as the file is long, so that a loop ends. Never reads
a stream it was not asked for, never trusts a size that the sectors do not have.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.base import Stopped

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_ENTRIES = 20_000
MAX_DEPTH = 40
_END = 0xFFFFFFFC
_NONE = 0xFFFFFFFF


@dataclass(slots=True)
class Entry:
    """A stream or storage of the directory."""

    name: str
    kind: int
    """1 storage, 2 stream, 5 root."""
    start: int
    size: int
    left: int
    right: int
    child: int
    clsid: bytes
    children: dict[str, Entry] = field(default_factory=dict)
    """Entries below a storage by their names in lower case."""

    @property
    def is_storage(self) -> bool:
        """Whether other entries stand below."""
        return self.kind != 2


class CompoundFile:
    """A compound file in memory. Raises Stopped("corrupt") when it has no directory."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 512 or not data.startswith(MAGIC):
            raise Stopped("corrupt")
        self._data = data
        shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if shift not in (9, 12) or not 4 <= mini_shift <= 9:
            raise Stopped("corrupt")
        self._sector = 1 << shift
        self._mini = 1 << mini_shift
        self._sectors = -(-(len(data) - self._sector) // self._sector)
        directory, _, self._cutoff, mini_fat, _, difat, _ = struct.unpack_from("<IIIIIII", data, 48)
        self._fat = self._read_fat(difat)
        self._mini_fat = self._numbers(self._chain(mini_fat))
        self.entries = self._read_directory(self._chain(directory))
        if not self.entries:
            raise Stopped("corrupt")
        self.root = self.entries[0]
        self._ministream = self._chain(self.root.start)
        self._link()

    def stream(self, entry: Entry) -> bytes:
        """The octets of a stream, fewer than its size when sectors are missing."""
        if entry.size < self._cutoff and entry is not self.root:
            return self._mini_chain(entry.start, entry.size)
        return self._chain(entry.start, entry.size)[: entry.size]

    def get(self, *path: str) -> bytes | None:
        """The octets of the stream at a path, None without one."""
        entry = self.find(*path)
        return None if entry is None or entry.is_storage else self.stream(entry)

    def find(self, *path: str) -> Entry | None:
        """The entry at a path."""
        entry: Entry | None = self.root
        for name in path:
            entry = entry.children.get(name.lower()) if entry else None
        return entry

    def slack(self) -> bytes:
        """Sectors that belong to no stream: what was deleted, or put there by hand."""
        free = [each for each in range(self._sectors) if each >= len(self._fat) or self._fat[each] == _NONE]
        return b"".join(self._block(each) for each in free)

    def _block(self, number: int) -> bytes:
        start = (number + 1) * self._sector
        return self._data[start : start + self._sector]

    def _read_fat(self, difat: int) -> tuple[int, ...]:
        places = list(struct.unpack_from("<109I", self._data, 76))
        seen: set[int] = set()
        while difat < _END and difat not in seen and len(seen) <= self._sectors:
            seen.add(difat)
            numbers = self._numbers(self._block(difat))
            places += numbers[:-1]
            difat = numbers[-1] if numbers else _NONE
        places = [place for place in dict.fromkeys(places) if place < self._sectors]
        return self._numbers(b"".join(self._block(place) for place in places))

    @staticmethod
    def _numbers(data: bytes) -> tuple[int, ...]:
        return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])

    def _chain(self, number: int, size: int = 1 << 62) -> bytes:
        blocks: list[bytes] = []
        left = min(self._sectors, -(-size // self._sector))
        while number < _END and left > 0:
            blocks.append(self._block(number))
            number = self._fat[number] if number < len(self._fat) else _NONE
            left -= 1
        return b"".join(blocks)

    def _mini_chain(self, number: int, size: int) -> bytes:
        blocks: list[bytes] = []
        left = -(-size // self._mini)
        while number < _END and left > 0:
            blocks.append(self._ministream[number * self._mini : (number + 1) * self._mini])
            number = self._mini_fat[number] if number < len(self._mini_fat) else _NONE
            left -= 1
        return b"".join(blocks)[:size]

    @staticmethod
    def _read_directory(data: bytes) -> list[Entry]:
        found = []
        for place in range(0, min(len(data), MAX_ENTRIES * 128) - 127, 128):
            raw_name, name_size, kind, _, left, right, child, clsid, start, size = struct.unpack(
                "<64sHBBIII16s20xIQ", data[place : place + 128]
            )
            name = raw_name[: max(0, min(name_size, 64) - 2)].decode("utf-16-le", "replace")
            # version 3 files leave rubbish in the upper half of the size ([MS-CFB] 2.6.1)
            found.append(Entry(name, kind, start, size & 0xFFFFFFFF, left, right, child, clsid))
        return found

    def _link(self) -> None:
        """Hang the entries below their storages; each at most once, so that a loop ends."""
        taken = {0}
        waiting = [(self.root, 0)]
        while waiting:
            storage, depth = waiting.pop()
            numbers = [storage.child]
            while numbers:
                number = numbers.pop()
                if number >= len(self.entries) or number in taken:
                    continue
                taken.add(number)
                entry = self.entries[number]
                if entry.kind not in (1, 2):
                    continue
                storage.children[entry.name.lower()] = entry
                numbers += [entry.left, entry.right]
                if entry.kind == 1 and depth < MAX_DEPTH:
                    waiting.append((entry, depth + 1))


def ole_type(data: bytes) -> str:
    """Which application wrote a compound file, by the names of its streams."""
    try:
        names = set(CompoundFile(data).root.children)
    except (Stopped, struct.error, ValueError, IndexError, MemoryError):
        return t.OLE
    for needle, kind in (
        ("encryptedpackage", t.PROTECTED_OOXML), ("\tdrmcontent", t.PROTECTED_OOXML),
        ("__properties_version1.0", t.MSG), ("worddocument", t.DOC),
        ("workbook", t.XLS), ("book", t.XLS), ("powerpoint document", t.PPT), ("pp97_dualstorage", t.PPT),
    ):  # fmt: skip
        if needle in names:
            return kind
    return t.OLE
