# SPDX-License-Identifier: Apache-2.0
"""Documents made to hurt: entities, bombs, loops, cut and flipped octets. Nothing but Stopped ever leaves a reader."""

from __future__ import annotations

import base64
import io
import resource
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.base import Reading, Stopped
from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.table import READERS, warm
from tests.content.formats import make
from tests.content.formats.make import budget, everything, read
from tests.content.formats.test_plain import CARD, MAIL
from tests.content.formats.test_sniff import KINDS

LOL = '<!DOCTYPE lolz [<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
) + "]>"  # fmt: skip
SECRET = "steht-nur-in-der-datei"
BODY = f'<w:document xmlns:w="{make.W}"><w:body><w:p><w:r><w:t>{{}} Zweitwort</w:t></w:r></w:p></w:body></w:document>'


def _attacks(path: Path) -> dict[str, bytes]:
    """Ten documents that would read a file, open a socket or grow without end in a careless parser."""
    outside = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{path}">]>'
    parameter = f'<!DOCTYPE x [<!ENTITY % p SYSTEM "file://{path}"> %p;]>'
    quadratic = f'<!DOCTYPE x [<!ENTITY a "{"A" * 50_000}">]>'
    return {
        "xxe in docx": make.plain_docx(**{"word__document.xml": outside + BODY.format("&e;")}),
        "xxe in svg": f'<?xml version="1.0"?>{outside}<svg xmlns="http://www.w3.org/2000/svg"><text>&e; Zweitwort</text></svg>'.encode(),
        "parameter entity in xml": f'<?xml version="1.0"?>{parameter}<x>Zweitwort</x>'.encode(),
        "external dtd": f'<?xml version="1.0"?><!DOCTYPE x SYSTEM "file://{path}"><x>Zweitwort</x>'.encode(),
        "dtd on the net": b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x>Zweitwort</x>',
        "xinclude": f'<?xml version="1.0"?><x xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file://{path}" parse="text"/>Zweitwort</x>'.encode(),
        "laughs in xlsx": make.with_parts(make.xlsx([["Zweitwort"]]), {"xl/sharedStrings.xml": LOL + "<sst><si><t>&j; Zweitwort</t></si></sst>"}),
        "laughs in odt": make.odf("text", "", **{"content.xml": LOL + f"<office:document-content {make.ODF}><text:p>&j; Zweitwort</text:p></office:document-content>"}),
        "quadratic blow-up": f'<?xml version="1.0"?>{quadratic}<x>{"&a;" * 50_000} Zweitwort</x>'.encode(),
        "laughs in utf-16": ('<?xml version="1.0" encoding="UTF-16"?>' + LOL + "<x>&j; Zweitwort</x>").encode("utf-16"),
        "xxe in utf-7": f'<?xml version="1.0" encoding="UTF-7"?>{outside}<x>&e; Zweitwort</x>'.encode("utf-7"),
        "entity in an attribute": f'<?xml version="1.0"?>{LOL}<x title="&j;">Zweitwort</x>'.encode(),
    }  # fmt: skip


def test_no_entity_is_expanded_and_no_file_read(tmp_path: Path) -> None:
    """Outside and nested entities give nothing of a file, little text, and their document's own text."""
    path = tmp_path / "geheim.txt"
    path.write_text(SECRET, encoding="utf-8")
    for name, data in _attacks(path).items():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        found = read(data)
        spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
        assert SECRET not in everything(data), name
        assert "Zweitwort" in found.text + found.hidden or found.status != "read", name
        assert len(found.text) + len(found.hidden) < 1_000_000, name
        assert spent < 5, name


def _bomb(name: str, size: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with zipfile.ZipFile(io.BytesIO(make.plain_docx())) as old:
            for info in old.infolist():
                if info.filename != name:
                    archive.writestr(info.filename, old.read(info))
        with archive.open(name, "w", force_zip64=True) as part:
            for _ in range(size // (1 << 20)):
                part.write(b" " * (1 << 20))
    return file.getvalue()


BOMBS: dict[str, tuple[bytes, str]] = {
    "300 MB part": (_bomb("word/document.xml", 300 << 20), "too-big"),
    "300 MB picture": (_bomb("word/media/a.png", 300 << 20), "too-big"),
    "deep xml": (b'<?xml version="1.0"?>' + b"<a>" * 200_000 + b"Zweitwort", "corrupt"),
    "wide xml": (b'<?xml version="1.0"?><a>' + b"<b/>" * 2_000_000 + b"</a>", "too-big"),
    "deep rtf": (rb"{\rtf1 " + b"{" * 100_000 + b"Zweitwort" + b"}" * 100_000, "too-deep"),
    "deep json": (b"[" * 200_000 + b"]" * 200_000, ""),
    "many cards": (b"BEGIN:VCARD\nN:x\nEND:VCARD\n" * 100_000, "too-big"),
    "huge columns": (b"a;" * 2_000_000 + b"\n" + b"b;" * 2_000_000 + b"\n", ""),
    "folded for ever": (b"BEGIN:VCARD\nN:x\n" + b" a\n" * 500_000, ""),
    "pdf with a million objects": (b"%PDF-1.4\n" + b"1 0 obj<<>>endobj\n" * 200_000, "corrupt"),
    "comments without end": (b"<html>" + b"<!--" * 200_000, ""),
    "open tags without end": (b"<html>" + b"<a " * 200_000, ""),
    "zip with 20,000 names": (make.zipped({"word/document.xml": "<a/>", **{f"a{n}": "" for n in range(20_000)}}), "too-many-members"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_end_early_with_a_reason(name: str) -> None:
    """A document made to grow or nest without end costs seconds at most and is told by its reason."""
    data, reason = BOMBS[name]
    before = time.process_time()
    found = read(data)
    assert time.process_time() - before < 10, name
    assert found.status == reason or not reason, found.status


def test_a_spent_budget_ends_every_reader() -> None:
    """When nothing may be spent any more, what was read stays and the reason is told."""
    for kind, (_, data) in KINDS.items():
        if sniff(data) in READERS:
            found = read(data, spend=budget(octets=10, chars=1, members=0))
            assert len(found.text) + len(found.hidden) < 2000, kind
    found = read(make.plain_docx("<w:p><w:r><w:t>" + "wort " * 1000 + "</w:t></w:r></w:p>"), spend=budget(chars=100))
    assert found.status == "too-much-text"
    assert found.text.startswith("wort wort")


def test_loops_in_compound_files_end() -> None:
    """Sector chains and directory entries that point back at themselves are followed once."""
    data = bytearray(make.doc("Text " * 500))
    fat = (struct.unpack_from("<I", data, 76)[0] + 1) * 512
    for number in range(64):
        struct.pack_into("<I", data, fat + 4 * number, number)
    assert len(read(bytes(data)).text) < 2 * len(data)
    looped = bytearray(make.msg())
    directory = (struct.unpack_from("<I", looped, 48)[0] + 1) * 512
    for number in range(8):
        struct.pack_into("<III", looped, directory + 128 * number + 68, 0, 0, 0)
    assert read(bytes(looped)).status


SEEDS: dict[str, bytes] = {
    **{name: data for name, (kind, data) in KINDS.items() if kind in READERS and len(data) < 100_000},
    "full docx": make.docx(body="x", header="y"),
    "full msg": make.msg(),
    "cards": CARD.format(photo="AAAA", key="QUJD").encode(),
    "mail": MAIL,
    "attachment": make.pdf_with_attachment("a", b"b"),
    "macro": make.compound({"VBA": {"dir": b"x", "Modul": b"\x01" + struct.pack("<H", 0xB003) + b"\x00Attribut" + bytes(range(60))}}),
    "utf-16 html": "<html><p style='display:none'>a</p></html>".encode("utf-16"),
    "hex": rb"{\rtf1{\object{\*\objdata 0105000002000000" + b"41" * 40 + b"}}}",
    "mbox of mails": b"From a@b Mon Jan  1 00:00:00 2024\n" + MAIL,
    "uri": b"<html><a href='data:x;base64," + base64.b64encode(b"x" * 30) + b"'>",
}  # fmt: skip


def _guarded(data: bytes) -> Reading | None:
    """Read; None when it was stopped. Anything else is a fault of the reader."""
    reader = READERS.get(sniff(data))
    if reader is None:
        return None
    try:
        return reader(data, budget(octets=50 << 20))
    except Stopped:
        return None


@pytest.mark.parametrize("name", SEEDS)
def test_cut_documents_never_raise_and_never_say_nothing(name: str) -> None:
    """Every document, cut at forty places, is read or refused with a reason."""
    data = SEEDS[name]
    for number in range(40):
        cut = data[: len(data) * number // 40]
        found = _guarded(cut)
        if found is not None:
            nothing = not (found.text.strip() or found.hidden.strip() or found.members or found.tables)
            assert not nothing or found.status != "read"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(SEEDS)),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(1, 255)), min_size=1, max_size=30),
)
@example("pdf", [(900, 7), (950, 255)])
def test_flipped_octets_never_raise(name: str, flips: list[tuple[int, int]]) -> None:
    """Documents with flipped octets are read or refused with a reason; no exception leaves a reader."""
    data = bytearray(SEEDS[name])
    for place, mask in flips:
        if data:
            data[place % len(data)] ^= mask
    _guarded(bytes(data))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(READERS)), st.binary(max_size=4000), st.sampled_from(sorted(SEEDS)))
def test_any_octets_in_any_reader_never_raise(kind: str, noise: bytes, seed: str) -> None:
    """A reader that gets another format, or noise, or noise behind a right beginning, never raises."""
    for data in (noise, SEEDS[seed], SEEDS[seed][:64] + noise):
        READERS[kind](data, budget(octets=50 << 20))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(["word/document.xml", "word/comments.xml", "docProps/custom.xml", "_rels/.rels", "[Content_Types].xml"]),
       st.binary(max_size=500), st.text(max_size=300))  # fmt: skip
def test_broken_parts_hide_no_other_part(part: str, noise: bytes, text: str) -> None:
    """Noise in one part of a package neither raises nor hides a word in another part."""
    words = {
        "word/footnotes.xml": f'<w:footnotes xmlns:w="{make.W}"><w:p><w:r><w:t>Fussnotenwort</w:t></w:r></w:p></w:footnotes>'
    }
    for content in (noise, text.encode("utf-8", "replace"), b'<?xml version="1.0"?><a>' + noise + b"</a>"):
        data = make.with_parts(make.plain_docx(), {**words, part: content})
        assert "Fussnotenwort" in everything(data)


def test_a_warm_process_opens_no_file_to_read_documents() -> None:
    """After warm() every sample is read without a single import or opened file: a confined child cannot open one."""
    code = """
import sys
from dlpmilter.content.formats.table import READERS, SAMPLES, warm
from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.base import Budget
from tests.content.formats.test_hostile import SEEDS
warm()
opened = []
sys.addaudithook(lambda event, args: opened.append((event, str(args)[:80])) if event in ("open", "import", "socket.connect", "subprocess.Popen") else None)
for data in (*SAMPLES, *SEEDS.values()):
    reader = READERS.get(sniff(data))
    if reader:
        reader(data, Budget(1 << 25, 1 << 22, 1000, 5))
print(opened)
"""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_warm_can_be_called_again() -> None:
    """Warming twice changes nothing."""
    warm()
    warm()
    assert t.PDF in READERS
