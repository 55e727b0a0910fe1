# SPDX-License-Identifier: Apache-2.0
"""Text encodings undone, and found where nobody declared them."""

from __future__ import annotations

import base64
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.mime import brute, decoders
from tests.evasion.encoders import _BASE64, _HQX, ENCODERS, in_binhex, in_xxencode, in_yenc
from tests.evasion.secrets import in_uuencode

OCTETS = b"\x90\x90\x00a\x90" + os.urandom(3000)


def lines(frame: bytes) -> bytes:
    """What stands between the first line and the last."""
    return frame.partition(b"\r\n")[2]


def test_old_encodings_give_the_same_octets_back() -> None:
    """uuencode, xxencode, yEnc and BinHex 4 of any octets, with their names."""
    assert decoders.decode_uu(lines(in_uuencode(OCTETS)).partition(b"`\r\n")[0]) == OCTETS
    assert decoders.decode_xx(lines(in_xxencode(OCTETS)).rpartition(b"+\r\n")[0]) == OCTETS
    assert decoders.decode_yenc(lines(in_yenc(OCTETS)).rpartition(b"=yend")[0]) == OCTETS
    name, octets = decoders.decode_binhex(lines(in_binhex(OCTETS)).partition(b":")[2])
    assert name == "x.txt"
    assert octets.startswith(OCTETS)


@pytest.mark.parametrize(
    ("body", "reading"),
    [
        (b"aGFs!!\r\nbG8", b"hallo"),
        (b"aGE=bGxv", b"hallo"),
        (b"aGFsbG8=\r\nIHdlbHQ=", b"hallo welt"),
        (b"aGFsbG8-Pj8_", b"hallo>>??"),
        (b"aGFsA\r\nbG8gA\r\n", b"hallo "),
    ],
)
def test_base64_is_read_in_every_way(body: bytes, reading: bytes) -> None:
    """Junk skipped, pieces with padding of their own, the URL alphabet, lines one by one."""
    assert any(reading in octets for octets in decoders.base64_readings(body))


@pytest.mark.parametrize(
    ("body", "clean"),
    [
        (b"QUJD\r\nREVG\r\n", True), (b"QUI=\r\n", True), (b"QQ==", True), (b"", True), (b"QUJD REVG", True), (b"QUI", False), (b"Q=I=", False),
        (b"QUI=QUJD", False), (b"QUJ!", False), (b"QQ===", False), (b"QU-D", False),
    ],
)  # fmt: skip
def test_clean_base64_is_told(body: bytes, clean: bool) -> None:
    """Clean is what every decoder reads the same way."""
    assert decoders.is_clean_base64(body) is clean


@pytest.mark.parametrize("body", [b"=4=\r\n1=42", b"=41=ZZ=42", b"=41= \t\r\n=42", b"=41=\n=42"])
def test_quoted_printable_is_read_in_every_way(body: bytes) -> None:
    """A break inside an escape, an escape that is none, blanks behind a break."""
    assert any(b"AB" in octets for octets in decoders.quoted_printable_readings(body))


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoding_is_found_undeclared(name: str) -> None:
    """In the middle of a text, without a word about it."""
    text = b"Die Gehaltsliste geht am Freitag an den Steuerberater, bitte vertraulich behandeln."
    found = brute.find_blocks(b"Guten Tag,\r\n\r\nanbei:\r\n\r\n" + ENCODERS[name](text) + b"\r\nGruesse\r\n")
    assert any(text in block.data for block in found.blocks)


def test_ordinary_text_holds_no_blocks() -> None:
    """Prose, tables, addresses, ruled lines and diffs decode to nothing worth reading."""
    text = (
        "Guten Tag Frau Müller,\n\nvielen Dank für Ihre Nachricht vom 24. November 2026. Die Lieferung 4711 ist unterwegs.\n"
        "=====================\n---------------------\n2026-11-24 12:00:01 INFO 10.0.0.1 GET /index.html?a=b&c=d\n"
        "| 1 | 22 | 333 |\n+49 30 1234567\nhttps://www.example.com/shop/artikel/liste?seite=2\n--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,2 @@\n"
    ).encode()
    assert brute.find_blocks(text).blocks == []


def _run_lengths(octets: bytes) -> bytes:
    """BinHex 4 with runs: three equal octets and more become one, 0x90 and their number."""
    packed = b""
    for run in re.findall(rb"(?s)((.)\2*)", octets):
        sign, left = run[1], len(run[0])
        while left:
            count = min(left, 255)
            one = b"\x90\x00" if sign == b"\x90" else sign
            packed += one + b"\x90" + bytes([count]) if count > 2 else one * count
            left -= count
    return packed


@given(st.lists(st.tuples(st.sampled_from([b"\x90", b"\x00", b"a", b"\xff"]), st.integers(1, 300)), max_size=40))
def test_binhex_runs_and_escapes_give_the_same_octets_back(runs: list[tuple[bytes, int]]) -> None:
    """Escaped 0x90 side by side, runs of it, runs longer than a count can say."""
    octets = b"".join(sign * count for sign, count in runs)
    packed = b"\x05x.txt\x00TEXT????\x00\x00" + len(octets).to_bytes(4, "big") + bytes(4) + b"\0\0"
    signs = base64.b64encode(packed.replace(b"\x90", b"\x90\x00") + _run_lengths(octets)).rstrip(b"=")
    name, found = decoders.decode_binhex(signs.translate(bytes.maketrans(_BASE64, _HQX)))
    assert (name, found) == ("x.txt", octets)


@given(st.binary(max_size=600))
def test_any_octets_can_be_decoded(octets: bytes) -> None:
    """No decoder and no search raises; blocks never outgrow their source by much, BinHex runs aside."""
    for encoding in decoders.DECODERS:
        decoders.readings_of(octets, encoding)
    for decode in (decoders.decode_hex, decoders.decode_base32, decoders.decode_ascii85, decoders.decode_xx):
        decode(octets)
    brute.find_blocks(octets)


@given(st.binary(min_size=1, max_size=300))
def test_base64_of_anything_is_clean_and_comes_back(octets: bytes) -> None:
    """What the standard library writes has one reading: what was put in."""
    assert decoders.base64_readings(base64.encodebytes(octets)) == (octets,)
