# SPDX-License-Identifier: Apache-2.0
"""Which kind of document a ZIP is: OOXML, ODF, EPUB, iWork, or a plain archive.

Looks at member names and two small members; never unpacks more than 1 MB and never raises.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Collection

from dlpmilter.content.formats import types as t

_SMALL = 1024 * 1024
_MAIN_TYPES: tuple[tuple[bytes, str], ...] = (
    (b"wordprocessingml.document.main+xml", t.DOCX),
    (b"wordprocessingml.template.main+xml", t.DOCX),
    (b"ms-word.document.macroenabled.main+xml", t.DOCX),
    (b"ms-word.template.macroenabledtemplate.main+xml", t.DOCX),
    (b"sheet.binary.macroenabled.main", t.XLSB),
    (b"spreadsheetml.sheet.main+xml", t.XLSX),
    (b"spreadsheetml.template.main+xml", t.XLSX),
    (b"ms-excel.sheet.macroenabled.main+xml", t.XLSX),
    (b"ms-excel.template.macroenabled.main+xml", t.XLSX),
    (b"ms-excel.addin.macroenabled.main+xml", t.XLSX),
    (b"presentationml.presentation.main+xml", t.PPTX),
    (b"presentationml.template.main+xml", t.PPTX),
    (b"presentationml.slideshow.main+xml", t.PPTX),
    (b"ms-powerpoint.presentation.macroenabled.main+xml", t.PPTX),
    (b"ms-powerpoint.slideshow.macroenabled.main+xml", t.PPTX),
    (b"ms-powerpoint.template.macroenabled.main+xml", t.PPTX),
    (b"ms-visio.", t.VISIO),
    (b"package.xps-fixeddocumentsequence", t.XPS),
)
_MAIN_NAMES: tuple[tuple[str, str], ...] = (
    ("word/document.xml", t.DOCX),
    ("xl/workbook.bin", t.XLSB),
    ("xl/workbook.xml", t.XLSX),
    ("ppt/presentation.xml", t.PPTX),
    ("visio/document.xml", t.VISIO),
)
_LOCAL = re.compile(rb"PK\x03\x04.{22}(..)..", re.DOTALL)
MAX_LOCAL = 10_000


def zip_type(data: bytes) -> str:
    """The type of a ZIP, by what is in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = {info.filename.replace("\\", "/").lower().lstrip("/"): info for info in archive.infolist()}
            return _by_members(names.keys(), lambda name: _small(archive, names[name]))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, EOFError, OverflowError):
        return _by_members(local_names(data), lambda _: b"")
    except Exception:  # noqa: BLE001 - zipfile raises struct.error, KeyError and more for broken directories
        return t.ZIP


def _small(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The first octets of a member, b"" when they cannot be had."""
    if info.flag_bits & 1:
        return b""
    try:
        with archive.open(info) as file:
            return file.read(_SMALL)
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError, EOFError, ValueError):
        return b""


def _by_members(names: Collection[str], small: Callable[[str], bytes]) -> str:
    if "[content_types].xml" in names:
        declared = small("[content_types].xml").lower()
        by_name = next((kind for name, kind in _MAIN_NAMES if name in names), "")
        by_type = next((kind for main, kind in _MAIN_TYPES if main in declared), "")
        return by_type or by_name or t.OOXML
    if "mimetype" in names and (kind := _odf(small("mimetype"))):
        return kind
    for name, kind in _MAIN_NAMES:
        if name in names:
            return kind
    if "content.xml" in names and ("meta-inf/manifest.xml" in names or "styles.xml" in names):
        return t.ODT
    if "meta-inf/container.xml" in names:
        return t.EPUB
    if any(name.endswith(("index/document.iwa", "index.zip", "index.xml", "index.apxl")) for name in names):
        return t.IWORK
    if "androidmanifest.xml" in names:
        return t.APK
    return t.JAR if "meta-inf/manifest.mf" in names else t.ZIP


def _odf(mimetype: bytes) -> str:
    text = mimetype[:200].decode("latin-1").strip().lower()
    if text == t.EPUB:
        return t.EPUB
    if not text.startswith(("application/vnd.oasis.opendocument", "application/vnd.sun.xml")):
        return ""
    for word, kind in (("spreadsheet", t.ODS), ("calc", t.ODS), ("presentation", t.ODP), ("impress", t.ODP)):
        if word in text:
            return kind
    return t.ODT


def local_names(data: bytes) -> set[str]:
    """Names in the local headers (APPNOTE 4.3.7) of a ZIP whose directory is lost."""
    found: set[str] = set()
    for match in _LOCAL.finditer(data):
        size = int.from_bytes(match[1], "little")
        found.add(
            data[match.end() : match.end() + min(size, 300)].decode("utf-8", "replace").replace("\\", "/").lower()
        )
        if len(found) >= MAX_LOCAL:
            break
    return found
