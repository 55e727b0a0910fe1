# SPDX-License-Identifier: Apache-2.0
"""Documents made for the tests, with a marker word wherever a word can stand."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from dlpmilter.content.formats.base import Budget, Reading
from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.table import READERS

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
GUID = "0a1b2c3d-1111-2222-3333-444455556666"


def budget(octets: int = 200 << 20, chars: int = 5_000_000, members: int = 1000, depth: int = 5) -> Budget:
    """What one mail may cost."""
    return Budget(octets=octets, text_chars=chars, members=members, depth=depth)


def read(data: bytes, *names: str, spend: Budget | None = None) -> Reading:
    """Sniff and read, as the walk does."""
    return READERS[sniff(data, names)](data, spend or budget())


def everything(data: bytes, *names: str, depth: int = 4) -> str:
    """All text, hidden text, labels and names of a document and of its members."""
    reader = READERS.get(sniff(data, names))
    if reader is None:
        return ""
    reading = reader(data, budget())
    inner = [
        f"{each.name} {everything(each.data, each.name, depth=depth - 1) if depth else ''}" for each in reading.members
    ]
    cells = [cell for table in reading.tables for row in table.rows for cell in row]
    return "\n".join([reading.text, reading.hidden, *reading.labels, *inner, *cells])


def zipped(parts: Mapping[str, str | bytes], *, stored: tuple[str, ...] = (), front: bytes = b"") -> bytes:
    """A ZIP of these members."""
    file = io.BytesIO()
    file.write(front)
    with zipfile.ZipFile(file, "a" if front else "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED)
    return file.getvalue()


def with_parts(package: bytes, parts: Mapping[str, str | bytes]) -> bytes:
    """The same package with parts replaced or added."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        old = {info.filename: archive.read(info) for info in archive.infolist()}
    return zipped({**old, **parts})


def part(package: bytes, name: str) -> str:
    """One part of a package as text."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return archive.read(name).decode()


HELLO = "<w:p><w:r><w:t>Hallo</w:t></w:r></w:p>"


def plain_docx(body: str = HELLO, /, **parts: str | bytes) -> bytes:
    """A Word document written by hand."""
    return zipped({
        "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Override PartName="/word/document.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
        "</Relationships>",
        "word/document.xml": f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>',
        **{name.replace("__", "/"): content for name, content in parts.items()},
    })  # fmt: skip


def custom_properties(**values: str) -> str:
    """docProps/custom.xml."""
    inner = "".join(
        f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="{n}" name="{name}"><vt:lpwstr>{value}</vt:lpwstr></property>'
        for n, (name, value) in enumerate(values.items(), 2)
    )
    return (
        '<?xml version="1.0"?><Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" '
        f'xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">{inner}</Properties>'
    )


def docx(**words: str) -> bytes:
    """A Word document by python-docx, then with what it cannot write."""
    import docx as library

    document: Any = library.Document()
    document.add_paragraph(words.get("body", "Text"))
    table = document.add_table(rows=3, cols=2)
    for row in range(3):
        for column in range(2):
            table.cell(row, column).text = f"{words.get('cell', 'Zelle')}{row}{column}"
    document.sections[0].header.paragraphs[0].text = words.get("header", "")
    document.sections[0].footer.paragraphs[0].text = words.get("footer", "")
    document.core_properties.author = words.get("author", "")
    document.core_properties.title = words.get("title", "")
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def xlsx(rows: list[list[object]], **words: str) -> bytes:
    """A workbook by openpyxl."""
    import openpyxl
    from openpyxl.comments import Comment

    book: Any = openpyxl.Workbook()
    sheet = book.active
    sheet.title = words.get("title", "Tabelle1")
    for row in rows:
        sheet.append(row)
    if "comment" in words:
        sheet["A1"].comment = Comment(words["comment"], "wer")
    if "header" in words:
        sheet.oddHeader.center.text = words["header"]
    if "formula" in words:
        sheet["Z1"] = f'=IF(1=1,"{words["formula"]}","")'
    if "hidden_row" in words:
        sheet.append([words["hidden_row"]])
        sheet.row_dimensions[sheet.max_row].hidden = True
    if "hidden_column" in words:
        sheet["D1"] = words["hidden_column"]
        sheet.column_dimensions["D"].hidden = True
    for key, state in (("hidden_sheet", "hidden"), ("very_hidden_sheet", "veryHidden")):
        if key in words:
            other = book.create_sheet(key)
            other["A1"] = words[key]
            other.sheet_state = state
    if "name" in words:
        from openpyxl.workbook.defined_name import DefinedName

        book.defined_names["benannt"] = DefinedName("benannt", attr_text=f'"{words["name"]}"')
    if "author" in words:
        book.properties.creator = words["author"]
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def pptx(**words: str) -> bytes:
    """A presentation by python-pptx."""
    import pptx as library
    from pptx.util import Inches

    show: Any = library.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = words.get("title", "Titel")
    box = slide.shapes.add_textbox(Inches(1), Inches(1), Inches(3), Inches(1))
    box.text_frame.text = words.get("box", "")
    box._element.nvSpPr.cNvPr.set("descr", words.get("alternative", ""))
    table = slide.shapes.add_table(3, 2, Inches(1), Inches(3), Inches(4), Inches(1)).table
    for row in range(3):
        for column in range(2):
            table.cell(row, column).text = f"{words.get('cell', 'Zelle')}{row}{column}"
    slide.notes_slide.notes_text_frame.text = words.get("notes", "")
    hidden = show.slides.add_slide(show.slide_layouts[5])
    hidden.shapes.title.text = words.get("hidden", "")
    hidden._element.set("show", "0")
    file = io.BytesIO()
    show.save(file)
    return file.getvalue()


def pdf(text: str = "Text", *, password: str = "", form: str = "", **info: str) -> bytes:
    """A PDF by reportlab."""
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    page: Any = Canvas(file, encrypt=StandardEncryption(password, canPrint=0) if password else None)
    page.setTitle(info.get("title", ""))
    page.setAuthor(info.get("author", ""))
    for number, line in enumerate(text.split("\n")):
        page.drawString(72, 720 - 14 * number, line)
    if form:
        page.acroForm.textfield(name="feld", value=form, x=72, y=600, width=300)
    if "bookmark" in info:
        page.bookmarkPage("a")
        page.addOutlineEntry(info["bookmark"], "a")
    if "note" in info:
        page.textAnnotation(info["note"], Rect=[10, 10, 50, 50])
    if "link" in info:
        page.linkURL(info["link"], (10, 10, 50, 50))
    page.showPage()
    page.save()
    return file.getvalue()


def raw_pdf(objects: Mapping[int, bytes]) -> bytes:
    """A PDF written by hand, object by object; object 1 is the catalogue."""
    out = bytearray(b"%PDF-1.7\n")
    places = {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (max(objects) + 1)
    for number in range(1, max(objects) + 1):
        out += b"%010d 00000 n \n" % places.get(number, 0)
    out += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (max(objects) + 1, start)
    return bytes(out)


def pdf_with_attachment(name: str, content: bytes) -> bytes:
    """A PDF that carries a file."""
    return raw_pdf({
        1: b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a) 4 0 R]>>>>>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
        4: b"<</Type/Filespec/F(%s)/UF(%s)/EF<</F 5 0 R>>>>" % (name.encode(), name.encode()),
        5: b"<</Type/EmbeddedFile/Length %d>>\nstream\n%s\nendstream" % (len(content), content),
    })  # fmt: skip


def pdf_with_picture() -> bytes:
    """A PDF whose only page is a picture."""
    content = b"q 200 0 0 200 0 0 cm /I Do Q"
    return raw_pdf({
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>",
        4: b"<</Length %d>>\nstream\n%s\nendstream" % (len(content), content),
        5: b"<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>\nstream\n\x80\nendstream",
    })  # fmt: skip


ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:fo="urn:fo" xmlns:svg="urn:svg" xmlns:dc="urn:dc" '
    'xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0" xmlns:meta="urn:meta"'
)


def odf(kind: str, body: str, *, automatic: str = "", styles: str = "", meta: str = "", **parts: str | bytes) -> bytes:
    """An OpenDocument package."""
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {ODF}><office:automatic-styles>{automatic}'
            f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>",
            "styles.xml": f"<office:document-styles {ODF}>{styles}</office:document-styles>",
            "meta.xml": f"<office:document-meta {ODF}><office:meta>{meta}</office:meta></office:document-meta>",
            "META-INF/manifest.xml": '<manifest:manifest xmlns:manifest="urn:m"/>',
            **{name.replace("__", "/"): content for name, content in parts.items()},
        },
        stored=("mimetype",),
    )


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A picture of one dot with more chunks."""
    out = bytearray(b"\x89PNG\r\n\x1a\n")
    for kind, body in (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), *chunks, (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b""),
    ):  # fmt: skip
        out += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return bytes(out)


def exif(text: bytes) -> bytes:
    """A TIFF block with one ASCII value."""
    return b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x010E, 2, len(text), 26) + bytes(4) + text


def jpeg(text: bytes) -> bytes:
    """The frame of a JPEG with EXIF and a comment; no scan follows."""
    block = b"Exif\0\0" + exif(text)
    return (
        b"\xff\xd8\xff\xe1" + struct.pack(">H", len(block) + 2) + block
        + b"\xff\xfe" + struct.pack(">H", len(text) + 4) + b"C-" + text + b"\xff\xda\x00\x02\x00\xff\xd9"
    )  # fmt: skip


Tree = dict[str, "bytes | Tree"]


def compound(tree: Tree) -> bytes:
    """A compound file ([MS-CFB]); all streams in ordinary sectors, storages as nested dictionaries."""
    entries: list[list[Any]] = [["Root Entry", 5, -1, b""]]
    siblings: dict[int, int] = {}

    def add(level: Tree, parent: int) -> None:
        previous = -1
        for name, content in level.items():
            number = len(entries)
            entries.append(
                [name, 1 if isinstance(content, dict) else 2, -1, b"" if isinstance(content, dict) else content]
            )
            if previous < 0:
                entries[parent][2] = number
            else:
                siblings[previous] = number
            previous = number
            if isinstance(content, dict):
                add(content, number)

    add(tree, 0)
    blocks: list[bytes] = []
    fat: list[int] = []

    def store(data: bytes) -> int:
        pieces = [data[at : at + 512].ljust(512, b"\0") for at in range(0, len(data), 512)]
        start = len(blocks)
        for number, piece in enumerate(pieces):
            blocks.append(piece)
            fat.append(start + number + 1 if number + 1 < len(pieces) else 0xFFFFFFFE)
        return start if pieces else 0xFFFFFFFE

    starts = [store(content.ljust(4096, b"\0")) if kind == 2 else 0xFFFFFFFE for _, kind, _, content in entries]
    directory = b""
    for number, (name, kind, child, content) in enumerate(entries):
        raw = name.encode("utf-16-le") + b"\0\0"
        size = max(len(content), 4096) if kind == 2 else 0
        directory += struct.pack(
            "<64sHBBIII16s20xIQ", raw, len(raw), kind, 1, 0xFFFFFFFF, siblings.get(number, 0xFFFFFFFF),
            child if child >= 0 else 0xFFFFFFFF, b"", starts[number], size,
        )  # fmt: skip
    directory_start = store(directory)
    fat_sectors = -(-(len(fat) + 4) // 128)
    fat_start = len(blocks)
    fat += [0xFFFFFFFD] * fat_sectors
    fat += [0xFFFFFFFF] * (fat_sectors * 128 - len(fat))
    blocks += [struct.pack("<128I", *fat[at : at + 128]) for at in range(0, len(fat), 128)]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, fat_sectors, directory_start, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    places = [*range(fat_start, fat_start + fat_sectors)]
    header += struct.pack("<109I", *places, *[0xFFFFFFFF] * (109 - len(places)))
    return header + b"".join(blocks)


def doc(text: str, *, footnote: str = "", header: str = "", comment: str = "", encrypted: bool = False) -> bytes:
    """A Word document of 1997: two pieces, one narrow and one wide."""
    whole = text + footnote + header + comment
    half = len(whole) // 2
    narrow, wide = whole[:half].encode("cp1252"), whole[half:].encode("utf-16-le")
    main = bytearray(2048)
    struct.pack_into("<HH", main, 0, 0xA5EC, 0xC1)
    struct.pack_into("<H", main, 10, 0x0200 | (0x0100 if encrypted else 0))
    for place, count in zip((0x4C, 0x50, 0x54, 0x5C), (text, footnote, header, comment), strict=True):
        struct.pack_into("<I", main, place, len(count))
    plc = struct.pack("<III", 0, half, len(whole))
    plc += struct.pack("<HIH", 0, 0x40000000 | (2048 * 2), 0) + struct.pack("<HIH", 0, 2048 + len(narrow), 0)
    clx = b"\x02" + struct.pack("<I", len(plc)) + plc
    struct.pack_into("<II", main, 0x1A2, 0, len(clx))
    return compound({"WordDocument": bytes(main) + narrow + wide, "1Table": clx})


def ppt(slide: str, notes: str) -> bytes:
    """The records of a presentation of 1997."""

    def atom(kind: int, body: bytes, *, version: int = 0) -> bytes:
        return struct.pack("<HHI", version, kind, len(body)) + body

    shown = atom(0x03EE, atom(0x0FA0, slide.encode("utf-16-le")), version=0xF)
    behind = atom(0x03F0, atom(0x0FA8, notes.encode("latin-1")), version=0xF)
    return compound({"PowerPoint Document": shown + behind, "Current User": b"\0" * 32})


def msg(**extra: bytes | Tree) -> bytes:
    """An Outlook item with a text, a receiver, an attachment and an item inside."""
    wide = lambda text: text.encode("utf-16-le")  # noqa: E731
    return compound({
        "__properties_version1.0": b"\0" * 32,
        "__substg1.0_0037001F": wide("Betreffwort"),
        "__substg1.0_1000001F": wide("Textwort"),
        "__substg1.0_10130102": b"<p>Markupwort</p>",
        "__substg1.0_8001001F": wide("Eigenschaftwort"),
        "__recip_version1.0_#00000000": {"__substg1.0_3003001F": wide("empfaenger@example.org")},
        "__attach_version1.0_#00000000": {
            "__substg1.0_3707001F": wide("liste.csv"), "__substg1.0_37010102": b"a;b\n1;Anhangwort\n2;3\n",
        },
        "__attach_version1.0_#00000001": {
            "__substg1.0_3701000D": {"__properties_version1.0": b"", "__substg1.0_1000001F": wide("Innenwort")},
        },
        **extra,
    })  # fmt: skip
