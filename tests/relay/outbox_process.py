# SPDX-License-Identifier: Apache-2.0
"""An office reduced to its outbox, as a process that tests may kill: `python -m tests.relay.outbox_process`.

Prints one line for each settled mail, after its record is durable. Ends when nothing is owed.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dlpmilter.relay.client import NextHop
from dlpmilter.relay.outbox import OutboxWorker, Outcome
from dlpmilter.settings import NextHopSettings
from dlpmilter.storage import outbox_rows
from dlpmilter.storage.bodies import BodyStore
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.storage.outbox_rows import OutboxRow

LEASE_SECONDS = 1.0


def _settle(conn: Connection, row: OutboxRow, outcomes: tuple[Outcome, ...]) -> None:
    """A release of the product would change its case here."""


async def _main(folder: Path, port: int) -> None:
    database = Database(folder / "d.sqlite")
    await database.start()
    bodies = BodyStore(database, Keyring.load(str(folder / "key.toml")))
    hop = NextHop(f"127.0.0.1:{port}", NextHopSettings(tls="none"), "mx.test")
    worker = OutboxWorker(database, bodies, hop, _settle, lease=timedelta(seconds=LEASE_SECONDS))
    running = asyncio.create_task(worker.run())
    print("running", flush=True)
    while await database.read(outbox_rows.depth):  # the database has no event to wait for
        await asyncio.sleep(0.05)
    worker.stop()
    await running
    await hop.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
