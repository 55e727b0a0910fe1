# SPDX-License-Identifier: Apache-2.0
"""Checking the trail from its first entry: every leaf, root, chain value, erasure and the head.

Never repairs. What it cannot see it says: entries cut off the end together with the head, a trail
rewritten as a whole, and invented entries appended at the end (the chain has no key: who may write the
file can go on with it).
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpmilter.audit.fields import layer_of
from dlpmilter.audit.merkle import HASH_OCTETS, root_of
from dlpmilter.audit.trail import GENESIS, entry_bytes, leaf_of, link
from dlpmilter.storage import trail_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.storage.trail_rows import EntryRow, ValueRow

LIMITS = (
    "Entries cut off the end together with the stored head, or a trail rewritten as a whole, cannot be seen "
    "from this file alone. Keep the head printed here somewhere else and compare it next time. Invented entries "
    "appended at the end cannot be seen at all, because the chain has no key: whoever may write this file can add "
    "to it. Heads kept elsewhere in short intervals say between which two of them an entry was added."
)


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What the check found. `seq` is the first bad position, None when all is well."""

    ok: bool
    entries: int
    values: int
    erased: int
    seq: int | None = None
    problem: str = ""
    head: str = ""
    """Number and chain value of the last good entry, as `seq:hex`."""
    limits: str = LIMITS


class _BadEntry(Exception):
    def __init__(self, seq: int, problem: str) -> None:
        super().__init__(problem)
        self.seq = seq


@dataclass(slots=True)
class _State:
    seq: int = 0
    chain: bytes = GENESIS
    values: int = 0
    missing: set[tuple[int, int]] = field(default_factory=set)
    excused: set[tuple[int, int]] = field(default_factory=set)


def verify(conn: Connection, *, expected_head: str | None = None) -> VerifyResult:
    """Check everything; `expected_head` is a head noted down earlier (`seq:hex`), if there is one."""
    state = _State()
    noted = _parse_head(expected_head) if expected_head else None
    try:
        for entry, values in trail_rows.entries(conn):
            _check_entry(state, entry, values)
            if noted and noted[0] == entry.seq and noted[1] != entry.chain:
                raise _BadEntry(entry.seq, "the trail up to here is not the one whose head was noted down")
        _check_end(conn, state, noted)
    except _BadEntry as bad:
        return _result(state, seq=bad.seq, problem=str(bad))
    return _result(state)


def _result(state: _State, seq: int | None = None, problem: str = "") -> VerifyResult:
    head = f"{state.seq}:{state.chain.hex()}"
    return VerifyResult(seq is None, state.seq, state.values, len(state.excused & state.missing), seq, problem, head)


def _check_entry(state: _State, entry: EntryRow, values: list[ValueRow]) -> None:
    wanted = state.seq + 1
    if entry.seq != wanted:
        raise _BadEntry(wanted, f"entry {wanted} is missing; the next one there is {entry.seq}")
    leaves = [entry.leaves[at : at + HASH_OCTETS] for at in range(0, len(entry.leaves), HASH_OCTETS)]
    if root_of(leaves) != entry.fields_root:
        raise _BadEntry(entry.seq, f"entry {entry.seq} was edited: its leaves do not give its root")
    written = entry_bytes(entry.seq, entry.day, entry.event, entry.action, entry.policy_version, entry.fields_root)
    if not hmac.compare_digest(link(state.chain, written), entry.chain):
        raise _BadEntry(
            entry.seq,
            f"entry {entry.seq} was edited, inserted or moved: its chain value does not follow from the one before",
        )
    _check_values(state, entry, leaves, values)
    state.seq, state.chain = entry.seq, entry.chain


def _check_values(state: _State, entry: EntryRow, leaves: list[bytes], values: list[ValueRow]) -> None:
    present = {value.position for value in values}
    for value in values:
        if not 0 <= value.position < len(leaves):
            raise _BadEntry(entry.seq, f"entry {entry.seq} has a value too many: {value.name!r} was inserted")
        if leaf_of(value.salt, value.name, value.value) != leaves[value.position]:
            raise _BadEntry(entry.seq, f"field {value.name!r} of entry {entry.seq} was edited")
        try:
            layer = layer_of(value.name).value
        except ValueError:
            layer = value.layer  # a name of another version
        if layer != value.layer:
            raise _BadEntry(entry.seq, f"field {value.name!r} of entry {entry.seq} was moved to layer {value.layer}")
        if value.name == "erased" and entry.event == "erased":
            named: dict[str, list[int]] = json.loads(value.value)
            state.excused |= {(int(seq), position) for seq, places in named.items() for position in places}
    state.values += len(values)
    state.missing |= {(entry.seq, position) for position in range(len(leaves)) if position not in present}


def _check_end(conn: Connection, state: _State, noted: tuple[int, bytes] | None) -> None:
    lost = sorted(state.missing - state.excused)
    if lost:
        seq, position = lost[0]
        raise _BadEntry(seq, f"field number {position + 1} of entry {seq} is missing and no entry says it was erased")
    stray = trail_rows.stray_values(conn)
    if stray is not None:
        raise _BadEntry(stray, f"entry {stray} is missing although its fields are there")
    head = trail_rows.head(conn) or (0, GENESIS)
    if head[0] > state.seq:
        raise _BadEntry(state.seq + 1, f"entry {state.seq + 1} is missing: the head says there are {head[0]} entries")
    if head[0] < state.seq:
        raise _BadEntry(head[0] + 1, f"entry {head[0] + 1} was inserted: the head says there are {head[0]} entries")
    if head[1] != state.chain:
        raise _BadEntry(state.seq, f"entry {state.seq} or the head was edited: their chain values differ")
    if noted and noted[0] > state.seq:
        raise _BadEntry(
            state.seq + 1, f"entry {state.seq + 1} is missing: the head noted down earlier stood at {noted[0]}"
        )


def _parse_head(text: str) -> tuple[int, bytes]:
    """Number and chain value of `seq:hex`. Raises ValueError with what is wrong."""
    seq, _, chain = text.partition(":")
    try:
        return int(seq), bytes.fromhex(chain)
    except ValueError:
        raise ValueError(f"{text!r} is not a head: write it as printed, number, colon, hex digits") from None
