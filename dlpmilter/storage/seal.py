# SPDX-License-Identifier: Apache-2.0
"""Short texts that only their owner may read again, sealed with the keyring. Never opens one for another context."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from dlpmilter.storage.keys import Keyring

_PURPOSE = "sealed text"
_NONCE = 12
_VERSION = b"\x01"


class SealBroken(Exception):
    """No key of the keyring opens this, or it belongs to another context."""


def seal(keyring: Keyring, text: str, context: str) -> bytes:
    """The text under the current key (AES-256-GCM, fresh nonce); `context` must be given again to open it."""
    nonce = secrets.token_bytes(_NONCE)
    return _VERSION + nonce + AESGCM(keyring.derive(_PURPOSE)).encrypt(nonce, text.encode(), context.encode())


def unseal(keyring: Keyring, sealed: bytes, context: str) -> str:
    """The text again. Raises SealBroken."""
    if sealed[:1] == _VERSION:
        nonce, rest = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        for key in keyring.derive_all(_PURPOSE):
            try:
                return AESGCM(key).decrypt(nonce, rest, context.encode()).decode()
            except (InvalidTag, ValueError):
                continue
    raise SealBroken("no key of the key file opens this entry; add the old key there as [[previous]]")
