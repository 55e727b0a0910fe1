# SPDX-License-Identifier: Apache-2.0
"""How long each layer of the trail is kept, by profile and by how a case ended. Never deletes.

The days are proposals for the DPO and the works council, not law (domain.md section 9): the shortest of
profile and works agreement (`hold.case_days`) counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dlpmilter.storage.vault import OPEN, RELEASED, WITHHELD

_WITHHELD = frozenset({"withdrawn", "rejected", "expired", "returned", "unsealed"})
_RELEASED = frozenset({"released", "relayed", "outcome", "owed", "allowed"})
CHAIN_YEARS = 10
"""Skeleton entries: order, day, event, action, policy version, root. Nothing in them names a person."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Days; `facts` name nobody, the other two are personal fields."""

    withheld: int
    """After a mail that was withdrawn, refused or expired."""
    released: int
    """After a mail that left: the person it is about can ask to whom it went (C-154/21)."""
    facts: int


PROFILES: dict[str, Profile] = {
    "de": Profile(withheld=183, released=366, facts=1096),
    "at": Profile(withheld=183, released=366, facts=1096),
    "ch": Profile(withheld=92, released=183, facts=1096),
    "fr": Profile(withheld=183, released=365, facts=1096),
    "it": Profile(withheld=21, released=21, facts=365),
}


@dataclass(frozen=True, slots=True)
class Periods:
    """What counts here: the profile, shortened by the works agreement."""

    withheld: timedelta
    released: timedelta
    facts: timedelta

    def of(self, outcome: str) -> timedelta:
        """How long personal fields stay after the last entry of a case that ended like that."""
        return self.withheld if outcome == WITHHELD else self.released


def periods(profile: str, case_days: int) -> Periods:
    """The periods of a profile of the governance block; an unknown or missing one counts as `de`."""
    found = PROFILES.get(profile, PROFILES["de"])
    withheld, released = min(found.withheld, case_days), min(found.released, case_days)
    return Periods(timedelta(days=withheld), timedelta(days=released), timedelta(days=found.facts))


def outcome_of(event: str, action: str) -> str:
    """What an entry says about the end of its case: nothing yet, kept back, or left the company."""
    if event in _WITHHELD or (event == "decided" and action == "reject"):
        return WITHHELD
    return RELEASED if event in _RELEASED else OPEN
