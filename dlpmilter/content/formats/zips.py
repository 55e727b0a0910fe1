# SPDX-License-Identifier: Apache-2.0
"""ZIP read by our own rules: every header twice, every octet of the file accounted for.

`zipfile` believes the central directory and accepts members that share octets; programs disagree on
which header counts. So both are read and compared, overlaps end the reading, and what lies before,
between and behind the members is handed on as foreign octets. Never extracts by name, never guesses a password.
"""

from __future__ import annotations

import bz2
import struct
import zlib
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dlpmilter.content.formats.archive_notes import zip_notes
from dlpmilter.content.formats.base import Member, Stopped
from dlpmilter.content.formats.streams import ceiling, raw_deflate, unpack, xz_stream, zip_lzma

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlpmilter.content.formats.base import Budget

LOCAL = b"PK\x03\x04"
_CENTRAL = b"PK\x01\x02"
_END = b"PK\x05\x06"
_END64 = b"PK\x06\x06"
_LOCATOR = b"PK\x06\x07"
_WINDOW = 65535 + 22
_ALL = 0xFFFFFFFF
_ENCRYPTED, _DESCRIPTOR, _UTF8, _MASKED = 1, 8, 0x800, 0x2000  # APPNOTE 4.4.4
_AES = 99
_DESCRIPTORS = 24
"""Octets a data descriptor takes at most (APPNOTE 4.3.9)."""
_STORED, _DEFLATED, _BZIP2, _LZMA, _XZ = 0, 8, 12, 14, 95
MAX_NAME = 1000

_ENTRY = struct.Struct("<4s6H3I5H2I")
_HEADER = struct.Struct("<4s5H3I2H")
_END_RECORD = struct.Struct("<4s4H2IH")
_END64_RECORD = struct.Struct("<4sQ2H2I4Q")


@dataclass(frozen=True, slots=True)
class Entry:
    """One member as the central directory has it; `start` and `end` are the octets of its packed data."""

    name: str
    flags: int
    method: int
    crc: int
    size: int
    header: int
    start: int
    end: int
    trouble: str = ""
    other_name: str = ""
    """The name in the local header, where it differs."""

    @property
    def encrypted(self) -> bool:
        """Whether a password is needed."""
        return bool(self.flags & (_ENCRYPTED | _MASKED)) or self.method == _AES


@dataclass(frozen=True, slots=True)
class Survey:
    """What a ZIP holds before anything is unpacked. `foreign` are (name, first octet, octet after)."""

    entries: tuple[Entry, ...]
    troubles: tuple[str, ...] = ()
    foreign: tuple[tuple[str, int, int], ...] = ()
    comment: bytes = b""
    """Of the archive, of members, and what else can be read in headers (archive_notes.py)."""


def survey(data: bytes, most: int) -> Survey:
    """Read and compare all headers; at most `most` members. Raises Stopped."""
    found = _end_records(data)
    if not found:
        return _salvaged(data, most)
    troubles: dict[str, None] = {}
    directories = [next((each for each in found if each.end == len(data)), found[0])]
    entries = _central(data, directories[0], most, troubles)
    names = [each.name for each in entries]
    if len(set(names)) < len(names):
        troubles["duplicate-names"] = None
    for other in found:  # the end record of a ZIP that is a member is no second opinion about this one
        if other not in directories and not any(each.start <= other.stop < each.end for each in entries):
            troubles["ambiguous-archive"] = None
            directories.append(other)
            entries += _central(data, other, max(0, most - len(entries)), troubles)
    taken = sorted(
        [(each.header, each.end, 0) for each in entries]
        + [(each.start, each.record + 22, each.end) for each in directories]
    )
    if any(one[1] > two[0] for one, two in pairwise(taken)):
        raise Stopped("overlapping-members")
    comment = data[directories[0].record + 22 : directories[0].end]
    notes = zip_notes(data, directories[0].start, directories[0].stop, tuple(each.header for each in entries))
    comment = b"\n".join(each for each in (comment, notes) if each)
    return Survey(tuple(entries), tuple(troubles), _foreign(data, entries, taken), comment)


def read_zip(data: bytes, budget: Budget) -> Iterator[Member]:
    """Every member in the order of the directory, then every run of foreign octets. Raises Stopped."""
    seen = survey(data, budget.members)
    for each in seen.entries:
        if each.name.endswith("/") and each.start == each.end:
            continue
        budget.spend_member()
        yield _member(data, each, budget)
        if each.other_name:
            yield Member(each.other_name, b"", "header-mismatch")
    if seen.comment.strip():
        yield Member("comment", seen.comment)
    for name, start, end in seen.foreign:
        budget.spend_member()
        yield Member(name, data[start:end].lstrip(b"\0"), "appended-data")
    if seen.troubles:
        raise Stopped(_worst(seen.troubles))


def _worst(troubles: tuple[str, ...]) -> str:
    return next((each for each in troubles if each not in ("duplicate-names", "header-mismatch")), troubles[0])


@dataclass(frozen=True, slots=True)
class _Directory:
    """A central directory, what must be added to its offsets, and from where to where its end record reaches."""

    start: int
    stop: int
    count: int
    shift: int
    record: int
    end: int


def _end_records(data: bytes) -> list[_Directory]:
    """Every end record in the last 64 KB (and behind a file's end); programs choose differently."""
    found: list[_Directory] = []
    position = len(data)
    lowest = max(0, len(data) - _WINDOW)
    while (position := data.rfind(_END, lowest, position)) >= 0 and len(found) < 8:
        if position + 22 <= len(data):
            found += _directory(data, position)
        elif position == 0:
            break
    if not found and (position := data.rfind(_END)) >= 0 and position + 22 <= len(data):
        found += _directory(data, position)  # more than a comment behind it
    return found


def _directory(data: bytes, position: int) -> list[_Directory]:
    _, _, _, _, count, size, offset, comment = _END_RECORD.unpack_from(data, position)
    end, stop = position + 22 + comment, position
    if data.startswith(_LOCATOR, max(0, position - 20)) and (count == 0xFFFF or _ALL in (size, offset)):
        record = position - 20 - _END64_RECORD.size
        if not data.startswith(_END64, max(0, record)):
            record = data.rfind(_END64, 0, position)
        if record < 0 or record + _END64_RECORD.size > len(data):
            return []
        *_, count, size, offset = _END64_RECORD.unpack_from(data, record)
        stop = record
    starts = [(stop - size, stop - size - offset), (offset, 0)]  # where it should be, and where it says it is
    for start, shift in starts:
        if 0 <= start <= stop and (count == 0 or data.startswith(_CENTRAL, start)):
            return [_Directory(start, stop, count, _shift(data, start, shift), position, min(end, len(data)))]
    return []


def _shift(data: bytes, start: int, shift: int) -> int:
    """What must be added to the offsets: what stands before the ZIP, unless the writer counted it already."""
    if not shift or start + _ENTRY.size > len(data):
        return shift
    first = int.from_bytes(data[start + 42 : start + 46], "little")
    return 0 if data.startswith(LOCAL, first) and not data.startswith(LOCAL, max(0, first + shift)) else shift


def _central(data: bytes, where: _Directory, most: int, troubles: dict[str, None]) -> list[Entry]:
    entries: list[Entry] = []
    position = where.start
    while position + _ENTRY.size <= where.stop and data.startswith(_CENTRAL, position):
        if len(entries) >= most:
            troubles["too-many-members"] = None
            return entries
        fields = _ENTRY.unpack_from(data, position)
        _, _, _, flags, method, _, _, crc, packed, size, name, extra, comment, _, _, _, offset = fields
        position += _ENTRY.size
        raw = data[position : position + name]
        packed, size, offset = _wide(data[position + name : position + name + extra], packed, size, offset)
        position += name + extra + comment
        entry = Entry(_text(raw, flags), flags, method, crc, size, offset + where.shift, 0, packed)
        entries.append(_beside_local(data, entry, raw, packed))
    if len(entries) != where.count & 0xFFFF and len(entries) != where.count:
        troubles["corrupt"] = None
    return entries


def _wide(extra: bytes, packed: int, size: int, offset: int) -> tuple[int, int, int]:
    """The 64-bit values of the extra field 0x0001 where the 32-bit ones are full (APPNOTE 4.5.3)."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            wide = extra[position + 4 : position + 4 + length]
            values = [int.from_bytes(wide[at : at + 8], "little") for at in range(0, len(wide) - 7, 8)]
            size = values.pop(0) if size == _ALL and values else size
            packed = values.pop(0) if packed == _ALL and values else packed
            offset = values.pop(0) if offset == _ALL and values else offset
            break
        position += 4 + length
    return packed, size, offset


def _beside_local(data: bytes, entry: Entry, raw: bytes, packed: int) -> Entry:
    """The entry with its place in the file, after a look at its local header."""
    at = entry.header
    if at < 0 or at + _HEADER.size > len(data) or not data.startswith(LOCAL, at):
        return replace(entry, header=max(0, at), start=max(0, at), end=max(0, at), trouble="corrupt")
    _, _, flags, method, _, _, crc, local_packed, local_size, name, extra = _HEADER.unpack_from(data, at)
    local = data[at + _HEADER.size : at + _HEADER.size + name]
    start = at + _HEADER.size + name + extra
    end = start + packed
    if end > len(data):
        return replace(entry, start=start, end=len(data), trouble="truncated")
    trouble = ""
    same = method == entry.method and (flags ^ entry.flags) & _ENCRYPTED == 0
    if not flags & _DESCRIPTOR and _ALL not in (local_packed, local_size):
        same = same and (crc, local_packed, local_size) == (entry.crc, packed, entry.size)
    if not same or local != raw:
        trouble = "header-mismatch"
    other = _text(local, flags) if local != raw else ""
    flags = entry.flags | flags & _ENCRYPTED
    return replace(entry, start=start, end=end, flags=flags, trouble=trouble, other_name=other)


def _text(raw: bytes, flags: int) -> str:
    try:
        return raw[:MAX_NAME].decode("utf-8")
    except UnicodeDecodeError:
        return raw[:MAX_NAME].decode("utf-8" if flags & _UTF8 else "cp437", "replace")


def _foreign(data: bytes, entries: list[Entry], taken: list[tuple[int, int, int]]) -> tuple[tuple[str, int, int], ...]:
    """What belongs to no header, member or comment: before the first, between them, behind the last."""
    found = []
    described = {each.header for each in entries if each.flags & _DESCRIPTOR}
    position, name = 0, "prepended"
    for start, end, reach in taken:
        if _holds(data, position, start):
            found.append((name, position, start))
        position, name = max(position, end, reach), "between"
        if start in described and not reach:
            position = min(_after_descriptor(data, position), len(data))
    if _holds(data, position, len(data)):
        found.append(("appended", position, len(data)))
    return tuple(found[:100])


def _after_descriptor(data: bytes, position: int) -> int:
    """Behind the data descriptor, whichever of its four forms it has: the next header tells."""
    for length in (16, 24, 12, 20):
        if data[position + length : position + length + 2] == b"PK":
            return position + length
    return position + (16 if data.startswith(b"PK\x07\x08", position) else 12)


def _holds(data: bytes, start: int, end: int) -> bool:
    """Whether more than padding (or the mark of a split archive that was never split) stands there."""
    return end > start and data[start:end].strip(b"\0\r\n ") not in (b"", b"PK00", b"PK\x07\x08")


def _salvaged(data: bytes, most: int) -> Survey:
    """A ZIP without its directory: every local header that is there, its data up to the next one."""
    places: list[int] = []
    position = 0
    while (position := data.find(LOCAL, position)) >= 0 and len(places) <= most:
        places.append(position)
        position += 4
    if not places:
        raise Stopped("corrupt")
    entries = []
    for at, following in zip(places, [*places[1:], len(data)], strict=True):
        if at + _HEADER.size > len(data):
            break
        _, _, flags, method, _, _, crc, packed, size, name, extra = _HEADER.unpack_from(data, at)
        raw = data[at + _HEADER.size : at + _HEADER.size + name]
        start = min(at + _HEADER.size + name + extra, len(data))
        end = min(start + packed, len(data)) if packed and not flags & _DESCRIPTOR else following
        entries.append(Entry(_text(raw, flags), flags, method, crc, size, at, start, max(start, end), "truncated"))
    return Survey(tuple(entries[:most]), ("truncated",))


def _member(data: bytes, entry: Entry, budget: Budget) -> Member:
    """One member unpacked, with its own slug: what is wrong with it stays with it."""
    if entry.encrypted:
        return Member(entry.name, b"", "encrypted")
    if entry.trouble == "corrupt":
        return Member(entry.name, b"", "corrupt")
    packed = memoryview(data)[entry.start : entry.end]
    status = "read"
    if entry.method == _STORED:
        most, bound = ceiling(budget, len(packed))
        if len(packed) > most:
            return Member(entry.name, b"", bound)
        octets = bytes(packed)
        budget.spend_octets(len(octets))
    else:
        make, packed = _machine(entry.method, packed)
        if make is None:
            return Member(entry.name, b"", "unsupported")
        found = unpack(make, packed, budget)
        octets, status = found.data, found.status
        if status == "truncated" and entry.method == _LZMA and len(octets) == entry.size:
            status = "read"  # its end is told by the size alone (APPNOTE 5.8.9)
    if status == "read" and entry.trouble:
        status = entry.trouble
    elif status == "read" and len(octets) != entry.size:
        status = "lying-size"
    if status in ("read", "lying-size", "header-mismatch") and zlib.crc32(octets) != entry.crc:
        status = "corrupt"
    return Member(entry.name, octets, status)


def _machine(method: int, packed: memoryview) -> tuple[Callable[[], Any] | None, memoryview]:
    if method == _LZMA:
        return partial(zip_lzma, bytes(packed[:9])), packed[9:]
    return {_DEFLATED: raw_deflate, _BZIP2: bz2.BZ2Decompressor, _XZ: xz_stream}.get(method), packed
