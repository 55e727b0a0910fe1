# SPDX-License-Identifier: Apache-2.0
"""Visiting cards (RFC 6350, vCard 2.1) and calendars (RFC 5545).

Lines are unfolded, quoted-printable and base64 values decoded, photos and attachments handed on as
members. Never follows an ATTACH or PHOTO that is an address.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

from dlpmilter.content.formats.decode import decode
from dlpmilter.mime.text import charset_text, decode_base64

if TYPE_CHECKING:
    from dlpmilter.content.formats.paper import Paper

MAX_LINES = 200_000
_BINARY = frozenset({"PHOTO", "LOGO", "SOUND", "KEY", "ATTACH"})
_CHARSET = re.compile(r"CHARSET=\"?([\w.:-]{1,40})", re.IGNORECASE)
_FILENAME = re.compile(r"(?:X-)?(?:FILENAME|APPLE-FILENAME)=(?:\"([^\"]{1,200})|([^\";:]{1,200}))", re.IGNORECASE)
_ESCAPES = {"\\n": "\n", "\\N": "\n", "\\,": ",", "\\;": ";", "\\\\": "\\", "\\:": ":"}
_ESCAPE = re.compile(r"\\[nN,;:\\]")
_DATA_URI = re.compile(r"^data:[^,]{0,200};base64,", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>]{1,2000}>")


def read_cards(data: bytes, paper: Paper) -> None:
    """A card file or a calendar; several cards make a table of persons."""
    text = decode(data)
    rows: list[dict[str, str]] = []
    lines = _logical_lines(text)
    if len(lines) > MAX_LINES:
        paper.trouble("too-big")
    for line in lines[:MAX_LINES]:
        head, colon, value = _split(line)
        if not colon:
            paper.show(line + "\n")
            continue
        name = head.partition(";")[0].rpartition(".")[2].upper()
        if name == "BEGIN":
            rows += [{}] * 0 if value.strip().upper() not in ("VCARD", "VEVENT") else [{}]
        shown = _value(name, head, value, paper)
        if shown and rows and name not in ("BEGIN", "END", "VERSION", "PRODID", "REV"):
            rows[-1].setdefault(name, " ".join(shown.split()))
        paper.show(f"{head}: {shown}\n")
    if len(rows) > 1:
        columns = list(dict.fromkeys(key for row in rows for key in row))
        paper.table([columns, *([row.get(key, "") for key in columns] for row in rows)])


def _logical_lines(text: str) -> list[str]:
    """Lines with their continuations: folded ones (RFC 6350 3.2), and soft breaks of quoted-printable (vCard 2.1)."""
    lines: list[list[str]] = []
    soft = False
    for line in text.splitlines():
        if lines and soft:
            lines[-1][-1] = lines[-1][-1][:-1]
            lines[-1].append(line)
        elif lines and line[:1] in (" ", "\t"):
            lines[-1].append(line[1:])
        else:
            lines.append([line])
        soft = line.endswith("=") and "QUOTED-PRINTABLE" in lines[-1][0][:500].upper()
    return ["".join(pieces) for pieces in lines]


def _split(line: str) -> tuple[str, str, str]:
    """Name with parameters, colon, value; a colon in quotes belongs to a parameter."""
    simple = line.partition(":")
    if '"' not in simple[0]:
        return simple
    quoted = False
    for place, each in enumerate(line[:2000]):
        if each == '"':
            quoted = not quoted
        elif each == ":" and not quoted:
            return line[:place], ":", line[place + 1 :]
    return simple


def _value(name: str, head: str, value: str, paper: Paper) -> str:
    upper = head.upper()
    uri = _DATA_URI.match(value)
    if uri or "ENCODING=B" in upper or ";BASE64" in upper:
        octets = decode_base64(value[uri.end() if uri else 0 :].encode("ascii", "replace"))
        if name in _BINARY:
            named = _FILENAME.search(head)
            paper.member(named[1] or named[2] if named else name.lower(), octets)
            return ""
        return decode(octets)
    if "QUOTED-PRINTABLE" in upper:
        charset = _CHARSET.search(head)
        octets = binascii.a2b_qp(value.encode("utf-8", "replace"))
        value = charset_text(octets, charset[1] if charset else "")[0]
    text = _ESCAPE.sub(lambda found: _ESCAPES[found[0]], value)
    if "ALTREP" in upper or "FMTTYPE=TEXT/HTML" in upper:
        paper.hide(_MARKUP.sub(" ", text))
    return text
