# SPDX-License-Identifier: Apache-2.0
"""Appending to the trail, inside the caller's transaction. Never edits an entry, never commits.

An entry commits to its fields by the root of a tree over salted leaves, and to everything before it
by its chain value. Values and salts lie apart: erasing one leaves its leaf, so the trail still verifies.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlpmilter.audit.fields import Layer, layer_of
from dlpmilter.audit.merkle import root_of
from dlpmilter.audit.places import by_positions
from dlpmilter.audit.record import GENESIS, encode, entry_bytes, leaf_of, link
from dlpmilter.audit.retention import outcome_of
from dlpmilter.storage import trail_rows
from dlpmilter.storage.trail_rows import EntryRow, Scope, ValueRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

SALT_OCTETS = 32

Value = str | int | bool | None | Sequence["Value"] | Mapping[str, "Value"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `fields` may use only names of audit/fields.py."""

    event: str
    action: str
    policy_version: str
    case_id: str
    fields: Mapping[str, Value] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def append(conn: Connection, entry: Entry) -> int:
    """Add one entry and return its number (1, 2, 3 ...). Raises ValueError for an unknown field."""
    head = trail_rows.head(conn)
    previous_seq, previous_chain = head or (0, GENESIS)
    seq = previous_seq + 1
    values = _values(seq, entry)
    leaves = [leaf_of(value.salt, value.name, value.value) for value in values]
    root = root_of(leaves)
    day = entry.at.astimezone(UTC).date().isoformat()
    written = entry_bytes(seq, day, entry.event, entry.action, entry.policy_version, root)
    row = EntryRow(
        seq, day, entry.event, entry.action, entry.policy_version, b"".join(leaves), root, link(previous_chain, written)
    )
    trail_rows.add(
        conn, row, values, Scope(entry.case_id or f"day-{day}", outcome_of(entry.event, entry.action), entry.at)
    )
    return seq


def _values(seq: int, entry: Entry) -> list[ValueRow]:
    fields: dict[str, Value] = {**entry.fields, "at": entry.at.astimezone(UTC).isoformat(timespec="milliseconds")}
    if entry.case_id:
        fields["case"] = entry.case_id
    salts = secrets.token_bytes(SALT_OCTETS * len(fields))
    return [
        ValueRow(
            seq,
            position,
            name,
            layer_of(name).value,
            salts[position * SALT_OCTETS : (position + 1) * SALT_OCTETS],
            canonical(fields[name]),
        )
        for position, name in enumerate(sorted(fields))
    ]


def canonical(value: Value) -> str:
    """One spelling for one value: compact JSON, keys sorted."""
    return encode(value)


def erase(conn: Connection, places: Sequence[tuple[int, int]], *, policy_version: str, scope: str, at: datetime) -> int:
    """Delete the values at (seq, position) and append one entry that says which; returns how many.

    Only this entry makes a missing value an erased one: `verify` reports any other as missing.
    """
    return _tell(conn, places, trail_rows.erase(conn, places), policy_version=policy_version, scope=scope, at=at)


def erase_layer(
    conn: Connection, seqs: Sequence[int], layer: Layer, *, policy_version: str, scope: str, at: datetime
) -> int:
    """Erase every value of one layer in these entries."""
    places = trail_rows.values_of(conn, seqs, layer.value)
    done = trail_rows.erase_layer(conn, seqs, layer.value) if places else 0
    return _tell(conn, places, done, policy_version=policy_version, scope=scope, at=at)


def _tell(
    conn: Connection, places: Sequence[tuple[int, int]], done: int, *, policy_version: str, scope: str, at: datetime
) -> int:
    if done:
        fields: dict[str, Value] = {"erased": by_positions(places), "scope": scope, "count": done}
        append(conn, Entry("erased", "none", policy_version, "", fields, at))
    return done


def of_case(conn: Connection, case_id: str) -> list[tuple[EntryRow, dict[str, Value]]]:
    """The entries of one case with the fields that are still there."""
    return [
        (row, {value.name: json.loads(value.value) for value in values if not value.sealed})
        for row, values in trail_rows.of_case(conn, canonical(case_id))
    ]
