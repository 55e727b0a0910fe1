# SPDX-License-Identifier: Apache-2.0
"""Mails made to hurt whoever opens them, each from a recipe. Never bigger than needed when they are made."""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable
from io import BytesIO

from tests.content.samples import HEAD, Zip, deflated_zeros, mail, nested, overlapping, zipped

MIB = 1 << 20


def _zeros(size: int) -> bytes:
    return Zip().add(b"zeros.txt", b"", method=8, packed=deflated_zeros(size), size=size, crc=0).octets()


def _many_layers(width: int, levels: int) -> bytes:
    """Every archive holds `width` archives: their number explodes, each of them is small."""
    data = b"x" * 1000
    for _ in range(levels):
        data = zipped({str(number): data for number in range(width)})
    return data


def _parts(count: int) -> bytes:
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * count + b"--b--\r\n"


def _addresses(count: int) -> bytes:
    return (
        b"From: a@corp.example\r\nTo: " + b",\r\n ".join(b"p%d@k.example" % n for n in range(count)) + b"\r\n\r\nx\r\n"
    )


def _nestings(count: int, *, mails: bool) -> bytes:
    if mails:
        return (HEAD + b"Content-Type: message/rfc822\r\n\r\n") * count + b"Subject: x\r\n\r\nx\r\n"
    levels = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(count))
    return HEAD + levels + b"\r\nx\r\n"


def _sparse() -> bytes:
    """A tar of 12,000 empty files with long names: two headers each."""
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for number in range(12_000):
            archive.addfile(tarfile.TarInfo(f"{number:0200d}"))
    return out.getvalue()


def _xml_entities() -> bytes:
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 30))
    document = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "lol">{levels}]><w:document>&a29;</w:document>'
    return zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": document.encode()})


def _html(size: int) -> bytes:
    return HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + b"<div>" * (size // 5)


def _many_of(data: bytes, count: int) -> bytes:
    """Many honest members; they are packed once."""
    machine = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = machine.compress(data) + machine.flush()
    made = Zip()
    for number in range(count):
        made.add(str(number).encode(), data, method=8, packed=packed)
    return made.octets()


def _noise(size: int) -> bytes:
    """Packs about ten to one: under the ratio, over the total."""
    return b"".join(b"%012d" % (n * 7919 % 100_000) * 10 for n in range(size // 120))


BOMBS: dict[str, Callable[[], bytes]] = {
    "ratio, 120 MB in a ZIP": lambda: mail(("a.zip", _zeros(120 * MIB))),
    "ratio, 40 MB as gzip": lambda: mail(("a.gz", gzip.compress(bytes(40 * MIB)))),
    "ratio, 40 MB as bzip2": lambda: mail(("a.bz2", bz2.compress(bytes(40 * MIB), 1))),
    "ratio, 40 MB as xz": lambda: mail(("a.xz", lzma.compress(bytes(40 * MIB), preset=0))),
    "total, 250 times 1 MB": lambda: mail(("a.zip", _many_of(_noise(MIB), 250))),
    "overlap, 10 GB in 50 KB": lambda: mail(("a.zip", overlapping(250, 40 * MIB))),
    "100 levels": lambda: mail(("a.zip", nested(100))),
    "16 archives in each, 5 levels": lambda: mail(("a.zip", _many_layers(16, 5))),
    "12,000 files in a tar": lambda: mail(("a.tar.gz", gzip.compress(_sparse()))),
    "30,000 files in a ZIP": lambda: mail(("a.zip", zipped({str(n): b"" for n in range(30_000)}))),
    "XML entities": lambda: mail(("a.docx", _xml_entities())),
    "200,000 parts": lambda: _parts(200_000),
    "20,000 addresses": lambda: _addresses(20_000),
    "3,000 multiparts in each other": lambda: _nestings(3_000, mails=False),
    "3,000 mails in each other": lambda: _nestings(3_000, mails=True),
    "100 MB of <div>": lambda: _html(100_000_000),
    "48 MB of <div>, attached": lambda: mail(("a.html", b"<html>" + b"<div>" * (9 * MIB))),
    "30 mails in base64 in each other": lambda: _wrapped(30),
}  # fmt: skip


def _wrapped(levels: int) -> bytes:
    data = HEAD + b"\r\nx\r\n"
    for _ in range(levels):
        data = (
            HEAD
            + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(data)
        )
        if len(data) > 8 * MIB:
            break
    return data
