# SPDX-License-Identifier: Apache-2.0
"""PowerPoint presentations, shows and templates.

Slides as text with their tables; hidden slides, notes, comments, masters and alternative texts as
hidden text. Never renders anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.content.formats.ooxml import read_properties, read_rest
from dlpmilter.content.formats.package import Package
from dlpmilter.content.formats.xml import Element, attribute, events

if TYPE_CHECKING:
    from dlpmilter.content.formats.paper import Paper

_TAGS = ("t", "br", "p", "tbl", "tr", "tc", "sld", "cNvPr", "docPr", "text", "author", "cmAuthor", "tab")


def read_pptx(data: bytes, paper: Paper) -> None:
    """Read a presentation."""
    package = Package(data, paper)
    slides = list(package.matching(r"ppt/slides/[^/]*\.xml"))
    if not slides and "ppt/presentation.xml" not in package.left:
        paper.trouble("corrupt")
    for name in slides:
        package.step(name, lambda octets, page, _: _Slide(page, hidden=False).read(octets))
    for name in package.matching(r"ppt/(?:diagrams/data|charts/chart)\d*\.xml"):
        package.step(name, lambda octets, page, _: _Slide(page, hidden=False).read(octets))
    for name in package.matching(
        r"ppt/(?:notesslides|comments|slidemasters|slidelayouts|notesmasters|handoutmasters|threadedcomments)/[^/]*\.xml"
        r"|ppt/(?:commentauthors|authors)\.xml|ppt/comments/.*\.xml"
    ):
        package.step(name, lambda octets, page, _: _Slide(page, hidden=True).read(octets))
    read_properties(package)
    read_rest(package, paper)


class _Slide:
    """One part with text in paragraphs."""

    def __init__(self, paper: Paper, *, hidden: bool) -> None:
        self.paper, self.hidden = paper, hidden
        self.line: list[str] = []
        self.rows: list[list[str]] = []
        self.cell: list[str] | None = None

    def read(self, data: bytes) -> None:
        """Read the part onto the paper."""
        try:
            for event, name, element in events(data, _TAGS):
                (self._start if event == "start" else self._end)(name, element)
        finally:
            self._paragraph()

    def _start(self, name: str, element: Element) -> None:
        if name == "sld":
            self.hidden = self.hidden or attribute(element, "show") in ("0", "false")
        elif name in ("cNvPr", "docPr"):
            self.paper.hide(f"{element.get('descr') or ''} {element.get('title') or ''}")
        elif name in ("cmAuthor", "author"):
            self.paper.hide(
                f"{element.get('name') or ''} {element.get('initials') or ''} {element.get('userId') or ''}"
            )
        elif name == "tbl":
            self.rows = []
        elif name == "tr":
            self.rows.append([])
        elif name == "tc":
            self.cell = []

    def _end(self, name: str, element: Element) -> None:
        if name in ("t", "text"):
            self.line.append(element.text or "")
        elif name in ("br", "tab"):
            self.line.append("\n" if name == "br" else "\t")
        elif name == "p":
            self._paragraph()
            element.clear(keep_tail=True)
        elif name == "tc" and self.rows and self.cell is not None:
            self.rows[-1].append(" ".join("".join(self.cell).split()))
            self.cell = None
        elif name == "tbl":
            self.paper.table(self.rows)

    def _paragraph(self) -> None:
        if not self.line:
            return
        text = "".join(self.line)
        self.line.clear()
        if self.cell is not None:
            self.cell.append(text + " ")
        self.paper.write(text + "\n", hidden=self.hidden)
