# SPDX-License-Identifier: Apache-2.0
"""Private mailboxes that people name themselves: add, list, confirm, remove, and propose for somebody else.

Never shows a plain address to anybody but the person whose mailbox it is, and never lets a proposal of
somebody else count as confirmed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.engine.canonical import canonical_address
from dlpmilter.facts.hashes import Hashes
from dlpmilter.facts.people_csv import normal_address
from dlpmilter.holds.actors import NotAllowed, actor_of
from dlpmilter.storage import private_rows
from dlpmilter.storage.private_rows import PrivateMailbox
from dlpmilter.storage.seal import SealBroken, seal, unseal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.holds.actors import Actor
    from dlpmilter.model.facts import Directory
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring

FIELDS: dict[str, dict[str, type]] = {
    "mailbox-list": {},
    "mailbox-add": {"address": str},
    "mailbox-confirm": {"address": str},
    "mailbox-remove": {"address": str, "person": str},
    "mailbox-propose": {"address": str, "person": str},
}
"""What may be asked, with its fields; `person` "" is the caller himself."""
MOST = 20
"""Private mailboxes of one person."""
SELF = "self"
PROPOSED = "proposed"


@dataclass(frozen=True, slots=True)
class _Subject:
    """One mailbox of one person in the words of the database."""

    person: str
    address: str
    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Who:
    """Who asks, and whether he decides in some pool."""

    user: str
    address: str
    decides: bool


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """The counter for private mailboxes; each act and its trail entry are one transaction."""

    config: Config
    database: Database
    keyring: Callable[[], Keyring]
    directory: Callable[[], Directory]
    policy_version: Callable[[], str]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def answer(self, user: str, act: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is asked. Raises NotAllowed, ValueError, TemporaryFailure."""
        reviewer = self.config.reviewers.get(user)
        address = reviewer.address if reviewer is not None else self.config.people.get(user, "")
        if not address and (act != "mailbox-propose" and not asked.get("person")):
            raise NotAllowed(
                "not-mapped",
                f"the Unix user {user!r} is neither in [people] nor in [reviewers] of dlpmilter.toml, so nobody can "
                "tell whose mailbox it is; ask your mail admin",
            )
        decides = reviewer is not None
        if not decides and (act == "mailbox-propose" or asked.get("person")):
            actor_of(user, self.config)  # says why not
        return await self._answer(_Who(user, address, decides), act, asked)

    async def answer_for(self, actor: Actor, act: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The same for a person who has signed in; who decides in some pool may propose for others."""
        return await self._answer(_Who(actor.user, actor.address, bool(actor.pools)), act, asked)

    async def _answer(self, who: _Who, act: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        if act == "mailbox-list":
            return {"ok": True, "mailboxes": await self._list(self._main(who.address))}
        other = asked.get("person", "")
        person = self._other(who, other, act) if other or act == "mailbox-propose" else self._main(who.address)
        subject = self._subject(person, asked["address"])
        proposing = bool(other)

        def inside(conn: Connection) -> str:
            found = private_rows.find(conn, subject.keys, subject.person)
            if act == "mailbox-remove":
                return self._remove(conn, subject, found, who, proposing=proposing)
            if act == "mailbox-confirm":
                return self._confirm(conn, subject, found, who)
            return self._add(conn, subject, found, who, proposing=proposing)

        return {"ok": True, "done": await self.database.write(inside), "address": subject.address}

    def _main(self, address: str) -> str:
        normal = normal_address(address)
        return self.directory().person(normal) or normal

    def _other(self, who: _Who, other: str, act: str) -> str:
        """The person somebody else acts for: only a reviewer may, and never for himself."""
        if not who.decides:
            raise NotAllowed("not-a-reviewer", "only who decides in a pool may name a mailbox of somebody else")
        if not other:
            raise ValueError("name the person with --for")
        person = self._main(other)
        if person == self._main(who.address):
            words = "add" if act == "mailbox-propose" else "remove"
            raise NotAllowed("own-mailbox", f"this is you: use `dlpmilter mailboxes {words} ADDRESS` without --for")
        if not self._internal(person):
            raise ValueError(f"{person} is not an address of the company (internal_domains)")
        return person

    def _internal(self, address: str) -> bool:
        domain = address.rpartition("@")[2]
        return any(domain == each or domain.endswith("." + each) for each in self.config.internal_domains)

    def _subject(self, person: str, address: str) -> _Subject:
        normal = normal_address(address)  # AddressError is a ValueError with a sentence
        if self._internal(normal):
            raise ValueError(f"{normal} is an address of the company, not a private mailbox")
        return _Subject(person, normal, Hashes.of_keyring(self.keyring()).each(canonical_address(normal)))

    async def _list(self, person: str) -> list[dict[str, Any]]:
        rows = await self.database.read(lambda conn: private_rows.of_person(conn, person))
        keyring = self.keyring()
        return [
            {
                "address": _opened(keyring, row),
                "by": row.source,
                "confirmed": row.confirmed_at is not None,
                "since": row.created_at.astimezone(UTC).isoformat(timespec="seconds"),
            }
            for row in rows
        ]

    def _add(
        self, conn: Connection, subject: _Subject, found: PrivateMailbox | None, who: _Who, *, proposing: bool
    ) -> str:
        if found is not None:
            if proposing or found.confirmed_at is not None:
                return "there already"
            return self._confirm(conn, subject, found, who)
        if len(private_rows.of_person(conn, subject.person)) >= MOST:
            raise ValueError(f"a person can have {MOST} private mailboxes here; remove one first")
        now = self.clock()
        source = PROPOSED if proposing else SELF
        sealed = seal(self.keyring(), subject.address, subject.person)
        confirmed = None if proposing else now
        private_rows.add(conn, PrivateMailbox(0, subject.keys[0], subject.person, sealed, source, confirmed, now))
        self._record(conn, "mailbox-proposed" if proposing else "mailbox-added", subject, who)
        return "proposed" if proposing else "added"

    def _confirm(self, conn: Connection, subject: _Subject, found: PrivateMailbox | None, who: _Who) -> str:
        if found is None:
            raise NotAllowed("no-such-mailbox", f"nobody proposed {subject.address} as yours; `mailboxes add` adds it")
        if found.confirmed_at is not None:
            return "there already"
        private_rows.confirm(conn, found.id, self.clock())
        self._record(conn, "mailbox-confirmed", subject, who)
        return "confirmed"

    def _remove(
        self, conn: Connection, subject: _Subject, found: PrivateMailbox | None, who: _Who, *, proposing: bool
    ) -> str:
        if found is None or (proposing and found.confirmed_at is not None):
            # the same words for both: nobody learns here what another person has confirmed
            whose = f"proposed for {subject.person}" if proposing else "one of your private mailboxes here"
            raise NotAllowed("no-such-mailbox", f"{subject.address} is not {whose}")
        private_rows.remove(conn, found.id)
        self._record(conn, "mailbox-removed", subject, who)
        return "removed"

    def _record(self, conn: Connection, event: str, subject: _Subject, who: _Who) -> None:
        fields = {"owner": subject.person, "mailbox": subject.keys[0].hex(), "actor": who.address}
        fields["actor-user"] = who.user
        trail.append(conn, Entry(event, "none", self.policy_version(), "", fields, self.clock()))


def _opened(keyring: Keyring, row: PrivateMailbox) -> str:
    try:
        return unseal(keyring, row.sealed, row.person) if row.sealed is not None else ""
    except SealBroken:
        return ""
