# SPDX-License-Identifier: Apache-2.0
"""The MIME tree (RFC 2045-2047, 2231, 5322) by our own linear parser, with byte offsets and limits first.

Stdlib `email` takes minutes for mails made to hurt it and silently drops parts; this one searches for
boundaries with `re` on the buffer, never line by line in Python, and names what it could not read.
Never raises for any input, never extracts files, never judges.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from dlpmilter.mime.fields import ContentField, read_content
from dlpmilter.mime.head import read_head
from dlpmilter.mime.leaf import Leaf, inspect_leaf, looks_like_mail
from dlpmilter.mime.quoted import addresses
from dlpmilter.mime.text import decode_body, decode_words
from dlpmilter.model.message import Head, Part, QuotedMail, Structure

if TYPE_CHECKING:
    from mmap import mmap

    from dlpmilter.model.limits import Limits

_END = re.compile(rb"\n\r?\n")
_PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})
_CODED = frozenset({"base64", "quoted-printable"})
_MAIL_TYPES = frozenset({"message/rfc822", "message/global", "message/news"})
_SNIFFED_TYPES = frozenset(
    {"application/octet-stream", "application/eml", "application/x-eml", "text/plain", "message/x-eml"}
)
_EXPANSION = 2
"""Embedded mails may be decoded to at most this many times the mail's own size, all together."""


def read_structure(message: bytes | mmap, limits: Limits) -> Structure:
    """Read the tree of a whole message (header block included).

    Whatever a limit cut off is named in `uninspectable`; whatever mail programs read differently is
    named in `doubts`. Linear in the size of the message times its nesting.
    """
    return _Reader(limits, len(message)).read(message)


class _TooMuch(Exception):  # a jump out of the tree, not an error
    """A limit was reached: stop walking."""


class _Reader:
    """Collects while walking; lives for one message."""

    def __init__(self, limits: Limits, size: int) -> None:
        self.limits = limits
        self.parts: list[Part] = []
        self.quotes: list[QuotedMail] = []
        self.troubles: dict[str, None] = {}
        self.doubts: dict[str, None] = {}
        self.flags: set[str] = set()
        self.attachments = 0
        self.report = ""
        self.report_body: tuple[int, int] | None = None
        self.budget = _EXPANSION * size + 64 * 1024
        self.text_left = 4 * limits.text_octets

    def read(self, message: bytes | mmap) -> Structure:
        try:
            self._entity(message, 0, len(message), _Place("1", 0, (), "text/plain"))
        except _TooMuch as stop:
            self.troubles[str(stop)] = None
        except (RecursionError, MemoryError, ValueError, OverflowError) as error:
            self.troubles[f"unreadable-{type(error).__name__.lower()}"] = None
        return Structure(
            parts=tuple(self.parts),
            attachments=self.attachments,
            quotes=tuple(self.quotes[:200]),
            uninspectable=tuple(self.troubles),
            doubts=tuple(self.doubts),
            encrypted="encrypted" in self.flags,
            signed="signed" in self.flags,
            calendar="calendar" in self.flags,
            invitation="invitation" in self.flags,
            attached_mail="attached-mail" in self.flags,
            digest="digest" in self.flags,
            report=self.report,
            report_body=self.report_body,
        )

    def _entity(self, data: bytes | mmap, start: int, end: int, place: _Place) -> None:
        """One header block and its body: a mail, or a part of one."""
        if len(self.parts) >= self.limits.parts:
            raise _TooMuch("too-many-parts")
        if place.depth > self.limits.nesting:
            raise _TooMuch("too-deep")
        head, body = self._head(data, start, end)
        kind = self._content_type(head, place)
        encoding = self._encoding(head)
        disposition = read_content(head.get("content-disposition"))
        names = tuple(dict.fromkeys([*disposition.texts("filename"), *kind.texts("name")]))
        part = Part(
            path=place.path,
            type=kind.value,
            names=tuple(name[:300] for name in names),
            header_start=place.base if place.decoded else start,
            body_start=place.base if place.decoded else body,
            body_end=place.base_end if place.decoded else end,
            encoding=encoding,
            charset=next((v.decode("latin-1")[:40].lower() for v in kind.all("charset")), ""),
            disposition=disposition.value[:40],
            decoded=place.decoded,
        )
        if kind.value.startswith("multipart/"):
            self._multipart(data, body, end, part, kind, place)
        elif kind.value in _MAIL_TYPES:
            self._embedded(data, body, end, part, place)
        else:
            self._leaf(data, body, end, part, kind, head, place)

    def _head(self, data: bytes | mmap, start: int, end: int) -> tuple[Head, int]:
        if data[start : min(start + 2, end)].startswith((b"\n", b"\r\n")):
            blank = start + (1 if data[start] == 10 else 2)  # LF
            return Head(b""), blank
        reach = min(end, start + self.limits.header_octets)
        match = _END.search(data, start, reach)
        if match is None and reach < end:
            self.troubles["header-too-big"] = None
        body = match.end() if match else reach
        head = read_head(bytes(data[start:body]), self.limits)
        self._note(self.troubles, head.problems)
        self._note(self.doubts, head.doubts)
        return head, body

    def _content_type(self, head: Head, place: _Place) -> ContentField:
        values = head.all("content-type")
        if len(set(values)) > 1:
            self.doubts["duplicate-content-type"] = None
        kind = read_content(values[0] if values else None)
        if kind.overflow:
            self.troubles["too-many-parameters"] = None
        if kind.value.count("/") != 1:
            if values and kind.value not in ("", "text"):
                self.doubts["broken-content-type"] = None
            return ContentField(place.default, kind.parameters)
        return kind

    def _encoding(self, head: Head) -> str:
        values = [b"".join(value.split(b";")[0].split()).lower() for value in head.all("content-transfer-encoding")]
        if len(set(values)) > 1:
            self.doubts["duplicate-transfer-encoding"] = None
        encoding = values[0].decode("latin-1")[:40] if values else ""
        if encoding not in _PLAIN_ENCODINGS and encoding not in _CODED:
            self.troubles["unknown-transfer-encoding"] = None
        return encoding

    def _multipart(
        self, data: bytes | mmap, body: int, end: int, part: Part, kind: ContentField, place: _Place
    ) -> None:
        self.parts.append(part)
        self._note(self.doubts, kind.doubts)
        if part.encoding in _CODED:
            self.doubts["encoded-multipart"] = None
        self._flag_multipart(part, kind)
        boundary, pieces = self._split(data, body, end, kind, place)
        if boundary is None:
            text = ContentField("text/plain")
            self._leaf(data, body, end, _renamed(part, "text/plain", f"{part.path}.1"), text, Head(b""), place)
            return
        default = "message/rfc822" if kind.value == "multipart/digest" else "text/plain"
        for number, (first, last) in enumerate(pieces, 1):
            self._entity(data, first, last, place.below(number, boundary, default, kind.value))

    def _flag_multipart(self, part: Part, kind: ContentField) -> None:
        if part.type == "multipart/signed":
            self.flags.add("signed")
        elif part.type == "multipart/encrypted":
            self.flags.add("encrypted")
        elif part.type == "multipart/digest":
            self.flags.add("digest")
        elif part.type == "multipart/report" and part.path == "1":
            self.report = next((v.decode("latin-1").lower()[:60] for v in kind.all("report-type")), "unknown")

    def _split(
        self, data: bytes | mmap, body: int, end: int, kind: ContentField, place: _Place
    ) -> tuple[bytes | None, list[tuple[int, int]]]:
        boundaries = list(dict.fromkeys(value.rstrip()[:200] for value in kind.all("boundary") if value.strip()))
        if not boundaries:
            self.doubts["multipart-without-boundary"] = None
            return None, []
        if len(boundaries) > 1:
            self.doubts["duplicate-boundary"] = None
        for boundary in boundaries:
            if boundary in place.boundaries:
                self.doubts["nested-equal-boundary"] = None
            pieces = self._pieces(data, body, end, boundary)
            if pieces:
                return boundary, pieces
        if data[body:end].strip():
            self.doubts["boundary-not-found"] = None
        return None, []

    def _pieces(self, data: bytes | mmap, body: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
        """Octet ranges between the delimiter lines (RFC 2046 5.1.1); stops at the parts limit."""
        line = re.compile(rb"\n--" + re.escape(boundary) + rb"(--)?+[ \t]*+\r?(?:\n|\Z)")
        pieces: list[tuple[int, int]] = []
        start, position, closed = -1, max(0, body - 1), False
        if body == 0 and data[:1] != b"\n":
            position = 0
        most = self.limits.parts + 2
        while match := line.search(data, position, end):
            stop = match.start() - (data[match.start() - 1] == 13 if match.start() > body else 0)  # CR
            if start >= 0:
                pieces.append((start, max(start, stop)))
            elif closed:
                self.doubts["part-after-last-boundary"] = None
                break
            closed = match[1] is not None
            start = -1 if closed else match.end()
            position = match.end() - 1 if match.end() > match.start() + 1 else match.end()
            if len(pieces) > most:
                break
        if start >= 0:
            pieces.append((start, end))  # cut off without a closing line: what is there counts
        return pieces

    def _embedded(self, data: bytes | mmap, body: int, end: int, part: Part, place: _Place) -> None:
        """An attached mail (message/rfc822 or .eml), also in base64 or quoted-printable."""
        in_report = place.container == "multipart/report"
        self.parts.append(_as_attachment(part, "read") if not in_report else part)
        if not in_report:
            self.attachments += 1
            self.flags.add("attached-mail")
        inner = data
        if part.encoding in _CODED:
            inner = self._decoded(data, body, end, part.encoding)
            first, last, below = 0, len(inner), place.inside(part)
        else:
            first, last, below = body, end, place.inside(None)
        head, start = self._head(inner, first, last)
        if in_report and not below.decoded and self.report_body is None:
            self.report_body = (start, end)
        if not in_report and len(self.quotes) < 200:  # far above what a judge needs
            self.quotes.append(_attached(head, part))
        self._entity(inner, first, last, below)

    def _decoded(self, data: bytes | mmap, body: int, end: int, encoding: str) -> bytes:
        self.budget -= end - body
        if self.budget < 0:
            raise _TooMuch("too-much-embedded")
        return decode_body(bytes(data[body:end]), encoding)

    def _leaf(
        self, data: bytes | mmap, body: int, end: int, part: Part, kind: ContentField, head: Head, place: _Place
    ) -> None:
        named_mail = any(name.lower().endswith(".eml") for name in part.names)
        if (named_mail or (part.type in _SNIFFED_TYPES and part.names)) and part.encoding in _PLAIN_ENCODINGS | _CODED:
            sample = decode_body(bytes(data[body : min(end, body + 4096)]), part.encoding)
            if looks_like_mail(sample, self.limits):
                self._embedded(data, body, end, part, place)
                return
        leaf = inspect_leaf(data, body, end, part, kind, head, self.limits, place.container, self.text_left)
        self._take(leaf)

    def _take(self, leaf: Leaf) -> None:
        self.parts.append(leaf.part)
        self.attachments += leaf.part.attachment
        self.text_left -= leaf.octets
        self.flags |= leaf.flags
        self.quotes.extend(leaf.quotes)
        self._note(self.troubles, leaf.troubles)
        self._note(self.doubts, leaf.doubts)

    @staticmethod
    def _note(where: dict[str, None], slugs: tuple[str, ...]) -> None:
        for slug in slugs:
            where[slug] = None


class _Place:
    """Where in the tree we stand."""

    __slots__ = ("base", "base_end", "boundaries", "container", "decoded", "default", "depth", "path")

    def __init__(self, path: str, depth: int, boundaries: tuple[bytes, ...], default: str) -> None:
        self.path, self.depth, self.boundaries, self.default = path, depth, boundaries, default
        self.container, self.decoded, self.base, self.base_end = "", False, 0, 0

    def below(self, number: int, boundary: bytes, default: str, container: str) -> _Place:
        """Child `number` of a multipart."""
        place = _Place(f"{self.path}.{number}", self.depth + 1, (*self.boundaries, boundary), default)
        place.container, place.decoded, place.base, place.base_end = container, self.decoded, self.base, self.base_end
        return place

    def inside(self, decoded_from: Part | None) -> _Place:
        """The mail inside an attached mail; offsets stay with the part it had to be decoded from."""
        boundaries = self.boundaries if decoded_from is None else ()
        place = _Place(f"{self.path}.1", self.depth + 1, boundaries, "text/plain")
        place.container = "message"
        place.decoded, place.base, place.base_end = self.decoded, self.base, self.base_end
        if decoded_from is not None and not self.decoded:
            place.decoded, place.base, place.base_end = True, decoded_from.body_start, decoded_from.body_end
        return place


def _attached(head: Head, part: Part) -> QuotedMail:
    to = b", ".join((*head.all("to"), *head.all("cc")))
    senders = addresses(decode_words(head.get("from") or b""))[:1]
    signal = "attached-message" if part.type in _MAIL_TYPES else "attached-eml"
    return QuotedMail("attached", signal, part.path, 0, senders, addresses(decode_words(to)), not senders)


def _as_attachment(part: Part, status: str) -> Part:
    return replace(part, attachment=True, status=status)


def _renamed(part: Part, kind: str, path: str) -> Part:
    return Part(path, kind, (), part.header_start, part.body_start, part.body_end, "", part.charset, "", part.decoded)
