# SPDX-License-Identifier: Apache-2.0
"""Every payload any mail program could see in one mail: the usual tree, other trees, and blocks found by force.

Where a head can be read in two ways, both are followed; what no reading covers (preamble, epilogue, leftovers)
is given as it is; encoded blocks are looked for in all of it, also inside each other. Never chooses between
readings, never opens documents or archives, never raises, never judges.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from dlpmilter.mime import brute, decoders
from dlpmilter.mime.delimiters import Delimiters
from dlpmilter.mime.entities import declared_entities, read_entity_head
from dlpmilter.mime.leaf import looks_like_mail
from dlpmilter.mime.mapped import copy_of
from dlpmilter.mime.readings import Meaning, field_texts, read_meaning
from dlpmilter.mime.worth import is_known_file, looks_like_text
from dlpmilter.model.views import HeaderText, Payload, Views

if TYPE_CHECKING:
    from mmap import mmap

    from dlpmilter.model.limits import Limits
    from dlpmilter.model.message import Head, Structure

DEPTH = 6
"""Encodings inside encodings that are undone: five, and one more to be told."""

_EXPANSION = 4
"""All readings together may take this many times the mail's own size (and 1 MiB), up to limits.view_octets."""
_MIB = 1024 * 1024
_SEAM = 300
_SHORTEST_BLOCK = 16
_LONE_CR = re.compile(rb"\r(?!\n)")
_LINE_END = re.compile(rb"\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]++")
_WORD_ENDS = re.compile(rb"=\?[^?\s]{1,60}+\?[BbQq]\?[^?\s]{0,998}+\?=[ \t]*+\r?\n")
"""An encoded word ends with its line (RFC 2047): the field after it, a Message-ID perhaps, is no part of its text."""
_MAX_HEADERS = 20_000
_NO_MAIL_INSIDE = frozenset(
    "message/partial message/external-body message/delivery-status message/disposition-notification "
    "message/global-delivery-status message/feedback-report".split()
)
_MAY_BE_MAIL = frozenset({"", "text/plain", "application/octet-stream", "application/eml", "application/x-eml"})
_MISSING = {"message/partial": "message-partial", "message/external-body": "message-external-body"}


def read_views(message: bytes | mmap, structure: Structure, limits: Limits) -> Views:
    """Read one mail in every way, with the doubts and troubles of its structure carried on.

    Bounded by `limits` (parts, nesting, header octets, view_octets); what a limit cut off has a slug in
    `uninspectable`. Linear in the size of the mail times its nesting.
    """
    return _Viewer(structure, limits, len(message)).read(message)


class _Full(Exception):  # a jump out, not an error
    """A limit was reached."""


class _Buffer:
    """Octets with a tree in them: the mail, or what was decoded from one of its parts."""

    __slots__ = ("covered", "data", "delimiters", "flat", "heads", "level", "seen")

    def __init__(self, data: bytes | mmap, level: int, *, flat: bool = False) -> None:
        self.data, self.level, self.flat = data, level, flat
        self.seen: set[tuple[int, int, str]] = set()
        self.heads: list[tuple[int, int]] = []
        self.covered: list[tuple[int, int, bool]] = []
        """Octets some reading has given: first, last, and whether blocks inside still have to be looked for."""
        self.delimiters = Delimiters(data)


class _Place:
    """Where in the tree an entity stands, and by which kind of reading we came there."""

    __slots__ = ("default", "depth", "origin", "path")

    def __init__(self, path: str, depth: int, default: str, origin: str) -> None:
        self.path, self.depth, self.default, self.origin = path, depth, default, origin

    def below(self, name: str, default: str = "text/plain", origin: str = "") -> _Place:
        return _Place(f"{self.path}{name}", self.depth + 1, default, origin or self.origin)


class _Viewer:
    """Collects while walking; lives for one mail."""

    def __init__(self, structure: Structure, limits: Limits, size: int) -> None:
        self.limits = limits
        self.payloads: list[Payload] = []
        self.data_seen: set[bytes] = set()
        self.headers: dict[HeaderText, None] = {}
        self.doubts = dict.fromkeys(structure.doubts)
        self.troubles = dict.fromkeys(structure.uninspectable)
        self.left = min(_EXPANSION * size + _MIB, max(limits.view_octets, size + _MIB))
        self.search_left = limits.search_octets
        self.entities = 0
        self.scanned: set[bytes] = set()

    def read(self, message: bytes | mmap) -> Views:
        try:
            self._buffer(_Buffer(message, 0), _Place("1", 0, "text/plain", "tree"))
        except _Full as stop:
            self.troubles[str(stop)] = None
        except (RecursionError, MemoryError, ValueError, OverflowError) as error:
            self.troubles[f"unreadable-{type(error).__name__.lower()}"] = None
        self._seams()
        return Views(tuple(self.payloads), tuple(self.headers), tuple(self.doubts), tuple(self.troubles))

    def _buffer(self, buffer: _Buffer, place: _Place, meaning: Meaning | None = None) -> None:
        """A whole buffer: its tree, what the tree leaves out, heads nobody reached, and blocks in all of it."""
        try:
            if meaning is None:
                self._entity(buffer, 0, len(buffer.data), place)
            else:
                self._body(buffer, 0, len(buffer.data), meaning, place)
        except _Full as stop:
            self.troubles[str(stop)] = None
        if buffer.delimiters.odd():
            self.doubts["odd-delimiter"] = None
        buffer.covered += [(first, last, True) for first, last in buffer.delimiters.spans()]
        self._leftovers(buffer, place)
        self._undeclared(buffer, place)
        self._blocks_between(buffer, place)
        self._flattened(buffer, place, meaning)

    def _flattened(self, buffer: _Buffer, place: _Place, meaning: Meaning | None) -> None:
        """Once more for programs that end lines at a lone CR or do not see a NUL."""
        if buffer.flat or (buffer.data.find(b"\0") < 0 and not _LONE_CR.search(buffer.data)):
            return
        if len(buffer.data) > self.search_left:
            self.troubles["too-much-to-search"] = None
            return
        octets = bytes(buffer.data).replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"")
        self.left -= len(octets)
        if self.left < 0:
            raise _Full("too-much-encoded")
        flat = _Buffer(octets, buffer.level, flat=True)
        doubts = dict(self.doubts)
        self._buffer(flat, _Place(f"{place.path}~lines", place.depth, place.default, "tolerant"), meaning)
        self.doubts = doubts  # of a mail nobody sent
        if len(flat.seen) > len(buffer.seen):
            self.doubts["lone-carriage-return"] = None

    # ── The tree ────────────────────────────────────────────────────────────────────────────────

    def _entity(self, buffer: _Buffer, start: int, end: int, place: _Place) -> None:
        if (start, end, place.default) in buffer.seen:
            return
        buffer.seen.add((start, end, place.default))
        self.entities += 1
        if self.entities > 2 * self.limits.parts:
            raise _Full("too-many-parts")
        if place.depth > self.limits.nesting:
            raise _Full("too-deep")
        head, body = read_entity_head(buffer.data, start, end, self.limits)
        self._head(head, place)
        buffer.covered.append((start, body, False))
        buffer.heads.append((start, body))
        self._head_blocks(head, buffer.level, place)
        meaning = read_meaning(head, place.default)
        self.doubts |= dict.fromkeys(meaning.doubts)
        self.troubles |= dict.fromkeys(meaning.troubles)
        self._body(buffer, body, end, meaning, place)

    def _head(self, head: Head, place: _Place) -> None:
        self.doubts |= dict.fromkeys(head.doubts)
        self.troubles |= dict.fromkeys(head.problems)
        for name, _, value, last in head.spans:
            for text in field_texts(_LINE_END.sub(b"", head.raw[value:last]).strip()):
                self.headers[HeaderText(place.path, name, text)] = None
        if head.doubts or head.raw.startswith(b"From "):
            for text in field_texts(head.raw):
                self.headers[HeaderText(place.path, "", text)] = None
        if len(self.headers) > _MAX_HEADERS:
            raise _Full("too-many-fields")

    def _head_blocks(self, head: Head, level: int, place: _Place) -> None:
        """Blocks in the values of fields, each line for itself and folded lines joined."""
        values = [head.raw[value:last] for _, _, value, last in head.spans]
        lines = _WORD_ENDS.sub(rb"\g<0>\n", _FOLD.sub(b"\n", b"".join(values)).lstrip())
        if len(lines) >= _SHORTEST_BLOCK:
            self._blocks(_Buffer(lines, level, flat=True), 0, len(lines), place.below("~head"))

    def _body(self, buffer: _Buffer, body: int, end: int, meaning: Meaning, place: _Place) -> None:
        self.troubles |= {_MISSING[kind]: None for kind in meaning.types if kind in _MISSING}
        coded = [encoding for encoding in meaning.encodings if encoding in decoders.DECODERS]
        multipart = [kind for kind in meaning.types if kind.startswith("multipart/")]
        split = self._multipart(buffer, body, end, meaning, place) if meaning.boundaries else False
        if split and not multipart:
            self.doubts["boundary-on-leaf"] = None
        for kind in meaning.types:
            if kind.startswith("message/") and kind not in _NO_MAIL_INSIDE and not coded:
                self._entity(buffer, body, end, place.below(".1"))
        if split and len(multipart) == len(meaning.types) and not coded:
            return
        whole_mail = all(kind.startswith("message/") and kind not in _NO_MAIL_INSIDE for kind in meaning.types)
        if whole_mail and not coded:
            return
        self._leaf(buffer, body, end, meaning, place)

    def _multipart(self, buffer: _Buffer, body: int, end: int, meaning: Meaning, place: _Place) -> bool:
        digest = any(kind == "multipart/digest" for kind in meaning.types)
        default = "message/rfc822" if digest else "text/plain"
        found = False
        for boundary in meaning.boundaries:
            strict, loose = buffer.delimiters.pieces(body, end, boundary, self.limits.parts + 2)
            if strict is None:
                raise _Full("too-many-parts")
            for number, (first, last) in enumerate(strict, 1):
                self._entity(buffer, first, last, place.below(f".{number}", default, "tolerant" if found else ""))
            for number, (first, last) in enumerate(loose, 1):
                self._entity(buffer, first, last, place.below(f".~{number}", default, "tolerant"))
            found = found or bool(strict or loose)
        return found

    def _leaf(self, buffer: _Buffer, body: int, end: int, meaning: Meaning, place: _Place) -> None:
        raw = self._raw(buffer, body, end, meaning)
        if len(raw) > _MIB and tuple(meaning.encodings) == ("base64",) and decoders.is_clean_base64(raw):
            raw = decoders.without_blanks(raw)
        clean = False
        given: list[tuple[bytes, ...]] = []
        for encoding in meaning.encodings:
            given.append(decoders.readings_of(raw, encoding))
            clean = clean or (len(given[-1]) == 1 and decoders.is_clean(raw, encoding))
        one = len(meaning.encodings) == 1 and meaning.encodings[0] in decoders.DECODERS
        if not clean and meaning.encodings[0] == "base64" and decoders.has_foreign_octets(raw):
            self.doubts["foreign-octets-in-base64"] = None
        if "base64" in meaning.encodings and decoders.is_torn_base64(raw):
            self.doubts["torn-base64"] = None
        spare = not (one and clean) and meaning.encodings[0] in decoders.DECODERS
        raw = raw if spare else b""  # else it would lie beside what was made of it
        for number, readings in enumerate(given):
            origin = place.origin if number == 0 else "tolerant"
            for other, octets in enumerate(readings):
                path = place.path if other == 0 else f"{place.path}~{other}"
                self._give(buffer, path, octets, meaning, origin if other == 0 else "tolerant", place)
        if spare:
            kind, charset = meaning.types[0], meaning.charsets[0]
            self._add(Payload(f"{place.path}~raw", kind, meaning.names, raw, charset, "tolerant", _is_text(kind, raw)))
        buffer.covered.append((body, end, not one))

    def _raw(self, buffer: _Buffer, body: int, end: int, meaning: Meaning) -> bytes:
        """The octets of a leaf, no more than can be looked at; what is cut says so."""
        most, slug = self.limits.content_member_octets + 1, "too-big"
        if any(encoding in decoders.DECODERS for encoding in meaning.encodings):
            most *= 2
        elif all(kind.startswith("text/") for kind in meaning.types):
            most, slug = 2 * self.limits.content_text_chars + 1, "too-much-text"
        if end - body > most:
            self.troubles[slug] = None
        return copy_of(buffer.data, body, min(end, body + most))

    def _give(self, buffer: _Buffer, path: str, octets: bytes, meaning: Meaning, origin: str, place: _Place) -> None:
        """One reading of a leaf; decoded octets are a buffer of their own."""
        kind = meaning.types[0]
        for charset in meaning.charsets:
            self._add(Payload(path, kind, meaning.names, octets, charset, origin, _is_text(kind, octets)))
        decoded = place.path != path or meaning.encodings[0] in decoders.DECODERS
        if decoded and octets:
            self._inside(octets, path, meaning, origin, buffer.level + 1, place)
        elif octets and self._is_mail(kind, octets):
            inner = _Buffer(octets, buffer.level + 1)
            self._nested(inner, place.below("~mail.1", origin="tolerant"))

    def _is_mail(self, kind: str, octets: bytes) -> bool:
        if kind.startswith("message/") and kind not in _NO_MAIL_INSIDE:
            return True
        return looks_like_mail(octets[:4096], self.limits)

    def _inside(
        self, octets: bytes, path: str, meaning: Meaning | None, origin: str, level: int, place: _Place
    ) -> None:
        """Decoded octets: a mail, a multipart somebody encoded as a whole, or text with blocks in it."""
        if octets in self.scanned or is_known_file(octets):
            return
        self.scanned.add(octets)
        if level > DEPTH:
            self.troubles["too-deep-encoding"] = None
            return
        below = _Place(path, place.depth + 1, "text/plain", origin)
        inner = _Buffer(octets, level)
        if meaning is not None and meaning.boundaries:
            whole = Meaning(meaning.types, meaning.boundaries, ("",), meaning.charsets, meaning.names, ())
            self._nested(inner, below, whole)
        elif self._is_mail(meaning.types[0] if meaning else "", octets):
            self._nested(inner, below.below(".1"))
        else:
            if not looks_like_text(octets) and not brute.may_hide(octets):
                return
            self._undeclared(inner, below)
            self._blocks(inner, 0, len(octets), below)

    def _nested(self, inner: _Buffer, place: _Place, meaning: Meaning | None = None) -> None:
        if place.depth > self.limits.nesting:
            raise _Full("too-deep")
        self._buffer(inner, place, meaning)

    def _seams(self) -> None:
        """Where one text ends and the next begins: a reader reads on, and so does a scanner."""
        texts = [payload for payload in self.payloads if payload.origin == "tree" and payload.text]
        pairs = pairwise(texts)
        seams = [
            first.data.rstrip(b"\r\n")[-_SEAM:] + then.data[:_SEAM] for first, then in pairs if first.type == then.type
        ]
        if seams:
            self.payloads.append(Payload("1~seams", "text/plain", (), b"\n\n".join(seams), "", "tolerant"))

    # ── What the tree leaves out ────────────────────────────────────────────────────────────────

    def _leftovers(self, buffer: _Buffer, place: _Place) -> None:
        """Preamble, epilogue, what stands after the last boundary: octets no reading has given."""
        for number, (first, last) in enumerate(_gaps(buffer.covered, len(buffer.data)), 1):
            octets = bytes(buffer.data[first:last])
            if octets.strip():
                self._add(Payload(f"{place.path}~rest.{number}", "", (), octets, "", "tolerant", _is_text("", octets)))

    def _undeclared(self, buffer: _Buffer, place: _Place) -> None:
        """Heads inside texts: a parser with another idea of boundaries would take them for parts."""
        heads = sorted(buffer.heads)
        for number, found in enumerate(declared_entities(buffer.data, self.limits), 1):
            at = bisect_right(heads, (found.start, len(buffer.data))) - 1
            if at >= 0 and found.start < heads[at][1]:
                continue  # a head of the tree
            meaning = read_meaning(found.head, "text/plain")
            raw = bytes(buffer.data[found.body : found.end])
            for encoding in meaning.encodings:
                if encoding not in decoders.DECODERS and not meaning.names:
                    continue
                for octets in decoders.readings_of(raw, encoding):
                    path = f"{place.path}~part.{number}"
                    self._add(
                        Payload(path, meaning.types[0], meaning.names, octets, meaning.charsets[0], "tolerant",
                                _is_text(meaning.types[0], octets))
                    )  # fmt: skip
                    if encoding in decoders.DECODERS:
                        self._inside(octets, path, None, "tolerant", buffer.level + 1, place)

    def _blocks_between(self, buffer: _Buffer, place: _Place) -> None:
        """Blocks wherever the tree did not decode cleanly."""
        settled = [(first, last) for first, last, look in buffer.covered if not look]
        for first, last in _gaps([(first, last, False) for first, last in settled], len(buffer.data)):
            self._blocks(buffer, first, last, place)

    def _blocks(self, buffer: _Buffer, start: int, end: int, place: _Place) -> None:
        room = max(0, self.search_left)
        self.search_left -= end - start
        if end - start > room:
            self.troubles["too-much-to-search"] = None
            if room < _SHORTEST_BLOCK:
                return
            end = start + room
        finds = brute.find_blocks(copy_of(buffer.data, start, end))
        self.troubles |= dict.fromkeys(finds.troubles)
        if finds.blocks and buffer.level >= DEPTH:
            self.troubles["too-deep-encoding"] = None
            return
        for number, block in enumerate(finds.blocks, 1):
            path = f"{place.path}~{block.kind}.{number}"
            names = (block.name,) if block.name else ()
            if block.data in self.data_seen and not names:
                continue
            self._add(Payload(path, "", names, block.data, "", "brute", looks_like_text(block.data)))
            self._inside(block.data, path, None, "brute", buffer.level + 1, place)

    def _add(self, payload: Payload) -> None:
        if payload.origin != "tree" and not payload.data.strip() and not payload.names:
            return
        self.left -= len(payload.data)
        if self.left < 0:
            raise _Full("too-much-encoded")
        if len(self.payloads) >= 4 * self.limits.parts:
            raise _Full("too-many-parts")
        self.payloads.append(payload)
        self.data_seen.add(payload.data)


def _is_text(kind: str, octets: bytes) -> bool:
    return kind.startswith("text/") or (not is_known_file(octets) and looks_like_text(octets))


def _gaps(covered: list[tuple[int, int, bool]], size: int) -> list[tuple[int, int]]:
    """The ranges between covered ones."""
    gaps = []
    position = 0
    for first, last, _ in sorted(covered):
        if first > position:
            gaps.append((position, first))
        position = max(position, last)
    if position < size:
        gaps.append((position, size))
    return gaps
