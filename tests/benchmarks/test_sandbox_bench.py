# SPDX-License-Identifier: Apache-2.0
"""`make bench`: what opening documents in a sandbox costs, and that bombs cost no more than promised."""

from __future__ import annotations

import asyncio

import pytest

from tests.benchmarks import sandbox


@pytest.mark.bench
def test_documents_and_bombs_cost_no_more_than_promised() -> None:
    """An office document 30 ms or less, 25 MB with attachments 3 s or less; each bomb 10 s, 256 MiB and 50 ms of lag at most."""
    trips, blasts = asyncio.run(sandbox.trips()), asyncio.run(sandbox.blasts())
    print("\n" + sandbox.table(trips, blasts))
    assert [each.name for each in trips if each.wall > (3000 if each.name == sandbox.BIG else 30)] == []
    assert [each.name for each in blasts if each.seconds > 10 or each.memory > 256 << 20 or each.lag > 50] == []
