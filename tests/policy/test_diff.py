# SPDX-License-Identifier: Apache-2.0
"""What differs between two policies is named, and equal versions differ in nothing."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from dlpmilter.cli.policy import command
from dlpmilter.policy.diff import differences
from dlpmilter.policy.load import load_policy

STRICT = Path(__file__).parents[2] / "policies" / "examples" / "strict"
RULES = """
name = "test"
[[case]]
id = "a"
title = { de = "x", en = "x" }
when = "recipient.private"
action = "hold"
rationale = "x"

[[case]]
id = "b"
title = { de = "x", en = "x" }
when = "message.bulk"
action = "relay"
rationale = "x"

[classes.partner]
domains = ["partner.example", "gone.example"]
"""


def _policy(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    return folder


def test_rules_order_lists_governance_and_times_are_compared(tmp_path: Path) -> None:
    """From the default to the strict example: what is new, what is changed and how, which entries came."""
    found = {
        (each.area, each.what, each.name, each.key): each
        for each in differences(load_policy(None), load_policy(STRICT))
    }
    assert found["rule", "added", "secrecy-area", ""].after["action"] == "reject"
    assert found["rule", "added", "big-to-private", ""].after["stage"] == "raise"
    changed = found["rule", "changed", "private-fresh-attachment", "action"]
    assert (changed.before, changed.after) == ("tag", "hold")
    assert found["list", "added", "business", ""].after == ["supplier.example"]
    assert found["governance", "added", "governance", ""].after["private_use"] == "forbidden"
    assert found["hold", "changed", "hold", "working_days"].after == 3
    back = {(each.area, each.what, each.name) for each in differences(load_policy(STRICT), load_policy(None))}
    assert {("rule", "removed", "secrecy-area"), ("governance", "removed", "governance")} <= back


def test_equal_versions_differ_in_nothing_and_different_ones_in_something(tmp_path: Path) -> None:
    """Comments and the order of a list are no difference; the order of cases is."""
    one = load_policy(_policy(tmp_path / "one", RULES))
    same = load_policy(
        _policy(
            tmp_path / "same",
            "# hello\n" + RULES.replace('"partner.example", "gone.example"', '"gone.example", "partner.example"'),
        )
    )
    assert one.version == same.version
    assert differences(one, same) == ()
    head, a, b = RULES.split("[[case]]")
    b, _, classes = b.partition("[classes")
    turned = load_policy(_policy(tmp_path / "turned", f"{head}[[case]]{b}[[case]]{a}[classes{classes}"))
    assert one.version != turned.version
    (moved,) = differences(one, turned)
    assert (moved.area, moved.what, moved.before, moved.after) == ("order", "moved", ["a", "b"], ["b", "a"])


def test_the_command_says_it_readably_and_as_json(tmp_path: Path) -> None:
    """Exit code 1 for a difference, 0 for none, 2 for a policy that cannot be loaded."""
    one = _policy(tmp_path / "one", RULES)
    two = _policy(tmp_path / "two", RULES.replace('"hold"', '"tag"').replace(', "gone.example"', ""))
    result = CliRunner().invoke(command, ["diff", str(one), str(two)])
    assert result.exit_code == 1
    assert "~ rule a action\n    - hold\n    + tag\n" in result.stdout
    assert "~ list partner: 0 in, 1 out\n    - gone.example\n" in result.stdout
    answer = json.loads(CliRunner().invoke(command, ["diff", "--json", str(one), str(two)]).stdout)
    assert [(each["area"], each["name"], each["key"]) for each in answer["changes"]] == [
        ("rule", "a", "action"), ("list", "partner", "")
    ]  # fmt: skip
    json.loads(CliRunner().invoke(command, ["diff", "--json", "default", str(STRICT)]).stdout)
    assert CliRunner().invoke(command, ["diff", "default", str(STRICT)]).exit_code == 1
    assert CliRunner().invoke(command, ["diff", "default", "default"]).exit_code == 0
    assert CliRunner().invoke(command, ["diff", "default", str(tmp_path / "none")]).exit_code == 2
