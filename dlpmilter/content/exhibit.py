# SPDX-License-Identifier: Apache-2.0
"""A held mail as a reviewer may look at it: text first, HTML without anything that acts, files by name. Never raises.

Documents are not opened here; a file is handed over as it is. What the excerpt masks is what looks like a number, an
address on the net or an account: names of people it does not know.
"""

from __future__ import annotations

import html as html_escapes
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nh3

from dlpmilter.mime.head import read_head
from dlpmilter.mime.text import charset_text, decode_body, decode_words

if TYPE_CHECKING:
    from mmap import mmap

    from dlpmilter.model.limits import Limits
    from dlpmilter.model.message import Part, Structure

TEXT_CHARS = 200_000
HTML_CHARS = 300_000
"""Longer markup is shown as text: a sanitiser that takes seconds would hold up the next page."""
NESTED = 300
"""Opening tags in a row without an end that markup may have, for the same reason."""
EXCERPT_CHARS = 1_500
_TAGS = set(
    "p br div span b strong i em u s small big sub sup blockquote pre code tt hr h1 h2 h3 h4 h5 h6 ul ol li dl dt dd "
    "table caption thead tbody tfoot tr td th center".split()
)
_DROPPED = {
    "script", "style", "title", "head", "svg", "math", "iframe", "object", "embed", "template", "noscript", "textarea",
    "select", "xmp", "noembed", "noframes", "plaintext", "audio", "video", "canvas",
}  # fmt: skip
_PAGE = (
    '<!DOCTYPE html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'\"><title>mail</title></head><body>{}</body></html>"
)
_MASK = "▒▒▒▒"
_MASKED = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"  # mail addresses
    r"|https?://\S{1,500}"
    r"|\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{2,4}){3,8}\b"  # IBAN and the like
    r"|\+?\d(?:[\d .,/()-]{2,40})\d"  # telephone, card, date, amount
    r"|\d{3,}"
)
_OPENING = re.compile(r"<[a-zA-Z]")
_CLOSING = re.compile(r"</|/>")


@dataclass(frozen=True, slots=True)
class Enclosed:
    """One file or mail that is enclosed; its octets by `part_of`."""

    path: str
    type: str
    name: str
    octets: int
    inside: bool
    """It lies in a part that had to be decoded first and cannot be handed over alone."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Everything a page may show of one mail; each text is data, none of it is markup but `html`."""

    heads: tuple[tuple[str, str], ...]
    text: str
    cut: bool
    html: str
    """A whole page for a sandboxed frame, "" when the mail has no markup that can be shown."""
    excerpt: str
    enclosed: tuple[Enclosed, ...]
    unclear: bool
    """Mail programs may show it differently, or parts of it could not be read."""


def exhibit_of(message: bytes | mmap, structure: Structure, limits: Limits) -> Exhibit:
    """One mail for a page. The structure was read where hostile mail may be read: in a confined worker."""
    head = read_head(bytes(message[: limits.header_octets + 1]), limits)
    heads = tuple(
        (name, one_line(decode_words(raw), 500))
        for name in ("From", "To", "Cc", "Date", "Subject")
        if (raw := head.get(name.lower()))
    )
    shown = [part for part in structure.parts if not part.attachment and not part.decoded]
    plain = [_text_of(message, part) for part in shown if part.type == "text/plain"]
    markup = [_text_of(message, part) for part in shown if part.type == "text/html"]
    text = "\n".join(plain).strip() or as_text("\n".join(markup))
    enclosed = tuple(
        Enclosed(part.path, part.type, file_name(part.name), max(part.body_end - part.body_start, 0), part.decoded)
        for part in structure.parts
        if part.attachment or part.type == "message/rfc822" or (part.names and not part.type.startswith("multipart/"))
    )
    return Exhibit(
        heads=heads, text=printable(text[:TEXT_CHARS]), cut=len(text) > TEXT_CHARS, html=as_page("\n".join(markup)),
        excerpt=masked(text), enclosed=enclosed, unclear=structure.ambiguous or bool(structure.uninspectable),
    )  # fmt: skip


def part_of(message: bytes | mmap, structure: Structure, path: str) -> tuple[str, bytes] | None:
    """Name and octets of one enclosed part; None when there is none that can be handed over alone."""
    for part in structure.parts:
        if part.path == path and not part.decoded and not part.type.startswith("multipart/"):
            octets = bytes(message[part.body_start : part.body_end])
            return file_name(part.name) or f"part-{path}", decode_body(octets, part.encoding)
    return None


def as_page(markup: str) -> str:
    """Markup without scripts, styles, forms, links, pictures and attributes, as a page of its own."""
    if not markup.strip() or len(markup) > HTML_CHARS or _too_deep(markup):
        return ""
    clean = nh3.clean(
        markup, tags=_TAGS, clean_content_tags=_DROPPED, attributes={}, strip_comments=True, link_rel=None,
        url_schemes=set(),
    )  # fmt: skip
    return _PAGE.format(clean)


def _too_deep(markup: str) -> bool:
    """Whether far more is opened than closed: nesting costs a sanitiser more than length."""
    return len(_OPENING.findall(markup)) - len(_CLOSING.findall(markup)) > NESTED


def as_text(markup: str) -> str:
    """What a reader sees of markup, as text; of markup that is too long or too deep, the source itself."""
    if not markup.strip():
        return ""
    if len(markup) > HTML_CHARS or _too_deep(markup):
        return markup
    spaced = re.sub(r"(?i)<(?=/?(?:p|div|br|tr|li|h[1-6]|blockquote|table)\b)", "\n<", markup)
    plain = nh3.clean(spaced, tags=set(), clean_content_tags=_DROPPED, attributes={})
    return re.sub(r"\n\s*\n\s*(?=\n)", "\n", html_escapes.unescape(plain)).strip()


def masked(text: str) -> str:
    """The beginning of a text with whatever looks like a number, an account or an address covered."""
    start = text[: EXCERPT_CHARS * 2]
    return printable(_MASKED.sub(_MASK, start))[:EXCERPT_CHARS]


def printable(text: str) -> str:
    """Without characters that act on a screen: controls, and those that turn the direction of writing."""
    return "".join(
        each if each in "\n\t" or unicodedata.category(each) not in {"Cc", "Cf", "Cs", "Co"} else "" for each in text
    )


def one_line(text: str, most: int) -> str:
    """One printable line."""
    return " ".join(printable(text).split())[:most]


def file_name(name: str) -> str:
    """A name that is safe to show and to save under: no folder, no control, not hidden."""
    return re.sub(r'[\\/:*?"<>|]', "_", one_line(name, 200)).lstrip(". ")[:120]


def _text_of(message: bytes | mmap, part: Part) -> str:
    octets = bytes(message[part.body_start : min(part.body_end, part.body_start + 4 * TEXT_CHARS)])
    return charset_text(decode_body(octets, part.encoding), part.charset)[0]
