# SPDX-License-Identifier: Apache-2.0
"""XML by events, with nothing expanded and nothing fetched, in at most 10 MB of it.

A document type declaration with entities is never given to libxml2: its text is taken by stripping
tags, the entities' values are kept as hidden text, and the trouble is named. No DTD is loaded, no
network or file is touched.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from lxml import etree

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.decode import decode, wide_charset
from dlpmilter.detect.disguise import Crowded, accounts
from dlpmilter.mime.text import charset_text, decode_base64

if TYPE_CHECKING:
    from dlpmilter.content.formats.paper import Paper

MAX_XML = 10 * 1024 * 1024
"""Octets of one XML part: a 207 MB part took 4.5 s to reach 50 MB."""
MAX_ELEMENTS = 800_000
"""Elements of one part; libxml2 takes over 100 octets for each."""
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,300}\?>")
_ENCODING = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
_UTF8_NAMES = (b"utf-8", b"utf8", b"us-ascii", b"ascii")
_ENTITY = re.compile(r"<!ENTITY\s[^>\"']{0,300}(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_TAGS = re.compile(r"<[^>]*>?")
_ATTRIBUTE_TEXT = frozenset(
    "descr title alt tooltip author name value content href label string-value initials UnicodeString".split()
)
_COMMENT = re.compile(rb"<!--(.*?)(?:-->|\Z)", re.DOTALL)
_ALL_TEXT = etree.XPath("//text()", smart_strings=False)
_TELLING = etree.XPath(
    "//@*[" + " or ".join(f"local-name()='{name}'" for name in sorted(_ATTRIBUTE_TEXT)) + "]", smart_strings=False
)
_DATA_URI = re.compile(rb"data:[^,\"']{0,200};base64,([A-Za-z0-9+/=\s%]{16,})")
_WHOLE = 1024 * 1024
"""Octets of a part whose tree is built: it is faster, and takes ten times as much memory."""
_NUMBER = re.compile(r"^[-+#]?[0-9a-fA-F.,%]{1,12}$")


class Element(Protocol):
    """The part of lxml's elements that readers use; the library brings no types."""

    tag: Any
    text: str | None
    tail: str | None

    def get(self, key: str, /) -> str | None:
        """An attribute."""

    def set(self, key: str, value: str, /) -> None:
        """Set an attribute."""

    def items(self) -> list[tuple[str, str]]:
        """All attributes."""

    def itertext(self) -> Iterator[str]:
        """All text below."""

    def getparent(self) -> Element | None:
        """The element around it."""

    def getprevious(self) -> Element | None:
        """The brother before it."""

    def clear(self, *, keep_tail: bool = ...) -> None:
        """Let go of what is below."""

    def __iter__(self) -> Iterator[Element]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, place: int, /) -> Element: ...


Event = tuple[str, str, Element]
""""start" or "end", the local name, the element."""


def plain_xml(data: bytes) -> bytes:
    """The document as UTF-8 without a declaration; Stopped("xml-entities") when it declares entities."""
    if len(data) > MAX_XML or data.count(b"<") - data.count(b"</") > MAX_ELEMENTS:
        raise Stopped("too-big")
    declared = _ENCODING.match(data[:400])
    simple = (declared is None or declared[1].lower() in _UTF8_NAMES) and not wide_charset(data[:64])
    if simple and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        clean = data.removeprefix(b"\xef\xbb\xbf")
    else:
        clean = _DECLARATION.sub("", text_of(data), count=1).encode("utf-8", "replace")
    if b"<!DOCTYPE" in clean or b"<!ENTITY" in clean or b"<!doctype" in clean:
        head = clean[: 64 * 1024].upper()
        if b"<!ENTITY" in clean.upper() or (
            b"<!DOCTYPE" in head and b"[" in head.partition(b"<!DOCTYPE")[2].partition(b">")[0]
        ):
            raise Stopped("xml-entities")
    return clean


def text_of(data: bytes) -> str:
    """The markup as text, by byte order mark or the declared charset."""
    declared = _ENCODING.match(data[:400])
    if wide_charset(data[:64]) or data[:2] in (b"\xff\xfe", b"\xfe\xff") or declared is None:
        return decode(data)
    return charset_text(data, declared[1].decode("ascii"))[0]


def events(data: bytes, tags: tuple[str, ...] = (), *, starts: bool = True) -> Iterator[Event]:
    """Start and end events of elements, all or those with these local names. Raises Stopped, XMLSyntaxError.

    Comments are taken out first, so that text around one is one text (`comments` gives them).
    """
    clean = plain_xml(data)
    wanted = [f"{{*}}{tag}" for tag in tags] or None
    names: dict[str, str] = {}
    stream = etree.iterparse(
        io.BytesIO(clean), events=("start", "end") if starts else ("end",), tag=wanted, encoding="utf-8",
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    for event, element in stream:
        tag = element.tag
        name = names.get(tag)
        if name is None:
            name = names[tag] = tag.rpartition("}")[2]
        yield event, name, element


def comments(data: bytes) -> str:
    """What stands between `<!--` and `-->`."""
    if b"<!--" not in data:
        return ""
    return "\n".join(found[1].decode("utf-8", "replace").strip() for found in _COMMENT.finditer(data))


def attribute(element: Element, name: str) -> str:
    """An attribute by its local name in any namespace, "" without one."""
    value = element.get(name)
    if value is not None:
        return value
    ending = "}" + name
    return next((text for key, text in element.items() if key.endswith(ending)), "")


def strip_tags(markup: str) -> str:
    """What is left without tags; linear, for documents that no parser takes."""
    return _TAGS.sub(" ", markup)


def read_xml_text(data: bytes, paper: Paper, *, hidden: bool = True) -> None:
    """All text of an XML part and its telling attributes; broken or dangerous XML is stripped of tags instead.

    Account numbers are found anywhere: in other attributes, names of elements, instructions to programs.
    """
    try:
        paper.hide("\n".join(each.decode("ascii") for each in accounts(data[:MAX_XML])))
    except Crowded:
        paper.trouble("partial")
    try:
        _parsed_text(data, paper, hidden=hidden)
    except Stopped as stop:
        if str(stop) not in ("xml-entities", "too-big"):
            raise
        paper.trouble(str(stop))
        stripped_text(data, paper, hidden=hidden)
    except etree.XMLSyntaxError:
        paper.trouble("corrupt")
        stripped_text(data, paper, hidden=hidden)


def stripped_text(data: bytes, paper: Paper, *, hidden: bool) -> None:
    """Text without tags, entity values beside it."""
    markup = text_of(data[:MAX_XML])
    for entity in _ENTITY.finditer(markup[: 256 * 1024]):
        paper.hide(entity[1] or entity[2] or "")
    paper.write(re.sub(r"\s+", " ", strip_tags(markup)), hidden=hidden)


def _parsed_text(data: bytes, paper: Paper, *, hidden: bool) -> None:
    clean = plain_xml(data)
    if len(clean) > _WHOLE:
        texts, aside = _streamed(data)
    else:
        parser = etree.XMLParser(
            encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False,
            remove_comments=True, remove_pis=True,
        )  # fmt: skip
        root = etree.fromstring(clean, parser)
        texts = [text.strip() for text in _ALL_TEXT(root) if not text.isspace()]
        aside = [value for value in _TELLING(root) if len(value) > 2 and not _NUMBER.match(value)]
    paper.write("\n".join(texts) + "\n" if texts else "", hidden=hidden)
    paper.hide("\n".join(dict.fromkeys(aside)))
    paper.hide(comments(clean))


def _streamed(data: bytes) -> tuple[list[str], list[str]]:
    """The same for a big part, without its tree in memory."""
    texts: list[str] = []
    aside: list[str] = []
    for event, _, element in events(data):
        if event == "start":
            for key, value in element.items():
                if key.rpartition("}")[2] in _ATTRIBUTE_TEXT and len(value) > 2 and not _NUMBER.match(value):
                    aside.append(value)
            continue
        _keep(texts, element.text)
        for child in element:
            _keep(texts, child.tail)
        element.clear(keep_tail=True)
    return texts, aside


def _keep(texts: list[str], text: str | None) -> None:
    if text and not text.isspace():
        texts.append(text.strip())


def read_xml(data: bytes, paper: Paper) -> None:
    """A bare XML document or SVG: its text is shown, files in its addresses are handed on."""
    read_xml_text(data, paper, hidden=False)
    if b"base64," in data:
        for found in _DATA_URI.finditer(data[:MAX_XML]):
            paper.member("data-uri", decode_base64(found[1]))
