# SPDX-License-Identifier: Apache-2.0
"""Checking the trail in its database, on all processors. Never repairs.

The check itself is the one that auditors run on exports (record.py, checking.py); here it is fed from the rows.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dlpmilter.audit.checking import Check, Result, judge
from dlpmilter.audit.fields import layer_of
from dlpmilter.audit.notes import Checkpoint, parse_checkpoints
from dlpmilter.audit.record import Bad, Chunk, Field, Record, check_chunk
from dlpmilter.storage import checkpoint_rows, trail_rows
from dlpmilter.storage.engines import reader_engine
from dlpmilter.storage.vault import Cipher, Vault, VaultBroken, unseal, vault_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from dlpmilter.audit.notes import Key
    from dlpmilter.storage.keys import Keyring

CHUNK = 4000
MANY = 20_000
"""Below this many entries one process is faster than several."""
BUSY_SECONDS = 10.0


def verify(  # noqa: PLR0913 - what a check can be told
    conn: Connection,
    *,
    keys: Sequence[Key] = (),
    own_keys: Sequence[Key] = (),
    outside: Sequence[Checkpoint] = (),
    expected_head: tuple[int, bytes] | None = None,
    path: Path | None = None,
    keyring: Keyring | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Result:
    """Check everything. `keys` were handed over by somebody, `own_keys` are those of this installation.

    With `path` a big trail is read by several processes. Without the vault sealed fields are only counted.
    """
    own = [one for note in checkpoint_rows.notes(conn) for one in parse_checkpoints(note)]
    until = trail_rows.last(conn)
    several = path is not None and until >= MANY and (os.cpu_count() or 1) > 1

    def once(chunks: Iterator[Chunk | None], check: Check) -> Result:
        return judge(check, _to_the_end(conn, chunks, progress, until), keys, own_keys)

    watch = expected_head[0] if expected_head else 0
    if several and path is not None:
        result = once(_by_several(path, keyring, watch, until), Check(own, outside, expected_head))
        if result.ok:
            return result
        # each process saw its own moment: what was written or erased meanwhile may look like a change, so look again
    alone = (_read(conn, after, until, watch) for after in range(0, until, CHUNK))
    return once(alone, Check(own, outside, expected_head))


def _to_the_end(
    conn: Connection, chunks: Iterator[Chunk | None], progress: Callable[[int, int], None], until: int
) -> Iterator[Chunk]:
    done = 0
    for chunk in chunks:
        if chunk is not None:  # a gap of a whole chunk: the next one says so
            done = chunk.last
            yield chunk
        progress(done, until)
    stray = trail_rows.stray_values(conn)
    if stray is not None:
        raise Bad(stray, "deleted", f"entry {stray} is missing although its fields are there")
    number, chain = trail_rows.head(conn) or (0, b"")
    if number > done:
        raise Bad(done + 1, "truncated", f"entry {done + 1} is missing: the head says there are {number} entries")
    if number < done:
        what = f"entry {number + 1} was inserted: the head says there are {number} entries"
        raise Bad(number + 1, "inserted", what)
    if done and trail_rows.chain_of(conn, done) != chain:
        raise Bad(done, "edited", f"entry {done} or the head was edited: their chain values differ")


def _by_several(path: Path, keyring: Keyring | None, watch: int, until: int) -> Iterator[Chunk | None]:
    context = multiprocessing.get_context("spawn")  # the caller has threads and open connections
    rows = range(0, until, CHUNK)
    with ProcessPoolExecutor(context.cpu_count(), context, initializer=_open, initargs=(path, keyring)) as pool:
        yield from pool.map(_of_worker, rows, [until] * len(rows), [watch] * len(rows))


_workers: list[Connection] = []


def _open(path: Path, keyring: Keyring | None) -> None:
    engine = reader_engine(path, BUSY_SECONDS, 1, Vault(keyring) if keyring is not None else None)
    _workers.append(engine.connect())


def _of_worker(after: int, until: int, watch: int) -> Chunk | None:
    (conn,) = _workers
    with conn.begin():
        return _read(conn, after, until, watch)


def _read(conn: Connection, after: int, until: int, watch: int) -> Chunk | None:
    records = _records(conn, after + 1, min(after + CHUNK, until))
    return check_chunk(records, layers=_Layers(), watch=watch) if records else None


def _records(conn: Connection, first: int, last: int) -> list[Record]:
    entries, values = trail_rows.raw(conn, first, last)
    found = vault_of(conn)
    scopes = sorted({value[5][1:] for value in values if value[5][0] == trail_rows.SEALED})
    ciphers = found.openers(conn, scopes) if found is not None else {}
    fields: dict[int, list[Field]] = {}
    for seq, position, name, layer, salt, value in values:
        if value[0] == trail_rows.SEALED:
            one = _open_field((seq, position, name), layer, salt, ciphers.get(value[1:]))
        else:
            one = Field(position, name, layer, salt, value)
        if (others := fields.get(seq)) is None:
            fields[seq] = [one]
        else:
            others.append(one)
    return [Record._make((*entry, tuple(fields.get(entry[0], ())), frozenset())) for entry in entries]


def _open_field(place: tuple[int, int, str], layer: str, sealed: bytes, cipher: Cipher | str | None) -> Field:
    """A sealed field; without a vault it is only counted."""
    _, position, name = place
    if cipher is None or isinstance(cipher, str):
        return Field(position, name, layer, b"", "", cipher or "")
    try:
        salt, value = unseal(cipher, place, sealed)
    except VaultBroken as error:
        return Field(position, name, layer, b"", "", str(error))
    return Field(position, name, layer, salt, value)


class _Layers(dict[str, str]):
    """The layer each field belongs to, as far as this version knows it."""

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        return _layer(name) or default


@cache
def _layer(name: str) -> str:
    try:
        return layer_of(name).value
    except ValueError:
        return ""  # a name of another version
