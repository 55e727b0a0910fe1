# SPDX-License-Identifier: Apache-2.0
"""Delivery reports are RFC 3464 reports other software can read, and return no mail."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.model.address import NULL_SENDER, parse_address
from dlpmilter.model.reply import Reply, reply
from dlpmilter.model.transaction import EnvelopePath, Parameters
from dlpmilter.notices.dsn import DsnFacts, DsnKind, DsnRecipient, compose_dsn, decode_xtext, wants_report
from dlpmilter.notices.mark import is_own_notice
from tests.notices.samples import BANNED, KEY, LETTERHEAD, NOW, parsed

GONE = reply(550, "5.1.1 no such user")


def _path(address: str, *parameters: tuple[str, bytes]) -> EnvelopePath:
    return EnvelopePath(parse_address(address), tuple(parameters))


def _facts(*recipients: DsnRecipient, **changes: Any) -> DsnFacts:
    values: dict[str, Any] = {
        "case_id": "K7Q2M9",
        "sender": _path("anna@firma.example", ("ENVID", b"QQ+3D1+2B2")),
        "recipients": recipients or (DsnRecipient(_path("b@x.example"), "5.1.1", GONE),),
        "received_at": NOW,
        "contact": "postmaster@firma.example",
        "message_id": "<a@b.example>",
        "date": "Sun, 22 Nov 2026 10:30:00 +0100",
        "remote": "relay.example",
    }
    return DsnFacts(**(values | changes))


def _blocks(raw: bytes) -> list[Any]:
    report = parsed(raw)
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    human, status, returned = report.iter_parts()
    assert (human.get_content_type(), status.get_content_type()) == ("text/plain", "message/delivery-status")
    assert returned.get_content_type() == "text/rfc822-headers"
    return list(status.get_payload())


@pytest.mark.parametrize("kind", DsnKind)
@pytest.mark.parametrize("languages", [("de",), ("en",), ("de", "en")])
def test_the_report_reads_back(kind: DsnKind, languages: tuple[Any, ...]) -> None:
    """Per-message and per-recipient fields say what RFC 3464 asks, ENVID and ORCPT decoded."""
    first = DsnRecipient(_path("b@x.example", ("ORCPT", b"rfc822;Bob+2Bx@X.example")), "5.1.1", GONE)
    second = DsnRecipient(_path("c@x.example"), "4.4.7")
    raw = compose_dsn(kind, _facts(first, second), languages, letterhead=LETTERHEAD, now=NOW)
    message, one, two = _blocks(raw)
    assert message["Reporting-MTA"] == "dns; mx.firma.example"
    assert message["Original-Envelope-Id"] == "QQ=1+2"
    assert message["Arrival-Date"] == "Sun, 22 Nov 2026 09:30:00 +0000"
    assert one["Original-Recipient"] == "rfc822; Bob+x@X.example"
    assert one["Final-Recipient"] == "rfc822; b@x.example"
    assert (one["Action"], one["Status"]) == ("failed", "5.1.1")
    assert one["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user"
    assert one["Remote-MTA"] == "dns; relay.example"
    assert two["Final-Recipient"] == "rfc822; c@x.example"
    assert two["Diagnostic-Code"] is None and two["Original-Recipient"] is None
    assert raw.isascii() and raw.count(b"\n") == raw.count(b"\r\n")


def test_the_header_says_automatic_and_ours() -> None:
    """A report is auto-replied, marked, threads, and has its own stable Message-ID."""
    mail = parsed(compose_dsn("dsn-expired", _facts(), "de", letterhead=LETTERHEAD, now=NOW))
    assert mail["Auto-Submitted"] == "auto-replied"
    assert re.fullmatch(r"<K7Q2M9\.dsn-expired\.[0-9a-f]{12}@mx\.firma\.example>", mail["Message-ID"])
    assert mail["In-Reply-To"] == "<a@b.example>"
    assert is_own_notice(mail["X-Dlpmilter-Notice"], KEY)


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("kind", DsnKind)
@pytest.mark.parametrize("answer", [None, GONE])
def test_the_human_part_is_short_and_kind(kind: DsnKind, language: Any, answer: Reply | None) -> None:
    """At most 120 words, no banned word, no exclamation mark; a server's answer is quoted only when there was one."""
    facts = _facts(DsnRecipient(_path("b@x.example"), "5.0.0", answer))
    human = next(parsed(compose_dsn(kind, facts, language, letterhead=LETTERHEAD, now=NOW)).iter_parts()).get_content()
    assert len(human.split()) <= 120
    assert not [word for word in BANNED if word in human.lower()]
    assert "!" not in human and "K7Q2M9" in human and "b@x.example" in human
    if kind is DsnKind.undelivered:
        assert ("no such user" in human) is (answer is not None)
        assert ("nicht zu erreichen" in human or "could not be reached" in human) is (answer is None)


def test_nothing_of_the_mail_comes_back_but_three_fields() -> None:
    """Date, Message-ID and Subject are returned, the subject only while it is known."""
    raw = compose_dsn("dsn-expired", _facts(subject="Angebot Müller"), "de", letterhead=LETTERHEAD, now=NOW)
    returned = list(parsed(raw).iter_parts())[2].get_content()
    names = [line.split(":")[0] for line in returned.splitlines() if line[:1].strip()]
    assert names == ["Date", "Message-ID", "Subject"]
    without = list(parsed(compose_dsn("dsn-expired", _facts(), "de", letterhead=LETTERHEAD, now=NOW)).iter_parts())[2]
    assert "Subject" not in without.get_content()


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ((), True),
        ((("NOTIFY", b"NEVER"),), False),
        ((("NOTIFY", b"SUCCESS"),), False),
        ((("NOTIFY", b"success,failure"),), True),
        ((("NOTIFY", b"DELAY,FAILURE"),), True),
    ],
)
def test_notify_is_obeyed(parameters: Parameters, wanted: bool) -> None:
    """A recipient whose NOTIFY does not ask for failures is not reported (RFC 3461 4.1)."""
    path = EnvelopePath(parse_address("b@x.example"), parameters)
    assert wants_report(path) is wanted
    both = _facts(DsnRecipient(path, "5.0.0"), DsnRecipient(_path("c@x.example"), "5.0.0"))
    raw = compose_dsn("dsn-expired", both, "de", letterhead=LETTERHEAD, now=NOW)
    assert (b"b@x.example" in raw) is wanted


def test_no_report_to_a_null_sender_or_for_nobody() -> None:
    """Such a report must never exist (RFC 5321 6.1)."""
    with pytest.raises(ValueError, match="no delivery report"):
        compose_dsn("dsn-expired", _facts(sender=EnvelopePath(NULL_SENDER)), "de", letterhead=LETTERHEAD, now=NOW)
    never = DsnRecipient(_path("b@x.example", ("NOTIFY", b"NEVER")), "5.0.0")
    with pytest.raises(ValueError, match="no delivery report"):
        compose_dsn("dsn-expired", _facts(never), "de", letterhead=LETTERHEAD, now=NOW)


@pytest.mark.parametrize(
    ("value", "text"),
    [(b"abc", "abc"), (b"a+2Bb", "a+b"), (b"a+3D", "a="), (b"a+0D+0AX", None), (b"a+2b", None), (b"a=b", None),
     (b"a+", None), (b"", None), (b"a+E4", None), (b"a b", None), (b"a\r\nb", None)],
)  # fmt: skip
def test_xtext(value: bytes, text: str | None) -> None:
    """Decoded exactly; what is malformed or would break a header line is left out."""
    assert decode_xtext(value) == text


def test_internationalised_recipients_stay_ascii() -> None:
    """RFC 6533: the address is escaped, an ORCPT of type utf-8 is kept in its ASCII form."""
    path = _path("bäcker@x.example", ("ORCPT", b"utf-8;b\\x{E4}cker@x.example"))
    _, one = _blocks(
        compose_dsn("dsn-expired", _facts(DsnRecipient(path, "5.6.7")), "de", letterhead=LETTERHEAD, now=NOW)
    )
    assert one["Final-Recipient"] == "utf-8; b\\x{E4}cker@x.example"
    assert one["Original-Recipient"] == "utf-8; b\\x{E4}cker@x.example"


@given(st.binary(max_size=300), st.binary(max_size=60), st.binary(max_size=60), st.text(max_size=100))
def test_no_foreign_octets_change_the_shape(answer: bytes, envid: bytes, orcpt: bytes, subject: str) -> None:
    """Whatever a peer replied or a client sent, the report keeps its three parts and its fields."""
    recipient = DsnRecipient(_path("b@x.example", ("ORCPT", orcpt)), "5.0.0", Reply(550, (answer,)))
    sender = _path("anna@firma.example", ("ENVID", envid))
    facts = _facts(recipient, sender=sender, subject=subject, date=subject, message_id=subject, remote="x\r\ny")
    raw = compose_dsn("dsn-undelivered", facts, "en", letterhead=LETTERHEAD, now=NOW)
    message, one = _blocks(raw)
    assert set(message.keys()) <= {"Original-Envelope-Id", "Reporting-MTA", "Arrival-Date"}
    assert set(one.keys()) <= {
        "Original-Recipient", "Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code", "Last-Attempt-Date",
    }  # fmt: skip
    assert raw.isascii() and raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")


@pytest.mark.parametrize(
    ("language", "why", "services", "rules"),
    [("de", "gehört zu einem KI-Dienst", "Geprüfte Dienste: ai.example", "Mail-Regeln"),
     ("en", "belongs to an AI service", "Checked services: ai.example", "mail rules")],
)  # fmt: skip
def test_an_unvetted_ai_service_is_explained_and_others_are_told_apart(
    language: Any, why: str, services: str, rules: str
) -> None:
    """Each sentence only where it is true: the service, what may be used instead, the other recipients."""
    ai = DsnRecipient(_path("notes@read.example"), "5.7.1", unvetted_ai=True)
    other = DsnRecipient(_path("x@mailinator.example"), "5.7.1")
    for recipients, known, expected in (
        ((ai,), ("ai.example",), (True, True, False)), ((ai,), (), (True, False, False)),
        ((other,), ("ai.example",), (False, False, True)), ((ai, other), ("ai.example",), (True, True, True)),
    ):  # fmt: skip
        raw = compose_dsn(
            DsnKind.rejected, _facts(*recipients, services=known), language, letterhead=LETTERHEAD, now=NOW
        )
        text = " ".join(next(parsed(raw).iter_parts()).get_content().split())
        assert (why in text, services in text, rules in text) == expected
        assert len(text.split()) <= 120
