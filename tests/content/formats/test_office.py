# SPDX-License-Identifier: Apache-2.0
"""A word wherever an office document can hold one is found, as text or as hidden text."""

from __future__ import annotations

import pytest

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.sniff import sniff
from tests.content.formats import make
from tests.content.formats.make import everything, read

_DOCX_BODIES = {
    "text box": '<w:p><w:r><w:pict><v:shape xmlns:v="urn:v"><v:textbox><w:txbxContent><w:p><w:r><w:t>Kasten</w:t></w:r></w:p>'
    "</w:txbxContent></v:textbox></v:shape></w:pict></w:r></w:p>",
    "split over runs": "<w:p><w:r><w:t>Kas</w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>ten</w:t></w:r></w:p>",
    "split by an XML comment": "<w:p><w:r><w:t>Kas<!-- x -->ten</w:t></w:r></w:p>",
    "split by an instruction": "<w:p><w:r><w:t>Kas<?x y?>ten</w:t></w:r></w:p>",
    "character data": "<w:p><w:r><w:t>Kas<![CDATA[ten]]></w:t></w:r></w:p>",
    "content control": "<w:sdt><w:sdtContent><w:p><w:r><w:t>Kasten</w:t></w:r></w:p></w:sdtContent></w:sdt>",
    "insertion": '<w:p><w:ins w:author="x"><w:r><w:t>Kasten</w:t></w:r></w:ins></w:p>',
}
_DOCX_HIDDEN = {
    "deletion": '<w:p><w:del w:author="x"><w:r><w:delText>Kasten</w:delText></w:r></w:del></w:p>',
    "hidden run": "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>Kasten</w:t></w:r></w:p>",
    "white on white": '<w:p><w:r><w:rPr><w:color w:val="FFFFFF"/></w:rPr><w:t>Kasten</w:t></w:r></w:p>',
    "tiny": '<w:p><w:r><w:rPr><w:sz w:val="1"/></w:rPr><w:t>Kasten</w:t></w:r></w:p>',
    "field code": "<w:p><w:r><w:instrText>HYPERLINK Kasten</w:instrText></w:r></w:p>",
    "alternative text": '<w:p><w:r><w:drawing><wp:docPr xmlns:wp="urn:wp" descr="Kasten"/></w:drawing></w:r></w:p>',
    "moved away": "<w:p><w:moveFrom><w:r><w:t>Kasten</w:t></w:r></w:moveFrom></w:p>",
    "fallback only": '<w:p><w:r><mc:AlternateContent xmlns:mc="urn:mc"><mc:Choice><w:t>A</w:t></mc:Choice><mc:Fallback><w:t>Kasten'
    "</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>",
    "XML comment": "<w:p><w:r><w:t>x</w:t></w:r></w:p><!-- Kasten -->",
    "revision author": '<w:p><w:ins w:author="Kasten"><w:r><w:t>x</w:t></w:r></w:ins></w:p>',
}
_RELS = '<Relationships xmlns="urn:r">{}</Relationships>'
_DOCX_PARTS: dict[str, str | bytes] = {
    "word__comments.xml": f'<w:comments xmlns:w="{make.W}"><w:comment w:author="Wer"><w:p><w:r><w:t>Kasten</w:t></w:r></w:p></w:comment></w:comments>',
    "word__footnotes.xml": f'<w:footnotes xmlns:w="{make.W}"><w:footnote><w:p><w:r><w:t>Kasten</w:t></w:r></w:p></w:footnote></w:footnotes>',
    "word__endnotes.xml": f'<w:endnotes xmlns:w="{make.W}"><w:endnote><w:p><w:r><w:t>Kasten</w:t></w:r></w:p></w:endnote></w:endnotes>',
    "word__header3.xml": f'<w:hdr xmlns:w="{make.W}"><w:p><w:r><w:t>Kasten</w:t></w:r></w:p></w:hdr>',
    "word__glossary__document.xml": f'<w:document xmlns:w="{make.W}"><w:p><w:r><w:t>Kasten</w:t></w:r></w:p></w:document>',
    "word__charts__chart1.xml": '<c:chart xmlns:c="urn:c"><c:v>Kasten</c:v></c:chart>',
    "word__diagrams__data1.xml": '<d:m xmlns:d="urn:d"><d:t>Kasten</d:t></d:m>',
    "customXml__item1.xml": "<x>Kasten</x>",
    "docProps__core.xml": '<p xmlns:dc="urn:dc"><dc:creator>Kasten</dc:creator></p>',
    "docProps__app.xml": "<Properties><Company>Kasten</Company></Properties>",
    "docProps__custom.xml": make.custom_properties(Projekt="Kasten"),
    "word__embeddings__oleObject1.bin": make.compound({"\x01Ole10Native": b"Kasten, eingepackt in ein Objekt"}),
    "word__embeddings__tabelle.xlsx": make.xlsx([["Kasten"]]),
    "word__afchunk1.htm": "<html><body>Kasten</body></html>",
    "word__media__bild.png": make.png((b"tEXt", b"Comment\0Kasten")),
    "word__styles.xml": "<s>Kasten</s>",
    "word__theme__theme1.xml": '<t name="Kasten, der lang genug ist um aufzufallen"/>',
    "word__printerSettings1.bin": make.zipped({"[Content_Types].xml": "<a>Kasten</a>"}),
    "word__settings.xml": f'<w:settings xmlns:w="{make.W}"><w:docVars><w:docVar w:name="a" w:val="Kasten"/></w:docVars></w:settings>',
    "word__people.xml": '<w:people xmlns:w="urn:w"><w:person w:author="Kasten"/></w:people>',
    "geheim.csv": "a;b\nKasten;1\n",
    "word___rels__settings.xml.rels": _RELS.format('<Relationship Id="a" Type="x/attachedTemplate" TargetMode="External" Target="http://example.org/Kasten.dotm"/>'),
    "word___rels__document.xml.rels": _RELS.format('<Relationship Id="a" Type="x/hyperlink" TargetMode="External" Target="mailto:Kasten@example.org"/>'),
}  # fmt: skip


@pytest.mark.parametrize("place", _DOCX_BODIES)
def test_what_word_shows_is_text(place: str) -> None:
    """Text in boxes, controls and split runs is read as text, in one piece."""
    assert "Kasten" in read(make.plain_docx(_DOCX_BODIES[place])).text


@pytest.mark.parametrize("place", _DOCX_HIDDEN)
def test_what_word_hides_is_hidden_text(place: str) -> None:
    """Deletions, hidden runs, white text, codes and fallbacks are found, apart from the text."""
    found = read(make.plain_docx(_DOCX_HIDDEN[place]))
    assert "Kasten" in found.hidden
    assert "Kasten" not in found.text


@pytest.mark.parametrize("name", _DOCX_PARTS)
def test_every_part_of_a_word_document_is_looked_at(name: str) -> None:
    """Notes, headers, comments, charts, properties, objects, pictures, links and foreign files hide nothing."""
    assert "Kasten" in everything(make.plain_docx(make.HELLO, **{name: _DOCX_PARTS[name]}))


def test_a_hidden_style_hides_its_paragraphs() -> None:
    """Text whose style is hidden counts as hidden."""
    styles = f'<w:styles xmlns:w="{make.W}"><w:style w:styleId="weg"><w:rPr><w:vanish/></w:rPr></w:style></w:styles>'
    body = '<w:p><w:pPr><w:pStyle w:val="weg"/></w:pPr><w:r><w:t>Kasten</w:t></w:r></w:p><w:p><w:r><w:t>Offen</w:t></w:r></w:p>'
    found = read(make.plain_docx(body, **{"word__styles.xml": styles}))
    assert "Kasten" in found.hidden
    assert "Offen" in found.text


def test_a_word_document_of_a_library_is_read() -> None:
    """Body, table, header, footer and properties as python-docx writes them, the table as a table."""
    data = make.docx(body="Rumpf", cell="Zelle", header="Kopf", footer="Fuss", author="Autorin", title="Titelwort")
    found = read(data)
    assert sniff(data) == t.DOCX
    assert all(word in found.text for word in ("Rumpf", "Zelle21", "Kopf", "Fuss"))
    assert all(word in found.hidden for word in ("Autorin", "Titelwort"))
    assert [(table.rows_total, table.rows[2]) for table in found.tables] == [(3, ("Zelle20", "Zelle21"))]
    assert found.status == "read"


def test_sensitivity_labels_are_told() -> None:
    """Labels of Microsoft's information protection and classification properties come out as labels."""
    values = {
        f"MSIP_Label_{make.GUID}_Enabled": "true",
        f"MSIP_Label_{make.GUID}_Name": "Streng vertraulich",
        "Klassifizierung": "C3",
    }
    found = read(make.plain_docx(**{"docProps__custom.xml": make.custom_properties(**values)}))
    assert {f"MSIP_Label_{make.GUID}", "Streng vertraulich", "Klassifizierung=C3"} <= set(found.labels)
    info = f'<clbl:labelList xmlns:clbl="urn:l"><clbl:label id="{{{make.GUID}}}" enabled="1"/></clbl:labelList>'
    assert read(make.plain_docx(**{"docMetadata__LabelInfo.xml": info})).labels == (f"MSIP_Label_{make.GUID}",)


def test_every_place_of_a_workbook_is_read() -> None:
    """Cells, headers and titles are text; what a sheet hides is hidden text; sheets are tables."""
    words = {key: f"wort-{key}" for key in ("comment", "formula", "hidden_row", "hidden_column", "hidden_sheet", "very_hidden_sheet",
                                            "name", "author")}  # fmt: skip
    found = read(make.xlsx([["Name", "Betrag"], ["Anna", 12.5]], header="wort-header", title="wort-title", **words))
    assert all(word in found.text for word in ("Anna", "12.5", "wort-header", "wort-title"))
    for word in words.values():
        assert word in found.hidden, word
        assert word not in found.text, word
    assert {table.name for table in found.tables} == {"wort-title", "hidden_sheet", "very_hidden_sheet"}


def test_dates_and_long_numbers_read_as_a_person_sees_them() -> None:
    """A serial with a date format is a date; a card number keeps its digits."""
    import datetime as dt

    found = read(make.xlsx([[dt.date(1985, 3, 7), 4111111111111111, 3.0]]))
    assert "07.03.1985\t4111111111111111\t3" in found.text


def test_a_big_sheet_counts_its_rows() -> None:
    """Rows beyond those kept are counted."""
    rows = [[f"Kunde {number}", number] for number in range(25_000)]
    (table,) = read(make.xlsx(rows)).tables
    assert (table.rows_total, len(table.rows)) == (25_000, 20_000)


def test_pivot_caches_and_outside_links_are_hidden_text() -> None:
    """Values that a pivot table keeps though no sheet shows them are found."""
    cache = '<pivotCacheRecords xmlns="urn:p"><r><s v="Kasten"/><n v="7"/></r></pivotCacheRecords>'
    data = make.with_parts(make.xlsx([["x"]]), {"xl/pivotCache/pivotCacheRecords1.xml": cache})
    assert "Kasten" in read(data).hidden


def test_every_place_of_a_presentation_is_read() -> None:
    """Titles, boxes and tables are text; notes, hidden slides and alternative texts are hidden text."""
    found = read(
        make.pptx(
            title="Titelwort", box="Boxwort", alternative="Bildwort", cell="Zelle", notes="Notizwort", hidden="Weg"
        )
    )
    assert all(word in found.text for word in ("Titelwort", "Boxwort", "Zelle21"))
    assert all(word in found.hidden for word in ("Bildwort", "Notizwort", "Weg"))
    assert "Weg" not in found.text
    assert found.tables[0].rows_total == 3


@pytest.mark.parametrize(("kind", "main"), [
    ("wordprocessingml.template", t.DOCX), ("ms-word.document.macroEnabled", t.DOCX), ("ms-excel.sheet.macroEnabled", t.XLSX),
    ("ms-excel.template.macroEnabled", t.XLSX), ("ms-powerpoint.slideshow.macroEnabled", t.PPTX), ("presentationml.template", t.PPTX),
    ("ms-excel.sheet.binary.macroEnabled", t.XLSB),
])  # fmt: skip
def test_templates_and_macro_documents_are_their_application(kind: str, main: str) -> None:
    """The declared main part decides, not a name."""
    data = make.zipped(
        {"[Content_Types].xml": f'<Types><Override ContentType="application/vnd.{kind}.main+xml"/></Types>', "x": "y"}
    )
    assert sniff(data, ("bild.jpg",)) == main


def test_every_place_of_an_open_text_is_read() -> None:
    """Paragraphs, spans, tables and headers are text; deletions, notes, hidden parts, descriptions are not."""
    body = (
        "<text:tracked-changes><text:deletion><text:p>Geloescht</text:p></text:deletion></text:tracked-changes>"
        "<text:h>Ueberschrift</text:h><text:p>Vor<text:span>ne</text:span>Mitte<text:s text:c='2'/>Ende"
        "<office:annotation><dc:creator>Wer</dc:creator><text:p>Randnotiz</text:p></office:annotation>Danach</text:p>"
        "<text:p text:style-name='weg'>Unsichtbar</text:p><text:p><text:hidden-text text:string-value='Versteckt'/></text:p>"
        "<text:p><draw:frame><svg:desc>Bildtext</svg:desc><draw:text-box><text:p>Kasten</text:p></draw:text-box></draw:frame></text:p>"
        "<table:table table:name='Liste'><table:table-row><table:table-cell><text:p>A1</text:p></table:table-cell><table:table-cell>"
        "<text:p>B1</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell><text:p>A2</text:p>"
        "</table:table-cell><table:table-cell><text:p>B2</text:p></table:table-cell></table:table-row></table:table>"
    )
    automatic = "<style:style style:name='weg'><style:text-properties text:display='none'/></style:style>"
    styles = "<style:master-page><style:header><text:p>Kopfwort</text:p></style:header></style:master-page>"
    meta = f"<dc:title>Titelwort</dc:title><meta:user-defined meta:name='MSIP_Label_{make.GUID}_Enabled'>true</meta:user-defined>"
    data = make.odf(
        "text", body, automatic=automatic, styles=styles, meta=meta, Pictures__a_png=make.png((b"tEXt", b"a\0Bildwort"))
    )
    found = read(data)
    assert sniff(data) == t.ODT
    assert all(
        word in found.text for word in ("Ueberschrift", "VorneMitte  Ende", "Danach", "Kasten", "B2", "Kopfwort")
    )
    for word in ("Geloescht", "Randnotiz", "Unsichtbar", "Versteckt", "Bildtext", "Titelwort"):
        assert word in found.hidden, word
        assert word not in found.text, word
    assert found.tables[0].rows == (("A1", "B1"), ("A2", "B2"))
    assert found.labels == (f"MSIP_Label_{make.GUID}",)
    assert "Bildwort" in everything(data)
    assert found.status == "read"


def test_open_sheets_and_slides_hide_nothing() -> None:
    """Hidden rows and sheets of ODS and the notes of ODP are hidden text; repeated cells stay in their columns."""
    body = (
        "<table:table table:name='Offen'><table:table-row><table:table-cell table:number-columns-repeated='2'/><table:table-cell>"
        "<text:p>Dritte</text:p></table:table-cell></table:table-row><table:table-row table:visibility='collapse'><table:table-cell>"
        "<text:p>Zeile</text:p></table:table-cell></table:table-row></table:table><table:table table:name='Zu' table:style-name='zu'>"
        "<table:table-row><table:table-cell><text:p>Blatt</text:p></table:table-cell></table:table-row></table:table>"
    )
    automatic = "<style:style style:name='zu'><style:table-properties table:display='false'/></style:style>"
    found = read(make.odf("spreadsheet", body, automatic=automatic))
    assert found.tables[0].rows[0] == ("", "", "Dritte")
    assert "Zeile" in found.hidden
    assert "Blatt" in found.hidden
    slide = (
        "<draw:page><text:p>Folie</text:p><presentation:notes><text:p>Notiz</text:p></presentation:notes></draw:page>"
    )
    shown = read(make.odf("presentation", slide))
    assert ("Folie" in shown.text, "Notiz" in shown.hidden, "Notiz" in shown.text) == (True, True, False)


def test_a_flat_open_document_is_read() -> None:
    """The form in one XML file is read as the package is."""
    data = f'<?xml version="1.0"?><office:document {make.ODF}><office:body><text:p>Flach</text:p></office:body></office:document>'.encode()
    assert sniff(data) == t.ODF
    assert "Flach" in read(data).text


def test_encrypted_packages_say_so() -> None:
    """An encrypted ODF, an encrypted OOXML and a rights-managed document are `encrypted`."""
    manifest = '<manifest:manifest xmlns:manifest="urn:m"><manifest:encryption-data/></manifest:manifest>'
    assert read(make.odf("text", "", **{"META-INF__manifest.xml": manifest})).status == "encrypted"
    for name in ("EncryptedPackage", "\x09DRMContent"):
        assert read(make.compound({name: b"x" * 64, "EncryptionInfo": b"y"})).status == "encrypted"


def test_old_word_text_is_put_together_from_its_pieces() -> None:
    """Narrow and wide pieces, footnotes and headers are text; comments are hidden; a field shows its result."""
    data = make.doc("Anfang äöü \x13 HYPERLINK geheim \x14Ergebnis\x15 Ende\ra\x07b\x07\x07c\x07d\x07\x07", footnote="Fussnote\r",
                    header="Kopfzeile\r", comment="Kommentar\r")  # fmt: skip
    found = read(data)
    assert sniff(data) == t.DOC
    assert all(word in found.text for word in ("Anfang äöü", "Ergebnis", "Ende", "Fussnote", "Kopfzeile"))
    assert all(word in found.hidden for word in ("geheim", "Kommentar"))
    assert found.tables[0].rows == (("a", "b"), ("c", "d"))
    assert read(make.doc("x", encrypted=True)).status == "encrypted"


def test_old_slides_and_their_notes_are_read() -> None:
    """Text of slides is text, text of notes is hidden."""
    found = read(make.ppt("Folienwort", "Notizwort"))
    assert ("Folienwort" in found.text, "Notizwort" in found.hidden) == (True, True)


def test_outlook_items_are_read_with_what_they_carry() -> None:
    """Subject, body, markup, receivers, properties, attachments and items inside are found."""
    data = make.msg()
    found = read(data)
    assert sniff(data) == t.MSG
    assert all(
        word in found.text for word in ("Betreffwort", "Textwort", "Markupwort", "empfaenger@example.org", "Innenwort")
    )
    assert "Eigenschaftwort" in found.hidden
    assert [(member.name, b"Anhangwort" in member.data) for member in found.members] == [("liste.csv", True)]


def test_a_compressed_body_is_read() -> None:
    """The RTF body of an Outlook item is decompressed and read."""
    import compressed_rtf

    body = compressed_rtf.compress(rb"{\rtf1\ansi Rumpfwort}")
    assert "Rumpfwort" in read(make.msg(**{"__substg1.0_10090102": body})).text
