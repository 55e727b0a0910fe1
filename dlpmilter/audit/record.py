# SPDX-License-Identifier: Apache-2.0
"""An entry of the trail as a verifier sees it, and the check of a row of them. Never reads a database.

Part of the single-file verifier (single_file.py): imports nothing of the product but its other parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from dlpmilter.audit.merkle import HASH_OCTETS, leaf_hash, root_of_joined, sha256

GENESIS = bytes(32)
VERSION = 1
KEY_CHANGED = "trail-key-changed"
ROLLED_BACK = "rollback-accepted"
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode
"""One spelling for one value: compact JSON, keys sorted."""


class Bad(Exception):
    """What is wrong, which kind of change it is, and the first entry it touches."""

    def __init__(self, seq: int, kind: str, problem: str) -> None:
        super().__init__(problem)
        self.seq, self.kind, self.problem = seq, kind, problem

    def __reduce__(self) -> tuple[type[Bad], tuple[int, str, str]]:
        return Bad, (self.seq, self.kind, self.problem)


def leaf_of(salt: bytes, name: str, value: str) -> bytes:
    """SHA-256(0x00 || salt || ["name",value]); `value` is canonical JSON already."""
    return sha256(b"\x00" + salt + f"[{_name(name)},{value}]".encode("utf-8", "surrogatepass"))


@lru_cache(4096)
def _name(name: str) -> str:
    return encode(name)


def entry_bytes(seq: int, day: str, event: str, action: str, policy_version: str, fields_root: bytes) -> bytes:
    """What chain and tree cover, as canonical JSON: the final format of an entry."""
    return encode(
        {
            "v": VERSION, "seq": seq, "day": day, "event": event, "action": action,
            "policy_version": policy_version, "fields_root": fields_root.hex(),
        }
    ).encode()  # fmt: skip


def link(previous_chain: bytes, written: bytes) -> bytes:
    """The chain value of an entry after one with `previous_chain`."""
    return sha256(previous_chain + written)


class Field(NamedTuple):
    """One field that is there. `salt` is empty where it is sealed and this program cannot open it."""

    position: int
    name: str
    layer: str
    salt: bytes
    value: str
    trouble: str = ""
    """Why a sealed field cannot be opened although there is a key file."""


class Record(NamedTuple):
    """One entry as read. `withheld` are fields that exist and were left out of an export."""

    seq: int
    day: str
    event: str
    action: str
    policy_version: str
    leaves: bytes
    fields_root: bytes
    chain: bytes
    fields: tuple[Field, ...] = ()
    withheld: frozenset[int] = frozenset()

    def written(self, seq: int | None = None) -> bytes:
        """What chain and tree cover; as it would be at another place when `seq` is given."""
        number = self.seq if seq is None else seq
        return entry_bytes(number, self.day, self.event, self.action, self.policy_version, self.fields_root)


@dataclass(frozen=True, slots=True)
class KeyChange:
    """An entry that says: from here on another key signs. Both keys have signed it, unless the old one was lost."""

    seq: int
    old: str
    new: str
    signed_by_old: str
    signed_by_new: str


@dataclass(frozen=True, slots=True)
class Rollback:
    """An entry that says: a backup was restored; of `lost_until` entries only the first `kept` came back."""

    seq: int
    kept: int
    lost_until: int


@dataclass(slots=True)
class Chunk:
    """A row of entries, checked by itself."""

    first: int
    first_written: bytes
    first_chain: bytes
    hashes: list[bytes] = field(default_factory=list)
    last: int = 0
    last_chain: bytes = GENESIS
    fields: int = 0
    sealed: int = 0
    withheld: int = 0
    missing: dict[int, int] = field(default_factory=dict)
    """Entry -> bits of the fields that are not there."""
    erased: list[Mapping[str, Any]] = field(default_factory=list)
    changes: list[KeyChange] = field(default_factory=list)
    rollbacks: list[Rollback] = field(default_factory=list)
    watched: bytes = b""
    """The chain value of the entry that was asked for."""
    bad: Bad | None = None


def check_chunk(records: Sequence[Record], *, layers: Mapping[str, str] | None = None, watch: int = 0) -> Chunk:
    """Check a row of entries as far as this can be done without those before it."""
    head = records[0]
    chunk = Chunk(head.seq, head.written(), head.chain, last=head.seq - 1)
    chain = None
    try:
        for place, record in enumerate(records):
            written = record.written()
            _check_place(chunk, record, chain, written, records, place)
            _check_fields(chunk, record, layers if layers is not None else {})
            chunk.hashes.append(leaf_hash(written))
            chunk.last, chunk.last_chain, chain = record.seq, record.chain, record.chain
            if record.seq == watch:
                chunk.watched = record.chain
    except Bad as bad:
        chunk.bad = bad
    return chunk


def _check_place(
    chunk: Chunk, record: Record, chain: bytes | None, written: bytes, records: Sequence[Record], place: int
) -> None:
    wanted = chunk.last + 1
    if record.seq != wanted:
        kind = "deleted" if record.seq > wanted else "inserted"
        raise Bad(wanted, kind, f"entry {wanted} is missing; the next one there is {record.seq}")
    if root_of_joined(record.leaves) != record.fields_root:
        raise Bad(wanted, "edited", f"entry {wanted} was edited: its leaves do not give its root")
    if chain is not None and link(chain, written) != record.chain:
        raise displaced(chain, records[place:])


def displaced(chain: bytes, ahead: Sequence[Record]) -> Bad:
    """Say what happened to an entry that does not follow: perhaps what belongs here stands further down."""
    record = ahead[0]
    chains = {one.chain for one in ahead}
    for other in ahead[1:]:
        if link(chain, other.written(record.seq)) not in chains:
            continue
        kind = "inserted" if other.seq == record.seq + 1 else "reordered"
        what = "was put in before what"
        if kind == "reordered":
            what = f"changed places with entry {other.seq}, which"
        return Bad(record.seq, kind, f"entry {record.seq} {what} belongs there")
    what = "its chain value does not follow from the one before"
    return Bad(record.seq, "edited", f"entry {record.seq} was edited, inserted or moved: {what}")


def _check_fields(chunk: Chunk, record: Record, layers: Mapping[str, str]) -> None:
    leaves = split_leaves(record.leaves)
    there = 0
    for one in record.fields:
        if not 0 <= one.position < len(leaves):
            what = f"entry {record.seq} has a value too many: {one.name!r} was inserted"
            raise Bad(record.seq, "inserted", what)
        there |= 1 << one.position
        _check_field(chunk, record, one, leaves[one.position], layers)
    for position in record.withheld:
        there |= 1 << position
    chunk.fields += len(record.fields)
    chunk.withheld += len(record.withheld)
    gone = ~there & ((1 << len(leaves)) - 1)
    if gone:
        chunk.missing[record.seq] = gone
    if record.event == KEY_CHANGED:
        chunk.changes.append(_key_change(record))
    if record.event == ROLLED_BACK:
        lost = [json.loads(one.value) for one in record.fields if one.name == "lost-until" and one.salt]
        chunk.rollbacks += [Rollback(record.seq, record.seq - 1, int(each)) for each in lost]


def _check_field(chunk: Chunk, record: Record, one: Field, leaf: bytes, layers: Mapping[str, str]) -> None:
    if one.trouble:
        raise Bad(record.seq, "edited", f"field {one.name!r} of entry {record.seq} cannot be opened: {one.trouble}")
    if not one.salt:
        chunk.sealed += 1
        return
    if leaf_of(one.salt, one.name, one.value) != leaf:
        raise Bad(record.seq, "edited", f"field {one.name!r} of entry {record.seq} was edited")
    wanted = layers.get(one.name, one.layer)
    if wanted != one.layer:
        raise Bad(record.seq, "edited", f"field {one.name!r} of entry {record.seq} was moved to layer {one.layer}")
    if one.name == "erased" and record.event == "erased":
        chunk.erased.append(json.loads(one.value))


def split_leaves(leaves: bytes) -> list[bytes]:
    """The leaf hashes one by one."""
    return [leaves[at : at + HASH_OCTETS] for at in range(0, len(leaves), HASH_OCTETS)]


def _key_change(record: Record) -> KeyChange:
    found = {one.name: json.loads(one.value) for one in record.fields if one.salt}
    names = ("key-old", "key-new", "signature-old", "signature-new")
    old, new, by_old, by_new = (str(found.get(name, "")) for name in names)
    return KeyChange(record.seq, old, new, by_old, by_new)


def numbers(text: str | Sequence[int]) -> Iterator[int]:
    """Give the numbers of `1-3,7`, or of a list."""
    if not isinstance(text, str):
        yield from text
        return
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
