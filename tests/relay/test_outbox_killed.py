# SPDX-License-Identifier: Apache-2.0
"""An office killed around the final dot: every owed mail arrives, at most once more for each kill."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dlpmilter.model.address import parse_address
from dlpmilter.model.transaction import EnvelopePath
from dlpmilter.relay.outbox import Owed, owe
from dlpmilter.spill import MessageBytes
from dlpmilter.storage import outbox_rows
from dlpmilter.storage.bodies import BodyStore
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring, new_key_file
from tests.peers.sink import Behaviour, Sink

ROOT = Path(__file__).parents[2]
BODY = b"Subject: held\r\n\r\n" + b"text\r\n" * 50
ANNA = EnvelopePath(parse_address("anna@firma.example"))


async def _owe_one(folder: Path) -> None:
    new_key_file(folder / "key.toml")
    database = Database(folder / "d.sqlite")
    await database.start()
    bodies = BodyStore(database, Keyring.load(str(folder / "key.toml")))
    stored = await bodies.put(MessageBytes.of(BODY))
    recipients = (EnvelopePath(parse_address("anna@gmx.example")),)

    def act(conn: object) -> None:
        bodies.keep(conn, stored)  # type: ignore[arg-type]  # the Connection of storage
        owed = Owed("release", "c1", ANNA, recipients, stored.id, b"X-Trace: 1\r\n")
        owe(conn, owed, datetime.now(UTC))  # type: ignore[arg-type]

    await database.write(act)
    await database.close()


async def _still_owed(folder: Path) -> int:
    database = Database(folder / "d.sqlite")
    await database.start()
    depth = await database.read(outbox_rows.depth)
    await database.close()
    return sum(depth.values())


def _office(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.relay.outbox_process", str(folder), str(port)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("latency", "pause"),
    [(0.6, 0.2), (0.6, 0.58), (0.0, 0.0), (0.0, 0.02), (0.3, 0.305)],
    ids=["waiting-for-the-reply", "as-the-reply-comes", "at-once", "about-the-record", "after-the-reply"],
)
def test_a_kill_around_the_final_dot_loses_nothing(tmp_path: Path, latency: float, pause: float) -> None:
    """The next office delivers what the killed one had not recorded: one arrival, or two with the same bytes."""
    asyncio.run(_owe_one(tmp_path))
    with Sink(tmp_path / "j", behaviour=Behaviour(latency=latency)) as sink:
        office = _office(tmp_path, sink.port)
        assert office.stdout is not None
        office.stdout.readline()
        time.sleep(pause)
        office.send_signal(signal.SIGKILL)
        office.wait(10)
        office.stdout.close()
        time.sleep(latency + 0.1)
        behind = len(sink.deliveries())
        sink.behaviour.latency = 0.0
        second = _office(tmp_path, sink.port)
        assert second.wait(30) == 0
        assert second.stdout is not None
        second.stdout.close()
        arrived = sink.deliveries()
    assert 1 <= len(arrived) <= 2, f"{behind} arrived before the restart"
    assert {each.message for each in arrived} == {b"X-Trace: 1\r\n" + BODY}
    assert asyncio.run(_still_owed(tmp_path)) == 0
