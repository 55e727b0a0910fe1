# SPDX-License-Identifier: Apache-2.0
"""What the evasion mails hide: a sentence with a made-up IBAN, or a small file, each unlike all others."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

from dlpmilter.mime.charsets import decode_text, normalise
from dlpmilter.mime.structure import read_structure
from dlpmilter.mime.text import html_text
from dlpmilter.mime.views import read_views
from dlpmilter.model.limits import Limits
from dlpmilter.model.views import Views

LIMITS = Limits()
CRLF = b"\r\n"


@dataclass(frozen=True)
class Trick:
    """One mail that hides something: a text, the octets of a file, the name of a file, or several of them."""

    family: str
    name: str
    raw: bytes
    text: str = ""
    octets: bytes = b""
    file_name: str = ""
    must_hold: bool = field(default=False)
    """Whether the mail cannot be read at all, so that only holding it is right."""


@dataclass(frozen=True)
class Hidden:
    """A secret in one content transfer encoding, ready to be put into a mail."""

    label: str
    encoding: bytes
    type: bytes
    body: bytes
    text: str = ""
    octets: bytes = b""

    @property
    def head(self) -> bytes:
        """Its own two fields, as an honest program writes them."""
        return b"Content-Type: " + self.type + CRLF + b"Content-Transfer-Encoding: " + self.encoding + CRLF

    @property
    def part(self) -> bytes:
        """Head, empty line, body."""
        return self.head + CRLF + self.body

    def trick(self, family: str, name: str, raw: bytes, *, must_hold: bool = False) -> Trick:
        """The finished mail."""
        return Trick(family, f"{name}/{self.label}", raw, self.text, self.octets, must_hold=must_hold)


def sentence(number: int) -> str:
    """A sentence that stands in no other mail."""
    return (
        f"Bitte auf Konto DE{number % 89 + 10}37040044053201{number:04d} ueberweisen, Kennwort Nebelhorn{number:05d}."
    )


def file_octets(number: int) -> bytes:
    """A ZIP with a sentence inside, packed so that the sentence is not to be seen."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"gehalt{number}.csv"), (sentence(number) + "\n") * 20)
    return buffer.getvalue()


def in_base64(octets: bytes) -> bytes:
    return base64.encodebytes(octets).replace(b"\n", CRLF)


def in_quoted_printable(octets: bytes) -> bytes:
    """Every octet as an escape, so that nothing of it is to be seen without decoding."""
    escapes = [b"=%02X" % octet for octet in octets]
    lines = [b"".join(escapes[at : at + 24]) for at in range(0, len(escapes), 24)]
    return b"=\r\n".join(lines) + CRLF


def in_uuencode(octets: bytes, name: bytes = b"x.txt") -> bytes:
    lines = [binascii.b2a_uu(octets[at : at + 45]).rstrip(b"\n") for at in range(0, len(octets), 45)]
    return CRLF.join([b"begin 644 " + name, *lines, b"`", b"end", b""])


def hidden_in_every_encoding(number: int) -> list[Hidden]:
    """One secret in each of the encodings the structures are tried with."""
    text, file = sentence(number), file_octets(number)
    octets = text.encode() + CRLF
    plain = b"text/plain; charset=utf-8"
    return [
        Hidden("base64", b"base64", plain, in_base64(octets), text),
        Hidden("quoted-printable", b"quoted-printable", plain, in_quoted_printable(octets), text),
        Hidden("8bit", b"8bit", plain, octets, text),
        Hidden("uuencode", b"x-uuencode", plain, in_uuencode(octets), text),
        Hidden("file", b"base64", b"application/octet-stream", in_base64(file), "", file),
    ]


def mail(*fields: bytes, body: bytes) -> bytes:
    """A whole mail: the usual fields, the given ones, the body."""
    usual = [
        b"From: Anna Alt <anna@corp.example>",
        b"To: anna.alt@freemail.example",
        b"Subject: Notiz",
        b"Date: Tue, 24 Nov 2026 09:00:00 +0100",
        b"Message-ID: <1@corp.example>",
        b"MIME-Version: 1.0",
    ]
    return CRLF.join([*usual, *fields, b"", body])


def outcome(trick: Trick) -> str:
    """`found`, `held` or `missed`: what becomes of the mail."""
    views = read_views(trick.raw, read_structure(trick.raw, LIMITS), LIMITS)
    if not trick.must_hold and found(trick, views):
        return "found"
    return "held" if views.doubts or views.uninspectable or troubled(views) else "missed"


def found(trick: Trick, views: Views) -> bool:
    """Whether all that was hidden lies open."""
    if trick.octets and not any(trick.octets in payload.data for payload in views.payloads):
        return False
    if trick.file_name and not any(trick.file_name in normalise(name) for name in names(views)):
        return False
    return not trick.text or any(trick.text in text for text in texts(views))


def names(views: Views) -> Iterator[str]:
    """All names of all payloads."""
    for payload in views.payloads:
        yield from payload.names


def texts(views: Views) -> Iterator[str]:
    """Everything a scanner gets to see, in the form it is searched in."""
    for header in views.headers:
        yield normalise(header.text)
    for payload in views.payloads:
        for reading in decode_text(payload.data, payload.charset).readings:
            yield normalise(reading)
            if payload.type == "text/html":
                yield normalise(html_text(reading))


def troubled(views: Views) -> bool:
    """Whether a text could not be read by its charset, which the walk makes a finding."""
    return any(decode_text(payload.data, payload.charset).problems for payload in views.payloads if payload.text)
