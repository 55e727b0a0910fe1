# SPDX-License-Identifier: Apache-2.0
"""Rules left out before they are asked could never have matched: for every value of what is known first."""

from __future__ import annotations

from itertools import product

from dlpmilter.model.words import Action, RecipientClass, Relation
from dlpmilter.policy.likely import FIRST_KNOWN, Narrowing, effect_of, ranked
from dlpmilter.policy.terms import UNKNOWN
from tests.engine.samples import SHIPPED

CLASSES = (RecipientClass.freemail, RecipientClass.unknown, RecipientClass.ai_service)
FLAGS = (True, False, UNKNOWN)


def test_no_rule_is_left_out_that_could_match() -> None:
    """Each relation, each flag true, false and unknown: what is left out is false for all of them."""
    memory = Narrowing()
    for recipient_class, relation in product(
        CLASSES, (Relation.none, Relation.own_private, Relation.customer, UNKNOWN)
    ):
        for flags in product(FLAGS, repeat=len(FIRST_KNOWN) - 1):
            values = (relation, *flags)
            known = dict(zip(FIRST_KNOWN, values, strict=True))
            known |= {"recipient.class": recipient_class, "recipient.private": recipient_class.private}
            left = memory.rules(SHIPPED, recipient_class, values)
            cases, raises = SHIPPED.for_class(recipient_class)
            kept = [each.id for each, _ in left.cases] + [each.id for each in left.raises]
            for rule in (*cases, *raises):
                answer = rule.when.evaluate(lambda name, known=known: known.get(name, UNKNOWN))  # type: ignore[misc]
                assert (rule.id in kept) is (answer is not False)


def test_the_strongest_later_effect_counts_the_rules_left_out() -> None:
    """The engine gives up asking by it, so it must not depend on what was left out."""
    cases, _ = SHIPPED.for_class(RecipientClass.freemail)
    for place, (rule, strongest) in enumerate(ranked(cases)):
        assert rule is cases[place]
        assert strongest == max(effect_of(each) or Action.relay for each in cases[place:])
    full = {rule.id: strongest for rule, strongest in ranked(cases)}
    values = (Relation.none, False, False, True, False, False, "none")
    for rule, strongest in Narrowing().rules(SHIPPED, RecipientClass.freemail, values).cases:
        assert strongest == full[rule.id]
