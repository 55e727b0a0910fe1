# SPDX-License-Identifier: Apache-2.0
"""The same words as an accessible HTML page, and both as one multipart/alternative body (RFC 2046 5.1.4).

Made from the plain text, so the two can never differ. Never has a picture, a script, a style that carries meaning,
a link that acts or anything from elsewhere: real headings, lists and languages are enough (WCAG 2.2, EN 301 549).
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dlpmilter.notices import headers

if TYPE_CHECKING:
    from dlpmilter.notices.facts import Language

_LINK = re.compile(r"(?:https://|http://127\.0\.0\.1[:/])[^\s<>\"']{1,300}[^\s<>\"'.,;:!?)]")
_NAMES = {"de": "Deutsch", "en": "English"}
_BULLET = "* "


def alternative(text: str, title: str, texts: Sequence[str], languages: Sequence[Language]) -> str:
    """MIME fields and body, CRLF and ASCII: plain text first, then the page; `texts` has one text a language."""
    page = _page(title, texts, languages)
    boundary = "dlpmilter-" + hashlib.sha256((text + page).encode("utf-8", "replace")).hexdigest()[:32]
    fields = (
        headers.token_field("Content-Language", ", ".join(languages))
        + headers.token_field("MIME-Version", "1.0")
        + headers.token_field("Content-Type", f'multipart/alternative; boundary="{boundary}"')
        + headers.token_field("Content-Transfer-Encoding", "7bit")
    )
    parts = "".join(
        f"--{boundary}\r\n"
        + headers.token_field("Content-Type", f"text/{kind}; charset=utf-8")
        + headers.token_field("Content-Transfer-Encoding", "quoted-printable")
        + "\r\n"
        + headers.quoted_printable(content)
        + "\r\n"
        for kind, content in (("plain", text), ("html", page))
    )
    return f"{fields}\r\n{parts}--{boundary}--\r\n"


def _page(title: str, texts: Sequence[str], languages: Sequence[Language]) -> str:
    several = len(languages) > 1
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="{languages[0]}">',
        f'<head><meta charset="utf-8"><title>{html.escape(title)}</title>',
        '<meta name="viewport" content="width=device-width">',
        "<style>body{font:1rem/1.5 sans-serif;max-width:40rem;margin:1rem auto;padding:0 1rem}</style></head>",
        "<body>",
        f"<h1>{html.escape(title)}</h1>",
    ]
    if several:  # who reads the second language finds it without reading the first
        jumps = (f'<a href="#{each}" lang="{each}">{_NAMES[each]}</a>' for each in languages)
        lines.append(f"<p>{' · '.join(jumps)}</p>")
    for text, language in zip(texts, languages, strict=True):
        lines.append(f'<section id="{language}" lang="{language}">')
        if several:
            lines.append(f"<h2>{_NAMES[language]}</h2>")
        lines += [*_blocks(text), "</section>"]
    return "\n".join([*lines, "</body>", "</html>", ""])


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs and lists of one wrapped plain text."""
    for block in text.split("\n\n"):
        plain: list[str] = []
        items: list[str] = []
        for line in block.strip().splitlines():
            if line.startswith(_BULLET):
                items.append(line.removeprefix(_BULLET).strip())
            elif items and line.startswith("  "):
                items[-1] += " " + line.strip()
            else:
                plain.append(line.strip())
        if plain:
            yield f"<p>{_linked(' '.join(plain))}</p>"
        if items:
            yield "<ul>\n" + "\n".join(f"<li>{_linked(each)}</li>" for each in items) + "\n</ul>"


def _linked(text: str) -> str:
    """Escaped, with what the company gives as an address on the web as a link that says where it leads."""
    out: list[str] = []
    at = 0
    for found in _LINK.finditer(text):
        shown = html.escape(found[0])
        out += [html.escape(text[at : found.start()]), f'<a href="{shown}">{shown}</a>']
        at = found.end()
    return "".join([*out, html.escape(text[at:])])
