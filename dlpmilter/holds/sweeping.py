# SPDX-License-Identifier: Apache-2.0
"""The office's turn every half minute: what time does to cases, and what waits in journals. Never ends by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlpmilter import maillog, metrics
from dlpmilter.holds.clock import ClockGuard
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.storage import checkpoint_rows

if TYPE_CHECKING:
    from dlpmilter.holds.desk import Desk
    from dlpmilter.storage.database import Database

SECONDS = 30.0


async def sweep_for_ever(desk: Desk, others: Callable[[], Awaitable[dict[str, int]]], database: Database) -> None:
    """Sweep cases, and what `others` forgets; count the backlog. Until cancelled."""
    newest = await database.read(checkpoint_rows.newest)
    guard = ClockGuard(newest[1] if newest else None)
    while True:
        trusted = guard.trusted(datetime.now(UTC))
        if not trusted:
            metrics.alarms.labels("clock-not-trusted").inc()
        try:
            counts = await _once(desk, others, trusted=trusted)
            cases, owed = await desk.backlog()
        except TemporaryFailure as error:
            metrics.alarms.labels("store-unavailable").inc()
            maillog.store_unavailable(error)
        except Exception as error:  # noqa: BLE001 - one thing that cannot be swept must not stop the outbox beside it
            metrics.unforeseen.labels("sweep").inc()
            maillog.unforeseen("sweep", error)
        else:
            for kind, count in counts.items():
                metrics.sweeps.labels(kind).inc(count)
            if any(counts.values()):
                maillog.swept(counts)
            metrics.open_cases.set(cases)
            metrics.outbox_due.set(owed)
        await asyncio.sleep(SECONDS)


async def _once(desk: Desk, others: Callable[[], Awaitable[dict[str, int]]], *, trusted: bool) -> dict[str, int]:
    """While the clock is not trusted nothing is ended or deleted; outcomes still come home from the journals."""
    if not trusted:
        return {"replayed": await desk.replay()}
    return await desk.sweep(datetime.now(UTC)) | await others()
