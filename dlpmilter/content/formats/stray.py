# SPDX-License-Identifier: Apache-2.0
"""Words in angle brackets that are no markup: an address, a number, a sentence that a plain-text reader sees.

A browser drops them, so they go to the hidden text as they stand. Linear; never judges a known tag.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"<([^\s<>/!?][^\s<>/]*+)([^<>]*+)>")
_USUAL_NAME = re.compile(r"[A-Za-z]{1,20}[1-6]?|[A-Za-z]{1,12}[:-][A-Za-z-]{1,20}")
_TOKEN = re.compile(r"\s++|=\s*+(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]*+)|[^\s=]++")
_ALONE = frozenset("async autofocus autoplay checked compact controls defer disabled hidden inert ismap itemscope loop "
                   "moz-do-not-send multiple muted nohref noresize noshade novalidate nowrap open readonly "
                   "required reversed selected /".split())  # fmt: skip


def stray_words(markup: str) -> str:
    """Every tag with an unusual name or with words that are no attributes, one a line."""
    return "\n".join(dict.fromkeys(found[0] for found in _TAG.finditer(markup) if _is_stray(found[1], found[2])))


def _is_stray(name: str, rest: str) -> bool:
    if not _USUAL_NAME.fullmatch(name):
        return True
    if not rest.strip(" /"):
        return False
    word = ""
    for token in _TOKEN.findall(rest):
        if token[0] == "=":
            word = ""
        elif not token.isspace():
            if word and word.lower() not in _ALONE:
                return True
            word = token.rstrip("/")
    return bool(word) and word.lower() not in _ALONE
