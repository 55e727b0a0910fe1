# SPDX-License-Identifier: Apache-2.0
"""Excel workbooks and templates (XML), with and without macros.

Cells sheet by sheet as text and tables; hidden sheets, rows and columns, formulas, comments, pivot
caches, names and links as hidden text. Never computes a formula: what was computed stands in the file.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from dlpmilter.content.formats.ooxml import read_properties, read_rest
from dlpmilter.content.formats.package import Package
from dlpmilter.content.formats.paper import MAX_COLUMNS, MAX_ROWS, Paper
from dlpmilter.content.formats.xml import Element, attribute, events

_SAYS = 20
"""Letters and digits of a format that is more than a format."""
_SHEET_TAGS = ("row", "col", "oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter", "formula1",
               "formula2", "dataValidation", "hyperlink")  # fmt: skip
_COLUMN = re.compile(r"[A-Z]{1,3}")
_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_QUOTED = re.compile(r"\"[^\"]*\"|\[[^\]]*\]|\\.")
_EPOCH = dt.datetime(1899, 12, 30, tzinfo=dt.UTC)
_TRUE = ("1", "true")
_FIELD_CODES = re.compile(r"&(?:\"[^\"]*\"|K[0-9A-F]{6}|[LCRPNDTAFZGBIUESXYH]|\d{1,3})")


def read_xlsx(data: bytes, paper: Paper) -> None:
    """Read a workbook."""
    package = Package(data, paper)
    book = _Book(package, paper)
    for name, title, state in book.sheets():
        hide = state in ("hidden", "veryhidden")
        package.step(name, lambda octets, page, _, t=title, h=hide: _Sheet(page, book, t, hidden=h).read(octets))  # type: ignore[misc]
    for name in package.matching(r"xl/(?:worksheets|chartsheets|dialogsheets|macrosheets)/[^/]*\.xml"):
        package.step(name, lambda octets, page, n: _Sheet(page, book, n, hidden=True).read(octets))
    for name in package.matching(r"xl/drawings/[^/]*\.xml"):
        package.step(name, _drawing)
    for name in package.matching(r"xl/(?:pivotcache|externallinks)/.*\.xml"):
        package.step(name, _cached)
    read_properties(package)
    read_rest(package, paper)


class _Book:
    """What all sheets share."""

    def __init__(self, package: Package, paper: Paper) -> None:
        self.package = package
        self.strings: list[str] = []
        self.dates: frozenset[int] = frozenset()
        self._sheets: list[tuple[str, str, str]] = []
        package_main = next((target for _, kind, target, _ in package.relations("") if kind == "officedocument"), "")
        self.main = package_main if package_main in package.left else "xl/workbook.xml"
        if self.main not in package.left:
            paper.trouble("corrupt")
        package.step(self.main, self._workbook)
        for name in package.matching(r"(?:.*/)?sharedstrings\d*\.xml"):
            package.step(name, self._strings)
        for name in package.matching(r"(?:.*/)?styles\.xml"):
            package.step(name, self._styles)

    def sheets(self) -> list[tuple[str, str, str]]:
        """(part, title, state) in the order of the tabs."""
        return [each for each in self._sheets if each[0] in self.package.left]

    def _workbook(self, data: bytes, paper: Paper, _: str) -> None:
        targets = {key: target for key, _, target, _ in self.package.relations(self.main)}
        for event, name, element in events(data, ("sheet", "definedName")):
            if event == "start" and name == "sheet":
                title = element.get("name") or ""
                target = targets.get(attribute(element, "id"), "")
                self._sheets.append((target, title, (element.get("state") or "").lower()))
            elif event == "end" and name == "definedName":
                paper.hide(f"{element.get('name') or ''} {element.text or ''}")

    def _strings(self, data: bytes, _paper: Paper, _: str) -> None:
        for _event, _name, element in events(data, ("si",), starts=False):
            if len(element) == 1:
                self.strings.append(element[0].text or "")
            else:  # runs, and how they are spoken in Japanese
                self.strings.append("".join(_runs(element)))
            element.clear()

    def _styles(self, data: bytes, paper: Paper, _: str) -> None:
        formats: dict[str, str] = {}
        dates: set[int] = set()
        number, inside = 0, False
        for event, name, element in events(data, ("numFmt", "cellXfs", "xf")):
            if name == "cellXfs":
                inside = event == "start"
            elif event == "start" and name == "numFmt":
                formats[element.get("numFmtId") or ""] = element.get("formatCode") or ""
            elif event == "start" and inside:
                key = element.get("numFmtId") or ""
                if _is_date(key, formats.get(key, "")):
                    dates.add(number)
                number += 1
        self.dates = frozenset(dates)
        paper.hide("\n".join(code for code in formats.values() if sum(map(str.isalnum, code)) >= _SAYS))


def _is_date(key: str, code: str) -> bool:
    if code:
        plain = _QUOTED.sub("", code.lower())
        return ("y" in plain or "d" in plain or "h:" in plain) and "general" not in plain
    return key.isdecimal() and int(key) in _DATES


class _Sheet:
    """One sheet."""

    def __init__(self, paper: Paper, book: _Book, title: str, *, hidden: bool) -> None:
        self.paper, self.book, self.title, self.hidden = paper, book, title, hidden
        self.rows: list[list[str]] = []
        self.total = 0
        self.row: list[str] = []
        self.row_hidden = False
        self.hidden_columns: set[int] = set()
        self.behind: list[str] = []

    def read(self, data: bytes) -> None:
        """Read the sheet onto the paper."""
        self.paper.write(f"{self.title}\n", hidden=self.hidden)
        try:
            for _event, name, element in events(data, _SHEET_TAGS, starts=False):
                if name == "row":
                    self._row(element)
                    element.clear()
                else:
                    self._other(name, element)
        finally:
            self.paper.hide("\n".join(self.behind))
            self.paper.table(self.rows, self.title)

    def _other(self, name: str, element: Element) -> None:
        if name == "col" and ((element.get("hidden") or "") in _TRUE or element.get("width") == "0"):
            first, last = int(element.get("min") or 1), int(element.get("max") or 1)
            self.hidden_columns |= set(range(max(0, first - 1), min(last, MAX_COLUMNS)))
        elif name in ("hyperlink", "dataValidation"):
            self.behind += [value for key, value in element.items() if key in ("display", "tooltip", "prompt", "error")]
        elif name in ("formula1", "formula2"):
            self._formula(element.text)
        elif name.endswith(("Header", "Footer")) and element.text:
            self.paper.show(_FIELD_CODES.sub(" ", element.text) + "\n")

    def _formula(self, text: str | None) -> None:
        if text and ('"' in text or "!" in text or "(" not in text or "char(" in text.lower()):
            self.behind.append(text)

    def _row(self, element: Element) -> None:
        self.row = []
        self.row_hidden = (element.get("hidden") or "") in _TRUE or element.get("ht") == "0"
        for cell in element:
            text = self._shown(cell)
            letters = _COLUMN.match(cell.get("r") or "")
            place = _number(letters[0]) if letters else len(self.row)
            if len(self.row) < place < MAX_COLUMNS:
                self.row += [""] * (place - len(self.row))
            self.row.append(text)
        self._finish_row()

    def _shown(self, cell: Element) -> str:
        value = inline = ""
        for child in cell:
            name = child.tag.rpartition("}")[2]
            if name == "v":
                value = child.text or ""
            elif name == "f":
                self._formula(child.text)
            else:
                inline += "".join(child.itertext())
        kind = cell.get("t") or "n"
        if kind == "s":
            number = int(value) if value.strip().isdecimal() else -1
            return self.book.strings[number] if 0 <= number < len(self.book.strings) else value
        if inline and (kind == "inlineStr" or not value):
            return inline
        if kind == "n" and value:
            style = cell.get("s") or "0"
            return number_text(value, date=style.isdecimal() and int(style) in self.book.dates)
        return value

    def _finish_row(self) -> None:
        if not any(self.row):
            return
        self.total += 1
        line = "\t".join(self.row) + "\n"
        if self.row_hidden or self.hidden:
            self.paper.hide(line.rstrip("\n"))
        elif self.hidden_columns:
            self.paper.show(
                "\t".join("" if n in self.hidden_columns else cell for n, cell in enumerate(self.row)) + "\n"
            )
            self.paper.hide("\t".join(cell for n, cell in enumerate(self.row) if n in self.hidden_columns and cell))
        else:
            self.paper.show(line)
        self.rows.append(self.row if self.total <= MAX_ROWS else ["x"])


def _runs(element: Element) -> Iterator[str]:
    for child in element:
        if child.tag.endswith("rPh"):
            yield " "
        yield from child.itertext()


def number_text(value: str, *, date: bool) -> str:
    """A number as a person sees it: a date for a serial, all digits of a long number."""
    try:
        number = float(value)
    except ValueError:
        return value
    if date and 1 <= number < 2_958_466:
        moment = _EPOCH + dt.timedelta(days=number)
        return moment.strftime("%d.%m.%Y" if number == int(number) else "%d.%m.%Y %H:%M")
    if ("E" in value or "e" in value) and abs(number) < 1e21 and number == int(number):
        return str(int(number))
    return value.removesuffix(".0")


def _number(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - 64
    return place - 1


def _drawing(data: bytes, paper: Paper, _: str) -> None:
    """Text boxes on a sheet."""
    line: list[str] = []
    for event, name, element in events(data, ("t", "p", "cNvPr")):
        if event == "start" and name == "cNvPr":
            paper.hide(f"{element.get('descr') or ''} {element.get('title') or ''}")
        elif event == "end" and name == "t":
            line.append(element.text or "")
        elif event == "end" and name == "p" and line:
            paper.show("".join(line) + "\n")
            line.clear()


def _cached(data: bytes, paper: Paper, _: str) -> None:
    """Values that a pivot table or an outside link keeps, though no sheet shows them."""
    values: list[str] = []
    for event, name, element in events(data, ("s", "n", "d", "v", "cacheField", "t")):
        if event == "end":
            values.append(element.text or element.get("v") or element.get("name") or "")
            if name != "t":
                element.clear()
    paper.hide("\n".join(value for value in values if value))
