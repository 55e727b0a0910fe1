# SPDX-License-Identifier: Apache-2.0
"""Corners of HTML where a browser shows something, or a person can write, that is no text of an element.

Content that style sheets make, pages in addresses without base64, pieces in comments for one program, letters
above letters; and account numbers wherever in the markup. Linear; gives hidden text and never judges.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

from dlpmilter.detect.disguise import Crowded, accounts

_CONTENT = re.compile(r"content\s*+:\s*+(?:\"([^\"]{1,4000})\"|'([^']{1,4000})')", re.IGNORECASE)
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
_PERCENT_URI = re.compile(r"data:([\w/+.;=-]{0,100}),([^\"'\s<>]{16,200000})", re.IGNORECASE)
_SHORT_COMMENT = re.compile(r"<!--(?:\[if[^\]]{0,60}\]>)?([^<>-]{1,60})(?:<!\[endif\])?-->", re.IGNORECASE)
_ABOVE = re.compile(r"<rt\b[^<>]{0,200}>([^<>]{1,200})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_MOST = 5_000


def corners(markup: str) -> str:
    """What stands there, one a line. Raises Crowded."""
    return "\n".join(line for line in _lines(markup) if line and not line.isspace())


def _lines(markup: str) -> Iterator[str]:
    lower = markup if len(markup) > 1_000_000 else markup.lower()
    if "content" in lower:
        made = [_unescaped(found[1] or found[2]) for found in _few(_CONTENT, markup)]
        yield "".join(made)
        yield "\n".join(made)
    if "data:" in lower:
        for found in _few(_PERCENT_URI, markup):
            if "base64" not in found[1].lower():
                page = unquote(html.unescape(found[2]))
                yield _TAG.sub(" ", page)
                yield page
    if "<!--" in markup:
        yield "".join(found[1].strip() for found in _few(_SHORT_COMMENT, markup))
    if "<rt" in lower:
        yield "".join(found[1].strip() for found in _few(_ABOVE, markup))
    yield from (each.decode("ascii") for each in accounts(markup.encode("utf-8", "replace")))


def _few(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for number, found in enumerate(pattern.finditer(text)):
        if number >= _MOST:
            raise Crowded
        yield found


def _unescaped(text: str) -> str:
    """Escapes of CSS undone (CSS Syntax 4.3.7)."""
    return _CSS_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if int(found[1], 16) < 0x110000 else "", text)
