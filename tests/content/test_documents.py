# SPDX-License-Identifier: Apache-2.0
"""Every document of the shared corpora: text found, or a named reason why not. Nothing of them is printed."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.table import PICTURES, READ
from tests.benchmarks.documents import CORPORA, SETS, Seen, files, look, read

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="the shared corpora are not beside the project")

REASONS = READ | PICTURES | {"archive", "encrypted", "corrupt", "unsupported", "unsupported-legacy", "partial", "truncated", "no-text",
                             "unknown-transfer-encoding"}  # fmt: skip
"""What may be said of a file of the corpora; a new word is looked at by a person first."""
BROKEN = re.compile(r"bad|fuzz|corrupt|truncated|embeddedPDF|inspect|c-empty|Exception|testEXCEL_4|testEXCEL\.xlsb")
"""Files that their own projects keep for being broken, and three that calamine cannot open."""
LOCKED = re.compile(
    r"protected_passtika|protectedFile|/protect\.xlsx|protected_(?:normal|upper)_case|protected_drm|PwdProtected|ODTEncrypted|"
    r"owner_user\.pdf|/encryption/(?!base|encrypted_doc_no_id)|enc-.*U=(?:view|wwwww)|enc-.*long-password|c-r\d|"
    r"encrypted-40-bit|bad-encryption-length|PKCS7_enveloped"
)
"""Files that open with a password only; an empty user password opens for everyone."""


@pytest.fixture(scope="module")
def seen() -> list[Seen]:
    """Every file, looked at once."""
    found = [look(path) for path in files()]
    assert len(found) > 500, SETS
    return found


def test_no_document_is_silently_empty(seen: list[Seen]) -> None:
    """Each file gives text, members, or a reason from the known ones."""
    assert [each.path.name for each in seen if each.silent or each.status not in REASONS] == []


def test_every_locked_document_is_recognised(seen: list[Seen]) -> None:
    """What needs a password is `encrypted`, and nothing else of the corpora is."""
    locked = {each.path.name for each in seen if LOCKED.search(str(each.path)) and each.status != "archive"}
    told = {each.path.name for each in seen if each.status == "encrypted"}
    assert len(told) > 30
    assert told ^ locked == set()


def test_only_broken_documents_are_called_so(seen: list[Seen]) -> None:
    """A document that office programs open is never called corrupt or partial."""
    wrong = [
        each
        for each in seen
        if each.status in ("corrupt", "partial", "truncated") and not BROKEN.search(str(each.path))
    ]
    assert [each.path.name for each in wrong] == []


@pytest.mark.parametrize("end", [".docx", ".pptx", ".odt", ".rtf", ".doc", ".msg", ".html", ".ics", ".eml"])
def test_documents_with_text_give_text(seen: list[Seen], end: str) -> None:
    """Of the text formats at least nineteen of twenty files that are not locked give text."""
    open_ones = [each for each in seen if each.path.name.endswith(end) and each.status != "encrypted"]
    assert sum(bool(each.chars or each.inner) for each in open_ones) >= 0.95 * len(open_ones) > 0


@pytest.mark.parametrize(("name", "word"), [
    ("testWORD_various.doc", "Footnote"), ("testWORD_various.docx", "Footnote"), ("testPPT.ppt", "Sample Powerpoint Slide"),
    ("testEXCEL.xls", "Sample Excel Worksheet"), ("testMSG_att_msg.msg", "Test"), ("testRTFTableCellSeparation.rtf", "ä\të"), ("testRTFWindowsCodepage1250.rtf", "zażółć gęślą jaźń"), ("testRTF-ms932.rtf", "こんにちは"),
    ("testComment.xls", "comment"), ("testPDF_acroform3.pdf", "aTextField"), ("testEXCEL_textbox.xls", "some autoshape"),
])  # fmt: skip
def test_known_words_are_found(name: str, word: str) -> None:
    """Words that these test documents are known to hold are found in text or hidden text."""
    paths = [path for path in files() if path.name == name]
    if not paths:
        pytest.skip(f"{name} is not in this copy of the corpora")
    found = read(paths[0].read_bytes(), name)[1]
    assert word.lower() in (found.text + found.hidden).lower()


@pytest.mark.skipif(shutil.which("file") is None, reason="the peer file(1) is not installed")
def test_types_agree_with_file(seen: list[Seen]) -> None:
    """On the families that both know, our type and that of file(1) agree but for a handful of broken files."""
    families = {
        t.PDF: "application/pdf",
        t.RTF: "text/rtf",
        t.PNG: "image/png",
        t.GZIP: "application/gzip",
        t.RAR: "application/x-rar",
    }
    wrong = []
    for each in seen:
        told = subprocess.run(
            ["file", "-b", "--mime-type", str(each.path)], capture_output=True, text=True, check=True
        ).stdout.strip()
        if (each.kind in families or told in families.values()) and families.get(each.kind) != told:
            wrong.append(f"{each.path.name}: {each.kind}, file says {told}")
    assert len(wrong) <= 10, wrong


def test_renamed_documents_keep_their_type(seen: list[Seen]) -> None:
    """No file of the corpora changes its type when it is called like a picture."""
    text = (t.TEXT, t.CSV, t.TSV, t.HTML, t.ICS, t.VCF, t.EML, t.JSON)
    assert [
        each.path.name
        for each in seen
        if each.kind not in text and sniff(each.path.read_bytes(), ("a.jpg",)) != each.kind
    ] == []
