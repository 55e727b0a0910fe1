# SPDX-License-Identifier: Apache-2.0
"""One mail from octets to report; what comes back over the wire is checked and holds no text."""

from __future__ import annotations

import base64

import pytest

from dlpmilter.content.examine import examine
from dlpmilter.content.report_wire import pack_report, unpack_report
from dlpmilter.model.content import ContentReport, Extract, FingerprintHit, RegisterHit
from dlpmilter.model.limits import Limits
from dlpmilter.model.verdict import Finding, PartSummary
from tests.content.samples import HEAD, MARKER, Zip, mail, zipped

LIMITS = Limits()
TEXT = MARKER.encode()


def find_marker(extracts: tuple[Extract, ...]) -> tuple[Finding, ...]:
    """A scanner for these tests."""
    return tuple(
        Finding("marker", 1, 0.9, each.path, "text")
        for each in extracts
        if MARKER in f"{each.text}{each.hidden}{each.name}"
    )


def test_parts_and_members_are_listed_in_the_order_of_the_mail() -> None:
    """Every part and member with its path, type by content, name, characters and status."""
    report = examine(mail(("a.doc", zipped({"x/b.txt": TEXT}))), LIMITS, (find_marker,))
    assert report.parts == (
        PartSummary("1", "multipart/mixed", "", 0, "read"),
        PartSummary("1.1", "text/plain", "", 7, "read"),
        PartSummary("1.2", "application/zip", "a.doc", 0, "read"),
        PartSummary("1.2!x/b.txt", "text/plain", "x/b.txt", len(MARKER), "read"),
    )
    assert report.findings == (Finding("marker", 1, 0.9, "1.2!x/b.txt", "text"),)
    assert report.uninspectable == report.doubts == ()


def test_troubles_and_doubts_of_members_reach_the_report() -> None:
    """What was not read is uninspectable, what two programs read differently is a doubt."""
    made = Zip().add(b"a.txt", TEXT, flags=1).add(b"b.txt", b"b", local_name=b"c.txt")
    report = examine(mail(("a.zip", made.octets())), LIMITS)
    assert report.uninspectable == ("encrypted",)
    assert report.doubts == ("header-mismatch",)


def test_an_attached_mail_in_base64_is_opened() -> None:
    """Its parts have the paths that the structure gives them."""
    inner = mail(("a.zip", zipped({"b.txt": TEXT})))
    raw = (
        HEAD + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(inner)
    )
    report = examine(raw, LIMITS, (find_marker,))
    assert [each.part for each in report.findings] == ["1.1.2!b.txt"]
    assert report.uninspectable == ()


def test_a_failing_scanner_makes_the_mail_uninspectable() -> None:
    """A mistake in a detector never passes a mail: it is named, and the other scanners still look."""

    def broken(extracts: tuple[Extract, ...]) -> tuple[Finding, ...]:
        raise IndexError

    report = examine(mail(("a.txt", TEXT)), LIMITS, (broken, find_marker))
    assert report.uninspectable == ("scanner-failed",)
    assert [each.part for each in report.findings] == ["1.2"]


def test_a_mail_that_is_one_picture_says_so() -> None:
    """Pictures without text are told apart from pictures beside a letter."""
    picture = ("scan.png", b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0IEND\xaeB`\x82")
    assert examine(mail(picture, text=b"regards\r\n"), LIMITS).image_only
    assert not examine(mail(picture, text=b"a letter of many words " * 20), LIMITS).image_only
    assert not examine(mail(text=b"regards\r\n"), LIMITS).image_only


def test_a_part_above_the_limit_is_cut_and_named() -> None:
    """Octets of one part are limited before any reader sees them."""
    report = examine(mail(("a.txt", TEXT * 1000)), Limits(content_member_octets=1000))
    assert report.uninspectable == ("too-big",)
    assert report.parts[-1].text_chars <= 1000


FULL = ContentReport(
    parts=(PartSummary("1", "text/plain", "a\udcff\u202e.txt", 3, "read"),),
    findings=(Finding("iban", 2, 0.5, "1", "text"),),
    uninspectable=("encrypted",),
    doubts=("header-mismatch",),
    registers=(RegisterHit("customers", (1, 5), 1000, licensed=True, build="0a1b2c3d4e5f"),),
    fingerprints=(FingerprintHit("plan", 0.25),),
    table_rows=7,
    image_only=True,
)


def test_a_report_survives_the_wire() -> None:
    """Packing and unpacking change nothing, broken names included."""
    assert unpack_report(pack_report(FULL)) == FULL
    assert unpack_report(pack_report(ContentReport())) == ContentReport()


@pytest.mark.parametrize(
    ("field", "value"),
    [(b'"table_rows":7', b'"table_rows":"7"'), (b'"image_only":true', b'"image_only":1'), (b'"rows":[1,5]', b'"rows":[1,-5]'),
     (b'"containment":0.25', b'"containment":2'), (b'"confidence":0.5', b'"confidence":NaN'), (b'"count":2', b'"count":true'),
     (b'["encrypted"]', b'"encrypted"'), (b'"findings":[', b'"findings":[1,'), (b'{"parts"', b'{"part"'), (b"}", b"")],
)  # fmt: skip
def test_a_false_report_is_refused(field: bytes, value: bytes) -> None:
    """What a child that was broken into might send is checked field by field."""
    packed = pack_report(FULL)
    assert field in packed
    with pytest.raises(ValueError, match=r"report|Expecting|delimiter"):
        unpack_report(packed.replace(field, value))
