# SPDX-License-Identifier: Apache-2.0
"""Rows of who wrote to the company: keyed hashes and times. Never an address, never a Message-ID."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from dlpmilter.storage.knowledge_tables import correspondents, inbound_mails

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import BindParameter, Connection

_TOGETHER = 500
"""Keys of one IN list."""
_ID: BindParameter[bytes] = bindparam("old_id")
_FROM: BindParameter[bytes] = bindparam("old_from")
_NEW_MAIL = insert(inbound_mails).on_conflict_do_nothing()
_NEW_PERSON = insert(correspondents)
_PERSON = _NEW_PERSON.on_conflict_do_update(
    index_elements=[correspondents.c.key],
    set_={"before_at": _NEW_PERSON.excluded.before_at, "last_at": _NEW_PERSON.excluded.last_at},
)


class MailRow(NamedTuple):
    """One mail to remember; `person_key` only where it counts for a correspondent."""

    id_key: bytes
    from_key: bytes
    at: datetime
    person_key: bytes | None = None


def add(conn: Connection, rows: Sequence[MailRow]) -> int:
    """Remember mails; returns how many are new. One that is known already counts for nobody again."""
    unique = {(row.id_key, row.from_key): row for row in reversed(rows)}
    known = authors(conn, [row.id_key for row in rows])
    fresh = [row for pair, row in unique.items() if pair not in known]
    if not fresh:
        return 0
    conn.execute(_NEW_MAIL, [{"id_key": row.id_key, "from_key": row.from_key, "at": row.at} for row in fresh])
    _count_people(conn, [(row.person_key, row.at) for row in fresh if row.person_key is not None])
    return len(fresh)


def _count_people(conn: Connection, mails: Iterable[tuple[bytes, datetime]]) -> None:
    times: dict[bytes, list[datetime]] = {}
    for key, at in mails:
        times.setdefault(key, []).append(at)
    if not times:
        return
    for key, seen in last_mails(conn, list(times)).items():
        times[key] += seen
    rows = []
    for key, moments in times.items():
        *earlier, last = sorted(moments)
        rows.append({"key": key, "before_at": earlier[-1] if earlier else None, "last_at": last})
    conn.execute(_PERSON, rows)


def authors(conn: Connection, id_keys: Collection[bytes], since: datetime | None = None) -> set[tuple[bytes, bytes]]:
    """(id_key, from_key) of every mail with one of these Message-IDs; `since` counts before the sweep comes by."""
    found: set[tuple[bytes, bytes]] = set()
    for some in _some(id_keys):
        query = select(inbound_mails.c.id_key, inbound_mails.c.from_key).where(inbound_mails.c.id_key.in_(some))
        if since is not None:
            query = query.where(inbound_mails.c.at >= since)
        found.update((row.id_key, row.from_key) for row in conn.execute(query))
    return found


def _some(keys: Collection[bytes]) -> Iterator[list[bytes]]:
    """The keys in lists short enough for one statement."""
    listed = list(keys)
    return (listed[start : start + _TOGETHER] for start in range(0, len(listed), _TOGETHER))


def last_mails(conn: Connection, keys: Collection[bytes]) -> dict[bytes, list[datetime]]:
    """For each known correspondent the times of the last mails, two at most."""
    found = {}
    for some in _some(keys):
        for row in conn.execute(select(correspondents).where(correspondents.c.key.in_(some))):
            found[row.key] = [at for at in (row.before_at, row.last_at) if at is not None]
    return found


def any_mail(conn: Connection) -> bool:
    """Whether anything was learned that is still kept."""
    return conn.execute(select(inbound_mails.c.id_key).limit(1)).first() is not None


def overdue(conn: Connection, mails_before: datetime, people_before: datetime) -> bool:
    """Whether there is anything to forget."""
    mail = conn.execute(select(func.min(inbound_mails.c.at))).scalar()
    person = conn.execute(select(func.min(correspondents.c.last_at))).scalar()
    return (mail is not None and mail < mails_before) or (person is not None and person < people_before)


def forget(conn: Connection, mails_before: datetime, people_before: datetime, most: int) -> tuple[int, int]:
    """Delete what is over, at most so many rows of each table; returns how many of each."""
    old = select(inbound_mails.c.id_key, inbound_mails.c.from_key).where(inbound_mails.c.at < mails_before)
    pairs = conn.execute(old.order_by(inbound_mails.c.at).limit(most)).all()
    if pairs:
        match = (inbound_mails.c.id_key == _ID) & (inbound_mails.c.from_key == _FROM)
        conn.execute(delete(inbound_mails).where(match), [{"old_id": each[0], "old_from": each[1]} for each in pairs])
    gone = select(correspondents.c.key).where(correspondents.c.last_at < people_before)
    keys = list(conn.execute(gone.order_by(correspondents.c.last_at).limit(most)).scalars())
    for some in _some(keys):
        conn.execute(delete(correspondents).where(correspondents.c.key.in_(some)))
    return len(pairs), len(keys)
