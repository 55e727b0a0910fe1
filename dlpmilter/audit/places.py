# SPDX-License-Identifier: Apache-2.0
"""How an erasure names what it erased, short enough to be kept for years: runs of entries and of fields.

Never looks at a database.

`{"12-14,20": "0,3-5"}` says: fields 0, 3, 4 and 5 of entries 12, 13, 14 and 20.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def by_positions(places: Sequence[tuple[int, int]]) -> dict[str, str]:
    """(entry, field) pairs as runs; entries with the same fields share one run."""
    fields: dict[int, list[int]] = {}
    for seq, position in places:
        fields.setdefault(seq, []).append(position)
    groups: dict[str, list[int]] = {}
    for seq, positions in fields.items():
        groups.setdefault(runs(positions), []).append(seq)
    return {runs(seqs): positions for positions, seqs in groups.items()}


def runs(numbers: Iterable[int]) -> str:
    """Whole numbers as runs: 1, 2, 3, 7 is `1-3,7`."""
    parts: list[str] = []
    start = last = None
    for number in sorted(set(numbers)):
        if start is None or last is None or number != last + 1:
            if start is not None:
                parts.append(_run(start, last or start))
            start = number
        last = number
    if start is not None and last is not None:
        parts.append(_run(start, last))
    return ",".join(parts)


def _run(start: int, last: int) -> str:
    return str(start) if start == last else f"{start}-{last}"
