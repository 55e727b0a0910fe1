# SPDX-License-Identifier: Apache-2.0
"""The one door to everything the engine must be told: snapshots in memory, answers of the stores. Never judges.

`snapshot` costs nothing and is made for every mail; `ask` reads the database and is called only when a rule
needs it, which ordinary business mail never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.facts.correspondence import Correspondence
from dlpmilter.model.facts import Facts, Known

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dlpmilter.config import Config
    from dlpmilter.model.facts import Questions
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring


class Knowledge:
    """What one gate knows."""

    def __init__(self, config: Config, database: Database, keyring: Keyring) -> None:
        self._config = config
        self.correspondence = Correspondence(database, keyring, learns=config.inbound is not None)

    def snapshot(self, now: datetime) -> Facts:
        """What is known without asking; the stores are marked as not asked."""
        return Facts(now=now, owners=self._config.owners, known=None)

    async def ask(self, questions: Questions) -> Known:
        """What the stores say about these people. Raises TemporaryFailure: a guess could let a mail out."""
        heard = await self.correspondence.known(questions)
        return Known(
            wrote_first=heard.wrote_first,
            correspondents=heard.correspondents,
            learning=heard.learning,
            mail_hosts=None,
        )

    async def mail_hosts(self, questions: Questions) -> Mapping[str, str]:  # noqa: ARG002 - off unless configured
        """The mail hosts of unlisted domains; empty when nobody looks. Never raises for a network that is down."""
        return {}

    async def sweep(self) -> dict[str, int]:
        """Forget what is over, by kind. The office calls it with its own sweep. Raises TemporaryFailure."""
        return await self.correspondence.sweep()
