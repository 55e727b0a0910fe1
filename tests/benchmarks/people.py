# SPDX-License-Identifier: Apache-2.0
"""What the directory and a register of customers cost: loading, memory, one look-up, one import."""

from __future__ import annotations

import asyncio
import csv
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dlpmilter.facts.customers import CustomerRegisters
from dlpmilter.facts.directory import People
from dlpmilter.facts.hashes import Hashes
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring

PEOPLE = 100_000
CUSTOMERS = 1_000_000


class Figures(NamedTuple):
    """Seconds, octets and microseconds; `plain` is the csv module alone on the same file."""

    load_seconds: float
    plain_seconds: float
    load_octets: int
    lookup_microseconds: float
    import_seconds: float
    import_plain_seconds: float
    import_peak_octets: int


def write_file(path: Path, rows: int) -> None:
    """A file of people as a company has it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("address", "names", "aliases", "private", "department", "secrecy_group"))
        for number in range(rows):
            writer.writerow((
                f"given{number}.surname{number}@corp.example", f"Given{number} Surname{number}|Given{number} Earlier{number}",
                f"g.surname{number}@corp.example|p{number}@corp-group.example", f"s{number}@gmx.de",
                f"department {number % 50}", "",
            ))  # fmt: skip


def _octets() -> int:
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _load(path: Path) -> tuple[float, int, float]:
    before = _octets()
    started = time.perf_counter()
    people = People.load(path, Hashes((b"k" * 32,)))
    seconds = time.perf_counter() - started
    octets = _octets() - before
    started = time.perf_counter()
    for number in range(10_000):
        people.person(f"g.surname{number}@corp.example")
        people.private_owner(f"s{number}@gmx.de")
    return seconds, octets, (time.perf_counter() - started) * 100


def _addresses(path: Path) -> Iterator[str]:
    with path.open(encoding="ascii") as file:
        yield from (line.strip() for line in file)


async def _import(folder: Path, path: Path) -> float:
    database = Database(folder / "d.db", keyring=Keyring("k", {"k": b"k" * 32}))
    await database.start()
    try:
        registers = CustomerRegisters(database, Hashes((b"k" * 32,)))
        started = time.perf_counter()
        rows = await registers.replace("crm", _addresses(path), actor="x", step=lambda: None)
        assert rows == CUSTOMERS
        return time.perf_counter() - started
    finally:
        await database.close()


def main(what: str, folder: Path) -> None:
    """One measurement in a process of its own, so that memory means something."""
    if what == "load":
        print(*_load(folder / "people.csv"))
        return
    seconds = asyncio.run(_import(folder, folder / "crm.txt"))
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _measured(what: str, folder: Path) -> list[float]:
    command = [sys.executable, "-m", "tests.benchmarks.people", what, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(each) for each in done.stdout.split()]


def run() -> Figures:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_file(folder / "people.csv", PEOPLE)
        started = time.perf_counter()
        with (folder / "people.csv").open(encoding="utf-8", newline="") as file:
            assert sum(1 for _ in csv.reader(file)) == PEOPLE + 1
        plain = time.perf_counter() - started
        with (folder / "crm.txt").open("w", encoding="ascii") as file:
            file.writelines(f"customer{number}@gmx.de\n" for number in range(CUSTOMERS))
        started = time.perf_counter()
        hashes = Hashes((b"k" * 32,))
        assert sum(1 for each in _addresses(folder / "crm.txt") if hashes.of(each)) == CUSTOMERS
        hashing = time.perf_counter() - started
        seconds, octets, microseconds = _measured("load", folder)
        import_seconds, peak = _measured("import", folder)
        return Figures(seconds, plain, int(octets), microseconds, import_seconds, hashing, int(peak))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
