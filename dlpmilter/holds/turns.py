# SPDX-License-Identifier: Apache-2.0
"""Long work in short transactions, with pauses for those who answer mail. Never one big transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.storage.database import Database

SHARE = 0.2
"""Pause after each step, as a share of the time it took: the lock is free for whoever waits."""


async def in_turns(database: Database, act: Callable[[Connection], int]) -> int:
    """Repeat a step until it has nothing left to do; returns what all steps together did. Raises TemporaryFailure."""
    done = 0
    while True:
        began = time.perf_counter()
        step = await database.write(act)
        if not step:
            return done
        done += step
        await asyncio.sleep((time.perf_counter() - began) * SHARE)
