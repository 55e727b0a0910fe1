# SPDX-License-Identifier: Apache-2.0
"""A report as data, and its four forms: JSON, CSV, HTML, PDF/A. Never computes a figure, never loads anything.

Spreadsheets run what looks like a formula: such cells get an apostrophe in front (hop.md section 6D, 8).
"""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Language = Literal["de", "en"]
Say = Callable[[str, str], str]
"""Chooses between German and English."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #ccc}"
    "@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}}"
)
_TYPST = """
#let data = json(bytes(sys.inputs.data))
#set document(title: data.title, author: "dlpmilter")
#set text(lang: data.language, size: 10pt, font: ("New Computer Modern", "Libertinus Serif"))
#set page(paper: "a4", margin: 2.2cm, numbering: "1 / 1", footer: context [
  #set text(size: 8pt, fill: luma(90))
  #data.title #h(1fr) #counter(page).display("1 / 1", both: true)
])
#set heading(numbering: none)
#show heading.where(level: 2): set block(above: 1.6em, below: 0.8em)
#set table(stroke: (x, y) => (bottom: if y == 0 { 0.8pt } else { 0.3pt + luma(170) }), inset: (x: 3pt, y: 4pt))
#heading(level: 1, data.title)
#for line in data.head [#par(line)]
#for section in data.sections [
  #heading(level: 2, section.title)
  #for line in section.paragraphs [#par(line)]
  #for each in section.tables [
    #table(
      columns: each.widths.map(w => w * 1fr),
      table.header(..each.columns.map(c => strong(c))),
      ..each.rows.flatten(),
    )
  ]
]
"""


def say_in(language: Language) -> Say:
    """German or English."""
    return lambda german, english: german if language == "de" else english


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of words; `widths` are shares of the page."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below it."""

    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """One report in one language."""

    kind: str
    language: Language
    title: str
    head: tuple[str, ...]
    sections: tuple[Section, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` reads it."""
        return asdict(self)


def from_dict(data: dict[str, Any]) -> Paper:
    """A paper that came as JSON."""
    sections = tuple(
        Section(
            one["title"], tuple(one["paragraphs"]),
            tuple(Table(tuple(t["columns"]), tuple(map(tuple, t["rows"])), tuple(t["widths"])) for t in one["tables"]),
        )
        for one in data["sections"]
    )  # fmt: skip
    return Paper(data["kind"], data["language"], data["title"], tuple(data["head"]), sections)


def as_json(paper: Paper) -> str:
    """One object."""
    return json.dumps(paper.as_dict(), ensure_ascii=False, indent=1) + "\n"


def as_csv(paper: Paper) -> str:
    """Section, then the cells of its tables; a cell that looks like a formula is made text."""
    out = io.StringIO()
    writer = csv.writer(out)
    for section in paper.sections:
        for line in section.paragraphs:
            writer.writerow([inert(section.title), inert(line)])
        for table in section.tables:
            writer.writerow([inert(section.title), *map(inert, table.columns)])
            for row in table.rows:
                writer.writerow([inert(section.title), *map(inert, row)])
    return out.getvalue()


def inert(cell: str) -> str:
    """The cell as text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def as_html(paper: Paper) -> str:
    """One page without script that loads nothing."""
    parts = [f"<h1>{_e(paper.title)}</h1>", *(f"<p>{_e(line)}</p>" for line in paper.head)]
    for section in paper.sections:
        parts.append(f"<h2>{_e(section.title)}</h2>")
        parts += [f"<p>{_e(line)}</p>" for line in section.paragraphs]
        parts += [_html_table(table) for table in section.tables]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = f'<meta charset=utf-8><meta http-equiv=Content-Security-Policy content="{policy}">'
    head += f"<title>{_e(paper.title)}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang={paper.language}><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _html_table(table: Table) -> str:
    top = "".join(f"<th scope=col>{_e(each)}" for each in table.columns)
    rows = "".join("<tr>" + "".join(f"<td>{_e(cell)}" for cell in row) for row in table.rows)
    return f"<table><thead><tr>{top}</thead><tbody>{rows}</tbody></table>"


def _e(text: str) -> str:
    return html.escape(text)


def as_pdf(paper: Paper) -> bytes:
    """PDF/A-2b (ISO 19005-2). Raises ValueError where the extra `reports` is not installed."""
    try:
        import typst
    except ImportError:
        raise ValueError("for PDF install the extra: pip install 'dlpmilter[reports]'; .html needs nothing") from None
    data = paper.as_dict()
    for section in data["sections"]:
        for table in section["tables"]:
            table["widths"] = table["widths"] or [1] * len(table["columns"])
    inputs = {"data": json.dumps(data, ensure_ascii=False)}
    made: bytes = typst.compile(_TYPST.encode(), format="pdf", pdf_standards="a-2b", sys_inputs=inputs)
    return made


def _bytes(text: str) -> bytes:
    return text.encode()


FORMS: dict[str, Any] = {
    ".json": lambda paper: _bytes(as_json(paper)),
    ".csv": lambda paper: _bytes(as_csv(paper)),
    ".html": lambda paper: _bytes(as_html(paper)),
    ".pdf": as_pdf,
}
"""By the suffix of the file."""


def rows(pairs: Sequence[Sequence[object]]) -> tuple[tuple[str, ...], ...]:
    """Cells as words."""
    return tuple(tuple(str(cell) for cell in row) for row in pairs)
