# SPDX-License-Identifier: Apache-2.0
"""Rows of the two keys with which sealed evidence is opened. Never decides whether they fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from dlpmilter.storage.tables import evidence_keys

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Keys:
    """When the person asked, and when who of the office agreed."""

    person_at: datetime
    office_at: datetime | None = None
    office_by: str = ""


def get(conn: Connection, case_id: str) -> Keys | None:
    """The keys of one case."""
    row = conn.execute(select(evidence_keys).where(evidence_keys.c.case_id == case_id)).first()
    return Keys(row.person_at, row.office_at, row.office_by) if row else None


def ask(conn: Connection, case_id: str, at: datetime) -> None:
    """The person's key; an earlier one of the office does not count any more."""
    conn.execute(delete(evidence_keys).where(evidence_keys.c.case_id == case_id))
    conn.execute(insert(evidence_keys), {"case_id": case_id, "person_at": at, "office_at": None, "office_by": ""})


def grant(conn: Connection, case_id: str, by: str, at: datetime) -> None:
    """The office's key."""
    changed = update(evidence_keys).where(evidence_keys.c.case_id == case_id)
    conn.execute(changed.values(office_at=at, office_by=by))
