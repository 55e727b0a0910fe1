# SPDX-License-Identifier: Apache-2.0
"""`make bench`: how well kinds are told apart, per program and language, and what it costs."""

from __future__ import annotations

import pytest

from tests.benchmarks import judge


@pytest.mark.bench
def test_kinds_are_told_apart_well_and_fast() -> None:
    """At most 4 misses and 4 false alarms, real mail under 0.5 %, a 60 KB HTML forward under 3 ms of CPU, business mail 0.15."""
    results, times = judge.run(), judge.cpu()
    print("\n" + judge.table(results, times))
    if "labels" in results:
        score = results["labels"][0]["all"]
        assert score.missed <= 4
        assert score.alarms <= 4
        assert len(results["real"][1]) < 0.005 * results["real"][0]
    assert times["60 KB HTML forward"][1] < 3
    assert times["4 KB business mail"][1] < 0.15
