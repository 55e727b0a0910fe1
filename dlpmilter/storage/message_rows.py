# SPDX-License-Identifier: Apache-2.0
"""Message keys: which recorded mail was seen already, for a week. Never holds an address.

The recipient is kept as a keyed hash; the digest is over sender and exact octets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from dlpmilter.storage.tables import body_keys, cases, holds, message_keys, meta, outbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection


_OF_DIGEST = select(message_keys).where(message_keys.c.digest == bindparam("wanted")).order_by(message_keys.c.at)


class MessageKey(NamedTuple):
    """One recipient of one recorded mail; `outcome` is None until something is known."""

    digest: bytes
    recipient: bytes
    case_id: str
    action: str
    outcome: str | None
    at: datetime


def add(conn: Connection, keys: Sequence[MessageKey]) -> None:
    """Remember recipients of a recorded mail; one that is there already raises IntegrityError."""
    if keys:
        conn.execute(insert(message_keys), [key._asdict() for key in keys])


def of_digest(conn: Connection, digest: bytes) -> list[MessageKey]:
    """Every recipient remembered for these octets."""
    return [MessageKey(*row) for row in conn.execute(_OF_DIGEST, {"wanted": digest})]


def set_outcomes(conn: Connection, digest: bytes, outcomes: Mapping[bytes, str]) -> None:
    """Note what became of recipients; what was delivered or is owed is never overwritten."""
    for recipient, outcome in outcomes.items():
        conn.execute(
            update(message_keys)
            .where(
                and_(message_keys.c.digest == digest, message_keys.c.recipient == recipient),
                message_keys.c.outcome.is_distinct_from("relayed"),
                message_keys.c.outcome.is_distinct_from("owed"),
            )
            .values(outcome=outcome)
        )


def forget(conn: Connection, digests: Sequence[bytes]) -> int:
    """Drop every key of these digests and free their holds for new mail; returns how many keys."""
    conn.execute(update(holds).where(holds.c.digest.in_(list(digests))).values(digest=None))
    return conn.execute(delete(message_keys).where(message_keys.c.digest.in_(list(digests)))).rowcount


def replace_open(conn: Connection, digest: bytes, recipients: Sequence[bytes]) -> None:
    """Drop single keys that a new decision takes the place of."""
    conn.execute(
        delete(message_keys).where(message_keys.c.digest == digest, message_keys.c.recipient.in_(list(recipients)))
    )


def stale(conn: Connection, before: datetime, limit: int = 200) -> list[bytes]:
    """Digests whose youngest key is older than that."""
    youngest = func.max(message_keys.c.at)
    query = select(message_keys.c.digest).group_by(message_keys.c.digest).having(youngest < before).limit(limit)
    return list(conn.scalars(query))


def claim_once(conn: Connection, name: str) -> bool:
    """Whether `name` is claimed for the first time: makes a replayed act happen once."""
    new = upsert(meta).values(name=name, value="").on_conflict_do_nothing()
    return conn.execute(new).rowcount == 1


def unclaim(conn: Connection, names: Sequence[str]) -> None:
    """Forget claims that cannot come again."""
    conn.execute(delete(meta).where(meta.c.name.in_(list(names))))


def unused_bodies(conn: Connection, before: datetime, limit: int = 200) -> list[str]:
    """Kept bodies older than that which neither a case nor the outbox needs any more."""
    query = (
        select(body_keys.c.body_id)
        .where(
            body_keys.c.created_at < before,
            ~select(cases.c.id).where(cases.c.body_id == body_keys.c.body_id).exists(),
            ~select(outbox.c.id).where(outbox.c.body_id == body_keys.c.body_id).exists(),
        )
        .limit(limit)
    )
    return list(conn.scalars(query))
