# SPDX-License-Identifier: Apache-2.0
"""Text, tables, cards, mail in files, rich text, PDF, pictures, books: a word in every place is found."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.sniff import sniff
from tests.content.formats import make
from tests.content.formats.make import everything, read


@pytest.mark.parametrize(("octets", "word"), [
    ("Größe".encode(), "Größe"), ("\ufeffGröße".encode(), "Größe"), ("Größe und mehr".encode("utf-16"), "Größe"),
    ("Größe und mehr".encode("utf-16-be"), "Größe"), ("Größe und mehr".encode("utf-16-le"), "Größe"),
    ("Größe und mehr".encode("utf-32"), "Größe"), ("Größe".encode("cp1252"), "Größe"), (b"Preis: 5 \x80", "5 €"),
    (b"+/v8-Gr+APYA3w-e", "Größe"),
])  # fmt: skip
def test_text_in_any_charset_is_read(octets: bytes, word: str) -> None:
    """Marks, zeros between letters and Windows' letters are understood."""
    assert word in read(octets).text


@pytest.mark.parametrize("octets", [
    b"Name;IBAN\nAnna;1\nBert;2\n", b"Name,IBAN\r\nAnna,1\r\nBert,2\r\n", b"Name\tIBAN\nAnna\t1\nBert\t2\n", b"sep=|\nName|IBAN\nAnna|1\nBert|2\n",
    '"Name";"IBAN"\n"Anna";"1"\n"Bert";"2"\n'.encode("utf-16"), b"Name|IBAN\nAnna|1\nBert|2",
])  # fmt: skip
def test_rows_with_separators_are_tables(octets: bytes) -> None:
    """Whatever the separator and the name, rows and columns come out."""
    (table,) = read(octets).tables
    assert [tuple(row) for row in table.rows] == [("Name", "IBAN"), ("Anna", "1"), ("Bert", "2")]
    assert table.rows_total == 3


def test_a_field_over_lines_and_a_broken_quote_cost_no_row() -> None:
    """Quoted line breaks stay in the cell; an open quote does not swallow the text."""
    found = read(b'a;b\n"x\ny";2\n3;4\n', "a.csv")
    assert found.tables[0].rows[1] == ("x\ny", "2")
    broken = read(b'a;b\n"x;2\n3;Geheimwort\n', "a.csv")
    assert "Geheimwort" in broken.text


def test_prose_is_no_table() -> None:
    """Sentences with commas make no table."""
    assert read("Hallo Anna,\n\nwie geht es dir, und wem noch?\nGut.\n\nGrüße, Bert\n".encode()).tables == ()


def test_json_strings_are_unescaped_and_lists_are_tables() -> None:
    """Escapes hide nothing; a list of objects is a table."""
    found = read(b'[{"name": "Gr\\u00f6\\u00dfe", "zahl": 1}, {"name": "b", "zahl": 2}]')
    assert "Größe" in found.hidden
    assert found.tables[0].rows == (("name", "zahl"), ("Größe", "1"), ("b", "2"))


def test_xml_and_svg_texts_and_attributes_are_read() -> None:
    """Text, comments and telling attributes of XML and SVG are found."""
    xml = read(b'<?xml version="1.0"?><a><b name="Attributwort">Textwort</b><!-- Kommentarwort -->Schwanzwort<c/></a>')
    assert all(word in xml.text for word in ("Textwort", "Schwanzwort"))
    assert all(word in xml.hidden for word in ("Attributwort", "Kommentarwort"))
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><title>Titelwort</title><text x="1">Bildwort</text></svg>'
    assert sniff(svg) == t.SVG
    assert "Bildwort" in read(svg).text


CARD = (
    "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;Anna=\r\n und mehr\r\nNOTE:Lange\r\n  Zeile\\nzwei\r\n"
    "PHOTO;ENCODING=b;TYPE=JPEG:{photo}\r\nORG:Firma\\; GmbH\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:4.0\r\nN:Zwei\r\nKEY:data:text/plain;base64,{key}\r\nEND:VCARD\r\n"
)


def test_cards_are_unfolded_and_decoded() -> None:
    """Folded, quoted-printable and base64 values are read; photos and keys are members; persons are rows."""
    photo = base64.b64encode(make.png((b"tEXt", b"a\0Bildwort"))).decode()
    data = CARD.format(photo=photo, key=base64.b64encode(b"Schluesselwort").decode()).encode()
    found = read(data)
    assert sniff(data) == t.VCF
    assert all(word in found.text for word in ("Müller;Anna", "Lange Zeile\nzwei", "Firma; GmbH"))
    assert all(word in everything(data) for word in ("Bildwort", "Schluesselwort"))
    assert found.tables[0].rows_total == 3


def test_calendars_are_unfolded_and_their_attachments_handed_on() -> None:
    """Folded text and attached files of an appointment are found."""
    coded = base64.b64encode(b"Anhangwort").decode()
    data = (
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Bespre\r\n chung\r\nDESCRIPTION:Zeile\\, eins\r\n"
        f'ATTACH;FILENAME="a:b.txt";ENCODING=BASE64;VALUE=BINARY:{coded}\r\nX-ALT-DESC;FMTTYPE=text/html:<b>Markup</b>wort\r\n'
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()
    found = read(data)
    assert sniff(data) == t.ICS
    assert all(word in found.text for word in ("Besprechung", "Zeile, eins"))
    assert [(member.name, member.data) for member in found.members] == [("a:b.txt", b"Anhangwort")]


MAIL = (
    b"From: Anna <a@example.org>\r\nTo: b@example.org\r\nSubject: =?utf-8?q?Betreff=C3=BC?=\r\nX-Geheim: Kopfwort\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xf6\xdfe\r\n"
    b"--x\r\nContent-Type: application/octet-stream; name=a.csv\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.b64encode(b"a;b\n1;Anhangwort\n2;3\n") + b"\r\n--x\r\nContent-Type: text/html\r\n\r\n<p hidden>Markupwort</p>\r\n"
    b"--x\r\nContent-Type: message/rfc822\r\n\r\nFrom: c@example.org\r\nTo: d@example.org\r\nSubject: Innenwort\r\n\r\nTiefwort\r\n--x--\r\n"
)  # fmt: skip


def test_a_mail_in_a_file_is_read_to_its_attachments() -> None:
    """Head, bodies in any charset and encoding, attachments and mails inside are found, whatever the file is called."""
    for data in (MAIL, b"%d\n" % len(MAIL) + MAIL, b"\r\n\r\n" + MAIL):
        assert sniff(data, ("foto.jpg",)) == t.EML
        found = everything(data)
        for word in (
            "Betreffü",
            "Größe",
            "Kopfwort",
            "Anhangwort",
            "Markupwort",
            "Innenwort",
            "Tiefwort",
            "a@example.org",
        ):
            assert word in found, word


def test_a_mailbox_gives_every_mail() -> None:
    """Mails of a mailbox are members; a quoted From in a body splits none."""
    data = b"".join(
        b"From a@example.org Mon Jan  1 00:00:0%d 2024\n" % number + MAIL.replace(b"\r\n", b"\n").replace(b"Tiefwort", b">From hier\nTief%d" % number)
        + b"\n" for number in range(3)
    )  # fmt: skip
    assert sniff(data) == t.MBOX
    assert len(read(data).members) == 3
    assert all(f"Tief{number}" in everything(data) for number in range(3))


def test_rich_text_hides_nothing() -> None:
    """Letters in all spellings, tables, headers are text; hidden runs, notes, information and objects are found."""
    ole1 = (
        struct.pack("<III", 0x501, 2, 8)
        + b"Package\0"
        + struct.pack("<II", 0, 0)
        + struct.pack("<I", 14)
        + b"Objektwort!!!!"
    )
    data = (
        rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil Arial;}{\f1\fcharset204 Arial Cyr;}}{\info{\title Titelwort}{\author Autorwort}}"
        rb"{\header Kopfwort\par}Gr\'f6\'dfe \u8364?uro \u-10179?\u-8704? {\f1 \'cf\'f0\'e8}\par Ge{\b heim}wo\rt {\v Versteckt}"
        rb"{\footnote Fussnote}{\*\annotation Randnotiz}{\field{\*\fldinst HYPERLINK Zielwort}{\fldrslt Ergebnis}}"
        rb"\trowd\cellx1\cellx2 a\cell b\cell\row\trowd c\cell d\cell\row{\object{\*\objdata " + ole1.hex().encode() + rb"}{\result Bildersatz}}"
        rb"{\*\unbekannt Fremdwort}{\pict\pngblip " + make.png((b"tEXt", b"a\0Bildwort")).hex().encode() + rb"}}"
    )  # fmt: skip
    found = read(data)
    assert sniff(data) == t.RTF
    for word in ("Kopfwort", "Größe", "€uro", "😀", "При", "Fussnote", "Ergebnis", "Bildersatz"):
        assert word in found.text, word
    for word in ("Titelwort", "Autorwort", "Versteckt", "Randnotiz", "Zielwort", "Fremdwort"):
        assert word in found.hidden, word
        assert word not in found.text, word
    assert found.tables[0].rows == (("a", "b"), ("c", "d"))
    assert all(word in everything(data) for word in ("Objektwort", "Bildwort"))
    assert found.status == "read"


def test_every_place_of_a_pdf_is_read() -> None:
    """Pages and fields are text; notes, links, bookmarks and information are hidden text."""
    data = make.pdf("Seitenwort", form="Feldwort", title="Titelwort", author="Autorwort", bookmark="Lesezeichen", note="Notizwort",
                    link="http://example.org/Zielwort")  # fmt: skip
    found = read(data)
    assert all(word in found.text for word in ("Seitenwort", "Feldwort"))
    assert all(word in found.hidden for word in ("Titelwort", "Autorwort", "Lesezeichen", "Notizwort", "Zielwort"))
    assert found.status == "read"


def test_a_table_on_a_page_is_counted() -> None:
    """Text that stands in columns, line after line, is a table; prose is none."""
    from io import BytesIO

    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

    rows = [["Name", "IBAN", "Betrag"], *([f"Kunde {n}", f"DE{n:020}", f"{n},00"] for n in range(30))]
    file = BytesIO()
    SimpleDocTemplate(file, pagesize=A4).build(
        [Table(rows), Paragraph("Ein <b>langer</b> Satz. " * 80, getSampleStyleSheet()["Normal"])]
    )
    tables = read(file.getvalue()).tables
    assert [table.rows_total for table in tables] == [31]
    assert tables[0].rows[1] == ("Kunde 0", "DE00000000000000000000", "0,00")


def test_attachments_of_a_pdf_are_members() -> None:
    """A file inside a PDF is handed on under its name."""
    (member,) = read(make.pdf_with_attachment("liste.csv", b"a;b\n1;Anhangwort\n")).members
    assert (member.name, b"Anhangwort" in member.data) == ("liste.csv", True)


def test_pdf_that_cannot_be_read_say_why() -> None:
    """Encrypted, picture-only and broken PDF each have their own word; a broken one still gives its strings."""
    assert read(make.pdf("Text", password="geheim")).status == "encrypted"
    assert read(make.pdf_with_picture()).status == "image-only"
    body = zlib.compress(b"BT (Bruchst\\374ck) Tj <5a7765692e> Tj ET")
    broken = b"%PDF-1.7\n1 0 obj<</Filter/FlateDecode>>stream\n" + body + b"\nendstream"
    found = read(broken)
    assert found.status == "corrupt"
    assert all(word in found.hidden for word in ("Bruchstück", "Zwei."))


def test_labels_in_a_pdf_are_told() -> None:
    """A label in the information dictionary or XMP of a PDF comes out."""
    data = make.pdf("x").replace(b"/Author", f"/MSIP_Label_{make.GUID}_Enabled (true) /Author".encode(), 1)
    assert read(data).labels == (f"MSIP_Label_{make.GUID}",)


XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r dc:title="Attributwort" MSIP_Label_{make.GUID}_Name="Vertraulich">Elementwort</r></x:xmpmeta>'


@pytest.mark.parametrize("data", [
    make.png((b"tEXt", b"Comment\0Bildwort")), make.png((b"zTXt", b"Comment\0\0" + zlib.compress(b"Bildwort"))),
    make.png((b"iTXt", b"a\0\0\0de\0b\0Bildwort")), make.png((b"iTXt", b"a\0\1\0de\0b\0" + zlib.compress(b"Bildwort"))),
    make.png((b"eXIf", make.exif(b"Bildwort\0"))), make.jpeg(b"Bildwort\0"), make.exif(b"Bildwort\0"),
    b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b"!\xfe\x08Bildwort\0;", b"RIFF\x20\0\0\0WEBPEXIF\x16\0\0\0" + make.exif(b"Bildwort"),
    make.png((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP.replace("Element", "Bild").encode())),
])  # fmt: skip
def test_metadata_of_pictures_are_hidden_text(data: bytes) -> None:
    """Comments, EXIF and XMP of pictures are read; the picture itself is not, and the status says so."""
    found = read(data)
    assert found.status == "picture"
    assert "Bildwort" in found.hidden


def test_labels_in_a_picture_are_told() -> None:
    """A label in XMP comes out, and so do attribute values."""
    found = read(make.png((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP.encode())))
    assert set(found.labels) == {f"MSIP_Label_{make.GUID}", "Vertraulich"}
    assert "Attributwort" in found.hidden


def test_books_are_read_page_by_page() -> None:
    """Pages of an EPUB are text, its information hidden text, its pictures members."""
    data = make.zipped({
        "mimetype": "application/epub+zip", "META-INF/container.xml": "<container/>", "a.opf": "<package><t>Titelwort</t></package>",
        "1.xhtml": "<html><body><p>Seitenwort</p><p hidden='hidden'>Weg</p></body></html>", "b.png": make.png((b"tEXt", b"a\0Bildwort")),
    })  # fmt: skip
    found = read(data)
    assert sniff(data) == t.EPUB
    assert ("Seitenwort" in found.text, "Titelwort" in found.hidden, "Weg" in found.hidden) == (True, True, True)
    assert "Bildwort" in everything(data)


def test_signed_envelopes_are_opened_and_encrypted_ones_named() -> None:
    """Signed content of CMS is a member; enveloped data and PGP messages are encrypted; clear-signed text is text."""
    signed, plain = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
    data = (
        b"\x30\x80"
        + signed
        + b"\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80"
        + plain
        + b"\xa0\x80\x24\x80\x04\x06Inhalt\x04\x04wort\0\0\0\0\0\0"
    )
    assert sniff(data) == t.SMIME
    assert [member.data for member in read(data).members] == [b"Inhaltwort"]
    armored = b"-----BEGIN PKCS7-----\n" + base64.encodebytes(data) + b"-----END PKCS7-----\n"
    assert [member.data for member in read(armored).members] == [b"Inhaltwort"]
    assert read(b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x80").status == "encrypted"
    assert read(b"-----BEGIN PGP MESSAGE-----\n\nabc\n").status == "encrypted"
    clear = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nKlartext\n-----BEGIN PGP SIGNATURE-----\n"
    assert "Klartext" in read(clear).text


def test_what_has_no_reader_says_so_and_gives_its_strings() -> None:
    """Unknown binary data is unsupported; its letters, narrow and wide, are hidden text."""
    found = read(b"\x00\x01\x02Schmalwort\x00\x03" + "Breitwort".encode("utf-16-le") + b"\xfe\x00\x01")
    assert found.status == "unsupported"
    assert all(word in found.hidden for word in ("Schmalwort", "Breitwort"))


@pytest.mark.parametrize("data", [b"", b"   \n", b"\xff\xfe"])
def test_nothing_is_told_as_blank(data: bytes) -> None:
    """A document without anything in it says so."""
    assert read(data).status == "blank"
