# SPDX-License-Identifier: Apache-2.0
"""Counts as facts: by group, and as much as any rule asks for where they were not counted to the end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.engine.found import GROUP_FACTS, content_facts
from dlpmilter.model.content import ContentReport
from dlpmilter.model.detector import TOO_MANY
from dlpmilter.model.verdict import Finding

POLICY: Any = SimpleNamespace(groups={"iban": ("personal",), "api-token": ("secret",), "email-address": ("contact",)})
FINDINGS = st.lists(st.builds(Finding, st.sampled_from(sorted(POLICY.groups)), st.integers(1, 300_000)), max_size=6)


@given(FINDINGS, st.integers(0, 10**9))
def test_a_count_that_was_cut_satisfies_every_threshold(findings: list[Finding], threshold: int) -> None:
    """Text beyond the bound of the detectors puts no rule out of reach, whatever was found before the bound."""
    facts = content_facts(ContentReport(findings=tuple(findings), uninspectable=(TOO_MANY,)), POLICY)
    for name in GROUP_FACTS.values():
        assert facts[name] > threshold, name  # type: ignore[operator]


@given(FINDINGS, FINDINGS)
def test_more_findings_never_lower_a_count(findings: list[Finding], more: list[Finding]) -> None:
    """Neither another finding nor a text that could not be looked at to the end lowers a count."""
    before = content_facts(ContentReport(findings=tuple(findings)), POLICY)
    for trouble in ((), (TOO_MANY,)):
        after = content_facts(ContentReport(findings=(*findings, *more), uninspectable=trouble), POLICY)
        assert all(after[name] >= before[name] for name in GROUP_FACTS.values())  # type: ignore[operator]
