# SPDX-License-Identifier: Apache-2.0
"""A house with people of every duty, for the tests of this folder. Never asserts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dlpmilter.holds.requests import Caller
from dlpmilter.privacy.desk import PrivacyDesk
from dlpmilter.privacy.dossiers import Officer
from dlpmilter.privacy.rounds import Rounds
from dlpmilter.settings import Reviewer
from tests.holds.house import NOW, Rooms, rooms

DPO = Officer("dora", "dora.dpo@company.example", frozenset({"dpo"}))
DEPUTY = Officer("dirk", "dirk.dpo@company.example", frozenset({"dpo"}))
COUNCIL = Officer("willi", "willi.wc@company.example", frozenset({"works-council"}))
AUDITOR = Officer("aud", "aud.it@company.example", frozenset({"auditor"}))
_PEOPLE = (DPO, DEPUTY, COUNCIL, AUDITOR)
REVIEWERS = {
    each.user: Reviewer(address=each.address, pools=("privacy",), duties=tuple(sorted(each.duties)))  # type: ignore[arg-type]
    for each in _PEOPLE
} | {"rita": Reviewer(address="rita.reviewer@company.example", pools=("privacy",))}


@dataclass(slots=True)
class House:
    """Rooms, a clock that is set by hand, and the counter."""

    rooms: Rooms
    now: datetime = NOW

    @property
    def desk(self) -> PrivacyDesk:
        """The counter at this moment."""
        r = self.rooms
        return PrivacyDesk(r.config, r.database, r.keyring, lambda: r.policy, lambda: self.now)

    async def ask(self, user: str, act: str, *, keeper: bool = False, **fields: Any) -> dict[str, Any]:
        """One request of a Unix user."""
        return await self.desk.answer(Caller(user, keeper), {"act": f"privacy-{act}", **fields})

    async def round(self) -> dict[str, int]:
        """What happens by itself now."""
        r = self.rooms
        return await Rounds(r.database, r.keyring, r.notifier, self.now).go()

    async def events(self) -> list[str]:
        """Every event of the trail, in order."""
        from dlpmilter.storage import trail_rows

        rows = await self.rooms.database.read(lambda conn: list(trail_rows.entries(conn)))
        return [entry.event for entry, _ in rows]


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """One that is closed afterwards."""
    async with rooms(folder, reviewers=REVIEWERS) as r:
        yield House(r)
