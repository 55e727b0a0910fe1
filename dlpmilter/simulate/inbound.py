# SPDX-License-Identifier: Apache-2.0
"""Who wrote first, learned from an archive instead of a listener: an index in sorted octets that processes share.

Never keeps an address: hashes and times only, and the file of a run is deleted with the run. Ages count from the
mail that is judged: in an archive the clock on the wall says nothing.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz
from typing import TYPE_CHECKING

from dlpmilter.engine.inbound import lesson_of
from dlpmilter.engine.questions import questions
from dlpmilter.facts.correspondence import ENOUGH_MAILS, MAIL_DAYS, PERSON_DAYS
from dlpmilter.model.facts import Known
from dlpmilter.simulate.archives import mails_of
from dlpmilter.simulate.envelope import derived_sender
from dlpmilter.simulate.judge import head_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpmilter.model.facts import Facts, Questions
    from dlpmilter.model.limits import Limits
    from dlpmilter.model.message import Head
    from dlpmilter.model.transaction import Transaction
    from dlpmilter.policy.domains import DomainLists
    from dlpmilter.policy.schema import Policy
    from dlpmilter.simulate.archives import Chunk

_MAIL = struct.Struct(">12s12sI")
"""Hash of the Message-ID, hash of author and Message-ID, seconds since 1970."""
_PERSON = struct.Struct(">12sI")
_LENGTH = struct.Struct(">Q")
_KEY = 12
LEARNED = "learned"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400
_LATEST = 2**32 - 1
_SLACK = timedelta(days=1)
"""Clocks of senders go wrong; an answer may seem to be older than its question."""


@dataclass(slots=True)
class Pile:
    """Packed rows of one length, in 256 buckets by their first octet: a million of them stay small and sort fast."""

    size: int
    buckets: dict[int, bytearray] = field(default_factory=dict)

    def put(self, row: bytes) -> None:
        """Add one row."""
        self.buckets.setdefault(row[0], bytearray()).extend(row)

    def add(self, other: Pile) -> None:
        """Add all rows of another pile."""
        for place, rows in other.buckets.items():
            self.buckets.setdefault(place, bytearray()).extend(rows)

    def sorted(self) -> Iterator[list[bytes]]:
        """The rows in order, each once, a bucket at a time."""
        for place in sorted(self.buckets):
            rows = bytes(self.buckets[place])
            yield sorted({rows[start : start + self.size] for start in range(0, len(rows), self.size)})


@dataclass(slots=True)
class Learned:
    """What was learned of some mails: rows in any order, and counts by outcome."""

    mails: Pile = field(default_factory=lambda: Pile(_MAIL.size))
    people: Pile = field(default_factory=lambda: Pile(_PERSON.size + _KEY))
    """With the Message-ID, so that copies of one mail count once."""
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, other: Learned) -> None:
        """Take over what another process learned."""
        self.mails.add(other.mails)
        self.people.add(other.people)
        self.counts.update(other.counts)


def learn(chunk: Chunk, lists: DomainLists, authserv_id: str, limits: Limits) -> Learned:
    """Learn the mails of one chunk: their header blocks only. Raises nothing for what stands in a mail."""
    learned = Learned()
    for mail in mails_of(chunk, limits.message_octets):
        learned.counts[mail.trouble or _learn(mail.content, learned, lists, authserv_id, limits)] += 1
    return learned


def _learn(content: bytes, learned: Learned, lists: DomainLists, authserv_id: str, limits: Limits) -> str:
    head = head_of(content, limits)
    if head is None:
        return "not-a-mail"
    lesson = lesson_of(head, lists, authserv_id, null_sender=derived_sender(head).mailbox.null)
    if isinstance(lesson, str):
        return lesson
    at, mail = _seconds(sent_at(head) or _EPOCH), _mail(lesson.message_id)
    learned.mails.put(_MAIL.pack(mail, _author(lesson.message_id, lesson.author), at))
    if lesson.verified:
        learned.people.put(_PERSON.pack(_person(lesson.author), at) + mail)
    return LEARNED


class Index:
    """Looks a mail up in the sorted rows; the rows may lie in memory or in a mapped file."""

    def __init__(self, mails: bytes | memoryview, people: bytes | memoryview) -> None:
        self._mails = _Rows(mails, _MAIL)
        self._people = _Rows(people, _PERSON)

    @classmethod
    def of(cls, learned: Learned) -> Index:
        """An index in memory."""
        return cls(b"".join(_mails(learned)), b"".join(_people(learned)))

    @classmethod
    def open(cls, path: Path) -> Index:
        """The index of `write`: its pages are shared by all processes that open it."""
        with path.open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        (octets,) = _LENGTH.unpack_from(view)
        return cls(view[_LENGTH.size : _LENGTH.size + octets], view[_LENGTH.size + octets :])

    @staticmethod
    def write(learned: Learned, path: Path) -> None:
        """Write the sorted rows for `open`."""
        with path.open("wb") as file:
            file.write(_LENGTH.pack(0))
            octets = sum(file.write(rows) for rows in _mails(learned))
            for rows in _people(learned):
                file.write(rows)
            file.seek(0)
            file.write(_LENGTH.pack(octets))

    def known(self, asked: Questions, at: datetime) -> Known:
        """What a listener would have known at that time."""
        now = _seconds(at)
        wrote: set[str] = set()
        for message_id in asked.message_ids:
            rows = [author for author, sent in self._mails.of(_mail(message_id)) if _in_time(sent, now, MAIL_DAYS)]
            wrote.update(each for each in asked.recipients if rows and _author(message_id, each) in rows)
        people = {
            each
            for each in asked.recipients
            if sum(_in_time(sent, now, PERSON_DAYS) for (sent,) in self._people.of(_person(each))) >= ENOUGH_MAILS
        }
        return Known(wrote_first=frozenset(wrote), correspondents=frozenset(people), learning=True)

    def about(
        self, transaction: Transaction, head: Head, facts: Facts, policy: Policy, at: datetime | None = None
    ) -> Known:
        """What was known about one mail when it was sent, or at another time."""
        return self.known(questions(transaction, head, facts, policy), at or sent_at(head) or facts.now)


class _Rows:
    """Rows of one length, sorted: found by halving, never unpacked as a whole."""

    def __init__(self, octets: bytes | memoryview, shape: struct.Struct) -> None:
        self._octets = octets
        self._shape = shape

    def __len__(self) -> int:
        return len(self._octets) // self._shape.size

    def __getitem__(self, place: int) -> bytes:
        start = place * self._shape.size
        return bytes(self._octets[start : start + _KEY])

    def of(self, key: bytes) -> Iterator[tuple[bytes | int, ...]]:
        """The rest of each row with that key."""
        for place in range(bisect_left(self, key), len(self)):
            if self[place] != key:
                return
            yield self._shape.unpack_from(self._octets, place * self._shape.size)[1:]


def _mails(learned: Learned) -> Iterator[bytes]:
    return (b"".join(rows) for rows in learned.mails.sorted())


def _people(learned: Learned) -> Iterator[bytes]:
    """One row for each verified mail, however many copies the archive has."""
    for rows in learned.people.sorted():
        once = {row[:_KEY] + row[_PERSON.size :]: row[: _PERSON.size] for row in rows}
        yield b"".join(sorted(once.values()))


def sent_at(head: Head) -> datetime | None:
    """The Date field as a moment; None when there is none that can be."""
    value = head.get("date")
    parsed = parsedate_tz(value[:200].decode("latin-1")) if value else None
    if parsed is None:
        return None
    try:
        return datetime(*parsed[:6], tzinfo=UTC) - timedelta(seconds=parsed[9] or 0)
    except (ValueError, OverflowError):
        return None


def _seconds(moment: datetime) -> int:
    return min(_LATEST, max(0, int((moment - _EPOCH).total_seconds())))


def _in_time(sent: object, now: int, days: int) -> bool:
    """A mail without a date that can be read counts: nobody can say that it is too old."""
    return sent == 0 or (isinstance(sent, int) and now - days * _DAY <= sent <= now + int(_SLACK.total_seconds()))


def _mail(message_id: str) -> bytes:
    return _hash(b"mail", message_id)


def _author(message_id: str, author: str) -> bytes:
    return _hash(b"author", f"{message_id}\n{author}")


def _person(author: str) -> bytes:
    return _hash(b"person", author)


def _hash(purpose: bytes, text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY, person=purpose).digest()
