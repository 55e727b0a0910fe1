# SPDX-License-Identifier: Apache-2.0
"""Which notice went to whom for which case: what keeps notices rare. Never holds their text.

Rows are kept only as long as the limits need them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select

from dlpmilter.storage.tables import notices

# Built once: these run for every hold.
_SENT = select(notices.c.id).where(notices.c.case_id == bindparam("case"), notices.c.kind == bindparam("what")).limit(1)
_NTH = (
    select(notices.c.at)
    .where(notices.c.recipient == bindparam("who"), notices.c.kind.not_like("dsn-%"))
    .order_by(notices.c.at.desc())
    .limit(1)
    .offset(bindparam("skipped"))
)
_ADD = insert(notices)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def add(conn: Connection, *, case_id: str, kind: str, recipient: str, now: datetime) -> None:
    """Remember one notice that leaves at `now`; equal case, kind and recipient raise IntegrityError."""
    conn.execute(_ADD, {"case_id": case_id, "kind": kind, "recipient": recipient, "at": now})


def sent(conn: Connection, *, case_id: str, kind: str, recipient: str | None = None) -> bool:
    """Whether a notice of this kind went out for this case (to this recipient, when one is given)."""
    query = _SENT if recipient is None else _SENT.where(notices.c.recipient == recipient)
    return conn.scalar(query, {"case": case_id, "what": kind}) is not None


def nth_last(conn: Connection, *, recipient: str, number: int) -> datetime | None:
    """When the n-th last notice to this person left or will leave; delivery reports do not count."""
    return conn.scalar(_NTH, {"who": recipient, "skipped": number - 1})


def purge(conn: Connection, before: datetime) -> int:
    """Forget notices older than that; returns how many."""
    return conn.execute(delete(notices).where(notices.c.at < before)).rowcount
