# SPDX-License-Identifier: Apache-2.0
"""The type comes from the octets: no name, no wrong signature and no second format in a file changes it."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.table import READERS
from tests.content.formats import make
from tests.content.formats.make import everything, read


def _tar(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("a.txt")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


KINDS: dict[str, tuple[str, bytes]] = {
    "pdf": (t.PDF, make.pdf("x")),
    "docx": (t.DOCX, make.plain_docx()),
    "xlsx": (t.XLSX, make.xlsx([["a"]])),
    "pptx": (t.PPTX, make.pptx()),
    "odt": (t.ODT, make.odf("text", "<text:p>a</text:p>")),
    "ods": (t.ODS, make.odf("spreadsheet", "")),
    "odp": (t.ODP, make.odf("presentation", "")),
    "doc": (t.DOC, make.doc("abc")),
    "xls": (t.XLS, make.compound({"Workbook": b"\x09\x08" + bytes(100)})),
    "ppt": (t.PPT, make.ppt("a", "b")),
    "msg": (t.MSG, make.msg()),
    "protected": (t.PROTECTED_OOXML, make.compound({"EncryptedPackage": b"x", "EncryptionInfo": b"y"})),
    "ole": (t.OLE, make.compound({"Irgendwas": b"x"})),
    "rtf": (t.RTF, rb"{\rtf1 a}"),
    "html": (t.HTML, b"<!DOCTYPE html><html><body>a</body></html>"),
    "html fragment": (t.HTML, b"<div>a <b>b</b></div>"),
    "xml": (t.XML, b'<?xml version="1.0"?><a/>'),
    "svg": (t.SVG, b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    "csv": (t.CSV, b"a;b\nc;d\ne;f\n"),
    "tsv": (t.TSV, b"a\tb\nc\td\n"),
    "json": (t.JSON, b'{"a": 1}'),
    "text": (t.TEXT, b"Guten Tag, wie geht es?\n"),
    "utf-16 text": (t.TEXT, "Guten Tag, wie geht es?\n".encode("utf-16")),
    "eml": (t.EML, b"From: a@b\nTo: c@d\nSubject: e\n\nf"),
    "mbox": (t.MBOX, b"From a@b Mon Jan  1 00:00:00 2024\nFrom: a@b\nTo: c@d\nSubject: e\n\nf\n"),
    "vcf": (t.VCF, b"BEGIN:VCARD\nEND:VCARD\n"),
    "ics": (t.ICS, b"BEGIN:VCALENDAR\nEND:VCALENDAR\n"),
    "tnef": (t.TNEF, b"\x78\x9f\x3e\x22\x01\x00"),
    "zip": (t.ZIP, make.zipped({"a.txt": "b"})),
    "epub": (t.EPUB, make.zipped({"mimetype": "application/epub+zip"}, stored=("mimetype",))),
    "jar": (t.JAR, make.zipped({"META-INF/MANIFEST.MF": "a"})),
    "7z": (t.SEVEN_ZIP, b"7z\xbc\xaf\x27\x1c\x00\x04"),
    "rar": (t.RAR, b"Rar!\x1a\x07\x01\x00"),
    "tar": (t.TAR, _tar(b"x")),
    "gzip": (t.GZIP, gzip.compress(b"x")),
    "bzip2": (t.BZIP2, __import__("bz2").compress(b"x")),
    "xz": (t.XZ, __import__("lzma").compress(b"x")),
    "cab": (t.CAB, b"MSCF\x00\x00\x00\x00" + bytes(40)),
    "iso": (t.ISO, bytes(0x8001) + b"CD001" + bytes(100)),
    "png": (t.PNG, make.png()),
    "jpeg": (t.JPEG, make.jpeg(b"a")),
    "gif": (t.GIF, b"GIF89a" + bytes(10)),
    "tiff": (t.TIFF, make.exif(b"a")),
    "webp": (t.WEBP, b"RIFF\x04\0\0\0WEBP"),
    "heic": (t.HEIC, b"\x00\x00\x00\x18ftypheic" + bytes(12)),
    "bmp": (t.BMP, b"BM" + bytes(12) + b"\x28" + bytes(40)),
    "mp4": (t.VIDEO, b"\x00\x00\x00\x18ftypisom" + bytes(12)),
    "mp3": (t.MP3, b"ID3\x03\x00"),
    "wav": (t.WAV, b"RIFF\x04\0\0\0WAVE"),
    "exe": (t.EXECUTABLE, b"MZ\x90\x00\x03"),
    "elf": (t.EXECUTABLE, b"\x7fELF\x02\x01"),
    "sqlite": (t.SQLITE, b"SQLite format 3\x00"),
    "pgp": (t.PGP, b"-----BEGIN PGP MESSAGE-----\n"),
    "binary pgp": (t.PGP, b"\x85\x01\x0c\x03" + bytes(range(100))),
    "smime": (t.SMIME, b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x80"),
    "narrow and wide strings": (
        t.UNKNOWN,
        b"\0\x01\x02Kundennummer 4711\0\xff\xfe" + "Gehalt 5000 und mehr".encode("utf-16-le") + b"\x01\x02\x80",
    ),
    "noise behind a mark": (t.UNKNOWN, b"\xff\xfe" + bytes((n * n * 7 + n * 13 + (n >> 3)) % 256 for n in range(2000))),
    "unknown": (t.UNKNOWN, bytes(range(1, 9)) * 40),
    "nothing": (t.EMPTY, b""),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["", "urlaub.jpg", "a.txt", "bericht.pdf", "x.p7s", "a.docx\x00.png"])
def test_no_name_changes_the_type(kind: str, name: str) -> None:
    """Whatever a file is called, its octets say what it is."""
    wanted, data = KINDS[kind]
    assert sniff(data, (name,) if name else ()) == wanted


def test_a_name_chooses_between_text_formats_only() -> None:
    """One line of text named .csv is a table; binary data named .csv is not."""
    assert sniff(b"a und b\n", ("a.csv",)) == t.CSV
    assert sniff(b"\x00\x01\x02\x03" * 20, ("a.csv",)) == t.UNKNOWN


def test_every_document_type_has_a_reader_and_no_archive_has() -> None:
    """What sniff can answer is read by a reader here or opened as an archive."""
    answers = {kind for kind, _ in KINDS.values()} | {
        value for name, value in vars(t).items() if name.isupper() and name[0] != "_" and isinstance(value, str)
    }
    assert answers - READERS.keys() - t.ARCHIVES - {t.MHTML} == set()
    assert READERS.keys() & t.ARCHIVES == set()


@given(st.binary(max_size=3000), st.sampled_from(sorted(KINDS)))
def test_sniffing_never_fails(noise: bytes, kind: str) -> None:
    """Any octets, alone or behind a signature, get some type."""
    assert sniff(noise)
    assert sniff(KINDS[kind][1][:40] + noise)
    assert sniff(noise + KINDS[kind][1])


DOCX = make.plain_docx("<w:p><w:r><w:t>Zweitwort</w:t></w:r></w:p>")
PDF = make.pdf("Zweitwort")
POLYGLOTS: dict[str, bytes] = {
    "text before a docx": b"Erstwort, dann eine Datei\n" + DOCX,
    "script before a docx": b"#!/bin/sh\n# Erstwort\n" + DOCX,
    "pdf behind text": b"Erstwort und mehr als vierundsechzig Zeichen, damit es auffaellt und nicht im Rauschen untergeht\n"
    + PDF,
    "pdf and html": b"<html>Erstwort und mehr als vierundsechzig Zeichen, damit es auffaellt, und noch etwas dazu</html>\n"
    + PDF,
    "html that starts like a pdf": b"%PDF-1.4\n<html><body>Erstwort, Zweitwort</body></html>",
    "gif comment": b"GIF89a\x01\0\x01\0\0\0\0!\xfe\x12Erstwort Zweitwort\0;",
    "png with a docx chunk": make.png((b"tEXt", b"a\0Erstwort"), (b"tEXt", b"b\0Zweitwort")),
    "jpeg comment": make.jpeg(b"Erstwort Zweitwort\0"),
    "bmp with text behind": b"BM\x40\0\0\0"
    + bytes(8)
    + b"\x28"
    + bytes(49)
    + b"Erstwort und Zweitwort stehen hinter dem Bild, wo niemand schaut",
    "webp with a docx behind": b"RIFF\x2f\0\0\0WEBPEXIF\x23\0\0\0" + make.exif(b"Erstwort\0") + DOCX,
    "docx with a foreign file": make.with_parts(DOCX, {"notiz.txt": "Erstwort"}),
    "docx with a pdf": make.with_parts(DOCX, {"word/media/bild1.png": make.pdf("Erstwort")}),
    "docx in a docx": make.plain_docx("<w:p><w:r><w:t>Erstwort</w:t></w:r></w:p>", **{"word__embeddings__a.bin": DOCX}),
    "docx with two main parts": make.with_parts(
        DOCX, {"xl/workbook.xml": "<a/>", "xl/sharedStrings.xml": "<sst><si><t>Erstwort</t></si></sst>"}
    ),
    "ole with a pdf stream": make.compound({"Contents": PDF, "Anders": b"Erstwort als Text in einem Strom"}),
    "rtf with a docx": rb"{\rtf1 Erstwort {\object{\*\objdata " + DOCX.hex().encode() + b"}}}",
    "svg in html": b"<html><body>Erstwort<svg><text>Zweitwort</text></svg></body></html>",
    "html with a docx inside": b"<html>Erstwort <a href='data:application/x;base64,"
    + base64.b64encode(DOCX)
    + b"'>x</a></html>",
    "csv that is a mail": b"From: a@example.org\nTo: Erstwort <b@example.org>\nSubject: x\n\na;b\n1;Zweitwort\n",
    "stored pdf in a docx": make.zipped(
        {
            "a.pdf": make.pdf("Erstwort"),
            **{n: make.part(DOCX, n) for n in ("[Content_Types].xml", "_rels/.rels", "word/document.xml")},
        },
        stored=("a.pdf",),
    ),
    "pdf in a gif": b"GIF89a\x01\0\x01\0\0\0\0!\xfe\x08Erstwort\0;" + PDF,
    "card with a docx": b"BEGIN:VCARD\nN:Erstwort\nPHOTO;ENCODING=b:" + base64.b64encode(DOCX) + b"\nEND:VCARD\n",
}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_both_faces_of_a_file_are_found(name: str) -> None:
    """A file that is two things at once hides neither."""
    found = everything(POLYGLOTS[name], "bild.jpg")
    status = read(POLYGLOTS[name], "bild.jpg").status
    assert "Zweitwort" in found or status not in ("read", "picture")
    assert "Erstwort" in found or status not in ("read", "picture")
