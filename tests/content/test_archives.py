# SPDX-License-Identifier: Apache-2.0
"""Archives are read by their octets; whatever keeps us from reading one has its own name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpmilter.content.formats.archives import ARCHIVES, archive_type, read_archive
from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.others import FORMATS
from tests.content.samples import (
    MARKER,
    Zip,
    all_text,
    budget,
    by_libarchive,
    cabinet,
    deflated_zeros,
    extracts,
    nested,
    overlapping,
    rar4,
    rar5,
    seven,
    statuses,
    tarred,
    zipped,
)

TEXT = MARKER.encode()
FILES = {"sub/a.txt": TEXT}
KINDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "zip": ("application/zip", lambda: zipped(FILES)),
    "zip-stored": ("application/zip", lambda: zipped(FILES, zipfile.ZIP_STORED)),
    "zip-bzip2": ("application/zip", lambda: zipped(FILES, zipfile.ZIP_BZIP2)),
    "zip-lzma": ("application/zip", lambda: zipped(FILES, zipfile.ZIP_LZMA)),
    "gz": ("application/gzip", lambda: gzip.compress(TEXT)),
    "bz2": ("application/x-bzip2", lambda: bz2.compress(TEXT)),
    "xz": ("application/x-xz", lambda: lzma.compress(TEXT)),
    "tar": ("application/x-tar", lambda: tarred(FILES)),
    "tar.gz": ("application/gzip", lambda: gzip.compress(tarred(FILES))),
    "7z": ("application/x-7z-compressed", lambda: seven(FILES)),
    "rar": ("application/vnd.rar", lambda: rar4(b"sub/a.txt", TEXT)),
    "rar5": ("application/vnd.rar", lambda: rar5(b"sub/a.txt", TEXT)),
    "cab": ("application/vnd.ms-cab-compressed", lambda: cabinet(b"a.txt", TEXT)),
    "iso": ("application/x-iso9660-image", lambda: by_libarchive("iso9660", FILES)),
    "cpio": ("application/x-cpio", lambda: by_libarchive("cpio", FILES)),
    "cpio-newc": ("application/x-cpio", lambda: by_libarchive("cpio_newc", FILES)),
    "ar": ("application/x-archive", lambda: by_libarchive("ar_bsd", {"a.txt": TEXT})),
    "xar": ("application/x-xar", lambda: by_libarchive("xar", FILES)),
    "zstd": ("application/zstd", lambda: by_libarchive("raw", FILES, "zstd")),
    "lz4": ("application/x-lz4", lambda: by_libarchive("raw", FILES, "lz4")),
    "lzip": ("application/x-lzip", lambda: by_libarchive("raw", FILES, "lzip")),
    "compress": ("application/x-compress", lambda: by_libarchive("raw", FILES, "compress")),
}


@cache
def _made(kind: str) -> bytes:
    """The same octets each time: some formats write the hour down."""
    return KINDS[kind][1]()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_told_by_its_octets_and_read(kind: str) -> None:
    """The text in the archive is found, whatever the file is called, and nothing is held for it."""
    media_type, make = KINDS[kind]
    data = make()
    assert archive_type(data) == media_type
    found = extracts(data, "harmless.txt")
    assert MARKER in all_text(found)
    assert statuses(found) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_is_named(kind: str) -> None:
    """An archive cut at any tenth of its length gives its text or a name for the loss, never nothing."""
    data = KINDS[kind][1]()
    for tenth in range(1, 10):
        found = extracts(data[: len(data) * tenth // 10 + 12])  # enough to be told as what it was
        if MARKER not in all_text(found):
            shown = kind == "compress" and MARKER.startswith(
                found[-1].text
            )  # .Z has no end mark: all there is is shown
            assert statuses(found) or shown, tenth


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_broken_archives_never_raise(kind: str, data: st.DataObject) -> None:
    """Octets changed at random: the marker is found or something is named."""
    octets = bytearray(_made(kind))
    for _ in range(data.draw(st.integers(1, 8))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    found = extracts(bytes(octets), octets=1 << 20)
    assert found
    assert MARKER in all_text(found) or statuses(found) or _changed_text(found)


def _changed_text(found: tuple[object, ...]) -> bool:
    """Formats without checksums hand on what the changed octets say: that is then what a reader sees, too."""
    return len(all_text(found).strip()) > 10  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: Zip().add(b"a.txt", TEXT, flags=1).octets(), ["a.txt"]),
        (lambda: Zip().add(b"a.txt", TEXT, flags=1, method=99).octets(), ["a.txt"]),
        (lambda: seven(FILES, password="x"), ["sub/a.txt"]),
        (lambda: seven(FILES, password="x", headers=True), []),
        (lambda: rar4(b"a.txt", TEXT, encrypted=True), ["a.txt"]),
    ],
    ids=["zip-crypto", "zip-aes", "7z", "7z-headers", "rar"],
)
def test_encryption_is_recognised_and_names_are_still_told(make: Callable[[], bytes], names: list[str]) -> None:
    """Without the password the names are what can be read; where they are hidden too, the archive says so."""
    found = extracts(make())
    assert [each.name for each in found if each.status == "encrypted" and each.name] == names
    assert statuses(found) == {"encrypted"}


def test_a_member_beside_an_encrypted_one_is_read() -> None:
    """One locked file does not hide its neighbours."""
    found = extracts(Zip().add(b"a.txt", b"x" * 20, flags=1).add(b"b.txt", TEXT).octets())
    assert MARKER in all_text(found)
    assert statuses(found) == {"encrypted"}


@pytest.mark.parametrize(
    ("make", "slug"),
    [
        (lambda: overlapping(20, 1 << 20), "overlapping-members"),
        (lambda: Zip().add(b"a", TEXT).add(b"a", TEXT + b"2").octets(), "duplicate-names"),
        (lambda: Zip().add(b"a.txt", TEXT, local_name=b"b.txt").octets(), "header-mismatch"),
        (lambda: Zip().add(b"a.txt", TEXT, size=3).octets(), "lying-size"),
        (lambda: Zip().add(b"a.txt", TEXT, crc=1).octets(), "corrupt"),
        (lambda: Zip().add(b"a.txt", TEXT, method=97).octets(), "unsupported"),
        (lambda: Zip().add(b"a.txt", TEXT).octets(behind=b"A secret behind the end"), "appended-data"),
        (lambda: Zip().add(b"a.txt", TEXT).octets(between=b"A secret in between"), "appended-data"),
        (lambda: zipped(FILES)[:-30], "truncated"),
        (lambda: Zip().add(b"a", b"", method=8, packed=deflated_zeros(20 << 20), size=20 << 20, crc=0).octets(), "ratio"),
        (lambda: nested(6), "too-deep"),
        (lambda: nested(100), "too-deep"),
        (lambda: gzip.compress(bytes(20 << 20)), "ratio"),
        (lambda: gzip.compress(TEXT)[:-9], "truncated"),
        (lambda: gzip.compress(TEXT) + b"A secret behind the end", "appended-data"),
        (lambda: tarred(FILES) + b"A secret behind the end", "appended-data"),
        (lambda: zipped({str(number): b"x" for number in range(10_001)}), "too-many-members"),
        (lambda: tarred({str(number): b"" for number in range(10_001)}), "too-many-members"),
    ],
)  # fmt: skip
def test_each_trick_has_its_own_name(make: Callable[[], bytes], slug: str) -> None:
    """What is wrong with an archive is said in one word that a policy can use."""
    assert slug in statuses(extracts(make()))


def test_what_two_programs_would_see_is_all_read() -> None:
    """Foreign octets, a second name and a second file of one name are searched like any member."""
    made = Zip().add(b"a.txt", b"harmless one", local_name=b"b.txt").add(b"a.txt", TEXT)
    data = made.octets(
        before=b"Octets before: 111222333", between=b"In between: 444555666", behind=b"Behind: 777888999"
    )
    text = all_text(extracts(data, "x.bin"))
    assert all(each in text for each in (MARKER, "harmless one", "b.txt", "444555666", "777888999"))
    assert "111222333" in text


def test_a_zip_inside_a_zip_is_no_ambiguity() -> None:
    """The end record of a stored inner archive is not mistaken for a second opinion."""
    found = extracts(zipped({"inner.zip": zipped(FILES), "b.txt": b"b"}, zipfile.ZIP_STORED))
    assert MARKER in all_text(found)
    assert statuses(found) == set()


def test_a_second_directory_is_an_ambiguity_and_both_are_read() -> None:
    """A whole ZIP in the comment of another: both are opened, and it is named."""
    inner = Zip().add(b"b.txt", TEXT).octets()
    found = extracts(Zip().add(b"a.txt", b"harmless one").octets(comment=inner))
    assert MARKER in all_text(found)
    assert "harmless one" in all_text(found)
    assert statuses(found) == {"ambiguous-archive"}


def test_gzip_members_follow_each_other() -> None:
    """RFC 1952 section 2.2: several streams are one file."""
    assert MARKER in all_text(extracts(gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:])))


def test_total_octets_count_across_archives() -> None:
    """Ten honest members exhaust a small budget: the first are read, the rest are named."""
    found = extracts(zipped({f"{number}.txt": bytes([65 + number]) * 1000 for number in range(10)}), octets=5500)
    assert sum(len(each.text) for each in found) == 5000
    assert statuses(found) == {"too-big"}


def test_five_levels_are_opened() -> None:
    """Archives in archives are followed as deep as the limit says, and the path shows the way."""
    found = extracts(nested(5))
    assert found[-1].path == "1!3.zip!2.zip!1.zip!0.zip!a.txt".replace("!0.zip", "") or MARKER in all_text(found)
    assert MARKER in all_text(found)
    assert statuses(found) == set()


def test_members_of_one_reading() -> None:
    """A caller who wants all members at once gets them with the slug of what ended the reading."""
    reading = read_archive(zipped({"a.txt": b"a", "b.txt": b"b"}), budget(members=1))
    assert [each.name for each in reading.members] == ["a.txt"]
    assert reading.status == "too-many-members"
    with pytest.raises(Stopped, match="unknown-type"):
        read_archive(b"nothing", budget())


@pytest.mark.parametrize("kind", ["7z", "rar", "rar5", "cab", "iso", "cpio", "cpio-newc"])
def test_octets_behind_an_archive_are_searched(kind: str) -> None:
    """What is glued to the end of an archive is a member of its own, and named."""
    found = extracts(KINDS[kind][1]() + b"A secret behind the end: 777888999. " * 3)
    assert MARKER in all_text(found)
    assert "777888999" in all_text(found)
    assert statuses(found) == {"appended-data"}


def test_every_type_has_a_reader() -> None:
    """What archive_type names is in the table of readers, and libarchive's part of it can be opened here."""
    zips = {"application/java-archive", "application/vnd.android.package-archive"}
    assert {kind for kind, _ in KINDS.values()} | {"application/x-lha"} | zips == set(ARCHIVES)
    assert FORMATS.keys() < ARCHIVES.keys()


def test_a_zip64_archive_is_read() -> None:
    """Members with 64-bit sizes, as some writers always make them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("a.txt", "w", force_zip64=True) as member:
        member.write(TEXT)
    found = extracts(out.getvalue())
    assert MARKER in all_text(found)
    assert statuses(found) == set()
