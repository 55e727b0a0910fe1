# SPDX-License-Identifier: Apache-2.0
"""Which rules can match a recipient at all, by the few facts known of nearly every mail. Never decides.

What is false with some facts not known is false whatever they are (Kleene), so a rule left out changes no
answer: of the 41 shipped rules one is left for a business recipient, half of them for a private mailbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dlpmilter.model.words import Action, Mode, RecipientClass
from dlpmilter.policy.terms import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dlpmilter.policy.schema import Policy, Rule

FIRST_KNOWN = (
    *("recipient.relation", "recipient.agreement"),
    *("sender.null", "sender.internal", "sender.exempt", "message.auto_forward", "message.statement"),
)
"""Facts that envelope, headers and what is in memory tell; each has a few values only."""
_MOST = 4096
"""Different sets of such facts one policy remembers; there are about a hundred in real mail."""


class Likely(NamedTuple):
    """The rules left, in their order."""

    cases: tuple[tuple[Rule, Action], ...]
    """Each with the strongest effect of it and all later cases for this class, those left out included."""
    raises: tuple[Rule, ...]


class Narrowing:
    """The memory of one policy; lives as long as it does."""

    __slots__ = ("_ceiling", "_found")

    def __init__(self) -> None:
        self._found: dict[tuple[str, tuple[object, ...]], Likely] = {}
        self._ceiling: Mode | None = None

    def rules(self, policy: Policy, recipient_class: RecipientClass, values: tuple[object, ...]) -> Likely:
        """The rules for a recipient of this class with these values of FIRST_KNOWN (UNKNOWN where not known)."""
        found = self._found.get((recipient_class, values))
        if found is None:
            if len(self._found) >= _MOST:
                self._found.clear()
            found = self._found[recipient_class, values] = _likely(policy, recipient_class, values)
        return found

    def ceiling(self, policy: Policy) -> Mode:
        """How far any rule of this policy may go."""
        if self._ceiling is None:
            modes = {rule.mode for rule in policy.rules}
            self._ceiling = next((each for each in (Mode.enforce, Mode.advise) if each in modes), Mode.count)
        return self._ceiling


def effect_of(rule: Rule) -> Action | None:
    """What a match does under the rule's mode: count does nothing, advise tags at most."""
    if rule.mode is Mode.count:
        return None
    return min(rule.action, Action.tag) if rule.mode is Mode.advise else rule.action


def ranked(cases: Iterable[Rule]) -> tuple[tuple[Rule, Action], ...]:
    """Each case with the strongest effect from it to the end."""
    found: list[tuple[Rule, Action]] = []
    strongest = Action.relay
    for rule in reversed(tuple(cases)):
        strongest = max(strongest, effect_of(rule) or Action.relay)
        found.append((rule, strongest))
    return tuple(reversed(found))


def possible(known: dict[str, object]) -> Callable[[Rule], bool]:
    """Whether a rule can still be true when this is known."""
    return lambda rule: rule.when.evaluate(lambda name: known.get(name, UNKNOWN)) is not False


def _likely(policy: Policy, recipient_class: RecipientClass, values: tuple[object, ...]) -> Likely:
    known: dict[str, object] = dict(zip(FIRST_KNOWN, values, strict=True))
    known |= {"recipient.class": recipient_class, "recipient.private": recipient_class.private}
    can = possible(known)
    cases, raises = policy.for_class(recipient_class)
    return Likely(tuple(each for each in ranked(cases) if can(each[0])), tuple(filter(can, raises)))
