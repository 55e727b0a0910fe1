# SPDX-License-Identifier: Apache-2.0
"""The one door to everything the engine must be told: snapshots in memory, answers of the stores. Never judges.

`snapshot` costs nothing and is made for every mail; `ask` reads the database and is called only when a rule
needs it, which ordinary business mail never does.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlpmilter.facts.consents import ConsentBook
from dlpmilter.facts.correspondence import Correspondence
from dlpmilter.facts.customers import CustomerRegisters
from dlpmilter.facts.drip import DripCounter, give_back
from dlpmilter.facts.hashes import Hashes
from dlpmilter.facts.mail_hosts import MailHosts
from dlpmilter.facts.people import PeopleSource
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.facts import Facts, Known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.facts.drip import Charge, Charged
    from dlpmilter.model.facts import Questions
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.drip_rows import Taken
    from dlpmilter.storage.keys import Keyring


class Knowledge:
    """What one gate knows."""

    def __init__(self, config: Config, database: Database, keyring: Keyring) -> None:
        self._config = config
        self._database = database
        hashes = Hashes.of_keyring(keyring)
        self.people = PeopleSource(config, database, hashes)
        self.correspondence = Correspondence(database, keyring, learns=config.inbound is not None)
        self._customers = CustomerRegisters(database, hashes)
        self._hosts = MailHosts(config.mx_hint)
        self._consents = ConsentBook()
        self._drip = DripCounter(keyring)

    async def start(self) -> None:
        """Read what is kept in memory. Raises ConfigError, TemporaryFailure."""
        await self.people.start()
        await self._consents.refresh(self._database, datetime.now(UTC))

    async def refresh(self, now: datetime) -> None:
        """Read again what other processes may have changed. Raises TemporaryFailure; then the old stays a while."""
        await self._consents.refresh(self._database, now)
        await self.people.refresh()

    async def reload(self) -> None:
        """Read the files again (SIGHUP). Never raises for a broken file: the old one stays."""
        await self.people.reload()

    def snapshot(self, now: datetime) -> Facts:
        """What is known without asking; the stores are marked as not asked."""
        agreements, exemptions = self._consents.current
        return Facts(
            now=now,
            owners=self._config.owners,
            directory=self.people.current,
            agreements=agreements,
            exemptions=exemptions,
            known=None,
        )

    async def ask(self, questions: Questions, mail: bytes = b"") -> Known:
        """What the stores say about these people; earlier tries of `mail` (`mail_key`) do not count.

        Raises TemporaryFailure: a guess could let a mail out.
        """
        now = datetime.now(UTC)
        hosts: Mapping[str, str] | None = None if self._hosts.enabled else {}
        if not questions.recipients:
            return Known(mail_hosts=hosts)

        def look(conn: Connection) -> Known:
            heard = self.correspondence.look(conn, questions)
            return Known(
                wrote_first=heard.wrote_first,
                correspondents=heard.correspondents,
                customers=self._customers.look(conn, questions.recipients),
                learning=heard.learning,
                drip=self._drip.read(
                    conn, questions.sender, questions.recipients, now, mail,
                    rows=questions.rows, sizes=questions.sizes,
                ),
                mail_hosts=hosts,
            )  # fmt: skip

        return await self._database.read(look)

    async def mail_hosts(self, questions: Questions) -> Mapping[str, str]:
        """The mail hosts of unlisted domains; empty when nobody looks. Never raises for a network that is down."""
        return await self._hosts.of(questions.domains)

    async def sweep(self) -> dict[str, int]:
        """Forget what is over, by kind. The office calls it with its own sweep. Raises TemporaryFailure."""
        return await self.correspondence.sweep()

    def mail_key(self, sender: str, content: bytes) -> bytes:
        """How the drip counters know one mail of a sender; `content` is its digest."""
        return self._drip.mail_key(sender, content)

    async def charge(self, charge: Charge) -> Charged:
        """Count a mail before it is sent. Raises TemporaryFailure: what cannot be counted is not sent."""
        return await self._database.write(lambda conn: self._drip.charge(conn, charge, datetime.now(UTC)))

    async def give_back(self, taken: Sequence[Taken]) -> None:
        """Undo charges whose mail was not sent; when the database is away they stay, which lets nothing out."""
        if taken:
            with contextlib.suppress(TemporaryFailure):
                await self._database.write(lambda conn: give_back(conn, taken))

    def used(self, reasons: Iterable[str]) -> tuple[str, ...]:
        """Count a use of each agreement and exemption a sent mail's reasons name, in memory; their ids."""
        return self._consents.used(reasons, datetime.now(UTC))

    async def close(self) -> None:
        """Write down what was only counted in memory."""
        with contextlib.suppress(TemporaryFailure):
            await self._consents.flush(self._database)
