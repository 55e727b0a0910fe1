# SPDX-License-Identifier: Apache-2.0
"""How a recipient stands to the sender when directory, customers and stores speak; what is asked, and of whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dlpmilter.engine.evaluate import evaluate
from dlpmilter.engine.questions import MAX_MESSAGE_IDS, questions
from dlpmilter.mime.head import read_head
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.consent import Agreement, Exemption
from dlpmilter.model.content import ContentReport
from dlpmilter.model.facts import Drip, Known
from dlpmilter.model.verdict import Disposition, Finding, Verdict
from dlpmilter.model.words import Action, Relation
from dlpmilter.policy.load import load_policy
from dlpmilter.policy.match import Needs
from dlpmilter.policy.schema import Customers, Vetting
from tests.engine.samples import LIMITS, NOW, SHIPPED, Staff, policy, rule, transaction

if TYPE_CHECKING:
    from dlpmilter.model.facts import Facts
    from dlpmilter.policy.schema import Policy

ROOT = Path(__file__).parents[2]
ANNA = "anna.berger@corp.example"
PLAIN = b"From: Anna Berger <anna.berger@corp.example>\r\nTo: x@gmx.de\r\nSubject: x\r\n\r\nhi\r\n"
FORWARD = PLAIN.replace(b"Subject: x", b"Subject: Fwd: x")
ATTACHED = PLAIN.replace(b"\r\n\r\nhi", b'\r\nContent-Type: application/pdf; name="a.pdf"\r\n\r\nhi')
REPLY = (
    b"From: Anna Berger <anna.berger@corp.example>\r\nTo: karl@web.de\r\nSubject: AW: x\r\n"
    b"In-Reply-To: <new@web.de>\r\nReferences: <old@web.de> <new@web.de>\r\n\r\nhi\r\n"
)
STAFF = Staff(
    {ANNA: ("Anna Berger",), "tom.klee@corp.example": ("Tom Klee",)},
    aliases={"ab@corp.example": ANNA},
    private={"sternchen99@gmx.de": ANNA, "regenbogen@web.de": "tom.klee@corp.example"},
    groups={"tom.klee@corp.example": "legal"},
)


def judged(
    raw: bytes,
    rcpt: str,
    facts: Facts,
    rules: Policy = SHIPPED,
    sender: str = ANNA,
    report: ContentReport | None = None,
) -> Disposition:
    mail = transaction(raw, sender=sender, rcpt=(rcpt,))
    answer = evaluate(
        mail, read_head(raw, LIMITS), facts, rules, read_structure(raw, LIMITS), report or ContentReport()
    )
    assert isinstance(answer, Verdict)
    return answer.dispositions[0]


@pytest.mark.parametrize(
    ("sender", "rcpt", "relation", "sign"),
    [
        (ANNA, "sternchen99@gmx.de", Relation.own_private, "own-private-by-registry"),
        (ANNA, "Stern.Chen99+x@gmx.de", Relation.none, ""),
        (ANNA, "sternchen99+x@gmx.de", Relation.own_private, "own-private-by-registry"),
        ("ab@corp.example", "sternchen99@gmx.de", Relation.own_private, "own-private-by-registry"),
        ("ab@corp.example", "anna.berger@web.de", Relation.own_private, "own-private-by-same-local-part"),
        (ANNA, "regenbogen@web.de", Relation.colleague_private, "colleague-private-by-registry"),
        ("tom.klee@corp.example", "regenbogen@web.de", Relation.own_private, "own-private-by-registry"),
        ("guest@other.example", "regenbogen@web.de", Relation.none, ""),
    ],
)
def test_the_registry_knows_own_and_colleagues_mailboxes(sender: str, rcpt: str, relation: Relation, sign: str) -> None:
    """Whose private mailbox it is comes from the registry, for every spelling and every alias of the sender."""
    found = judged(PLAIN, rcpt, replace(NOW, directory=STAFF), sender=sender)
    assert found.relation is relation
    assert [each for each in found.reasons if "-by-" in each] == ([sign] if sign else [])


def test_customers_come_from_the_list_or_from_a_system_that_writes_to_them() -> None:
    """A listed address, a listed domain, and every private mailbox that the invoice program writes to."""
    rules = replace(
        SHIPPED,
        customers=Customers(
            frozenset({"karl@web.de"}), frozenset({"verein.example"}), frozenset({"rechnung@corp.example"})
        ),
    )
    assert judged(ATTACHED, "karl@web.de", NOW, rules).reasons == ("private-customer", "customer-by-list")
    assert judged(ATTACHED, "vorstand@verein.example", NOW, rules).relation is Relation.customer
    found = judged(ATTACHED, "susi@t-online.de", NOW, rules, sender="rechnung@corp.example")
    assert (found.relation, found.action) == (Relation.customer, Action.relay)
    assert judged(ATTACHED, "anna.berger@gmx.de", NOW, rules).relation is Relation.own_private


@pytest.mark.parametrize(
    ("known", "relation"),
    [
        (Known(customers=frozenset({"karl@web.de"}), wrote_first=frozenset({"karl@web.de"})), Relation.customer),
        (
            Known(wrote_first=frozenset({"karl@web.de"}), correspondents=frozenset({"karl@web.de"})),
            Relation.wrote_first,
        ),
        (Known(correspondents=frozenset({"karl@web.de"})), Relation.known_correspondent),
        (Known(learning=True), Relation.first_time),
        (Known(), Relation.none),
    ],
)
def test_the_stores_say_how_a_private_mailbox_stands_to_us(known: Known, relation: Relation) -> None:
    """The strongest that is known counts; without learning, never seen says nothing."""
    assert judged(PLAIN, "karl@web.de", replace(NOW, known=known)).relation is relation


def test_no_store_makes_the_own_mailbox_a_correspondent() -> None:
    """Who writes to the company from his own private box does not turn it into a customer's."""
    known = Known(wrote_first=frozenset({"anna.berger@web.de"}), correspondents=frozenset({"anna.berger@web.de"}))
    found = judged(FORWARD, "anna.berger@web.de", replace(NOW, known=known))
    assert (found.relation, found.action) == (Relation.own_private, Action.hold)


def test_business_mail_asks_no_store() -> None:
    """With nothing fetched a mail to a company is judged; one to a private mailbox asks."""
    raw, facts = PLAIN, replace(NOW, known=None)
    for rcpt in ("einkauf@kunde.example", "x@corp.example"):
        answer = evaluate(transaction(raw, rcpt=(rcpt,)), read_head(raw, LIMITS), facts, SHIPPED, report=None)
        assert isinstance(answer, Verdict)
    answer = evaluate(transaction(raw, rcpt=("karl@web.de",)), read_head(raw, LIMITS), facts, SHIPPED, report=None)
    assert isinstance(answer, Needs)
    assert "recipient.relation" in answer.facts


def test_only_possible_private_mailboxes_are_asked_about() -> None:
    """Canonical forms of private and unlisted recipients; Message-IDs newest first; nobody of ours."""
    rcpt = ("Karl+shop@Web.de", "x@corp.example", "einkauf@kunde.example")
    asked = questions(transaction(REPLY, rcpt=rcpt), read_head(REPLY, LIMITS), NOW, SHIPPED)
    assert asked.sender == ANNA
    assert asked.recipients == ("karl@web.de", "einkauf@kunde.example")
    assert asked.message_ids == ("new@web.de", "old@web.de")
    assert asked.domains == ("kunde.example",)


def test_endless_references_are_cut() -> None:
    """Thousands of Message-IDs cost the newest few."""
    many = b" ".join(b"<%d@web.de>" % number for number in range(20000))
    raw = b"Subject: x\r\nReferences: " + many + b"\r\n\r\nhi"
    asked = questions(transaction(raw, rcpt=("karl@web.de",)), read_head(raw, LIMITS), NOW, SHIPPED)
    assert len(asked.message_ids) <= MAX_MESSAGE_IDS


def agreement(**changes: object) -> Agreement:
    base = Agreement("A-1", (ANNA,), ("karl@web.de",), NOW.now - timedelta(days=1), NOW.now + timedelta(days=1),
                     data=("personal",))  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]  # the test names fields of the class


@pytest.mark.parametrize(
    ("one", "action"),
    [
        (agreement(), Action.relay),
        (agreement(senders=("corp.example",)), Action.relay),
        (agreement(recipients=("web.de",)), Action.relay),
        (agreement(ends_at=NOW.now), Action.hold),
        (agreement(starts_at=NOW.now + timedelta(hours=1)), Action.hold),
        (agreement(senders=("tom.klee@corp.example",)), Action.hold),
        (agreement(recipients=("susi@web.de",)), Action.hold),
        (agreement(data=()), Action.hold),
    ],
)
def test_an_agreement_covers_what_it_names_and_nothing_else(one: Agreement, action: Action) -> None:
    """Inside its scope a forward with personal data passes and the verdict cites the agreement; outside it is held."""
    rules = replace(SHIPPED, groups={"iban": ("personal",)})
    report = ContentReport(findings=(Finding("iban", 2),))
    found = judged(FORWARD, "karl@web.de", replace(NOW, agreements=(one,)), rules, report=report)
    assert found.action is action
    assert ("agreement-A-1" in found.reasons) == (action is Action.relay)


def test_an_agreement_without_attachments_does_not_cover_one() -> None:
    """The scope speaks of the mail's structure, too; what a rule forwards needs a word of its own."""
    facts = replace(NOW, agreements=(agreement(attachments=False),))
    assert "agreement-A-1" not in judged(ATTACHED, "karl@web.de", facts).reasons
    assert "agreement-A-1" in judged(PLAIN, "karl@web.de", facts).reasons
    auto = PLAIN.replace(
        b"Subject", b"X-Forwarded-To: karl@web.de\r\nX-Forwarded-For: anna.berger@corp.example karl@web.de\r\nSubject"
    )
    assert judged(auto, "karl@web.de", facts).action is Action.hold
    allowed = replace(NOW, agreements=(agreement(auto_forward=True),))
    assert "agreement-A-1" in judged(auto, "karl@web.de", allowed).reasons


def test_what_cannot_be_inspected_is_outside_every_agreement() -> None:
    """An encrypted attachment is held although sender and recipient are agreed (design invariant 6)."""
    facts = replace(NOW, agreements=(agreement(),))
    found = judged(ATTACHED, "karl@web.de", facts, report=ContentReport(uninspectable=("encrypted",)))
    assert found.action is Action.hold


def test_an_exemption_is_cited_and_ends() -> None:
    """The exempt sender's forward passes and names the exemption, a second after its end it is held."""
    one = Exemption("E-1", ANNA, NOW.now - timedelta(days=1), NOW.now + timedelta(days=1))
    found = judged(FORWARD, "karl@web.de", replace(NOW, exemptions=(one,)))
    assert (found.action, "exemption-E-1" in found.reasons) == (Action.relay, True)
    over = replace(NOW, exemptions=(one,), now=one.ends_at)
    assert judged(FORWARD, "karl@web.de", over).action is Action.hold


VETTING = Vetting("read.ai", "IT", "AVV-7", "EU", third_country=False, transfer_basis="", art27_rep="",
                  training_use=False, evidence="folder 12", expires=date(2027, 1, 1))  # fmt: skip


@pytest.mark.parametrize(
    ("record", "vetted"),
    [
        (VETTING, True),
        (replace(VETTING, expires=NOW.now.date()), False),
        (replace(VETTING, third_country=True), False),
        (replace(VETTING, third_country=True, transfer_basis="SCC 2021"), True),
        (replace(VETTING, training_use=True), False),
        (replace(VETTING, domain="other.example"), False),
    ],
)
def test_a_service_is_vetted_while_its_record_is_complete_and_in_force(record: Vetting, vetted: bool) -> None:
    """Unknown or expired evidence counts as none; a third country without a basis is not vetted (A2 to A4)."""
    rules = replace(policy(rule("ai", "recipient.vetted", "tag"), rule("all", "True", "relay")), vetting=(record,))
    assert judged(PLAIN, "notes@eu.read.ai", NOW, rules).action is (Action.tag if vetted else Action.relay)


def test_drip_counts_this_mail_in() -> None:
    """Eight before and this one are nine; octets and rows of this mail count, too."""
    known = Known(drip={"anna.berger@web.de": Drip((8, 8, 8), (0, 0, 0), (0, 0, 0))})
    found = judged(PLAIN, "anna.berger@web.de", replace(NOW, known=known))
    assert (found.action, "drip-own" in found.reasons) == (Action.hold, True)
    fewer = Known(drip={"anna.berger@web.de": Drip((7, 7, 7))})
    assert judged(PLAIN, "anna.berger@web.de", replace(NOW, known=fewer)).action is Action.relay


def test_an_area_with_a_duty_of_secrecy_sends_nothing_home() -> None:
    """The legal department's note to an own private mailbox is refused, whatever it holds."""
    found = judged(PLAIN, "regenbogen@web.de", replace(NOW, directory=STAFF), sender="tom.klee@corp.example")
    assert (found.action, found.reasons[0]) == (Action.reject, "secrecy-private")


def test_mail_of_a_group_is_decided_by_its_own_pool() -> None:
    """The lawyer's letter to a client waits for lawyers, a colleague's of another department as the rule says."""
    demo = load_policy(ROOT / "policies" / "examples" / "demo", internal_domains=("corp.example",))
    assert demo.governance is not None
    grouped = replace(demo, governance=replace(demo.governance, group_pools=(("legal", "lawyers"),)))
    found = judged(ATTACHED, "karl@web.de", replace(NOW, directory=STAFF), grouped, sender="tom.klee@corp.example")
    assert (found.action, found.review.pool) == (Action.hold, "lawyers")
    other = judged(ATTACHED, "sternchen99@gmx.de", replace(NOW, directory=STAFF), grouped)
    assert (other.action, other.review.pool) == (Action.hold, "privacy")


@pytest.mark.parametrize("envelope", ["", "x@outside.example"])
@pytest.mark.parametrize("login", ["anna.berger", "anna.berger@AD.LOCAL", "CORP/anna.berger"])
def test_who_logged_in_is_one_of_us_whatever_the_envelope_says(login: str, envelope: str) -> None:
    """A null or foreign envelope does not make the own mailbox a stranger's."""
    mail = transaction(ATTACHED, sender=envelope, rcpt=("anna.berger@gmx.de",), login=login)
    answer = evaluate(mail, read_head(ATTACHED, LIMITS), NOW, SHIPPED, read_structure(ATTACHED, LIMITS))
    assert isinstance(answer, Verdict)
    (one,) = answer.dispositions
    assert one.relation is Relation.own_private
    assert one.action >= Action.hold


@pytest.mark.parametrize(("envelope", "action"), [("", Action.reject), ("x@outside.example", Action.hold)])
def test_an_author_of_ours_without_envelope_or_login_is_asked_about(envelope: str, action: Action) -> None:
    """Nobody answers for such a mail; with an attachment to a private mailbox it does not just pass."""
    found = judged(ATTACHED, "karl@web.de", NOW, sender=envelope)
    assert (found.action, "borrowed-sender" in found.reasons) == (action, True)
    assert judged(PLAIN, "karl@web.de", NOW, sender=envelope).action is Action.relay


def test_what_opens_as_a_file_is_an_attachment() -> None:
    """A document that no structure calls attached (inline, in a preamble, pasted) makes a note no note."""
    assert judged(PLAIN, "anna.berger@web.de", NOW).action is Action.relay
    found = judged(PLAIN, "anna.berger@web.de", NOW, report=ContentReport(attachments=1, documents=1))
    assert (found.action, found.reasons[0]) == (Action.hold, "own-private-mailbox")
    long = judged(PLAIN, "anna.berger@web.de", NOW, report=ContentReport(text_chars=9000))
    assert long.action is Action.hold
