# SPDX-License-Identifier: Apache-2.0
"""Lines that could part a multipart body (RFC 2046 5.1.1), read once for a buffer and asked for each boundary.

Tells the delimiters of the standard from those only some programs accept; never decides which ones count.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mmap import mmap

MAX_LINES = 100_000
# One pattern for each sign that ends a line somewhere: `re` skips to a plain octet far faster than to one of several.
_DASHES = tuple(re.compile(end + rb"([ \t]*+)--([^\r\n]{0,300}+)") for end in (rb"\n", rb"\r", rb"\x0b", rb"\x0c"))
_FIRST = re.compile(rb"([ \t]*+)--([^\r\n]{0,300}+)")
_Pieces = list[tuple[int, int]]


class _Line(NamedTuple):
    start: int
    """The first dash."""
    end: int
    indented: bool
    """Whether blanks or a lone CR stand before it."""
    text: bytes


class Delimiters:
    """The dash lines of one buffer; found when first asked."""

    def __init__(self, data: bytes | mmap) -> None:
        self._data = data
        self._lines: list[_Line] | None = None
        self._strict: dict[int, int] = {}
        self._odd: set[int] = set()

    def odd(self) -> bool:
        """Whether a line looks like a delimiter to some program and is none by the standard."""
        return bool(self._odd - self._strict.keys())

    def spans(self) -> list[tuple[int, int]]:
        """The octets of the delimiters by the standard that were asked for."""
        return list(self._strict.items())

    def pieces(self, start: int, end: int, boundary: bytes, most: int) -> tuple[_Pieces | None, _Pieces]:
        """Octet ranges between the delimiters of one boundary: by the standard, and with the odd ones too.

        None when the buffer has more dash lines or parts than are looked at.
        """
        lines = self._all()
        if len(lines) >= MAX_LINES:
            return None, []
        strict: list[tuple[_Line, bool]] = []
        every: list[tuple[_Line, bool]] = []
        wanted = boundary.lower()
        for line in lines[bisect_left(lines, start, key=lambda line: line.start) :]:
            if line.start >= end:
                break
            if line.text[: len(wanted)].lower() != wanted:
                continue
            rest = line.text[len(wanted) :].rstrip(b" \t")
            closing = rest.startswith(b"--")
            if not line.indented and rest in (b"", b"--") and line.text.startswith(boundary):
                strict.append((line, closing))
                self._strict[line.start] = self._after(line.end, end)
            else:
                self._odd.add(line.start)
            every.append((line, closing))
        if len(strict) > most:
            return None, []
        return self._between(strict, start, end), self._between(every, start, end) if len(every) > len(strict) else []

    def _all(self) -> list[_Line]:
        if self._lines is None:
            first = _FIRST.match(self._data)
            lines = [_Line(first.end(1), first.end(), bool(first[1]), first[2])] if first else []
            for pattern in _DASHES:
                odd = pattern is not _DASHES[0]
                for match in pattern.finditer(self._data):
                    lines.append(_Line(match.end(1), match.end(), odd or bool(match[1]), match[2]))
                    if len(lines) >= MAX_LINES:
                        break
            self._lines = sorted(lines)
        return self._lines

    def _between(self, lines: list[tuple[_Line, bool]], start: int, end: int) -> _Pieces:
        pieces: _Pieces = []
        opened = -1
        for line, closing in lines:
            if opened >= 0:
                pieces.append((opened, max(opened, self._before(line.start, start))))
            opened = -1 if closing else self._after(line.end, end)
        if opened >= 0:
            pieces.append((opened, end))
        return pieces

    def _after(self, position: int, end: int) -> int:
        """Past the line end that belongs to the delimiter."""
        for line_end in (b"\r\n", b"\n", b"\r"):
            if self._data[position : position + len(line_end)] == line_end:
                return min(end, position + len(line_end))
        return min(end, position)

    def _before(self, position: int, start: int) -> int:
        """Before the line end that belongs to the delimiter."""
        while position > start and self._data[position - 1] in (32, 9):
            position -= 1
        if position > start and self._data[position - 1] == 10:
            position -= 1
        if position > start and self._data[position - 1] == 13:
            position -= 1
        return position
