# SPDX-License-Identifier: Apache-2.0
"""Ends of files and readable runs, for any octets at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.zips import survey
from dlpmilter.content.polyglot import detached_signature, end_of, strings
from tests.content.samples import zipped

MAGICS = {
    "application/pdf": b"%PDF-1.4",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff\xda",
    "image/gif": b"GIF89a",
    "application/x-7z-compressed": b"7z\xbc\xaf\x27\x1c",
    "application/vnd.rar": b"Rar!\x1a\x07\x00",
    "application/vnd.ms-cab-compressed": b"MSCF",
    "application/x-cpio": b"070701",
    "application/x-iso9660-image": b"",
}


@given(st.binary(max_size=300))
def test_the_blocks_of_rar_5_end_within_the_file(octets: bytes) -> None:
    """Its numbers of any length, too."""
    data = b"Rar!\x1a\x07\x01\x00" + octets
    assert 0 <= end_of(data, "application/vnd.rar") <= len(data)


@pytest.mark.parametrize("kind", MAGICS)
@given(st.binary(max_size=300))
def test_an_end_lies_within_the_file(kind: str, octets: bytes) -> None:
    """For every type and any octets: an end between nothing and all, never an error."""
    data = MAGICS[kind] + octets
    assert 0 <= end_of(data, kind) <= len(data)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_strings_are_as_many_as_asked_for(octets: bytes, most: int) -> None:
    """Any octets give readable runs, no more than the limit (and a line end for each)."""
    assert len(strings(octets, most)) <= 2 * most
    assert not detached_signature(octets) or octets[:1] == b"\x30"


@given(st.binary(max_size=200), st.integers(0, 200), st.binary(max_size=30))
def test_a_survey_of_a_broken_zip_ends(before: bytes, place: int, middle: bytes) -> None:
    """Octets in front of, inside and over a ZIP: entries or a slug; every span lies in the file."""
    archive = zipped({"a.txt": b"text", "b.txt": b"more"})
    data = before + archive[:place] + middle + archive[place + len(middle) // 2 :]
    try:
        seen = survey(data, 100)
    except Stopped:
        return
    assert all(0 <= each.start <= each.end <= len(data) or each.trouble for each in seen.entries)
    assert all(0 <= start < end <= len(data) for _, start, end in seen.foreign)
