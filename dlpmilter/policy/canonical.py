# SPDX-License-Identifier: Apache-2.0
"""The canonical form of a policy and its hash, which stands in every record. Never reads a file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING, Any

from dlpmilter.model.verdict import Review
from dlpmilter.model.words import Action, Mode
from dlpmilter.policy.match import ConditionError, compile_condition
from dlpmilter.policy.schema import FACTS, Rule, Words

if TYPE_CHECKING:
    from dlpmilter.policy.schema import Policy


def canonical_form(policy: Policy) -> bytes:
    """Everything a verdict or its handling rests on, as UTF-8 JSON with sorted keys.

    Rules in their order, class lists by content (comments, order and file names do not count), internal
    domains, governance, times of a hold, customers, vetted services, what happens when the judge breaks.
    """
    domains = policy.domains
    form = {
        "rules": [_rule(each) for each in policy.rules],
        "lists": sorted([each.recipient_class, each.shipped, each.digest] for each in domains.lists),
        "internal": list(domains.internal),
        "governance": _plain(policy.governance),
        "hold": _plain(policy.hold),
        "customers": {name: sorted(each) for name, each in _plain(policy.customers).items()},
        "vetting": [_plain(each) for each in policy.vetting],
        "failure": dict(policy.failure),
        "detectors": policy.detectors,
    }
    return json.dumps(form, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_text).encode()


def read_rules(form: bytes) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Cases and raises out of a canonical form, to decide again as on that day. Raises ValueError."""
    try:
        rules = [_read_rule(each) for each in json.loads(form)["rules"]]
    except (KeyError, TypeError, ConditionError) as error:
        raise ValueError(f"the kept policy cannot be read by this version: {error}") from None
    return tuple(each for each in rules if each.stage == "base"), tuple(each for each in rules if each.stage == "raise")


def _read_rule(form: dict[str, Any]) -> Rule:
    return Rule(
        id=form["id"],
        title=Words(**form["title"]),
        stage=form["stage"],
        when=compile_condition(form["when"], facts=FACTS),
        action=Action[form["action"]],
        mode=Mode(form["mode"]),
        review=Review(**form["review"]),
        rationale=form["rationale"],
    )


def policy_version(policy: Policy) -> str:
    """SHA-256 of the canonical form, 64 hex digits; what `policy.version` says now does not count."""
    return hashlib.sha256(canonical_form(policy)).hexdigest()


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "stage": rule.stage,
        "when": rule.when.source,
        "action": rule.action.name,
        "mode": rule.mode.value,
        "title": _plain(rule.title),
        "review": _plain(rule.review),
        "rationale": rule.rationale,
    }


def _plain(value: Any) -> Any:  # any frozen dataclass of the policy
    return None if value is None else dataclasses.asdict(value)


def _text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form")
