# SPDX-License-Identifier: Apache-2.0
"""What DOCX, XLSX and PPTX have in common: properties, labels, relations, charts, embedded files.

Each part is parsed by itself, so that a broken one hides no other. Never fetches what is outside the
package; what it points to is kept as hidden text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.strings import binary_strings
from dlpmilter.content.formats.xml import attribute, events, read_xml_text

if TYPE_CHECKING:
    from dlpmilter.content.formats.package import Package
    from dlpmilter.content.formats.paper import Paper

_MIP = re.compile(r"MSIP_Label_([0-9A-Fa-f-]{36})_(\w+)")
_LABEL_WORDS = re.compile(
    r"classif|klassifi|sensitiv|vertraulich|confidential|schutzklasse|schutzbedarf|label", re.IGNORECASE
)
_DULL = re.compile(r".*/(?:theme/.*|fonttable|websettings|styles|styleswitheffects|numbering|printersettings\d*|"
                   r"tablestyles|presprops|viewprops|calcchain)\.(?:xml|bin)")  # fmt: skip
"""Parts of looks. Of these only text and long values are taken, by a glance: python-docx writes 800 KB of them."""
_SMALL = 64 * 1024
"""Octets of a printer's settings."""
_LONG_VALUE = re.compile(rb'="([^"<>]{24,2000})"')
_TEXT_NODE = re.compile(rb">\s*+[^<\s]")
_XML_PART = re.compile(r".*\.(?:xml|rels|vml)")


def read_properties(package: Package) -> None:
    """Title, author, custom properties, and the labels among them."""
    for name in ("docprops/core.xml", "docprops/app.xml"):
        if name in package.left:
            package.step(name, lambda data, page, _: read_xml_text(data, page))
    if "docprops/custom.xml" in package.left:
        package.step("docprops/custom.xml", _custom)
    if "docmetadata/labelinfo.xml" in package.left:
        package.step("docmetadata/labelinfo.xml", _label_info)


def note_label(name: str, value: str, paper: Paper) -> None:
    """Keep a property when it says how confidential the document is."""
    found = _MIP.fullmatch(name)
    if found:
        paper.label(f"MSIP_Label_{found[1]}")
        if found[2].lower() == "name":
            paper.label(value)
    elif _LABEL_WORDS.search(name):
        paper.label(f"{name}={value}")


def _custom(data: bytes, paper: Paper, _: str) -> None:
    for event, name, element in events(data, ("property",)):
        if event == "end" and name == "property":
            key = element.get("name") or ""
            value = "".join(element.itertext()).strip()
            paper.hide(f"{key}: {value}")
            note_label(key, value, paper)


def _label_info(data: bytes, paper: Paper, _: str) -> None:
    for event, _name, element in events(data, ("label",)):
        if event == "start" and attribute(element, "removed") not in ("1", "true"):
            paper.label(f"MSIP_Label_{attribute(element, 'id').strip('{}')}")


def _glance(data: bytes, paper: Paper, name: str) -> None:
    if name.endswith(".bin"):
        if len(data) > _SMALL or sniff(data) != t.UNKNOWN:
            paper.member(name, data)
        else:
            paper.hide(binary_strings(data))
        return
    if _TEXT_NODE.search(data):
        read_xml_text(data, paper)
    values = (
        value
        for value in _LONG_VALUE.findall(data)
        if not value.startswith((b"http://", b"urn:", b"application/", b"/"))
    )
    paper.hide("\n".join(dict.fromkeys(value.decode("utf-8", "replace") for value in values)))


def read_rest(package: Package, paper: Paper, *, dull: bool = False) -> None:
    """Targets outside, text of parts nobody asked for (themes and fonts only if asked), other parts as members."""
    for name in [name for name in package.left if name.endswith(".rels")]:
        folder, _, base = name.rpartition("_rels/")
        for _, _, target, mode in package.relations(f"{folder}{base.removesuffix('.rels')}"):
            if mode == "external" and target:
                paper.hide(target)
    if "[content_types].xml" in package.left:
        package.step("[content_types].xml", _glance)
    for name in [] if dull else [name for name in package.left if _DULL.fullmatch(name)]:
        package.step(name, _glance)
    for name in [name for name in package.left if _XML_PART.fullmatch(name) and not name.endswith("data.xml")]:
        package.step(name, lambda data, page, _: read_xml_text(data, page))
    package.hand_on_rest()
