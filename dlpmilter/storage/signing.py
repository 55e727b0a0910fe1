# SPDX-License-Identifier: Apache-2.0
"""The key that signs checkpoints of the trail (Ed25519, RFC 8032). Never stored in the database, never printed.

It has a file of its own, or is derived from the key file. Whoever writes the database does not need it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from dlpmilter.config import ConfigError, Problem
from dlpmilter.storage.keys import Keyring, content_of

if TYPE_CHECKING:
    from pathlib import Path

_PURPOSE = "trail-signing"
KEY = "trail.key_file"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One private key; `public` are the 32 octets others check with."""

    public: bytes
    _private: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """64 octets."""
        return self._private.sign(message)


def signing_keys(keyring: Keyring, place: str) -> tuple[SigningKey, ...]:
    """The key that signs now, and those that signed before and are still there.

    `place` is a file, `env:NAME` or `credential:NAME` with one or more keys in PEM, the current one first;
    "" takes keys derived from the key file, so that a rotation there rotates this key too. Raises ConfigError.
    """
    if not place:
        seeds = keyring.derive_all(_PURPOSE)
        return tuple(_key(Ed25519PrivateKey.from_private_bytes(each)) for each in seeds)
    text = content_of(place, KEY)
    mark = "-----END PRIVATE KEY-----"
    blocks = [part + mark for part in text.split(mark) if "-----BEGIN PRIVATE KEY-----" in part]
    keys = [_read(place, each) for each in blocks]
    if not keys:
        raise ConfigError([_no_key(place)])
    return tuple(keys)


def _read(place: str, block: str) -> SigningKey:
    try:
        key = load_pem_private_key(block[block.index("-----BEGIN") :].encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError([_no_key(place)]) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError([_no_key(place)])
    return _key(key)


def _no_key(place: str) -> Problem:
    fix = "`dlpmilter audit new-key FILE` makes one; older keys may follow behind the current one."
    return Problem(place, KEY, "holds no Ed25519 key in PEM.", fix)


def _key(private: Ed25519PrivateKey) -> SigningKey:
    return SigningKey(private.public_key().public_bytes_raw(), private)


def new_signing_key(path: Path, earlier: str = "") -> SigningKey:
    """Write a fresh key to `path` (mode 0600), keys that signed before behind it. Never overwrites: FileExistsError."""
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode() + earlier
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return _key(key)
