# SPDX-License-Identifier: Apache-2.0
"""Rows of the trail: entries, the values behind their leaves, the head. Never computes a hash."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from dlpmilter.storage.tables import meta, trail, trail_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

HEAD = "trail-head"
PAGE = 500

# Built once: these run for every entry, and building a statement costs as much as running it.
_NOTED = select(meta.c.value).where(meta.c.name == bindparam("noted"))
_NEW = upsert(meta)
_NOTE = _NEW.on_conflict_do_update(index_elements=[meta.c.name], set_={"value": _NEW.excluded.value})
_ADD = insert(trail)
_ADD_VALUES = insert(trail_values)


class EntryRow(NamedTuple):
    """One entry as stored; `leaves` are the leaf hashes one after the other, 32 octets each."""

    seq: int
    day: str
    event: str
    action: str
    policy_version: str
    leaves: bytes
    fields_root: bytes
    chain: bytes


class ValueRow(NamedTuple):
    """One field: what its leaf was made of. Deleting the row erases the field, the leaf stays."""

    seq: int
    position: int
    name: str
    layer: str
    salt: bytes
    value: str


def head(conn: Connection) -> tuple[int, bytes] | None:
    """Number and chain value of the last entry as remembered apart from the entries."""
    text = noted(conn, HEAD)
    if text is None:
        return None
    seq, _, chain = text.partition(" ")
    return int(seq), bytes.fromhex(chain)


def add(conn: Connection, entry: EntryRow, values: Sequence[ValueRow]) -> None:
    """Append one entry with its values and move the head."""
    conn.execute(_ADD, entry._asdict())
    if values:
        conn.execute(_ADD_VALUES, [value._asdict() for value in values])
    note(conn, HEAD, f"{entry.seq} {entry.chain.hex()}")


def entries(conn: Connection, after: int = 0) -> Iterator[tuple[EntryRow, list[ValueRow]]]:
    """Every entry in order with the values that are still there, read page by page."""
    while True:
        page = [EntryRow(*row) for row in conn.execute(
            select(trail).where(trail.c.seq > after).order_by(trail.c.seq).limit(PAGE)
        )]  # fmt: skip
        if not page:
            return
        first, last = page[0].seq, page[-1].seq
        values: dict[int, list[ValueRow]] = {}
        query = select(trail_values).where(trail_values.c.seq.between(first, last))
        for row in conn.execute(query.order_by(trail_values.c.seq, trail_values.c.position)):
            values.setdefault(row.seq, []).append(ValueRow(*row))
        for entry in page:
            yield entry, values.get(entry.seq, [])
        after = last


def stray_values(conn: Connection) -> int | None:
    """The number of an entry that is not there although values for it are, None when there is none."""
    query = (
        select(trail_values.c.seq)
        .where(trail_values.c.seq.not_in(select(trail.c.seq)))
        .order_by(trail_values.c.seq)
        .limit(1)
    )
    return conn.scalar(query)


def of_case(conn: Connection, case_value: str) -> list[tuple[EntryRow, list[ValueRow]]]:
    """The entries whose field `case` has this stored value, in order."""
    wanted = list(
        conn.scalars(
            select(trail_values.c.seq).where(trail_values.c.name == "case", trail_values.c.value == case_value)
        )
    )
    rows = [EntryRow(*row) for row in conn.execute(select(trail).where(trail.c.seq.in_(wanted)).order_by(trail.c.seq))]
    found: dict[int, list[ValueRow]] = {row.seq: [] for row in rows}
    query = select(trail_values).where(trail_values.c.seq.in_(wanted))
    for row in conn.execute(query.order_by(trail_values.c.seq, trail_values.c.position)):
        found[row.seq].append(ValueRow(*row))
    return [(row, found[row.seq]) for row in rows]


def values_of(conn: Connection, seqs: Sequence[int], layer: str) -> list[tuple[int, int]]:
    """(seq, position) of the values of one layer in these entries."""
    query = select(trail_values.c.seq, trail_values.c.position).where(
        trail_values.c.seq.in_(list(seqs)), trail_values.c.layer == layer
    )
    return [(row.seq, row.position) for row in conn.execute(query.order_by(trail_values.c.seq))]


def values_of_days(conn: Connection, after: str, before: str, layer: str, limit: int) -> list[tuple[int, int]]:
    """(seq, position) of values of one layer in entries of the days after `after` and before `before`."""
    query = (
        select(trail_values.c.seq, trail_values.c.position)
        .join(trail, trail.c.seq == trail_values.c.seq)
        .where(trail.c.day > after, trail.c.day < before, trail_values.c.layer == layer)
        .order_by(trail_values.c.seq, trail_values.c.position)
        .limit(limit)
    )
    return [(row.seq, row.position) for row in conn.execute(query)]


def noted(conn: Connection, name: str) -> str | None:
    """A small fact kept beside the trail: up to which day fields were erased."""
    return conn.scalar(_NOTED, {"noted": name})


def note(conn: Connection, name: str, value: str) -> None:
    """Keep such a fact."""
    conn.execute(_NOTE, {"name": name, "value": value})


def erase(conn: Connection, places: Sequence[tuple[int, int]]) -> int:
    """Delete values and salts for good; returns how many were there."""
    return sum(
        conn.execute(
            delete(trail_values).where(and_(trail_values.c.seq == seq, trail_values.c.position == position))
        ).rowcount
        for seq, position in places
    )
