# SPDX-License-Identifier: Apache-2.0
"""What lies in a PDF and on none of its pages: older versions, objects nobody draws, files and values of any kind.

Reads the octets and not the document: strings in dictionaries and object streams, comments, forms, metadata, files,
and streams that nothing refers to or that a later version replaced. Never draws, never follows a reference.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.decode import decode
from dlpmilter.content.formats.paper import inflate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpmilter.content.formats.paper import Paper

MAX_STREAMS = 20_000
MAX_SWEPT = 16 * 1024 * 1024
"""Octets that are inflated here besides what the pages took; a document with more hidden in it is `partial`."""
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_OBJECT = re.compile(rb"(\d{1,10})\s+\d{1,5}\s+obj\b")
_REFERENCE = re.compile(rb"(\d{1,10})\s+\d{1,5}\s+R\b")
_STRING = re.compile(rb"\(((?:[^()\\]|\\.|\((?:[^()\\]|\\.){0,2000}\)){3,5000})\)|<([0-9A-Fa-f\s]{8,5000})>", re.DOTALL)
_ESCAPE = re.compile(rb"\\([nrtbf()\\]|[0-7]{1,3}|\r?\n)")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_COMMENT = re.compile(rb"%[\t\x20-\x7e\x80-\xff]{8,2000}")
_RUN = re.compile(rb"[\t\x20-\x7e]{16,}")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_SHOWS = re.compile(rb"\bT[jJ]\b|['\"]\s")
_FORM = re.compile(rb"/Subtype\s*/Form\b")
_IMAGE = re.compile(rb"/Subtype\s*/Image\b")
_TABLE = re.compile(rb"/Type\s*/XRef\b|/Length1\b|/FontFile|/CIDFontType0C|/Type1C|/OpenType")
_PACKED_OBJECTS = re.compile(rb"/Type\s*/ObjStm\b")
_FILE = re.compile(rb"/EmbeddedFile\b")
_MARKUP = re.compile(rb"/Type\s*/Metadata\b|/Subtype\s*/XML\b")
_HEAD = 4096


@dataclass
class _Stream:
    """One stream and the dictionary before it."""

    number: int
    head: bytes
    body: bytes
    last: bool = True
    """Whether no later object has its number."""


@dataclass
class _Sweep:
    """What has been collected of one document."""

    paper: Paper
    outside: list[bytes] = field(default_factory=list)
    left: int = MAX_SWEPT

    def octets(self, stream: _Stream) -> bytes:
        """Inflated where that is all that is to be done; as they are otherwise."""
        if b"FlateDecode" not in stream.head and b"/Fl" not in stream.head:
            return stream.body
        try:
            found, _ = inflate(stream.body, self.paper.budget, zlib.MAX_WBITS, self.left)
        except Stopped:
            self.left = 0
            self.paper.trouble("partial")
            return b""
        self.left -= len(found)
        return found


def sweep(data: bytes, paper: Paper, given: frozenset[bytes]) -> None:
    """Hide everything that is found; `given` are digests of files that were handed on already. Raises Stopped."""
    if re.search(rb"/Encrypt\s*(?:\d+ \d+ R|<<)", data):
        return  # strings and streams are ciphers here; pdfium has read it or has said that it is locked
    one = _Sweep(paper)
    streams = _streams(data, one)
    for stream in streams:
        if _PACKED_OBJECTS.search(stream.head):
            one.outside.append(one.octets(stream))
    outside = b"\n".join(one.outside)
    referred = {int(each) for each in _REFERENCE.findall(outside)}
    paper.hide("\n".join(dict.fromkeys(strings_of(outside))))
    paper.hide("\n".join(each[1:].decode("latin-1") for each in _COMMENT.findall(outside)[:1000]))
    for stream in streams:
        _read(stream, one, given, orphan=not stream.last or stream.number not in referred)


def _streams(data: bytes, one: _Sweep) -> list[_Stream]:
    """All streams; the octets between them go to `outside`."""
    found: list[_Stream] = []
    latest: dict[int, _Stream] = {}
    at = 0
    for count, match in enumerate(_STREAM.finditer(data)):
        if match.start() < at:
            continue
        if count >= MAX_STREAMS:
            one.paper.trouble("partial")
            break
        before = data[at : match.start()]
        one.outside.append(before)
        numbers = list(_OBJECT.finditer(before[-_HEAD:]))
        head = before[-_HEAD:][numbers[-1].end() :] if numbers else before[-_HEAD:]
        end = data.find(b"endstream", match.end())
        end = len(data) if end < 0 else end
        stream = _Stream(int(numbers[-1][1]) if numbers else -1, head, data[match.end() : end])
        if stream.number in latest:
            latest[stream.number].last = False
        latest[stream.number] = stream
        found.append(stream)
        at = end
    one.outside.append(data[at:])
    return found


def _read(stream: _Stream, one: _Sweep, given: frozenset[bytes], *, orphan: bool) -> None:
    head, paper = stream.head, one.paper
    if _IMAGE.search(head):
        if b"/Filter" not in head:
            paper.hide("\n".join(each.decode("ascii") for each in _RUN.findall(stream.body[:MAX_SWEPT])[:1000]))
    elif _TABLE.search(head) or _PACKED_OBJECTS.search(head):
        return
    elif _FILE.search(head):
        octets = one.octets(stream)
        if octets.strip() and hashlib.blake2b(octets.strip()).digest() not in given:
            paper.member("embedded", octets)
    elif _MARKUP.search(head):
        paper.hide(" ".join(_TAG.sub(" ", decode(one.octets(stream))).split()))
    elif orphan or _FORM.search(head):
        octets = one.octets(stream)
        if _SHOWS.search(octets):
            pieces = list(strings_of(octets, shortest=1))
            paper.hide("\n".join(pieces))
            paper.hide("".join(pieces))
        elif orphan:
            paper.hide("\n".join(each.decode("ascii") for each in _RUN.findall(octets)[:10_000]))


def strings_of(body: bytes, shortest: int = 4) -> Iterator[str]:
    """Each string, its escapes undone (ISO 32000-1 7.3.4)."""
    pattern = _STRING if shortest > 1 else _ANY_STRING
    for match in pattern.finditer(body):
        if match[1] is not None:
            octets = _ESCAPE.sub(_unescape, match[1]) if b"\\" in match[1] else match[1]
        else:
            digits = b"".join(match[2].split())
            octets = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
        if octets[:2] in (b"\xfe\xff", b"\xff\xfe"):
            yield decode(octets)
        elif not octets.translate(None, _SAID):
            yield octets.decode("cp1252", "replace")


def _unescape(match: re.Match[bytes]) -> bytes:
    word = match[1]
    if word[:1] in b"01234567":
        return bytes([int(word, 8) & 0xFF])
    return b"" if word[-1:] == b"\n" else _ESCAPES.get(word, word)


_SAID = bytes({*range(32, 256), 9, 10, 13})
_ANY_STRING = re.compile(rb"\(((?:[^()\\]|\\.){0,5000})\)|<([0-9A-Fa-f\s]{2,5000})>", re.DOTALL)
