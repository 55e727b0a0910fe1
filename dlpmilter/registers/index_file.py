# SPDX-License-Identifier: Apache-2.0
"""The file of an index: sections of fixed-size records, then a description, both under a keyed checksum.

    magic (8) | sections | description as JSON | 32 octets MAC of it | its size (4) | magic (8)

The description stands last, so that the file is written in one go; it holds the checksum of the sections.
`Writer` makes a new file beside the old one and takes its place at once; `IndexFile` maps it into memory.
Never stores a value: records begin with keyed hashes. Never believes a file: all sizes are checked at opening.
"""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import hmac
import json
import mmap
import os
import struct
import sys
from array import array
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dlpmilter.registers.errors import IndexUnusable

MAGIC = b"DLPMREG1"
MAC = 32
_SIZE = struct.Struct(">I")
_PAIR = struct.Struct("<II")
_TAIL = MAC + _SIZE.size + len(MAGIC)
MAX_DESCRIPTION = 64 * 1024 * 1024
"""Octets; 10,000 documents take two million."""
HASH = 8
"""Octets of a hash. With 10^8 values a word that is not in the register is taken for one once in 10^11 times."""
_PER_BUCKET = 8
_BLOCK = 1 << 20


def hasher(key: bytes) -> Any:
    """A keyed blake2b of 8 octets, to be copied for each value (RFC 7693 2.9)."""
    return hashlib.blake2b(key=key, digest_size=HASH, person=b"dlpm value")


def hash_each(hasher: Any, values: Iterable[bytes]) -> list[bytes]:
    """The keyed hash of each value; `hasher` is not changed."""
    copy = hasher.copy
    found: list[bytes] = []
    keep = found.append
    for value in values:
        state = copy()
        state.update(value)
        keep(state.digest())
    return found


def _mac(key: bytes) -> Any:
    return hashlib.blake2b(key=key, digest_size=MAC, person=b"dlpm file")


class Writer:
    """A new index that replaces the old one when `finish` is called, and leaves nothing behind otherwise."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key
        self._sections: dict[str, tuple[int, int]] = {}
        self._draft = path.with_name(f".{path.name}.{os.getpid()}.new")
        descriptor = os.open(self._draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=_BLOCK)
        self._checksum = _mac(key)
        self._file.write(MAGIC)
        self._at = len(MAGIC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        with contextlib.suppress(FileNotFoundError):
            self._draft.unlink()

    def section(self, name: str, blocks: Iterable[bytes]) -> None:
        """Write one section; its name leads back to it."""
        start = self._at
        for block in blocks:
            self._file.write(block)
            self._checksum.update(block)
            self._at += len(block)
        self._sections[name] = (start, self._at - start)

    def table(self, name: str, parts: Iterable[list[bytes]], expected: int) -> int:
        """Write sorted records and the directory of their buckets; `expected` is about how many there are."""
        bits = max(0, (expected // _PER_BUCKET).bit_length())
        shift = 8 * HASH - bits
        starts = array("I")
        count = 0

        def blocks() -> Iterable[bytes]:
            nonlocal count
            for records in parts:
                at = 0
                while records and len(starts) < 1 << bits:
                    border = (len(starts) << shift).to_bytes(HASH, "big")
                    if records[-1] < border:
                        break
                    at = bisect.bisect_left(records, border, at)
                    starts.append(count + at)
                count += len(records)
                yield b"".join(records)

        self.section(name, blocks())
        starts.extend([count] * ((1 << bits) + 1 - len(starts)))
        if sys.byteorder == "big":
            starts.byteswap()
        self.section(f"{name} buckets", [starts.tobytes()])
        return count

    def finish(self, description: dict[str, Any]) -> dict[str, Any]:
        """Write the description and return it with what was added, make it durable, take the old file's place."""
        told = {
            **description,
            "sections": {name: list(span) for name, span in self._sections.items()},
            "digest": self._checksum.hexdigest(),
        }
        data = json.dumps(told, separators=(",", ":")).encode()
        if len(data) > MAX_DESCRIPTION:
            raise IndexUnusable(f"{self._path}: the description would be larger than {MAX_DESCRIPTION} octets.")
        seal = _mac(self._key)
        seal.update(data)
        self._file.write(data + seal.digest() + _SIZE.pack(len(data)) + MAGIC)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._draft.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return told


def describe(path: Path) -> dict[str, Any]:
    """The description of an index, not yet checked against a key. Raises IndexUnusable."""
    with _opened(path) as file:
        return _description(path, file)[0]


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise IndexUnusable(f"{path}: cannot be read ({error.strerror}).") from None


def _description(path: Path, file: Any) -> tuple[dict[str, Any], bytes, bytes]:
    """Description, its octets, its MAC."""
    damaged = IndexUnusable(f"{path}: is damaged or not finished. Register the data again.")
    size = os.fstat(file.fileno()).st_size
    if size < len(MAGIC) + _TAIL or file.read(len(MAGIC)) != MAGIC:
        raise IndexUnusable(f"{path}: is not an index of dlpmilter.")
    file.seek(size - _TAIL)
    tail = file.read(_TAIL)
    (length,) = _SIZE.unpack_from(tail, MAC)
    if len(tail) != _TAIL or tail[-len(MAGIC) :] != MAGIC or length > min(MAX_DESCRIPTION, size - len(MAGIC) - _TAIL):
        raise damaged
    file.seek(size - _TAIL - length)
    data = file.read(length)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise damaged from None
    if not isinstance(found, dict):
        raise damaged
    return found, data, tail[:MAC]


class IndexFile:
    """An index mapped into memory. Only the pages that lookups touch are read."""

    def __init__(self, path: Path, key: bytes, *, verify: bool = True) -> None:
        """Open and check it; with `verify` the checksum of all sections too. Raises IndexUnusable."""
        self.path = path
        with _opened(path) as file:
            self.description, data, seal = _description(path, file)
            mac = _mac(key)
            mac.update(data)
            if not hmac.compare_digest(mac.digest(), seal):
                raise IndexUnusable(
                    f"{path}: was changed, or sealed with another key than the key file has. Register the data again."
                )
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            self._sections = self._checked_sections(len(self._map) - _TAIL - len(data))
            if verify:
                self._verify(key)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the mapping back."""
        self._map.close()

    def _checked_sections(self, end: int) -> dict[str, tuple[int, int]]:
        sections: dict[str, tuple[int, int]] = {}
        at = len(MAGIC)
        for name, (start, size) in self._spans():
            if start != at or size < 0:
                raise IndexUnusable(f"{self.path}: is damaged (section {name}). Register the data again.")
            sections[name] = (start, size)
            at += size
        if at != end:
            raise IndexUnusable(f"{self.path}: is damaged: octets are missing or too many. Register the data again.")
        return sections

    def _spans(self) -> list[tuple[str, tuple[int, int]]]:
        try:
            return [
                (str(name), (int(start), int(size))) for name, (start, size) in self.description["sections"].items()
            ]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise IndexUnusable(f"{self.path}: is damaged (no sections). Register the data again.") from None

    def _verify(self, key: bytes) -> None:
        checksum = _mac(key)
        end = max((start + size for start, size in self._sections.values()), default=len(MAGIC))
        for at in range(len(MAGIC), end, _BLOCK):
            checksum.update(self._map[at : min(at + _BLOCK, end)])
        if not hmac.compare_digest(checksum.hexdigest(), str(self.description.get("digest"))):
            raise IndexUnusable(f"{self.path}: is damaged (its checksum is wrong). Register the data again.")

    def section(self, name: str, width: int) -> tuple[int, int]:
        """Start and count of the records of a section. Raises IndexUnusable when there is no such section."""
        start, size = self._sections.get(name, (0, -1))
        if size < 0 or size % width:
            raise IndexUnusable(f"{self.path}: is damaged (section {name}). Register the data again.")
        return start, size // width

    @property
    def octets(self) -> mmap.mmap:
        """The whole file."""
        return self._map


class Table:
    """Sorted records with a directory of buckets: a lookup touches two pages."""

    def __init__(self, file: IndexFile, name: str, width: int) -> None:
        """Raises IndexUnusable when the section does not fit its directory."""
        self._map = file.octets
        self._width = width
        self._start, self.records = file.section(name, width)
        self._buckets, count = file.section(f"{name} buckets", _PAIR.size // 2)
        bits = max(0, (count - 1).bit_length() - 1)
        if count != (1 << bits) + 1:
            raise IndexUnusable(f"{file.path}: is damaged (buckets of {name}). Register the data again.")
        self._shift = 8 * HASH - bits

    def find(self, value: bytes) -> bytes:
        """The records that begin with this hash, one behind the other; b"" when there is none."""
        return self.find_each((value,))[0]

    def find_each(self, values: Iterable[bytes]) -> list[bytes]:
        """As `find` for each hash; one call for a whole mail, because a call costs more than a look."""
        octets, start, width, shift, buckets = self._map, self._start, self._width, self._shift, self._buckets
        unpack, number = _PAIR.unpack_from, int.from_bytes
        found: list[bytes] = []
        keep = found.append
        for value in values:
            first, last = unpack(octets, buckets + 4 * (number(value, "big") >> shift))
            if first == last:
                keep(b"")
                continue
            data = octets[start + first * width : start + last * width]
            at = data.find(value)
            while at % width and at >= 0:
                at = data.find(value, at + 1)
            if at < 0:
                keep(b"")
                continue
            end = data.rfind(value)
            while end % width:
                end = data.rfind(value, at, end + HASH - 1)
            keep(data[at : end + width])
        return found
