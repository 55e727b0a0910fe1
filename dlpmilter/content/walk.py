# SPDX-License-Identifier: Apache-2.0
"""Goes through everything a mail carries: each payload by its content, each container down to its last member.

Whatever cannot be read is named in the `status` of its extract; a reader that fails in any way costs its own
part only. Never believes a name or a declared type, never answers an unread document with a silent nothing.

The slugs of `status`, besides "read": encrypted, corrupt, truncated, unsupported, unknown-type (no reader; its
readable runs are in `hidden`), no-text (a document whose reader found nothing and no reason), picture, ratio,
too-big, too-deep, too-many-members, too-much-text, overlapping-members, ambiguous-archive, quine, out-of-memory,
no-sandbox, and what a reader says besides. Those in DOUBTS were read in full, but programs may show something else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlpmilter.content.formats.archives import ARCHIVES, archive_type
from dlpmilter.content.formats.base import Member, Reader, Reading, Stopped
from dlpmilter.content.formats.paper import inflate_any
from dlpmilter.content.formats.zips import LOCAL, survey
from dlpmilter.content.polyglot import detached_signature, end_of, strings
from dlpmilter.mime.charsets import decode_text
from dlpmilter.mime.worth import packed_text
from dlpmilter.model.content import Extract
from dlpmilter.model.views import Decoded

if TYPE_CHECKING:
    from dlpmilter.content.formats.base import Budget

Sniff = Callable[[bytes, tuple[str, ...]], str]
"""Octets and names to a media type; "application/octet-stream" when nobody knows."""

DOUBTS = frozenset({"appended-data", "duplicate-names", "header-mismatch", "lying-size"})
"""Read in full, yet two programs may show two things."""
BY_OCR = "read-by-ocr"
"""A picture or a scanned page in which a program recognised letters (ocr.py): best effort, never the whole of it."""
HARMLESS = frozenset({"read", "blank", "skipped", "picture", BY_OCR}) | DOUBTS
"""Statuses of what is not uninspectable. Pictures are judged together: see `ContentReport.image_only`."""
PICTURES = frozenset({"picture", "image-only", "image-pages"})
"""Statuses of what only a person could read."""
UNKNOWN = "application/octet-stream"
_MAY_BE_EMPTY = ("text/", "application/json", "application/xml", "application/x-empty", "message/", "application/mbox")
"""What has nothing but its text: without text there is nothing. A page that looks white may be drawn in curves."""
_UNKNOWN_RUNS = 1_000_000
"""Characters of readable runs kept from one file that nobody can read."""
_MAX_NAME = 300
_ZIP_WINDOW = 65535 + 22
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ORDINARY = frozenset({"no-text", "ambiguous-archive", "truncated", "corrupt", "overlapping-members"})
"""What a theme of an old office document looks like; its reader has read what belongs to the document."""
_WIDEST = 2
"""Octets of text that are read for each character that may still be kept."""
_SCRAP = 64
"""Octets of plain text behind a file that are read and no alarm: some programs leave a line end and a word."""
_BLANK = b"\0\r\n\t "
_PADDING = 4096
MAX_PICTURES, MAX_PICTURE_OCTETS = 200, 32 * 1024 * 1024
"""Pictures of one mail, and their octets, that are kept for OCR, where it is switched on."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One part of the mail, decoded. `type` and `charset` are what the mail declares, believed for text only."""

    path: str
    data: bytes
    names: tuple[str, ...] = ()
    type: str = ""
    charset: str = ""
    status: str = "read"
    """The slug of what kept its octets from being all here."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Octets of what only a person could read, and which extract they belong to."""

    place: int
    data: bytes


def walk(
    payloads: Iterable[Payload],
    budget: Budget,
    readers: Mapping[str, Reader],
    sniff: Sniff,
    *,
    confined: bool = True,
    pictures: list[Picture] | None = None,
) -> tuple[Extract, ...]:
    """Everything that can be read in these payloads, containers before their members. Never raises for a payload.

    Without `confined` only text is read; what needs a parser is "no-sandbox". `pictures` is filled for OCR.
    """
    one = _Walk(budget, readers, sniff, confined=confined)
    one.pictures = pictures
    for payload in payloads:
        one.visit(payload, payload.names[1:], ())
    return tuple(one.extracts)


class _Walk:
    """One mail: what was found, and what may still be spent."""

    def __init__(self, budget: Budget, readers: Mapping[str, Reader], sniff: Sniff, *, confined: bool) -> None:
        self._budget = budget
        self._readers = readers
        self._sniff = sniff
        self._confined = confined
        self.extracts: list[Extract] = []
        self.pictures: list[Picture] | None = None

    def visit(self, item: Payload, other_names: tuple[str, ...], above: tuple[bytes, ...]) -> None:
        """One payload or member; `above` are digests of the containers it lies in."""
        place = len(self.extracts)
        name = item.names[0][:_MAX_NAME] if item.names else ""
        seen = Extract(item.path, item.type or UNKNOWN, name, hidden="\n".join(other_names), status=item.status)
        self.extracts.append(seen)  # before its members, whatever happens
        if not item.data and item.status != "read":
            return
        try:
            kind = self._kind(item)
            seen = self.extracts[place] = replace(seen, type=kind)
            found, status = self._read(item, kind, above)
            seen = self.extracts[place] = _merged(seen, found, status)
            if seen.status in PICTURES:
                self._keep(Picture(place, item.data))
        except Stopped as stop:
            self._fail(place, str(stop))
        except MemoryError:
            self._fail(place, "out-of-memory")
        except BaseException:  # noqa: BLE001 - it may fail in any way, and a panic in Rust is no Exception
            self._fail(place, "corrupt")

    def _keep(self, picture: Picture) -> None:
        if self.pictures is None or len(self.pictures) >= MAX_PICTURES:
            return
        if sum(len(each.data) for each in self.pictures) + len(picture.data) <= MAX_PICTURE_OCTETS:
            self.pictures.append(picture)

    def _fail(self, place: int, slug: str) -> None:
        seen = self.extracts[place]
        self.extracts[place] = replace(seen, status=slug if seen.status in HARMLESS else seen.status)

    def _kind(self, item: Payload) -> str:
        if not self._confined:
            return "text/plain" if item.type.startswith("text/") and not archive_type(item.data) else UNKNOWN
        kind = self._sniff(item.data, item.names)
        if kind == UNKNOWN or kind not in self._readers:
            kind = archive_type(item.data) or kind
        if kind.startswith("text/plain") and item.type.startswith("text/"):
            kind = item.type  # a fragment without a mark of its own is what the mail says it is
        return kind or UNKNOWN

    def _read(self, item: Payload, kind: str, above: tuple[bytes, ...]) -> tuple[Reading, str]:
        if kind in ARCHIVES and kind not in self._readers:
            return Reading(), self._archive(item, kind, above)
        if kind.startswith("text/") and (kind not in self._readers or not self._confined):
            if self._confined:
                self._beyond(item, kind, above)
            return _plain(item, self._budget)
        if not self._confined:
            return Reading(), "no-sandbox"
        reader = self._readers.get(kind)
        if reader is None:
            found = Reading(hidden=strings(item.data, min(_UNKNOWN_RUNS, self._budget.text_chars)))
            self._budget.spend_text(len(found.hidden))
            status = "picture" if kind.startswith("image/") else "unknown-type"
            if detached_signature(item.data):
                return found, "skipped"
            if packed_text(item.data[:_UNKNOWN_RUNS] or b"\0"):
                data, whole = inflate_any(item.data, self._budget)
                return found, self._members(item, iter([Member("stream", data)]), above) or (
                    "read" if whole else status
                )
            self._beyond(item, kind, above)
            return found, status
        return self._document(item, kind, reader, above)

    def _document(self, item: Payload, kind: str, reader: Reader, above: tuple[bytes, ...]) -> tuple[Reading, str]:
        data, most = item.data, _WIDEST * max(0, self._budget.text_chars)
        cut = kind.startswith("text/") and len(data) > most
        others: tuple[str, ...] = ()
        trouble = ""
        if kind.startswith("text/"):  # more than can be kept is not even looked at: markup costs more than it says
            data, others, trouble = _in_utf8(replace(item, data=data[:most]) if cut else item)
        status = "read"
        try:
            found = reader(data, self._budget)
            status = found.status
        except Stopped as stop:
            found, status = Reading(), str(stop)
        except (MemoryError, RecursionError) as error:
            found, status = Reading(), "out-of-memory" if isinstance(error, MemoryError) else "too-deep"
        except BaseException:  # noqa: BLE001 - as above, but its tail is still looked at
            found, status = Reading(), "corrupt"
        empty = not (found.text.strip() or found.hidden.strip() or found.tables or found.members)
        if status in ("read", "blank") and empty and not kind.startswith(_MAY_BE_EMPTY):
            status = "picture" if kind.startswith("image/") else "no-text"
        if status in ("corrupt", "no-text", "unsupported") and empty:
            found = replace(found, hidden=strings(data, min(_UNKNOWN_RUNS, self._budget.text_chars)))
        found = _with_others(found, others, self._budget)
        if status in HARMLESS and (cut or trouble):
            status = "too-much-text" if cut else trouble
        members = self._members(item, iter(found.members), above)
        self._beyond(item, kind, above)
        return found, status if status not in HARMLESS else members or status

    def _archive(self, item: Payload, kind: str, above: tuple[bytes, ...]) -> str:
        if not self._confined:
            return "no-sandbox"
        status = self._members(item, ARCHIVES[kind](item.data, self._budget), above)
        if kind != "application/zip":
            self._beyond(item, kind, above)
        return status or "read"

    def _members(self, item: Payload, members: Iterable[Member], above: tuple[bytes, ...]) -> str:
        """Go down into each; the slug of what ended it early, "" when nothing did."""
        digest = hashlib.blake2b(item.data, digest_size=16).digest()
        if digest in above:
            return "quine"
        if self._budget.depth <= 0:
            return "too-deep" if next(iter(members), None) is not None else ""
        self._budget.depth -= 1
        try:
            for number, each in enumerate(members, 1):
                path = f"{item.path}!{_step(each.name) or number}"
                names = (each.name,) if each.name else ()
                self.visit(Payload(path, each.data, names, status=each.status), (), (*above, digest))
        except Stopped as stop:
            return str(stop)
        finally:
            self._budget.depth += 1
        return ""

    def _beyond(self, item: Payload, kind: str, above: tuple[bytes, ...]) -> None:
        """What follows a file's end, and a ZIP that hides in a file of another type."""
        data = item.data
        end = end_of(data, kind)
        if kind not in ARCHIVES and b"PK\x05\x06" in data[-_ZIP_WINDOW:]:
            self._zip_inside(item, end, above)
        if data[end : end + _PADDING].strip(_BLANK) or data[end:].strip(_BLANK):
            self._budget.spend_member()
            self._foreign(item, "appended", data[end:], above)

    def _zip_inside(self, item: Payload, end: int, above: tuple[bytes, ...]) -> None:
        data = item.data
        try:
            seen = survey(data, self._budget.members)
        except Stopped as stop:
            if data.startswith(LOCAL):
                self._note(item, "archive", str(stop))
            return
        first = min((each.header for each in seen.entries), default=end)
        if data.startswith(LOCAL):  # an office document: its reader has read the members, not what is between
            for name, start, stop_at in seen.foreign:
                self._budget.spend_member()
                self._foreign(item, name, data[start:stop_at], above)
            if seen.comment.strip():
                self.visit(Payload(f"{item.path}!comment", seen.comment), (), above)
            for trouble in seen.troubles:
                self._note(item, "archive", trouble)
        elif first < end:  # else it is found in what follows the end
            self._budget.spend_member()
            ordinary = data.startswith(_OLE)  # office documents of old hold new ones, and their themes, as they are
            self._foreign(item, "zip", data[first:], above, ordinary=ordinary)

    def _note(self, item: Payload, step: str, slug: str) -> None:
        self.extracts.append(Extract(f"{item.path}!{step}", "application/zip", status=slug))

    def _foreign(
        self, item: Payload, step: str, data: bytes, above: tuple[bytes, ...], *, ordinary: bool = False
    ) -> None:
        place = len(self.extracts)
        if self._budget.depth <= 0:
            self._note(item, step, "too-deep")
            return
        self._budget.depth -= 1  # a file behind a file behind a file is as deep as one inside another
        payload = Payload(f"{item.path}!{step}", data.lstrip(_BLANK))
        self.visit(payload, (), (*above, hashlib.blake2b(item.data, digest_size=16).digest()))
        self._budget.depth += 1
        seen = self.extracts[place]
        if ordinary:
            own = {seen.path, f"{seen.path}!archive"}
            self.extracts[place:] = [
                replace(each, status="read") if each.path in own and each.status in _ORDINARY else each
                for each in self.extracts[place:]
            ]
        elif seen.status == "read" and not (seen.type == "text/plain" and len(data) < _SCRAP):
            self.extracts[place] = replace(seen, status="appended-data")


def _merged(seen: Extract, found: Reading, status: str) -> Extract:
    """What a reader found, beside what was known before; the worse of two slugs stays."""
    hidden = f"{found.hidden}\n{seen.hidden}" if seen.hidden and found.hidden else found.hidden or seen.hidden
    if status in HARMLESS and seen.status != "read":
        status = seen.status
    return replace(
        seen, text=found.text, hidden=hidden, tables=found.tables, labels=found.labels, status=status, page=found.page
    )


def _step(name: str) -> str:
    """A member's name as one step of a path."""
    return name[:_MAX_NAME].replace("!", "_").replace("\n", " ").replace("\r", " ")


def _plain(item: Payload, budget: Budget) -> tuple[Reading, str]:
    read = _text_of(item)
    budget.spend_text(len(read.text))
    found = _with_others(Reading(text=read.text), read.others, budget)
    return found, read.problems[0] if read.problems else "read"


def _with_others(found: Reading, others: tuple[str, ...], budget: Budget) -> Reading:
    """The text as other mail programs may read its octets, beside what the declared reading gave."""
    if not others:
        return found
    budget.spend_text(sum(map(len, others)))
    return replace(found, hidden="\n".join((found.hidden, *others)))


def _in_utf8(item: Payload) -> tuple[bytes, tuple[str, ...], str]:
    """Text for a reader that takes octets: in UTF-8 with its mark, which outweighs what the text says of itself.

    Also every other reading of the octets, and the slug of why the declared charset cannot be trusted.
    """
    read = _text_of(item)
    trouble = read.problems[0] if read.problems else ""
    if not item.charset or item.charset.lower() in ("utf-8", "us-ascii"):
        return item.data, read.others, trouble
    return b"\xef\xbb\xbf" + read.text.encode("utf-8", "replace"), read.others, trouble


def _text_of(item: Payload) -> Decoded:
    """The reading people see first: that of a byte order mark, else the declared one; beside it all others."""
    read = decode_text(item.data, item.charset)
    for mark, codec in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if item.data.startswith(mark):
            text = item.data[len(mark) :].decode(codec, "replace")
            return Decoded(text, (), tuple(each for each in read.readings if each != text))
    return read
