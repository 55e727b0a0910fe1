# SPDX-License-Identifier: Apache-2.0
"""The privacy half of the office process: the notary, the rounds, the counter. Never accepts mail.

app.py makes one; the rest of the office does not know what is in here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dlpmilter import maillog, metrics
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.privacy.desk import PREFIX, PrivacyDesk
from dlpmilter.privacy.notary import Notary, signer_of
from dlpmilter.privacy.rounds import EVERY, Rounds

if TYPE_CHECKING:
    from dlpmilter.config import Config
    from dlpmilter.holds.notify import Notifier
    from dlpmilter.holds.requests import Answer, Caller
    from dlpmilter.policy.schema import Policy
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring

Answering = Callable[["Caller", Mapping[str, Any]], Awaitable["Answer"]]
INVENTORY_ROUNDS = 120
"""The stores are counted every hour."""


@dataclass(frozen=True, slots=True)
class PrivacyOffice:
    """One for the office that leads."""

    notary: Notary
    desk: PrivacyDesk
    notifier: Callable[[], Notifier]

    @classmethod
    async def open(
        cls, config: Config, database: Database, keyring: Keyring, notifier: Callable[[], Notifier],
        policy: Callable[[], Policy],
    ) -> PrivacyOffice:  # fmt: skip
        """Raises ConfigError when the signing key cannot be read, TemporaryFailure."""
        signer = await signer_of(config, database, keyring)
        desk = PrivacyDesk(config, database, keyring, policy)
        return cls(Notary(config, database, signer, notifier), desk, notifier)

    def before(self, others: Answering) -> Answering:
        """The counter for everything: acts of privacy are answered here, the rest goes on."""

        async def answer(caller: Caller, request: Mapping[str, Any]) -> Answer:
            if str(request.get("act", "")).startswith(PREFIX):
                return await self.desk.answer(caller, request)
            return await others(caller, request)

        return answer

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.gather(self.notary.run(), self._rounds())

    async def _rounds(self) -> None:
        number = 0
        while True:
            try:
                now = datetime.now(UTC)
                counts = await Rounds(self.desk.database, self.desk.keyring, self.notifier(), now).go()
                for kind, count in counts.items():
                    metrics.sweeps.labels(kind).inc(count)
                if number % INVENTORY_ROUNDS == 0:
                    found = await self.desk.inventory()
                    metrics.overdue.set(found["overdue"])
            except TemporaryFailure as error:
                metrics.alarms.labels("store-unavailable").inc()
                maillog.store_unavailable(error)
            except Exception as error:  # noqa: BLE001 - a dossier that cannot be read must not stop the others' clocks
                metrics.unforeseen.labels("privacy").inc()
                maillog.unforeseen("privacy", error)
            number += 1
            await asyncio.sleep(EVERY.total_seconds())
