# SPDX-License-Identifier: Apache-2.0
"""`make bench`: the directory and a register of customers at their stated sizes."""

from __future__ import annotations

import pytest

from tests.benchmarks import people


@pytest.mark.bench
def test_the_directory_and_a_register_stay_modest() -> None:
    """100,000 people load in at most 40 times what reading the CSV takes, under 120 MB; a million customers stream."""
    found = people.run()
    print(
        f"\n{people.PEOPLE} people: {found.load_seconds:.2f} s ({found.load_seconds / found.plain_seconds:.1f} x csv alone), "
        f"{found.load_octets / 2**20:.0f} MiB, {found.lookup_microseconds:.2f} us for person and private_owner\n"
        f"{people.CUSTOMERS} customers: {found.import_seconds:.1f} s ({found.import_seconds / found.import_plain_seconds:.1f} x "
        f"hashing alone), peak {found.import_peak_octets / 2**20:.0f} MiB"
    )
    assert found.load_seconds < 40 * found.plain_seconds
    assert found.load_octets < 120 * 2**20
    assert found.import_peak_octets < 300 * 2**20
