# SPDX-License-Identifier: Apache-2.0
"""Which text format octets are: HTML, XML, mail, card, calendar, table, JSON, or plain.

Names only choose between text formats; never raises, looks at the first 16 KB.
"""

from __future__ import annotations

import re

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.decode import decode, is_text

SAMPLE = 16 * 1024
_XML = re.compile(r"^(?:\s|<\?[^>]{0,500}\?>|<!--.{0,4000}?-->|<!DOCTYPE[^>\[]{0,1000}(?:\[.{0,4000}?\]\s*)?>)*"
                  r"<(?!!|\?)(?:[\w.-]{1,60}:)?([\w.-]{1,60})", re.DOTALL | re.IGNORECASE)  # fmt: skip
_HTML_TAG = re.compile(
    r"<(?:!doctype html|html|head|body|table|div|script|meta|style|title|iframe|img|a href|p|br|span|font|h[1-6]|b|i|ul)"
    r"[\s>/]",
    re.IGNORECASE,
)
_HTML_SURE = re.compile(
    r"^\s*(?:<!--.{0,4000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_FIELD = re.compile(r"^([!-9;-~]{1,77}):(?:[ \t]|$)", re.MULTILINE)
_MAIL_FIELDS = frozenset(
    "from to cc date subject message-id received mime-version return-path content-type reply-to delivered-to sender "
    "content-transfer-encoding x-mailer x-mimeole resent-from dkim-signature arc-seal in-reply-to references".split()
)
_FROM_LINE = re.compile(r"^>?From \S*.{0,200}\d\d:\d\d")
_HEADER_LINE = re.compile(r"^(?:[!-9;-~]{1,77}:.*|[ \t].*)$")
_PGP_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_BY_NAME = ((".csv", t.CSV), (".tsv", t.TSV), (".tab", t.TSV), (".ics", t.ICS), (".vcs", t.ICS), (".vcf", t.VCF),
            (".eml", t.EML), (".mbox", t.MBOX), (".json", t.JSON), (".html", t.HTML), (".htm", t.HTML), (".xml", t.XML),
            (".svg", t.SVG), (".mht", t.EML), (".mhtml", t.EML), (".emlx", t.EML))  # fmt: skip


def text_type(data: bytes, names: tuple[str, ...] = ()) -> str:
    """The text format of octets, "" when they are no text."""
    sample = bytes(data[:SAMPLE])
    if not is_text(sample):
        return ""
    text = decode(sample).lstrip("\ufeff")
    lead = text.lstrip()
    found = _by_first_words(lead) or _markup(text) or _mail(text)
    if found:
        return found
    named = next((kind for name in names for end, kind in _BY_NAME if name.lower().rstrip(" .\0").endswith(end)), "")
    if named in (t.CSV, t.TSV, t.ICS, t.VCF, t.JSON, t.HTML) or (named == t.EML and _FIELD.search(text)):
        return named
    return _by_shape(text, lead)


def _by_first_words(lead: str) -> str:
    start = lead[:200].upper()
    for words, kind in (
        ("BEGIN:VCARD", t.VCF), ("BEGIN:VCALENDAR", t.ICS), ("-----BEGIN PGP MESSAGE", t.PGP),
        (_PGP_SIGNED, t.PGP_SIGNED), ("-----BEGIN PGP ", t.PGP_KEYS), ("-----BEGIN PKCS7", t.SMIME),
        ("-----BEGIN CMS", t.SMIME), ("{\\RTF", t.RTF), ("%!PS", t.POSTSCRIPT),
    ):  # fmt: skip
        if start.startswith(words):
            return kind
    return ""


def _markup(text: str) -> str:
    if _HTML_SURE.match(text):
        return t.HTML
    root = _XML.match(text)
    if root is None:
        return ""
    name = root[1].lower()
    if name == "svg":
        return t.SVG
    if name == "html":
        return t.HTML
    opening = text[:4000]
    if name in ("document", "document-content") and "opendocument" in opening:
        return t.ODF
    if name in ("package", "worddocument") and "schemas.microsoft.com/office" in opening:
        return t.XML
    if opening.lstrip().startswith("<?xml") or "xmlns" in text[root.start(1) : root.start(1) + 2000].partition(">")[0]:
        return t.XML
    if _HTML_TAG.search(text[:SAMPLE]):
        return t.HTML
    return t.XML if re.search(r"</(?:[\w.-]+:)?[\w.-]+>\s*$", text[-200:]) else ""


def _mail(text: str) -> str:
    if _FROM_LINE.match(text.lstrip("\r\n")):
        rest = text.lstrip("\r\n").partition("\n")[2]
        if _known_fields(rest) >= 2:
            return t.MBOX
    body = text.lstrip("\r\n")
    first, _, rest = body.partition("\n")
    if first.strip().isdigit() and _known_fields(rest) >= 2:  # Apple's .emlx: a count stands before the mail
        return t.EML
    return t.EML if _known_fields(body) >= 2 else ""


def _known_fields(text: str) -> int:
    """How many well-known mail fields stand in the header block that starts here; 0 when none starts here."""
    known: set[str] = set()
    odd = 0
    for line in text.split("\n", 200)[:200]:
        plain = line.rstrip("\r")
        if not plain:
            break
        if not _HEADER_LINE.match(plain):
            odd += 1
            if odd > 2 or not known:
                break
            continue
        name = plain.partition(":")[0].lower()
        if name in _MAIL_FIELDS or name.startswith("x-"):
            known.add(name)
    return len(known & _MAIL_FIELDS)


def _by_shape(text: str, lead: str) -> str:
    if lead[:1] in ("{", "["):
        tail = lead.rstrip()[-1:]
        if tail in ("}", "]") or re.match(r"[{\[]\s*[\"{\[\d]", lead):
            return t.JSON
    if _HTML_TAG.search(text):
        return t.HTML
    lines = [line for line in text.split("\n")[:50] if line.strip()]
    if len(text) >= SAMPLE // 2 or len(lines) >= 50:
        lines = lines[:-1]
    if len(lines) >= 2:
        for mark, kind in (("\t", t.TSV), (";", t.CSV), (",", t.CSV), ("|", t.CSV)):
            counts = [line.count(mark) for line in lines]
            if min(counts) >= 1 and max(counts) - min(counts) <= max(counts) // 3:
                return kind
    return t.TEXT
