# SPDX-License-Identifier: Apache-2.0
"""kill -9 around the transaction that makes a mail held: all of it or nothing, and once."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dlpmilter.audit.verify import verify
from tests.holds.crash_process import message
from tests.holds.house import PROJECT, rooms

TABLES = ("cases", "holds", "body_keys", "outbox", "trail", "message_keys")


def killed_at(folder: Path, point: str, size: int) -> None:
    """Run the process to that point and kill it."""
    command = [sys.executable, "-m", "tests.holds.crash_process", str(folder), point, str(size)]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"now\n"
    process.kill()
    assert process.wait(10) == -signal.SIGKILL
    process.stdout.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [2000, 1_500_000])
async def test_killed_before_the_commit_nothing_is_recorded(tmp_path: Path, size: int) -> None:
    """No case, key, entry or notice; what was stored of the body is swept after a day; the retry holds it once."""
    killed_at(tmp_path, "before", size)
    async with rooms(tmp_path) as r:
        assert [await r.count(table) for table in TABLES] == [0] * 6
        chunks = await r.count("body_chunks")
        assert (chunks > 0) == (size > 1_000_000)
        later = datetime.now(UTC) + timedelta(hours=25)
        assert await r.database.write(lambda conn: r.bodies.sweep_orphans(conn, later)) == (1 if chunks else 0)
        assert await r.count("body_chunks") == 0
        retry = await r.hold(message=message(size))
        assert not retry.repeated
        assert [await r.count(table) for table in TABLES] == [1] * 6


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [2000, 1_500_000])
async def test_killed_after_the_commit_the_retry_finds_its_case(tmp_path: Path, size: int) -> None:
    """The case is there with its octets; the retry of upstream adds no case, no entry, no notice."""
    killed_at(tmp_path, "after", size)
    async with rooms(tmp_path) as r:
        assert [await r.count(table) for table in TABLES] == [1] * 6
        retry = await r.hold(message=message(size))
        assert retry.repeated
        assert [await r.count(table) for table in TABLES] == [1] * 6
        assert retry.body_id is not None
        body = await r.bodies.get(retry.body_id)
        assert body.read() == message(size)
        body.close()
        assert (await r.database.read(verify)).ok
