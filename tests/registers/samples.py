# SPDX-License-Identifier: Apache-2.0
"""Tables and documents made up for the tests of the registers."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from dlpmilter.model.content import Extract, Table
from dlpmilter.registers.build import Plan, build
from dlpmilter.registers.match import Register
from dlpmilter.registers.source import Source

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
COLUMNS = ("customer", "given", "surname", "email", "iban", "phone", "street", "zip", "city", "born")
_SYLLABLES = (
    "ba be bi da de di fa fe ga gi ka ke la le li ma me mi na ne ni pa pe ra re ri sa se si ta te wa we".split()
)


def syllables(number: int, count: int) -> str:
    """A word for a number."""
    word = ""
    for _ in range(count):
        number, rest = divmod(number, len(_SYLLABLES))
        word += _SYLLABLES[rest]
    return word


def people(count: int, seed: int = 1) -> list[tuple[str, ...]]:
    """Rows of a customer list: few given names, many surnames, some cities, skewed as real ones are."""
    rng = random.Random(seed)

    def pick(size: int) -> int:
        return int(size * rng.random() ** 2)

    rows: list[tuple[str, ...]] = []
    for number in range(count):
        given = syllables(pick(800), 2).capitalize()
        surname = syllables(pick(20_000) + 2_000, 3).capitalize() + "mann"
        rows.append(
            (
                f"K-{1_000_000 + number}",
                given,
                surname,
                f"{given}.{surname}{number}@mail{number % 50}.example".lower(),
                f"DE{number % 97 + 2:02}{10_000_000 + number % 5_000:08}{number:010}",
                f"+49 {rng.randrange(150, 179)} {rng.randrange(10**7):07}",
                f"{syllables(pick(10_000), 3).capitalize()}straße {rng.randrange(1, 150)}",
                f"{10_000 + int(80_000 * rng.random() ** 2)}",
                syllables(pick(2_000) + 5_000, 3).capitalize() + "burg",
                f"{rng.randrange(1, 29):02}.{rng.randrange(1, 13):02}.{rng.randrange(1940, 2006)}",
            )
        )
    return rows


def write_csv(path: Path, rows: Iterable[Sequence[str]], columns: Sequence[str] = COLUMNS) -> Path:
    """A CSV file with a row of names."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def register(folder: Path, rows: Iterable[Sequence[str]], columns: Sequence[str] = COLUMNS, **plan: Any) -> Register:
    """Build and open a register of these rows."""
    source = write_csv(folder / "source.csv", rows, columns)
    target = folder / "customers.reg"
    build(Source(source), Plan("customers", **plan), target, KEY, {"key": "test", "made": "2026-01-01"})
    return Register(target, KEY)


def text(words: str, hidden: str = "") -> list[Extract]:
    """One part of running text."""
    return [Extract("1", "text/plain", text=words, hidden=hidden)]


def table(rows: Sequence[Sequence[str]]) -> list[Extract]:
    """One part that is a table."""
    return [Extract("1", "text/csv", tables=(Table(tuple(map(tuple, rows)), len(rows)),))]


@cache
def vocabulary(size: int = 3_000) -> list[str]:
    """Words that generated documents share."""
    return [syllables(number, 3) for number in range(size)]


def document(seed: int, words: int = 600, size: int = 3_000) -> str:
    """Prose of a shared vocabulary, some words far more frequent than others, in sentences and lines."""
    rng = random.Random(seed)
    known = vocabulary(size)
    found: list[str] = []
    for number in range(words):
        word = known[int(size * rng.random() ** 3)]
        found.append(word.capitalize() + "." if number % 11 == 10 else word)
    return "\n".join(" ".join(found[at : at + 12]) for at in range(0, words, 12))
