# SPDX-License-Identifier: Apache-2.0
"""One tiny document of each kind, to warm the readers with. Made here, octet by octet; never sent anywhere."""

from __future__ import annotations

import io
import zipfile

_PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj
4 0 obj<</Length 35>>stream
BT /F 12 Tf 20 100 Td (warm) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""


def _zip(parts: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


def _office(main: str, kind: str, body: str) -> bytes:
    return _zip({
        "[Content_Types].xml": f'<Types><Override PartName="/{main}" ContentType="application/{kind}.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships><Relationship Id="r" Type="x/officeDocument" Target="{main}"/></Relationships>',
        main: body,
    })  # fmt: skip


def _ole() -> bytes:
    """A compound file with a directory of one root and one small stream."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + bytes.fromhex("3e000300feff0900060000000000000000000000")
    numbers = (1, 1, 0, 4096, 2, 1, 0xFFFFFFFE, 0, 0)
    header += b"".join(number.to_bytes(4, "little") for number in numbers) + b"\xff" * (4 * 108)
    fat = b"".join(n.to_bytes(4, "little") for n in (0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFE, 0xFFFFFFFE)) + b"\xff" * 496
    root = _entry("Root Entry", 5, child=1, start=3, size=64)
    stream = _entry("Contents", 2, child=0xFFFFFFFF, start=0, size=24)
    mini_fat = b"\xfe\xff\xff\xff" + b"\xff" * 508
    return header + fat + root + stream + bytes(256) + mini_fat + b"w\0a\0r\0m\0 \0u\0p\0".ljust(512, b"\0")


def _entry(name: str, kind: int, *, child: int, start: int, size: int) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0"
    none = b"\xff" * 4
    return (
        raw.ljust(64, b"\0") + len(raw).to_bytes(2, "little") + bytes((kind, 1)) + none + none
        + child.to_bytes(4, "little") + bytes(36) + start.to_bytes(4, "little") + size.to_bytes(8, "little")
    )  # fmt: skip


SAMPLES: tuple[bytes, ...] = (
    _PDF,
    b"%PDF-1.4 broken",
    _office(
        "word/document.xml",
        "x.wordprocessingml.document",
        "<w:document xmlns:w='w'><w:p><w:r><w:t>a</w:t></w:r></w:p></w:document>",
    ),
    _office("xl/workbook.xml", "x.spreadsheetml.sheet", "<workbook><sheets/></workbook>"),
    _office("xl/workbook.bin", "vnd.ms-excel.sheet.binary.macroEnabled", "x"),
    _office("ppt/presentation.xml", "x.presentationml.presentation", "<p:presentation xmlns:p='p'/>"),
    _zip({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<a><p>x</p></a>"}),
    _zip({"mimetype": "application/epub+zip", "a.xhtml": "<html><p>x</p></html>"}),
    _ole(),
    b"\x09\x04\x06\x00\x00\x04\x10\x00\x00\x00\x0a\x00\x00\x00",
    b"{\\rtf1\\ansi\\ansicpg1252 a\\'e4\\u8364?{\\fonttbl{\\f0\\fcharset204 A;}}\\f0 b}",
    b"plain text",
    "Größe;1\r\nLänge;2\r\n".encode("cp1252"),
    b"a,b\n1,2\n3,4\n",
    b'{"a": ["\\u00e4"]}',
    b"<html><style>.a{display:none}</style><p class=a style='color:#fff'>x</p><table><tr><td>1</table></html>",
    b"<?xml version='1.0'?><a b='c'>x<!--y--></a>",
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    b"BEGIN:VCARD\nN;CHARSET=iso-8859-1;ENCODING=QUOTED-PRINTABLE:=E4\nPHOTO;ENCODING=b:AAAA\nEND:VCARD\n",
    b"From: a@example.org\nTo: b@example.org\nSubject: x\n\nx\n",
    b"From a Mon Jan  1 00:00:00 2024\nFrom: a@example.org\nTo: b@example.org\n\nx\n",
    b"\x78\x9f\x3e\x22\x00\x00\x01\x06\x90\x08\x00\x04\x00\x00\x00\x00\x00\x01\x00\x01\x00",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\x09zTXta\0\0x\x9c\x03\x00\x00\x00\x00\x01\x00\x00\x00\x00",
    b"\xff\xd8\xff\xe1\x00\x08Exif\xff\xd9",
    b"-----BEGIN PGP MESSAGE-----\n",
    b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80",
    b"\x00\x01\x02\x03",
    b"",
)
