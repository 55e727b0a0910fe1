# SPDX-License-Identifier: Apache-2.0
"""Directory and private mailboxes in memory, renewed within seconds: ordinary mail never reads the database for them.

A broken file of people never takes the old one's place: log and metric say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter import maillog, metrics
from dlpmilter.config import ConfigError
from dlpmilter.engine.canonical import canonical_address
from dlpmilter.facts.directory import People
from dlpmilter.policy.domains import normalise_domain
from dlpmilter.storage import private_rows

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.facts.hashes import Hashes
    from dlpmilter.storage.database import Database


class PrivateMailboxes:
    """Whose private mailbox is whose, as people told us; immutable."""

    __slots__ = ("_confirmed", "_hashes", "_proposed")

    def __init__(self, hashes: Hashes, rows: Iterable[tuple[bytes, str, bool]] = ()) -> None:
        self._hashes = hashes
        self._confirmed: dict[bytes, tuple[str, ...]] = {}
        self._proposed: dict[bytes, tuple[str, ...]] = {}
        for key, person, confirmed in rows:
            into = self._confirmed if confirmed else self._proposed
            into[key] = (*into.get(key, ()), person)

    def owners(self, canonical: str, *, proposed: bool = False) -> tuple[str, ...]:
        """Everybody who confirmed this mailbox as his; with `proposed`, whom somebody else named too."""
        if not (self._confirmed or (proposed and self._proposed)):
            return ()
        found: list[str] = []
        for digest in self._hashes.each(canonical):
            found += self._confirmed.get(digest, ())
            found += self._proposed.get(digest, ()) if proposed else ()
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Everybody:
    """The file of people and the private mailboxes as one Directory (model/facts.py); immutable."""

    file: People
    private: PrivateMailboxes

    def person(self, address: str) -> str:
        """The main address of the person behind an address, alias or shared mailbox."""
        return self.file.person(address)

    def names(self, address: str) -> tuple[str, ...]:
        """Names the person is known by."""
        return self.file.names(address)

    def locals(self, address: str) -> tuple[str, ...]:
        """Local parts of all the person's addresses."""
        return self.file.locals(address)

    def private_owner(self, canonical: str) -> str:
        """Who keeps this private mailbox: what people confirmed themselves comes before the file."""
        owner = next(iter(self.private.owners(canonical)), "")
        return (self.file.person(owner) or owner) if owner else self.file.private_owner(canonical)

    def keeps(self, person: str, canonical: str) -> bool:
        """Whether it is this person's: confirmed, proposed or in the file."""
        if not person:
            return False
        owners = self.private.owners(canonical, proposed=True)
        if owners and {person, _normal(person)} & {self.file.person(each) or each for each in owners}:
            return True
        return self.file.keeps(person, canonical)

    def secrecy_group(self, address: str) -> str:
        """The secrecy group of the person."""
        return self.file.secrecy_group(address)

    def department(self, address: str) -> str:
        """The department of the person."""
        return self.file.department(address)


class PeopleSource:
    """Who works here, now. `current` is one immutable answer; `reload` and `refresh` put a new one in its place."""

    def __init__(self, config: Config, database: Database | None, hashes: Hashes) -> None:
        self._path: Path | None = config.directory.file
        self._follow = config.directory.ldap is not None
        self._database = database
        self._hashes = hashes
        self._seen: tuple[int, ...] = ()
        self._fingerprint: tuple[object, ...] = ()
        self.current = Everybody(People(hashes), PrivateMailboxes(hashes))

    def behind(self, address: str) -> str:
        """The person behind an address of ours or a private mailbox; the address itself when nobody knows."""
        return self.current.person(address) or self.current.private_owner(canonical_address(address)) or address

    def language(self, address: str) -> str:
        """The language a person wants to be written to in; "" when the file does not say."""
        return self.current.file.language(address.lower())

    def kin(self, address: str) -> tuple[frozenset[str], frozenset[str]]:
        """Every address of the person behind one, and every address of those too close to decide for each other."""
        file = self.current.file
        person = self.behind(address)
        return frozenset((person, *file.addresses(person))), file.close(person)

    async def start(self) -> None:
        """Read everything for the first time. Raises ConfigError, TemporaryFailure."""
        if self._path is not None:
            self._seen = _signature(self._path)
            await self._take(await asyncio.to_thread(self._read))
        await self._refresh_mailboxes()

    async def reload(self) -> None:
        """Read the file of people again (SIGHUP); a broken one leaves the old one in place."""
        if self._path is None:
            return
        self._seen = _signature(self._path)
        try:
            people = await asyncio.to_thread(self._read)
        except ConfigError as error:
            metrics.directory_reloads.labels("refused").inc()
            maillog.directory_refused(len(error.problems), error.problems[0].key)
            return
        await self._take(people)

    async def refresh(self) -> None:
        """Look for changes: private mailboxes, and a file that `directory sync` writes. Raises TemporaryFailure."""
        if self._follow and self._path is not None and _signature(self._path) != self._seen:
            await self.reload()
        await self._refresh_mailboxes()

    def _read(self) -> People:
        if self._path is None:
            return People(self._hashes)
        if self._follow and not self._path.exists():
            return People(self._hashes)  # `directory sync` has not run yet
        return People.load(self._path, self._hashes)

    async def _take(self, people: People) -> None:
        self.current = Everybody(people, self.current.private)
        metrics.directory_reloads.labels("loaded").inc()
        metrics.directory_rows.set(len(people))
        maillog.directory_loaded(len(people))

    async def _refresh_mailboxes(self) -> None:
        if self._database is None:
            return
        found = await self._database.read(_since(self._fingerprint))
        if found is not None:
            self._fingerprint, rows = found
            self.current = Everybody(self.current.file, PrivateMailboxes(self._hashes, rows))


def _normal(address: str) -> str:
    """The domain in its normal form: a mail may name a person who is in no file by either spelling."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{normalise_domain(domain)}"


_Change = tuple[tuple[object, ...], list[tuple[bytes, str, bool]]]


def _since(known: tuple[object, ...]) -> Callable[[Connection], _Change | None]:
    def query(conn: Connection) -> _Change | None:
        now = private_rows.fingerprint(conn)
        return None if now == known else (now, private_rows.owners(conn))

    return query


def _signature(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns)
