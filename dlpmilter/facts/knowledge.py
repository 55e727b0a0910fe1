# SPDX-License-Identifier: Apache-2.0
"""The one door to everything the engine must be told: snapshots in memory, answers of the stores. Never judges.

`snapshot` costs nothing and is made for every mail; `ask` reads the database and is called only when a rule
needs it, which ordinary business mail never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.facts.customers import CustomerRegisters
from dlpmilter.facts.hashes import Hashes
from dlpmilter.facts.mail_hosts import MailHosts
from dlpmilter.facts.people import PeopleSource
from dlpmilter.model.facts import NOTHING_KNOWN, Facts, Known

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
        hashes = Hashes.of_keyring(keyring)
        self.people = PeopleSource(config, database, hashes)
        self._customers = CustomerRegisters(database, hashes)
        self._hosts = MailHosts(config.mx_hint)

    async def start(self) -> None:
        """Read what is kept in memory. Raises ConfigError, TemporaryFailure."""
        await self.people.start()

    async def refresh(self) -> None:
        """Look for changes of others, every few seconds. Raises TemporaryFailure."""
        await self.people.refresh()

    async def reload(self) -> None:
        """Read the files again (SIGHUP). Never raises for a broken file: the old one stays."""
        await self.people.reload()

    def snapshot(self, now: datetime) -> Facts:
        """What is known without asking; the stores are marked as not asked."""
        return Facts(now=now, owners=self._config.owners, directory=self.people.current, known=None)

    async def ask(self, questions: Questions) -> Known:
        """What the stores say about these people. Raises TemporaryFailure: a guess could let a mail out."""
        customers = await self._customers.among(questions.recipients)
        hosts: Mapping[str, str] | None = None if self._hosts.enabled else {}
        return Known(customers=customers, learning=NOTHING_KNOWN.learning, mail_hosts=hosts)

    async def mail_hosts(self, questions: Questions) -> Mapping[str, str]:
        """The mail hosts of unlisted domains; empty when nobody looks. Never raises for a network that is down."""
        return await self._hosts.of(questions.domains)
