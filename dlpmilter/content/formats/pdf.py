# SPDX-License-Identifier: Apache-2.0
"""PDF through pdfium: text of pages, form fields, notes, bookmarks, scripts, metadata, attachments.

When pdfium gives up, the streams are read one by one. Pages that are pictures are told, not passed
over. Never renders a page, never runs a script; one document at a time (pdfium knows no threads).
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import zlib
from collections.abc import Callable
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as c

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.decode import decode
from dlpmilter.content.formats.paper import Paper, attempt, inflate
from dlpmilter.content.formats.pdf_raw import sweep
from dlpmilter.content.formats.pdf_tables import page_tables
from dlpmilter.content.formats.strings import binary_strings

MAX_PAGES = 5_000
MAX_NOTES = 5_000
MAX_STREAMS = 20_000
MAX_OBJECTS = 2_000
MAX_FIELD = 1_000_000
FEW_LETTERS = 60
"""Letters and digits of a page below which a picture that fills it is what the page says."""
_STREAM = re.compile(rb"stream\r?\n")
_STRING = re.compile(rb"\(((?:[^()\\]|\\.){0,5000})\)|<([0-9A-Fa-f\s]{2,5000})>", re.DOTALL)
_ESCAPE = re.compile(rb"\\([nrtbf()\\]|[0-7]{1,3})")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_LABEL = re.compile(rb"MSIP_Label_[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{27}")
_XMP = re.compile(rb"<x:xmpmeta.{0,200000}?</x:xmpmeta>", re.DOTALL)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_KEYS = (b"Contents", b"V", b"DV", b"T", b"TU", b"RC", b"Subj", b"NM")


def read_pdf(data: bytes, paper: Paper) -> None:
    """Read a document; encrypted and picture-only ones say so."""
    start = data.find(b"%PDF-", 0, 1100)
    body = data[start:] if start > 0 else data
    try:
        document = pdfium.PdfDocument(body)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise Stopped("encrypted") from error
        paper.trouble("corrupt")
        read_streams(data, paper)
        _read_outside(data, paper)
        return
    locked = b"/EFF" in body and b"/EFOpen" in body
    given: set[bytes] = set()
    try:
        _read_document(document, paper, given, locked=locked)
    finally:
        document.close()
    if start > 64:
        paper.hide(binary_strings(data[:start]))
    if paper.blank:
        attempt(read_streams, data, paper)
    _read_outside(data, paper)
    if paper.blank:
        paper.trouble("no-text")  # what the sweep finds is on no page
    if not locked:
        sweep(data, paper, frozenset(given))


def _read_document(document: pdfium.PdfDocument, paper: Paper, given: set[bytes], *, locked: bool) -> None:
    pages = len(document)
    if pages > MAX_PAGES:
        paper.trouble("too-big")
    pictures = empty = shown = 0
    _quietly(lambda: _about(document, paper))
    _quietly(lambda: _attachments(document, paper, given, locked=locked))
    _quietly(lambda: _scripts(document, paper))
    for number in range(min(pages, MAX_PAGES)):
        try:
            text, has_picture = _page(document, number, paper)
        except pdfium.PdfiumError:
            paper.trouble("corrupt")
            continue
        shown += bool(text)
        empty += not text
        pictures += has_picture and not text
    if not shown and pictures:
        paper.trouble("image-only")
    elif pictures:
        paper.trouble("image-pages")


def _quietly(step: Callable[[], None]) -> None:
    """Run a step that a broken document may spoil; the pages are read all the same."""
    try:
        step()
    except (pdfium.PdfiumError, ValueError, UnicodeError, OSError, KeyError, IndexError, ctypes.ArgumentError):
        return


def _page(document: pdfium.PdfDocument, number: int, paper: Paper) -> tuple[bool, bool]:
    """Read one page: whether it has text, whether it has pictures."""
    page = document[number]
    try:
        textpage = page.get_textpage()
        try:
            text = textpage.get_text_range().replace("\ufffe", "-").replace("\r\n", "\n")
            for rows in page_tables(textpage):
                paper.table(rows)
        finally:
            textpage.close()
        paper.show(text + "\n")
        noted = _notes(page, paper)
        found = bool(text.strip()) or noted
        letters = sum(map(str.isalnum, text))
        if letters >= FEW_LETTERS:
            return True, False
        if text.strip() and fills_page(page):
            return False, True  # a stamp, a page number, the line of a fax: the page is the picture below
        return found, False if text.strip() else has_picture(page)
    finally:
        page.close()


def fills_page(page: pdfium.PdfPage) -> bool:
    """Whether pictures cover at least half of the page, in one piece or in strips."""
    width, height = page.get_size()
    covered = sum(_area(each) for each in _objects(page) if _is_picture(each))
    return bool(covered >= width * height / 2)


def _objects(page: pdfium.PdfPage) -> list[Any]:
    count = min(c.FPDFPage_CountObjects(page), MAX_OBJECTS)
    return [c.FPDFPage_GetObject(page, place) for place in range(count)]


def _is_picture(each: Any) -> bool:
    kind = c.FPDFPageObj_GetType(each)
    if kind != c.FPDF_PAGEOBJ_FORM:
        return bool(kind == c.FPDF_PAGEOBJ_IMAGE)
    count = min(c.FPDFFormObj_CountObjects(each), MAX_OBJECTS)
    kinds = {c.FPDFPageObj_GetType(c.FPDFFormObj_GetObject(each, place)) for place in range(count)}
    return c.FPDF_PAGEOBJ_IMAGE in kinds


def _area(each: Any) -> float:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not c.FPDFPageObj_GetBounds(each, left, bottom, right, top):
        return 0.0
    return abs((right.value - left.value) * (top.value - bottom.value))


def has_picture(page: pdfium.PdfPage) -> bool:
    """Whether anything but text is drawn on the page."""
    count = min(c.FPDFPage_CountObjects(page), MAX_OBJECTS)
    kinds = {c.FPDFPageObj_GetType(c.FPDFPage_GetObject(page, place)) for place in range(count)}
    return bool(kinds - {c.FPDF_PAGEOBJ_TEXT})


def _notes(page: pdfium.PdfPage, paper: Paper) -> bool:
    """Annotations: notes, form fields, link targets. Whether there was text in them."""
    found = False
    for place in range(min(c.FPDFPage_GetAnnotCount(page), MAX_NOTES)):
        note = c.FPDFPage_GetAnnot(page, place)
        if not note:
            continue
        field = c.FPDFAnnot_GetSubtype(note) == c.FPDF_ANNOT_WIDGET
        for key in _KEYS:
            text = _wide(lambda buffer, size, n=note, k=key: c.FPDFAnnot_GetStringValue(n, k, buffer, size))  # type: ignore[misc]
            if text.strip():
                found = found or key in (b"Contents", b"V")
                paper.write(text + "\n", hidden=not (field and key == b"V"))
        link = c.FPDFAnnot_GetLink(note)
        action = c.FPDFLink_GetAction(link) if link else None
        if action:
            size = c.FPDFAction_GetURIPath(page.pdf, action, None, 0)
            if 1 < size < MAX_FIELD:
                uri = ctypes.create_string_buffer(size)
                c.FPDFAction_GetURIPath(page.pdf, action, uri, size)
                paper.hide(uri.value.decode("utf-8", "replace"))
        c.FPDFPage_CloseAnnot(note)
    return found


def _wide(call: Callable[[Any, int], int]) -> str:
    """A UTF-16 string of pdfium: asked for its size, then for itself."""
    size = call(None, 0)
    if not 2 < size < MAX_FIELD:
        return ""
    buffer = ctypes.create_string_buffer(size)
    call(ctypes.cast(buffer, ctypes.POINTER(c.FPDF_WCHAR)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")


def _about(document: pdfium.PdfDocument, paper: Paper) -> None:
    for key, value in document.get_metadata_dict(skip_empty=True).items():
        paper.hide(f"{key}: {value}")
    for number, mark in enumerate(document.get_toc(max_depth=10)):
        if number >= MAX_NOTES:
            break
        paper.hide(mark.get_title())


def _attachments(document: pdfium.PdfDocument, paper: Paper, given: set[bytes], *, locked: bool) -> None:
    """Hand on the files inside, their digests to `given`."""
    for number in range(min(document.count_attachments(), MAX_NOTES)):
        attached = document.get_attachment(number)
        name = attached.get_name()
        if locked:  # pdfium hands out the octets as they lie there
            paper.member(name, b"", "encrypted")
            continue
        try:
            data = bytes(attached.get_data())
        except pdfium.PdfiumError:
            paper.member(name, b"", "corrupt")
            continue
        paper.budget.spend_octets(len(data))
        given.add(hashlib.blake2b(data.strip()).digest())
        paper.member(name, data)


def _scripts(document: pdfium.PdfDocument, paper: Paper) -> None:
    for number in range(min(max(0, c.FPDFDoc_GetJavaScriptActionCount(document)), 100)):
        script = c.FPDFDoc_GetJavaScriptAction(document, number)
        if script:
            paper.hide(_wide(lambda buffer, size, s=script: c.FPDFJavaScriptAction_GetScript(s, buffer, size)))  # type: ignore[misc]
            c.FPDFDoc_CloseJavaScriptAction(script)
    for number in range(min(max(0, c.FPDF_GetXFAPacketCount(document)), 50)):
        size = ctypes.c_ulong()
        if c.FPDF_GetXFAPacketContent(document, number, None, 0, size) and 0 < size.value < 10 * MAX_FIELD:
            paper.budget.spend_octets(size.value)
            packet = ctypes.create_string_buffer(size.value)
            c.FPDF_GetXFAPacketContent(document, number, packet, size.value, size)
            paper.hide(_TAG.sub(" ", decode(packet.raw)))


def _read_outside(data: bytes, paper: Paper) -> None:
    """What lies in the octets: labels and XMP (the walk looks behind the end)."""
    for found in dict.fromkeys(_LABEL.findall(data)):
        paper.label(found.decode("ascii"))
    for packet in _XMP.findall(data)[:20]:
        paper.hide(re.sub(r"\s+", " ", _TAG.sub(" ", decode(packet))))


def read_streams(data: bytes, paper: Paper) -> None:
    """Every stream that can be inflated, its strings taken as text: for what pdfium does not open."""
    if re.search(rb"/Encrypt\s*(?:\d+ \d+ R|<<)", data):
        raise Stopped("encrypted")
    texts: list[str] = []
    for number, match in enumerate(_STREAM.finditer(data)):
        if number >= MAX_STREAMS:
            paper.trouble("too-big")
            break
        end = data.find(b"endstream", match.end())
        body = data[match.end() : end if end >= 0 else len(data)]
        head = data[max(0, match.start() - 500) : match.start()]
        if b"FlateDecode" in head or body[:1] == b"x":
            body, _ = inflate(body, paper.budget, zlib.MAX_WBITS, 20 * 1024 * 1024)
        if b"Tj" in body or b"TJ" in body or b"'" in body:
            texts.append(strings(body))
    texts.append(strings(_STREAM.split(data, maxsplit=1)[0]))
    paper.hide("\n".join(text for text in texts if text))


def strings(body: bytes) -> str:
    """The strings of a content stream or dictionary, their escapes undone (ISO 32000-1 7.3.4)."""
    out = []
    for match in _STRING.finditer(body):
        if match[1] is not None:
            octets = _ESCAPE.sub(_unescape, match[1])
        else:
            digits = b"".join(match[2].split())
            octets = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
        out.append(decode(octets) if octets[:2] in (b"\xfe\xff", b"\xff\xfe") else octets.decode("cp1252", "replace"))
    return "".join(out)


def _unescape(match: re.Match[bytes]) -> bytes:
    word = match[1]
    if word[:1] in b"01234567" and word[:1]:
        return bytes([int(word, 8) & 0xFF])
    return _ESCAPES.get(word, word)
