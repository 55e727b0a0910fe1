# SPDX-License-Identifier: Apache-2.0
"""Embedded objects and macros in compound files, and what every OLE document shares: whether it is encrypted.

Source text of macros is unpacked ([MS-OVBA] 2.4.1), never run; objects are handed on as members.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import msoffcrypto
import msoffcrypto.format.doc97
import msoffcrypto.format.ooxml
import msoffcrypto.format.ppt97
import msoffcrypto.format.xls97  # it imports these only when asked, which a confined child cannot

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.cfb import CompoundFile, Entry
from dlpmilter.content.formats.oleprops import read_ole_properties
from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.strings import binary_strings

if TYPE_CHECKING:
    from dlpmilter.content.formats.paper import Paper

MAX_STREAMS = 5_000
MAX_MACRO = 5 * 1024 * 1024
_DULL = frozenset(
    "\x01compobj \x01ole \x03objinfo \x03epril \x03print \x03linkinfo \x02olepres000 \x01olepres000".split()
)
_MACRO_MARK = b"\x00Attribut"


def stop_when_encrypted(data: bytes) -> None:
    """Raise Stopped("encrypted") for a document that needs a password or a rights server."""
    file = CompoundFile(data)
    names = file.root.children
    if "encryptedpackage" in names or "encryptioninfo" in names or "\tdrmcontent" in names:
        raise Stopped("encrypted")
    if "encryptedsummary" in names or "\x06dataspaces" in names:
        raise Stopped("encrypted")
    try:
        sealed = msoffcrypto.OfficeFile(io.BytesIO(data)).is_encrypted()
    except Exception:  # noqa: BLE001 - it knows four applications and raises anything for the others
        return
    if sealed:
        raise Stopped("encrypted")


def read_ole(data: bytes, paper: Paper) -> None:
    """A compound file of no known application: embedded objects, macros, strings."""
    stop_when_encrypted(data)
    file = CompoundFile(data)
    read_ole_properties(file, paper)
    known = hand_on_objects(file, file.root, paper)
    if not known and file.root.children and "vba" not in file.root.children:
        paper.trouble("unsupported-legacy")
    read_macros(file, paper)


def hand_on_objects(file: CompoundFile, storage: Entry, paper: Paper, *, strings: bool = True) -> bool:
    """Every stream below a storage that is a file of its own becomes a member; whether one did."""
    found = False
    waiting = [storage]
    count = 0
    while waiting:
        entry = waiting.pop()
        for name, child in entry.children.items():
            count += 1
            if count > MAX_STREAMS:
                paper.trouble("too-many-members")
                return found
            if child.is_storage:
                waiting.append(child)
            elif name == "\x01ole10native":
                found = True
                title, native = native_object(file.stream(child))
                paper.member(title or "object", native)
            elif name not in _DULL and not name.startswith("\x05"):
                found = _stream(file, child, paper, strings=strings) or found
    return found


def _stream(file: CompoundFile, entry: Entry, paper: Paper, *, strings: bool) -> bool:
    data = file.stream(entry)
    kind = sniff(data)
    if kind in (t.UNKNOWN, t.EMPTY) or (kind.startswith("text/") and len(data) < 2000):
        if strings:
            paper.hide(binary_strings(data))
        return False
    paper.budget.spend_octets(len(data))
    paper.member(entry.name, data)
    return True


def native_object(data: bytes) -> tuple[str, bytes]:
    """Name and octets of a packaged file ([MS-OLEDS] 2.3.6 and the Packager's own layout)."""
    size = int.from_bytes(data[:4], "little")
    whole = data[4 : 4 + size] if 0 < size <= len(data) - 4 else data
    try:
        label_end = data.index(b"\0", 6)
        path_end = data.index(b"\0", label_end + 1)
        place = path_end + 1 + 4
        (length,) = struct.unpack_from("<I", data, place)
        place += 4 + length
        (count,) = struct.unpack_from("<I", data, place)
    except (struct.error, ValueError):
        return "", whole
    body = data[place + 4 : place + 4 + count]
    if count and len(body) == count:
        return data[6:label_end].decode("cp1252", "replace"), body
    return "", whole


def read_macros(file: CompoundFile, paper: Paper) -> None:
    """The source text of every macro module as hidden text."""
    waiting = [file.root]
    while waiting:
        entry = waiting.pop()
        for child in entry.children.values():
            if child.is_storage:
                waiting.append(child)
                continue
            if not 32 < child.size < MAX_MACRO:
                continue
            data = file.stream(child)
            mark = data.find(_MACRO_MARK)
            if mark >= 3:
                paper.hide(decompress(data[mark - 3 :]).decode("cp1252", "replace"))


def decompress(data: bytes) -> bytes:
    """[MS-OVBA] 2.4.1.3: chunks of literal octets and copies; stops at what is broken."""
    if not data or data[0] != 1:
        return b""
    out = bytearray()
    place = 1
    while place + 2 <= len(data) and len(out) < MAX_MACRO:
        (header,) = struct.unpack_from("<H", data, place)
        end = min(len(data), place + (header & 0x0FFF) + 3)
        start = len(out)
        place += 2
        if not header & 0x8000:
            out += data[place:end]
            place = end
            continue
        while place < end:
            flags = data[place]
            place += 1
            for bit in range(8):
                if place >= end:
                    break
                if not flags >> bit & 1:
                    out.append(data[place])
                    place += 1
                    continue
                if place + 2 > end or len(out) == start:
                    return bytes(out)
                (token,) = struct.unpack_from("<H", data, place)
                place += 2
                bits = max(4, (len(out) - start - 1).bit_length())
                offset, length = (token >> (16 - bits)) + 1, (token & (0xFFFF >> bits)) + 3
                if offset > len(out) - start:
                    return bytes(out)
                for _ in range(length):
                    out.append(out[-offset])
    return bytes(out)
