# SPDX-License-Identifier: Apache-2.0
"""Trouble around checkpoints: a clock that is set, a full disk, a place that is away, two writers. Never a silent gap."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dlpmilter import metrics
from dlpmilter.audit import forget, sequencer, trail, witness
from dlpmilter.audit.export import own_keys
from dlpmilter.audit.notes import parse_checkpoints
from dlpmilter.audit.verify import verify
from dlpmilter.privacy import notary as notary_room
from dlpmilter.privacy.notary import Notary
from dlpmilter.settings import TrailSettings
from dlpmilter.storage import trail_rows
from dlpmilter.storage.database import Database
from tests.audit.trails import KEYS, SIGNER, entry, fill
from tests.holds.house import NOW, Rooms, rooms


@asynccontextmanager
async def signing(place: Path, /, **settings: Any) -> AsyncIterator[tuple[Rooms, Notary]]:
    """Rooms with a notary whose clock is the rooms' own."""
    async with rooms(place, trail=TrailSettings(every_seconds=1, **settings)) as r:
        signer = sequencer.Signer("hop/dlpmilter", SIGNER.keys)
        yield r, Notary(r.config, r.database, signer, lambda: r.notifier, r.clock)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mount is not possible here: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def alarms(kind: str) -> float:
    """How often this alarm rang so far."""
    return float(metrics.alarms.labels(kind)._value.get())


@pytest.mark.asyncio
async def test_a_clock_that_is_set_is_said_in_the_trail(tmp_path: Path) -> None:
    """An hour forward, a day back: an entry each with the seconds; after the step back old facts are looked for again."""
    async with signing(tmp_path) as (r, notary):
        await r.hold()
        await notary.turn()
        r.clock.now = NOW + timedelta(hours=1)
        await notary.turn()
        await r.database.write(partial(trail_rows.note, name="erased-until-F", value="2026-11-23"))
        r.clock.now = NOW - timedelta(days=1)
        await notary.turn()
        rows = await r.database.read(lambda conn: list(trail_rows.entries(conn)))
        steps = [
            json.loads(one.value)
            for row, values in rows if row.event == "clock-stepped"
            for one in values if one.name == "count"
        ]  # fmt: skip
        assert [round(each / 3600) for each in steps] == [1, -25]
        assert await r.database.read(lambda conn: trail_rows.noted(conn, "erased-until-F")) == "2026-11-21"
        result = await r.database.read(lambda conn: verify(conn, own_keys=own_keys(conn)))
        assert result.ok, result
        assert any("the clock went back" in each for each in result.remarks)


@pytest.mark.asyncio
async def test_a_full_disk_delays_a_checkpoint_and_leaves_no_gap(small_disk: Path, tmp_path: Path) -> None:
    """The folder takes nothing: mail goes on, an alarm; with room again the next checkpoint covers everything since."""
    filler = small_disk / "filler"
    async with signing(tmp_path, folder=small_disk / "kept") as (r, notary):
        await r.hold()
        with filler.open("wb") as file:
            try:
                while True:
                    file.write(bytes(65536))
                    file.flush()
            except OSError:
                pass
        before = alarms("checkpoint-folder")
        await notary.turn()
        await r.hold()
        await asyncio.sleep(1.1)
        await notary.turn()
        assert alarms("checkpoint-folder") >= before + 1
        filler.unlink()
        await asyncio.sleep(1.1)
        await notary.turn()
        kept = witness.newest(small_disk / "kept", "hop/dlpmilter")
        assert kept is not None
        assert kept.size == await r.database.read(trail_rows.last)
        result = await r.database.read(lambda conn: verify(conn, own_keys=own_keys(conn), outside=[kept]))
        assert (result.ok, result.tail) == (True, 0)


@pytest.mark.asyncio
async def test_events_wait_for_a_syslog_that_is_away(tmp_path: Path) -> None:
    """Nothing is skipped: what could not be sent is sent with the next turn, in order."""
    import socket

    place = tmp_path / "log.sock"
    async with signing(tmp_path, events_syslog=f"unix:{place}") as (r, notary):
        await r.hold()
        await notary.turn()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.bind(str(place))
            log.settimeout(5)
            await r.hold()
            await asyncio.sleep(1.1)
            await notary.turn()
            got = []
            with pytest.raises(TimeoutError):
                log.settimeout(0.5)
                while True:
                    got.append(log.recv(65536).decode())
        events = [json.loads(one[one.index("{") :]) for one in got]
        numbers = [each["seq"] for each in events if each["event"] != "checkpoint"]
        assert numbers == list(range(1, len(numbers) + 1))
        assert sum(each["event"] == "decided" for each in events) == 2
        assert "gmx" not in "".join(got)
        assert any(parse_checkpoints(each["fields"]["note"]) for each in events if each["event"] == "checkpoint")


def _append(path: Path, first: int, count: int) -> None:
    async def main() -> None:
        database = Database(path, keyring=KEYS)
        await database.start()
        for number in range(first, first + count):
            await database.write(partial(trail.append, entry=entry(number)))
        await database.close()

    asyncio.run(main())


@pytest.mark.asyncio
async def test_two_processes_append_and_neither_leaves_a_gap(tmp_path: Path) -> None:
    """200 entries each at the same time: 400 numbers in a row, every entry once, the trail verifies."""
    path = tmp_path / "a.db"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(path, first, 200)) for first in (1, 1001)]
    for each in writers:
        each.start()
    for each in writers:
        await asyncio.to_thread(each.join)
        assert each.exitcode == 0
    database = Database(path, keyring=KEYS)
    await database.start()
    result = await database.read(verify)
    assert (result.ok, result.entries) == (True, 400)
    rows = await database.read(lambda conn: list(trail_rows.entries(conn)))
    cases = [json.loads(one.value) for _, values in rows for one in values if one.name == "case"]
    assert len(set(cases)) == 400
    await database.close()


@pytest.mark.asyncio
async def test_a_place_that_hangs_keeps_nobody_else_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that never opens: turns go on, the trail is signed, an alarm rings; once it answers nothing is missing."""
    monkeypatch.setattr(notary_room, "OUTSIDE_SECONDS", 0.3)
    pipe = tmp_path / "events"
    os.mkfifo(pipe)
    async with signing(tmp_path, events_file=pipe) as (r, notary):
        await r.hold()
        before = alarms("events")
        for _ in range(3):
            await asyncio.wait_for(notary.turn(), 5)
            await r.hold()
        assert alarms("events") >= before + 3
        local = witness.newest(witness.local_folder(r.config.database), "hop/dlpmilter")
        assert local is not None
        assert local.size >= 3
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        await asyncio.sleep(0.5)
        await notary.turn()
        data = os.read(reader, 1 << 20)
        os.close(reader)
        numbers = [each["seq"] for line in data.splitlines() if (each := json.loads(line))["event"] != "checkpoint"]
        assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))
        assert max(numbers) == await r.database.read(trail_rows.last)


def _append_and_erase(path: Path, seconds: float) -> None:
    async def main() -> None:
        database = Database(path, keyring=KEYS)
        await database.start()
        until = asyncio.get_running_loop().time() + seconds
        number = 10_000
        while asyncio.get_running_loop().time() < until:
            number += 1
            await database.write(partial(trail.append, entry=entry(number)))
            case = f"CASE-{number - 10_000}"
            await database.write(partial(forget.forget_scopes, scopes=[case], policy_version="p", why="x", at=NOW))
        await database.close()

    asyncio.run(main())


@pytest.mark.asyncio
async def test_a_check_of_a_living_trail_finds_nothing_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several processes read while another one appends and erases: fine, every time."""
    from dlpmilter.audit import verify as room

    monkeypatch.setattr(room, "MANY", 100)
    path = tmp_path / "a.db"
    database = Database(path, keyring=KEYS)
    await database.start()
    for first in range(1, 6001, 1000):
        await database.write(
            partial(fill, entries=[entry(number) for number in range(first, first + 1000)], signed_at=[])
        )
    writer = multiprocessing.get_context("spawn").Process(target=_append_and_erase, args=(path, 8.0))
    writer.start()
    rounds = 0
    while writer.is_alive():
        result = await database.read(partial(verify, path=path, keyring=KEYS))
        assert result.ok, result
        rounds += 1
    await asyncio.to_thread(writer.join)
    assert writer.exitcode == 0
    assert rounds >= 2
    await database.close()
