# SPDX-License-Identifier: Apache-2.0
"""Content-Type and Content-Disposition (RFC 2045 section 5.1, RFC 2183, RFC 2231), read tolerantly.

All names and all boundaries a field could mean are returned; this file never chooses one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from dlpmilter.mime.text import charset_text, decode_words

MAX_PARAMETERS = 100
MAX_VALUE = 16 * 1024

_PARAMETER = re.compile(rb';[\s;]*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"?|([^;"\s]*+))', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_COMMENT_TOKEN = re.compile(rb'["()\\]')


@dataclass(frozen=True, slots=True)
class ContentField:
    """The value before the first `;` in lower case, and every parameter in order."""

    value: str
    parameters: tuple[tuple[str, bytes], ...] = ()
    doubts: tuple[str, ...] = ()
    overflow: bool = False

    def all(self, name: str) -> list[bytes]:
        """Plain values of the parameter, then the joined RFC 2231 value if there is one."""
        plain = [value for key, value in self.parameters if key == name]
        extended = _extended(self.parameters, name)
        return plain if extended is None else [*plain, extended[0]]

    def texts(self, name: str) -> list[str]:
        """Every reading of the parameter as text: RFC 2047 words, RFC 2231 charset and percent forms."""
        found = [decode_words(value) for key, value in self.parameters if key == name]
        extended = _extended(self.parameters, name)
        if extended is not None:
            found.append(charset_text(extended[0], extended[1])[0])
        return found


def read_content(raw: bytes | None) -> ContentField:
    """Read one field value; None and nonsense give an empty value."""
    if not raw:
        return ContentField("")
    overflow = len(raw) > MAX_VALUE
    text, commented = without_comments(raw[:MAX_VALUE])
    parameters: list[tuple[str, bytes]] = []
    for match in _PARAMETER.finditer(text):
        if len(parameters) == MAX_PARAMETERS:
            overflow = True
            break
        value = match[3] if match[2] is None else _QUOTED_PAIR.sub(rb"\1", match[2])
        parameters.append((match[1].decode("latin-1").lower(), value))
    value = b"".join(text.split(b";", 1)[0].split()).decode("latin-1").lower()
    return ContentField(value, tuple(parameters), ("comment-in-content-field",) if commented else (), overflow)


def without_comments(raw: bytes) -> tuple[bytes, bool]:
    """Drop `(...)` outside quotes (RFC 822 comments, nested) in one pass."""
    if b"(" not in raw:
        return raw, False
    kept, depth, position, quoted, skip = [], 0, 0, False, -1
    for match in _COMMENT_TOKEN.finditer(raw):
        at, token = match.start(), match.group()
        if at == skip:
            continue
        if token == b"\\":
            skip = at + 1
        elif token == b'"' and depth == 0:
            quoted = not quoted
        elif token == b"(" and not quoted:
            if depth == 0:
                kept.append(raw[position:at])
            depth += 1
        elif token == b")" and depth:
            depth -= 1
            position = at + 1
    if depth == 0:
        kept.append(raw[position:])
    return b" ".join(kept), len(kept) > 1 or depth > 0


def _extended(parameters: tuple[tuple[str, bytes], ...], name: str) -> tuple[bytes, str] | None:
    """`name*`, `name*0*`, `name*1` ... joined (RFC 2231 section 3 and 4): octets and charset."""
    pieces: dict[int, tuple[bool, bytes]] = {}
    for key, value in parameters:
        base, star, rest = key.partition("*")
        if base != name or not star:
            continue
        number = rest.rstrip("*")
        if number.isascii() and (number.isdigit() or not number):
            pieces.setdefault(int(number[:4] or 0), (rest.endswith("*") or not rest, value))
    if not pieces:
        return None
    charset, joined = "", []
    for count, (_, (percent, value)) in enumerate(sorted(pieces.items())):
        if percent and count == 0 and value.count(b"'") >= 2:  # charset'language'text
            head, _, value = value.split(b"'", 2)  # noqa: PLW2901
            charset = head.decode("latin-1")
        joined.append(unquote_to_bytes(value) if percent else value)
    return b"".join(joined), charset
