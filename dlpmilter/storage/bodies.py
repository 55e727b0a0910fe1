# SPDX-License-Identifier: Apache-2.0
"""Held mail, sealed: AES-256-GCM in chunks of 256 KB under a key of its own. Never plain on disk.

The key of a mail is wrapped under the key-encryption key (RFC 3394) and stands in one row: without
that row the chunks are garbage. Each chunk is bound to its body, its place and whether it is the
last one, so cutting, swapping or mixing chunks is seen.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dlpmilter.spill import CHUNK, MessageBytes
from dlpmilter.storage import body_rows
from dlpmilter.storage.body_rows import KeyRow
from dlpmilter.storage.keys import KeyMissing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring

BATCH = 4
"""Chunks in one write: keeps transactions short while a big body is stored."""

ORPHAN_AGE = timedelta(hours=24)


class BodyError(Exception):
    """The body cannot be given back as it was stored; the text says why."""


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A sealed body that does not count yet: `BodyStore.keep` makes it count.

    `pending` are sealed chunks that ride in the transaction of `keep`: a small mail then costs one
    durable commit, not two.
    """

    id: str
    key_id: str
    wrapped_key: bytes
    octets: int
    chunks: int
    sha256: bytes
    pending: tuple[bytes, ...] = field(default=(), repr=False)


class BodyStore:
    """Seals into and opens from one database."""

    def __init__(self, database: Database, keyring: Keyring, *, spool: Path | None = None) -> None:
        self.database = database
        self.keyring = keyring
        self._spool = spool

    async def put(self, message: MessageBytes) -> StoredBody:
        """Seal `message` and store its chunks. Raises TemporaryFailure; what was stored is swept later."""
        body_id = secrets.token_hex(16)
        key = AESGCM.generate_key(bit_length=256)
        digest = hashlib.sha256()
        sealed: list[bytes] = []
        stored = 0
        chunks = _with_final(message.chunks(CHUNK))
        while batch := await _next_batch(chunks, key, body_id, stored, digest, large=message.size > CHUNK):
            sealed = batch
            if message.size > CHUNK:
                await self._store(body_id, stored, batch)
            stored += len(batch)
        return StoredBody(
            id=body_id,
            key_id=self.keyring.id,
            wrapped_key=self.keyring.wrap(key),
            octets=message.size,
            chunks=stored,
            sha256=digest.digest(),
            pending=() if message.size > CHUNK else tuple(sealed),
        )

    async def _store(self, body_id: str, first: int, batch: list[bytes]) -> None:
        now = datetime.now(UTC)
        await self.database.write(lambda conn: body_rows.add_chunks(conn, body_id, first, batch, now))

    def keep(self, conn: Connection, stored: StoredBody) -> None:
        """Make the body count, inside the caller's transaction."""
        now = datetime.now(UTC)
        body_rows.add_chunks(conn, stored.id, 0, stored.pending, now)
        row = KeyRow(stored.id, stored.key_id, stored.wrapped_key, stored.octets, stored.chunks, stored.sha256)
        body_rows.add_key(conn, row, now)

    async def get(self, body_id: str) -> MessageBytes:
        """The exact octets that were put. Raises BodyError, TemporaryFailure. The caller closes it."""
        row = await self.database.read(lambda conn: body_rows.key_of(conn, body_id))
        if row is None:
            raise BodyError("there is no such body: it was deleted, or never stored completely")
        try:
            key = AESGCM(self.keyring.unwrap(row.key_id, row.wrapped_key))
        except KeyMissing as error:
            raise BodyError(str(error)) from None
        message = MessageBytes(self._spool)
        try:
            for first in range(0, row.chunks, BATCH):
                batch = await self._read(body_id, first)
                await asyncio.to_thread(_open_batch, message, key, row, first, batch)
            if message.size != row.octets:
                raise BodyError(f"the body has {message.size} octets, stored were {row.octets}")
        except BaseException:
            message.close()
            raise
        return message

    async def _read(self, body_id: str, first: int) -> list[bytes]:
        return await self.database.read(lambda conn: body_rows.chunks_of(conn, body_id, first, BATCH))

    def digest(self, conn: Connection, body_id: str) -> bytes | None:
        """The SHA-256 of the octets that were put; None when they are gone."""
        row = body_rows.key_of(conn, body_id)
        return None if row is None else row.sha256

    def purge(self, conn: Connection, body_id: str) -> bool:
        """Delete key and chunks inside the caller's transaction; whether there was something."""
        return body_rows.remove(conn, body_id)

    def sweep_orphans(self, conn: Connection, now: datetime) -> int:
        """Delete chunks without a key row that are older than a day; returns how many bodies."""
        return body_rows.remove_orphans(conn, now - ORPHAN_AGE)


def _with_final(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    current = next(chunks, b"")
    for following in chunks:
        yield current, False
        current = following
    yield current, True


async def _next_batch(
    chunks: Iterator[tuple[bytes, bool]], key: bytes, body_id: str, first: int, digest: hashlib._Hash, *, large: bool
) -> list[bytes]:
    if large:  # a thread hop costs more than sealing a small mail
        return await asyncio.to_thread(_seal_batch, chunks, key, body_id, first, digest)
    return _seal_batch(chunks, key, body_id, first, digest)


def _seal_batch(
    chunks: Iterator[tuple[bytes, bool]], key: bytes, body_id: str, first: int, digest: hashlib._Hash
) -> list[bytes]:
    cipher = AESGCM(key)
    sealed: list[bytes] = []
    for plain, final in chunks:
        index = first + len(sealed)
        digest.update(plain)
        sealed.append(cipher.encrypt(_nonce(index), plain, _bound(body_id, index, final=final)))
        if len(sealed) == BATCH:
            break
    return sealed


def _open_batch(message: MessageBytes, key: AESGCM, row: KeyRow, first: int, batch: list[bytes]) -> None:
    wanted = min(BATCH, row.chunks - first)
    if len(batch) < wanted:
        raise BodyError(f"chunk {first + len(batch)} of {row.chunks} is missing")
    for index, sealed in enumerate(batch[:wanted], first):
        final = index == row.chunks - 1
        try:
            message.write(key.decrypt(_nonce(index), sealed, _bound(row.body_id, index, final=final)))
        except InvalidTag:
            raise BodyError(f"chunk {index} of {row.chunks} was changed, moved or cut") from None


def _nonce(index: int) -> bytes:
    """A counter is safe here: each key seals one body, once (NIST SP 800-38D section 8.2.1)."""
    return index.to_bytes(12, "big")


def _bound(body_id: str, index: int, *, final: bool) -> bytes:
    return b"%s|%d|%d" % (body_id.encode(), index, final)
