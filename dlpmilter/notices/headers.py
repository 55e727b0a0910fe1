# SPDX-License-Identifier: Apache-2.0
"""The one place where header fields of our own mails are built (RFC 5322, RFC 2047).

Never lets a control character, a line break or a ready-made encoded word of a stranger through.
"""

from __future__ import annotations

import re
import unicodedata
from email.header import Header
from email.quoprimime import body_encode
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

MAX_TEXT = 200
"""Characters of a foreign text (subject, name) we repeat."""

_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_ASCII_ADDRESS = re.compile(r"[!#-'*+\-/-9=?A-Z^-~]+(?:\.[!#-'*+\-/-9=?A-Z^-~]+)*@[A-Za-z0-9.\[\]:-]+")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,70}")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """One printable line: C0, C1, bidi and zero-width characters and lone surrogates are gone, length is capped."""
    kept = "".join(" " if each.isspace() or _is_dropped(each) else each for each in text[: 4 * limit])
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _is_dropped(character: str) -> bool:
    return unicodedata.category(character) in _DROPPED


def text_field(name: str, text: str, limit: int = MAX_TEXT) -> str:
    """An unstructured field, encoded words where needed, folded, with its final CRLF."""
    safe = clean(text, limit)
    charset = "us-ascii" if safe.isascii() and "=?" not in safe else "utf-8"
    encoded = Header(safe, charset, maxlinelen=76, header_name=name).encode(linesep="\r\n")
    return _line(name, encoded)


def token_field(name: str, value: str) -> str:
    """A field of our own making in printable ASCII, not folded. Raises ValueError on anything else."""
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"{name}: only printable ASCII may stand here")
    return _line(name, value)


def address_field(name: str, address: str, display: str = "") -> str:
    """One mailbox; an address that needs SMTPUTF8 or quoting is hidden behind an empty group (RFC 5322 3.4)."""
    if not _ASCII_ADDRESS.fullmatch(address):
        return _line(name, "undisclosed-recipients:;")
    shown = re.sub(r"[^A-Za-z0-9 -]", "", clean(display, 60)).strip()
    return _line(name, f"{shown} <{address}>" if shown else address)


def date_field(now: datetime) -> str:
    """The Date field; `now` is aware."""
    return _line("Date", format_datetime(now))


def message_id(text: str) -> str | None:
    """The Message-ID when it is safe to repeat in a field of ours, else None."""
    candidate = text.strip()
    return candidate if _MESSAGE_ID.fullmatch(candidate) and candidate.count("@") == 1 else None


def quoted_printable(text: str) -> str:
    """A body of LF-ended lines as quoted-printable with CRLF (RFC 2045 6.7): needs no 8BITMIME."""
    return body_encode(text.encode("utf-8").decode("latin-1"), maxlinelen=76, eol="\r\n")


def _line(name: str, value: str) -> str:
    if not _FIELD.fullmatch(name):
        raise ValueError(f"{name!r} is not a field name")
    lines = value.split("\r\n")
    if any("\r" in each or "\n" in each for each in lines) or any(each[:1] not in {" ", "\t"} for each in lines[1:]):
        raise ValueError(f"{name}: a line break would start a new field")
    return f"{name}: {value}\r\n"
