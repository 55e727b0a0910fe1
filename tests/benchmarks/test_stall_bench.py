# SPDX-License-Identifier: Apache-2.0
"""`make bench`: one heavy mail does not keep a gate from answering the others."""

from __future__ import annotations

import pytest

from tests.benchmarks import stall


@pytest.mark.bench
def test_no_mail_stops_the_event_loop_for_long() -> None:
    """While 10 MB are judged with stores, structure and content, a NOOP on another connection waits under 50 ms."""
    found = stall.measure()
    print("\n" + stall.table(found))
    for name, (_, longest, answer) in found.items():
        assert longest < 50, name
        assert name == "idle" or "held" in answer
