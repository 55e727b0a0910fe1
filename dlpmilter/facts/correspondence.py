# SPDX-License-Identifier: Apache-2.0
"""Who wrote to the company, kept as keyed hashes: 90 days a mail, 180 days a correspondent.

Never keeps an address, a subject or who of us was written to: a database in foreign hands cannot be asked
whether somebody wrote, not without the key, and not with the key without the Message-ID.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from dlpmilter.storage import inbound_rows
from dlpmilter.storage.inbound_rows import MailRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from dlpmilter.model.facts import Lesson, Questions
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring

MAIL_DAYS = 90
PERSON_DAYS = 180
ENOUGH_MAILS = 2
"""Verified mails within PERSON_DAYS that make somebody a known correspondent."""
KEY_OCTETS = 16
_SWEEP_EVERY = timedelta(hours=1)
_SWEEP_ROWS = 5000


class Heard(NamedTuple):
    """The part of `Known` that inbound mail answers."""

    wrote_first: frozenset[str]
    correspondents: frozenset[str]
    learning: bool


def _now() -> datetime:
    return datetime.now(UTC)


class Correspondence:
    """One for each process; `learns` says whether a listener for inbound mail is configured."""

    def __init__(
        self, database: Database, keyring: Keyring, *, learns: bool, clock: Callable[[], datetime] = _now
    ) -> None:
        self._database = database
        self._keys = keyring.derive_all("inbound")
        self._learns = learns
        self._clock = clock
        self._next_sweep: datetime | None = None

    async def known(self, questions: Questions) -> Heard:
        """What is known about the recipients of one mail, in one read. Raises TemporaryFailure."""
        return await self._database.read(lambda conn: self.look(conn, questions))

    def look(self, conn: Connection, questions: Questions) -> Heard:
        """The same inside a read that somebody else makes."""
        return self._look(conn, questions, self._clock())

    async def learn(self, lessons: Sequence[tuple[Lesson, datetime]]) -> int:
        """Remember mails with the time they came in; returns how many are new. Raises TemporaryFailure."""
        rows = [self._row(lesson, at) for lesson, at in lessons if lesson.message_id]
        return await self._database.write(lambda conn: inbound_rows.add(conn, rows)) if rows else 0

    async def sweep(self) -> dict[str, int]:
        """Forget what is over; a sweep that finds nothing writes nothing. Raises TemporaryFailure."""
        now = self._clock()
        if self._next_sweep is not None and now < self._next_sweep:
            return {}
        mails, people = now - timedelta(days=MAIL_DAYS), now - timedelta(days=PERSON_DAYS)
        counts = {"inbound-mails": 0, "correspondents": 0}
        if await self._database.read(lambda conn: inbound_rows.overdue(conn, mails, people)):
            gone = await self._database.write(lambda conn: inbound_rows.forget(conn, mails, people, _SWEEP_ROWS))
            counts = dict(zip(counts, gone, strict=True))
        if max(counts.values()) < _SWEEP_ROWS:  # else there is more: the next sweep goes on
            self._next_sweep = now + _SWEEP_EVERY
        return counts

    def _row(self, lesson: Lesson, at: datetime) -> MailRow:
        key = self._keys[0]
        person = _hash(key, b"person", lesson.author) if lesson.verified else None
        return MailRow(_mail(key, lesson.message_id), _author(key, lesson.message_id, lesson.author), at, person)

    def _look(self, conn: Connection, questions: Questions, now: datetime) -> Heard:
        """Each stored hash may have been made under any key there was."""
        since = now - timedelta(days=MAIL_DAYS)
        asked = {_mail(key, each): (key, each) for key in self._keys for each in questions.message_ids}
        wrote: set[str] = set()
        stored = inbound_rows.authors(conn, list(asked), since) if questions.recipients else set()
        by_mail: dict[bytes, set[bytes]] = {}
        for id_key, from_key in stored:
            by_mail.setdefault(id_key, set()).add(from_key)
        for id_key, from_keys in by_mail.items():
            key, message_id = asked[id_key]
            wrote.update(each for each in questions.recipients if _author(key, message_id, each) in from_keys)
        people = self._people(conn, questions, now)
        learning = self._learns or inbound_rows.any_mail(conn)
        return Heard(frozenset(wrote), people, learning)

    def _people(self, conn: Connection, questions: Questions, now: datetime) -> frozenset[str]:
        since = now - timedelta(days=PERSON_DAYS)
        asked = {_hash(key, b"person", each): each for key in self._keys for each in questions.recipients}
        mails: dict[str, int] = {}
        for key, times in inbound_rows.last_mails(conn, list(asked)).items():
            mails[asked[key]] = mails.get(asked[key], 0) + sum(at >= since for at in times)
        return frozenset(each for each, count in mails.items() if count >= ENOUGH_MAILS)


def _mail(key: bytes, message_id: str) -> bytes:
    return _hash(key, b"mail", message_id)


def _author(key: bytes, message_id: str, author: str) -> bytes:
    """Bound to the mail: the same person has another hash in each, so rows tell nobody's history."""
    return _hash(key, b"author", f"{message_id}\n{author}")


def _hash(key: bytes, purpose: bytes, text: str) -> bytes:
    octets = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(octets, digest_size=KEY_OCTETS, key=key, person=purpose).digest()
