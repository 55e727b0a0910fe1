# SPDX-License-Identifier: Apache-2.0
"""The walk opens by content, goes down to the last member, and has a name for whatever it could not read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import pytest

from dlpmilter.content.formats.base import Budget, Member, Reader, Reading, Stopped
from dlpmilter.content.registry import sniff
from dlpmilter.content.walk import Payload, walk
from dlpmilter.model.content import Extract, Table
from tests.content.samples import MARKER, all_text, budget, extracts, statuses, tarred, zipped

TEXT = MARKER.encode()
PNG = (
    b"\x89PNG\r\n\x1a\n"
    + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b""))
    )
)  # fmt: skip
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x12\xff\x00\x34\xff\xd0\x56\xff\xd9"
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


class PanicError(BaseException):
    """What a library in Rust raises when it gives up."""


def read_pdf(data: bytes, spent: Budget) -> Reading:
    """A reader for these tests: what a document says is told by a word in it."""
    if b"/Encrypt" in data:
        raise Stopped("encrypted")
    if b"crash" in data:
        raise IndexError
    if b"memory" in data:
        raise MemoryError
    if b"panic" in data:
        raise PanicError
    if b"blank" in data:
        return Reading(status="blank")
    if b"embedded" in data:
        return Reading(text="page", members=(Member("a.zip", zipped({"a.txt": TEXT})), Member("", TEXT)))
    if b"table" in data:
        return Reading(tables=(Table((("a", "b"),), 1),), labels=("Secret",))
    if b"silent" in data:
        return Reading()
    return Reading(text="page", hidden="note")


READERS: Mapping[str, Reader] = {"application/pdf": read_pdf}


def walked(*payloads: Payload, spent: Budget | None = None, confined: bool = True) -> tuple[Extract, ...]:
    return walk(payloads, spent or budget(), READERS, sniff, confined=confined)


@pytest.mark.parametrize(
    ("word", "slug"),
    [(b"", "read"), (b"/Encrypt", "encrypted"), (b"crash", "corrupt"), (b"memory", "out-of-memory"), (b"panic", "corrupt"), (b"silent", "no-text"), (b"blank", "no-text"), (b"table", "read")],
)  # fmt: skip
def test_what_a_reader_does_is_told_in_one_word(word: bytes, slug: str) -> None:
    """Whatever a reader raises, and a silent nothing, becomes a status; a white page may be drawn in curves."""
    (found,) = walked(Payload("1.2", PDF + word + b"%%EOF", ("a.txt",)))
    assert (found.path, found.type, found.name, found.status) == ("1.2", "application/pdf", "a.txt", slug)


def test_embedded_documents_have_paths() -> None:
    """Members of a document are walked like those of an archive; one without a name has its number."""
    found = walked(Payload("1.2", PDF + b"embedded%%EOF"))
    assert [each.path for each in found] == ["1.2", "1.2!a.zip", "1.2!a.zip!a.txt", "1.2!2"]
    assert [each.text for each in found] == ["page", "", MARKER, MARKER]


def test_unknown_octets_are_held_and_their_strings_searched() -> None:
    """No reader: the status says so, and readable runs in one-octet and in wide text are there to be searched."""
    found = extracts(
        b"\0\x01\x02"
        + TEXT
        + b"\0\xff\xfe"
        + "Gehalt Jänner 5000".encode("utf-16-le")
        + b"\x01"
        + "BigEndian".encode("utf-16-be")
        + b"\x02\x80"
    )
    assert statuses(found) == {"unknown-type"}
    assert all(each in found[0].hidden for each in (MARKER, "Gehalt Jänner 5000", "BigEndian"))


@pytest.mark.parametrize("carrier", [PNG, GIF, JPEG, PDF], ids=["png", "gif", "jpeg", "pdf"])
@pytest.mark.parametrize(
    "cargo", [TEXT * 3, zipped({"a.txt": TEXT}), tarred({"a.txt": TEXT})], ids=["text", "zip", "tar"]
)
def test_cargo_behind_the_end_of_a_file_is_found_and_named(carrier: bytes, cargo: bytes) -> None:
    """A picture or document with something glued to its end: the cargo is read as a member."""
    found = walked(Payload("1", carrier + cargo, ("holiday.jpg",)))
    assert MARKER in all_text(found)
    assert "appended-data" in statuses(found)


@pytest.mark.parametrize("carrier", [PNG, GIF, JPEG, PDF])
def test_an_honest_file_has_nothing_behind_its_end(carrier: bytes) -> None:
    """No appended data where there is none; a picture is a picture and not held for that."""
    assert statuses(walked(Payload("1", carrier))) <= {"picture"}


def test_a_second_picture_behind_a_picture_is_no_alarm() -> None:
    """Phones write a preview behind the photo."""
    assert statuses(walked(Payload("1", JPEG + JPEG))) == {"picture"}


def test_a_zip_with_a_document_in_front_is_both() -> None:
    """A PDF whose octets lie stored inside the ZIP that starts within it: both readings are taken."""
    archive = zipped({"a.txt": TEXT, "b.pdf": PDF}, 0)
    found = walked(Payload("1", PDF[:-6] + archive + b""))
    assert found[0].type == "application/pdf"
    assert MARKER in all_text(found)


def test_a_chain_of_files_is_as_deep_as_archives() -> None:
    """A thousand pictures one behind the other end at the depth limit, with its name."""
    assert "too-deep" in statuses(walked(Payload("1", PNG * 1000)))


def test_text_is_read_by_its_charset_and_its_mark() -> None:
    """The declared charset counts for text; a byte order mark outweighs it."""
    (latin,) = walked(Payload("1", "Gehälter".encode("cp1252"), type="text/plain", charset="windows-1252"))
    (wide,) = walked(Payload("1", "Gehälter".encode("utf-16"), type="text/plain", charset="us-ascii"))
    assert latin.text == "Gehälter"
    assert wide.text.lstrip("\ufeff") == "Gehälter"


def test_without_a_sandbox_only_text_is_read() -> None:
    """Where the process cannot be confined no document and no archive is opened, and each says so."""
    found = walked(
        Payload("1", TEXT, type="text/plain"),
        Payload("2", PDF),
        Payload("3", zipped({"a.txt": TEXT}), type="text/plain"),
        confined=False,
    )
    assert [(each.path, each.status) for each in found] == [("1", "read"), ("2", "no-sandbox"), ("3", "no-sandbox")]
    assert found[0].text == MARKER


def test_too_much_text_is_named() -> None:
    """Characters are counted over all parts."""
    found = walked(
        Payload("1", b"a" * 60, type="text/plain"),
        Payload("2", b"b" * 60, type="text/plain"),
        spent=budget(text_chars=100),
    )
    assert [each.status for each in found] == ["read", "too-much-text"]


def test_a_part_that_was_cut_keeps_its_slug() -> None:
    """What happened before the walk is not forgotten by reading what is left."""
    (found,) = walked(Payload("1", TEXT, type="text/plain", status="too-big"))
    assert (found.status, found.text) == ("too-big", MARKER)


def test_all_names_are_searched() -> None:
    """A part with two names shows the first and hides none."""
    (found,) = walked(Payload("1", b"x", ("a.txt", "payroll 2024.xlsx")))
    assert found.name == "a.txt"
    assert "payroll 2024.xlsx" in found.hidden


def test_a_detached_signature_holds_no_mail() -> None:
    """RFC 8551 section 3.5.3: the signature of a signed mail is neither text nor uninspectable, however it is labelled."""
    oid = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"
    inner = b"\x02\x01\x01\x31\x0f" + b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"
    bare = (
        b"\x30\x82\x01\x00"
        + oid
        + b"\x02\xa0\x82\x00\xf0\x30\x82\x00\xec"
        + inner
        + b"\x30\x0b"
        + oid
        + b"\x01"
        + bytes(range(128, 255))
    )
    full = bare.replace(b"\x30\x0b" + oid, b"\x30\x2b" + oid)
    assert statuses(walked(Payload("1", bare, ("smime.p7s",)))) == {"skipped"}
    assert statuses(walked(Payload("1", full, ("smime.p7s",)))) == {"unknown-type"}


def test_an_archive_inside_an_old_office_file_is_searched_without_alarm() -> None:
    """Such files hold newer ones as they are; what is in them is read, and nobody is held for it."""
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    readers: Mapping[str, Reader] = {"application/x-ole-storage": read_pdf}
    found = walk([Payload("1", old + zipped({"a.txt": TEXT}) + bytes(100))], budget(), readers, sniff)
    assert MARKER in all_text(found)
    assert statuses(found) == set()


def test_a_scrap_behind_a_file_is_read_and_no_alarm() -> None:
    """A word behind a picture is searched; holding every photo for it would help nobody."""
    found = walked(Payload("1", PNG + b"4711 ok"))
    assert "4711 ok" in all_text(found)
    assert statuses(found) == {"picture"}
