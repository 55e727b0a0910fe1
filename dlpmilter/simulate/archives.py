# SPDX-License-Identifier: Apache-2.0
"""Mail archives cut into chunks of work, and the mails of one chunk: mbox, Maildir, files, folders, zip.

Memory stays flat: folders are walked lazily, an mbox is cut by octets without reading it, each mail is
read alone. Never follows links to folders, never writes, never unpacks to disk.
"""

from __future__ import annotations

import itertools
import os
import re
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

CHUNK_OCTETS = 4 * 1024 * 1024
CHUNK_FILES = 200
_OVERLAP = 4
_LINE = 1024
# An mbox separator stands at the start or after an empty line and has a time of day; "From here on" has none.
# The five letters come first so that `re` leaps from one to the next; looking back at each octet took half the time.
_SEPARATOR = re.compile(rb"From (?:(?<=\n\nFrom )|(?<=\n\r\nFrom )|(?<=\AFrom ))[^\n]{0,200}?\d\d:\d\d[^\n]{0,200}\n")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of work: octets `first` to `last` of an mbox, members of a zip by number, or files."""

    kind: Literal["mbox", "zip", "files"]
    paths: tuple[str, ...]
    first: int = 0
    last: int = 0
    octets: int = 0
    number: int = 0
    unreadable: frozenset[int] = frozenset()
    """Mails of this chunk that ended a worker: their structure is not read again."""
    skipped: frozenset[int] = frozenset()
    """Mails that ended a worker twice: they are only counted."""


@dataclass(frozen=True, slots=True)
class ArchivedMail:
    """One mail: where it stands for people, and its octets; or why it cannot be had (a slug)."""

    place: str
    content: bytes = b""
    trouble: str = ""


class ArchiveError(Exception):
    """An archive named on the command line cannot be used."""


def chunks_of(archives: Iterable[Path]) -> Iterator[Chunk]:
    """Everything to do, numbered, lazily. Raises ArchiveError for an archive that is not there."""
    for number, chunk in enumerate(_unnumbered(archives)):
        yield replace(chunk, number=number)


def _unnumbered(archives: Iterable[Path]) -> Iterator[Chunk]:
    batch: list[str] = []
    weight = 0
    for path, size in _files(archives):
        special = None
        if path.endswith(".zip") or size > CHUNK_OCTETS:
            special = _special(path, size)
        if special is not None:
            yield from special
            continue
        batch.append(path)
        weight += size
        if weight >= CHUNK_OCTETS or len(batch) >= CHUNK_FILES:
            yield Chunk("files", tuple(batch), octets=weight)
            batch, weight = [], 0
    if batch:
        yield Chunk("files", tuple(batch), octets=weight)


def _files(archives: Iterable[Path]) -> Iterator[tuple[str, int]]:
    for archive in archives:
        try:
            if archive.is_dir():
                yield from _walk(str(archive))
            else:
                yield str(archive), archive.stat().st_size
        except OSError as error:
            raise ArchiveError(f"{archive}: cannot be read ({error.strerror}).") from None


def _walk(folder: str) -> Iterator[tuple[str, int]]:
    """Files below a folder in the order of their names; hidden files and a Maildir's `tmp` are left out."""
    with os.scandir(folder) as found:
        entries = sorted((each.name, each.is_dir(follow_symlinks=False)) for each in found)
    maildir = {"cur", "new"} <= {name for name, is_folder in entries if is_folder}
    for name, is_folder in entries:
        path = f"{folder}/{name}"
        if is_folder:
            if not (maildir and name == "tmp"):
                yield from _walk(path)
        elif not name.startswith(".") and os.path.isfile(path):  # noqa: PTH113 - a hundred thousand of them
            yield path, os.stat(path).st_size  # noqa: PTH116


def _special(path: str, size: int) -> Iterable[Chunk] | None:
    """Chunks of a zip or a big mbox; None when it is neither."""
    try:
        with Path(path).open("rb") as file:
            start = file.read(5)
            if start[:4] == b"PK\x03\x04":
                members = len(zipfile.ZipFile(file).infolist())
                share = size // max(1, members)
                return [
                    Chunk("zip", (path,), first, last := min(first + CHUNK_FILES, members), (last - first) * share)
                    for first in range(0, members, CHUNK_FILES)
                ]
    except (OSError, zipfile.BadZipFile):
        return None  # the worker meets it again and counts it
    if start != b"From ":
        return None
    return (
        Chunk("mbox", (path,), first, min(first + CHUNK_OCTETS, size), min(CHUNK_OCTETS, size - first))
        for first in range(0, size, CHUNK_OCTETS)
    )


def mails_of(chunk: Chunk, most: int) -> Iterator[ArchivedMail]:
    """The mails of one chunk in their order; a mail above `most` octets is a trouble."""
    if chunk.kind == "mbox":
        yield from _mbox(chunk, most)
    elif chunk.kind == "zip":
        yield from _members(chunk, most)
    else:
        for path in chunk.paths:
            try:
                with Path(path).open("rb") as file:
                    yield from _one_file(path, file.read(most + 1), most)
            except OSError:
                yield ArchivedMail(path, trouble="not-readable")


def _one_file(place: str, content: bytes, most: int) -> Iterator[ArchivedMail]:
    """A file with one mail, or a small mbox."""
    if len(content) > most:
        yield ArchivedMail(place, trouble="too-big")
        return
    starts = [found.start() for found in _SEPARATOR.finditer(content)] if content.startswith(b"From ") else []
    if not starts:
        yield ArchivedMail(place, content)
        return
    if len(starts) == 1:
        yield ArchivedMail(place, _unquoted(content))
        return
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(content)], strict=True), 1):
        yield ArchivedMail(f"{place}#{number}", _unquoted(content[start:end]))


def _unquoted(content: bytes) -> bytes:
    """An mbox mail without its separator, its closing empty line, and the `>` that mboxrd puts before `From `."""
    end = next((len(each) // 2 for each in (b"\r\n\r\n", b"\n\n") if content.endswith(each)), 0)
    content = content[content.find(b"\n") + 1 : len(content) - end]
    return _QUOTED_FROM.sub(rb"\1", content) if b"\n>" in content and b"From " in content else content


def _mbox(chunk: Chunk, most: int) -> Iterator[ArchivedMail]:
    """The mails whose separator stands within the chunk; the last one is read to its end beyond it."""
    path = chunk.paths[0]
    try:
        with Path(path).open("rb") as file:
            base = max(0, chunk.first - _OVERLAP)
            file.seek(base)
            data = file.read(chunk.last + _LINE - base)
            all_starts = [found.start() for found in _SEPARATOR.finditer(data) if found.start() or not base]
            starts = [each for each in all_starts if chunk.first <= base + each < chunk.last]
            if not starts:
                return
            for start, end in itertools.pairwise(starts):
                yield _measured(f"{path}@{base + start}", data[start:end], most)
            last = starts[-1]
            beyond = next((each for each in all_starts if each > last), None)
            rest = data[last:beyond] if beyond is not None else _to_the_next(file, data[last:], most)
            yield _measured(f"{path}@{base + last}", rest, most)
    except OSError:
        yield ArchivedMail(f"{path}@{chunk.first}", trouble="not-readable")


def _measured(place: str, content: bytes, most: int) -> ArchivedMail:
    return ArchivedMail(place, trouble="too-big") if len(content) > most else ArchivedMail(place, _unquoted(content))


def _to_the_next(file: BinaryIO, data: bytes, most: int) -> bytes:
    """`data` and what follows up to the next separator; no more than a little above `most`."""
    seen = max(1, len(data) - _LINE)
    while len(data) <= most:
        block = file.read(CHUNK_OCTETS)
        data += block
        if found := _SEPARATOR.search(data, seen):
            return data[: found.start()]
        if not block:
            break
        seen = max(1, len(data) - _LINE)
    return data


@lru_cache(maxsize=1)
def _zip(path: str) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    archive = zipfile.ZipFile(path)
    return archive, archive.infolist()


def _members(chunk: Chunk, most: int) -> Iterator[ArchivedMail]:
    try:
        archive, members = _zip(chunk.paths[0])
    except (OSError, zipfile.BadZipFile):
        yield ArchivedMail(chunk.paths[0], trouble="not-readable")
        return
    for member in members[chunk.first : chunk.last]:
        if member.is_dir():
            continue
        place = f"{chunk.paths[0]}/{member.filename}"
        try:
            with archive.open(member) as file:
                content = file.read(most + 1)
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error):
            yield ArchivedMail(place, trouble="not-readable")
            continue
        yield from _one_file(place, content, most)
