# SPDX-License-Identifier: Apache-2.0
"""Heads of entities: where one ends, and heads that stand where no tree has a part. Never decodes."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from dlpmilter.mime.head import read_head
from dlpmilter.model.message import Head

if TYPE_CHECKING:
    from mmap import mmap

    from dlpmilter.model.limits import Limits

MAX_HEADS = 2000
"""Heads inside texts that are followed in one buffer."""

_END = re.compile(rb"\n\r?\n")
_CONTENT_FIELD = rb"([ \t>]{0,8}+)content[ \t_-]{0,4}+(?:type|transfer[ \t_-]?encoding|disposition)[^\r\n:]{0,40}+:"
_CONTENT_LINES = tuple(re.compile(end + rb"(?i:" + _CONTENT_FIELD + rb")") for end in (rb"\n", rb"\r"))
_FIRST = re.compile(_CONTENT_FIELD, re.IGNORECASE)
_HEAD_END = re.compile(rb"\n[ \t\r]*+\n|\r\r|\n--")
_PART_END = re.compile(rb"[\r\n][ \t]*+--")
_REACH = 8192


class Entity(NamedTuple):
    """One head and the octets of its body."""

    start: int
    head: Head
    body: int
    end: int


def read_entity_head(data: bytes | mmap, start: int, end: int, limits: Limits) -> tuple[Head, int]:
    """The head at `start` by the standard, and where its body begins."""
    if data[start : min(start + 2, end)].startswith((b"\n", b"\r\n")):
        return Head(b""), start + (1 if data[start] == 10 else 2)
    reach = min(end, start + limits.header_octets)
    match = _END.search(data, start, reach)
    body = match.end() if match else reach
    return read_head(bytes(data[start:body]), limits), body


def declared_entities(data: bytes | mmap, limits: Limits) -> list[Entity]:
    """Every block of lines with a Content-* field, as far as the next dash line or the next such block."""
    starts: list[int] = []
    last = -1
    for start, end in _content_lines(data):
        if start < last:
            continue
        closing = _HEAD_END.search(data, end, end + _REACH)
        last = closing.end() if closing else end
        starts.append(start)
        if len(starts) >= MAX_HEADS:
            break
    found = []
    for number, start in enumerate(starts):
        until = starts[number + 1] if number + 1 < len(starts) else len(data)
        closing = _HEAD_END.search(data, start, min(until, start + _REACH))
        body = closing.end() if closing and not closing[0].endswith(b"--") else min(until, start + _REACH)
        stop = _PART_END.search(data, max(start, body - 1), until)
        raw = bytes(data[start:body]).replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b" \t>")
        found.append(Entity(start, read_head(raw, limits), body, stop.start() if stop else until))
    return found


def _content_lines(data: bytes | mmap) -> list[tuple[int, int]]:
    """Where Content-* fields begin and their names end, in order."""
    first = _FIRST.match(data)
    found = [(first.end(1), first.end())] if first else []
    for pattern in _CONTENT_LINES:
        found += [(match.end(1), match.end()) for match in islice(pattern.finditer(data), 10 * MAX_HEADS)]
    return sorted(found)
