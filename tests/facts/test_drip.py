# SPDX-License-Identifier: Apache-2.0
"""The drip counters by themselves: windows, retries, rows of registers, giving back, key rotation, forgetting."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from dlpmilter.facts.drip import Charge, Charged, DripCounter, give_back, over
from dlpmilter.model.facts import NO_DRIP, Drip
from dlpmilter.storage import drip_rows
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring
from dlpmilter.storage.knowledge_tables import drip_charges

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ANNA, KURT, OLGA = "anna@corp.example", "kurt@gmx.de", "olga@gmx.de"
RING = Keyring("one", {"one": bytes(32)})
COUNTER = DripCounter(RING)


@asynccontextmanager
async def store(folder: Path) -> AsyncIterator[Database]:
    """A real database in `folder`."""
    database = Database(folder / "dlpmilter.db")
    await database.start()
    try:
        yield database
    finally:
        await database.close()


async def charge(database: Database, name: str, at: datetime = NOW, **more: Any) -> Charged:
    """Charge one mail of Anna's to Kurt."""
    mail = COUNTER.mail_key(more.pop("sender", ANNA), name.encode())
    rows, sizes = more.pop("rows", {}), more.pop("sizes", {})
    one = Charge(ANNA, more.pop("to", (KURT,)), mail, more.pop("octets", 1000), rows, sizes)
    return await database.write(lambda conn: COUNTER.charge(conn, one, at))


async def seen(database: Database, at: datetime = NOW, to: str = KURT, counter: DripCounter = COUNTER) -> Drip:
    """What the counters say of Anna and one mailbox."""
    found = await database.read(lambda conn: counter.read(conn, ANNA, [to], at))
    return found.get(to, NO_DRIP)


@pytest.mark.asyncio
async def test_each_window_counts_what_lies_in_it(tmp_path: Path) -> None:
    """A mail counts for a day, a week and thirty days, then no more; octets add up."""
    async with store(tmp_path) as database:
        for days in (0, 3, 20, 40):
            await charge(database, f"m{days}", NOW - timedelta(days=days))
        assert await seen(database) == Drip((1, 2, 3), (1000, 2000, 3000), (0, 0, 0))
        assert await seen(database, NOW + timedelta(days=31)) == NO_DRIP
        assert await seen(database, to=OLGA) == NO_DRIP


@pytest.mark.asyncio
async def test_a_mail_counts_once_for_each_mailbox_and_does_not_see_itself(tmp_path: Path) -> None:
    """A retry finds the counters as the first try did; two mailboxes of one mail are counted apart."""
    async with store(tmp_path) as database:
        first = await charge(database, "m", to=(KURT, OLGA))
        again = await charge(database, "m", to=(KURT, OLGA))
        assert (first.before, again.before) == ({}, {})
        assert [each.fresh for each in first.taken.values()] == [True, True]
        assert [each.fresh for each in again.taken.values()] == [False, False]
        assert (await seen(database)).messages == (await seen(database, to=OLGA)).messages == (1, 1, 1)


@pytest.mark.asyncio
async def test_rows_of_registers_count_once_however_often_they_are_sent(tmp_path: Path) -> None:
    """Distinct rows over all registers; a mailbox's share of a register is over all senders."""
    async with store(tmp_path) as database:
        await charge(database, "a", rows={"customers": [1, 2, 3, 3], "staff": [1]})
        await charge(database, "b", rows={"customers": range(2, 600)})
        assert (await seen(database)).records == (600, 600, 600)
        share = await database.read(lambda conn: COUNTER.share(conn, KURT, "customers", 1198, NOW))
        assert share == pytest.approx(0.5)
        assert await database.read(lambda conn: COUNTER.share(conn, OLGA, "customers", 10, NOW)) == 0.0


@pytest.mark.asyncio
async def test_the_share_of_a_register_includes_this_mail_and_every_sender_once(tmp_path: Path) -> None:
    """Rows that the mailbox has already count once; a retry changes nothing; a new build of the register starts anew."""
    async with store(tmp_path) as database:
        await charge(database, "a", rows={"staff@a": range(15)}, sizes={"staff@a": 200})
        await charge(database, "o", sender=OLGA, rows={"staff@a": [199], "staff@b": range(200)})
        for _ in range(2):
            charged = await charge(database, "b", rows={"staff@a": range(10, 30)}, sizes={"staff@a": 200})
            assert charged.before[KURT].register_share == 15  # 30 of 200, one of them from somebody else
        fresh = await charge(database, "c", rows={"staff@c": range(20)}, sizes={"staff@c": 200})
        assert fresh.before[KURT].register_share == 10
        assert (await seen(database)).register_share == 0  # no rows were asked about


@pytest.mark.asyncio
async def test_giving_back_restores_what_stood_there(tmp_path: Path) -> None:
    """A mail that was not sent leaves no trace, also where it held rows that another mail had sent before."""
    async with store(tmp_path) as database:
        await charge(database, "a", NOW - timedelta(days=3), rows={"r": [1, 2]})
        before = await seen(database)
        taken = (await charge(database, "b", rows={"r": [2, 3]})).taken.values()
        assert (await seen(database)).records == (2, 3, 3)
        await database.write(lambda conn: give_back(conn, taken))
        assert await seen(database) == before
        retry = (await charge(database, "a", rows={"r": [1, 2]})).taken.values()
        await database.write(lambda conn: give_back(conn, retry))
        assert (await seen(database)).messages == before.messages  # the first try was sent


@pytest.mark.asyncio
async def test_what_an_older_key_hashed_is_still_counted(tmp_path: Path) -> None:
    """After a key rotation old and new charges of the same two people add up."""
    rotated = DripCounter(Keyring("two", {"two": bytes(range(32)), "one": bytes(32)}))
    async with store(tmp_path) as database:
        await charge(database, "old")
        one = Charge(ANNA, (KURT,), rotated.mail_key(ANNA, b"new"), 10)
        charged = await database.write(lambda conn: rotated.charge(conn, one, NOW))
        assert charged.before[KURT].messages == (1, 1, 1)
        assert (await seen(database, counter=rotated)).messages == (2, 2, 2)
        assert (await seen(database)).messages == (1, 1, 1)


@pytest.mark.asyncio
async def test_nothing_stays_longer_than_it_counts_and_no_address_is_kept(tmp_path: Path) -> None:
    """The sweep forgets what is older than thirty days; the file never holds an address."""
    async with store(tmp_path) as database:
        await charge(database, "old", NOW - timedelta(days=31), rows={"r": [1]})
        await charge(database, "new", rows={"r": [2]})
        assert await database.read(lambda conn: drip_rows.older(conn, over(NOW)))
        assert await database.write(lambda conn: drip_rows.sweep(conn, over(NOW))) == 2
        assert not await database.read(lambda conn: drip_rows.older(conn, over(NOW)))
        assert (await seen(database)).messages == (1, 1, 1)
    octets = (tmp_path / "dlpmilter.db").read_bytes()
    assert ANNA.encode() not in octets
    assert KURT.encode() not in octets


@pytest.mark.asyncio
async def test_charges_at_once_see_each_other(tmp_path: Path) -> None:
    """Of forty charges through two databases of the same file, each sees exactly those before it."""
    async with store(tmp_path) as one, store(tmp_path) as two:
        found = await asyncio.gather(*(charge((one, two)[each % 2], f"m{each}") for each in range(40)))
    counts = sorted(each.before.get(KURT, NO_DRIP).messages[0] for each in found)
    assert counts == list(range(40))


Step = tuple[str, int, frozenset[int], bool]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.frozensets(st.integers(0, 6), max_size=4), st.booleans()), max_size=12))
def test_the_counters_agree_with_a_list_of_what_was_sent(steps: list[tuple[int, frozenset[int], bool]]) -> None:
    """Any order of charges, retries and refusals gives what a plain list of the sent mails gives."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with store(Path(folder)) as database:
                sent: set[int] = set()
                rows: set[int] = set()
                at = NOW
                for number, numbers, delivered in steps:
                    at += timedelta(seconds=1)
                    charged = await charge(database, f"m{number}", at, rows={"r": sorted(numbers)})
                    assert charged.before.get(KURT, NO_DRIP).messages[0] == len(sent - {number})
                    if delivered:
                        sent.add(number)
                        rows |= numbers
                    else:
                        back = charged.taken.values()
                        await database.write(_giving_back(back))
                drip = await seen(database, at)
                assert (drip.messages[0], drip.records[0]) == (len(sent), len(rows))

    asyncio.run(run())


def _giving_back(taken: Any) -> Callable[[Any], None]:
    return lambda conn: give_back(conn, taken)


@pytest.mark.bench
def test_reading_the_counters_is_one_look_into_an_index(tmp_path: Path) -> None:
    """Prints the time of one read among 100,000 charges, against a read of the same database that finds nothing."""
    import time

    async def run() -> tuple[float, float]:
        async with store(tmp_path) as database:
            people = [COUNTER._person(f"p{each}@gmx.de")[0] for each in range(500)]
            sender = COUNTER._person(ANNA)[0]
            rows = [
                {"sender_key": sender, "private_key": key, "at": NOW - timedelta(hours=hour), "octets": 1000,
                 "mail": os.urandom(16)}
                for key in people for hour in range(200)
            ]  # fmt: skip
            await database.write(lambda conn: conn.execute(insert(drip_charges), rows))
            figures = []
            for to in ("p7@gmx.de", "nobody@gmx.de"):
                begun = time.perf_counter()
                for _ in range(200):
                    await seen(database, to=to)
                figures.append((time.perf_counter() - begun) / 200)
            return figures[0], figures[1]

    busy, empty = asyncio.run(run())
    print(f"drip read among 100,000 charges: {busy * 1e3:.2f} ms, of nobody: {empty * 1e3:.2f} ms, {busy / empty:.1f}x")
