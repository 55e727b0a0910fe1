# SPDX-License-Identifier: Apache-2.0
"""The header block: fields, folding, duplicates, limits, and what mail programs read differently."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.mime.head import read_head
from dlpmilter.model.limits import Limits

LIMITS = Limits()


def test_fields_are_found_in_any_letter_case_and_unfolded() -> None:
    """A folded value comes back in one line, whatever the case of its name."""
    head = read_head(b"SUBJECT: one\r\n two\r\nTo: a@b.example\r\n\r\nbody", LIMITS)
    assert head.get("subject") == b"one two"
    assert head.get("to") == b"a@b.example"
    assert head.get("cc") is None
    assert head.size == len(b"SUBJECT: one\r\n two\r\nTo: a@b.example\r\n\r\n")


def test_duplicates_are_kept_in_order_with_their_offsets() -> None:
    """Two Received fields are two, and each says where it stood."""
    raw = b"Received: one\r\nReceived: two\r\n\r\n"
    head = read_head(raw, LIMITS)
    assert head.all("received") == (b"one", b"two")
    assert [raw[field.start : field.end] for field in head.fields] == [b"Received: one\r\n", b"Received: two\r\n"]


def test_an_mbox_line_is_stepped_over() -> None:
    """The `From ` line of an archive is neither a field nor a doubt."""
    head = read_head(b"From a@b Fri Nov 20 09:00:00 2026\nSubject: x\n\nbody", LIMITS)
    assert head.get("subject") == b"x"
    assert head.doubts == ()


def test_a_line_that_is_no_field_raises_doubts() -> None:
    """Some programs end the header at a stray line, others go on: that is named."""
    assert read_head(b"Subject: x\r\nnonsense\r\nTo: a@b\r\n\r\n", LIMITS).doubts == ("stray-line-in-header",)
    assert "nul-in-header" in read_head(b"Subject: a\0b\r\n\r\n", LIMITS).doubts
    assert "blank-line-in-header" in read_head(b"Subject: a\r\n \r\nTo: x\r\n\r\n", LIMITS).doubts


def test_limits_come_first() -> None:
    """Too many octets and too many fields are problems, and nothing beyond the limit is read."""
    assert read_head(b"Subject: " + b"a " * 200_000 + b"\r\n\r\nx", LIMITS).problems == ("header-too-big",)
    many = read_head(b"X: y\r\n" * 1001 + b"\r\n", LIMITS)
    assert many.problems == ("too-many-fields",)
    assert len(many.spans) == LIMITS.header_fields


def test_a_typical_head_takes_microseconds() -> None:
    """2 KB with twenty fields stay far below the time a mail may cost (60 us on the reference machine)."""
    raw = b"".join(b"X-Field-%d: %s\r\n %s\r\n" % (n, b"v" * 40, b"w" * 30) for n in range(22)) + b"\r\n"
    best = min(_seconds(raw) for _ in range(200))
    assert best < 0.0005, f"{best * 1e6:.0f} us"


def _seconds(raw: bytes) -> float:
    start = time.process_time()
    read_head(raw, LIMITS)
    return time.process_time() - start


@given(st.binary(max_size=2000))
def test_any_octets_make_a_head(raw: bytes) -> None:
    """No input raises, and every span lies inside the block."""
    head = read_head(raw, LIMITS)
    for name, start, value, end in head.spans:
        assert 0 <= start < value <= end <= len(head.raw)
        assert head.get(name) is not None
    assert len(head.fields) == len(head.spans)
