# SPDX-License-Identifier: Apache-2.0
"""Excel before 2007 (BIFF) and the binary XLSB, cells through calamine, the rest by its own records.

Comments, text boxes, headers and links are read from the records ([MS-XLS] 2.3); a file that calamine
does not take gives its labels and says `partial`. Never computes a formula.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import struct
from collections.abc import Iterator

import python_calamine as calamine

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.cfb import MAGIC, CompoundFile
from dlpmilter.content.formats.ole import hand_on_objects, read_macros, stop_when_encrypted
from dlpmilter.content.formats.oleprops import read_ole_properties
from dlpmilter.content.formats.ooxml import read_properties, read_rest
from dlpmilter.content.formats.package import Package
from dlpmilter.content.formats.paper import MAX_COLUMNS, Paper
from dlpmilter.content.formats.strings import binary_strings

MAX_RECORDS = 2_000_000
_FILEPASS, _HEADER, _FOOTER, _TXO, _CONTINUE, _HLINK = 0x2F, 0x14, 0x15, 0x1B6, 0x3C, 0x1B8
_LABELS = (0x204, 0xD6, 0x04)
_SST = 0xFC


def read_xls(data: bytes, paper: Paper) -> None:
    """A workbook of Excel 2.0 to 2003."""
    book, file = data, None
    if data.startswith(MAGIC):
        stop_when_encrypted(data)
        file = CompoundFile(data)
        book = file.get("workbook") or file.get("book") or b""
        read_ole_properties(file, paper)
    encrypted = any(kind == _FILEPASS for kind, _ in _records(book[:4096]))
    if encrypted:
        raise Stopped("encrypted")
    _records_text(book, paper)
    if not _cells(data, paper):
        paper.trouble("partial")
    if paper.status == "partial" or not paper.shown:  # the sheet behind a chart has its labels elsewhere
        _labels(book, paper)
    if file is not None:
        for name, storage in file.root.children.items():
            if storage.is_storage and name.startswith("mbd"):
                hand_on_objects(file, storage, paper, strings=False)
        read_macros(file, paper)


def read_xlsb(data: bytes, paper: Paper) -> None:
    """A binary workbook in a ZIP."""
    package = Package(data, paper)
    if not _cells(data, paper):
        paper.trouble("partial")
    for name in package.matching(r"xl/.*\.bin"):
        if "vbaproject" in name or "embedding" in name or "printersettings" in name:
            continue
        octets = package.read(name)
        paper.hide(binary_strings(octets, narrow=False))
    read_properties(package)
    read_rest(package, paper)


def _cells(data: bytes, paper: Paper) -> bool:
    """All sheets as text and tables; False when calamine cannot open the file."""
    try:
        with _panics():
            book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
            sheets = book.sheets_metadata
    except Exception:  # noqa: BLE001 - it has an error class for each format
        return False
    complete = True
    for meta in sheets:
        hidden = meta.visible != calamine.SheetVisibleEnum.Visible
        try:
            with _panics():
                rows = list(_rows(book, meta.name, paper, hidden=hidden))
        except Stopped:
            raise
        except Exception:  # noqa: BLE001 - a broken sheet must not hide the others
            complete = False
            continue
        paper.table(rows, meta.name)
    return complete


@contextlib.contextmanager
def _panics() -> Iterator[None]:
    """A panic of Rust comes as a BaseException and would end the worker: make it an error like others."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise ValueError("calamine panicked") from error
        raise


def _rows(book: calamine.CalamineWorkbook, name: str, paper: Paper, *, hidden: bool) -> Iterator[list[str]]:
    paper.write(name + "\n", hidden=hidden)
    for row in book.get_sheet_by_name(name).iter_rows():
        cells = [_shown(cell) for cell in row[:MAX_COLUMNS]]
        if any(cells):
            paper.write("\t".join(cells) + ("" if hidden else "\n"), hidden=hidden)
            yield cells


def _shown(cell: object) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, dt.datetime):
        return cell.strftime("%d.%m.%Y" if cell.time() == dt.time() else "%d.%m.%Y %H:%M")
    if isinstance(cell, dt.date):
        return cell.strftime("%d.%m.%Y")
    if isinstance(cell, float) and abs(cell) < 1e21 and cell == int(cell):
        return str(int(cell))
    return "" if cell is None else str(cell)


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    for _ in range(MAX_RECORDS):
        if place + 4 > len(data):
            return
        kind, size = struct.unpack_from("<HH", data, place)
        yield kind, data[place + 4 : place + 4 + size]
        place += 4 + size


def _records_text(data: bytes, paper: Paper) -> None:
    """Headers and footers as text; comments, text boxes and links as hidden text."""
    wanted = 0
    for kind, body in _records(data):
        if kind in (_HEADER, _FOOTER) and len(body) > 3:
            paper.show(_unicode_string(body) + "\n")
        elif kind == _TXO and len(body) >= 12:
            (wanted,) = struct.unpack_from("<H", body, 10)
        elif kind == _CONTINUE and wanted and body:
            text = body[1:].decode("utf-16-le" if body[0] & 1 else "latin-1", "replace")
            paper.hide(text)
            wanted = max(0, wanted - len(text))
        elif kind == _HLINK:
            paper.hide(binary_strings(body))


def _unicode_string(body: bytes) -> str:
    """A string with its count and a flag for its width ([MS-XLS] 2.5.294); before 1997, a count in one octet."""
    size, flags = struct.unpack_from("<HB", body, 0)
    if flags in (0, 1) and size * (1 + flags) + 3 <= len(body):
        return body[3 : 3 + size * (1 + flags)].decode("utf-16-le" if flags else "latin-1", "replace")
    return body[1 : 1 + body[0]].decode("cp1252", "replace")


def _labels(data: bytes, paper: Paper) -> None:
    """Cell labels and shared strings, unordered, of a workbook that calamine does not take."""
    for kind, body in _records(data):
        if kind in _LABELS and len(body) > 8:
            paper.hide(body[7 if kind == 0x04 else 8 :].decode("cp1252", "replace").lstrip("\0"))
        elif kind in (_SST, _CONTINUE):
            paper.hide(binary_strings(body))
