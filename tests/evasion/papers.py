# SPDX-License-Identifier: Apache-2.0
"""An account number in odd corners of PDF, office documents old and new, rich text and items of Outlook."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator, Mapping

from tests.content.formats import make
from tests.evasion.whole import IBAN, SPACED, TEXT, Case, attach

SECRET = TEXT.encode()
UTF16 = b"\xfe\xff" + TEXT.encode("utf-16-be")
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
P1 = "<w:p><w:r><w:t>Hallo Welt</w:t></w:r></w:p>"


def _page(
    content: bytes, resources: bytes = b"/Font<</F 9 0 R>>", more: bytes = b"", catalogue: bytes = b"", **objects: bytes
) -> bytes:
    """One page with this content; `objects` are o6, o7 ..."""
    return make.raw_pdf({
        1: b"<</Type/Catalog/Pages 2 0 R" + catalogue + b">>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<<" + resources + b">>" + more + b">>",
        4: _stream(content),
        **{int(name[1:]): body for name, body in objects.items()},
        9: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    })  # fmt: skip


def _stream(data: bytes, head: bytes = b"") -> bytes:
    return b"<</Length %d%b>>\nstream\n%b\nendstream" % (len(data), head, data)


def _show(text: bytes, how: bytes = b"") -> bytes:
    return b"BT /F 12 Tf 50 700 Td " + how + b"(" + text + b") Tj ET"


HELLO = _show(b"Hallo Welt, dies ist ein Schreiben.")
EACH = b"BT /F 12 Tf 50 700 Td " + b" ".join(b"(%c) Tj 9 0 Td" % o for o in SECRET) + b" ET"
BACK = (
    b"BT /F 12 Tf "
    + b" ".join(b"1 0 0 1 %d 700 Tm (%c) Tj" % (50 + 9 * at, SECRET[at]) for at in reversed(range(len(SECRET))))
    + b" ET"
)
KERNED = b"BT /F 12 Tf 50 700 Td [" + b" ".join(b"(%c) -50" % o for o in SECRET) + b"] TJ ET"
TALL = (
    b"BT /F 12 Tf "
    + b" ".join(b"1 0 0 1 50 %d Tm (%c) Tj" % (750 - 14 * at, o) for at, o in enumerate(IBAN.encode()))
    + b" ET"
)


def _object_streams() -> bytes:
    """Everything but the content in one packed object stream, found by a cross-reference stream (ISO 32000-1 7.5.7)."""
    inner = {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
             3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 9 0 R>>>>>>",
             9: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}  # fmt: skip
    heads, bodies = b"", b""
    for number, each in inner.items():
        heads += b"%d %d " % (number, len(bodies))
        bodies += each + b" "
    packed = zlib.compress(heads + bodies)
    out = b"%PDF-1.5\n"
    places = {4: len(out)}
    content = zlib.compress(_show(SECRET))
    out += b"4 0 obj\n" + _stream(content, b"/Filter/FlateDecode") + b"\nendobj\n"
    places[5] = len(out)
    out += b"5 0 obj\n" + _stream(packed, b"/Type/ObjStm/N 4/First %d/Filter/FlateDecode" % len(heads)) + b"\nendobj\n"
    places[6] = len(out)
    rows = {
        1: (2, 5, 0),
        2: (2, 5, 1),
        3: (2, 5, 2),
        4: (1, places[4], 0),
        5: (1, places[5], 0),
        6: (1, places[6], 0),
        9: (2, 5, 3),
    }
    table = b"".join(struct.pack(">BHB", *rows.get(number, (0, 0, 0))) for number in range(10))
    table = zlib.compress(table)
    out += b"6 0 obj\n" + _stream(table, b"/Type/XRef/W[1 2 1]/Size 10/Root 1 0 R/Filter/FlateDecode") + b"\nendobj\n"
    return out + b"startxref\n%d\n%%%%EOF\n" % places[6]


def _updated(first: bytes, number: int, body: bytes) -> bytes:
    """An incremental update that replaces one object."""
    start = first.rfind(b"startxref\n") + 10
    before = first[start : first.find(b"\n", start)]
    out = first + b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n%d 1\n%010d 00000 n \ntrailer\n<</Size 10/Root 1 0 R/Prev %b>>\nstartxref\n%d\n%%%%EOF\n" % (
        number,
        len(first),
        before,
        table,
    )
    return out


_ONE = _page(_show(SECRET))
NOTE = b"/Annots[<</Type/Annot/Subtype%b/Rect[0 0 9 9]%b>>]"
TO_UNICODE = (
    b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange %d beginbfchar "
    % 37
    + b" ".join(b"<%02x> <%04x>" % (o + 1, o) for o in sorted(set(SECRET)))
    + b" endbfchar endcmap end"
)
SHIFTED = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R>>"

PDFS: dict[str, tuple[str, bytes]] = {
    "object-streams": ("Objects in packed streams.", _object_streams()),
    "update-hides": ("An update replaced the page that had it.", _updated(_ONE, 4, _stream(HELLO))),
    "update-shows": ("An update brought it.", _updated(_page(HELLO), 4, _stream(_show(SECRET)))),
    "xref-broken": ("The table of objects points nowhere.", _ONE.replace(b"0000000", b"0000001")),
    "xref-missing": ("There is no table of objects.", _ONE[: _ONE.rfind(b"xref\n0")] + b"trailer\n<</Root 1 0 R>>\n%%EOF"),
    "header-late": ("It begins behind 1,000 octets.", b"%junk\n" + b"x" * 1000 + b"\n" + _ONE),
    "header-version": ("It is of version 9.9.", _ONE.replace(b"%PDF-1.7", b"%PDF-9.9")),
    "header-missing": ("It has no first line.", _ONE[9:]),
    "hex-string": ("As a hexadecimal string.", _page(b"BT /F 12 Tf 50 700 Td <" + SECRET.hex().encode() + b"> Tj ET")),
    "octal-string": ("As a string of octal escapes.", _page(_show(b"".join(b"\\%03o" % o for o in SECRET)))),
    "each-letter": ("Each letter shown by itself.", _page(EACH)),
    "kerned": ("Each letter with a gap of its own.", _page(KERNED)),
    "back-to-front": ("Letters placed from right to left.", _page(BACK)),
    "tall": ("One letter under the other.", _page(TALL)),
    "invisible": ("Shown in no way.", _page(HELLO + _show(SECRET, b"3 Tr "))),
    "white": ("White.", _page(HELLO + b" 1 g " + _show(SECRET))),
    "tiny": ("At half a point.", _page(HELLO + b" BT /F 0.5 Tf 50 600 Td (" + SECRET + b") Tj ET")),
    "outside": ("Outside of the page.", _page(HELLO + b" BT /F 12 Tf -900 -900 Td (" + SECRET + b") Tj ET")),
    "clipped": ("Clipped away.", _page(HELLO + b" q 0 0 0 0 re W n " + _show(SECRET) + b" Q")),
    "covered": ("Under a white box.", _page(_show(SECRET) + b" 1 g 0 0 600 800 re f " + HELLO)),
    "rotated": ("On a page that is turned.", _page(_show(SECRET), more=b"/Rotate 90")),
    "small-crop": ("On a page of which one corner is shown.", _page(_show(SECRET), more=b"/CropBox[0 0 10 10]")),
    "form-xobject": ("In a form that the page draws.", _page(b"/X Do", b"/XObject<</X 6 0 R>>", o6=_stream(_show(SECRET), b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</Font<</F 9 0 R>>>>"))),
    "form-unused": ("In a form that no page draws.", _page(HELLO, b"/Font<</F 9 0 R>>/XObject<</X 6 0 R>>", o6=_stream(_show(SECRET), b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</Font<</F 9 0 R>>>>"))),
    "pattern": ("In a pattern that fills the page.", _page(b"/Pattern cs /P scn 0 0 600 800 re f", b"/Pattern<</P 6 0 R>>", o6=_stream(_show(SECRET), b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 600 800]/XStep 600/YStep 800/Resources<</Font<</F 9 0 R>>>>"))),
    "layer-off": ("On a layer that is switched off.", _page(b"/OC /L BDC " + _show(SECRET) + b" EMC", b"/Font<</F 9 0 R>>/Properties<</L 6 0 R>>", catalogue=b"/OCProperties<</OCGs[6 0 R]/D<</OFF[6 0 R]>>>>", o6=b"<</Type/OCG/Name(x)>>")),
    "actual-text": ("As the text that stands for other text.", _page(b"/Span<</ActualText(" + SECRET + b")>>BDC " + HELLO + b" EMC")),
    "structure-alt": ("As the alternative text of a figure.", _page(HELLO, catalogue=b"/StructTreeRoot<</Type/StructTreeRoot/K<</S/Figure/Alt(" + SECRET + b")/Pg 3 0 R/K 0>>>>")),
    "to-unicode": ("Letters that only the map of the font tells.", _page(_show(bytes(o + 1 for o in SECRET).replace(b"\\", b"\\\\").replace(b")", b"\\)").replace(b"(", b"\\(")), b"/Font<</F 6 0 R>>", o6=SHIFTED, o7=_stream(TO_UNICODE))),
    "differences": ("Letters renamed by the encoding of the font.", _page(_show(bytes(range(128, 128 + len(SECRET))).replace(b"\\", b"\\\\")), b"/Font<</F 6 0 R>>", o6=b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[128 " + b"".join(b"/uni%04X" % o for o in SECRET) + b"]>>>>")),
    "free-text": ("As a note on the page.", _page(HELLO, more=NOTE % (b"/FreeText", b"/Contents(" + SECRET + b")/DA(/F 9 Tf)"))),
    "popup-rich": ("As a note with markup.", _page(HELLO, more=NOTE % (b"/Text", b"/RC(<p>" + SECRET + b"</p>)"))),
    "note-appearance": ("As the look of a note.", _page(HELLO, more=NOTE % (b"/Stamp", b"/AP<</N 6 0 R>>"), o6=_stream(_show(SECRET), b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</Font<</F 9 0 R>>>>"))),
    "note-hidden": ("As a note that is hidden.", _page(HELLO, more=NOTE % (b"/Text", b"/F 2/Contents(" + UTF16.replace(b"\\", b"\\\\").replace(b")", b"\\)").replace(b"(", b"\\(") + b")"))),
    "note-title": ("As the author of a note.", _page(HELLO, more=NOTE % (b"/Text", b"/T(" + SECRET + b")/Contents(x)"))),
    "field-value": ("As the value of a field.", _page(HELLO, more=NOTE % (b"/Widget", b"/FT/Tx/T(k)/V(" + SECRET + b")"), catalogue=b"/AcroForm<</Fields[]>>")),
    "field-no-widget": ("As the value of a field without a place.", _page(HELLO, catalogue=b"/AcroForm<</Fields[6 0 R]>>", o6=b"<</FT/Tx/T(k)/V(" + SECRET + b")>>")),
    "field-options": ("As a choice nobody chose.", _page(HELLO, more=NOTE % (b"/Widget", b"/FT/Ch/T(k)/Opt[(x)(" + SECRET + b")]"), catalogue=b"/AcroForm<</Fields[]>>")),
    "field-tooltip": ("As the tool tip of a field.", _page(HELLO, more=NOTE % (b"/Widget", b"/FT/Tx/T(k)/TU(" + SECRET + b")"), catalogue=b"/AcroForm<</Fields[]>>")),
    "link": ("In the address of a link.", _page(HELLO, more=NOTE % (b"/Link", b"/A<</S/URI/URI(https://x.example/?k=Konto+" + IBAN.encode() + b")>>"))),
    "open-action": ("In a script that runs first.", _page(HELLO, catalogue=b"/OpenAction<</S/JavaScript/JS(app.alert\\('" + SECRET + b"'\\))>>")),
    "named-script": ("In a script with a name.", _page(HELLO, catalogue=b"/Names<</JavaScript<</Names[(x)<</S/JavaScript/JS(var k='" + SECRET + b"')>>]>>>>")),
    "outline": ("As a bookmark.", _page(HELLO, catalogue=b"/Outlines<</First 6 0 R/Last 6 0 R/Count 1>>", o6=b"<</Title(" + SECRET + b")/Dest[3 0 R/Fit]>>")),
    "info-custom": ("As a property of one's own.", make.pdf("Hallo Welt").replace(b"/Author", b"/Konto (" + IBAN.encode() + b") /Author", 1)),
    "xmp": ("As metadata.", _page(HELLO, catalogue=b"/Metadata 6 0 R", o6=_stream(b"<x:xmpmeta><rdf><k>" + SECRET + b"</k></rdf></x:xmpmeta>", b"/Type/Metadata/Subtype/XML"))),
    "xmp-packed": ("As packed metadata.", _page(HELLO, catalogue=b"/Metadata 6 0 R", o6=_stream(zlib.compress(b"<x:xmpmeta><rdf><k>" + SECRET + b"</k></rdf></x:xmpmeta>"), b"/Type/Metadata/Subtype/XML/Filter/FlateDecode"))),
    "page-piece": ("As data of an application on a page.", _page(HELLO, more=b"/PieceInfo<</X<</Private(" + SECRET + b")>>>>")),
    "attachment": ("As a file inside.", make.pdf_with_attachment("a.txt", SECRET)),
    "attachment-zip": ("As a file inside that is a ZIP.", make.pdf_with_attachment("a.zip", make.zipped({"a.txt": TEXT * 20}))),
    "attachment-note": ("As a file of a note.", _page(HELLO, more=NOTE % (b"/FileAttachment", b"/FS<</Type/Filespec/F(a.txt)/EF<</F 6 0 R>>>>"), o6=_stream(SECRET, b"/Type/EmbeddedFile"))),
    "attachment-associated": ("As a file that belongs to the catalogue only.", _page(HELLO, catalogue=b"/AF[<</Type/Filespec/F(a.txt)/EF<</F 6 0 R>>/AFRelationship/Data>>]", o6=_stream(zlib.compress(SECRET), b"/Type/EmbeddedFile/Filter/FlateDecode"))),
    "attachment-description": ("As the description of a file inside.", make.pdf_with_attachment("a.txt", b"x").replace(b"/Type/Filespec", b"/Type/Filespec/Desc(" + SECRET + b")")),
    "unreferenced": ("As an object nobody refers to.", _page(HELLO, o6=_stream(zlib.compress(_show(SECRET)), b"/Filter/FlateDecode"))),
    "comment": ("As a comment of the file.", _page(HELLO).replace(b"%PDF-1.7\n", b"%PDF-1.7\n%" + SECRET + b"\n")),
    "filters": ("Under three filters.", _page(b"").replace(_stream(b""), _stream(base64.a85encode(zlib.compress(_show(SECRET).hex().encode() + b">")) + b"~>", b"/Filter[/ASCII85Decode/FlateDecode/ASCIIHexDecode]"))),
    "lzw-unknown-filter": ("Under a filter nobody knows.", _page(b"").replace(_stream(b""), _stream(b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", b"/Filter/XyzDecode"))),
    "inline-image": ("As the octets of a picture in the page.", _page(HELLO + b" BI /W 6 /H 6 /BPC 8 /CS /G ID " + SECRET + b" EI")),
    "image-octets": ("As the octets of a picture.", _page(HELLO, b"/Font<</F 9 0 R>>/XObject<</X 6 0 R>>", o6=_stream(SECRET, b"/Type/XObject/Subtype/Image/Width 36/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8"))),
    "page-label": ("As the label of a page.", _page(HELLO, catalogue=b"/PageLabels<</Nums[0<</P(" + SECRET + b")>>]>>")),
    "layer-name": ("As the name of a layer.", _page(HELLO, catalogue=b"/OCProperties<</OCGs[6 0 R]/D<<>>>>", o6=b"<</Type/OCG/Name(" + SECRET + b")>>")),
    "dest-name": ("As the name of a place.", _page(HELLO, catalogue=b"/Names<</Dests<</Names[(" + SECRET + b")[3 0 R/Fit]]>>>>")),
    "xfa": ("In a form of XFA.", _page(HELLO, catalogue=b"/AcroForm<</Fields[]/XFA 6 0 R>>", o6=_stream(b"<xdp:xdp xmlns:xdp='x'><k>" + SECRET + b"</k></xdp:xdp>"))),
    "encrypted": ("With a password.", make.pdf(TEXT, password="geheim")),
    "owner-password": ("With an owner's password only.", make.pdf(TEXT, password="")),
}  # fmt: skip

FLAT = (
    '<?xml version="1.0" standalone="yes"?><?mso-application progid="Word.Document"?>'
    '<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"><pkg:part pkg:name="/word/document.xml" '
    'pkg:contentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"><pkg:xmlData>'
    f"<w:document {W}><w:body><w:p>%s</w:p></w:body></w:document></pkg:xmlData></pkg:part>%s</pkg:package>"
)
EACH_RUN = "".join(f"<w:r><w:t>{e}</w:t></w:r>" for e in f"Konto {IBAN}")


def _docx(inside: str = P1, /, **parts: str | bytes) -> bytes:
    return make.plain_docx(inside, **parts)


def _down(text: str) -> list[list[object]]:
    return [[each] for each in text]


def _xml_part(name: str, inner: str) -> Mapping[str, str]:
    return {name: f'<?xml version="1.0"?><x xmlns="urn:x">{inner}</x>'}


WORDS_XML: dict[str, tuple[str, str, bytes]] = {
    "docx-strict": ("Word, strict form.", "a.docx", make.with_parts(_docx(), {"word/document.xml": f'<w:document xmlns:w="http://purl.oclc.org/ooxml/wordprocessingml/main"><w:body><w:p>{EACH_RUN}</w:p></w:body></w:document>'})),
    "docx-flat": ("Word in one XML.", "a.xml", (FLAT % (EACH_RUN, "")).encode()),
    "docx-flat-binary": ("Word in one XML, a file in base64 inside.", "a.xml", (FLAT % ("", f'<pkg:part pkg:name="/word/embeddings/a.zip"><pkg:binaryData>{base64.b64encode(make.zipped({"a.txt": TEXT * 9})).decode()}</pkg:binaryData></pkg:part>')).encode()),
    "word-2003-xml": ("Word's XML of 2003.", "a.doc", f'<?xml version="1.0"?><?mso-application progid="Word.Document"?><w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:body><w:p>{EACH_RUN}</w:p></w:body></w:wordDocument>'.encode()),
    "excel-2003-xml": ("Excel's XML of 2003.", "a.xls", f'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet><Table><Row><Cell><Data>Konto</Data></Cell><Cell><Data>{SPACED}</Data></Cell></Row></Table></Worksheet></Workbook>'.encode()),
    "docx-utf-16": ("Word, its body in UTF-16.", "a.docx", make.with_parts(_docx(), {"word/document.xml": f'<?xml version="1.0" encoding="utf-16"?><w:document {W}><w:body><w:p>{EACH_RUN}</w:p></w:body></w:document>'.encode("utf-16")})),
    "docx-moved": ("Word, its body under another name.", "a.docx", make.with_parts(_docx(), {"word/document.xml": f"<w:document {W}><w:body>{P1}</w:body></w:document>", "word/other.xml": f"<w:document {W}><w:body><w:p>{EACH_RUN}</w:p></w:body></w:document>", "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/other.xml"/></Relationships>'})),
    "docx-vanish": ("Word, hidden runs inside the number.", "a.docx", _docx("<w:p>" + "".join(f"<w:r><w:t>{e}</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>7</w:t></w:r>" for e in IBAN) + "</w:p>")),
    "docx-alternate": ("Word, in a fallback.", "a.docx", _docx(P1 + f'<w:p><w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice Requires="x"/><mc:Fallback><w:t>{TEXT}</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>')),
    "docx-instruction": ("Word, in the code of a field.", "a.docx", _docx(P1 + f'<w:p><w:r><w:instrText>QUOTE "Konto {IBAN}"</w:instrText></w:r></w:p>')),
    "docx-quote-codes": ("Word, in the code of a field, as numbers.", "a.docx", _docx(P1 + f'<w:p><w:r><w:instrText>QUOTE {" ".join(str(ord(e)) for e in TEXT)}</w:instrText></w:r></w:p>')),
    "docx-deleted": ("Word, in a deletion, a letter each.", "a.docx", _docx(P1 + "<w:p><w:del>" + "".join(f"<w:r><w:delText>{e}</w:delText></w:r>" for e in f"Konto {IBAN}") + "</w:del></w:p>")),
    "docx-sym": ("Word, as symbols.", "a.docx", _docx(P1 + "<w:p>" + "".join(f'<w:r><w:sym w:font="Arial" w:char="{ord(e):04X}"/></w:r>' for e in IBAN) + "</w:p>")),
    "docx-sym-private": ("Word, as symbols of the private area.", "a.docx", _docx(P1 + "<w:p>" + "".join(f'<w:r><w:sym w:font="Arial" w:char="{0xF000 + ord(e):04X}"/></w:r>' for e in IBAN) + "</w:p>")),
    "docx-equation": ("Word, as a formula.", "a.docx", _docx(P1 + '<w:p><m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math">' + "".join(f"<m:r><m:t>{e}</m:t></m:r>" for e in IBAN) + "</m:oMath></w:p>")),
    "docx-control": ("Word, as the placeholder of a control.", "a.docx", _docx(P1 + f'<w:sdt><w:sdtPr><w:alias w:val="Konto {IBAN}"/></w:sdtPr><w:sdtContent>{P1}</w:sdtContent></w:sdt>')),
    "docx-variables": ("Word, as a variable.", "a.docx", make.with_parts(_docx(), {"word/settings.xml": f'<w:settings {W}><w:docVars><w:docVar w:name="k" w:val="Konto {IBAN}"/></w:docVars></w:settings>'})),
    "docx-bookmark": ("Word, as the name of a bookmark.", "a.docx", _docx(P1 + f'<w:bookmarkStart w:id="1" w:name="Konto_{IBAN}"/>')),
    "docx-style": ("Word, as the name of a style.", "a.docx", make.with_parts(_docx(), {"word/styles.xml": f'<w:styles {W}><w:style><w:name w:val="Konto {IBAN}"/></w:style></w:styles>'})),
    "docx-custom-xml": ("Word, as data of an application.", "a.docx", make.with_parts(_docx(), _xml_part("customXml/item1.xml", f"<k>{TEXT}</k>"))),
    "docx-custom-attribute": ("Word, as an attribute of data of an application.", "a.docx", make.with_parts(_docx(), _xml_part("customXml/item1.xml", f"<k v='Konto {IBAN}'/>"))),
    "docx-property": ("Word, as a property.", "a.docx", make.with_parts(_docx(), {"docProps/custom.xml": make.custom_properties(k=TEXT)})),
    "docx-app": ("Word, as the company.", "a.docx", make.with_parts(_docx(), _xml_part("docProps/app.xml", f"<Company>{TEXT}</Company>"))),
    "docx-rel-target": ("Word, as the target of a link.", "a.docx", make.with_parts(_docx(), {"word/_rels/document.xml.rels": f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" Type="x/hyperlink" Target="https://x.example/?k=Konto+{IBAN}" TargetMode="External"/></Relationships>'})),
    "docx-foreign": ("Word, as a file nobody refers to.", "a.docx", make.with_parts(_docx(), {"word/media/a.bin": zlib.compress(TEXT.encode() * 9)})),
    "docx-foreign-zip": ("Word, as a ZIP nobody refers to.", "a.docx", make.with_parts(_docx(), {"x.zip": make.zipped({"a.txt": TEXT * 9})})),
    "docx-thumbnail": ("Word, as a preview that is text.", "a.docx", make.with_parts(_docx(), {"docProps/thumbnail.jpeg": TEXT})),
    "docx-font": ("Word, as an embedded font.", "a.docx", make.with_parts(_docx(), {"word/fonts/font1.odttf": zlib.compress(TEXT.encode() * 9)})),
    "docx-part-name": ("Word, as the name of a part.", "a.docx", make.with_parts(_docx(), {f"word/Konto {IBAN}.xml": "<x/>"})),
    "docx-comment-xml": ("Word, as a comment of its XML.", "a.docx", _docx(P1 + f"<!-- {TEXT} -->")),
    "docx-altchunk": ("Word, as a page that is merged in.", "a.docx", make.with_parts(_docx(), {"word/afchunk.html": f"<p>{TEXT}</p>"})),
    "docx-math-text": ("Word, in a chart.", "a.docx", make.with_parts(_docx(), {"word/charts/chart1.xml": f'<c:chart xmlns:c="urn:c"><c:v>{TEXT}</c:v></c:chart>'})),
    "docx-vba": ("Word, in macros.", "a.docm", make.with_parts(_docx(), {"word/vbaProject.bin": make.compound({"VBA": {"Modul1": b"x" * 20 + TEXT.encode()}})})),
    "docx-ole": ("Word, in an object.", "a.docx", make.with_parts(_docx(), {"word/embeddings/o.bin": make.compound({"\x01Ole10Native": struct.pack("<I", 60) + b"\x02\0a.txt\0a\0\0\0\x03\0\x02\0\0\0a\0" + struct.pack("<I", len(TEXT)) + TEXT.encode()})})),
    "docx-columns": ("Word, a group in each column of a table.", "a.docx", _docx("<w:tbl><w:tr>" + "".join(f"<w:tc><w:p><w:r><w:t>{e}</w:t></w:r></w:p></w:tc>" for e in ["Konto", *SPACED.split()]) + "</w:tr></w:tbl>")),
    "docx-letters-columns": ("Word, a letter in each column of a table.", "a.docx", _docx("<w:tbl><w:tr>" + "".join(f"<w:tc><w:p><w:r><w:t>{e}</w:t></w:r></w:p></w:tc>" for e in IBAN) + "</w:tr></w:tbl>")),
    "xlsx-inline": ("Excel, as an inline string in runs.", "a.xlsx", make.with_parts(make.xlsx([["x"]]), {"xl/worksheets/sheet1.xml": '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="inlineStr"><is>' + "".join(f"<r><t>{e}</t></r>" for e in IBAN) + "</is></c></row></sheetData></worksheet>"})),
    "xlsx-columns": ("Excel, a group in each column.", "a.xlsx", make.xlsx([["Konto", *SPACED.split()]])),
    "xlsx-letters": ("Excel, a letter in each column.", "a.xlsx", make.xlsx([["Konto"], [*IBAN]])),
    "xlsx-letters-down": ("Excel, a letter in each row.", "a.xlsx", make.xlsx([["Konto"], *_down(IBAN)])),
    "xlsx-formula": ("Excel, joined by a formula.", "a.xlsx", make.xlsx([["=" + "&".join(f'"{e}"' for e in SPACED.split())]])),
    "xlsx-formula-chars": ("Excel, made of codes by a formula.", "a.xlsx", make.xlsx([["=" + "&".join(f"CHAR({ord(e)})" for e in IBAN)]])),
    "xlsx-format": ("Excel, as the format of a number.", "a.xlsx", make.with_parts(make.xlsx([["x"]]), {"xl/styles.xml": f'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts><numFmt numFmtId="164" formatCode="&quot;Konto {IBAN}&quot;"/></numFmts></styleSheet>'})),
    "xlsx-validation": ("Excel, as the list of a validation.", "a.xlsx", make.with_parts(make.xlsx([["x"]]), {"xl/worksheets/sheet1.xml": f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData/><dataValidations><dataValidation promptTitle="x" prompt="Konto {IBAN}"><formula1>"{IBAN}"</formula1></dataValidation></dataValidations></worksheet>'})),
    "xlsx-sheet-name": ("Excel, as the name of a sheet.", "a.xlsx", make.xlsx([["x"]], title=f"Konto {IBAN}")),
    "xlsx-header": ("Excel, in the header of the print.", "a.xlsx", make.xlsx([["x"]], header=TEXT)),
    "xlsx-comment": ("Excel, in a comment.", "a.xlsx", make.xlsx([["x"]], comment=TEXT)),
    "xlsx-very-hidden": ("Excel, on a sheet that menus do not show.", "a.xlsx", make.xlsx([["x"]], very_hidden_sheet=TEXT)),
    "xlsx-name": ("Excel, as a defined name.", "a.xlsx", make.xlsx([["x"]], name=TEXT)),
    "xlsb": ("Excel, binary.", "a.xlsb", make.zipped({"[Content_Types].xml": '<Types xmlns="x"><Override PartName="/xl/workbook.bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>', "xl/workbook.bin": b"\x83\x01\0", "xl/sharedStrings.bin": b"\x9f\x01\x08\x01\0\0\0\x01\0\0\0" + b"\x13" + bytes([5 + 2 * len(TEXT)]) + b"\0" + struct.pack("<I", len(TEXT)) + TEXT.encode("utf-16-le")})),
    "pptx-table": ("PowerPoint, a group in each column.", "a.pptx", make.pptx(cell=IBAN)),
    "pptx-alt": ("PowerPoint, as an alternative text.", "a.pptx", make.pptx(alternative=TEXT)),
    "pptx-hidden": ("PowerPoint, on a hidden slide.", "a.pptx", make.pptx(hidden=TEXT)),
    "odt-flat": ("OpenDocument in one XML.", "a.fodt", f'<?xml version="1.0"?><office:document {make.ODF} office:mimetype="application/vnd.oasis.opendocument.text"><office:body><office:text><text:p>' .encode() + "".join(f"<text:span>{e}</text:span>" for e in IBAN).encode() + b"</text:p></office:text></office:body></office:document>"),
    "odt-change": ("OpenDocument, in a deletion.", "a.odt", make.odf("text", f"<text:tracked-changes><text:deletion><text:p>{TEXT}</text:p></text:deletion></text:tracked-changes><text:p>x</text:p>")),
    "odt-meta": ("OpenDocument, as a property.", "a.odt", make.odf("text", "<text:p>x</text:p>", meta=f'<meta:user-defined meta:name="k">{TEXT}</meta:user-defined>')),
    "odt-variable": ("OpenDocument, as a variable.", "a.odt", make.odf("text", f'<text:user-field-decls><text:user-field-decl text:name="k" office:string-value="Konto {IBAN}"/></text:user-field-decls><text:p>x</text:p>')),
    "ods-repeated": ("OpenDocument, in a cell with a value and other text.", "a.ods", make.odf("spreadsheet", f'<table:table><table:table-row><table:table-cell office:string-value="Konto {IBAN}"><text:p>x</text:p></table:table-cell></table:table-row></table:table>')),
    "odt-binary": ("OpenDocument in one XML, a file in base64 inside.", "a.fodt", f'<?xml version="1.0"?><office:document {make.ODF} office:mimetype="application/vnd.oasis.opendocument.text"><office:body><office:text><text:p>x<draw:frame><draw:object-ole><office:binary-data>{base64.b64encode(make.zipped({"a.txt": TEXT * 9})).decode()}</office:binary-data></draw:object-ole></draw:frame></text:p></office:text></office:body></office:document>'.encode()),
    "epub": ("A book.", "a.epub", make.zipped({"mimetype": "application/epub+zip", "a.xhtml": f"<html><body>{TEXT}</body></html>"}, stored=("mimetype",))),
    "xps": ("An XPS, each letter a glyph.", "a.xps", make.zipped({"[Content_Types].xml": "<Types/>", "FixedDocumentSequence.fdseq": "<x/>", "Documents/1/Pages/1.fpage": '<FixedPage xmlns="http://schemas.microsoft.com/xps/2005/06">' + "".join(f'<Glyphs UnicodeString="{e}"/>' for e in IBAN) + "</FixedPage>"})),
    "doc": ("Word of 1997.", "a.doc", make.doc(TEXT)),
    "doc-is-rtf": ("Rich text called a Word document.", "a.doc", b"{\\rtf1 " + SECRET + b"}"),
    "doc-is-html": ("A page called a Word document.", "a.doc", f"<html><body>{TEXT}</body></html>".encode()),
    "ppt-notes": ("PowerPoint of 1997, in notes.", "a.ppt", make.ppt("Hallo", TEXT)),
    "ole-package": ("An object of 1995.", "a.bin", make.compound({"\x01Ole10Native": struct.pack("<I", 60) + b"\x02\0a.txt\0a\0\0\0\x03\0\x02\0\0\0a\0" + struct.pack("<I", len(TEXT)) + SECRET})),
    "ole-slack": ("Behind the streams of a compound file.", "a.doc", make.doc("Hallo Welt, ein Brief.") + SECRET * 9),
    "ole-packed": ("A packed stream of a compound file.", "a.bin", make.compound({"x": zlib.compress(SECRET * 99)})),
    "msg-body": ("Outlook, as the text.", "a.msg", make.msg(**{"__substg1.0_1000001F": TEXT.encode("utf-16-le")})),
    "msg-narrow": ("Outlook, as text in one octet a letter.", "a.msg", make.msg(**{"__substg1.0_1000001E": SECRET})),
    "msg-property": ("Outlook, as a property of one's own.", "a.msg", make.msg(**{"__substg1.0_8005001F": TEXT.encode("utf-16-le")})),
    "msg-attachment": ("Outlook, as a file.", "a.msg", make.msg(**{"__attach_version1.0_#00000005": {"__substg1.0_3707001F": "a.gz".encode("utf-16-le"), "__substg1.0_37010102": __import__("gzip").compress(SECRET)}})),
    "rtf-hex": ("Rich text, each letter escaped.", "a.rtf", b"{\\rtf1 " + b"".join(b"\\'%02x" % o for o in SECRET) + b"}"),
    "rtf-groups": ("Rich text, each letter a group.", "a.rtf", b"{\\rtf1 " + b"".join(b"{%c}" % o for o in SECRET) + b"}"),
    "rtf-hidden": ("Rich text, hidden.", "a.rtf", b"{\\rtf1 Hallo {\\v " + SECRET + b"}}"),
    "rtf-junk": ("Rich text, hidden junk between all.", "a.rtf", b"{\\rtf1 " + b"{\\v 7}".join(bytes([o]) for o in IBAN.encode()) + b"}"),
    "rtf-star": ("Rich text, in a group nobody knows.", "a.rtf", b"{\\rtf1 Hallo {\\*\\xyz " + SECRET + b"}}"),
    "rtf-object": ("Rich text, as an object in hexadecimal.", "a.rtf", b"{\\rtf1 Hallo {\\object\\objemb{\\*\\objdata " + make.zipped({"a.txt": TEXT * 9}).hex().encode() + b"}}}"),
    "rtf-object-bin": ("Rich text, as binary octets.", "a.rtf", b"{\\rtf1 Hallo {\\pict\\bin%d " % len(SECRET) + SECRET + b"}}"),
    "rtf-picture": ("Rich text, text as a picture in hexadecimal.", "a.rtf", b"{\\rtf1 Hallo {\\pict\\pngblip " + make.png((b"tEXt", b"k\0" + SECRET)).hex().encode() + b"}}"),
    "rtf-info": ("Rich text, as the title.", "a.rtf", b"{\\rtf1{\\info{\\title " + SECRET + b"}}Hallo}"),
    "rtf-tail": ("Behind the end of rich text.", "a.rtf", b"{\\rtf1 Hallo}" + SECRET),
    "rtf-codepage": ("Rich text in another code page.", "a.rtf", b"{\\rtf1\\ansicpg1251 " + "Konto DЕ89370400440532013000".encode("cp1251") + b"}"),
    "tnef": ("winmail.dat with a body in a property.", "winmail.dat", b"\x78\x9f\x3e\x22\x01\0\x01\x0c\x80\x02\0" + struct.pack("<I", len(SECRET)) + SECRET + struct.pack("<H", sum(SECRET) & 0xFFFF)),
    "onenote": ("A page of OneNote.", "a.one", b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3" + bytes(100) + TEXT.encode("utf-16-le")),
    "pages": ("A page of Apple.", "a.pages", make.zipped({"Index/Document.iwa": b"\0\x20\0\0" + SECRET, "preview.jpg": make.jpeg(b"x"), "Metadata/Properties.plist": b"x"})),
    "publisher": ("A page of Publisher.", "a.pub", make.compound({"Contents": b"\xe8\xac" + TEXT.encode("utf-16-le"), "Quill": {"QuillSub": {"CONTENTS": TEXT.encode("utf-16-le")}}})),
    "wordperfect": ("WordPerfect.", "a.wpd", b"\xffWPC" + bytes(60) + SECRET),
    "dxf": ("A drawing of AutoCAD as text.", "a.dxf", f"0\r\nSECTION\r\n2\r\nENTITIES\r\n0\r\nTEXT\r\n1\r\n{TEXT}\r\n0\r\nENDSEC\r\n0\r\nEOF\r\n".encode()),
    "dwg": ("A drawing of AutoCAD.", "a.dwg", b"AC1027\0\0\0\0\0" + bytes(100) + SECRET),
    "gpx": ("A note in a track.", "a.gpx", f"<?xml version='1.0'?><gpx><wpt><desc>{TEXT}</desc></wpt></gpx>".encode()),
    "drawio": ("A drawing with a packed page.", "a.drawio", b"<mxfile><diagram>" + base64.b64encode(zlib.compress(f"<mxGraphModel><root><mxCell value='{TEXT}'/></root></mxGraphModel>".encode())[2:-4]) + b"</diagram></mxfile>"),
    "svgz": ("A packed drawing.", "a.svgz", __import__("gzip").compress(f"<svg><text>{TEXT}</text></svg>".encode())),
}  # fmt: skip
LOCKED = frozenset({"encrypted"})


def papers() -> Iterator[Case]:
    """PDF, then the rest."""
    for name, (says, data) in PDFS.items():
        yield Case("pdf", name, says, attach("a.pdf", data), must_hold=name in LOCKED)
    for name, (says, file, data) in WORDS_XML.items():
        yield Case("documents", name, says, attach(file, data))
