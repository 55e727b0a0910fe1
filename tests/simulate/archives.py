# SPDX-License-Identifier: Apache-2.0
"""Small archives for tests: our own invented mails, none of anybody's. Never reads a corpus."""

from __future__ import annotations

import zipfile
from pathlib import Path

WEEKS = ("Mon, 05 Jan 2026 10:00:00 +0100", "Wed, 14 Jan 2026 10:00:00 +0100")


def mail(
    number: int, recipient: str, *, subject: str = "Offer", body: str = "Good morning.\n", extra: str = ""
) -> bytes:
    """One mail of ours."""
    return (
        f"From: Anna Berger <anna.berger@corp.example>\nTo: {recipient}\nSubject: {subject} {number}\n"
        f"Date: {WEEKS[number % 2]}\nMessage-ID: <{number}@corp.example>\nMIME-Version: 1.0\n{extra}"
        f"Content-Type: text/plain; charset=utf-8\n\n{body}"
    ).encode()


def forward(number: int, recipient: str) -> bytes:
    """A forward as Outlook writes it in German."""
    body = (
        "zur Info\n\n-----Ursprüngliche Nachricht-----\nVon: Kunde <einkauf@kunde.example>\n"
        "Gesendet: Montag, 5. Januar 2026 09:00\nAn: Anna Berger <anna.berger@corp.example>\nBetreff: Angebot\n\n"
        "Bitte um Angebot.\n"
    )
    return mail(number, recipient, subject="WG: Angebot", body=body)


def mixed(count: int) -> list[bytes]:
    """Of ten mails: one forward to the own box, one to another freemail box, two plain ones there, six business."""
    return [_kind(number) for number in range(count)]


def _kind(number: int) -> bytes:
    match number % 10:
        case 3:
            return forward(number, "anna.berger@gmx.de")
        case 7:
            return forward(number, "kundin@web.de")
        case 1 | 5:
            return mail(number, "kundin@gmx.de")
    return mail(number, f"verkauf{number}@kunde.example")


def write_mbox(path: Path, mails: list[bytes], newline: bytes = b"\n") -> Path:
    """An mboxrd file."""
    with path.open("wb") as file:
        for each in mails:
            body = each.replace(b"\nFrom ", b"\n>From ")
            text = b"From anna.berger@corp.example Mon Jan 05 10:00:00 2026\n" + body + b"\n"
            file.write(text.replace(b"\n", newline))
    return path


def write_maildir(path: Path, mails: list[bytes]) -> Path:
    """A Maildir with mails in cur and new, one unfinished in tmp."""
    for name in ("cur", "new", "tmp"):
        (path / name).mkdir(parents=True)
    for number, each in enumerate(mails):
        (path / ("cur" if number % 2 else "new") / f"{number:05}.host:2,S").write_bytes(each)
    (path / "tmp" / "unfinished").write_bytes(b"From: x@y.example\n\nhalf")
    return path


def write_zip(path: Path, mails: list[bytes]) -> Path:
    """A zip with a folder of .eml files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, each in enumerate(mails):
            archive.writestr(f"mails/{number:05}.eml", each)
    return path
