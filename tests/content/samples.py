# SPDX-License-Identifier: Apache-2.0
"""Mails, archives and bombs made here and now, each from its specification. Never copies anybody's file."""

from __future__ import annotations

import base64
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import libarchive
import py7zr

from dlpmilter.content.formats.base import Budget
from dlpmilter.content.registry import READERS, sniff
from dlpmilter.content.walk import Payload, walk
from dlpmilter.model.content import Extract

MARKER = "Kundennummer 4711 Erika Muster"
HEAD = b"From: a@corp.example\r\nTo: k@gmx.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"


def budget(**changes: int) -> Budget:
    """What a mail may cost by default."""
    return Budget(**({"octets": 200 << 20, "text_chars": 10_000_000, "members": 10_000, "depth": 5} | changes))


def extracts(data: bytes, name: str = "", **changes: int) -> tuple[Extract, ...]:
    """What the walk finds in one payload."""
    return walk([Payload("1", data, (name,) if name else ())], budget(**changes), READERS, sniff)


def statuses(found: tuple[Extract, ...]) -> set[str]:
    """The slugs, without those that say nothing."""
    return {each.status for each in found} - {"read"}


def all_text(found: tuple[Extract, ...]) -> str:
    """Every character a scanner would see."""
    return "\n".join(f"{each.name}\n{each.text}\n{each.hidden}" for each in found)


def mail(*attachments: tuple[str, bytes], text: bytes = b"hello\r\n") -> bytes:
    """A mail with these files, each in base64 as application/octet-stream."""
    parts = [b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text]
    parts += [
        b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="' + name.encode() + b'"\r\n\r\n' + base64.encodebytes(data)
        for name, data in attachments
    ]
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\r\n".join(parts) + b"\r\n--b--\r\n"


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An honest ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    """An honest tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def seven(files: dict[str, bytes], *, password: str | None = None, headers: bool = False) -> bytes:
    """A 7z, with its members or its directory encrypted if asked."""
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password=password, header_encryption=headers) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return out.getvalue()


def by_libarchive(kind: str, files: dict[str, bytes], compression: str | None = None) -> bytes:
    """An archive of a format that libarchive can write."""
    out = bytearray()

    def take(block: Any) -> int:
        out.extend(block)
        return len(block)

    with libarchive.custom_writer(take, kind, compression) as archive:
        for name, data in files.items():
            archive.add_file_from_memory(name, len(data), data)
    return bytes(out)


def cabinet(name: bytes, data: bytes) -> bytes:
    """A cabinet with one stored file ([MS-CAB] section 2)."""
    file = struct.pack("<IIHHHH", len(data), 0, 0, 0x5A21, 0, 0x20) + name + b"\0"
    block = struct.pack("<IHH", 0, len(data), len(data)) + data
    at_file, at_data = 36 + 8, 36 + 8 + len(file)
    total = at_data + len(block)
    head = b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, total, 0, at_file, 0, 3, 1, 1, 1, 0, 0, 0)
    return head + struct.pack("<IHH", at_data, 1, 0) + file + block


def rar4(name: bytes, data: bytes, *, encrypted: bool = False) -> bytes:
    """A RAR of version 4 with one stored file (technote.txt of RAR)."""

    def block(kind: int, flags: int, rest: bytes, payload: bytes = b"") -> bytes:
        head = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
        return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head + payload

    flags = 0x8000 | (0x04 if encrypted else 0)
    rest = struct.pack("<IIBIIBBHI", len(data), len(data), 2, zlib.crc32(data), 0x5A21, 29, 0x30, len(name), 0x20)
    return (
        b"Rar!\x1a\x07\x00"
        + block(0x73, 0, b"\0" * 6)
        + block(0x74, flags, rest + name, data)
        + block(0x7B, 0x4000, b"")
    )


def rar5(name: bytes, data: bytes) -> bytes:
    """A RAR of version 5 with one stored file; every number here is below 128, so one octet."""

    def block(kind: int, flags: int, rest: bytes, payload: bytes = b"") -> bytes:
        head = bytes((kind, flags)) + (bytes([len(payload)]) if flags & 2 else b"") + rest
        head = bytes([len(head)]) + head
        return struct.pack("<I", zlib.crc32(head)) + head + payload

    size = len(data)
    file = bytes((4, size, 0)) + struct.pack("<I", zlib.crc32(data)) + bytes((0, 1, len(name))) + name
    return b"Rar!\x1a\x07\x01\x00" + block(1, 0, b"\0") + block(2, 2, file, data) + block(5, 0, b"\0")


class Zip:
    """A ZIP written header by header, so that each of them can lie."""

    def __init__(self) -> None:
        self.body = b""
        self.directory = b""
        self.count = 0

    def add(
        self, name: bytes, data: bytes, *, local_name: bytes | None = None, flags: int = 0, method: int = 0,
        size: int | None = None, at: int | None = None, packed: bytes | None = None, crc: int | None = None,
    ) -> Zip:  # fmt: skip
        """One member; `at` points at a local header that exists already."""
        packed = data if packed is None else packed
        size = len(data) if size is None else size
        crc = zlib.crc32(data) if crc is None else crc
        fields = (flags, method, 0, 0, crc, len(packed), size)
        place = len(self.body) if at is None else at
        if at is None:
            local = name if local_name is None else local_name
            self.body += struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, *fields, len(local), 0) + local + packed
        self.directory += (
            struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, *fields, len(name), 0, 0, 0, 0, 0, place) + name
        )
        self.count += 1
        return self

    def octets(self, *, before: bytes = b"", between: bytes = b"", comment: bytes = b"", behind: bytes = b"") -> bytes:
        """The whole file."""
        start = len(self.body) + len(between)
        end = struct.pack(
            "<4s4H2IH", b"PK\x05\x06", 0, 0, self.count, self.count, len(self.directory), start, len(comment)
        )
        return before + self.body + between + self.directory + end + comment + behind


def nested(levels: int, pack: Callable[[dict[str, bytes]], bytes] = zipped) -> bytes:
    """A document inside `levels` archives."""
    data = MARKER.encode()
    for level in range(levels):
        data = pack({f"{level}.zip" if level else "a.txt": data})
    return data


def deflated_zeros(size: int) -> bytes:
    """A raw deflate stream of that many zeros, made in pieces."""
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    out = bytearray()
    for _ in range(size // (1 << 20)):
        out += machine.compress(bytes(1 << 20))
    return bytes(out + machine.flush())


def overlapping(members: int = 250, size: int = 40 << 20) -> bytes:
    """Many members that share one kernel of packed zeros: a few kilobytes that claim gigabytes."""
    kernel = deflated_zeros(size)
    made = Zip().add(b"0", b"", method=8, packed=kernel, size=size, crc=0)
    for number in range(1, members):
        made.add(str(number).encode(), b"", method=8, packed=kernel, size=size, crc=0, at=0)
    return made.octets()
