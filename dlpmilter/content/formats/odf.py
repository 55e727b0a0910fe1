# SPDX-License-Identifier: Apache-2.0
"""OpenDocument texts, tables and presentations, and the flat variants in one XML file.

Paragraphs, tables, headers and footers as text; deletions, notes to slides, annotations, hidden
paragraphs, tables and rows, descriptions and metadata as hidden text. Never follows a link.
"""

from __future__ import annotations

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.ooxml import note_label
from dlpmilter.content.formats.package import Package
from dlpmilter.content.formats.paper import MAX_COLUMNS, MAX_ROWS, Paper
from dlpmilter.content.formats.xml import Element, attribute, events, read_xml_text

_PARAGRAPHS = frozenset({"p", "h"})
_HIDDEN = frozenset({"annotation", "tracked-changes", "notes", "hidden-text", "hidden-paragraph", "title", "desc",
                     "creator", "meta", "script", "scripts"})  # fmt: skip
_BLANKS = {"s": " ", "tab": "\t", "line-break": "\n"}
_LAYOUT_CACHE = 256
_SAYING = frozenset({"string-value", "formula", "help-message", "label", "value-list"})


def read_odf(data: bytes, paper: Paper) -> None:
    """Read a package, or the flat form in one XML file."""
    if not data.startswith(b"PK") and data.rfind(b"PK\x05\x06", max(0, len(data) - 66_000)) < 0:
        _Content(paper).read(data)
        return
    package = Package(data, paper)
    if b"encryption-data" in package.read("META-INF/manifest.xml", limit=1024 * 1024):
        raise Stopped("encrypted")
    if "content.xml" not in package.left:
        paper.trouble("corrupt")
    for name in package.matching(r"(?:.*/)?(?:content|styles)\.xml"):
        hide = "/" in name
        package.step(name, lambda octets, page, _, h=hide: _Content(page, hidden=h).read(octets))  # type: ignore[misc]
    for name in package.matching(r"(?:.*/)?meta\.xml"):
        package.step(name, _meta)
    package.left.pop("mimetype", None)
    if package.size("layout-cache") < _LAYOUT_CACHE:  # where LibreOffice broke the pages
        package.left.pop("layout-cache", None)
    for name in package.matching(r".*\.(?:xml|rdf|xba|xlb)"):
        if not name.endswith("settings.xml") or package.size(name) > 200_000:
            package.step(name, lambda octets, page, _: read_xml_text(octets, page))
        else:
            package.left.pop(name)
    package.hand_on_rest()


def _meta(data: bytes, paper: Paper, _: str) -> None:
    read_xml_text(data, paper)
    for event, _name, element in events(data, ("user-defined",)):
        if event == "end":
            note_label(attribute(element, "name"), element.text or "", paper)


class _Content:
    """One part with running text: every event counts, for text stands between elements, too."""

    def __init__(self, paper: Paper, *, hidden: bool = False) -> None:
        self.paper = paper
        self.behind = int(hidden)
        self.line: list[str] = []
        self.depth = 0
        self.cells: list[list[str]] = []
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.hidden_styles: set[str] = set()
        self.style = ""
        self.hides: list[str] = []

    def read(self, data: bytes) -> None:
        """Read the part onto the paper."""
        try:
            for event, name, element in events(data):
                if event == "start":
                    self._start(name, element)
                else:
                    self._end(name, element)
        finally:
            self._paragraph()

    def _start(self, name: str, element: Element) -> None:
        before = element.getprevious()
        if self.depth:  # what stands between the parent's start or the brother before and this element
            parent = element.getparent()
            self._say(before.tail if before is not None else parent.text if parent is not None else "")
        if name in _PARAGRAPHS:
            if self.depth:  # a note or text box inside a paragraph
                self._paragraph()
            self.depth += 1
        elif name == "style":
            self.style = attribute(element, "name")
        elif name in ("text-properties", "table-properties", "table-row-properties", "table-column-properties"):
            if attribute(element, "display") in ("none", "false") or attribute(element, "color").lower() == "#ffffff":
                self.hidden_styles.add(self.style)
        elif name in ("table", "table-row", "table-cell", "covered-table-cell"):
            self._open_table(name, element)
        if name in _HIDDEN or self._is_hidden(element):
            self._paragraph(end=False)
            self.behind += 1
            element.set("hides", "1")
        for key, value in element.items():
            if key.rpartition("}")[2] in _SAYING:
                self.paper.hide(value)

    def _is_hidden(self, element: Element) -> bool:
        style = attribute(element, "style-name")
        return (
            (style in self.hidden_styles if style else False)
            or attribute(element, "visibility") in ("collapse", "filter", "hidden")
            or attribute(element, "is-hidden") == "true"
        )

    def _open_table(self, name: str, element: Element) -> None:
        if name == "table":
            title = attribute(element, "name")
            self.tables.append((title, []))
            self.paper.write(f"{title}\n", hidden=bool(self.behind))
        elif name == "table-row" and self.tables and len(self.tables[-1][1]) < MAX_ROWS * 10:
            self.tables[-1][1].append([])
        elif self.tables:
            self.cells.append([])

    def _end(self, name: str, element: Element) -> None:
        if self.depth:
            last = element[-1] if len(element) else None
            self._say(last.tail if last is not None else element.text)
        if name in _PARAGRAPHS:
            self._paragraph()
            self.depth = max(0, self.depth - 1)
        elif name in _BLANKS:
            count = attribute(element, "c")
            self._say(_BLANKS[name] * (min(int(count), 100) if count.isdecimal() else 1))
        elif name in ("table-cell", "covered-table-cell") and self.tables and self.cells:
            self._close_cell(element)
        elif name == "table" and self.tables:
            title, rows = self.tables.pop()
            self.paper.table(rows, title)
        elif not self.depth and not len(element):
            self._say(element.text)
        if element.get("hides"):
            self._paragraph(end=False)
            self.behind -= 1
        if name in _PARAGRAPHS or name == "table-row":
            element.clear(keep_tail=True)

    def _close_cell(self, element: Element) -> None:
        text = " ".join("".join(self.cells.pop()).split())
        repeated = attribute(element, "number-columns-repeated")
        times = min(int(repeated), MAX_COLUMNS) if repeated.isdecimal() else 1
        rows = self.tables[-1][1]
        if rows and len(rows[-1]) < MAX_COLUMNS:
            rows[-1] += [text] * (times if text or times < 20 else 1)

    def _say(self, text: str | None) -> None:
        if text:
            self.line.append(text)

    def _paragraph(self, *, end: bool = True) -> None:
        text = "".join(self.line)
        self.line.clear()
        if not text or text.isspace():
            return
        if self.cells and self.behind < 2:
            self.cells[-1].append(text + " ")
        self.paper.write(text + ("\n" if end else ""), hidden=bool(self.behind))
