# SPDX-License-Identifier: Apache-2.0
"""Speed of forgetting: one person among many cases, and a night's retention beside the hop. Never a timed assertion.

`FORGET_CASES` (20,000) says among how many; the goals are for 100,000 (erasure) and a million (retention).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from dlpmilter.audit import forget, trail
from dlpmilter.audit.retention import periods
from dlpmilter.audit.trail import Entry
from dlpmilter.audit.verify import verify
from dlpmilter.holds.turns import in_turns
from dlpmilter.privacy import erasure
from dlpmilter.storage.database import Database
from dlpmilter.storage.tables import cases, holds
from tests.audit.trails import octets
from tests.benchmarks.test_trail_bench import DECIDED, KEYS, OUTCOME

pytestmark = pytest.mark.bench

AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
CASES = int(os.environ.get("FORGET_CASES", "20000"))
PERSON = "anna.berger@company.example"
NIGHT = AT + timedelta(days=800)


def _address(number: int) -> str:
    return PERSON if number % (CASES // 20) == 7 else f"person{number % 997}@company.example"


def _some(conn: Connection, first: int, count: int) -> None:
    rows, held = [], []
    for number in range(first, first + count):
        owner, case, at = _address(number), f"CASE-{number:08d}", AT + timedelta(seconds=number)
        private = owner.replace("company", "gmx")
        fields = {**DECIDED, "sender": owner, "owner": owner, "told": owner, "recipient.0.address": private}
        trail.append(conn, Entry("decided", "hold", "p" * 64, case, fields, at))  # type: ignore[arg-type]
        trail.append(conn, Entry("withdrawn", "withhold", "p" * 64, case, OUTCOME, at))
        rows.append({
            "id": case, "created_at": at, "deadline": at, "policy_version": "p", "body_id": None, "language": "de",
            "kind": "forward", "size": 1000, "sender_raw": owner.encode(), "sender_parameters": "[]", "owner": owner,
            "owner_name": owner.partition("@")[0], "owner_source": "login", "mute": "", "others": 0, "login": "",
            "authors": f'["{owner}"]', "subject": f"Subject of {owner}", "message_id": None, "purged_at": at,
        })  # fmt: skip
        held.append({
            "case_id": case, "digest": None, "recipient_raw": private.encode(), "recipient_parameters": "[]",
            "recipient_class": "freemail", "relation": "own_private", "rule": "r", "reasons": "[]", "pool": "privacy",
            "approvals": 1, "state": "withdrawn", "state_at": at,
        })  # fmt: skip
    conn.execute(insert(cases), rows)
    conn.execute(insert(holds), held)


async def _fill(database: Database) -> None:
    started = time.perf_counter()
    for first in range(0, CASES, 1000):
        await database.write(partial(_some, first=first, count=min(1000, CASES - first)))
    print(f"\nwrote {CASES:,} cases, {2 * CASES:,} entries in {time.perf_counter() - started:.0f} s")


def _sweep(path: Path, done: multiprocessing.Queue[tuple[int, float]]) -> None:
    async def main() -> None:
        database = Database(path, keyring=KEYS)
        await database.start()
        started = time.perf_counter()
        act = partial(forget.forget_due, periods=periods("de", 366), policy_version="p", at=NIGHT)
        count = await in_turns(database, act)
        done.put((count, time.perf_counter() - started))
        await database.close()

    asyncio.run(main())


async def _appends(database: Database, seconds: float, stop: asyncio.Event | None = None) -> list[float]:
    """How long the hop waits for one entry, twenty times a second."""
    waits, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until and not (stop and stop.is_set()):
        began = time.perf_counter()
        entry = Entry("decided", "hold", "p" * 64, "HOP", DECIDED, NIGHT)  # type: ignore[arg-type]
        await database.write(partial(trail.append, entry=entry))
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.05)
    return sorted(waits)


def _p(waits: list[float], share: float) -> float:
    return waits[min(len(waits) - 1, int(len(waits) * share))] * 1000


@pytest.mark.asyncio
async def test_erase_one_person_then_forget_all(tmp_path: Path) -> None:
    """Goals: 10 s for the person; 5 minutes a million cases, the hop's p99 not more than doubled."""
    path = tmp_path / "a.db"
    database = Database(path, keyring=KEYS)
    await database.start()
    await _fill(database)
    addresses = [PERSON, PERSON.replace("company", "gmx")]
    started = time.perf_counter()
    act = partial(erasure.erase, addresses=addresses, policy_version="p", dossier="A-1", role="dpo", now=AT)
    done = await database.write(act)
    await database.flush()
    print(
        f"erased one person: {done.cases} cases, {done.rows} rows, {done.fields} fields in {time.perf_counter() - started:.2f} s"
    )
    left = octets(tmp_path.glob("a.db*")).lower().count(b"anna.berger")
    result = await database.read(partial(verify, path=path, keyring=KEYS))
    print(f"the name is in {left} places of the files; verify: {result.ok}")
    assert (left, result.ok) == (0, True)

    before = await _appends(database, 10)
    queue: multiprocessing.Queue[tuple[int, float]] = multiprocessing.get_context("spawn").Queue()
    process = multiprocessing.get_context("spawn").Process(target=_sweep, args=(path, queue))
    process.start()
    stop = asyncio.Event()
    measuring = asyncio.create_task(_appends(database, 3600, stop))
    count, seconds = await asyncio.to_thread(queue.get)
    stop.set()
    during = await measuring
    process.join()
    print(f"retention: {count:,} cases in {seconds:.1f} s, {seconds / count * 1e6 / 60:.2f} min a million")
    for name, waits in (("alone", before), ("beside it", during)):
        print(
            f"an entry {name}: {statistics.median(waits) * 1000:.1f} ms p50, {_p(waits, 0.99):.1f} ms p99, {waits[-1] * 1000:.1f} max"
        )
    result = await database.read(partial(verify, path=path, keyring=KEYS))
    print(f"verify: {result.ok}, {result.erased:,} fields erased as recorded")
    assert result.ok, result.problem
    await database.close()
