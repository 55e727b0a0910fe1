# SPDX-License-Identifier: Apache-2.0
"""What the readers of documents find in the corpora: `python -m tests.benchmarks.documents`.

Prints formats x found x reason, and how much processor time a document took. Members are read too, archives are left
to the archive readers.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.base import Budget, Reading, Stopped
from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.table import READERS, warm

CORPORA = Path(os.environ.get("DLPMILTER_CORPORA") or Path(__file__).parents[2] / ".." / "shared" / "corpora")
SETS = ("docs-tika", "docs-qpdf", "docs-pdfminer")


@dataclass
class Seen:
    """What became of one file."""

    path: Path
    kind: str
    status: str
    chars: int
    seconds: float
    inner: list[str] = field(default_factory=list)

    @property
    def silent(self) -> bool:
        """Nothing found and no reason given."""
        return not self.chars and self.status == "read" and not self.inner


def budget() -> Budget:
    """What one mail may cost in these tests."""
    return Budget(octets=200 << 20, text_chars=20_000_000, members=10_000, depth=5)


def read(data: bytes, name: str = "") -> tuple[str, Reading]:
    """Sniff and read; what stops is told as a reading of nothing."""
    kind = sniff(data, (name,))
    reader = READERS.get(kind)
    if reader is None:
        return kind, Reading(status="archive")
    try:
        return kind, reader(data, budget())
    except Stopped as stop:
        return kind, Reading(status=str(stop))


def files() -> list[Path]:
    """Every document of the corpora, in a fixed order."""
    return [path for each in SETS for path in sorted((CORPORA / each / "data").rglob("*")) if path.is_file()]


def look(path: Path) -> Seen:
    """Read one file and what it holds, two levels deep."""
    data = path.read_bytes()
    start = time.process_time()
    kind, reading = read(data, path.name)
    seconds = time.process_time() - start
    seen = Seen(path, kind, reading.status, len(reading.text.strip()) + len(reading.hidden.strip()), seconds)
    waiting = [(member, 1) for member in reading.members]
    while waiting:
        member, level = waiting.pop()
        inner_kind, inner = (
            read(member.data, member.name) if member.status == "read" else ("", Reading(status=member.status))
        )
        seen.inner.append(f"{inner_kind}:{inner.status}")
        if level < 3:
            waiting += [(each, level + 1) for each in inner.members]
    return seen


def main() -> int:
    """Print the table; 1 when a file was silently empty."""
    if not CORPORA.is_dir():
        print("no corpora here")
        return 0
    warm()
    seen = [look(path) for path in files()]
    groups: dict[str, list[Seen]] = defaultdict(list)
    for each in seen:
        groups[each.kind].append(each)
    print(f"{'type':72} files  text  ms(median)  ms(max)  reasons")
    for kind, members in sorted(groups.items()):
        times = sorted(each.seconds * 1000 for each in members)
        reasons = Counter(each.status for each in members if each.status != "read")
        told = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        found = sum(bool(each.chars) for each in members)
        print(f"{kind:72} {len(members):5} {found:5} {statistics.median(times):11.1f} {times[-1]:8.1f}  {told}")
    silent = [each for each in seen if each.silent]
    print(f"{len(seen)} files, {sum(bool(s.chars) for s in seen)} with text, {len(silent)} silently empty")
    office = [
        s.seconds * 1000
        for s in seen
        if s.kind in (t.DOCX, t.XLSX, t.PPTX, t.ODT, t.ODS, t.ODP, t.DOC, t.XLS, t.PPT, t.PDF)
    ]
    cuts = statistics.quantiles(office, n=100)
    print(
        f"office documents: median {statistics.median(office):.1f} ms, p95 {cuts[94]:.1f} ms, max {max(office):.1f} ms"
    )
    if "-v" in sys.argv:
        for each in seen:
            print(
                f"{each.path.name}\t{each.kind}\t{each.status}\t{each.chars}\t{each.seconds * 1000:.0f}\t{' '.join(each.inner[:8])}"
            )
    return bool(silent)


if __name__ == "__main__":
    sys.exit(main())
