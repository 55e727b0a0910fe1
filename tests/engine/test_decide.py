# SPDX-License-Identifier: Apache-2.0
"""Base, raises, modes and the invariants no policy can forget."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlpmilter.engine.decide import NULL_SENDER, UNREADABLE, decide
from dlpmilter.engine.failure import OPEN, must_wait, unjudged
from dlpmilter.model.verdict import Disposition
from dlpmilter.model.words import Action, RecipientClass
from dlpmilter.policy.match import UNKNOWN, Needs
from dlpmilter.policy.schema import Policy
from tests.engine.samples import NOW, SHIPPED, policy, rule, transaction, verdict

PLAIN = b"From: Anna Berger <anna.berger@corp.example>\r\nSubject: x\r\n\r\nhi\r\n"
ENCRYPTED = b"Subject: x\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx"
AMBIGUOUS = b"Subject: x\r\nContent-Type: multipart/mixed\r\n\r\nx"
TOO_DEEP = b"Content-Type: message/rfc822\r\n\r\n" * 100
RELAY_ALL = policy(rule("all", "True", "relay"))


def one(raw: bytes, rcpt: str, rules: Policy, sender: str = "anna.berger@corp.example") -> Disposition:
    return verdict(raw, rcpt, policy=rules, sender=sender).dispositions[0]


def test_the_first_matching_case_is_the_base() -> None:
    """A later case does not change the action; when it would do more, it is told."""
    rules = policy(rule("a", "recipient.private", "tag"), rule("b", "True", "hold"), rule("c", "True", "relay"))
    found = one(PLAIN, "x@gmx.de", rules)
    assert found.action is Action.tag
    assert [(hit.id, hit.stage) for hit in found.rules] == [("a", "base"), ("b", "also")]
    assert found.reasons == ("a",)


def test_raises_only_raise() -> None:
    """Every raise that matches is told; none lowers."""
    rules = policy(
        rule("base", "True", "hold"),
        rule("low", "True", "tag", stage="raise"),
        rule("high", "True", "reject", stage="raise"),
    )
    found = one(PLAIN, "x@gmx.de", rules)
    assert found.action is Action.reject
    assert [hit.id for hit in found.rules] == ["base", "low", "high"]
    assert found.reasons == ("base", "high")


@pytest.mark.parametrize(("mode", "action"), [("count", "relay"), ("advise", "tag"), ("enforce", "hold")])
def test_modes_bound_what_a_rule_may_do(mode: str, action: str) -> None:
    """Count does nothing, advise tags at most, enforce acts."""
    rules = policy(rule("one", "recipient.private", "hold", mode), rule("rest", "True", "relay"))
    found = one(PLAIN, "x@gmx.de", rules)
    assert found.action.name == action
    assert "one" in [hit.id for hit in found.rules]


def test_the_review_is_that_of_the_strongest_rule() -> None:
    """A raise to hold brings its own pool."""
    rules = policy(rule("base", "True", "tag", pool="a"), rule("up", "True", "hold", stage="raise", pool="b"))
    assert one(PLAIN, "x@gmx.de", rules).review.pool == "b"


@pytest.mark.parametrize("raw", [ENCRYPTED, AMBIGUOUS, TOO_DEEP])
@pytest.mark.parametrize("rcpt", ["x@gmx.de", "x@t-online.de", "x@duck.com"])
def test_what_cannot_be_read_is_held_for_private_classes(raw: bytes, rcpt: str) -> None:
    """Also under a policy that relays everything."""
    found = one(raw, rcpt, RELAY_ALL)
    assert found.action is Action.hold
    assert UNREADABLE in found.reasons


@pytest.mark.parametrize("raw", [ENCRYPTED, AMBIGUOUS, TOO_DEEP])
def test_an_unlisted_domain_relays_even_then(raw: bytes) -> None:
    """Most business domains are in no list: they get their encrypted mail."""
    assert one(raw, "x@kunde.example", RELAY_ALL).action is Action.relay
    assert one(raw, "x@corp.example", RELAY_ALL).action is Action.relay


def test_an_own_mailbox_on_an_unlisted_domain_does_not() -> None:
    """Own private mailboxes and automatic forwards are guarded on unlisted domains, too."""
    named = b"From: Anna Berger <anna.berger@corp.example>\r\n" + ENCRYPTED
    assert one(named, "anna@berger-privat.example", RELAY_ALL).action is Action.hold
    ruled = b"Auto-Submitted: auto-forwarded\r\n" + ENCRYPTED
    assert one(ruled, "x@kunde.example", RELAY_ALL).action is Action.hold


def test_a_policy_that_only_counts_holds_nothing() -> None:
    """The guard goes as far as the policy's strongest mode."""
    assert one(ENCRYPTED, "x@gmx.de", policy(rule("all", "True", "hold", "count"))).action is Action.relay
    assert one(ENCRYPTED, "x@gmx.de", policy(rule("all", "recipient.private", "relay", "advise"))).action is Action.tag


def test_null_sender_mail_is_rejected_instead_of_held() -> None:
    """Nobody could answer a notice (design invariant 3)."""
    found = one(ENCRYPTED, "x@gmx.de", RELAY_ALL, sender="")
    assert found.action is Action.reject
    assert NULL_SENDER in found.reasons


def test_unknown_facts_that_change_nothing_are_not_asked_for() -> None:
    """A raise that could only repeat the action needs no structure."""
    rules = policy(rule("base", "True", "hold"), rule("up", "message.attachments > 0", "hold", stage="raise"))
    known = {"recipient.class": "freemail", "recipient.relation": "none", "sender.null": False}
    assert not isinstance(decide(rules, lambda name: known.get(name, UNKNOWN)), Needs)
    higher = policy(rule("base", "True", "hold"), rule("up", "message.attachments > 0", "reject", stage="raise"))
    answer = decide(higher, lambda name: known.get(name, UNKNOWN))
    assert isinstance(answer, Needs)
    assert answer.facts == {"message.attachments"}


def test_a_broken_judge_lets_nothing_out() -> None:
    """Without a judgement internal mail passes, everything else waits, null-sender mail is refused."""
    mail = transaction(PLAIN, rcpt=("a@corp.example", "x@gmx.de", "x@kunde.example"))
    actions = [each.action for each in unjudged(mail, SHIPPED, NOW).dispositions]
    assert actions == [Action.relay, Action.hold, Action.hold]
    bounce = transaction(PLAIN, sender="", rcpt=("x@gmx.de",))
    assert unjudged(bounce, SHIPPED, NOW).dispositions[0].action is Action.reject


def test_a_hit_decides_beside_the_case_that_would_decide_without_it() -> None:
    """A case that rests on hits does not hide a stronger case behind it; a weaker one behind it says nothing."""
    rules = policy(rule("hits", "findings.personal > 0", "hold"), rule("rest", "recipient.private", "reject"))
    known: dict[str, object] = {"recipient.private": True, "findings.personal": 1, "recipient.class": "unknown"}
    found = decide(rules, lambda name: known.get(name, False))
    assert not isinstance(found, Needs)
    assert (found.action, found.reasons) == (Action.reject, ("hits", "rest"))
    milder = policy(rule("hits", "findings.personal > 0", "hold"), rule("rest", "True", "relay"))
    found = decide(milder, lambda name: known.get(name, False))
    assert not isinstance(found, Needs)
    assert (found.action, found.reasons) == (Action.hold, ("hits",))
    assert [hit.id for hit in found.rules] == ["hits"]


def test_behind_a_hit_a_case_that_may_end_the_search_is_asked_for() -> None:
    """Whether the weaker case in between matches decides whether the stronger one behind it is reached."""
    rules = policy(
        rule("hits", "findings.personal > 0", "tag"),
        rule("between", "message.attached_mail", "relay"),
        rule("rest", "True", "reject"),
    )
    known: dict[str, object] = {"findings.personal": 1, "recipient.class": "unknown", "recipient.relation": "none"}
    answer = decide(rules, lambda name: known.get(name, UNKNOWN))
    assert isinstance(answer, Needs)
    assert answer.facts == {"message.attached_mail"}


def test_the_policy_says_by_class_what_follows_when_the_judge_breaks() -> None:
    """`defer` makes the mail wait, `relay` for an unlisted domain lets it out tagged and marked, never unseen."""
    mail = transaction(PLAIN, rcpt=("a@corp.example", "x@kunde.example"))
    waiting = replace(SHIPPED, failure={RecipientClass.unknown: "defer"})
    assert must_wait(mail, waiting)
    assert not must_wait(mail, SHIPPED)
    opened = replace(SHIPPED, failure={RecipientClass.unknown: "relay"})
    found = unjudged(mail, opened, NOW).dispositions
    assert [(each.action, OPEN in each.reasons) for each in found] == [(Action.relay, False), (Action.tag, True)]
