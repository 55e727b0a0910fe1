# SPDX-License-Identifier: Apache-2.0
"""Speed of the trail: append, verify, prove. Never a timed assertion: it prints what it measured.

`TRAIL_ENTRIES` (100,000) says how long the trail is that is verified; a million takes ten minutes to write.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from dlpmilter.audit import sequencer, trail, tree
from dlpmilter.audit.export import proof_of
from dlpmilter.audit.sequencer import Signer
from dlpmilter.audit.trail import Entry
from dlpmilter.audit.verify import verify
from dlpmilter.storage import trail_rows
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring
from dlpmilter.storage.signing import signing_keys

pytestmark = pytest.mark.bench

KEYS = Keyring("k", {"k": bytes(32)})
SIGNER = Signer("bench.example/dlpmilter", signing_keys(KEYS, ""))
AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
ENTRIES = int(os.environ.get("TRAIL_ENTRIES", "100000"))
DECIDED = {
    "sender": "anna.berger@company.example", "owner": "anna.berger@company.example", "owner-source": "login",
    "transaction": "01JD0T3Y5K", "kind": "forward", "earlier-mail": True, "ambiguous": False, "uninspectable": [],
    "attachments": 2, "size-band": "100 KB", "others": 1, "deadline-days": 5, "told": "anna.berger@company.example",
    "told-why": "owner", "notice": "queued", "message-id": "a" * 40,
    "recipient.0.address": "anna.berger@gmx.example", "recipient.0.class": "freemail", "recipient.0.action": "hold",
    "recipient.0.rules": ["own-private-mailbox"], "recipient.0.reasons": ["own_private", "forward"],
    "recipient.0.relation": "own_private", "recipient.0.facts": {"findings.personal": 12, "message.kind": "forward"},
}  # fmt: skip
OUTCOME = {"transaction": "01JD0T3Y5K", "recipient.0.state": "withdrawn", "controller-after": "not_transmitted"}


def one(number: int) -> Entry:
    """Every other entry is a decision with 25 fields, the next one its short end."""
    case, at = f"CASE-{number // 2:08d}", AT + timedelta(seconds=20 * number)
    if number % 2:
        return Entry("withdrawn", "withhold", "p" * 64, case, OUTCOME, at)
    return Entry("decided", "hold", "p" * 64, case, DECIDED, at)  # type: ignore[arg-type]


def _some(conn: Connection, first: int, count: int) -> None:
    for number in range(first, first + count):
        trail.append(conn, one(number))


async def _append(database: Database, count: int, together: int) -> tuple[float, list[float]]:
    """Entries a second with so many callers at once, and how long each waited."""
    waits: list[float] = []
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            started = time.perf_counter()
            await database.write(partial(trail.append, entry=one(number)))
            waits.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(together)))
    return count / (time.perf_counter() - started), waits


@pytest.mark.asyncio
async def test_append(tmp_path: Path) -> None:
    """Goal: 2,000 entries/s with group commit on SQLite FULL; 5 ms or less p50 for one caller alone."""
    for together in (1, 8, 64):
        database = Database(tmp_path / f"{together}.db", keyring=KEYS)
        await database.start()
        rates, waits = [], []
        for _ in range(5):
            rate, found = await _append(database, 1000 if together > 1 else 200, together)
            rates.append(rate)
            waits += found
        await database.close()
        waits.sort()
        print(
            f"\nappend, {together} at once: {statistics.median(rates):,.0f} entries/s; one waits "
            f"{statistics.median(waits) * 1000:.2f} ms (p50), {waits[int(len(waits) * 0.99)] * 1000:.1f} ms (p99)"
        )


@pytest.mark.asyncio
async def test_verify_and_prove(tmp_path: Path) -> None:
    """Goal: a million entries in 60 s, an inclusion proof in 10 ms, a root while the trail grows in 1 s."""
    database = Database(tmp_path / "a.db", keyring=KEYS)
    await database.start()
    started = time.perf_counter()
    for first in range(0, ENTRIES, 2000):
        await database.write(partial(_some, first=first, count=min(2000, ENTRIES - first)))
    print(f"\nwrote {ENTRIES:,} entries in {time.perf_counter() - started:.0f} s")
    started = time.perf_counter()
    await database.write(lambda conn: sequencer.sign(conn, SIGNER, AT))
    print(f"first checkpoint over all of them: {time.perf_counter() - started:.1f} s")

    started = time.perf_counter()
    result = await database.read(lambda conn: verify(conn, keys=[SIGNER.key], path=tmp_path / "a.db", keyring=KEYS))
    seconds = time.perf_counter() - started
    assert result.ok, result
    fields = result.values / ENTRIES
    print(f"verify: {seconds:.1f} s, {seconds * 1e6 / ENTRIES:.1f} us an entry of {fields:.1f} fields")

    def prove(conn: Connection) -> list[float]:
        size, times = trail_rows.last(conn), []
        for index in range(0, size, size // 200):
            began = time.perf_counter()
            proof_of(conn, index + 1, None, [SIGNER.key])
            times.append(time.perf_counter() - began)
        began = time.perf_counter()
        tree.root(conn, size)
        print(f"root of {size:,}: {(time.perf_counter() - began) * 1000:.1f} ms")
        return sorted(times)

    times = await database.read(prove)
    print(f"proof: {statistics.median(times) * 1000:.2f} ms (p50), {times[-1] * 1000:.1f} ms (max)")
    await database.close()
