# SPDX-License-Identifier: Apache-2.0
"""Times of a hold: working days, reminders, how long content stays. Pure, never asks the clock; Monday to Friday work.

Days are counted in the zone the given time carries, because people's days are local.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dlpmilter.holds.states import State

if TYPE_CHECKING:
    from dlpmilter.policy.schema import HoldTerms

MESSAGE_KEY_AGE = timedelta(days=7)
"""Longer than any upstream retries (Postfix: 5 days)."""
REDUCED_AGE = timedelta(days=1)
"""So long a retry of a mail that was its sender's own business still finds that it is done."""
NOTICE_AGE = timedelta(days=60)
OUTLIVES = timedelta(hours=1)
"""A body nobody names any more may still be on its way into a transaction for this long."""
_SATURDAY = 5


def is_working_day(moment: datetime, terms: HoldTerms) -> bool:
    """Monday to Friday and no holiday of the policy."""
    return moment.weekday() < _SATURDAY and moment.date() not in terms.holidays


def add_working_days(start: datetime, days: int, terms: HoldTerms) -> datetime:
    """The same time of day that many working days later (earlier when negative)."""
    step = timedelta(days=1 if days >= 0 else -1)
    moment, left = start, abs(days)
    while left:
        moment += step
        left -= is_working_day(moment, terms)
    return moment


def deadline(placed: datetime, terms: HoldTerms) -> datetime:
    """When a hold expires; `placed` in the zone of the people."""
    return add_working_days(placed, terms.working_days, terms)


def reminders_due(placed: datetime, ends: datetime, terms: HoldTerms, now: datetime) -> int:
    """How many of the two reminders should have gone out by now."""
    first = placed + (ends - placed) * terms.remind_at_share
    last = add_working_days(ends, -terms.remind_days_before, terms)
    return sum(moment <= now for moment in sorted({first, max(last, placed)}))


def keep_for(state: str, terms: HoldTerms) -> timedelta:
    """How long content stays after this final state."""
    hours = {
        State.withdrawn: terms.withdrawn_hours,
        State.rejected: terms.rejected_hours,
        State.expired: terms.expired_hours,
        State.released: terms.released_hours,
        State.release_failed: terms.rejected_hours,
    }
    return timedelta(hours=hours[State(state)])
