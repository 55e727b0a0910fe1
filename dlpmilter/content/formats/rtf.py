# SPDX-License-Identifier: Apache-2.0
"""Rich text (RTF 1.9) in one linear pass: text, hidden text, pictures and embedded objects.

A group that programs skip goes to the hidden text, not away. Groups are counted, not nested in Python,
so 100,000 braces cost nothing. Never runs or opens an object.
"""

from __future__ import annotations

import binascii
import codecs
import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpmilter.content.formats.paper import Paper

MAX_GROUPS = 10_000
_FORGOTTEN = 2
"""Braces that programs forget to close and others do not miss."""
MAX_OBJECT = 50 * 1024 * 1024
_TOKEN = re.compile(
    rb"\\bin(\d{1,9}) ?|\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([\r\n]+)|([^\\{}\r\n]+)",
    re.DOTALL,
)
_SKIPPED = frozenset("fonttbl colortbl stylesheet listtable listoverridetable rsidtbl generator xmlnstbl themedata "
                     "colorschememapping latentstyles datastore pgptbl filetbl revtbl mmathPr blipuid panose fontemb "
                     "falt defchp defpap picprop wgrffmtfilter".split())  # fmt: skip
_ASIDE = frozenset("info title subject author manager company operator category keywords comment doccomm hlinkbase "
                   "annotation atnid atnauthor atnref atndate fldinst docvar userprops propname staticval bkmkstart "
                   "bkmkend template htmltag mhtmltag sp sn sv pntxtb pntxta xe tc formfield ffname ffdeftext "
                   "ffhelptext ffstattext ffl background private revisions objname objclass linkval".split())  # fmt: skip
_SHOWN = frozenset("header headerl headerr headerf footer footerl footerr footerf footnote shptxt fldrslt result "
                   "shpinst shp nonshppict shppict listtext pntext ud upr".split())  # fmt: skip
_BREAKS = {"par": "\n", "line": "\n", "tab": "\t", "cell": "\t", "nestcell": "\t", "row": "\n", "nestrow": "\n",
           "sect": "\n", "page": "\n", "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’",
           "ldblquote": "“", "rdblquote": "”", "emspace": " ", "enspace": " ", "qmspace": " "}  # fmt: skip
_CHARSETS = {0: "cp1252", 128: "cp932", 129: "cp949", 134: "cp936", 136: "cp950", 161: "cp1253", 162: "cp1254",
             163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
             77: "mac-roman"}  # fmt: skip
_PAGES = {number: f"cp{number}" for number in (437, 708, 850, 852, 860, 862, 863, 864, 865, 866, 874, 932, 936, 949, 950,
                                              *range(1250, 1259))} | {65001: "utf-8"}  # fmt: skip
_NOT_HEX = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))


_HANDLED = frozenset(
    word.encode("ascii")
    for word in (*_BREAKS, *_SKIPPED, *_ASIDE, *_SHOWN,
                 *"u v deleted plain uc ansicpg mac pc pca f fcharset objdata pict trowd".split())
)  # fmt: skip


class _Group:
    """What braces restore."""

    __slots__ = ("hidden", "page", "place", "skip")

    def __init__(self, place: str, page: str, skip: int, *, hidden: bool) -> None:
        self.place, self.hidden, self.page, self.skip = place, hidden, page, skip

    def copy(self) -> _Group:
        return _Group(self.place, self.page, self.skip, hidden=self.hidden)


def read_rtf(data: bytes, paper: Paper) -> None:
    """Read a rich text."""
    _Rtf(paper).read(data)


class _Rtf:
    """One pass over the tokens."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.group = _Group("text", "cp1252", 1, hidden=False)
        self.stack: list[_Group] = []
        self.text: list[str] = []
        self.aside: list[str] = []
        self.bytes = bytearray()
        self.object = bytearray()
        self.fonts: dict[int, str] = {}
        self.font = 0
        self.to_skip = 0
        self.star = False
        self.row: list[str] = []
        self.rows: list[list[str]] = []
        self.cell_start = 0
        self.count = 0

    def read(self, data: bytes) -> None:
        """Read all tokens."""
        position, size = 0, len(data)
        try:
            while position < size:
                token = _TOKEN.match(data, position)
                if token is None:
                    position += 1
                    continue
                position = token.end()
                if token[1] is not None:
                    end = min(size, position + int(token[1]))
                    self._binary(data[position:end])
                    position = end
                else:
                    self._token(token)
        finally:
            self._flush()
            self._close_object()
            self.paper.show(_paired("".join(self.text)))
            self.paper.hide(_paired("".join(self.aside)))
            self.paper.table(self.rows)
        if len(self.stack) > _FORGOTTEN:
            self.paper.trouble("truncated")

    def _token(self, token: re.Match[bytes]) -> None:
        if token[8] is not None:
            self._octets(token[8])
        elif token[4] is not None:
            if self.to_skip:
                self.to_skip -= 1
            elif self.group.place in ("object", "picture"):
                self.object += token[4]
            else:
                self.bytes.append(int(token[4], 16))
        elif token[2] is not None:
            if token[2] not in _HANDLED and not self.star:
                self.to_skip = 0  # a word of looks
                return
            self._word(token[2].decode("ascii"), int(token[3]) if token[3] is not None else None)
        elif token[5] is not None:
            self._symbol(token[5])
        elif token[6] == b"{":
            self._open()
        elif token[6] == b"}":
            self._close()

    def _open(self) -> None:
        self._flush()
        self.star = False
        self.count += 1
        if len(self.stack) < MAX_GROUPS:
            self.stack.append(self.group.copy())
        else:
            self.paper.trouble("too-deep")

    def _close(self) -> None:
        self._flush()
        was = self.group.place
        if self.stack:
            self.group = self.stack.pop()
        if was in ("object", "picture") and self.group.place != was:
            self._close_object(was)
        if was == "aside" and self.group.place != was:
            self.aside.append("\n")

    def _octets(self, octets: bytes) -> None:
        if self.to_skip:
            cut = min(self.to_skip, len(octets))
            self.to_skip -= cut
            octets = octets[cut:]
        if self.group.place in ("object", "picture"):
            if len(self.object) < 2 * MAX_OBJECT:
                self.object += octets
        elif self.group.place != "skipped":
            self.bytes += octets

    def _binary(self, octets: bytes) -> None:
        if self.group.place in ("object", "picture"):
            self._flush()
            self.paper.member(self.group.place, octets)
        else:
            self.paper.hide(octets.decode("latin-1"))

    def _symbol(self, octets: bytes) -> None:
        self.to_skip = max(0, self.to_skip - 1) if self.to_skip else 0
        if octets == b"*":
            self.star = True
        elif octets in (b"\\", b"{", b"}"):
            self.bytes += octets
        elif octets in (b"\r", b"\n"):
            self._say("\n")
        elif octets == b"~":
            self._say(" ")
        elif octets == b"_":
            self._say("-")
        elif octets == b"'":
            self._say("'")

    def _word(self, word: str, number: int | None) -> None:  # noqa: C901, PLR0912 - the table of RTF's words
        if word == "u" and number is not None:
            self._flush()
            self._say(chr(number & 0xFFFF))
            self.to_skip = self.group.skip
            return
        self.to_skip = 0
        self._flush()
        if word in _BREAKS:
            self._break(word)
        elif word == "trowd":
            self.cell_start = self.cell_start if self.row else len(self.text)
        elif word == "objdata":
            self.group.place = "object"
        elif word == "pict":
            self.group.place = "picture"
        elif word in _SKIPPED:
            self.group.place = "font" if word == "fonttbl" else "skipped"
        elif word in _ASIDE:
            self.group.place = "aside"
        elif word in _SHOWN:
            if self.group.place in ("text", "unknown"):
                self.group.place = "text"
        elif self.star:
            if self.group.place == "text":
                self.group.place = "unknown"
        elif word in {"v", "deleted"}:
            self.group.hidden = number != 0
        elif word == "plain":
            self.group.hidden = False
        elif word == "uc" and number is not None:
            self.group.skip = max(0, min(number, 10))
        elif word == "ansicpg" and number is not None:
            self.group.page = _PAGES.get(number, self.group.page)
        elif word in ("mac", "pc", "pca"):
            self.group.page = {"mac": "mac-roman", "pc": "cp437", "pca": "cp850"}[word]
        elif word == "f" and number is not None:
            self.font = number
            if self.group.place != "font":
                self.group.page = self.fonts.get(number, self.group.page)
        elif word == "fcharset" and number is not None and self.group.place == "font":
            self.fonts[self.font] = _CHARSETS.get(number, "cp1252")
        self.star = False

    def _break(self, word: str) -> None:
        if word in ("cell", "nestcell") and self.group.place == "text":
            self.row.append(" ".join("".join(self.text[self.cell_start :]).split()))
        self._say(_BREAKS[word])
        if word in ("row", "nestrow") and self.row:
            self.rows.append(self.row)
            self.row = []
        if word in ("cell", "nestcell", "row", "nestrow", "par") and not (word == "par" and self.row):
            self.cell_start = len(self.text)

    def _say(self, text: str) -> None:
        self._flush()
        if self.group.place == "text" and not self.group.hidden:
            self.text.append(text)
        elif self.group.place in ("text", "aside", "unknown"):
            self.aside.append(text)

    def _flush(self) -> None:
        if not self.bytes:
            return
        octets, self.bytes = bytes(self.bytes), bytearray()
        if self.group.place not in ("font", "skipped", "object", "picture"):
            self._say(octets.decode(codecs.lookup(self.group.page).name, "replace"))

    def _close_object(self, kind: str = "object") -> None:
        digits = bytes(self.object).translate(None, _NOT_HEX)
        self.object.clear()
        if len(digits) < 32:
            return
        octets = binascii.a2b_hex(digits[: len(digits) // 2 * 2])
        self.paper.budget.spend_octets(len(octets))
        self.paper.member(kind, ole_payload(octets) if kind == "object" else octets)


def _paired(text: str) -> str:
    """Halves of a character beyond U+FFFF joined, single halves replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def ole_payload(octets: bytes) -> bytes:
    """The native data of an OLE 1 object ([MS-OLEDS] 2.2.5), the octets themselves when it is none."""
    try:
        place = 8
        for _ in range(3):
            (size,) = struct.unpack_from("<I", octets, place)
            place += 4 + size
        (size,) = struct.unpack_from("<I", octets, place)
    except struct.error:
        return octets
    native = octets[place + 4 : place + 4 + size]
    return native if len(native) == size and size else octets
