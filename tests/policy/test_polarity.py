# SPDX-License-Identifier: Apache-2.0
"""A policy in which a hit would lower the action does not load; the message says what to write."""

from __future__ import annotations

import pytest

from dlpmilter.config import Problem
from dlpmilter.policy.checks import check_rules
from dlpmilter.policy.match import compile_condition
from dlpmilter.policy.schema import FACTS


@pytest.mark.parametrize(
    ("source", "grows", "shrinks"),
    [
        ("findings.personal > 0", True, False),
        ("findings.personal != 0", True, False),
        ("0 < findings.personal", True, False),
        ("findings.personal == 0", False, True),
        ("not findings.personal >= 3", False, True),
        ("not (recipient.private and findings.personal == 0)", True, False),
        ("findings.personal == 3", True, True),
        ("1 <= findings.personal <= 3", True, True),
        ("findings.personal in [1, 2]", True, True),
        ("findings.personal > findings.special", True, True),
        ("findings.personal > 0 or findings.special < 2", True, True),
        ("drip.messages_30d >= 9", True, False),
        ("message.attachments == 0", False, False),
        ("findings.own_document", False, False),
    ],
)
def test_which_way_a_condition_moves(source: str, grows: bool, shrinks: bool) -> None:
    """More hits make it true, false, both or neither."""
    condition = compile_condition(source, facts=FACTS)
    assert (condition.grows, condition.shrinks) == (grows, shrinks)


@pytest.mark.parametrize(
    ("stage", "when", "action", "words"),
    [
        ("raise", "findings.personal == 0", "hold", "> or >= only"),
        ("case", "findings.personal == 3", "hold", "> or >= only"),
        ("case", "findings.personal == 0", "tag", 'action = "relay"'),
        ("case", "findings.personal == 0", "relay", ""),
        ("case", "findings.personal > 0", "tag", ""),
        ("raise", "drip.records_7d >= 5", "hold", ""),
    ],
)
def test_a_rule_that_rests_on_finding_less_is_refused(stage: str, when: str, action: str, words: str) -> None:
    """Only a case that relays may ask for the absence of hits; every refusal says what is right."""
    problems: list[Problem] = []
    check_rules("policy.toml", {stage: [{"id": "x", "when": when, "action": action}]}, problems)
    assert [words in each.fix for each in problems] == ([True] if words else [])
