# SPDX-License-Identifier: Apache-2.0
"""HTML through Lexbor (selectolax): what a browser shows apart from what it hides.

Deep, wide or very long markup goes to the linear stripper and is told as `partial`. Never loads
anything, never runs a script.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborHTMLParser

from dlpmilter.content.formats.css import Look, hiding_rules, look_of
from dlpmilter.content.formats.decode import decode, wide_charset
from dlpmilter.content.formats.html_corners import corners
from dlpmilter.content.formats.stray import stray_words
from dlpmilter.detect.disguise import Crowded
from dlpmilter.mime.text import charset_text, decode_base64, html_text

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from dlpmilter.content.formats.paper import Paper

MAX_HTML = 2 * 1024 * 1024
"""Lexbor is quadratic in depth: 40,000 nested elements take 6.5 s."""
MAX_DEPTH = 2_000
MAX_ATTRIBUTES = 2_000
MAX_NODES = 600_000
_DECLARED = re.compile(rb"<meta[^>]{0,300}charset\s*=\s*[\"']?([\w.:-]{1,40})|<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w.:-]{1,40})",
                       re.IGNORECASE)  # fmt: skip
_OPEN_OR_CLOSE = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*+)([^<>]*+)")
_VOID = frozenset("area base br col embed hr img input link meta source track wbr p li td tr th dt dd option".split())
_BLOCKS = frozenset("address article aside blockquote body br caption center dd details dialog div dl dt fieldset figcaption "
                    "figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol p pre section summary table "
                    "tbody tfoot thead tr ul option select textarea button".split())  # fmt: skip
_UNSEEN = frozenset("head script style template noscript title meta link noembed noframes iframe object audio video "
                    "datalist svg:title desc metadata".split())  # fmt: skip
_DULL = frozenset("style class id width height border cellpadding cellspacing align valign bgcolor color face size rel type "
                  "lang dir colspan rowspan role target method xmlns media charset http-equiv hspace vspace tabindex".split())  # fmt: skip
_DATA_URI = re.compile(r"data:[^,\"']{0,200};base64,([A-Za-z0-9+/=\s%]{16,})")
_SPACE = re.compile(r"[ \t\r\n\f]+")


def read_html(data: bytes, paper: Paper) -> None:
    """Read a page or an HTML body."""
    read_markup(_decoded(data), paper)


def _decoded(data: bytes) -> str:
    if wide_charset(data[:4096]) or data[:2] in (b"\xff\xfe", b"\xfe\xff") or data.startswith(b"\xef\xbb\xbf"):
        return decode(data)
    declared = _DECLARED.search(data[:65_536])
    name = (declared[1] or declared[2]).decode("ascii") if declared else ""
    return decode(data) if name.lower().startswith("utf-16") else charset_text(data, name)[0]


def read_markup(markup: str, paper: Paper) -> None:
    """Read HTML that is text already."""
    if len(markup) > MAX_HTML or _costs_too_much(markup):
        paper.trouble("partial")
        paper.show(html_text(markup))
        paper.hide(_SPACE.sub(" ", re.sub(r"<[^>]*>?", " ", markup)))
        return
    for found in _DATA_URI.finditer(markup):
        paper.member("data-uri", decode_base64(found[1].encode("ascii")))
    _Page(markup, paper).read()
    paper.hide(stray_words(markup))
    try:
        paper.hide(corners(markup))
    except Crowded:
        paper.trouble("partial")


def _costs_too_much(markup: str) -> bool:
    """Whether elements are nested, or have attributes, beyond all use."""
    depth = 0
    for match in _OPEN_OR_CLOSE.finditer(markup):
        if match[1]:
            depth = max(0, depth - 1)
        elif match[2].lower() not in _VOID:
            depth += 1
            if depth > MAX_DEPTH:
                return True
        if len(match[3]) > 4 * MAX_ATTRIBUTES and len(match[3].split()) > MAX_ATTRIBUTES and "base64," not in match[3]:
            return True
    return False


class _Page:
    """One walk over the tree."""

    def __init__(self, markup: str, paper: Paper) -> None:
        self.paper = paper
        self.tree = LexborHTMLParser(markup)
        self.shown: list[str] = []
        self.hidden: list[str] = []
        self.attributes: dict[str, None] = {}
        self.tables: list[list[list[str]]] = []
        self.cells: list[int] = []

    def read(self) -> None:
        """Walk and write onto the paper."""
        root = self.tree.root
        rules = hiding_rules(self.tree)
        if root is not None:
            self._walk(root, rules)
        self.paper.show(_tidy("".join(self.shown)))
        self.paper.hide(_tidy("".join(self.hidden)))
        self.paper.hide("\n".join(self.attributes))

    def _walk(self, root: LexborNode, rules: dict[int, str]) -> None:
        stack: list[tuple[LexborNode | None, Look, str]] = [(root, Look(), "")]
        count = 0
        while stack:
            node, look, closing = stack.pop()
            if node is None:
                self._close(closing, look)
                continue
            count += 1
            if count > MAX_NODES:
                self.paper.trouble("partial")
                self.shown.append(_SPACE.sub(" ", root.text(separator=" ") or ""))
                return
            following = node.next if node is not root else None
            if following is not None:
                stack.append((following, look, ""))
            if node.is_text_node:
                self._text(node.text_content or "", look)
            elif node.is_comment_node:
                self.hidden.append((node.comment_content or "") + "\n")
            else:
                inner = self._open(node, look, rules)
                stack.append((None, inner, node.tag or ""))
                if node.child is not None:
                    stack.append((node.child, inner, ""))
                if node.tag == "template":
                    stack.extend((fragment, inner.hide(), "") for fragment in node.template_fragments())

    def _open(self, node: LexborNode, look: Look, rules: dict[int, str]) -> Look:
        tag = node.tag or ""
        given = node.attributes
        style = ";".join(each for each in (rules.get(node.mem_id, ""), given.get("style") or "") if each)
        inner = look_of(look, tag, given, style)
        if tag in _UNSEEN:
            inner = inner.hide()
        for key, value in given.items():
            if key == "srcdoc" and value:
                self.hidden.append(html_text(value) + "\n")
            elif value and len(value) > 1 and key not in _DULL and not value.startswith("data:"):
                self.attributes[value[:100_000]] = None
        if tag in _BLOCKS:
            self._say("\n", inner)
        if tag in ("input", "textarea") and given.get("value") and given.get("type") != "hidden":
            self._say(given["value"] or "", inner)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.cells.append(len(self.shown))
        return inner

    def _close(self, tag: str, look: Look) -> None:
        if tag in _BLOCKS:
            self._say("\n", look)
        if tag in ("td", "th") and self.cells:
            start = self.cells.pop()
            if self.tables and self.tables[-1]:
                self.tables[-1][-1].append(_SPACE.sub(" ", "".join(self.shown[start:])).strip())
            self._say("\t", look)
        elif tag == "table" and self.tables:
            rows = self.tables.pop()
            if sum(len(row) > 1 for row in rows) > 1:
                self.paper.table(rows)
        elif tag in _UNSEEN:
            self.hidden.append("\n")

    def _text(self, text: str, look: Look) -> None:
        if look.backwards:
            self.hidden.append(text[::-1] + "\n")
        self._say(_SPACE.sub(" ", text), look)

    def _say(self, text: str, look: Look) -> None:
        (self.hidden if look.hidden else self.shown).append(text)


def _tidy(text: str) -> str:
    """Blank lines and blanks at line ends away."""
    return re.sub(r"[ \t]*\n[\s]*", "\n", text).strip() + "\n" if text.strip() else ""
