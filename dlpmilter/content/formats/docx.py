# SPDX-License-Identifier: Apache-2.0
"""Word documents and templates, with and without macros.

Body, tables, text boxes, headers, footers, footnotes as text; deletions, hidden runs, white text,
comments, field codes, fallbacks as hidden text. Never runs a macro or a field.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpmilter.content.formats.ooxml import read_properties, read_rest
from dlpmilter.content.formats.package import Package
from dlpmilter.content.formats.xml import Element, attribute, events

if TYPE_CHECKING:
    from dlpmilter.content.formats.paper import Paper

_TAGS = ("t", "delText", "instrText", "delInstrText", "tab", "br", "cr", "noBreakHyphen", "p", "r", "vanish", "webHidden",
         "specVanish", "color", "rStyle", "pStyle", "tbl", "tr", "tc", "moveFrom", "Choice", "Fallback", "docPr", "comment",
         "textpath", "default", "ins", "del", "sz", "pPr", "alias", "tag", "listItem", "docVar", "sym",
         "bookmarkStart")  # fmt: skip
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_CODE = re.compile("[0-9A-Fa-f]{4}")
_OFF = ("0", "false", "off", "none")
_WHITE = ("ffffff", "fefefe", "fdfdfd")
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_HIDERS = frozenset({"vanish", "webHidden", "specVanish"})
_BEHIND = frozenset({"delText", "instrText", "delInstrText"})
_SAYING = {"docPr": ("descr", "title"), "comment": ("author",), "textpath": ("string",), "default": ("val",),
           "ins": ("author",), "del": ("author",), "alias": ("val",), "listItem": ("displayText",), "docVar": ("val",), "bookmarkStart": ("name",)}  # fmt: skip


def read_docx(data: bytes, paper: Paper) -> None:
    """Read a Word document."""
    package = Package(data, paper)
    hidden_styles = _hidden_styles(package)
    main = next((target for _, kind, target, _ in package.relations("") if kind == "officedocument"), "")
    main = main if main in package.left else "word/document.xml"

    def visible(octets: bytes, page: Paper, _: str) -> None:
        _Story(page, hidden_styles, hidden=False).read(octets)

    def behind(octets: bytes, page: Paper, _: str) -> None:
        _Story(page, hidden_styles, hidden=True).read(octets)

    if main in package.left:
        package.step(main, visible)
    else:
        paper.trouble("corrupt")
    for name in package.matching(r"word/(?:header|footer|footnotes|endnotes)\d*\.xml"):
        package.step(name, visible)
    for name in package.matching(r"word/(?:comments\w*|glossary/document|document\d*|settings)\.xml"):
        package.step(name, behind)
    read_properties(package)
    read_rest(package, paper)


def _hidden_styles(package: Package) -> frozenset[str]:
    """Ids of the styles whose text is not shown."""
    found: set[str] = set()

    def styles(octets: bytes, _page: Paper, _name: str) -> None:
        current = ""
        if b"vanish" not in octets and octets[:2] not in _WIDE:
            return
        for event, name, element in events(octets, ("style", "vanish")):
            if event == "start" and name == "style":
                current = attribute(element, "styleId")
            elif name == "vanish" and attribute(element, "val").lower() not in _OFF:
                found.add(current)
            if event == "end":
                element.clear()

    if "word/styles.xml" in package.left:
        package.step("word/styles.xml", styles)
        package.left["word/styles.xml"] = None  # its values are still to be looked at
    return frozenset(found - {""})


class _Story:
    """One part with running text."""

    def __init__(self, paper: Paper, hidden_styles: frozenset[str], *, hidden: bool) -> None:
        self.paper = paper
        self.hidden_styles = hidden_styles
        self.all_hidden = hidden
        self.run_hidden = False
        self.paragraph_hidden = False
        self.in_properties = 0
        self.moved = 0
        self.line: list[str] = []
        self.behind: list[str] = []
        self.tables: list[tuple[list[list[str]], list[str]]] = []
        self.in_choice = 0
        self.in_fallback = 0
        self.chosen: set[str] = set()
        self.aside: list[str] = []
        self.symbols: list[str] = []

    def read(self, data: bytes) -> None:
        """Read the part onto the paper."""
        try:
            for event, name, element in events(data, _TAGS):
                (self._start if event == "start" else self._end)(name, element)
                if event == "end" and name in ("p", "tbl"):
                    element.clear(keep_tail=True)
        finally:
            self._flush()
            self.paper.hide("\n".join(dict.fromkeys(self.aside)))
            self.paper.hide("".join(self.symbols))

    def _start(self, name: str, element: Element) -> None:
        if name == "r":
            self.run_hidden = False
        elif name == "p":
            self.paragraph_hidden = False
        elif name == "pPr":
            self.in_properties += 1
        elif name == "tbl":
            self._flush()
            self.tables.append(([], []))
        elif name == "tr" and self.tables:
            self.tables[-1][0].append([])
        elif name == "tc" and self.tables:
            self.tables[-1][1].clear()
        elif name in ("moveFrom", "Choice", "Fallback"):
            self._count(name, 1)
        elif name == "sym":
            self._symbol(attribute(element, "char"))
        for key in _SAYING.get(name, ()):
            self._say(attribute(element, key))

    def _end(self, name: str, element: Element) -> None:
        if name == "t":
            self._text(element.text)
        elif name in _BEHIND:
            self.behind.append(element.text or "")
        elif name in _BREAKS:
            self.line.append(_BREAKS[name])
        elif name in _HIDERS:
            self._hide_run(attribute(element, "val").lower() not in _OFF)
        elif name == "color":
            self._hide_run(attribute(element, "val").lower() in _WHITE)
        elif name == "sz":
            self._hide_run(attribute(element, "val") in ("0", "1", "2"))
        elif name == "rStyle":
            self._hide_run(attribute(element, "val") in self.hidden_styles)
        elif name == "pStyle":
            self.paragraph_hidden = attribute(element, "val") in self.hidden_styles
        else:
            self._close(name)

    def _close(self, name: str) -> None:
        if name == "pPr":
            self.in_properties -= 1
        elif name == "p":
            self._paragraph()
        elif name in ("moveFrom", "Choice", "Fallback"):
            self._count(name, -1)
        elif name == "tc" and self.tables and self.tables[-1][0]:
            self.tables[-1][0][-1].append(" ".join("".join(self.tables[-1][1]).split()))
            self.tables[-1][1].clear()
        elif name == "tr" and self.tables and self.tables[-1][0]:
            self._flush()
        elif name == "tbl" and self.tables:
            rows, _ = self.tables.pop()
            self.paper.table(rows)

    def _count(self, name: str, step: int) -> None:
        if name == "moveFrom":
            self.moved += step
        elif name == "Choice":
            self.in_choice += step
        else:
            self.in_fallback += step

    def _hide_run(self, hide: bool) -> None:  # noqa: FBT001 - one flag, one meaning
        if hide and not self.in_properties:
            self.run_hidden = True

    def _text(self, text: str | None) -> None:
        if not text:
            return
        if self.in_choice:
            self.chosen.add(text)
        if self.in_fallback:
            if text not in self.chosen:  # an older Word shows it, this one does not
                self.behind.append(text)
        elif self.run_hidden or self.paragraph_hidden or self.moved:
            self.behind.append(text)
        else:
            self.line.append(text)

    def _paragraph(self) -> None:
        text = "".join(self.line)
        if self.tables:
            self.tables[-1][1].append(text + " ")
        self.paper.write(text + "\n", hidden=self.all_hidden)
        self.line.clear()
        self.paper.hide("".join(self.behind))
        self.behind.clear()

    def _flush(self) -> None:
        if self.line or self.behind:
            self._paragraph()

    def _symbol(self, code: str) -> None:
        """A sign of a symbol font by its number; those of the private area stand for ASCII (ISO 29500-1 17.3.3.30)."""
        if _CODE.fullmatch(code):
            self.symbols.append(chr(int(code, 16) & 0xFFF if code[:1] in "fF" else int(code, 16)))

    def _say(self, text: str) -> None:
        if len(text) > 1:
            self.aside.append(text)
