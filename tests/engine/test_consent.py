# SPDX-License-Identifier: Apache-2.0
"""Which agreement covers which mail, over generated scopes and mails: outside its scope one changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from dlpmilter.engine.canonical import canonical_address
from dlpmilter.engine.evaluate import evaluate
from dlpmilter.mime.head import read_head
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.consent import Agreement, Exemption
from dlpmilter.model.verdict import Verdict
from dlpmilter.model.words import Action
from tests.engine.samples import LIMITS, NOW, policy, rule, transaction

SENDERS = ("anna.berger@corp.example", "bert.braun@corp.example", "corp.example", "sub.corp.example")
RECIPIENTS = ("fritz.frei@gmx.de", "olga@kunde.example", "kunde.example", "x.kunde.example", "fritzfrei@gmail.com")
MAILS = (
    b"From: Anna Berger <anna.berger@corp.example>\r\nSubject: Hallo\r\n\r\nHallo\r\n",
    (
        b"From: Anna Berger <anna.berger@corp.example>\r\nSubject: Hallo\r\nX-MS-Exchange-Inbox-Rules-Loop: a@b.example\r\n"
        b"\r\nHallo\r\n"
    ),
    (
        b"From: Anna Berger <anna.berger@corp.example>\r\nSubject: Hallo\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n--b--\r\n"
    ),
)
RULES = policy(
    rule("agreed", "recipient.agreement", "relay"),
    rule("exempt", "sender.exempt", "relay"),
    rule("all", "True", "hold"),
)
DAY = timedelta(days=1)

agreements = st.builds(
    Agreement,
    id=st.sampled_from(("A-AAAAAA", "A-BBBBBB", "A-CCCCCC")),
    senders=st.lists(st.sampled_from(SENDERS), min_size=1, max_size=2).map(tuple),
    recipients=st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=2).map(tuple),
    starts_at=st.sampled_from((NOW.now - DAY, NOW.now, NOW.now + DAY)),
    ends_at=st.sampled_from((NOW.now - DAY, NOW.now, NOW.now + 2 * DAY)),
    attachments=st.booleans(),
    auto_forward=st.booleans(),
)
mails = st.sampled_from(MAILS)
senders = st.sampled_from(SENDERS[:2])
recipients = st.sampled_from(("fritz.frei@gmx.de", "Fritz.Frei+x@gmx.de", "olga@kunde.example", "fritz.frei@gmail.com"))


def judged(raw: bytes, sender: str, to: str, *held: Agreement, exempt: tuple[Exemption, ...] = ()) -> Verdict:
    """The verdict while these are in force."""
    facts = replace(NOW, agreements=held, exemptions=exempt)
    one = transaction(raw, sender=sender, rcpt=(to,))
    answer = evaluate(one, read_head(raw, LIMITS), facts, RULES, read_structure(raw, LIMITS))
    assert isinstance(answer, Verdict)
    return answer


def covers(one: Agreement, raw: bytes, sender: str, to: str) -> bool:
    """What the words of an agreement say, spelled out apart from the engine."""
    person = canonical_address(to)
    return (
        one.starts_at <= NOW.now < one.ends_at
        and (sender in one.senders or sender.partition("@")[2] in one.senders)
        and (person in one.recipients or person.partition("@")[2] in one.recipients)
        and (one.attachments or raw != MAILS[2])
        and (one.auto_forward or raw != MAILS[1])
    )


@given(st.lists(agreements, max_size=3, unique_by=lambda each: each.id), mails, senders, recipients)
def test_a_mail_passes_exactly_when_an_agreement_says_so(
    held: list[Agreement], raw: bytes, sender: str, to: str
) -> None:
    """Sender, recipient in any spelling, time, attachments and automatic forward all have to fit; the id is cited."""
    answer = judged(raw, sender, to, *held)
    fitting = [one.id for one in held if covers(one, raw, sender, to)]
    (one,) = answer.dispositions
    assert (one.action is Action.relay) == bool(fitting)
    assert [each for each in one.reasons if each.startswith("agreement-")] == [
        f"agreement-{each}" for each in fitting[:1]
    ]


@given(st.lists(agreements, max_size=2), agreements, mails, senders, recipients)
def test_an_unrelated_agreement_never_changes_a_verdict(
    held: list[Agreement], more: Agreement, raw: bytes, sender: str, to: str
) -> None:
    """Whatever stands beside it: one that does not cover this mail might as well not exist."""
    assume(not covers(more, raw, sender, to))
    assert judged(raw, sender, to, *held, more) == judged(raw, sender, to, *held)


@given(agreements, mails, senders, recipients)
def test_an_agreement_only_ever_lets_pass(one: Agreement, raw: bytes, sender: str, to: str) -> None:
    """No agreement holds a mail that would pass without it."""
    assert judged(raw, sender, to, one).action <= judged(raw, sender, to).action


@given(senders, senders, st.sampled_from((-1, 0, 1, 30)), mails, recipients)
def test_an_exemption_is_for_one_sender_and_ends_by_the_clock(
    exempt: str, sender: str, days: int, raw: bytes, to: str
) -> None:
    """Only the person it names, only before its end."""
    one = Exemption("E-AAAAAA", exempt, NOW.now - DAY, NOW.now + days * DAY)
    (found,) = judged(raw, sender, to, exempt=(one,)).dispositions
    assert (found.action is Action.relay) == (exempt == sender and days > 0)
    assert ("exemption-E-AAAAAA" in found.reasons) == (found.action is Action.relay)
