# SPDX-License-Identifier: Apache-2.0
"""What differs between two loaded policies: rules, order, lists, governance, times. Never says which is better."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlpmilter.policy.domains import DomainLists
    from dlpmilter.policy.schema import Policy, Rule

_RULE_KEYS = ("stage", "when", "action", "mode", "review", "title", "rationale")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: `what` is added, removed, changed or moved; `area` is rule, order, list, governance, hold,
    customers, vetting, failure or detector.

    `before` and `after` are values for people; for a list they are the entries taken out and put in.
    """

    area: str
    what: str
    name: str
    key: str = ""
    before: Any = None
    after: Any = None


def differences(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Every difference in what the policies say, from `old` to `new`; empty when the versions are equal.

    In which of your files an entry stands is no difference here, though it changes the version.
    """
    return (
        *_rules(old.rules, new.rules),
        *_order("case", old.cases, new.cases),
        *_order("raise", old.raises, new.raises),
        *_lists(old.domains, new.domains),
        *_block("governance", old.governance, new.governance),
        *_block("hold", old.hold, new.hold),
        *_block("customers", old.customers, new.customers),
        *_named("vetting", {each.domain: each for each in old.vetting}, {each.domain: each for each in new.vetting}),
        *_named("failure", {**old.failure}, {**new.failure}),
        *_detectors(old, new),
    )


def _rules(old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[Change]:
    before, after = {each.id: each for each in old}, {each.id: each for each in new}
    for rule in old:
        if rule.id not in after:
            yield Change("rule", "removed", rule.id, before=_plain(rule))
    for rule in new:
        if rule.id not in before:
            yield Change("rule", "added", rule.id, after=_plain(rule))
            continue
        one, two = _plain(before[rule.id]), _plain(rule)
        for key in _RULE_KEYS:
            if one[key] != two[key]:
                yield Change("rule", "changed", rule.id, key, one[key], two[key])


def _order(stage: str, old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[Change]:
    """Rules that both have, in another order: the first case that matches decides, so order is meaning."""
    after = {each.id for each in new}
    before = {each.id for each in old}
    one = [each.id for each in old if each.id in after]
    two = [each.id for each in new if each.id in before]
    if one != two:
        yield Change("order", "moved", stage, before=one, after=two)


def _lists(old: DomainLists, new: DomainLists) -> Iterator[Change]:
    before, after = _entries(old), _entries(new)
    for name in sorted(before.keys() | after.keys()):
        gone, come = before.get(name, set()) - after.get(name, set()), after.get(name, set()) - before.get(name, set())
        if gone or come:
            what = "added" if name not in before else "removed" if name not in after else "changed"
            yield Change("list", what, name, before=sorted(gone), after=sorted(come))


def _entries(domains: DomainLists) -> dict[str, set[str]]:
    """Entries by class, shipped ones apart: in which file of yours a domain stands makes no difference."""
    found: dict[str, set[str]] = {}
    for each in domains.lists:
        name = f"{each.recipient_class}{' (shipped)' if each.shipped else ''}"
        found.setdefault(name, set()).update(each.domains, each.addresses)
    if domains.internal:
        found["internal"] = set(domains.internal)
    return found


def _block(area: str, old: Any, new: Any) -> Iterator[Change]:
    if old is None or new is None:
        if old is not new:
            added = old is None
            yield Change(area, "added" if added else "removed", area, before=_fields(old), after=_fields(new))
        return
    before, after = _fields(old), _fields(new)
    for key in before:
        if before[key] != after[key]:
            yield Change(area, "changed", area, key, before[key], after[key])


def _detectors(old: Policy, new: Policy) -> Iterator[Change]:
    """Detectors that came, went or count for other groups; a changed pattern shows in the digest only."""
    if old.detectors == new.detectors:
        return
    yield from _named("detector", {**old.groups}, {**new.groups})
    if old.groups == new.groups:
        yield Change("detector", "changed", "definitions", before=old.detectors[:12], after=new.detectors[:12])


def _named(area: str, old: dict[Any, Any], new: dict[Any, Any]) -> Iterator[Change]:
    """Entries by name that are there, gone, or say something else."""
    for name in sorted({*old, *new}, key=str):
        before, after = _json(old.get(name)), _json(new.get(name))
        if before != after:
            what = "added" if before is None else "removed" if after is None else "changed"
            yield Change(area, what, str(name), before=before, after=after)


def _fields(block: Any) -> dict[str, Any]:
    """The keys of a block with values that JSON has."""
    if block is None:
        return {}
    return {each.name: _json(getattr(block, each.name)) for each in dataclasses.fields(block)}


def _plain(rule: Rule) -> dict[str, Any]:
    return {
        "stage": "case" if rule.stage == "base" else "raise",
        "when": rule.when.source,
        "action": rule.action.name,
        "mode": rule.mode.value,
        "review": _json(rule.review),
        "title": _json(rule.title),
        "rationale": rule.rationale,
    }


def _json(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, tuple | list | frozenset):
        return [_json(each) for each in (sorted(value) if isinstance(value, frozenset) else value)]
    return value.isoformat() if isinstance(value, date) else value
