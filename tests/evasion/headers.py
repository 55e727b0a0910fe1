# SPDX-License-Identifier: Apache-2.0
"""An account number in fields of a head, in parameters, in delimiters, and in charsets of whole files."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Iterator
from urllib.parse import quote

from tests.content.formats import make
from tests.evasion.whole import GERMAN, HEAD, IBAN, LETTER, SPACED, TEXT, WORDS, Case, attach, body, multipart, part

KEY = f"Konto {IBAN}"
B64 = base64.b64encode(KEY.encode()).decode()
_WORD = f"=?utf-8?b?{B64}?="
_BODY = b"\r\nGuten Tag\r\n"


def _with(field: str) -> bytes:
    return HEAD + field.encode() + b"\r\n" + _BODY


def _instead(name: bytes, value: str) -> bytes:
    lines = [line for line in HEAD.splitlines(keepends=True) if not line.startswith(name + b":")]
    return b"".join(lines) + name + b": " + value.encode() + b"\r\n" + _BODY


FIELDS: dict[str, tuple[str, bytes]] = {
    "subject": ("In the subject.", _instead(b"Subject", KEY)),
    "subject-folded": ("In the subject, a fold in each group.", _instead(b"Subject", "Konto " + SPACED.replace(" ", "\r\n "))),
    "subject-words": ("In the subject, an encoded word a letter.", _instead(b"Subject", " ".join(f"=?utf-8?q?{e}?=" for e in IBAN))),
    "subject-words-folded": ("In the subject, an encoded word a line.", _instead(b"Subject", "\r\n ".join(f"=?us-ascii?q?={ord(e):02X}?=" for e in IBAN))),
    "subject-utf-7": ("In the subject, in UTF-7.", _instead(b"Subject", "=?utf-7?q?+" + base64.b64encode(KEY.encode("utf-16-be")).decode().rstrip("=") + "-?=")),
    "subject-utf-16": ("In the subject, in UTF-16.", _instead(b"Subject", "=?utf-16be?b?" + base64.b64encode(KEY.encode("utf-16-be")).decode() + "?=")),
    "subject-iso-2022": ("In the subject, wide letters of ISO-2022-JP.", _instead(b"Subject", "=?iso-2022-jp?b?" + base64.b64encode("".join(chr(ord(e) + 0xFEE0) for e in IBAN).encode("iso2022_jp")).decode() + "?=")),
    "subject-twice": ("In the second of two subjects.", _with(f"Subject: {KEY}")),
    "subject-encoded-twice": ("In the subject, a word inside a word.", _instead(b"Subject", f"=?utf-8?b?{base64.b64encode(_WORD.encode()).decode()}?=")),
    "subject-base64": ("In the subject, base64 that says nothing of it.", _instead(b"Subject", base64.b64encode(TEXT.encode()).decode())),
    "subject-language": ("In the subject, a word with a language.", _instead(b"Subject", f"=?utf-8*de?b?{B64}?=")),
    "subject-split-octets": ("In the subject, letters cut between words.", _instead(b"Subject", "=?utf-8?b?" + base64.b64encode(KEY.replace("E", "\uff25").encode()[:8]).decode() + "?= =?utf-8?b?" + base64.b64encode(KEY.replace("E", "\uff25").encode()[8:]).decode() + "?=")),
    "from-name": ("In the name of the sender.", _instead(b"From", f'"{KEY}" <anna@corp.example>')),
    "to-name": ("In the name of the receiver.", _instead(b"To", f'"{KEY}" <anna.alt@freemail.example>')),
    "to-name-word": ("In the name of the receiver, encoded.", _instead(b"To", f"{_WORD} <anna.alt@freemail.example>")),
    "to-comment": ("In a comment behind the receiver.", _instead(b"To", f"anna.alt@freemail.example ({KEY})")),
    "to-group": ("As the name of a group of receivers.", _instead(b"To", f"{KEY}: anna.alt@freemail.example;")),
    "to-local-part": ("As the name of another mailbox.", _instead(b"To", f"anna.alt@freemail.example, konto-{IBAN}@freemail.example")),
    "cc-name": ("In the name of who gets a copy.", _with(f'Cc: "{KEY}" <x@corp.example>')),
    "reply-to-name": ("In the name of who gets the answer.", _with(f'Reply-To: "{KEY}" <x@corp.example>')),
    "sender-name": ("In the name of who hands it in.", _with(f'Sender: "{KEY}" <x@corp.example>')),
    "date-comment": ("In a comment of the date.", _instead(b"Date", f"Tue, 24 Nov 2026 09:00:00 +0100 ({KEY})")),
    "message-id": ("As the number of the mail.", _instead(b"Message-ID", f"<konto.{IBAN}@corp.example>")),
    "message-id-base64": ("As the number of the mail, in base64.", _instead(b"Message-ID", f"<{base64.urlsafe_b64encode(TEXT.encode()).decode().rstrip('=')}@corp.example>")),
    "references": ("As the number of a mail before.", _with(f"References: <konto-{IBAN}@corp.example>")),
    "received": ("In a trace of the way.", b"Received: from konto-" + IBAN.encode() + b" (" + KEY.encode() + b") by x; Tue, 24 Nov 2026 09:00:00 +0100\r\n" + HEAD + _BODY),
    "dkim": ("As a tag of a signature.", _with(f"DKIM-Signature: v=1; a=rsa-sha256; d=x; s=y; x-k={IBAN}; bh=x; b=x")),
    "comments": ("In the field for comments.", _with(f"Comments: {KEY}")),
    "keywords": ("In the field for keywords.", _with(f"Keywords: {', '.join(SPACED.split())}")),
    "x-field": ("In a field of one's own.", _with(f"X-Konto: {IBAN}")),
    "x-field-base64": ("In a field of one's own, in base64.", _with(f"X-Info: {base64.b64encode(TEXT.encode()).decode()}")),
    "x-field-name": ("As the name of a field.", _with(f"X-Konto-{IBAN}: 1")),
    "x-fields-pieces": ("A group in each of six fields.", _with("\r\n".join(f"X-K{n}: {e}" for n, e in enumerate(SPACED.split())))),
    "list-unsubscribe": ("In the address to unsubscribe.", _with(f"List-Unsubscribe: <mailto:x@y.example?body=Konto%20{quote(SPACED)}>")),
    "organization": ("In the name of the organisation.", _with(f"Organization: {_WORD}")),
    "content-description": ("In the description of a part.", multipart(LETTER, part("application/pdf", make.pdf("Hallo Welt"), f"Content-Description: {KEY}"))),
    "content-id": ("As the number of a part.", multipart(LETTER, part("application/pdf", make.pdf("Hallo Welt"), f"Content-ID: <konto.{IBAN}@x>"))),
    "content-location": ("As the place of a part.", multipart(LETTER, part("application/pdf", make.pdf("Hallo Welt"), f"Content-Location: https://x.example/Konto/{IBAN}"))),
    "content-language": ("As the language of a part.", multipart(LETTER, part("application/pdf", make.pdf("Hallo Welt"), f"Content-Language: {KEY}"))),
    "content-md5": ("As the sum of a part.", multipart(LETTER, part("application/pdf", make.pdf("Hallo Welt"), f"Content-MD5: {base64.b64encode(TEXT.encode()).decode()}"))),
    "type-parameter": ("As a parameter of a type.", multipart(LETTER, part(f'application/pdf; x-konto="{IBAN}"', make.pdf("Hallo Welt")))),
    "type-parameter-pieces": ("As a parameter in pieces.", multipart(LETTER, part("application/pdf; " + "; ".join(f"x-konto*{n}={e}" for n, e in enumerate(SPACED.split())), make.pdf("Hallo Welt")))),
    "type-parameter-percent": ("As a parameter in pieces, percent-escaped.", multipart(LETTER, part("application/pdf; " + "; ".join(f"x-konto*{n}*={quote(e)}" if n else f"x-konto*0*=utf-8''Konto%20{quote(e)}" for n, e in enumerate(SPACED.split())), make.pdf("Hallo Welt")))),
    "disposition-parameter": ("As a parameter of a disposition.", multipart(LETTER, part("application/pdf", make.pdf("Hallo Welt"), f'Content-Disposition: attachment; filename=a.pdf; x-k="{KEY}"'))),
    "name-pieces": ("As a file name in pieces out of order.", multipart(LETTER, part("application/pdf", make.pdf("Hallo Welt"), "Content-Disposition: attachment; " + "; ".join(f"filename*{n}={e}" for n, e in reversed(list(enumerate(SPACED.split()))))))),
    "name-percent-pieces": ("As a file name in escaped pieces.", multipart(LETTER, part("application/pdf", make.pdf("Hallo Welt"), "Content-Disposition: attachment; filename*0*=utf-8''" + "".join(f"%{ord(e):02X}" for e in KEY[:14]) + "; filename*1*=" + "".join(f"%{ord(e):02X}" for e in KEY[14:])))),
    "boundary": ("As the delimiter.", HEAD + f'Content-Type: multipart/mixed; boundary="Konto-{IBAN}"\r\n\r\n--Konto-{IBAN}\r\n\r\nHallo\r\n--Konto-{IBAN}--\r\n'.encode()),
    "preamble": ("Before the first part.", multipart(LETTER).replace(b"\r\n\r\n--b0", b"\r\n\r\n" + TEXT.encode() + b"\r\n--b0", 1)),
    "epilogue": ("Behind the last part.", multipart(LETTER) + TEXT.encode()),
    "delimiter-tail": ("Behind a delimiter, in its line.", multipart(LETTER).replace(b"--b0--", b"--b0 " + KEY.encode() + b"\r\n\r\nx\r\n--b0--")),
    "head-of-part": ("In a head of a part without a body.", multipart(LETTER, b"X-Konto: " + IBAN.encode() + b"\r\n")),
    "stray-line": ("In a line of the head that is no field.", HEAD + KEY.encode() + b"\r\n" + _BODY),
    "mime-version": ("In a comment of the version.", HEAD.replace(b"MIME-Version: 1.0", b"MIME-Version: 1.0 (" + KEY.encode() + b")") + _BODY),
    "encoding-comment": ("In a comment of a transfer encoding.", HEAD + b"Content-Transfer-Encoding: 7bit (" + KEY.encode() + b")\r\n" + _BODY),
    "charset-name": ("As the name of a charset.", HEAD + b"Content-Type: text/plain; charset=konto-" + IBAN.encode() + b"\r\n" + _BODY),
    "duplicate-type": ("Two types, the second makes it a file in base64.", HEAD + b"Content-Type: text/plain\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(make.zipped({"a.txt": TEXT}))),
    "duplicate-encoding": ("Two transfer encodings, base64 first.", HEAD + b"Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + base64.encodebytes(TEXT.encode())),
    "type-picture": ("A text that says it is a picture.", multipart(LETTER, part("image/jpeg", TEXT.encode(), "Content-Disposition: inline; filename=logo.jpg"))),
    "type-signature": ("A ZIP that says it is a signature.", multipart(LETTER, part("application/pkcs7-signature", make.zipped({"a.txt": TEXT}), "Content-Disposition: attachment; filename=smime.p7s"))),
    "type-pgp-signature": ("A text that says it is a signature of PGP.", multipart(LETTER, part("application/pgp-signature", TEXT.encode()))),
    "type-calendar": ("A Word document that says it is an invitation.", multipart(LETTER, part("text/calendar", make.docx(body=TEXT)))),
    "type-html-is-plain": ("Plain text with tags that says it is HTML.", body("text/html", f"Konto &lt;{IBAN}&gt;")),
    "type-plain-is-html": ("HTML that says it is plain text.", body("text/plain", "<html>" + "".join(f"<b>{e}</b>" for e in IBAN) + "</html>")),
    "type-csv-is-xlsx": ("A workbook that says it is a table of text.", attach("a.csv", make.xlsx([[KEY]]), "text/csv")),
    "nested-encodings": ("Base64 in quoted-printable in base64.", body("text/plain", base64.b64encode(quopri.encodestring(base64.b64encode(TEXT.encode()))), "us-ascii")),
    "nested-mails": ("A mail in a mail in a mail, each in base64.", multipart(LETTER, part("message/rfc822", multipart(LETTER, part("message/rfc822", body("text/plain", TEXT)))))),
    "mail-as-text": ("A mail pasted as text, its body in base64.", body("text/plain", b"-----Urspruengliche Nachricht-----\r\n" + body("text/plain", TEXT), "us-ascii", "8bit")),
    "mbox-in-gzip": ("A mailbox, packed.", attach("a.gz", __import__("gzip").compress(b"From x@y Mon Jan  1 00:00:00 2026\r\n" + body("text/plain", TEXT), mtime=0))),
    "alternative-first": ("Only in the part nobody is shown.", multipart(part("text/plain", TEXT.encode()), LETTER.replace(b"plain", b"html"), kind="alternative")),
    "related-root": ("In a part the root does not name.", multipart(LETTER.replace(b"plain", b"html"), part("text/html", TEXT.encode(), "Content-ID: <x@y>"), kind="related")),
    "digest": ("In a digest without types.", HEAD + b"Content-Type: multipart/digest; boundary=b0\r\n\r\n--b0\r\n\r\nSubject: y\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(TEXT.encode()) + b"--b0--\r\n"),
    "form-data": ("As a form that was sent.", HEAD + b'Content-Type: multipart/form-data; boundary=b0\r\n\r\n--b0\r\nContent-Disposition: form-data; name="Konto ' + IBAN.encode() + b'"\r\n\r\n1\r\n--b0--\r\n'),
    "byteranges": ("In two ranges of one text.", HEAD + b"Content-Type: multipart/byteranges; boundary=b0\r\n\r\n--b0\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-15/40\r\n\r\nKonto DE89370400\r\n--b0\r\nContent-Type: text/plain\r\nContent-Range: bytes 16-30/40\r\n\r\n440532013000\r\n--b0--\r\n"),
    "delivery-status": ("In the report of a delivery.", multipart(LETTER, f"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\nX-Note: {KEY}\r\n".encode(), kind="report")),
    "bare-cr-body": ("Lines end with a lone carriage return.", HEAD + b"Content-Type: text/plain\r\n\r\n" + WORDS.replace("\r\n", "\r").encode() + TEXT.encode() + b"\r"),
    "long-line": ("Behind 40,000 letters in one line.", body("text/plain", "x" * 40_000 + " " + TEXT, "us-ascii", "8bit")),
    "far-below": ("Behind 3 MB of text.", body("text/plain", ("Zeile mit Text. " * 60 + "\r\n") * 3_300 + TEXT, "us-ascii", "8bit")),
}  # fmt: skip

# charset of a file that says nothing of it
CHARSETS = (
    "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-7", "cp037", "cp273",
    "cp500", "cp1140", "cp1026", "hz", "iso2022_jp", "iso2022_kr", "iso2022_jp_2", "gb18030", "big5", "shift_jis",
    "euc_jp", "koi8-r", "mac_roman", "cp437", "cp1252", "iso8859-15", "cp864",
)  # fmt: skip


def _charset_files() -> Iterator[Case]:
    lines = f"Name;Ort;Konto\r\nMeier;Ulm;{SPACED}\r\nSchulz;Hof;keines\r\n"
    for charset in CHARSETS:
        text = (
            GERMAN
            if charset in ("cp273", "cp500", "cp1140", "cp037", "cp1252", "iso8859-15", "mac_roman", "cp437")
            else TEXT
        )
        for kind, octets in (
            ("txt", text.encode(charset)),
            ("csv", lines.encode(charset)),
            ("html", f"<html><body><p>{TEXT}</p></body></html>".encode(charset)),
        ):
            yield Case(
                "charsets",
                f"{charset}-{kind}",
                f"A .{kind} in {charset} that does not say so.",
                attach(f"a.{kind}", octets),
            )
        yield Case(
            "charsets",
            f"{charset}-body",
            f"A body in {charset} that does not say so.",
            body("text/plain", text.encode(charset), ""),
        )
        yield Case(
            "charsets",
            f"{charset}-lies",
            f"A body in {charset} that says it is UTF-8.",
            body("text/plain", text.encode(charset), "utf-8"),
        )
        if charset.startswith(("utf-16", "utf-32", "hz", "iso2022", "cp")):
            fullwidth = "".join(chr(ord(e) + 0xFEE0) if e.isalnum() else e for e in IBAN)
            if charset in ("hz", "iso2022_jp", "utf-16-le", "utf-32-be"):
                yield Case(
                    "charsets",
                    f"{charset}-wide",
                    f"Wide letters in {charset} that does not say so.",
                    attach("a.txt", f"Konto {fullwidth}".encode(charset)),
                )


def headers() -> Iterator[Case]:
    """All fields, then all charsets; where two charsets write the same octets, once."""
    for name, (says, raw) in FIELDS.items():
        yield Case("headers", name, says, raw)
    yield from {each.raw: each for each in _charset_files()}.values()
