# SPDX-License-Identifier: Apache-2.0
"""The one table of document formats: media type -> reader; and what each status means to a judge.

Archives are not here (archive readers open them). Never picks a reader by a name: ask `sniff` first.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.base import Budget, Reader
from dlpmilter.content.formats.books import read_epub, read_iwork, read_ooxml
from dlpmilter.content.formats.cards import read_cards
from dlpmilter.content.formats.docx import read_docx
from dlpmilter.content.formats.html import read_html
from dlpmilter.content.formats.images import read_image, read_media
from dlpmilter.content.formats.legacy import read_doc, read_ppt
from dlpmilter.content.formats.mailbox import read_cms, read_encrypted, read_mail, read_mbox, read_pgp_text
from dlpmilter.content.formats.msg import read_msg, read_tnef
from dlpmilter.content.formats.odf import read_odf
from dlpmilter.content.formats.ole import read_ole
from dlpmilter.content.formats.paper import Fill, Paper, reader
from dlpmilter.content.formats.pdf import read_pdf
from dlpmilter.content.formats.pptx import read_pptx
from dlpmilter.content.formats.rtf import read_rtf
from dlpmilter.content.formats.samples import SAMPLES
from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.strings import read_unsupported
from dlpmilter.content.formats.text import read_delimited, read_json, read_plain
from dlpmilter.content.formats.xls import read_xls, read_xlsb
from dlpmilter.content.formats.xlsx import read_xlsx
from dlpmilter.content.formats.xml import read_xml

READ = frozenset({"read", "blank", "skipped", "read-by-ocr"})
"""Statuses of a part that was read in full, pictures as well as a program can."""
PICTURES = frozenset({"picture", "image-only", "image-pages", "media"})
"""Statuses of what only a person or OCR could read."""
# Any other status means: not all of it could be read. To a private class that is a hold.


def read_empty(data: bytes, paper: Paper) -> None:
    """No octets at all."""
    del data
    paper.trouble("blank")


_FILLS: dict[str, Fill] = {
    t.EMPTY: read_empty,
    t.PDF: read_pdf,
    t.DOCX: read_docx,
    t.XLSX: read_xlsx,
    t.PPTX: read_pptx,
    t.XLSB: read_xlsb,
    t.VISIO: read_ooxml,
    t.XPS: read_ooxml,
    t.OOXML: read_ooxml,
    t.ODT: read_odf,
    t.ODS: read_odf,
    t.ODP: read_odf,
    t.ODF: read_odf,
    t.EPUB: read_epub,
    t.IWORK: read_iwork,
    t.DOC: read_doc,
    t.XLS: read_xls,
    t.PPT: read_ppt,
    t.MSG: read_msg,
    t.OLE: read_ole,
    t.PROTECTED_OOXML: read_encrypted,
    t.RTF: read_rtf,
    t.TEXT: read_plain,
    t.HTML: read_html,
    t.XML: read_xml,
    t.SVG: read_xml,
    t.CSV: read_delimited,
    t.TSV: read_delimited,
    t.JSON: read_json,
    t.EML: read_mail,
    t.MBOX: read_mbox,
    t.VCF: read_cards,
    t.ICS: read_cards,
    t.TNEF: read_tnef,
    t.PGP: read_encrypted,
    t.PGP_SIGNED: read_pgp_text,
    t.PGP_KEYS: read_pgp_text,
    t.SMIME: read_cms,
    t.ENCRYPTED: read_encrypted,
    t.KEEPASS: read_encrypted,
    **dict.fromkeys(sorted(t.IMAGES), read_image),
    **dict.fromkeys(sorted(t.MEDIA), read_media),
    **dict.fromkeys(
        (t.UNKNOWN, t.ONENOTE, t.WORDPERFECT, t.ACCESS, t.PST, t.CHM, t.MOBI, t.POSTSCRIPT, t.EXECUTABLE, t.SHORTCUT,
         t.SQLITE, t.PARQUET, t.PLIST, t.FONT),
        read_unsupported,
    ),
}  # fmt: skip

READERS: Mapping[str, Reader] = MappingProxyType({kind: reader(fill) for kind, fill in _FILLS.items()})
"""Every document type that `sniff` gives; an archive has no entry."""


def warm() -> None:
    """Import and use everything once, so that a confined child never opens a file for a lazy import."""
    for data in SAMPLES:
        READERS[sniff(data)](data, Budget(octets=1 << 24, text_chars=1 << 20, members=100, depth=3))
