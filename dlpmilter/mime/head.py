# SPDX-License-Identifier: Apache-2.0
"""The header block (RFC 5322 section 2.2), found by one linear scan. Never decodes, never raises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpmilter.model.message import FieldSpan, Head

if TYPE_CHECKING:
    from dlpmilter.model.limits import Limits

_END = re.compile(rb"\n\r?\n")
# One field: name, colon, value with its folded lines. Possessive runs: no input makes it step back.
_FIELD = re.compile(rb"^([^\x00-\x20:\x7f]++)[ \t]*+:([^\n]*+\n?(?:[ \t][^\n]*+\n?)*+)", re.MULTILINE)
_BLANK_LOOKING = re.compile(rb"\n[ \t]++\r?\n")
_STRAY = re.compile(rb"[^\r\n]")
_MBOX = b"From "


def read_head(raw: bytes, limits: Limits) -> Head:
    """Read the header block at the start of `raw`; what follows the empty line is not looked at.

    A first mbox line (`From `) is skipped. Limits come first: a block over `header_octets` or with
    more than `header_fields` fields is read up to the limit and has a problem slug.
    """
    problems: list[str] = []
    if len(raw) > limits.header_octets and _end_of(raw, limits.header_octets) is None:
        problems.append("header-too-big")
    end = _end_of(raw, limits.header_octets) or min(len(raw), limits.header_octets)
    block = raw[:end]
    spans, complete = _spans(block, limits.header_fields)
    if not complete:
        problems.append("too-many-fields")
    places: dict[str, tuple[int, ...]] = {}
    for place, span in enumerate(spans):
        name = span[0]
        places[name] = (*places[name], place) if name in places else (place,)
    return Head(block, tuple(spans), places, end, tuple(problems), _doubts(block, spans) if complete else ())


def _end_of(raw: bytes, limit: int) -> int | None:
    if raw.startswith((b"\n", b"\r\n")):
        return 1 if raw[0] == 10 else 2
    match = _END.search(raw, 0, limit)
    return match.end() if match else None


def _spans(block: bytes, most: int) -> tuple[list[FieldSpan], bool]:
    spans: list[FieldSpan] = []
    for match in _FIELD.finditer(block):
        if len(spans) == most:
            return spans, False
        spans.append((match[1].decode("latin-1").lower(), match.start(), match.start(2), match.end()))
    return spans, True


def _doubts(block: bytes, spans: list[FieldSpan]) -> tuple[str, ...]:
    """Octets no field covers, NUL, and lines of blanks: some programs end the header there."""
    doubts = []
    if b"\x00" in block:
        doubts.append("nul-in-header")
    if _BLANK_LOOKING.search(block):
        doubts.append("blank-line-in-header")
    position = block.find(b"\n") + 1 if block.startswith(_MBOX) else 0
    for _, start, _, end in spans:
        if start > position and _STRAY.search(block, position, start):
            doubts.append("stray-line-in-header")
            break
        position = end
    else:
        if _STRAY.search(block, position):
            doubts.append("stray-line-in-header")
    return tuple(doubts)
