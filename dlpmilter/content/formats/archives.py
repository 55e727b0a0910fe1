# SPDX-License-Identifier: Apache-2.0
"""Every kind of archive: told by its octets, its members one after the other, so that only one is in memory.

Never unpacks to a disk, never opens a file by a name from an archive, and never goes down into a member:
walk.py does.
"""

from __future__ import annotations

import io
import tarfile
from functools import partial
from typing import TYPE_CHECKING

from dlpmilter.content.formats.archive_notes import tar_notes
from dlpmilter.content.formats.base import Member, Reading, Stopped
from dlpmilter.content.formats.others import FORMATS, read_other
from dlpmilter.content.formats.streams import ceiling, read_bzip2, read_gzip, read_xz
from dlpmilter.content.formats.zips import LOCAL, MAX_NAME, read_zip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlpmilter.content.formats.base import Budget

    ArchiveReader = Callable[[bytes, Budget], Iterator[Member]]

_MAGICS: tuple[tuple[int, bytes, str], ...] = (
    (0, LOCAL, "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"PK\x07\x08PK\x03\x04", "application/zip"),
    (0, b"PK00PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
    (0, b"!<arch>\n", "application/x-archive"),
    (0, b"070701", "application/x-cpio"),
    (0, b"070702", "application/x-cpio"),
    (0, b"070707", "application/x-cpio"),
    (0, b"xar!", "application/x-xar"),
    (0, b"\x1f\x9d", "application/x-compress"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"\x04\x22\x4d\x18", "application/x-lz4"),
    (0, b"LZIP\x01", "application/x-lzip"),
    (257, b"ustar", "application/x-tar"),
    (0x8001, b"CD001", "application/x-iso9660-image"),
)
_AR_HEADER = 60
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")


def archive_type(data: bytes) -> str:
    """The media type of an archive by its octets, "" for anything else."""
    for place, magic, kind in _MAGICS:
        if data.startswith(magic, place):
            return kind
    if data[:3] == b"BZh" and data[3:4] in b"123456789" and data[4:10] in _BZIP2_BLOCKS:
        return "application/x-bzip2"
    if data[2:5] in (b"-lh", b"-lz") and data[6:7] == b"-":
        return "application/x-lha"
    if len(data) >= 512 and _old_tar(data[:512]):
        return "application/x-tar"
    return ""


def _old_tar(block: bytes) -> bool:
    """A tar without magic: its header's checksum counts the checksum itself as blanks."""
    try:
        said = int(block[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return block[0] != 0 and said == sum(block) - sum(block[148:156]) + 8 * 32


def read_tar(data: bytes, budget: Budget) -> Iterator[Member]:
    """Every file in a tar, the targets of its links as names, and what follows its end. Raises Stopped."""
    file = io.BytesIO(data)
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            while (each := archive.next()) is not None:
                budget.spend_member()
                archive.members = []  # type: ignore[attr-defined]  # or it grows with the archive: tarfile keeps all
                yield from _tar_member(archive, each, len(data), budget)
            end = archive.offset
    except (tarfile.ReadError, EOFError) as error:
        raise Stopped("truncated" if "end of" in str(error) or "unexpected" in str(error) else "corrupt") from error
    except (tarfile.TarError, ValueError, OverflowError, RecursionError, OSError) as error:
        raise Stopped("corrupt") from error
    if end + 512 > len(data) and end > 512 and not data[end:]:
        raise Stopped("truncated")  # no block of zeros at the end
    if data[end:].strip(b"\0"):
        yield Member("appended", data[end:].lstrip(b"\0"), "appended-data")


def _tar_member(archive: tarfile.TarFile, each: tarfile.TarInfo, packed: int, budget: Budget) -> Iterator[Member]:
    name = each.name[:MAX_NAME]
    if notes := tar_notes(each):
        yield Member(f"{name} (header)", notes)
    if each.issym() or each.islnk():
        yield Member(f"{name} -> {each.linkname[:MAX_NAME]}", b"")
        return
    if not each.isfile():
        return
    most, bound = ceiling(budget, packed)
    opened = archive.extractfile(each)
    if opened is None:
        return
    with opened:
        octets = opened.read(most + 1)
    budget.spend_octets(len(octets))
    if len(octets) > most:
        yield Member(name, b"", bound)
        return
    yield Member(name, octets, "read" if len(octets) == each.size else "truncated")


def read_ar(data: bytes, budget: Budget) -> Iterator[Member]:
    """Unix ar, and so .deb: 60 octets of header before each file (System V, names of BSD too). Raises Stopped."""
    at = 8
    while at + _AR_HEADER <= len(data) and data[at + 58 : at + 60] == b"`\n":
        budget.spend_member()
        name = data[at : at + 16].rstrip(b" /")
        size = data[at + 48 : at + 58].strip()
        start, at = at + _AR_HEADER, at + _AR_HEADER
        if not size.isdigit():
            raise Stopped("corrupt")
        end = start + int(size)
        if name.startswith(b"#1/") and name[3:].isdigit():
            start += int(name[3:])
            name = data[at:start].rstrip(b"\0")
        octets = data[start:end]
        budget.spend_octets(len(octets))
        yield Member(name[:MAX_NAME].decode("utf-8", "replace"), octets, "read" if end <= len(data) else "truncated")
        at = end + (end & 1)
    if data[at:].strip():
        yield Member("appended", data[at:], "appended-data")


def _by_library(kind: str, data: bytes, budget: Budget) -> Iterator[Member]:
    return read_other(data, kind, budget)


ARCHIVES: dict[str, ArchiveReader] = {
    "application/zip": read_zip,
    "application/java-archive": read_zip,
    "application/vnd.android.package-archive": read_zip,
    "application/gzip": read_gzip,
    "application/x-bzip2": read_bzip2,
    "application/x-xz": read_xz,
    "application/x-tar": read_tar,
    "application/x-archive": read_ar,
    **{kind: partial(_by_library, kind) for kind in FORMATS},
}
"""Media type -> the members of such an archive, one at a time. The iterators raise Stopped."""


def read_archive(data: bytes, budget: Budget) -> Reading:
    """An archive as one `Reading`, for a caller who wants all members at once. Raises Stopped."""
    kind = archive_type(data)
    if not kind:
        raise Stopped("unknown-type")
    members: list[Member] = []
    try:
        members.extend(ARCHIVES[kind](data, budget))
    except Stopped as stop:
        return Reading(members=tuple(members), status=str(stop))
    return Reading(members=tuple(members))
