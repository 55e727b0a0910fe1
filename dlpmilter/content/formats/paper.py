# SPDX-License-Identifier: Apache-2.0
"""The paper a reader writes on: text, hidden text, tables, labels, members, all counted against the budget.

Never lets an exception of a parser out: what was read before the trouble is kept, the trouble is named.
Never calls a document empty without saying so.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dlpmilter.content.formats.base import Budget, Member, Reader, Reading, Stopped
from dlpmilter.content.formats.fold import folded
from dlpmilter.model.content import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CELL = 2000
"""Characters kept of one cell; the text holds the rest."""
MAX_ROWS = 20_000
"""Rows kept of one table; `rows_total` counts on."""
MAX_COLUMNS = 256
MAX_TABLES = 500
MAX_LABELS = 100
MAX_NAME = 300
INFLATE_CHUNK = 256 * 1024


class Paper:
    """Lives for one document."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.status = "read"
        self.page = 0
        self._text: list[str] = []
        self._hidden: list[str] = []
        self._tables: list[Table] = []
        self._labels: dict[str, None] = {}
        self._members: list[Member] = []

    def show(self, text: str) -> None:
        """Add what a person sees. Raises Stopped."""
        if text:
            self._text.append(self._room_for(text))
            self.budget.spend_text(len(text))

    def hide(self, text: str) -> None:
        """Add what a person does not see at first. Raises Stopped."""
        if text and not text.isspace():
            self._hidden.append(self._room_for(text))
            self.budget.spend_text(len(text))

    def _room_for(self, text: str) -> str:
        """As much of the text as may still be kept."""
        return text if len(text) <= self.budget.text_chars else text[: max(0, self.budget.text_chars)]

    def write(self, text: str, *, hidden: bool) -> None:
        """Add to one side or the other. Raises Stopped."""
        if hidden:
            self.hide(text)
        else:
            self.show(text)

    def table(self, rows: Iterable[Sequence[str]], name: str = "") -> None:
        """Keep a table (rows without any text are not counted); its text is the caller's to show."""
        kept: list[tuple[str, ...]] = []
        total = 0
        for row in rows:
            if not any(row):
                continue
            total += 1
            if total <= MAX_ROWS:
                kept.append(tuple(cell[:MAX_CELL] for cell in row[:MAX_COLUMNS]))
        if total and len(self._tables) < MAX_TABLES:
            self._tables.append(Table(tuple(kept), total, name[:MAX_NAME]))

    def label(self, text: str) -> None:
        """Keep a sensitivity label."""
        if text and len(self._labels) < MAX_LABELS:
            self._labels[text[:MAX_NAME]] = None

    def member(self, name: str, data: bytes, status: str = "read") -> None:
        """Hand on an embedded file. Raises Stopped."""
        self.budget.spend_member()
        self._members.append(Member(name[:MAX_NAME], data, status))

    def trouble(self, slug: str) -> None:
        """Name why not all could be read; the first reason stays."""
        if self.status == "read":
            self.status = slug

    @property
    def shown(self) -> bool:
        """Whether there is any text a person sees, so far."""
        return any(not each.isspace() for each in self._text)

    @property
    def blank(self) -> bool:
        """Whether nothing at all was found so far."""
        return not (self._members or self._tables or any(not t.isspace() for t in (*self._text, *self._hidden)))

    def reading(self) -> Reading:
        """The result; a document without anything says `blank`."""
        if self.blank:
            self.trouble("blank")
        text, hidden = "".join(self._text), "\n".join(self._hidden)
        more = "\n".join(each for each in (folded(text), folded(hidden)) if each)
        return Reading(
            text=text,
            hidden=f"{hidden}\n{more}" if more else hidden,
            tables=tuple(self._tables),
            labels=tuple(self._labels),
            members=tuple(self._members),
            status=self.status,
            page=self.page,
        )


Fill = Callable[[bytes, Paper], None]
"""Reads octets onto a paper; may raise anything."""


def reader(fill: Fill) -> Reader:
    """Make a reader of a function that writes on paper: it answers with what was written, whatever happens."""

    def read(data: bytes, budget: Budget) -> Reading:
        paper = Paper(budget)
        attempt(fill, data, paper)
        second = data.find(b"%PDF-", 1, 1100)  # PDF readers open that, whatever stands before it
        if second > 0 and fill.__name__ != "read_pdf" and b"endobj" in data:
            attempt(lambda octets, page: page.member("pdf", octets[second:]), data, paper)
        return paper.reading()

    read.__name__ = read.__qualname__ = fill.__name__
    return read


def attempt(fill: Fill, data: bytes, paper: Paper) -> bool:
    """Run one step; whatever goes wrong is named on the paper. False when something did."""
    try:
        fill(data, paper)
    except Stopped as stop:
        paper.trouble(str(stop))
    except RecursionError:
        paper.trouble("too-deep")
    except MemoryError:
        paper.trouble("too-big")
    except Exception:  # noqa: BLE001 - foreign parsers raise anything for foreign octets; the slug is the answer
        paper.trouble("corrupt")
    else:
        return True
    return False


def inflate(data: bytes, budget: Budget, wbits: int, limit: int, *, whole: bool = False) -> tuple[bytes, bool]:
    """Decompress to at most `limit` octets, every one counted. True: the stream came to its end. Raises Stopped.

    With `whole` only if nothing follows its end.
    """
    stream = zlib.decompressobj(wbits)
    out = bytearray()
    pending = data
    while not stream.eof and len(out) <= limit:
        try:
            block = stream.decompress(pending, INFLATE_CHUNK)
        except zlib.error:
            return bytes(out), False
        budget.spend_octets(len(block))
        out += block
        pending = stream.unconsumed_tail
        if not block and not pending:
            break
    if len(out) > limit:
        raise Stopped("too-big")
    return bytes(out), stream.eof and not (whole and stream.unused_data)


def inflate_any(data: bytes, budget: Budget) -> tuple[bytes, bool]:
    """A zlib stream, else a bare deflate stream; True: it came to its end and nothing follows. Raises Stopped."""
    named = data[:1] and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
    most = min(budget.member_octets, max(1024 * 1024, budget.ratio * len(data)))
    return inflate(data, budget, zlib.MAX_WBITS if named else -zlib.MAX_WBITS, most, whole=True)
