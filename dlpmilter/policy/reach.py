# SPDX-License-Identifier: Apache-2.0
"""Rules that can never match, and cases that earlier cases always take first: warnings for `policy check`.

A warning is proof (logic.py looks at every case a mail can be); no warning is none: functions on texts and
comparisons of two facts count as free, and a search that takes too long is given up and said so.
Never refuses a policy, never judges a mail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.model.words import Mode
from dlpmilter.policy.build import NOT_PROTECTED
from dlpmilter.policy.logic import Space, TooManyStepsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dlpmilter.policy.logic import Tree
    from dlpmilter.policy.schema import Policy, Rule

STEPS = 20_000
"""Steps of one search; the shipped rules take fewer than a thousand each."""


@dataclass(frozen=True, slots=True)
class RuleWarning:
    """One rule that does nothing: `kind` is never-matches, shadowed or not-checked; `by` names earlier cases."""

    kind: str
    rule: str
    key: str
    what: str
    fix: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule is written: file and line (0 when it is not found)."""

    file: str
    line: int


def warnings_of(policy: Policy, steps: int = STEPS) -> tuple[RuleWarning, ...]:
    """All warnings about the rules of a loaded policy, in their order."""
    space = Space(each.when.source for each in policy.rules)
    trees = {each.id: space.tree(each.when.source) for each in policy.rules}
    only_counts = all(each.mode is Mode.count for each in policy.rules)
    found: list[RuleWarning] = []
    takers: list[Rule] = []
    for rule in policy.rules:
        try:
            acts = only_counts or rule.mode is not Mode.count
            found.extend(_warnings(space, trees, rule, takers if acts and rule.stage == "base" else [], steps))
        except TooManyStepsError:
            what = "could not be checked against the rules before it: there are too many combinations."
            found.append(RuleWarning("not-checked", rule.id, _key(rule), what, "Split it into simpler rules."))
            continue
        if acts and rule.stage == "base" and not (found and found[-1].rule == rule.id):
            takers.append(rule)
    return tuple(found)


def places_of(files: Sequence[Path]) -> dict[str, Place]:
    """Rule id -> the place of its id; the first file that holds it counts. Unreadable files are left out."""
    places: dict[str, Place] = {}
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if found := re.match(r"""\s*id\s*=\s*["']([^"']+)["']""", line):
                places.setdefault(found[1], Place(str(path), number))
    return places


def _warnings(
    space: Space, trees: dict[str, Tree], rule: Rule, takers: list[Rule], steps: int
) -> Iterator[RuleWarning]:
    goal = [trees[rule.id]]
    if space.find(goal, [], steps) is None:
        yield _never(rule)
        return
    if not takers or space.find(goal, [trees[each.id] for each in takers], steps) is not None:
        return
    by = _fewest(space, goal, [(each.id, trees[each.id]) for each in takers], steps)
    names = ", ".join(f"case[{each}]" for each in by)
    yield RuleWarning(
        "shadowed",
        rule.id,
        _key(rule),
        f"never sets the action: every mail it matches is taken by {names} before.",
        f"Put it before {f'case[{by[0]}]' if len(by) == 1 else 'the first of them'}, or delete it.",
        by,
    )


def _never(rule: Rule) -> RuleWarning:
    fix = "Its parts exclude each other: mend the condition or delete the rule."
    if rule.stage == "raise" and rule.when.source.startswith(NOT_PROTECTED) and "'protected'" in _own_part(rule):
        fix = "A [[raise]] never reaches recipients of class protected: make it a [[case]] or delete it."
    return RuleWarning("never-matches", rule.id, _key(rule), "can never be true.", fix)


def _own_part(rule: Rule) -> str:
    return rule.when.source.removeprefix(NOT_PROTECTED)


def _fewest(space: Space, goal: list[Tree], takers: list[tuple[str, Tree]], steps: int) -> tuple[str, ...]:
    """The takers without those that are not needed for the proof; later ones are left out first."""
    for each in list(reversed(takers)):
        rest = [other for other in takers if other is not each]
        if rest and space.find(goal, [tree for _, tree in rest], steps) is None:
            takers = rest
    return tuple(name for name, _ in takers)


def _key(rule: Rule) -> str:
    return f"{'case' if rule.stage == 'base' else 'raise'}[{rule.id}].when"
