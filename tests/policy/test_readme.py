# SPDX-License-Identifier: Apache-2.0
"""policies/README.md says what the code does. Never repeats the document's text as a test of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlpmilter.engine.failure import failure_way
from dlpmilter.model.words import RecipientClass
from dlpmilter.policy.functions import FUNCTIONS
from dlpmilter.policy.load import load_policy
from dlpmilter.policy.match import ConditionError, FactKind, compile_condition
from dlpmilter.policy.schema import FACTS, HoldTerms
from dlpmilter.policy.shape import CustomersTable, GovernanceTable, HoldTable, RetentionTable, VettingTable
from dlpmilter.simulate.golden import golden_mails
from dlpmilter.simulate.golden_facts import SHAPE

README = (Path(__file__).parents[2] / "policies" / "README.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize("source", "".join(re.findall(r"```conditions\n(.*?)```", README, re.DOTALL)).splitlines())
def test_each_condition_shown_is_accepted(source: str) -> None:
    """A reader may copy every example of the language."""
    assert compile_condition(source, facts=FACTS).source == source


@pytest.mark.parametrize("line", _block("refused").splitlines())
def test_each_mistake_shown_is_refused_as_told(line: str) -> None:
    """The mistakes of the document are refused with the words it promises."""
    source, _, phrase = line.partition(" -> ")
    with pytest.raises(ConditionError) as error:
        compile_condition(source, facts=FACTS)
    assert phrase in str(error.value)


def test_the_policy_shown_loads(tmp_path: Path) -> None:
    """The example policy and the example list are a working folder; mode is a ceiling."""
    (tmp_path / "policy.toml").write_text(_block("toml"), encoding="utf-8")
    (tmp_path / "domains").mkdir()
    (tmp_path / "domains" / "freemail.list").write_text(_block("list"), encoding="utf-8")
    policy = load_policy(tmp_path, require_governance=True)
    assert {rule.mode.value for rule in policy.rules} == {"count"}
    assert policy.domains.classify("anna@mailbox.example").recipient_class == "freemail"
    assert policy.domains.classify("freelancer@mailbox.example").recipient_class == "partner"


def test_the_table_of_facts_is_the_table_of_the_code() -> None:
    """Name, type, cost and meaning of every fact stand in the document."""
    kinds = {FactKind.text: "text", FactKind.number: "number", FactKind.flag: "flag", FactKind.word: "word"}
    for name, fact in FACTS.items():
        kind = "domain" if fact.domain else kinds[fact.kind]
        cost = ", ".join(fact.sources)
        assert f"| `{name}` | {kind} | {cost} | {fact.doc} |" in README
        if fact.kind is FactKind.word:
            assert f"Words of `{name}`: `{' '.join(fact.values)}`" in README


def test_the_table_of_functions_is_the_table_of_the_code() -> None:
    """Each function stands in the document with its meaning."""
    for name, function in FUNCTIONS.items():
        assert re.search(rf"\| `{name}\(.*?\)` \| {re.escape(function.doc)} \|", README)


def test_every_governance_and_hold_key_is_explained() -> None:
    """No key of the two blocks is missing in the document, and the defaults shown are the code's."""
    for key in GovernanceTable.model_fields:
        assert f"| `{key}` |" in README
    terms = HoldTerms()
    for key in [*HoldTable.model_fields, *RetentionTable.model_fields]:
        assert f"`{key}`" in README or f"[hold.{key}]" in README
    for key in ("working_days", "remind_at_share", "remind_days_before", "case_days", "sealed_days", "withdrawn_hours"):
        assert f"`{key}` ({getattr(terms, key)}" in README


def test_the_table_of_a_golden_mail_is_a_working_one(tmp_path: Path) -> None:
    """The examples of golden mails are read as they stand."""
    for number, block in enumerate(re.findall(r"```golden\n(.*?)```", README, re.DOTALL)):
        (tmp_path / f"{number}.toml").write_text(block, encoding="utf-8")
        (tmp_path / f"{number}.eml").write_bytes(b"From: anna@company.example\n\nx\n")
    mail, _ = golden_mails([tmp_path])
    assert mail.recipients[0].rule == "own-private-mailbox"
    assert mail.classes[0].domains == {"partner.example"}


def test_every_key_of_customers_vetting_and_failure_is_explained() -> None:
    """No key of the newer tables is missing in the document, and no default of the judge's failure."""
    for key in [*CustomersTable.model_fields, *VettingTable.model_fields]:
        assert f"| `{key}` |" in README
    policy = load_policy(None)
    relayed = [f"`{each.value}`" for each in RecipientClass if failure_way(policy, each) == "relay"]
    assert f"{', '.join(relayed[:-1])} and {relayed[-1]} relay" in README


def test_every_key_of_a_golden_mail_is_shown() -> None:
    """The tables of a golden mail stand in the document with every key."""
    shown = "\n".join(re.findall(r"```golden\n(.*?)```", README, re.DOTALL))
    for table, keys in SHAPE.items():
        assert f"[{table}]" in shown or f"[[{table}]]" in shown
        for key in keys:
            assert re.search(rf"^{key}\s+= ", shown, re.MULTILINE), key
