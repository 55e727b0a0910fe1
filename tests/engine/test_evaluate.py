# SPDX-License-Identifier: Apache-2.0
"""Laziness and purity of the judge, sender identity, and the JSON of `explain`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dlpmilter.engine.evaluate import evaluate
from dlpmilter.engine.explain import explanation
from dlpmilter.mime.head import read_head
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.message import Structure
from dlpmilter.model.verdict import Verdict
from dlpmilter.model.words import Action, Kind, Relation
from dlpmilter.policy.match import Needs
from tests.engine.samples import LIMITS, NOW, SHIPPED, Staff, first_look, policy, rule, transaction, verdict

BUSINESS = (
    b"From: Anna Berger <anna.berger@corp.example>\r\nTo: k.holm@kunde.example\r\nSubject: WG: Angebot\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n--b--\r\n"
)


def test_business_mail_with_attachments_needs_no_structure() -> None:
    """Envelope and headers decide ordinary business mail under the shipped policy (design section 3)."""
    answer = first_look(BUSINESS, "k.holm@kunde.example", "thomas@corp.example")
    assert isinstance(answer, Verdict)
    assert [each.action for each in answer.dispositions] == [Action.relay, Action.relay]
    assert not answer.message.complete


def test_a_private_recipient_asks_for_the_structure_and_only_once() -> None:
    """What headers cannot tell is asked for; the answer with the structure is final."""
    answer = first_look(BUSINESS, "k.holm@kunde.example", "anna.berger@gmx.de")
    assert isinstance(answer, Needs)
    assert answer.facts
    assert isinstance(verdict(BUSINESS, "k.holm@kunde.example", "anna.berger@gmx.de"), Verdict)


@pytest.mark.parametrize("slug", ["timed-out", "inspection-crashed", "out-of-memory"])
def test_a_structure_that_could_not_be_read_is_an_answer(slug: str) -> None:
    """The judge never asks again; a private recipient is held, a business one is not."""
    one = transaction(BUSINESS, rcpt=("karl@web.de", "k.holm@kunde.example"))
    answer = evaluate(one, read_head(BUSINESS, LIMITS), NOW, SHIPPED, Structure(uninspectable=(slug,)))
    assert isinstance(answer, Verdict)
    assert [each.action for each in answer.dispositions] == [Action.hold, Action.relay]
    assert answer.message.uninspectable == (slug,)


def test_a_hold_by_headers_still_asks_for_the_kind() -> None:
    """The record of a hold names the kind of the mail, so the structure is read."""
    rules = policy(rule("all", "recipient.domain == 'kunde.example'", "hold"))
    answer = first_look(BUSINESS, "k.holm@kunde.example", policy=rules)
    assert isinstance(answer, Needs)
    assert answer.facts == {"message.kind"}


def test_the_same_input_gives_the_same_verdict() -> None:
    """Purity: nothing outside the arguments counts (design invariant 9)."""
    assert verdict(BUSINESS, "anna.berger@gmx.de") == verdict(BUSINESS, "anna.berger@gmx.de")


def test_header_trouble_counts_as_uninspectable() -> None:
    """A header block over the limit is held for a private box whatever its structure says."""
    raw = b"From: a@corp.example\r\n" + b"X: y\r\n" * 1100 + b"\r\nhi"
    found = verdict(raw, "karl@web.de")
    assert "too-many-fields" in found.message.uninspectable
    assert found.dispositions[0].action is Action.hold


@pytest.mark.parametrize(
    ("login", "sender", "address", "source"),
    [
        ("anna.berger@corp.example", "vertrieb@corp.example", "anna.berger@corp.example", "login"),
        ("", "vertrieb@corp.example", "vertrieb@corp.example", "envelope"),
        ("anna.berger", "anna.berger@corp.example", "anna.berger@corp.example", "login"),
        ("CORP\\anna.berger", "anna.berger@corp.example", "anna.berger@corp.example", "login"),
        ("stranger", "vertrieb@corp.example", "vertrieb@corp.example", "envelope"),
        ("", "prvs=0123abcd=anna.berger@corp.example", "anna.berger@corp.example", "envelope"),
        ("", "scan@corp.example", "boss@corp.example", "owner"),
        ("", "", "", "envelope"),
        ("anna.berger@AD.LOCAL", "anna.berger@corp.example", "anna.berger@corp.example", "login"),
        ("anna.berger@AD.LOCAL", "vertrieb@corp.example", "vertrieb@corp.example", "envelope"),
        ("CORP/aberger@intern", "anna.berger@corp.example", "anna.berger@corp.example", "envelope"),
        ("CORP/vera@intern", "vertrieb@corp.example", "vera@corp.example", "login"),
        ("service@ad.local", "vertrieb@corp.example", "boss@corp.example", "owner"),
        ("scan@AD.LOCAL", "vertrieb@corp.example", "boss@corp.example", "owner"),
        ("anna.berger@AD.LOCAL", "", "anna.berger@corp.example", "login"),
        ("anna.berger@corp.example", "", "anna.berger@corp.example", "login"),
    ],
)
def test_who_answers_for_the_mail(login: str, sender: str, address: str, source: str) -> None:
    """Login before envelope, owner map for machines, From never."""
    raw = b"From: Somebody Else <else@corp.example>\r\nSubject: x\r\n\r\nhi"
    facts = replace(
        NOW,
        owners={"scan@corp.example": "boss@corp.example", "service@ad.local": "boss@corp.example"},
        directory=Staff({"vera@corp.example": ("Vera Klein",)}),
    )
    one = transaction(raw, sender=sender, login=login, rcpt=("k@kunde.example",))
    answer = evaluate(one, read_head(raw, LIMITS), facts, SHIPPED, read_structure(raw, LIMITS))
    assert isinstance(answer, Verdict)
    assert (answer.sender.address, answer.sender.source) == (address, source)


@pytest.mark.parametrize(
    ("login", "recipient"),
    [
        ("anna.berger@AD.LOCAL", "annaberger@gmx.de"),
        ("CORP/aberger@intern", "aberger@gmx.de"),
        ("anna.berger@AD.LOCAL", '"anna.ber\\ger"@gmx.de'),
        ("", "anna.berger@[212.227.17.8]"),
    ],
)
def test_no_spelling_of_login_or_recipient_switches_own_private_off(login: str, recipient: str) -> None:
    """A login of another realm is more evidence, never less; quotes and address literals hide no mailbox."""
    raw = b"Subject: x\r\n\r\nhi"
    sender = "vertrieb@corp.example" if login else "anna.berger@corp.example"
    found = verdict(raw, recipient, sender=sender, login=login)
    assert found.sender.internal
    assert found.dispositions[0].relation is Relation.own_private


def test_an_automatic_forward_belongs_to_the_mailbox_that_forwarded() -> None:
    """Not the author outside: his name does not make the recipient an own mailbox of anybody."""
    raw = b"X-Forwarded-To: x@gmail.com\r\nX-Forwarded-For: anna.berger@corp.example x@gmail.com\r\nFrom: Karl Huber <karl@web.de>\r\nTo: anna.berger@corp.example\r\n\r\nhi"
    found = verdict(raw, "karl.huber@gmail.com", sender="anna.berger+caf_=x=gmail.com@corp.example")
    assert (found.sender.address, found.sender.source, found.sender.names) == (
        "anna.berger@corp.example",
        "forwarder",
        (),
    )
    assert found.message.kind is Kind.auto_forward
    assert found.dispositions[0].relation == "none"


def test_explain_keeps_its_contract() -> None:
    """The keys scripts rely on, and nothing that JSON cannot hold (design section 6)."""
    row = json.loads(json.dumps(explanation("a.eml", verdict(BUSINESS, "anna.berger@gmx.de"))))
    assert set(row) == {"file", "message", "findings", "recipients", "verdict", "policy_version"}
    assert set(row["message"]) == {
        "kind",
        "confidence",
        "evidence",
        "earlier_mail",
        "ambiguous",
        "uninspectable",
        "parts",
    }
    assert set(row["message"]["evidence"][0]) == {"signal", "where", "detail"}
    assert set(row["message"]["parts"][0]) == {"path", "type", "name", "text_chars", "status"}
    assert set(row["recipients"][0]) == {
        "address",
        "class",
        "class_source",
        "relation",
        "took_part",
        "action",
        "rules",
        "reasons",
    }
    assert row["verdict"] == "hold"
    assert 0 <= row["message"]["confidence"] <= 1


def test_a_look_alike_says_what_was_probably_meant() -> None:
    """`explain` names the domain beside which the recipient's stands, and the shipped policy asks."""
    found = verdict(b"From: a@corp.example\r\nSubject: x\r\n\r\nx\r\n", "anna@gmial.com")
    assert "lookalike-of-gmail.com" in found.dispositions[0].reasons
    assert found.action is Action.hold
