# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter policy`: answers, exit codes, JSON."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from dlpmilter.cli.policy import command
from dlpmilter.policy.load import load_policy

ROOT = Path(__file__).parents[2]


def test_a_good_policy_is_named_with_its_version() -> None:
    """Exit code 0, name, number of rules, lists, and that the block is a sample."""
    folder = ROOT / "policies" / "examples" / "demo"
    policy = load_policy(folder)
    result = CliRunner().invoke(command, ["check", "--policy", str(folder)])
    assert result.exit_code == 0
    assert (
        f"demo: {len(policy.cases)} cases, {len(policy.raises)} raises, version {policy.short_version}" in result.output
    )
    assert "sample" in result.output


def test_the_default_lacks_the_block_until_told_not_to_ask() -> None:
    """Exit code 2 with every key; --no-governance checks the rules alone; JSON says the same."""
    result = CliRunner().invoke(command, ["check"])
    assert result.exit_code == 2
    assert "governance.dpo: is missing." in result.stderr
    assert "13 problems" in result.stderr
    assert CliRunner().invoke(command, ["check", "--no-governance"]).exit_code == 0
    answer = json.loads(CliRunner().invoke(command, ["check", "--json"]).stdout)
    assert answer["ok"] is False
    assert {each["key"] for each in answer["problems"]} >= {"governance.dpo", "governance.pools"}
    answer = json.loads(CliRunner().invoke(command, ["check", "--json", "--no-governance"]).stdout)
    assert answer["ok"] is True
    assert "otherwise" in answer["cases"]


def test_the_schema_knows_every_key_of_the_shipped_policy() -> None:
    """Editors get names and words: actions, modes, governance keys."""
    result = CliRunner().invoke(command, ["schema"])
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    assert set(schema["properties"]) == {"name", "extends", "mode", "case", "raise", "classes", "governance", "hold",
        "customers", "vetting", "failure"}  # fmt: skip
    assert schema["$defs"]["RuleTable"]["properties"]["action"]["enum"] == ["relay", "tag", "hold", "reject"]
    assert "private_use" in schema["$defs"]["GovernanceTable"]["required"]
    assert schema["additionalProperties"] is False


IDLE = """
name = "idle"
extends = "default"

[[case]]
id        = "late"
title     = { de = "x", en = "x" }
when      = "recipient.private and recipient.class == 'partner'"
action    = "hold"
rationale = "x"

[[case]]
id        = "private-reply"
title     = { de = "x", en = "x" }
when      = "recipient.class == 'disposable'"
action    = "hold"
rationale = "x"
"""


def test_rules_that_do_nothing_are_warned_of_with_their_place(tmp_path: Path) -> None:
    """File, line, rule, what and fix, for a rule that never matches and one in a shipped place that is shadowed."""
    (tmp_path / "policy.toml").write_text(IDLE, encoding="utf-8")
    result = CliRunner().invoke(command, ["check", "--no-governance", "--policy", str(tmp_path)])
    assert result.exit_code == 0
    assert f"warning: {tmp_path / 'policy.toml'}:6: case[late].when: can never be true." in result.stderr
    assert "case[private-reply].when: never sets the action" in result.stderr
    answer = json.loads(
        CliRunner().invoke(command, ["check", "--json", "--no-governance", "--policy", str(tmp_path)]).stdout
    )
    assert [(each["kind"], each["rule"], each["line"], each["by"]) for each in answer["warnings"]] == [
        ("never-matches", "late", 6, []),
        ("shadowed", "private-reply", 13, ["disposable-address"]),
    ]


def test_the_shipped_policy_gives_no_warning() -> None:
    """Nobody starts with a warning that is not theirs."""
    answer = json.loads(CliRunner().invoke(command, ["check", "--json", "--no-governance"]).stdout)
    assert answer["warnings"] == []
