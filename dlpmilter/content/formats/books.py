# SPDX-License-Identifier: Apache-2.0
"""EPUB books, Visio and XPS packages, iWork documents.

Pages of a book go through the HTML reader, other XML gives all its text. iWork's own format is not
read: its preview is handed on and the status says `unsupported`. Never fetches anything.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.html import read_html
from dlpmilter.content.formats.ooxml import read_properties, read_rest
from dlpmilter.content.formats.package import Package
from dlpmilter.content.formats.xml import MAX_XML, read_xml_text, text_of

if TYPE_CHECKING:
    from dlpmilter.content.formats.paper import Paper

_GLYPHS = re.compile(r"UnicodeString\s*=\s*[\"']([^\"']{1,10000})")


def read_epub(data: bytes, paper: Paper) -> None:
    """A book."""
    package = Package(data, paper)
    if b"EncryptedData" in package.read("META-INF/encryption.xml", limit=1024 * 1024):
        paper.trouble("encrypted")
    for name in package.matching(r".*\.x?html?"):
        package.step(name, lambda octets, page, _: read_html(octets, page))
    package.left.pop("mimetype", None)
    for name in package.matching(r".*\.(?:opf|ncx|xml|css)"):
        package.step(name, lambda octets, page, _: read_xml_text(octets, page))
    package.hand_on_rest()


def read_ooxml(data: bytes, paper: Paper) -> None:
    """A package of an application without a reader of its own: Visio, XPS, unknown ones."""
    package = Package(data, paper)
    for name in package.matching(r"(?:visio/(?:pages|masters)/.*|visio/document|documents/.*)\.(?:xml|fpage|fdoc)"):
        package.step(name, _page)
    read_properties(package)
    read_rest(package, paper, dull=True)


def _page(data: bytes, paper: Paper, _: str) -> None:
    """A page; of an XPS also its glyphs in a row, for each may be a letter."""
    read_xml_text(data, paper, hidden=False)
    paper.hide("".join(html.unescape(each) for each in _GLYPHS.findall(text_of(data[:MAX_XML]))))


def read_iwork(data: bytes, paper: Paper) -> None:
    """Pages, Numbers, Keynote: the preview, if there is one."""
    package = Package(data, paper)
    if any(name.endswith((".iwpv2", ".iwph")) for name in package.left) or package.methods - {0, 8}:
        raise Stopped("encrypted")
    paper.trouble("unsupported")
    for name in package.matching(r"index\.(?:xml|apxl)"):
        package.step(name, lambda octets, page, _: read_xml_text(octets, page, hidden=False))
    for name in [name for name in package.left if name.endswith((".iwa", ".plist"))]:
        package.left.pop(name)
    package.hand_on_rest()
