# SPDX-License-Identifier: Apache-2.0
"""Small builders for engine tests: a transaction from text, a policy from a few rules."""

from __future__ import annotations

from datetime import UTC, datetime

from dlpmilter.engine.evaluate import evaluate
from dlpmilter.mime.head import read_head
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.address import NULL_SENDER, parse_address
from dlpmilter.model.facts import Facts, Nobody
from dlpmilter.model.limits import Limits
from dlpmilter.model.transaction import Client, EnvelopePath, Transaction
from dlpmilter.model.verdict import Review, Verdict
from dlpmilter.model.words import Action, Mode
from dlpmilter.policy.domains import DomainLists
from dlpmilter.policy.load import load_policy
from dlpmilter.policy.match import Needs, compile_condition
from dlpmilter.policy.schema import FACTS, Policy, Rule, Words

LIMITS = Limits()
NOW = Facts(now=datetime(2026, 11, 22, 9, tzinfo=UTC))
SHIPPED = load_policy(None, internal_domains=["corp.example"])


class Staff(Nobody):
    """A directory out of a few rows: names by main address, aliases, private mailboxes in canonical form."""

    def __init__(
        self,
        names: dict[str, tuple[str, ...]],
        aliases: dict[str, str] | None = None,
        private: dict[str, str] | None = None,
        groups: dict[str, str] | None = None,
    ) -> None:
        self._names, self._aliases = names, aliases or {}
        self._private, self._groups = private or {}, groups or {}

    def person(self, address: str) -> str:
        """The main address."""
        return self._aliases.get(address, address if address in self._names else "")

    def names(self, address: str) -> tuple[str, ...]:
        """The names given."""
        return self._names.get(address, ())

    def private_owner(self, canonical: str) -> str:
        """Whose private mailbox it is."""
        return self._private.get(canonical, "")

    def keeps(self, person: str, canonical: str) -> bool:
        """Whether it is this person's."""
        return self._private.get(canonical) == person

    def secrecy_group(self, address: str) -> str:
        """The group given."""
        return self._groups.get(address, "")


def transaction(
    raw: bytes, *, sender: str = "anna.berger@corp.example", rcpt: tuple[str, ...] = (), login: str = ""
) -> Transaction:
    """Envelope and header block of `raw`."""
    path = EnvelopePath(parse_address(sender) if sender else NULL_SENDER)
    recipients = tuple(EnvelopePath(parse_address(each)) for each in rcpt)
    return Transaction(
        "t", Client("192.0.2.1", login=login), path, recipients, read_head(raw, LIMITS).raw, len(raw), NOW.now
    )


def first_look(
    raw: bytes, *rcpt: str, policy: Policy = SHIPPED, sender: str = "anna.berger@corp.example"
) -> Verdict | Needs:
    """The answer from envelope and headers alone."""
    return evaluate(transaction(raw, sender=sender, rcpt=rcpt), read_head(raw, LIMITS), NOW, policy)


def verdict(
    raw: bytes, *rcpt: str, policy: Policy = SHIPPED, sender: str = "anna.berger@corp.example", login: str = ""
) -> Verdict:
    """The answer with the structure read."""
    one = transaction(raw, sender=sender, rcpt=rcpt, login=login)
    answer = evaluate(one, read_head(raw, LIMITS), NOW, policy, read_structure(raw, LIMITS))
    assert isinstance(answer, Verdict)
    return answer


def rule(
    rule_id: str, when: str, action: str, mode: str = "enforce", stage: str = "base", pool: str = "privacy"
) -> Rule:
    """One rule."""
    condition = compile_condition(when, facts=FACTS)
    words = Words(rule_id, rule_id)
    return Rule(
        rule_id, words, "raise" if stage == "raise" else "base", condition, Action[action], Mode(mode), Review(pool), ""
    )


def policy(*rules: Rule) -> Policy:
    """A policy of these rules with the shipped lists."""
    cases = tuple(each for each in rules if each.stage == "base")
    raises = tuple(each for each in rules if each.stage == "raise")
    domains: DomainLists = SHIPPED.domains
    return Policy("test", "0" * 64, cases, raises, domains)
