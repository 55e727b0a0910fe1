# SPDX-License-Identifier: Apache-2.0
"""What DOCX, XLSX and PPTX have in common: properties, labels, relations, charts, embedded files.

Each part is parsed by itself, so that a broken one hides no other. Never fetches what is outside the
package; what it points to is kept as hidden text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpmilter.content.formats.xml import attribute, events, read_xml_text

if TYPE_CHECKING:
    from dlpmilter.content.formats.package import Package
    from dlpmilter.content.formats.paper import Paper

_MIP = re.compile(r"MSIP_Label_([0-9A-Fa-f-]{36})_(\w+)")
_LABEL_WORDS = re.compile(
    r"classif|klassifi|sensitiv|vertraulich|confidential|schutzklasse|schutzbedarf|label", re.IGNORECASE
)
_DULL = re.compile(
    r".*/(?:theme/.*|fonttable|websettings|printersettings\d*|tablestyles|presprops|viewprops|calcchain)\.(?:xml|bin)"
)
_DULL_OCTETS = 200_000
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


def read_rest(package: Package, paper: Paper, *, dull: bool = False) -> None:
    """Targets outside, text of parts nobody asked for (themes and fonts only if asked), other parts as members."""
    for name in [name for name in package.left if name.endswith(".rels")]:
        folder, _, base = name.rpartition("_rels/")
        for _, _, target, mode in package.relations(f"{folder}{base.removesuffix('.rels')}"):
            if mode == "external" and target:
                paper.hide(target)
    package.left.pop("[content_types].xml", None)
    skipped = [] if dull else [name for name in package.left if _DULL.fullmatch(name)]
    for name in [name for name in skipped if package.size(name) < _DULL_OCTETS]:
        package.left.pop(name)
    for name in [name for name in package.left if _XML_PART.fullmatch(name) and not name.endswith("data.xml")]:
        package.step(name, lambda data, page, _: read_xml_text(data, page))
    package.hand_on_rest()
