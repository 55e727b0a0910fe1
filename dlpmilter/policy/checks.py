# SPDX-License-Identifier: Apache-2.0
"""What the shape of the TOML cannot say: conditions, ids, pools, lists that contradict each other.

Works on raw data so that one broken key does not hide the next problem. Never raises, never changes anything.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dlpmilter.config import Problem
from dlpmilter.model.words import PRIVATE_CLASSES, RecipientClass
from dlpmilter.policy.domains import is_domain, is_public_suffix, normalise_domain
from dlpmilter.policy.lists import LISTABLE, domain_problems
from dlpmilter.policy.match import ConditionError, compile_condition, did_you_mean
from dlpmilter.policy.problems import item_name, shape_problems
from dlpmilter.policy.schema import FACTS
from dlpmilter.policy.shape import GovernanceTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dlpmilter.policy.lists import ClassList
    from dlpmilter.policy.match import Condition
    from dlpmilter.policy.shape import RuleTable

NEVER_PROTECTED = PRIVATE_CLASSES | {RecipientClass.ai_service, RecipientClass.mail_in}


def merged(own: Sequence[RuleTable], base: Sequence[RuleTable]) -> list[RuleTable]:
    """Own rules first, then the shipped ones; an own rule with a shipped id stands in that one's place."""
    replaced = {each.id: each for each in own}
    shipped = {each.id for each in base}
    return [each for each in own if each.id not in shipped] + [replaced.get(each.id, each) for each in base]


def _raw_rules(data: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for stage in ("case", "raise"):
        rules = data.get(stage)
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, dict):
                yield stage, f"{stage}[{item_name(rule, index)}]", rule


def check_rules(file: str, data: dict[str, Any], problems: list[Problem]) -> None:
    """Conditions, ids used twice, actions this version does not have, keys that have no effect."""
    ids = Counter(rule.get("id") for _, _, rule in _raw_rules(data) if isinstance(rule.get("id"), str))
    for rule_id, count in ids.items():
        if count > 1:
            problems.append(
                Problem(file, f"case[{rule_id}].id", f"stands here {count} times.", "Give each rule its own id.")
            )
    for stage, key, rule in _raw_rules(data):
        if isinstance(rule.get("when"), str):
            try:
                problems.extend(_lowering(file, key, stage, rule, compile_condition(rule["when"], facts=FACTS)))
            except ConditionError as error:
                problems.append(Problem(file, f"{key}.when", error.what, error.fix))
        action = rule.get("action")
        if stage == "raise" and action == "relay":
            what = "relay raises nothing."
            problems.append(Problem(file, f"{key}.action", what, "Write tag, hold or reject, or make it a [[case]]."))
        if "review" in rule and action != "hold":
            what = f"has no effect: only held mail is reviewed, and the action is {action}."
            problems.append(Problem(file, f"{key}.review", what, 'Delete it or write action = "hold".'))


def _lowering(file: str, key: str, stage: str, rule: dict[str, Any], when: Condition) -> Iterator[Problem]:
    """Design invariant 7: whatever is found may only raise the action, so no rule may rest on finding less."""
    if not when.shrinks:
        return
    if stage == "raise" or when.grows:
        what = "can stop matching when more is found, so a hit would lower the action."
        yield Problem(file, f"{key}.when", what, "Compare counts of findings and drip with > or >= only.")
    elif rule.get("action") != "relay":
        what = f"rests on finding nothing, and its action {rule.get('action')!r} would be lost with a hit."
        yield Problem(file, f"{key}.when", what, 'Only a case with action = "relay" may ask for == 0.')


def check_order(file: str, own: dict[str, Any], base: dict[str, Any] | None, problems: list[Problem]) -> None:
    """A policy without a rule, and rules behind one that always matches."""
    rules = [each for each in _raw_rules(own) if each[0] == "case"]
    shipped = [each for each in _raw_rules(base or {}) if each[0] == "case"]
    if not rules and not shipped:
        fix = 'Write extends = "default" or at least one [[case]].'
        problems.append(Problem(file, "case", "the policy has no rule.", fix))
    ids = {rule.get("id") for _, _, rule in shipped}
    local = {rule.get("id"): rule for _, _, rule in rules}
    order = [(key, rule) for _, key, rule in rules if rule.get("id") not in ids]
    order += [(key, local.get(rule.get("id"), rule)) for _, key, rule in shipped]
    always = next((index for index, (_, rule) in enumerate(order) if str(rule.get("when")).strip() == "True"), None)
    if always is not None and always + 1 < len(order):
        what = f"always matches, so {order[always + 1][0]} and all rules after it never do."
        problems.append(Problem(file, f"{order[always][0]}.when", what, "Put the rule that always matches last."))


def check_classes(file: str, lists: Iterable[ClassList], names: Iterable[str], problems: list[Problem]) -> None:
    """Class names of [classes.*], domains in two classes, protected domains anybody can register at."""
    for name in names:
        if name not in LISTABLE:
            fix = did_you_mean(name, LISTABLE)
            if name == RecipientClass.internal:
                fix = "Internal domains stand in dlpmilter.toml, key internal_domains."
            problems.append(Problem(file, f"classes.{name}", "is not a class a list may give.", fix))
    known = list(lists)
    seen: dict[str, ClassList] = {}
    for each in (each for each in known if not each.shipped):
        if " [classes." in each.name:
            _check_table(file, each, problems)
        for entry in sorted(each.domains | each.addresses):
            before = seen.setdefault(entry, each)
            if before.recipient_class is not each.recipient_class:
                problems.append(
                    Problem(
                        file,
                        f"classes.{each.recipient_class}",
                        f"{entry} is also in {before.name}.",
                        "An entry can have one class only.",
                    )
                )
    providers = {
        domain: each
        for each in known
        if each.shipped and each.recipient_class in NEVER_PROTECTED
        for domain in each.domains
    }
    for each in known:
        if each.recipient_class is RecipientClass.protected:
            for domain in sorted(each.domains & providers.keys()):
                what = f"{domain} is in {providers[domain].name}: a protected domain would let all its mailboxes pass."
                problems.append(Problem(file, "classes.protected.domains", what, "Name the exact address instead."))


def _check_table(file: str, each: ClassList, problems: list[Problem]) -> None:
    key = f"classes.{each.recipient_class}.domains"
    for domain in sorted(each.domains):
        if not is_domain(domain):
            fix = "A domain covers its subdomains by itself." if "*" in domain else "Write it like example.com."
            problems.append(Problem(file, key, f"{domain[:80]!r} is not a domain.", fix))
    good = [(domain, key) for domain in sorted(each.domains) if is_domain(domain)]
    problems.extend(domain_problems(file, good, each.recipient_class))


def check_internal(internal_domains: Iterable[str], problems: list[Problem]) -> None:
    """An internal domain that is a public suffix would make a whole country internal."""
    for each in internal_domains:
        if is_public_suffix(normalise_domain(each)):
            what = f"{each!r} is a public suffix: every domain below it would count as yours."
            problems.append(Problem("dlpmilter.toml", "internal_domains", what, "Name your own domains."))


def check_governance(
    file: str,
    own: dict[str, Any],
    all_data: Sequence[dict[str, Any]],
    problems: list[Problem],
    *,
    required: bool,
    allow_sample: bool,
) -> None:
    """The block where it is needed, not a sample in real use, and every pool a rule asks for."""
    rules = [(key, rule) for data in all_data for _, key, rule in _raw_rules(data)]
    acting = own.get("mode", "enforce") != "count" and any(rule.get("mode") != "count" for _, rule in rules)
    governance = own.get("governance")
    if governance is None:
        if required and acting:
            problems.extend(_missing_block(file))
        return
    if not isinstance(governance, dict):
        return
    if required and not allow_sample and governance.get("sample") is True:
        what = "this block is the sample of the demo: nobody has agreed to it."
        problems.append(Problem(file, "governance.sample", what, "Fill in your own and delete the key."))
    pools = governance.get("pools")
    names = {each.get("name") for each in pools if isinstance(each, dict)} if isinstance(pools, list) else set()
    asked = {
        review.get("pool", "privacy"): key
        for key, rule in reversed(rules)
        if rule.get("action") == "hold" and isinstance(review := rule.get("review", {}), dict)
    }
    for pool, key in sorted(asked.items(), key=lambda each: str(each[0])):
        if names and pool not in names:
            what = f"holds no pool {pool!r}, which {key} asks for."
            problems.append(Problem(file, "governance.pools", what, "Add it or name another pool in the rule."))


def _missing_block(file: str) -> list[Problem]:
    try:
        GovernanceTable.model_validate({})
    except ValidationError as error:
        return shape_problems(file, error, GovernanceTable, {}, prefix="governance.")
    return []
