# SPDX-License-Identifier: Apache-2.0
"""Whether style hides text: enough of CSS to know it, no more.

Looks at inline styles, old HTML attributes and simple rules of <style>; never loads a style sheet. A
text that is wrongly called hidden or shown is still read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from selectolax.lexbor import LexborHTMLParser

MAX_RULES = 200
MAX_MATCHES = 20_000
_RULE = re.compile(r"([^{}]{1,400})\{([^{}]{0,4000})\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SIMPLE = re.compile(r"^[\w.#*>\s:\[\]=\"'-]{1,100}$")
_HIDES = re.compile(
    r"(?:^|[;{\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|content-visibility\s*:\s*hidden"
    r"|opacity\s*:\s*0?\.?0*(?:[;%!]|\s|$)|font-size\s*:\s*(?:0|0?\.\d|1(?:\.0)?)(?:px|pt|em|rem|%|\s|;|$)"
    r"|font\s*:[^;]*\b0(?:px|pt)?/|text-indent\s*:\s*-\d{3,}|(?:left|top|right|bottom|margin(?:-left|-top)?)\s*:\s*-\d{3,}"
    r"|clip\s*:\s*rect\(\s*0|clip-path\s*:\s*(?:inset\(\s*(?:50|100)%|circle\(\s*0|polygon\(\s*0 0\s*\))"
    r"|transform\s*:[^;]*(?:scale(?:x|y|3d)?\(\s*0\s*[,)]|translate(?:x|y)?\(\s*-\d{3,})|mso-hide\s*:\s*all"
    r"|color\s*:\s*transparent|-webkit-text-fill-color\s*:\s*transparent|filter\s*:[^;]*opacity\(\s*0)",
    re.IGNORECASE,
)
_ZERO_BOX = re.compile(r"(?:^|[;\s])(?:max-)?(?:width|height)\s*:\s*[01](?:px|pt|em|%|\s|;|!|$)", re.IGNORECASE)
_CUT = re.compile(r"overflow(?:-[xy])?\s*:\s*(?:hidden|clip)", re.IGNORECASE)
_COLOR = re.compile(r"(?:^|[;\s])color\s*:\s*([^;!]{1,60})", re.IGNORECASE)
_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*([^;!]{1,100})", re.IGNORECASE)
_VISIBLE = re.compile(r"visibility\s*:\s*visible", re.IGNORECASE)
_BACKWARDS = re.compile(r"unicode-bidi\s*:\s*(?:bidi-override|isolate-override)", re.IGNORECASE)
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})(?:[\s,/]+([\d.]+%?))?")
_HEX = re.compile(r"#([0-9a-f]{3,8})\b")
_NAMES = {"white": (255, 255, 255), "black": (0, 0, 0), "red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 128, 0),
          "yellow": (255, 255, 0), "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192),
          "snow": (255, 250, 250), "ivory": (255, 255, 240), "whitesmoke": (245, 245, 245), "ghostwhite": (248, 248, 255),
          "floralwhite": (255, 250, 240), "lime": (0, 255, 0), "navy": (0, 0, 128), "orange": (255, 165, 0)}  # fmt: skip
_NEAR = 24
Color = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """What an element hands down to those inside."""

    hidden: bool = False
    color: Color = (0, 0, 0)
    paper: Color = (255, 255, 255)
    backwards: bool = False

    def hide(self) -> Look:
        """The same, hidden."""
        return replace(self, hidden=True) if not self.hidden else self


def look_of(outer: Look, tag: str, given: Mapping[str, str | None], style: str) -> Look:
    """How an element looks inside another one."""
    look = outer
    plain = _plain(style)
    if plain:
        look = _styled(look, plain)
    if tag in ("font", "body", "table", "tr", "td", "th", "div", "p", "span"):
        if given.get("bgcolor"):
            look = replace(look, paper=_color(given["bgcolor"] or "") or look.paper)
        if (given.get("color") or given.get("text")) and tag in ("font", "body"):
            look = replace(look, color=_color(given.get("color") or given.get("text") or "") or look.color)
    if look is not outer and _alike(look.color, look.paper):
        return look.hide()
    if "hidden" in given or (tag == "input" and given.get("type") == "hidden"):
        return look.hide()
    if tag == "details" and "open" not in given:
        return look.hide()
    return look.hide() if tag == "dialog" and "open" not in given else look


def _plain(style: str) -> str:
    if not style:
        return ""
    text = _COMMENT.sub("", style)
    if "\\" in text:  # CSS escapes: d\69 splay
        text = re.sub(r"\\([0-9a-fA-F]{1,6})\s?", lambda m: chr(min(int(m[1], 16), 0xFFFF)), text).replace("\\", "")
    return text


@lru_cache(maxsize=256)  # a document has few styles, most of them on hundreds of elements
def _styled(look: Look, style: str) -> Look:
    color, paper = _COLOR.search(style), _BACKGROUND.search(style)
    if color:
        look = replace(look, color=_color(color[1]) or look.color)
    if paper:
        look = replace(look, paper=_color(paper[1]) or look.paper)
    if _BACKWARDS.search(style):
        look = replace(look, backwards=True)
    if hides(style):
        return look.hide()
    if look.hidden and _VISIBLE.search(style):
        return replace(look, hidden=False)
    return look


def hides(style: str) -> bool:
    """Whether declarations take text out of sight."""
    return bool(_HIDES.search(style) or (_ZERO_BOX.search(style) and _CUT.search(style)) or _invisible(style))


def _invisible(style: str) -> bool:
    color = _COLOR.search(style)
    found = _RGB.search(color[1]) if color else None
    return bool(found and found[4] and found[4].rstrip("%").strip("0.") == "")


def _color(text: str) -> Color | None:
    lower = text.strip().lower()
    found = _RGB.search(lower)
    if found:
        return int(found[1]), int(found[2]), int(found[3])
    digits = _HEX.search(lower)
    word = digits[1] if digits else lower if re.fullmatch(r"[0-9a-f]{6}", lower) else ""
    if len(word) in (3, 4):
        return tuple(int(each * 2, 16) for each in word[:3])  # type: ignore[return-value]
    if len(word) in (6, 8):
        return int(word[:2], 16), int(word[2:4], 16), int(word[4:6], 16)
    return next((value for name, value in _NAMES.items() if re.search(rf"\b{name}\b", lower)), None)


def _alike(one: Color, other: Color) -> bool:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) <= _NEAR


def hiding_rules(tree: LexborHTMLParser) -> dict[int, str]:
    """Which nodes the rules of <style> elements touch, with what: hiding, colours, directions."""
    found: dict[int, str] = {}
    sheets = [node.text() or "" for node in tree.css("style")[:50]]
    rules = 0
    for selectors, declared in (each for sheet in sheets for each in _RULE.findall(_COMMENT.sub("", sheet[:500_000]))):
        style = _plain(declared)
        if not (hides(style) or _COLOR.search(style) or _BACKGROUND.search(style) or _BACKWARDS.search(style)):
            continue
        for selector in selectors.split(",")[:20]:
            rules += 1
            if rules > MAX_RULES or len(found) > MAX_MATCHES:
                return found
            plain = selector.strip().rpartition("}")[2].strip()
            if plain and "::" not in plain and _SIMPLE.match(plain):
                for node in _select(tree, plain):
                    found[node] = f"{found.get(node, '')};{style}"
    return found


def _select(tree: LexborHTMLParser, selector: str) -> list[int]:
    try:
        return [node.mem_id for node in tree.css(selector)]
    except Exception:  # noqa: BLE001 - a selector that Lexbor does not know hides nothing
        return []
