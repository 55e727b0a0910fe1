# SPDX-License-Identifier: Apache-2.0
"""Pages that are pictures, wherever a mail can hold one: nobody reads them without OCR, so such a mail is held."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Iterator
from functools import cache

from PIL import Image, ImageDraw

from tests.content.formats import make
from tests.evasion.whole import IBAN, WORDS, Case, attach, body, multipart, part, plain


@cache
def picture(kind: str = "PNG", width: int = 1000, height: int = 1400, *, mode: str = "L") -> bytes:
    """A page with lines of words on it."""
    page = Image.new(mode, (width, height), 255 if mode in ("L", "1") else "white")
    draw = ImageDraw.Draw(page)
    for line in range(20, height - 20, 24):
        draw.text((20, line), f"{line} Konto {IBAN} Frau Muster, geboren am 12.05.1981, wohnhaft in Ulm " * 3, fill=0)
    out = io.BytesIO()
    page.save(out, kind)
    return out.getvalue()


def _heic(data: bytes) -> bytes:
    """The frame of a HEIC of 3024 by 4032 pixels, its coded picture noise (ISO 23008-12)."""
    size = b"\0\0\0\x14ispe\0\0\0\0" + (3024).to_bytes(4, "big") + (4032).to_bytes(4, "big")
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + size + (len(data) + 8).to_bytes(4, "big") + b"mdat" + data


def _pdf(*contents: bytes, image: bytes | None = None) -> bytes:
    """Pages of A4 with these contents; /I is the picture."""
    page = image or bytes(100 * 140)
    objects = {1: b"<</Type/Catalog/Pages 2 0 R>>", 9: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}
    kids = b" ".join(b"%d 0 R" % (20 + 2 * at) for at in range(len(contents)))
    objects[2] = b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, len(contents))
    packed = zlib.compress(page)
    objects[10] = (
        b"<</Type/XObject/Subtype/Image/Width 100/Height 140/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream"
        % (len(packed), packed)
    )
    for at, content in enumerate(contents):
        objects[20 + 2 * at] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R/Resources<</Font<</F 9 0 R>>/XObject<</I 10 0 R>>>>>>"
            % (21 + 2 * at)
        )
        objects[21 + 2 * at] = b"<</Length %d>>\nstream\n%b\nendstream" % (len(content), content)
    return make.raw_pdf(objects)


TEXT_PAGE = (
    b"BT /F 12 Tf 50 700 Td "
    + b" ".join(b"(Dies ist die Zeile %d eines Schreibens mit vielen Worten.) Tj 0 -14 Td" % n for n in range(20))
    + b" ET"
)
SCAN = b"q 595 0 0 842 0 0 cm /I Do Q"
STRIPS = b" ".join(b"q 595 0 0 60 0 %d cm /I Do Q" % (60 * n) for n in range(14))
STAMP = b" BT /F 8 Tf 50 20 Td (26.11.2026 10:12 Seite 2 von 2) Tj ET"
SMALL = b"q 80 0 0 40 480 780 cm /I Do Q "
PICTURE = '<w:p><w:r><w:drawing><wp:docPr xmlns:wp="x" id="1" name="Bild"/></w:drawing></w:r></w:p>'


def _docx(inside: str, data: bytes) -> bytes:
    return make.with_parts(make.plain_docx(inside), {"word/media/image1.png": data})


def _page_of(*pictures: tuple[str, bytes], markup: str = "") -> bytes:
    """A mail of HTML that shows pictures between its words."""
    shown = markup or f"<p>{WORDS}</p>" + "".join(f'<img src="cid:{name}">' for name, _ in pictures)
    parts = [part("image/png", data, f"Content-ID: <{name}>", "Content-Disposition: inline") for name, data in pictures]
    return multipart(
        part("text/html; charset=utf-8", f"<html><body>{shown}</body></html>".encode()), *parts, kind="related"
    )


# name -> (sentence, mail)
HELD: dict[str, tuple[str, bytes]] = {
    "png-attached": ("A page as PNG beside a letter.", attach("seite.png", picture())),
    "png-one-bit": ("A page in black and white as PNG.", attach("seite.png", picture(mode="1"))),
    "jpeg-attached": ("A photograph of a page.", attach("IMG_0815.jpg", picture("JPEG", 1536, 2048), "image/jpeg")),
    "tiff-attached": ("A fax of one page.", attach("fax.tif", picture("TIFF"), "image/tiff")),
    "gif-attached": ("A page as GIF.", attach("a.gif", picture("GIF"))),
    "webp-attached": ("A page as WebP.", attach("a.webp", picture("WEBP"))),
    "bmp-attached": ("A page as bitmap.", attach("a.bmp", picture("BMP", 700, 900))),
    "jp2-attached": ("A page as JPEG 2000.", attach("a.jp2", picture("JPEG2000"))),
    "heic-attached": ("A photograph of a telephone.", attach("IMG_1.heic", _heic(bytes(range(256)) * 800))),
    "picture-called-text": ("A page that says it is text.", attach("a.txt", picture(), "text/plain")),
    "screen-inline": ("A picture of a screen between the words.", _page_of(("a", picture(width=1600, height=900)))),
    "screen-data-uri": ("A picture of a screen in the markup.", _page_of(markup=f"<p>Siehe hier:</p><img src='data:image/png;base64,{base64.b64encode(picture(width=1600, height=900)).decode()}'>")),
    "picture-is-the-mail": ("The mail itself is a picture.", body("image/png", picture(), "")),
    "zip-of-pictures": ("Pages in a ZIP.", attach("a.zip", make.zipped({"1.png": picture(), "2.png": picture("PNG", 900, 1300)}))),
    "docx-picture": ("A Word document that is one picture.", attach("a.docx", _docx(PICTURE, picture()))),
    "docx-caption": ("A Word document with a picture and a line.", attach("a.docx", _docx(PICTURE + "<w:p><w:r><w:t>Abbildung 1: Kontoauszug</w:t></w:r></w:p>", picture()))),
    "docx-header": ("A Word document with a picture and a header.", attach("a.docx", make.with_parts(_docx(PICTURE, picture()), {"word/header1.xml": '<w:hdr xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:p><w:r><w:t>Firma Muster GmbH</w:t></w:r></w:p></w:hdr>'}))),
    "pptx-pictures": ("Slides that are pictures.", attach("a.pptx", make.with_parts(make.pptx(), {f"ppt/media/image{n}.png": picture("PNG", 1000, 1400 + n) for n in range(3)}))),
    "odt-picture": ("An OpenDocument text that is one picture.", attach("a.odt", make.with_parts(make.odf("text", "<text:p/>"), {"Pictures/1.png": picture()}))),
    "xlsx-picture": ("A workbook that is one picture.", attach("a.xlsx", make.with_parts(make.xlsx([[""]]), {"xl/media/image1.png": picture()}))),
    "rtf-picture": ("Rich text that is one picture.", attach("a.rtf", b"{\\rtf1{\\pict\\pngblip " + picture().hex().encode() + b"}}")),
    "pdf-scan": ("A PDF of one scanned page.", attach("a.pdf", _pdf(SCAN))),
    "pdf-text-and-scan": ("A page of text, then a scanned one.", attach("a.pdf", _pdf(TEXT_PAGE, SCAN))),
    "pdf-scan-and-text": ("A scanned page, then one of text.", attach("a.pdf", _pdf(SCAN, TEXT_PAGE))),
    "pdf-stamp": ("A scanned page with the line of a fax.", attach("a.pdf", _pdf(TEXT_PAGE, SCAN + STAMP))),
    "pdf-strips": ("A scanned page in strips, with a line.", attach("a.pdf", _pdf(STRIPS + STAMP))),
    "pdf-curves": ("Letters drawn as curves.", attach("a.pdf", _pdf(b" ".join(b"%d 700 m %d 712 l S" % (50 + 9 * n, 55 + 9 * n) for n in range(30))))),
    "pdf-hidden-words": ("A scanned page with one word nobody sees.", attach("a.pdf", _pdf(SCAN + b" BT 3 Tr /F 1 Tf (Hallo) Tj ET"))),
    "eml-with-picture": ("An attached mail that is a picture.", attach("a.eml", body("image/png", picture(), ""), "message/rfc822")),
    "svg-picture": ("A drawing that holds a picture.", attach("a.svg", f'<svg xmlns="http://www.w3.org/2000/svg"><image href="data:image/png;base64,{base64.b64encode(picture()).decode()}"/></svg>'.encode())),
}  # fmt: skip

LOGO = picture("PNG", 240, 80)
HONEST: dict[str, tuple[str, bytes]] = {
    "logo-inline": ("A logo in a signature.", _page_of(("a", LOGO))),
    "photo-in-signature": ("A small photograph in a signature.", _page_of(("a", picture("JPEG", 300, 400)))),
    "banner": ("A banner below a signature.", _page_of(("a", picture("JPEG", 1200, 300)))),
    "pixel": ("A tracking pixel.", _page_of(("a", make.png()))),
    "icons": ("Five icons of networks.", _page_of(*((f"i{n}", picture("PNG", 32, 32 + n)) for n in range(5)))),
    "logo-attached": ("A logo that a program attached.", attach("image001.png", LOGO)),
    "pdf-letterhead": ("A letter on paper with a logo.", attach("a.pdf", _pdf(SMALL + TEXT_PAGE))),
    "pdf-background": ("A letter on a background that fills the page.", attach("a.pdf", _pdf(SCAN + TEXT_PAGE))),
    "docx-photo": ("A report with a photograph.", attach("a.docx", _docx(f"<w:p><w:r><w:t>{WORDS}</w:t></w:r></w:p>", picture()))),
    "no-picture": ("Words only.", plain(WORDS)),
}  # fmt: skip


def pictures() -> Iterator[Case]:
    """What has to be held."""
    for name, (says, raw) in HELD.items():
        yield Case("pictures", name, says, raw, must_hold=True)
