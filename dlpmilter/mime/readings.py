# SPDX-License-Identifier: Apache-2.0
"""What the head of one entity could mean to one mail program or another: types, boundaries, encodings, names, texts.

Gives all readings, the usual one first, and a doubt slug where they differ. Never chooses, never
raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from dlpmilter.mime.charsets import decode_text
from dlpmilter.mime.fields import ContentField, read_content
from dlpmilter.mime.text import charset_text, decode_base64, decode_words

if TYPE_CHECKING:
    from dlpmilter.model.message import Head

MAX_BOUNDARIES = 8
MAX_TYPES = 8
MAX_NAMES = 100
MAX_NAME = 1000
MAX_VALUE = 16 * 1024

_CONTENT_FIELDS = ("content-type", "content-transfer-encoding", "content-disposition")
_SQUEEZED = {name.replace("-", ""): name for name in _CONTENT_FIELDS}
_NOT_LETTER = re.compile(r"[^a-z0-9]")
_LOOSE_WORD = re.compile(rb"=\?([^?]{0,60}?)(?:\*[^?]{0,20})?\?[ \t]*([bBqQ])[ \t]*\?([^?]*+)(?:\?=?|\Z)")
_LOOSE_PARAMETER = re.compile(
    rb"([A-Za-z][A-Za-z0-9*_-]{0,40})[\s\x00]*+=[\s\x00]*+(\"[^\"]*+\"?+|'[^']*+'?+|[^;\r\n]*+)"
)
_NAME_PARAMETER = re.compile(rb"name([*0-9]*+)[\s\x00]*+=[\s\x00]*+(\"[^\"]*+\"?+|[^;\r\n\"]*+)", re.IGNORECASE)
_FOLD = re.compile(rb"\r?\n[ \t]++")
_PLAIN_FIELD = re.compile(rb"[\t\n\r\x20-\x24\x26-\x2a\x2c-\x7d]*+")
"""ASCII without the signs that begin an escape of some kind: % + ~ and controls."""
_FOLDED_BLANKS = re.compile(rb"[\t ]{2,}")
_BLANKS = re.compile(r"\s+")
_MEDIA_TYPE = re.compile(rb"([A-Za-z0-9.+-]{1,60})\s*/\s*([A-Za-z0-9.+-]{1,80})")
_CONTROLS = bytes({*range(9), 11, 12, *range(14, 32), 127})
_PLAIN_ENCODING = re.compile(rb"\s*+(7bit|8bit|binary|base64|quoted-printable)\s*+\Z", re.IGNORECASE)
_HINTS = ((b"base64", re.compile(rb"b\W*a\W*s\W*e\W*6\W*4", re.IGNORECASE)),
          (b"quoted-printable", re.compile(rb"quoted\W*printable", re.IGNORECASE)),
          (b"x-uuencode", re.compile(rb"uue|x-uu", re.IGNORECASE)),
          (b"x-yenc", re.compile(rb"yenc", re.IGNORECASE)),
          (b"binhex", re.compile(rb"binhex|hqx", re.IGNORECASE)))  # fmt: skip
_BOUNDARY_SIGNS = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?\Z")
_ODD_BOUNDARY = re.compile(rb"[\"\\;<>]|%[0-9A-Fa-f]{2}|=\?")


@dataclass(frozen=True, slots=True)
class Meaning:
    """All readings of one head; the first of each is the usual one."""

    types: tuple[str, ...]
    boundaries: tuple[bytes, ...]
    encodings: tuple[str, ...]
    charsets: tuple[str, ...]
    names: tuple[str, ...]
    doubts: tuple[str, ...]
    troubles: tuple[str, ...] = ()


def read_meaning(head: Head, default: str) -> Meaning:
    """Read the Content-* fields of one head in every way."""
    doubts: dict[str, None] = {}
    fields = _content_fields(head, doubts)
    kinds = _kinds(fields["content-type"], default, doubts)
    dispositions = [read_content(value) for value in fields["content-disposition"]]
    encodings = _encodings(fields["content-transfer-encoding"], doubts)
    charsets = tuple(
        dict.fromkeys(value.decode("latin-1")[:40].strip().lower() for kind in kinds for value in kind.all("charset"))
    )
    if len(charsets) > 1:
        doubts["duplicate-charset"] = None
    troubles = ("content-encoding",) if "content-encoding" in head else ()
    return Meaning(
        types=tuple(dict.fromkeys(kind.value for kind in kinds)),
        boundaries=_boundaries(kinds, fields["content-type"], doubts),
        encodings=encodings,
        charsets=charsets or ("",),
        names=_names(kinds, dispositions, fields, _folded(head)),
        doubts=tuple(doubts),
        troubles=troubles,
    )


def _content_fields(head: Head, doubts: dict[str, None]) -> dict[str, list[bytes]]:
    """The values of each field, and those of names that differ only in signs some programs skip."""
    fields: dict[str, list[bytes]] = {name: list(head.all(name)) for name in _CONTENT_FIELDS}
    for name in head.places:
        if name in fields:
            continue
        meant = _SQUEEZED.get(_NOT_LETTER.sub("", name))
        if meant:
            doubts["odd-field-name"] = None
            fields[meant] += head.all(name)
    for _, start, value, _ in head.spans:
        if head.raw[value - 2 : value - 1] in (b" ", b"\t") and head.raw[start : start + 8].lower() == b"content-":
            doubts["odd-field-name"] = None
    return {name: [value[:MAX_VALUE] for value in values] for name, values in fields.items()}


def _folded(head: Head) -> list[bytes]:
    """The folded content fields with the fold and its blanks taken out; names were cut there by some programs."""
    raws = (head.raw[value:end].strip() for name, _, value, end in head.spans if name.startswith("content-"))
    return [_FOLD.sub(b"", raw[:MAX_VALUE]) for raw in raws if b"\n" in raw]


def _kinds(values: list[bytes], default: str, doubts: dict[str, None]) -> list[ContentField]:
    kinds: list[ContentField] = []
    for value in values[:MAX_TYPES]:
        readings = [read_content(value)]
        bare = value.translate(None, _CONTROLS)
        if bare != value:
            doubts["control-in-content-field"] = None
            readings.append(read_content(bare))
        if b"=?" in value:
            shown = read_content(decode_words(value).encode("utf-8", "replace"))
            if shown.value != readings[0].value or shown.all("boundary") != readings[0].all("boundary"):
                doubts["word-in-content-field"] = None  # in a name it is what many programs write
            readings.append(shown)
        if b"(" in value:
            readings.append(read_content(value.replace(b"(", b"").replace(b")", b"")))
        loose = _MEDIA_TYPE.search(bare)
        if loose and readings[0].value.count("/") != 1:
            kind = b"/".join(loose.groups()).lower().decode("latin-1")
            readings.append(ContentField(kind, readings[0].parameters))
        kinds += [reading for reading in readings if reading.value.count("/") == 1]
    first = read_content(values[0] if values else None)
    if first.value.count("/") != 1:
        kinds.insert(0, ContentField(default, first.parameters))
    if len({kind.value.partition("/")[0] if kind.value != default else default for kind in kinds}) > 1 and values:
        classes = {_class(kind.value) for kind in kinds}
        if len(classes) > 1 and first.value not in ("", "text"):
            doubts["content-type-unclear"] = None
    return kinds


def _class(kind: str) -> str:
    return "multipart" if kind.startswith("multipart/") else "message" if kind.startswith("message/") else "leaf"


def _encodings(values: list[bytes], doubts: dict[str, None]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for value in values[:MAX_TYPES]:
        plain = _PLAIN_ENCODING.match(value)
        if plain:
            found[plain[1].lower().decode("latin-1")] = None
            continue
        bare = b"".join(value.split(b";")[0].split()).lower().decode("latin-1")[:40]
        if bare or value.strip():
            doubts["odd-transfer-encoding"] = None
        squeezed = value.translate(None, _CONTROLS)
        if b"=?" in value:
            squeezed += decode_words(value).encode("utf-8", "replace")
        found |= dict.fromkeys(name.decode("latin-1") for name, hint in _HINTS if hint.search(squeezed))
        found[""] = None
    if len(found) > 1:
        doubts["odd-transfer-encoding"] = None
    return tuple(found) or ("",)


def _boundaries(kinds: list[ContentField], values: list[bytes], doubts: dict[str, None]) -> tuple[bytes, ...]:
    usual = [value for kind in kinds for value in kind.all("boundary")]
    loose = [
        found[2].strip()
        for value in values[:MAX_TYPES]
        for found in _LOOSE_PARAMETER.finditer(value)
        if found[1].lower().startswith(b"boundary")
    ]
    every: dict[bytes, None] = dict.fromkeys(value.rstrip()[:200] for value in usual if value.strip())
    if any(not value.strip() for value in usual):
        doubts["odd-boundary"] = None
    for value in usual:
        if not _BOUNDARY_SIGNS.match(value) or _ODD_BOUNDARY.search(value) or len(value) > 70 or b"(" in value[:1]:
            doubts["odd-boundary"] = None
    if any(key.startswith("boundary*") for kind in kinds for key, _ in kind.parameters):
        doubts["odd-boundary"] = None
    for value in (*usual, *loose):
        for other in _other_boundaries(value):
            if other and other not in every and len(other) <= 200:
                every[other] = None
    return tuple(every)[:MAX_BOUNDARIES]


def _other_boundaries(value: bytes) -> tuple[bytes, ...]:
    unquoted = value.strip().strip(b"\"'")
    return (
        unquoted.strip(),
        value.strip(),
        re.split(rb"[\s;(\"]", unquoted, maxsplit=1)[0],
        unquote_to_bytes(unquoted) if b"%" in unquoted else b"",
        unquoted.replace(b"\\", b""),
        decode_words(unquoted).encode("utf-8", "replace") if b"=?" in unquoted else b"",
    )


def _names(
    kinds: list[ContentField], dispositions: list[ContentField], fields: dict[str, list[bytes]], folded: list[bytes]
) -> tuple[str, ...]:
    """Every name in every spelling: RFC 2231, RFC 2047, percent forms, what a loose parser would take."""
    found: dict[str, None] = {}
    for disposition in dispositions:
        found |= dict.fromkeys(disposition.texts("filename") + disposition.texts("name"))
    for kind in kinds:
        found |= dict.fromkeys(kind.texts("name") + kind.texts("filename"))
    for value in (*fields["content-disposition"], *fields["content-type"], *folded):
        found |= dict.fromkeys(_loose_names(value))
    return tuple(dict.fromkeys(_BLANKS.sub(" ", name).strip()[:MAX_NAME] for name in found if name.strip()))[:MAX_NAMES]


def _loose_names(value: bytes) -> list[str]:
    """What somebody finds who looks for `name=` anywhere in the field."""
    found: list[str] = []
    pieces: list[bytes] = []
    for match in list(_NAME_PARAMETER.finditer(value))[:MAX_NAMES]:
        raw = match[2].strip().strip(b'"')
        if match[1]:
            pieces.append(raw)
        plain = raw.rpartition(b"'")[2] if match[1].endswith(b"*") else raw.strip(b"'")
        tight = _FOLDED_BLANKS.sub(b"", raw)
        for octets in dict.fromkeys((raw, plain, unquote_to_bytes(plain), raw.replace(b"\\", b""), tight)):
            found += [decode_words(octets), loose_words(octets), *decode_text(octets, "").others]
    if len(pieces) > 1:
        joined = b"".join(pieces)
        found += [charset_text(octets, "")[0] for octets in (joined, unquote_to_bytes(joined))]
    return [name for name in dict.fromkeys(found) if name]


def loose_words(value: bytes) -> str:
    """RFC 2047 words as careless programs read them: blanks inside, no end, unknown charset, any neighbours."""
    if b"=?" not in value:
        return charset_text(value, "")[0]

    def word(match: re.Match[bytes]) -> bytes:
        if match[2] in b"bB":
            octets = decode_base64(match[3])
        else:
            octets = unquote_to_bytes(match[3].replace(b"_", b" ").replace(b"%", b"%25").replace(b"=", b"%"))
        return charset_text(octets, match[1].decode("latin-1"))[0].encode("utf-8", "replace")

    return charset_text(_LOOSE_WORD.sub(word, value), "")[0]


def field_texts(value: bytes) -> tuple[str, ...]:
    """Every reading of one field value."""
    value = value[: 4 * MAX_VALUE]
    if _PLAIN_FIELD.fullmatch(value) and b"=?" not in value:
        return (value.decode("ascii"),)  # nine fields of ten
    texts = [decode_words(value)]
    if b"=?" in value:
        texts += [loose_words(value), loose_words(b"".join(value.split()))]
    if b"'" in value and b"%" in value:
        texts.append(charset_text(unquote_to_bytes(value), "")[0])
    texts += decode_text(value, "").others
    return tuple(dict.fromkeys(texts))
