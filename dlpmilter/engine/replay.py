# SPDX-License-Identifier: Apache-2.0
"""A decision made again from what was recorded: facts and the rules of that day. Never needs the mail.

Design invariant 9: the same facts under the same policy version give the same action and the same rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.decide import GUARD_FACTS, Decision, decide
from dlpmilter.model.words import RecipientClass
from dlpmilter.policy.match import UNKNOWN, Needs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dlpmilter.policy.schema import Policy

CLASS = "recipient.class"


def recorded_facts(
    policy: Policy, recipient_class: RecipientClass, lookup: Callable[[str], object]
) -> tuple[tuple[str, str | int | bool], ...]:
    """The known values of every fact that a rule for this class, or the guard of the engine, may read."""
    cases, raises = policy.for_class(recipient_class)
    names = {CLASS, *GUARD_FACTS}.union(*(rule.when.facts for rule in (*cases, *raises)))
    return tuple((name, value) for name in sorted(names) if isinstance(value := lookup(name), str | int | bool))


def replayed(policy: Policy, facts: Mapping[str, str | int | bool]) -> Decision | Needs:
    """The decision that these facts give under this policy; Needs when the record is not complete."""
    values: dict[str, object] = dict(facts)
    if isinstance(facts.get(CLASS), str):
        values[CLASS] = RecipientClass(str(facts[CLASS]))
    return decide(policy, lambda name: values.get(name, UNKNOWN))
