# SPDX-License-Identifier: Apache-2.0
"""What was read out of a mail's parts, and what was found in it. Text lives only inside the sandbox.

`Extract` never leaves the confined process; `ContentReport` is what the gate gets: counts, slugs and
numbers of rows, never a matched text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpmilter.model.verdict import Finding, PartSummary


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a document, cell texts row by row; cut at the limits, `rows_total` counts them all."""

    rows: tuple[tuple[str, ...], ...]
    rows_total: int
    name: str = ""
    """The sheet's name or the member's, where there is one."""


@dataclass(frozen=True, slots=True)
class Extract:
    """The text of one part, archive member or embedded document.

    `path` is the MIME path, with one `!name-or-number` for each level of archive or document below it
    (`1.2!letters.zip!a.docx`). `type` is the media type by content, never by name. `text` is what a reader
    sees; `hidden` is the rest: comments, notes, hidden sheets, text in the colour of the paper, metadata.
    `status` is "read", or the slug of why not all of it could be read (then `text` holds what could).
    """

    path: str
    type: str
    name: str = ""
    text: str = ""
    hidden: str = ""
    tables: tuple[Table, ...] = ()
    status: str = "read"
    labels: tuple[str, ...] = ()
    """Sensitivity labels: names and GUIDs of MIP, classification properties."""
    page: int = 0
    """A picture on which a page of text could be: 1 by its size, 2 by its size and octets."""


@dataclass(frozen=True, slots=True)
class RegisterHit:
    """Distinct rows of one registered data set that stand in the mail, by their numbers in the register."""

    register: str
    rows: tuple[int, ...]
    register_rows: int
    """How many rows the whole register has."""
    licensed: bool = False
    """Whether the data belong to somebody else, who licensed them (domain section 1, D5)."""
    build: str = ""
    """Which index the numbers belong to: the beginning of its digest. Another table has another."""

    @property
    def key(self) -> str:
        """What the drip counters file these rows under: row numbers of two builds are never mixed."""
        return f"{self.register}@{self.build}" if self.build else self.register


@dataclass(frozen=True, slots=True)
class FingerprintHit:
    """How much of one registered document stands in the mail: 0..1, containment."""

    document: str
    containment: float


@dataclass(frozen=True, slots=True)
class ContentReport:
    """What the sandbox says about one mail."""

    parts: tuple[PartSummary, ...] = ()
    findings: tuple[Finding, ...] = ()
    uninspectable: tuple[str, ...] = ()
    """Slugs of what could not be read: encrypted, corrupt, too-deep, too-big, timed-out ..."""
    doubts: tuple[str, ...] = ()
    """Slugs of what mail programs read differently."""
    registers: tuple[RegisterHit, ...] = ()
    fingerprints: tuple[FingerprintHit, ...] = ()
    table_rows: int = 0
    """Rows of the biggest table."""
    attachments: int = 0
    """Files the mail carries, whatever they are called and wherever they stand; a logo is none."""
    documents: int = 0
    """The same with every member of an archive and every embedded document."""
    text_chars: int = 0
    """Letters and signs a reader sees, body and documents together."""
    image_only: bool = False
    """Whether pictures are all the mail says, or a page of it."""
