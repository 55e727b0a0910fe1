# SPDX-License-Identifier: Apache-2.0
"""Rows that name one person, wherever they lie: found by address, and deleted. Never decides whether they may go.

A trail field is found by its keyed hash (trail_subjects), every other row by the address itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, LargeBinary, String, cast, delete, func, literal, or_, select, update

from dlpmilter.storage import knowledge_tables, portal_tables
from dlpmilter.storage.tables import (
    approvals,
    body_chunks,
    body_keys,
    cases,
    digests,
    evidence_keys,
    holds,
    mark_recipients,
    marks,
    notices,
    outbox,
    outbox_recipients,
    trail_values,
)
from dlpmilter.storage.trail_tables import trail_subjects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column, Connection, Table

_SENDER_FIELDS = ("sender", "owner")
_FREE_TEXT = ("justification", "reason", "note", "statement")
_ADDRESS_COLUMNS: tuple[tuple[Table, Column[Any]], ...] = (
    (notices, notices.c.recipient),
    (digests, digests.c.recipient),
    (approvals, approvals.c.actor),
    (mark_recipients, mark_recipients.c.recipient),
    (outbox_recipients, outbox_recipients.c.recipient_raw),
    (knowledge_tables.private_mailboxes, knowledge_tables.private_mailboxes.c.person),
    (portal_tables.accounts, portal_tables.accounts.c.address),
    (portal_tables.sessions, portal_tables.sessions.c.address),
    (portal_tables.tickets, portal_tables.tickets.c.address),
)


@dataclass(frozen=True, slots=True)
class PersonRows:
    """Where somebody stands: cases by role, and trail fields as (entry, field)."""

    own_cases: tuple[str, ...]
    """Sent by the person, or answered for; open and closed."""
    others_cases: tuple[str, ...]
    """Cases of somebody else that were addressed to the person."""
    own_scopes: tuple[str, ...]
    """Trail entries of the person's own mails, also of cases whose row is gone."""
    fields: tuple[tuple[int, int], ...]
    """Trail fields that name the person in entries about somebody else, and free text beside them."""
    counts: dict[str, int]
    """Rows of other tables, by table."""
    owed: int
    """Mails to somebody else, about a mail that was addressed to the person, that are still on their way."""


def find(conn: Connection, addresses: Sequence[str], subjects: Sequence[bytes]) -> PersonRows:
    """Everything that names one of these addresses (any case) or their keyed hashes."""
    wanted = sorted({each.lower() for each in addresses})
    own = tuple(conn.scalars(select(cases.c.id).where(_sent_by(wanted)).order_by(cases.c.id)))
    others = tuple(
        conn.scalars(
            select(holds.c.case_id)
            .where(_is(holds.c.recipient_raw, wanted), holds.c.case_id.not_in(own))
            .distinct()
            .order_by(holds.c.case_id)
        )
    )
    scopes, fields = _in_trail(conn, subjects)
    counts = {
        table.name: int(conn.scalar(select(func.count()).select_from(table).where(_is(column, wanted))) or 0)
        for table, column in _ADDRESS_COLUMNS
    }
    owed = int(conn.scalar(select(func.count()).select_from(outbox).where(outbox.c.case_id.in_(others))) or 0)
    return PersonRows(own, others, tuple(sorted({*own, *scopes})), fields, {k: n for k, n in counts.items() if n}, owed)


def _is(column: ColumnElement[Any], wanted: Sequence[str]) -> ColumnElement[bool]:
    text = cast(column, String) if isinstance(column.type, LargeBinary) else column
    return func.lower(text).in_(wanted)


def _sent_by(wanted: Sequence[str]) -> ColumnElement[bool]:
    named = [func.lower(cases.c.authors).contains(f'"{each}"', autoescape=True) for each in wanted]
    return or_(_is(cases.c.owner, wanted), _is(cases.c.sender_raw, wanted), *named)


def _in_trail(conn: Connection, subjects: Sequence[bytes]) -> tuple[set[str], tuple[tuple[int, int], ...]]:
    """Scopes of entries whose sender this is, and the other fields with the free text that stands beside them."""
    found = conn.execute(
        select(trail_values.c.seq, trail_values.c.position, trail_values.c.name, trail_values.c.value)
        .join(
            trail_subjects,
            (trail_subjects.c.seq == trail_values.c.seq) & (trail_subjects.c.position == trail_values.c.position),
        )
        .where(trail_subjects.c.subject.in_(list(subjects)))
    ).all()
    scopes = {row.value[1:] for row in found if row.name in _SENDER_FIELDS and not row.value.startswith("@day-")}
    mine = {(row.seq, row.position) for row in found if row.value[1:] not in scopes}
    seqs = sorted({seq for seq, _ in mine})
    beside = select(trail_values.c.seq, trail_values.c.position).where(
        trail_values.c.seq.in_(seqs), trail_values.c.name.in_(_FREE_TEXT), trail_values.c.layer == "L2"
    )
    mine |= {(row.seq, row.position) for row in conn.execute(beside)}
    return scopes, tuple(sorted(mine))


def erase(conn: Connection, person: PersonRows, closed: Sequence[str], addresses: Sequence[str]) -> int:
    """Delete the rows of these closed cases and everything else that names the person; how many rows.

    The trail is not touched here: audit/forget.py does that, with its entry.
    """
    wanted = sorted({each.lower() for each in addresses})
    done = _erase_cases(conn, closed)
    for table, column in _ADDRESS_COLUMNS:
        done += conn.execute(delete(table).where(_is(column, wanted))).rowcount
    emptied = delete(outbox).where(outbox.c.id.not_in(select(outbox_recipients.c.outbox_id)))
    done += conn.execute(emptied).rowcount
    done += conn.execute(
        update(holds)
        .where(_is(holds.c.recipient_raw, wanted), holds.c.case_id.in_(person.others_cases))
        .values(recipient_raw=cast(literal("erased-") + cast(holds.c.id, String) + literal("@invalid"), LargeBinary))
    ).rowcount
    for column in (holds.c.claimed_by, holds.c.refused_by, evidence_keys.c.office_by):
        gone = update(column.table).where(_is(column, wanted)).values({column: None if column.nullable else ""})
        done += conn.execute(gone).rowcount
    return done


def _erase_cases(conn: Connection, closed: Sequence[str]) -> int:
    bodies = list(conn.scalars(select(cases.c.body_id).where(cases.c.id.in_(closed), cases.c.body_id.is_not(None))))
    owed = select(outbox.c.id).where(outbox.c.case_id.in_(closed))
    done = conn.execute(delete(outbox_recipients).where(outbox_recipients.c.outbox_id.in_(owed))).rowcount
    done += conn.execute(delete(outbox).where(outbox.c.case_id.in_(closed))).rowcount
    for table, column in ((body_keys, body_keys.c.body_id), (body_chunks, body_chunks.c.body_id)):
        done += conn.execute(delete(table).where(column.in_(bodies))).rowcount
    of_marks = select(marks.c.nonce).where(marks.c.case_id.in_(closed))
    done += conn.execute(delete(mark_recipients).where(mark_recipients.c.nonce.in_(of_marks))).rowcount
    for table in (marks, notices, digests):
        done += conn.execute(delete(table).where(table.c.case_id.in_(closed))).rowcount
    return done + conn.execute(delete(cases).where(cases.c.id.in_(closed))).rowcount
