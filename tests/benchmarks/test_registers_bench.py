# SPDX-License-Identifier: Apache-2.0
"""`make bench`: what registers cost, and that excerpts are found where other texts are not."""

from __future__ import annotations

import pytest

from tests.benchmarks import registers


@pytest.mark.bench
def test_registers_are_cheap_and_excerpts_are_found() -> None:
    """99 % of excerpts found, no other text above 0.3; figures of building and lookups beside SQLite are printed."""
    results = registers.run(200_000, 1_000, 10_000)
    print("\n" + registers.table(results))
    documents = results["documents"]
    assert int(documents["excerpts found"].split()[0]) >= 990
    assert all(value < 0.3 for name, value in documents.items() if name.startswith("highest"))
    assert results["building"]["peak_rss_children_mb"] < 512
