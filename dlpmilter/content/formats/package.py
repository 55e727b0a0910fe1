# SPDX-License-Identifier: Apache-2.0
"""The ZIP around OOXML, ODF and EPUB: parts by name, real octets counted, salvage when the directory is lost.

Never writes a file, never believes a promised size, never opens a part twice the same way: names are
compared without case, as Office does.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.paper import Paper, attempt, inflate
from dlpmilter.content.formats.xml import MAX_XML, comments

_NUMBERED = 10
"""Digits in the name of a part from which it is more than a count."""
MAX_PARTS = 10_000
MAX_MEMBER = 50 * 1024 * 1024
_NOTHING = 48
"""Octets besides 00 and FF of a part with nothing in it, such as the blanks that Word leaves in a saved ZIP."""
_LOCAL = re.compile(rb"PK\x03\x04")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s([^>]*)>")
PartFill = Callable[[bytes, Paper, str], None]
_ATTRIBUTE = re.compile(rb"([A-Za-z]+)\s*=\s*[\"']([^\"']*)[\"']")


class Package:
    """The parts of one container. Raises Stopped when it has none or all are encrypted."""

    def __init__(self, data: bytes, paper: Paper) -> None:
        self._paper = paper
        self._data = data
        self._infos: dict[str, zipfile.ZipInfo] = {}
        self._salvaged: dict[str, bytes] = {}
        self.names: dict[str, str] = {}
        """Names in lower case -> as spelled."""
        self.left: dict[str, None] = {}
        """Parts that no reader has taken yet, in the order of the directory."""
        self._open(data)
        self.left = dict.fromkeys(self.names)

    def _open(self, data: bytes) -> None:
        try:
            self._zip: zipfile.ZipFile | None = zipfile.ZipFile(io.BytesIO(data))
            infos = self._zip.infolist()
        except Exception:  # noqa: BLE001 - zipfile raises struct.error, KeyError and more for broken directories
            self._zip, infos = None, []
        if len(infos) > MAX_PARTS:
            raise Stopped("too-many-members")
        for info in infos:
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                raise Stopped("encrypted")
            name = info.filename.replace("\\", "/").lstrip("/")
            if name.lower() in self._infos:
                self._paper.trouble("ambiguous")  # two parts of one name: programs open different ones
                name = f"{name}#{len(self._infos)}"
            self._infos[name.lower()] = info
            self.names[name.lower()] = name
        if not self._infos:
            self._salvage(data)
        self._paper.hide("\n".join(name for name in self.names.values() if sum(map(str.isdigit, name)) >= _NUMBERED))
        first = min((info.header_offset for info in infos), default=0)
        if data[:first].strip(b"\0"):
            self._paper.member("in-front", data[:first])

    def _salvage(self, data: bytes) -> None:
        """Parts by their local headers (APPNOTE 4.3.7); what the directory would have said is lost."""
        self._paper.trouble("corrupt")
        for match in _LOCAL.finditer(data):
            header = data[match.start() : match.start() + 30]
            if len(header) < 30 or len(self._salvaged) >= MAX_PARTS:
                break
            _, _, flags, method, _, _, _, packed, _, name_size, extra = struct.unpack("<4sHHHHHIIIHH", header)
            start = match.end() + 26
            name = data[start : start + name_size].decode("utf-8", "replace").replace("\\", "/")
            body = data[start + name_size + extra :][: packed if packed and not flags & 8 else MAX_MEMBER]
            if flags & 1:
                self._paper.trouble("encrypted")
            elif method == 8:
                self._salvaged[name.lower()] = inflate(body, self._paper.budget, -zlib.MAX_WBITS, MAX_MEMBER)[0]
            elif method == 0 and packed:
                self._salvaged[name.lower()] = body
            self.names[name.lower()] = name
        if not self._salvaged:
            raise Stopped("corrupt")

    def read(self, name: str, limit: int = MAX_XML) -> bytes:
        """The octets of a part, b"" without one; a part that is too big or broken is named and cut."""
        key = name.lower().lstrip("/")
        self.left.pop(key, None)
        if key in self._salvaged:
            return self._salvaged[key][:limit]
        info = self._infos.get(key)
        if info is None or self._zip is None:
            return b""
        out = bytearray()
        try:
            with self._zip.open(info) as file:
                while len(out) <= limit and (block := file.read(256 * 1024)):
                    self._paper.budget.spend_octets(len(block))
                    out += block
        except Stopped:
            raise
        except Exception:  # noqa: BLE001 - a broken member raises anything; what came before is kept
            self._paper.trouble("corrupt")
        if len(out) > limit:
            self._paper.trouble("too-big")
            del out[limit:]
        return bytes(out)

    @property
    def methods(self) -> set[int]:
        """How the parts are compressed; a password of iWork shows in odd numbers here."""
        return {info.compress_type for info in self._infos.values()}

    def size(self, name: str) -> int:
        """The promised octets of a part."""
        info = self._infos.get(name.lower())
        return info.file_size if info else len(self._salvaged.get(name.lower(), b""))

    def matching(self, pattern: str) -> Iterator[str]:
        """Names (lower case) of the parts not taken yet that match, numbers in their order."""
        compiled = re.compile(pattern)
        yield from sorted((name for name in self.left if compiled.fullmatch(name)), key=_natural)

    def relations(self, part: str) -> list[tuple[str, str, str, str]]:
        """(id, kind, target, mode) of a part's relations; targets as full names in lower case when internal."""
        folder, _, base = part.lower().rpartition("/")
        prefix = f"{folder}/" if folder else ""
        data = self.read(f"{prefix}_rels/{base}.rels", limit=1024 * 1024)
        found = []
        for element in _RELATION.finditer(data):
            fields = {key.lower(): value.decode("utf-8", "replace") for key, value in _ATTRIBUTE.findall(element[1])}
            target, mode = fields.get(b"target", ""), fields.get(b"targetmode", "").lower()
            if mode != "external":
                target = _joined(prefix, target.lower())
            found.append((fields.get(b"id", ""), fields.get(b"type", "").rpartition("/")[2].lower(), target, mode))
        return found

    def hand_on_rest(self) -> None:
        """Every part that no reader took becomes a member."""
        for name in tuple(self.left):
            data = self.read(name, limit=MAX_MEMBER)
            blank = data.startswith(b"\xff\xff\xff\xff\0") and len(data.translate(None, b"\0\xff")) <= _NOTHING
            if data and not blank:
                self._paper.member(self.names[name], data)

    def step(self, name: str, fill: PartFill) -> None:
        """Read one part; its trouble does not stop the others, but an empty budget does."""
        data = self.read(name)
        if not data.strip():
            return  # OpenOffice keeps empty parts
        if name.endswith(("document.xml", "content.xml")) or "/sheet" in name or "/slide" in name:
            self._paper.hide(comments(data))
        attempt(lambda octets, paper: fill(octets, paper, name), data, self._paper)
        if self._paper.budget.octets < 0 or self._paper.budget.text_chars < 0:
            raise Stopped(self._paper.status)


def _joined(prefix: str, target: str) -> str:
    if target.startswith("/"):
        return target.lstrip("/")
    parts: list[str] = []
    for each in f"{prefix}{target}".split("/"):
        if each == "..":
            del parts[-1:]
        elif each not in (".", ""):
            parts.append(each)
    return "/".join(parts)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(each), "") if each.isdecimal() else (-1, each) for each in re.split(r"(\d{1,9})", name)]
