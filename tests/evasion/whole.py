# SPDX-License-Identifier: Apache-2.0
"""Mails of another origin than the other generators', judged by all that the filter looks at: documents, detectors.

The others ask whether a secret lies open in some view of the mail. These ask what becomes of the mail: the account
number in it is found, or the mail is held because it could not be inspected.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dlpmilter.content.analysis import Analysis, Settings, analysis_of
from dlpmilter.content.examine import examine
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.content import ContentReport
from dlpmilter.model.limits import Limits

IBAN = "DE89370400440532013000"
TEXT = f"Bitte auf Konto {IBAN} ueberweisen."
SPACED = "DE89 3704 0044 0532 0130 00"
GERMAN = f"Überweisung für Müller: Konto {SPACED}, größte Eile."
LIMITS = Limits()
HEAD = (
    b"From: Anna Alt <anna@corp.example>\r\nTo: anna.alt@freemail.example\r\nSubject: Notiz\r\n"
    b"Date: Tue, 24 Nov 2026 09:00:00 +0100\r\nMessage-ID: <1@corp.example>\r\nMIME-Version: 1.0\r\n"
)
KNOWN_OPEN = frozenset({"base64-reversed", "rot13", "to-unicode", "inline-image"})
"""What is missed and said to be missed (policies/FORMATS.md, last section): ciphers, fonts, pixels."""
DETECTORS = str(Path(__file__).parents[2] / "policies" / "detectors")


@dataclass(frozen=True)
class Case:
    """One mail, and what it tries in a sentence."""

    family: str
    name: str
    says: str
    raw: bytes
    must_hold: bool = False
    """Whether it cannot be read by anybody without a key, so that only holding it is right."""


@cache
def _analysis() -> Analysis:
    return analysis_of(Settings((DETECTORS,)), LIMITS)


def report_of(raw: bytes) -> ContentReport:
    """What the confined child would say about the mail."""
    return examine(raw, LIMITS, analysis=_analysis())


def outcome(case: Case) -> str:
    """`found`, `held` or `missed`; to a private class the default policy holds for each of these reasons."""
    report = report_of(case.raw)
    if not case.must_hold and any(each.detector == "iban" for each in report.findings):
        return "found"
    doubts = (*report.doubts, *read_structure(case.raw, LIMITS).doubts)
    return "held" if report.uninspectable or doubts or report.image_only else "missed"


def body(kind: str, text: str | bytes, charset: str = "utf-8", encoding: str = "base64", *fields: str) -> bytes:
    """A mail that is one text."""
    octets = text.encode(charset) if isinstance(text, str) else text
    head = f"Content-Type: {kind}" + (f"; charset={charset}" if charset else "") + "\r\n"
    head += "".join(f"{each}\r\n" for each in fields) + f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    return (
        HEAD + head.encode() + (base64.encodebytes(octets).replace(b"\n", b"\r\n") if encoding == "base64" else octets)
    )


def plain(text: str | bytes, encoding: str = "base64") -> bytes:
    """A mail of plain text in UTF-8."""
    return body("text/plain", text, encoding=encoding)


def html(markup: str) -> bytes:
    """A mail of HTML in UTF-8."""
    return body("text/html", f"<html><head></head><body><p>Hallo Anna,</p>{markup}</body></html>")


def part(kind: str, data: bytes, *fields: str) -> bytes:
    """One part in base64."""
    head = f"Content-Type: {kind}\r\n" + "".join(f"{each}\r\n" for each in fields)
    return (
        head.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(data).replace(b"\n", b"\r\n")
    )


def multipart(*parts: bytes, kind: str = "mixed") -> bytes:
    """A mail of these parts."""
    inner = b"".join(b"--b0\r\n" + each + b"\r\n" for each in parts)
    return HEAD + f"Content-Type: multipart/{kind}; boundary=b0\r\n\r\n".encode() + inner + b"--b0--\r\n"


WORDS = (
    "Guten Tag,\r\n\r\nanbei wie besprochen die Unterlagen zum Vorgang. Bei Fragen bin ich bis Freitag im Haus.\r\n" * 3
)
LETTER = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + WORDS.encode() + b"\r\n"


def attach(name: str, data: bytes, kind: str = "application/octet-stream") -> bytes:
    """A letter with one file."""
    return multipart(LETTER, part(kind, data, f'Content-Disposition: attachment; filename="{name}"'))
