# SPDX-License-Identifier: Apache-2.0
"""What our own verifier wrote about DMARC (Authentication-Results, RFC 8601). Never believes another's field.

Anybody may write such a field into his mail. Only the topmost one with exactly our verifier's name counts; one
that stands below it, has another name or none (Exchange leaves it out) says nothing, whatever it says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from dlpmilter.mime.fields import without_comments

if TYPE_CHECKING:
    from dlpmilter.model.message import Head

MAX_VALUE = 16 * 1024
MAX_FIELDS = 50
# Parts are parted by semicolons outside quotes; possessive, so that no input makes it step back.
_PART = re.compile(rb'(?:[^;"]++|"(?:[^"\\]|\\.)*+"?)++', re.DOTALL)
_NAME = re.compile(rb'\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s=";]++))\s*+(?:\d++\s*+)?\Z', re.DOTALL)
_DMARC = re.compile(rb"\s*+dmarc(?:\s*+/\s*+\d++)?\s*+=\s*+([a-z]++)(?=\s|\Z)", re.IGNORECASE)
# A value in quotes is taken whole: a reason may quote anything the author of the mail chose.
_PROPERTY = re.compile(rb'([^\s=";]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s";]*+))', re.DOTALL)


class Dmarc(NamedTuple):
    """The result in lower case (`pass`, `fail`, `none` ...), and the domain it is about where it is named."""

    result: str
    domain: str = ""


NO_RESULT = Dmarc("")
"""Our verifier said nothing."""


def dmarc_of(head: Head, authserv_id: str) -> Dmarc:
    """What the verifier of that name found; of several results the worst. Never raises."""
    wanted = authserv_id.strip().lower().encode("utf-8")
    for value in head.all("authentication-results")[:MAX_FIELDS] if wanted else ():
        if len(value) > MAX_VALUE:
            continue
        plain, _ = without_comments(value)
        name, *parts = _PART.findall(plain) or [b""]
        if _verifier(name) == wanted:
            return _worst([found for part in parts if (found := _result(part))])
    return NO_RESULT


def _verifier(part: bytes) -> bytes:
    """The authserv-id in lower case; b"" where the field begins with a result, as Exchange writes it."""
    match = _NAME.match(part)
    return b"" if match is None else (match[1] if match[1] is not None else match[2]).lower()


def _result(part: bytes) -> Dmarc | None:
    match = _DMARC.match(part)
    if match is None:
        return None
    values = (each[2] or each[3] for each in _PROPERTY.finditer(part) if each[1].lower() == b"header.from")
    domain = next(values, None) or b""
    return Dmarc(match[1].decode("ascii").lower(), domain.decode("utf-8", "replace").strip().rstrip(".").lower())


def _worst(results: list[Dmarc]) -> Dmarc:
    """The one that promises least: a failure, then whatever is no pass."""
    order = sorted(results, key=lambda each: (each.result != "fail", each.result == "pass"))
    return order[0] if order else NO_RESULT
