# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.evasion.report`: every trick once, a table of what was found, held and missed; 1 on a miss."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from tests.evasion.bodies import bodies
from tests.evasion.charsets import charsets
from tests.evasion.combinations import combinations
from tests.evasion.containers import containers
from tests.evasion.encoders import encoders
from tests.evasion.headers import headers
from tests.evasion.letters import letters
from tests.evasion.markup import markup
from tests.evasion.names import file_names
from tests.evasion.papers import papers
from tests.evasion.pictures import pictures
from tests.evasion.secrets import Trick, outcome
from tests.evasion.structures import structures
from tests.evasion.whole import KNOWN_OPEN, Case
from tests.evasion.whole import outcome as outcome_of_case

GENERATORS: tuple[Callable[[], Iterator[Trick]], ...] = (
    structures,
    bodies,
    file_names,
    charsets,
    encoders,
    combinations,
)


WHOLE: tuple[Callable[[], Iterator[Case]], ...] = (letters, markup, headers, containers, papers, pictures)
"""Those that are judged by all that the filter looks at."""


def cases() -> Iterator[Case]:
    """All mails of another origin, the same in every run."""
    for generator in WHOLE:
        yield from generator()


def tricks() -> Iterator[Trick]:
    """All mails of all families, the same in every run."""
    for generator in GENERATORS:
        yield from generator()


def main() -> int:
    """Print the table, and the name of each miss."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    missed = []
    for trick in tricks():
        result = outcome(trick)
        table[trick.family][result] += 1
        if result == "missed":
            missed.append(f"{trick.family}: {trick.name}")
    known: list[str] = []
    for case in cases():
        result = outcome_of_case(case)
        table[case.family][result] += 1
        if result == "missed":
            (known if case.name in KNOWN_OPEN else missed).append(f"{case.family}: {case.name}: {case.says}")
    table["all"] = sum(table.values(), Counter())
    print(f"{'family':26} {'mails':>6} {'found':>6} {'held':>6} {'missed':>6}")
    for family, counts in table.items():
        print(f"{family:26} {counts.total():6} {counts['found']:6} {counts['held']:6} {counts['missed']:6}")
    for name in missed:
        print(f"missed  {name}")
    for name in known:
        print(f"open    {name}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
