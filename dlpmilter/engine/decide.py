# SPDX-License-Identifier: Apache-2.0
"""From rules to one recipient's action: the first matching case is the base, raises only raise.

Holds the invariants that no policy can forget: what cannot be inspected is held for private classes,
null-sender mail is never held. Asks for missing facts only when they could change the action.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.model.verdict import Review, RuleHit
from dlpmilter.model.words import PRIVATE_CLASSES, Action, Mode, RecipientClass, Relation
from dlpmilter.policy.likely import FIRST_KNOWN, effect_of, ranked
from dlpmilter.policy.match import UNKNOWN, Needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpmilter.policy.schema import Policy, Rule

UNREADABLE = "uninspectable-to-private"
NULL_SENDER = "null-sender-not-held"
_UNREADABLE_FACTS = ("message.uninspectable", "message.ambiguous", "message.encrypted")
GUARD_FACTS = (*_UNREADABLE_FACTS, "message.auto_forward", "recipient.relation", "sender.null")
"""What the engine itself reads, whatever the rules say."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Action for one recipient with every rule that matched and every reason."""

    action: Action
    rules: tuple[RuleHit, ...] = ()
    reasons: tuple[str, ...] = ()
    review: Review = Review()


class _Tally:
    """The action as it rises."""

    def __init__(self) -> None:
        self.action = Action.relay
        self.rules: list[RuleHit] = []
        self.reasons: list[str] = []
        self.review = Review()

    def apply(self, rule: Rule, stage: str) -> None:
        """Count a match; it acts as far as its mode allows, and never lowers."""
        self.rules.append(RuleHit(rule.id, stage, rule.action, rule.mode))
        effect = effect_of(rule)
        if effect is None:
            return
        if stage == "base" or effect > self.action:
            self.reasons.append(rule.id)
        self.force(effect, rule.review)

    def force(self, action: Action, review: Review | None = None) -> None:
        """Raise the action; the review of the strongest rule counts."""
        if action > self.action:
            self.action = action
            self.review = review or self.review


def decide(policy: Policy, lookup: Callable[[str], object]) -> Decision | Needs:
    """Decide for one recipient; `lookup` answers UNKNOWN for facts that were not computed yet."""
    tally = _Tally()
    recipient_class = lookup("recipient.class")
    if isinstance(recipient_class, RecipientClass):
        first = tuple([lookup(name) for name in FIRST_KNOWN])
        cases, raises = policy.likely.rules(policy, recipient_class, first)
    else:
        cases, raises = ranked(policy.cases), policy.raises
    missing = _base(cases, lookup, tally)
    if missing is not None:
        return missing
    missing = _raises(raises, lookup, tally)
    guard = _unreadable(policy, lookup, tally)
    if isinstance(guard, Needs):
        missing = guard if missing is None else missing | guard
    if missing is not None:
        return missing
    if tally.action is Action.hold and lookup("sender.null") is True:
        tally.force(Action.reject)  # design invariant 3: nobody could answer the notice
        tally.reasons.append(NULL_SENDER)
    return Decision(tally.action, tuple(tally.rules), tuple(dict.fromkeys(tally.reasons)), tally.review)


def _base(cases: tuple[tuple[Rule, Action], ...], lookup: Callable[[str], object], tally: _Tally) -> Needs | None:
    """First matching case that may act; later cases that would do more are recorded, too.

    A case that matches because of what was found does not end the search: the case that would have
    decided without the hits counts as well, and the stronger of the two wins (design invariant 7).
    """
    found = ended = False
    for rule, strongest in cases:
        if ended and rule.action is Action.relay:
            continue
        matched = rule.when.run(lookup)
        if isinstance(matched, Needs):
            if ended or (found and strongest <= tally.action):
                continue  # it cannot change the base any more
            return matched
        if not matched:
            continue
        effect = effect_of(rule)
        if ended or effect is None or (found and effect <= tally.action):
            if rule.action is not Action.relay or not found:
                tally.rules.append(RuleHit(rule.id, "also", rule.action, rule.mode))
        else:
            tally.apply(rule, "base")
        if effect is not None:
            found = True
            ended = ended or not rule.when.grows
    if not found:
        tally.reasons.append("no-case")
    return None


def _raises(raises: tuple[Rule, ...], lookup: Callable[[str], object], tally: _Tally) -> Needs | None:
    pending: list[tuple[Action, Needs]] = []
    for rule in raises:
        matched = rule.when.run(lookup)
        if isinstance(matched, Needs):
            pending.append((effect_of(rule) or Action.relay, matched))
        elif matched:
            tally.apply(rule, "raise")
    missing: Needs | None = None
    for action, needs in pending:
        if action > tally.action:  # below it the answer changes nothing
            missing = needs if missing is None else missing | needs
    return missing


def _unreadable(policy: Policy, lookup: Callable[[str], object], tally: _Tally) -> Needs | None:
    """Design invariant 6, whatever the policy says: what cannot be looked at is no free pass."""
    ceiling = strongest_mode(policy)
    most = Action.hold if ceiling is Mode.enforce else Action.tag
    if ceiling is Mode.count or tally.action >= most or not _guarded(lookup):
        return None
    values = {name: lookup(name) for name in _UNREADABLE_FACTS}
    if any(value is True for value in values.values()):
        tally.force(most)
        tally.reasons.append(UNREADABLE)
        return None
    unknown = frozenset(name for name, value in values.items() if value is UNKNOWN)
    return Needs(unknown) if unknown else None


def _guarded(lookup: Callable[[str], object]) -> bool:
    """Private classes and look-alikes; an unlisted domain only for own mailboxes and automatic forwards."""
    recipient_class = lookup("recipient.class")
    if recipient_class in PRIVATE_CLASSES or recipient_class == RecipientClass.lookalike:
        return True
    own = lookup("recipient.relation") == Relation.own_private
    return recipient_class == RecipientClass.unknown and (own or lookup("message.auto_forward") is True)


def strongest_mode(policy: Policy) -> Mode:
    """How far this policy may go at all: a policy that only counts holds nothing."""
    return policy.likely.ceiling(policy)
