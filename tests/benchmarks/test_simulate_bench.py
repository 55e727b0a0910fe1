# SPDX-License-Identifier: Apache-2.0
"""`make bench`: the rate of `policy simulate` and its memory."""

from __future__ import annotations

import pytest

from tests.benchmarks.simulate import TARGET, measure


@pytest.mark.bench
def test_simulating_keeps_its_rate_and_its_memory() -> None:
    """Over 2,000 mails of 10 KB a second on two cores; ten times the mails take no more memory."""
    few, many = measure(5_000), measure(50_000)
    for run in (few, many):
        print(
            f"\n{run.mails} mails of {run.octets / run.mails / 1024:.1f} KB, two policies: {run.rate:.0f} mails/s, "
            f"peak RSS parent {run.parent_mb:.0f} MB, process {run.process_mb:.0f} MB"
        )
    assert (few.mails, many.mails) == (5_000, 50_000)
    assert many.rate > TARGET
    assert many.process_mb < few.process_mb + 20
    assert many.parent_mb < few.parent_mb + 20
