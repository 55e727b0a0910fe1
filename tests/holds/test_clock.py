# SPDX-License-Identifier: Apache-2.0
"""A clock that jumps ends nothing for a day. Never sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dlpmilter.holds.clock import ClockGuard

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Clock:
    """A clock on the wall and the time that really passes."""

    def __init__(self) -> None:
        self.wall, self.ticks = NOW, 100.0

    def passes(self, time: timedelta) -> datetime:
        """Real time: both move."""
        self.ticks += time.total_seconds()
        self.wall += time
        return self.wall

    def is_set(self, by: timedelta) -> datetime:
        """Somebody sets the clock; no time passes."""
        self.wall += by
        return self.wall


def test_time_that_really_passes_is_trusted() -> None:
    """Hours, a suspended night, a leap of an hour and a step back: nothing is stopped."""
    clock = Clock()
    guard = ClockGuard(NOW - DAY, lambda: clock.ticks)
    assert guard.trusted(clock.wall)
    assert guard.trusted(clock.passes(30 * DAY))
    assert guard.trusted(clock.is_set(HOUR))
    assert guard.trusted(clock.is_set(-30 * DAY))


def test_a_jump_forward_waits_for_a_day_or_for_its_repair() -> None:
    """For a day of running nothing is ended; set right, it goes on at once."""
    clock = Clock()
    guard = ClockGuard(None, lambda: clock.ticks)
    assert guard.trusted(clock.wall)
    assert not guard.trusted(clock.is_set(365 * DAY))
    assert not guard.trusted(clock.passes(23 * HOUR))
    assert guard.trusted(clock.passes(HOUR))
    assert not guard.trusted(clock.is_set(2 * DAY))
    assert guard.trusted(clock.is_set(-2 * DAY))


def test_a_start_long_after_the_last_sign_of_life_waits() -> None:
    """The newest checkpoint is a month old: a long absence or a wrong clock, nobody knows."""
    clock = Clock()
    guard = ClockGuard(NOW - 30 * DAY, lambda: clock.ticks)
    assert not guard.trusted(clock.wall)
    assert not guard.trusted(clock.passes(12 * HOUR))
    assert guard.trusted(clock.passes(12 * HOUR))
