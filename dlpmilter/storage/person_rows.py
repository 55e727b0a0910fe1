# SPDX-License-Identifier: Apache-2.0
"""Rows that name one person, wherever they lie: found by address, and deleted. Never decides whether they may go.

A trail field is found by its keyed hash (trail_subjects), every other row by the address itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, LargeBinary, String, cast, delete, func, literal, or_, select, true, update

from dlpmilter.storage import knowledge_tables, portal_tables
from dlpmilter.storage.tables import (
    approvals,
    body_chunks,
    body_keys,
    cases,
    digests,
    holds,
    marks,
    notices,
    outbox,
    outbox_recipients,
    trail_values,
)
from dlpmilter.storage.trail_tables import trail_subjects

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Column, Connection, Table

_SENDER_FIELDS = ("sender", "owner")
_FREE_TEXT = ("justification", "reason", "note", "statement")
_ACTOR, _ACTORS_USER = "actor", "actor-user"
_ADDRESS_COLUMNS: tuple[tuple[Table, Column[Any]], ...] = (
    (notices, notices.c.recipient),
    (digests, digests.c.recipient),
    (approvals, approvals.c.actor),
    (knowledge_tables.private_mailboxes, knowledge_tables.private_mailboxes.c.person),
    (portal_tables.accounts, portal_tables.accounts.c.address),
    (portal_tables.sessions, portal_tables.sessions.c.address),
    (portal_tables.tickets, portal_tables.tickets.c.address),
)


@dataclass(frozen=True, slots=True)
class PersonRows:
    """Where somebody stands: cases by role, and trail fields as (entry, field, scope)."""

    own_cases: tuple[str, ...]
    """Sent by the person, or answered for; open and closed."""
    others_cases: tuple[str, ...]
    """Cases of somebody else that were addressed to the person."""
    own_scopes: tuple[str, ...]
    """Trail entries of the person's own mails, also of cases whose row is gone."""
    fields: tuple[tuple[int, int, str], ...]
    """Trail fields that name the person in entries about somebody else, and free text beside them."""
    counts: dict[str, int]
    """Rows of other tables, by table."""
    moving: tuple[str, ...]
    """Cases of both kinds of which a mail is owed, or a release may still come round."""
    owed: int
    """Mails that are on their way to the person."""


def find(conn: Connection, addresses: Sequence[str], subjects: Sequence[bytes], now: datetime) -> PersonRows:
    """Everything that names one of these addresses (any case) or their keyed hashes."""
    wanted = sorted({each.lower() for each in addresses})
    own = tuple(conn.scalars(select(cases.c.id).where(_sent_by(wanted)).order_by(cases.c.id)))
    to_them = select(holds.c.case_id).where(_is(holds.c.recipient_raw, wanted), holds.c.case_id.not_in(own))
    others = tuple(conn.scalars(to_them.distinct().order_by(holds.c.case_id)))
    scopes, fields = _in_trail(conn, subjects)
    counts = {
        table.name: int(conn.scalar(select(func.count()).select_from(table).where(_is(column, wanted))) or 0)
        for table, column in _ADDRESS_COLUMNS
    }
    both = [*own, *others]
    moving = {
        *conn.scalars(select(outbox.c.case_id).where(outbox.c.case_id.in_(both))),
        *conn.scalars(select(marks.c.case_id).where(marks.c.case_id.in_(both), marks.c.expires_at > now)),
    }
    waiting = select(func.count()).select_from(outbox_recipients).where(_is(outbox_recipients.c.recipient_raw, wanted))
    return PersonRows(
        own, others, tuple(sorted({*own, *scopes})), fields, {name: n for name, n in counts.items() if n},
        tuple(sorted(moving)), int(conn.scalar(waiting) or 0),
    )  # fmt: skip


def _is(column: ColumnElement[Any], wanted: Sequence[str]) -> ColumnElement[bool]:
    text = cast(column, String) if isinstance(column.type, LargeBinary) else column
    return func.lower(text).in_(wanted)


def _sent_by(wanted: Sequence[str]) -> ColumnElement[bool]:
    named = [func.lower(cases.c.authors).contains(f'"{each}"', autoescape=True) for each in wanted]
    return or_(_is(cases.c.owner, wanted), _is(cases.c.sender_raw, wanted), *named)


def _in_trail(conn: Connection, subjects: Sequence[bytes]) -> tuple[set[str], tuple[tuple[int, int, str], ...]]:
    """Scopes of entries whose sender this is, and the other fields with what stands beside them.

    Beside a name there may be free text; beside an actor stands the name of the Unix user.
    """
    found = conn.execute(
        select(trail_values.c.seq, trail_values.c.position, trail_values.c.name, trail_values.c.value)
        .join(
            trail_subjects,
            (trail_subjects.c.seq == trail_values.c.seq) & (trail_subjects.c.position == trail_values.c.position),
        )
        .where(trail_subjects.c.subject.in_(list(subjects)))
    ).all()
    scopes = {row.value[1:] for row in found if row.name in _SENDER_FIELDS and not row.value.startswith("@day-")}
    others = [row for row in found if row.value[1:] not in scopes]
    mine = {(row.seq, row.position, row.value[1:]) for row in others}
    for names, rows in ((_FREE_TEXT, others), ((_ACTORS_USER,), [row for row in others if row.name == _ACTOR])):
        beside = select(trail_values.c.seq, trail_values.c.position, trail_values.c.value).where(
            trail_values.c.seq.in_({row.seq for row in rows}), trail_values.c.name.in_(names),
            trail_values.c.layer == "L2",
        )  # fmt: skip
        mine |= {(row.seq, row.position, row.value[1:]) for row in conn.execute(beside)}
    return scopes, tuple(sorted(mine))


def erase(
    conn: Connection, addresses: Sequence[str], *, own: Sequence[str], others: Sequence[str], kept: Sequence[str],
    settled: Sequence[str],
) -> int:  # fmt: skip
    """Delete the rows of these own cases and what names the person elsewhere; how many rows.

    `own` and `others` are cases in which nothing is under way; `kept` ones are not touched, nor is any hold that is
    not in a `settled` state. Mail that is owed is never touched. The trail is not touched here either:
    audit/forget.py does that, with its entry.
    """
    wanted = sorted({each.lower() for each in addresses})
    done = _erase_cases(conn, own)
    over = select(holds.c.id).where(holds.c.state.in_(list(settled)))
    only: dict[str, ColumnElement[bool]] = {
        "notices": notices.c.case_id.not_in(kept),
        "digests": digests.c.case_id.not_in(kept),
        "approvals": approvals.c.hold_id.in_(over),
    }
    for table, column in _ADDRESS_COLUMNS:
        done += conn.execute(delete(table).where(_is(column, wanted), only.get(table.name, true()))).rowcount
    nobody = cast(literal("erased-") + cast(holds.c.id, String) + literal("@invalid"), LargeBinary)
    named = update(holds).where(_is(holds.c.recipient_raw, wanted), holds.c.case_id.in_(others))
    done += conn.execute(named.values(recipient_raw=nobody)).rowcount
    for column in (holds.c.claimed_by, holds.c.refused_by):
        by_them = update(holds).where(_is(column, wanted), holds.c.id.in_(over))
        done += conn.execute(by_them.values({column: None})).rowcount
    return done


def _erase_cases(conn: Connection, closed: Sequence[str]) -> int:
    bodies = list(conn.scalars(select(cases.c.body_id).where(cases.c.id.in_(closed), cases.c.body_id.is_not(None))))
    done = 0
    for table, column in ((body_keys, body_keys.c.body_id), (body_chunks, body_chunks.c.body_id)):
        done += conn.execute(delete(table).where(column.in_(bodies))).rowcount
    for gone in (marks, notices, digests):
        done += conn.execute(delete(gone).where(gone.c.case_id.in_(closed))).rowcount
    return done + conn.execute(delete(cases).where(cases.c.id.in_(closed))).rowcount
