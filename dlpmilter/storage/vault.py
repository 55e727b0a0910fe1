# SPDX-License-Identifier: Apache-2.0
"""The vault: personal fields of the trail, sealed under one key a case. Never opens one in another place.

The salt of a field is sealed with it: with an open salt an address could be guessed from its leaf.
A case's key lies wrapped under the key file; once it is deleted, what it sealed is gone for good.
"""

from __future__ import annotations

import contextlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, delete, select

from dlpmilter.storage import fast
from dlpmilter.storage.keys import KEY_OCTETS, KeyMissing, Keyring
from dlpmilter.storage.tables import EPOCH, MICROSECOND
from dlpmilter.storage.trail_tables import vault_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

OPEN, WITHHELD, RELEASED = "open", "withheld", "released"
"""What became of a case, as far as it says how long its personal fields are kept."""

Cipher = AESGCM
BESIDE = "~"
"""Stands between the name of a case and the id of a key file that could not open its first key."""
_NONCE = 12
_SALT = 32
_CACHED = 4096
_SUBJECT = "trail-subject"
_ADDRESS = re.compile(r'"((?:[^"\\\s@]|\\.)+@(?:[^"\\\s@])+)"')

# One statement that finds the key and notes when its case was last spoken of; a release outweighs a refusal.
_USE = (
    "UPDATE vault_keys SET outcome_at = CASE WHEN outcome_at < ? THEN ? ELSE outcome_at END, "
    "outcome = CASE WHEN ? = 'open' OR outcome = 'released' THEN outcome ELSE ? END "
    "WHERE scope = ? RETURNING key_id, wrapped_key"
)
_FIND = "SELECT key_id, wrapped_key FROM vault_keys WHERE scope = ?"
_NEW = (
    "INSERT INTO vault_keys (scope, key_id, wrapped_key, created_at, outcome, outcome_at, kept_for) "
    "VALUES (?, ?, ?, ?, ?, ?, '')"
)


class VaultBroken(Exception):
    """A sealed field that no key opens: it was edited or moved, or its key is gone. The text says which."""


class Vault:
    """Seals and opens with the keys of one key file; belongs to the connections of one Database."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._index = keyring.derive_all(_SUBJECT)
        self._opened: dict[bytes, AESGCM] = {}

    def sealer(self, conn: Connection, scope: str, outcome: str, at: datetime) -> tuple[str, AESGCM]:
        """The key of this case for one more entry, with its name; made when there is none.

        Where the key there is cannot be opened (the key file was lost and made anew) another one stands beside it:
        what it sealed stays unreadable, and mail goes on.
        """
        moment = (at - EPOCH) // MICROSECOND
        for key_id, wrapped in fast.rows(conn, _USE, moment, moment, outcome, outcome, scope):
            try:
                return scope, self._cipher(key_id, wrapped)
            except KeyMissing:
                if BESIDE in scope:
                    raise
                return self.sealer(conn, f"{scope}{BESIDE}{self._keyring.id}", outcome, at)
        key = secrets.token_bytes(KEY_OCTETS)
        wrapped = self._keyring.wrap(key)
        fast.run(conn, _NEW, scope, self._keyring.id, wrapped, moment, outcome, moment)
        return scope, self._remember(wrapped, AESGCM(key))

    def openers(self, conn: Connection, scopes: Sequence[str]) -> dict[str, AESGCM | str]:
        """The key of each of these cases for reading, or a sentence why there is none."""
        query = select(vault_keys.c.scope, vault_keys.c.key_id, vault_keys.c.wrapped_key)
        found: dict[str, AESGCM | str] = {each: f"the key of {each} is gone" for each in scopes}
        for scope, key_id, wrapped in conn.execute(query.where(vault_keys.c.scope.in_(scopes))).all():
            try:
                found[scope] = self._cipher(key_id, wrapped)
            except KeyMissing as error:
                found[scope] = str(error)
        return found

    def secret(self, conn: Connection, scope: str) -> bytes | None:
        """The key of that name itself, or the one beside it; None when both are gone or cannot be opened."""
        for name in (scope, f"{scope}{BESIDE}{self._keyring.id}"):
            for key_id, wrapped in fast.rows(conn, _FIND, name):
                with contextlib.suppress(KeyMissing):
                    return self._keyring.unwrap(key_id, wrapped)
        return None

    def subjects(self, value: str) -> set[bytes]:
        """The keyed hash of each address in a value (canonical JSON), under the current key."""
        return {self.subject(each) for each in _ADDRESS.findall(value)}

    def subject(self, address: str) -> bytes:
        """The keyed hash under which an address is found again, whatever its case."""
        return hmac.digest(self._index[0], address.lower().encode("utf-8", "surrogatepass"), "sha256")[:16]

    def subjects_ever(self, address: str) -> list[bytes]:
        """That hash under every key of the key file: what was written before a rotation is found too."""
        data = address.lower().encode("utf-8", "surrogatepass")
        return [hmac.digest(key, data, "sha256")[:16] for key in self._index]

    def _cipher(self, key_id: str, wrapped: bytes) -> AESGCM:
        return self._opened.get(wrapped) or self._remember(wrapped, AESGCM(self._keyring.unwrap(key_id, wrapped)))

    def _remember(self, wrapped: bytes, cipher: AESGCM) -> AESGCM:
        if len(self._opened) >= _CACHED:
            self._opened.clear()
        self._opened[wrapped] = cipher
        return cipher


def seal(cipher: AESGCM, place: tuple[int, int, str], salt: bytes, value: str) -> bytes:
    """Salt and value of the field at (entry, position, name), readable only there."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + cipher.encrypt(nonce, salt + value.encode("utf-8", "surrogatepass"), _context(place))


def unseal(cipher: AESGCM, place: tuple[int, int, str], sealed: bytes) -> tuple[bytes, str]:
    """What `seal` sealed there. Raises VaultBroken."""
    try:
        clear = cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _context(place))
    except (InvalidTag, ValueError):
        raise VaultBroken(f"field {place[2]!r} of entry {place[0]} was edited or moved") from None
    return clear[:_SALT], clear[_SALT:].decode("utf-8", "surrogatepass")


def _context(place: tuple[int, int, str]) -> bytes:
    return f"{place[0]}|{place[1]}|{place[2]}".encode()


def vault_of(conn: Connection) -> Vault | None:
    """The vault that belongs to this connection; None for a program that has no key file."""
    found = conn.info.get("vault")
    return found if isinstance(found, Vault) else None


def destroy(conn: Connection, scopes: Iterable[str]) -> None:
    """Delete keys: what they sealed can never be read again, not even from a copy of these rows made later."""
    rows = [{"gone": each} for each in scopes]
    if rows:
        conn.execute(delete(vault_keys).where(vault_keys.c.scope == bindparam("gone")), rows)
