# SPDX-License-Identifier: Apache-2.0
"""The verdict on a mail on which the judge itself broke, by class of the recipient. Never breaks itself.

Without a word in the policy nothing leaves for a domain we do not know; internal and listed business
recipients relay, for a wall there would harm without protecting (field section 3, per-class failure policy).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.classify import classify_recipient, is_internal
from dlpmilter.engine.decide import NULL_SENDER
from dlpmilter.model.verdict import Disposition, MessageJudgement, Sender, Verdict
from dlpmilter.model.words import Action, Kind, RecipientClass, Relation
from dlpmilter.policy.domains import ClassMatch

if TYPE_CHECKING:
    from dlpmilter.model.facts import Facts
    from dlpmilter.model.transaction import EnvelopePath, Transaction
    from dlpmilter.policy.schema import FailureWay, Policy

FAILED = "judge-failed"
OPEN = "failed-open"
"""Marks a recipient who got a mail unjudged because the policy says so: a record is written, an alarm raised."""
_KNOWN_CLASSES = frozenset(
    {
        RecipientClass.internal,
        RecipientClass.partner,
        RecipientClass.authority,
        RecipientClass.protected,
        RecipientClass.business,
    }
)


def failure_way(policy: Policy, recipient_class: RecipientClass) -> FailureWay:
    """What the policy says for this class, else relay for known business classes and hold for all others."""
    default: FailureWay = "relay" if recipient_class in _KNOWN_CLASSES else "hold"
    return policy.failure.get(recipient_class, default)


def must_wait(transaction: Transaction, policy: Policy) -> bool:
    """Whether the class of some recipient says that such a mail stays upstream (451) until the fault is mended."""
    return any(
        failure_way(policy, _safely_classified(path, policy).recipient_class) == "defer"
        for path in transaction.recipients
    )


def unjudged(transaction: Transaction, policy: Policy, facts: Facts) -> Verdict:
    """The verdict by class alone; classes that must wait count as held."""
    null = transaction.sender.mailbox.null
    stop = Action.reject if null else Action.hold
    dispositions = []
    for path in transaction.recipients:
        match = _safely_classified(path, policy)
        way = failure_way(policy, match.recipient_class)
        relayed = way == "relay"
        reasons = (FAILED,) if relayed or not null else (FAILED, NULL_SENDER)
        if relayed and match.recipient_class not in _KNOWN_CLASSES:
            reasons = (*reasons, OPEN)
        dispositions.append(
            Disposition(path, match.recipient_class, match.source, Relation.none, None,
                        _action(relayed=relayed, stop=stop, reasons=reasons), reasons=reasons)
        )  # fmt: skip
    address = transaction.sender.mailbox.key
    sender = Sender(
        facts.owners.get(address, address), "envelope", bool(address) and is_internal(address, policy.domains)
    )
    judgement = MessageJudgement(Kind.fresh, 0.0, uninspectable=(FAILED,), complete=False)
    return Verdict(judgement, sender, tuple(dispositions), policy.version)


def _action(*, relayed: bool, stop: Action, reasons: tuple[str, ...]) -> Action:
    """Who gets a mail unjudged where nobody would expect it gets it tagged: that is on record (domain section 4)."""
    if not relayed:
        return stop
    return Action.tag if OPEN in reasons else Action.relay


def _safely_classified(path: EnvelopePath, policy: Policy) -> ClassMatch:
    try:
        return classify_recipient(path.mailbox, policy.domains)
    except Exception:  # noqa: BLE001 - this is the answer for a broken judge; the class may be what broke it
        return ClassMatch(path.mailbox.domain, RecipientClass.unknown, "none")
