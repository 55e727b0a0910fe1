# SPDX-License-Identifier: Apache-2.0
"""Runs of letters in binary data, in one and two octets a letter: the last resort for formats nobody reads here.

Never enough to call a document read; linear and capped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpmilter.content.formats.paper import Paper

MAX_STRINGS = 4 * 1024 * 1024
"""Octets of runs kept."""
_NARROW = re.compile(rb"[\t\x20-\x7e\x80-\xff]{6,}")
_WIDE = re.compile(rb"(?:[\t\x20-\x7e\xa0-\xff]\x00){4,}")
_PLAIN = re.compile(rb"[\t\x20-\x7e]{6,}")


def binary_strings(data: bytes, *, narrow: bool = True) -> str:
    """Every run, one a line."""
    out: list[str] = []
    size = 0
    for pattern, charset in ((_WIDE, "utf-16-le"), *(((_PLAIN, "ascii"),) if narrow else ())):
        for found in pattern.finditer(data):
            text = found[0].decode(charset, "replace").strip()
            size += len(text)
            if size > MAX_STRINGS:
                return "\n".join(out)
            out.append(text)
    return "\n".join(out)


def read_unsupported(data: bytes, paper: Paper) -> None:
    """A format without a reader: its strings, and the plain word that it could not be read."""
    paper.trouble("unsupported")
    paper.hide(binary_strings(data))
