# SPDX-License-Identifier: Apache-2.0
"""Rows of the trail: entries, the values behind their leaves, the head. Never computes a hash of the trail.

Personal fields (layer L2) are sealed on their way in and opened on their way out; a program without
the key file sees that they are there and nothing else.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, select, update

from dlpmilter.storage import fast, vault
from dlpmilter.storage.errors import StorageFailure
from dlpmilter.storage.tables import meta, trail, trail_values
from dlpmilter.storage.trail_tables import trail_subjects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from sqlalchemy import Connection

HEAD = "trail-head"
UNSEALED = "trail-unsealed-until"
PAGE = 500
SEALED = "@"
"""First character of the value of a sealed field, the name of its key behind it: no JSON starts like that."""
_VAULT = "L2"

_NOTED = "SELECT value FROM meta WHERE name = ?"
_NOTE = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_ENTRIES = (
    "SELECT seq, day, event, action, policy_version, leaves, fields_root, chain FROM trail "
    "WHERE seq BETWEEN ? AND ? ORDER BY seq"
)
_VALUES = (
    "SELECT seq, position, name, layer, salt, value FROM trail_values WHERE seq BETWEEN ? AND ? ORDER BY seq, position"
)
_ADD = (
    "INSERT INTO trail (seq, day, event, action, policy_version, leaves, fields_root, chain) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_VALUES = "INSERT INTO trail_values (seq, position, name, layer, salt, value) VALUES (?, ?, ?, ?, ?, ?)"
_ADD_SUBJECTS = "INSERT INTO trail_subjects (subject, seq, position) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_ERASE = delete(trail_values).where(trail_values.c.seq == bindparam("of"), trail_values.c.position == bindparam("at"))
_ERASE_SUBJECTS = delete(trail_subjects).where(
    trail_subjects.c.seq == bindparam("of"), trail_subjects.c.position == bindparam("at")
)


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
    """One field: what its leaf was made of. Deleting the row erases the field, the leaf stays.

    A sealed field has no salt here, its `value` starts with SEALED, and why it could not be opened stands behind it.
    """

    seq: int
    position: int
    name: str
    layer: str
    salt: bytes
    value: str

    @property
    def sealed(self) -> bool:
        """Whether its content could not be opened."""
        return self.value.startswith(SEALED)


class Scope(NamedTuple):
    """Under which key the personal fields of an entry are sealed, and what the entry says about its end."""

    name: str
    outcome: str
    at: datetime


class NoVault(StorageFailure):
    """Personal fields may only be written by a program that has the key file."""


def head(conn: Connection) -> tuple[int, bytes] | None:
    """Number and chain value of the last entry as remembered apart from the entries."""
    row = fast.run(conn, _NOTED, HEAD).one_or_none()
    if row is None:
        return None
    seq, _, chain = row[0].partition(" ")
    return int(seq), bytes.fromhex(chain)


def add(conn: Connection, entry: EntryRow, values: Sequence[ValueRow], scope: Scope) -> None:
    """Append one entry with its values and move the head. Raises NoVault."""
    fast.run(conn, _ADD, *entry)
    if values:
        rows, subjects = _sealed(conn, values, scope)
        fast.run_many(conn, _ADD_VALUES, rows)
        fast.run_many(conn, _ADD_SUBJECTS, subjects)
    note(conn, HEAD, f"{entry.seq} {entry.chain.hex()}")


def _sealed(
    conn: Connection, values: Sequence[ValueRow], scope: Scope
) -> tuple[list[ValueRow], list[tuple[bytes, int, int]]]:
    found = vault.vault_of(conn)
    rows: list[ValueRow] = []
    subjects: list[tuple[bytes, int, int]] = []
    name, cipher = scope.name, None
    for value in values:
        if value.layer != _VAULT:
            rows.append(value)
            continue
        if found is None:
            raise NoVault("personal fields of the trail are sealed; this program was started without the key file")
        if cipher is None:
            name, cipher = found.sealer(conn, scope.name, scope.outcome, scope.at)
        place = (value.seq, value.position, value.name)
        sealed = vault.seal(cipher, place, value.salt, value.value)
        rows.append(value._replace(salt=sealed, value=SEALED + name))
        if "@" in value.value:
            subjects += [(each, value.seq, value.position) for each in found.subjects(value.value)]
    return rows, subjects


def opened(conn: Connection, values: Sequence[ValueRow]) -> list[ValueRow]:
    """The values with their sealed ones opened, as far as this program can."""
    scopes = {one.value for one in values if one.value[0] == SEALED}
    if not scopes:
        return list(values)
    found = vault.vault_of(conn)
    if found is None:
        return [one._replace(salt=b"", value=SEALED) if one.value[0] == SEALED else one for one in values]
    ciphers = found.openers(conn, [each[1:] for each in scopes])
    return [_opened(ciphers[one.value[1:]], one) if one.value[0] == SEALED else one for one in values]


def _opened(cipher: AESGCM | str, one: ValueRow) -> ValueRow:
    seq, position, name, layer, sealed, _ = one
    if isinstance(cipher, str):
        return ValueRow(seq, position, name, layer, b"", SEALED + cipher)
    try:
        salt, value = vault.unseal(cipher, (seq, position, name), sealed)
    except vault.VaultBroken as error:
        return ValueRow(seq, position, name, layer, b"", f"{SEALED}{error}")
    return ValueRow(seq, position, name, layer, salt, value)


def seal_old(conn: Connection, limit: int) -> int:
    """Seal personal fields that were written before there was a vault; how many of them, 0 when all are sealed."""
    until = noted(conn, UNSEALED)
    if until is None:
        return 0
    query = (
        select(trail_values, trail.c.day)
        .join(trail, trail.c.seq == trail_values.c.seq)
        .where(trail_values.c.seq <= int(until), trail_values.c.layer == _VAULT)
        .where(trail_values.c.value.not_like(f"{SEALED}%"))
        .order_by(trail_values.c.seq.desc())
        .limit(limit)
    )
    found = conn.execute(query).all()
    for row in found:
        value = ValueRow(*row[:6])
        case = conn.scalar(
            select(trail_values.c.value).where(trail_values.c.seq == value.seq, trail_values.c.name == "case")
        )
        at = datetime.fromisoformat(f"{row.day}T00:00:00+00:00")
        scope = Scope(case.strip('"') if case else f"day-{row.day}", vault.RELEASED, at)  # kept for the longest time
        rows, subjects = _sealed(conn, [value], scope)
        place = and_(trail_values.c.seq == value.seq, trail_values.c.position == value.position)
        conn.execute(update(trail_values).where(place).values(salt=rows[0].salt, value=rows[0].value))
        fast.run_many(conn, _ADD_SUBJECTS, subjects)
    if found:
        note(conn, UNSEALED, str(found[-1].seq))
    else:
        conn.execute(delete(meta).where(meta.c.name == UNSEALED))
    return len(found)


def entries(conn: Connection, after: int = 0, until: int | None = None) -> Iterator[tuple[EntryRow, list[ValueRow]]]:
    """Every entry in order with the values that are still there, read page by page."""
    last_wanted = until if until is not None else 2**63 - 1
    while True:
        wanted = select(trail).where(trail.c.seq.between(after + 1, last_wanted)).order_by(trail.c.seq).limit(PAGE)
        page = list(map(EntryRow._make, conn.execute(wanted).all()))
        if not page:
            return
        query = select(trail_values).where(trail_values.c.seq.between(page[0].seq, page[-1].seq))
        rows = conn.execute(query.order_by(trail_values.c.seq, trail_values.c.position)).all()
        values: dict[int, list[ValueRow]] = {}
        for value in opened(conn, list(map(ValueRow._make, rows))):
            values.setdefault(value.seq, []).append(value)
        for entry in page:
            yield entry, values.get(entry.seq, [])
        after = page[-1].seq


def raw(conn: Connection, first: int, last: int) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Entries and values of a range as plain tuples, nothing opened: for who reads millions."""
    return fast.rows(conn, _ENTRIES, first, last), fast.rows(conn, _VALUES, first, last)


def chain_of(conn: Connection, seq: int) -> bytes | None:
    """The chain value of an entry, None when it is not there."""
    return conn.scalar(select(trail.c.chain).where(trail.c.seq == seq))


def last(conn: Connection) -> int:
    """The number of the last entry, 0 when there is none."""
    return int(conn.scalar(select(func.max(trail.c.seq))) or 0)


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
    query = select(trail_values.c.seq).where(trail_values.c.name == "case", trail_values.c.value == case_value)
    return by_number(conn, list(conn.scalars(query)))


def of_days(conn: Connection, first: str, after: str) -> Iterator[tuple[EntryRow, list[ValueRow]]]:
    """The entries of days from `first` up to the one before `after`, page by page."""
    query = select(trail.c.seq).where(trail.c.day >= first, trail.c.day < after)
    seqs = list(conn.scalars(query.order_by(trail.c.seq)))
    for start in range(0, len(seqs), PAGE):
        yield from by_number(conn, seqs[start : start + PAGE])


def last_of_event(conn: Connection, event: str, until: int, count: int) -> list[int]:
    """The numbers of the last entries of one event up to that one."""
    query = select(trail.c.seq).where(trail.c.event == event, trail.c.seq <= until)
    return list(conn.scalars(query.order_by(trail.c.seq.desc()).limit(count)))


def by_number(conn: Connection, seqs: Sequence[int]) -> list[tuple[EntryRow, list[ValueRow]]]:
    """These entries, in order, with the values that are still there."""
    rows = [EntryRow(*row) for row in conn.execute(select(trail).where(trail.c.seq.in_(seqs)).order_by(trail.c.seq))]
    found: dict[int, list[ValueRow]] = {row.seq: [] for row in rows}
    query = select(trail_values).where(trail_values.c.seq.in_(seqs))
    values = conn.execute(query.order_by(trail_values.c.seq, trail_values.c.position)).all()
    for value in opened(conn, list(map(ValueRow._make, values))):
        found[value.seq].append(value)
    return [(row, found[row.seq]) for row in rows]


def values_of(conn: Connection, seqs: Sequence[int], layer: str) -> list[tuple[int, int]]:
    """(seq, position) of the values of one layer in these entries."""
    query = select(trail_values.c.seq, trail_values.c.position).where(
        trail_values.c.seq.in_(list(seqs)), trail_values.c.layer == layer
    )
    return [(row.seq, row.position) for row in conn.execute(query.order_by(trail_values.c.seq))]


def facts_of_days(conn: Connection, after: str, before: str, kept: Sequence[int], limit: int) -> list[tuple[int, int]]:
    """(seq, position) of facts in entries of the days after `after` and before `before`, but not in `kept` ones."""
    query = (
        select(trail_values.c.seq, trail_values.c.position)
        .join(trail, trail.c.seq == trail_values.c.seq)
        .where(trail.c.day > after, trail.c.day < before, trail_values.c.layer == "F", trail.c.seq.not_in(kept))
        .order_by(trail_values.c.seq, trail_values.c.position)
        .limit(limit)
    )
    return [(row.seq, row.position) for row in conn.execute(query)]


def facts_census(conn: Connection, before: str, kept: Sequence[int]) -> tuple[int, str | None, int]:
    """How many fields there are, the day of the oldest fact, and how many are of days before that, not in `kept`."""
    count = int(conn.scalar(select(func.count()).select_from(trail_values)) or 0)
    has_facts = select(trail_values.c.seq).where(trail_values.c.seq == trail.c.seq, trail_values.c.layer == "F")
    oldest: str | None = conn.scalar(select(func.min(trail.c.day)).where(has_facts.exists()))
    late = (
        select(func.count())
        .select_from(trail_values.join(trail, trail.c.seq == trail_values.c.seq))
        .where(trail.c.day < before, trail_values.c.layer == "F", trail.c.seq.not_in(kept))
    )
    return count, oldest, int(conn.scalar(late) or 0)


def first_day(conn: Connection) -> str | None:
    """The day of the first entry."""
    day: str | None = conn.scalar(select(func.min(trail.c.day)))
    return day


def day_before(day: str) -> str:
    """The day before, in the same form (ISO 8601)."""
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def noted(conn: Connection, name: str) -> str | None:
    """A small fact kept beside the trail: up to which day fields were erased."""
    value: str | None = fast.run(conn, _NOTED, name).scalar()
    return value


def note(conn: Connection, name: str, value: str) -> None:
    """Keep such a fact."""
    fast.run(conn, _NOTE, name, value)


def erase(conn: Connection, places: Sequence[tuple[int, int]]) -> int:
    """Delete values, salts and whom they name for good; returns how many were there."""
    if not places:
        return 0
    rows = [{"of": seq, "at": position} for seq, position in places]
    done = conn.execute(_ERASE, rows).rowcount
    conn.execute(_ERASE_SUBJECTS, rows)
    return done


def erase_layer(conn: Connection, seqs: Sequence[int], layer: str) -> int:
    """Delete every value of one layer in these entries, with whom they name; how many there were."""
    if layer == _VAULT:
        conn.execute(delete(trail_subjects).where(trail_subjects.c.seq.in_(seqs)))
    return conn.execute(
        delete(trail_values).where(trail_values.c.seq.in_(seqs), trail_values.c.layer == layer)
    ).rowcount
