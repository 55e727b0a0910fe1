# SPDX-License-Identifier: Apache-2.0
"""Whether time may end anything now: after a clock was set far forward nothing is deleted for a day. Never sets one.

A wrong clock would expire every held mail and erase every record at once; a day gives somebody time to mend it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

FORWARD = timedelta(hours=12)
"""A step nobody makes on purpose: zones and daylight saving do not touch UTC."""
AWAY = timedelta(days=7)
"""After so long without a sign of life a start cannot know whether the clock is right."""
WAIT_SECONDS = 86_400.0


class ClockGuard:
    """Compares the clock with the time that really passed; make one a process."""

    def __init__(self, last_known: datetime | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._before = last_known
        self._monotonic = monotonic
        self._ticks: float | None = None
        self._wait_until: float | None = None

    def trusted(self, now: datetime) -> bool:
        """Whether deadlines and retention may act on `now`."""
        ticks = self._monotonic()
        before, last = self._before, self._ticks
        self._before, self._ticks = now, ticks
        if before is not None:
            moved = now - before - timedelta(seconds=ticks - last if last is not None else 0.0)
            if moved > (FORWARD if last is not None else AWAY):
                self._wait_until = ticks + WAIT_SECONDS
            elif moved < -FORWARD:  # set right again
                self._wait_until = None
        if self._wait_until is not None and ticks >= self._wait_until:
            self._wait_until = None
        return self._wait_until is None
