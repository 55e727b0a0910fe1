# SPDX-License-Identifier: Apache-2.0
"""The demo's sink keeps exactly what was sent."""

from __future__ import annotations

import smtplib
from pathlib import Path

import pytest

from dlpmilter.demo.sink import Sink

MAIL = b"Subject: x\r\nX-Long: a\r\n\tb\r\n\r\n.dot\r\n..dots\r\n.\r\nlast\r\n"


def test_it_keeps_envelope_and_octets(tmp_path: Path) -> None:
    """Dots are unstuffed, the null sender is empty, recipients are all there, and the file holds the same octets."""
    with Sink(0, tmp_path) as sink, smtplib.SMTP("127.0.0.1", sink.port, timeout=10) as client:
        client.sendmail("", ["a@x.example", "b@x.example"], MAIL)
        client.sendmail("c@y.example", ["d@x.example"], b"Subject: 2\r\n\r\n")
        first, second = sink.arrivals()
    assert (first.sender, first.recipients, first.message) == ("", ("a@x.example", "b@x.example"), MAIL)
    assert (second.sender, second.recipients) == ("c@y.example", ("d@x.example",))
    assert first.header("x-long") == "a b"
    assert first.header("none") == ""
    assert (tmp_path / "001.eml").read_bytes() == MAIL


def test_only_what_was_answered_is_kept(tmp_path: Path) -> None:
    """A mail without recipients is refused, and one that was reset leaves no trace."""
    with Sink(0, tmp_path) as sink, smtplib.SMTP("127.0.0.1", sink.port, timeout=10) as client:
        client.ehlo()
        client.mail("a@y.example")
        with pytest.raises(smtplib.SMTPDataError):
            client.data(MAIL)
        client.mail("a@y.example")
        client.rcpt("b@x.example")
        client.rset()
        assert client.docmd("VRFY x")[0] == 502
        assert sink.arrivals() == ()
