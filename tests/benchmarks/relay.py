# SPDX-License-Identifier: Apache-2.0
"""What relaying a business mail costs: CPU of our gates beside a bare aiosmtpd + aiosmtplib relay.

Both stand between the same load and the same sink, in turn, round by round. CPU is user + system time
from /proc of the filter's processes only. Absolute times move with the machine; the ratio is what counts.
    python -m tests.benchmarks.relay [--rounds N] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.benchmarks.load import load
from tests.peers.drain import Drain
from tests.peers.inject import PLAIN, message
from tests.peers.processes import descendants
from tests.peers.product import Product

ROUNDS = 15
CONNECTIONS = 8
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Size:
    """One kind of mail: how big, what it may cost, and how many make a round of about half a second CPU."""

    name: str
    octets: int
    target_ms: float
    mails: int
    peer_mails: int


SIZES = (
    Size("4 KB", 4_000, 1.0, 1000, 500),
    Size("60 KB", 60_000, 1.5, 500, 150),
    Size("1 MB", 1_000_000, 9.0, 80, 12),
)
PER_CONNECTION = (1, 20)


@dataclass(slots=True)
class Row:
    """All rounds of one size and one number of mails per connection; milliseconds of CPU per mail."""

    size: str
    per_connection: int
    target_ms: float
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    """Mails per second of our rounds, with load and sink on the same processors."""

    def summary(self) -> dict[str, object]:
        """Medians and 95 % bootstrap bounds: the upper one of our cost, the lower one of the ratio."""
        ratios = [theirs / mine for mine, theirs in zip(self.ours, self.peer, strict=True)]
        _, high = bootstrap(self.ours)
        low, _ = bootstrap(ratios)
        return {
            "size": self.size,
            "mails_per_connection": self.per_connection,
            "cpu_ms": statistics.median(self.ours),
            "cpu_ms_upper_95": high,
            "peer_cpu_ms": statistics.median(self.peer),
            "times_cheaper": statistics.median(ratios),
            "times_cheaper_lower_95": low,
            "mails_per_second": statistics.median(self.rate),
            "target_ms": self.target_ms,
            "met": high <= self.target_ms,
        }


def bootstrap(values: list[float], *, draws: int = 2000) -> tuple[float, float]:
    """The 95 % interval of the median, by resampling the rounds."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(draws))
    return medians[int(draws * 0.025)], medians[int(draws * 0.975) - 1]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of these processes, and of their children that have ended (proc(5), fields 14 to 17)."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total / _TICK


@contextmanager
def _peer(next_hop: int) -> Iterator[tuple[int, Callable[[], list[int]]]]:
    command = [sys.executable, "-m", "tests.benchmarks.bare_relay", "--next-hop", str(next_hop)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield port, lambda: [process.pid]
        process.communicate(timeout=10)


def _gates(product: Product) -> list[int]:
    gates = product.workers("gate")
    return gates + [child for gate in gates for child in descendants(gate)]


def _round(port: int, pids: Callable[[], list[int]], mail: bytes, mails: int, each: int) -> tuple[float, float]:
    """CPU milliseconds per mail, and mails per second."""
    before, started = cpu_seconds(pids()), time.monotonic()
    asyncio.run(load(port, mail, mails=mails, each=each, connections=CONNECTIONS))
    seconds = time.monotonic() - started
    return (cpu_seconds(pids()) - before) * 1000 / mails, mails / seconds


def run(rounds: int = ROUNDS, *, tell: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Measure everything, interleaved; one unmeasured round first."""
    rows = [Row(size.name, each, size.target_ms) for size in SIZES for each in PER_CONNECTION]
    mails = {size.name: _business_mail(size.octets) for size in SIZES}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        drain = stack.enter_context(Drain())
        product = stack.enter_context(Product(directory / "hop", next_hop=drain.port, settings={"workers": "1"}))
        peer_port, peer_pids = stack.enter_context(_peer(drain.port))
        sent = 0
        for number in range(rounds + 1):
            for row in rows:
                size = next(size for size in SIZES if size.name == row.size)
                mail = mails[row.size]
                ours, rate = _round(product.port, lambda: _gates(product), mail, size.mails, row.per_connection)
                theirs, _ = _round(peer_port, peer_pids, mail, size.peer_mails, row.per_connection)
                sent += size.mails + size.peer_mails
                if number:
                    row.ours.append(ours)
                    row.peer.append(theirs)
                    row.rate.append(rate)
            tell(f"round {number} of {rounds}")
        arrived = drain.count().mails
        if arrived != sent:
            raise RuntimeError(f"{sent} mails were accepted and {arrived} arrived: the figures mean nothing")
        if product.cases():
            raise RuntimeError("the benchmark's mail was held: it is no business mail under this policy")
    return rows


def _business_mail(octets: int) -> bytes:
    to = ["einkauf@partner.example"]
    return message("bench", "anna.berger@corp.example", to, subject="Re: Angebot 4711", text=PLAIN, octets=octets)


def table(rows: list[Row]) -> str:
    """The figures for people."""
    head = (
        f"filter CPU per relayed mail, {len(rows[0].ours)} rounds, {CONNECTIONS} connections, {os.cpu_count()} processors\n"
        "  size  mails/conn   ours ms (upper 95 %)   bare relay ms   cheaper (lower 95 %)   mails/s   target\n"
    )
    lines = []
    for row in rows:
        figure = row.summary()
        lines.append(
            f"{row.size:>6}  {row.per_connection:>10}   {figure['cpu_ms']:>7.2f} ({figure['cpu_ms_upper_95']:.2f})"
            f"{'':6}   {figure['peer_cpu_ms']:>13.2f}   {figure['times_cheaper']:>7.1f} x ({figure['times_cheaper_lower_95']:.1f})"
            f"{'':5}   {figure['mails_per_second']:>7.0f}   {row.target_ms:g} ms {'met' if figure['met'] else 'MISSED'}"
        )
    return head + "\n".join(lines)


def write_json(rows: list[Row], file: Path) -> None:
    """Summary and every round."""
    file.write_text(json.dumps([{**row.summary(), "rounds": asdict(row)} for row in rows], indent=1) + "\n")


def main() -> None:
    """Run, print the table, write --json."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    tell = (lambda text: print(text, file=sys.stderr)) if sys.stderr.isatty() else (lambda _: None)
    rows = run(given.rounds, tell=tell)
    print(table(rows))
    if given.json:
        write_json(rows, given.json)


if __name__ == "__main__":
    main()
