# SPDX-License-Identifier: Apache-2.0
"""Keys and signed checkpoints as text (C2SP signed-note, tlog-checkpoint). Never signs.

Part of the single-file verifier (single_file.py): imports nothing of the product but its other parts.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from dlpmilter.audit.merkle import HASH_OCTETS, sha256
from dlpmilter.audit.record import KeyChange  # noqa: TC001 - no type-checking block in the single file

ED25519 = b"\x01"
"""The algorithm octet of C2SP signed-note."""
_NOTE = re.compile(
    r"(?m)^(\S.*\n\d{1,18}\n[A-Za-z0-9+/]{43}=\n(?:[^\n]+\n)*)\n((?:\u2014 \S+ [A-Za-z0-9+/=]+(?:\n|\Z))+)"
)


@dataclass(frozen=True, slots=True)
class Key:
    """A public key with the name it signs under (C2SP signed-note verifier key)."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four octets that stand in front of a signature."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public)[:4]

    @property
    def text(self) -> str:
        """NAME+ID+KEY, as it is handed to an auditor."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made the signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def parse_key(text: str) -> Key:
    """The key of NAME+ID+KEY. Raises ValueError."""
    name, _, rest = text.strip().partition("+")
    identity, _, data = rest.partition("+")
    try:
        octets = base64.b64decode(data, validate=True)
    except binascii.Error:
        octets = b""
    key = Key(name, octets[1:])
    if octets[:1] != ED25519 or len(octets) != 1 + HASH_OCTETS or key.id.hex() != identity:
        what = f"{text.strip()[:80]!r} is not a key"
        raise ValueError(f"{what}: write it as `dlpmilter audit key` prints it, NAME+ID+KEY")
    return key


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed checkpoint: so many entries, this root."""

    text: str
    origin: str
    size: int
    root: bytes
    time: str
    signatures: tuple[tuple[str, bytes, bytes], ...]
    """Name, key id, signature."""

    @property
    def note(self) -> str:
        """The note as it was signed and sent out."""
        return f"{self.text}\n" + "".join(signature_line(*each) for each in self.signatures)

    def signed_by(self, keys: Iterable[Key]) -> Key | None:
        """The first of these keys whose signature stands under it."""
        for key in keys:
            for name, identity, signature in self.signatures:
                if name == key.name and identity == key.id and key.verifies(signature, self.text.encode()):
                    return key
        return None


def signature_line(name: str, key_id: bytes, signature: bytes) -> str:
    """The line under a note that carries a signature."""
    return f"\u2014 {name} {base64.b64encode(key_id + signature).decode()}\n"


def checkpoint_text(origin: str, size: int, root: bytes, time: str) -> str:
    """What is signed: origin, size, root, and when (an extension line)."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\ntime {time}\n"


def parse_checkpoints(text: str) -> list[Checkpoint]:
    """Every note in a text, whatever stands around it (a mail, a log of notes)."""
    found = []
    for match in _NOTE.finditer(text.replace("\r\n", "\n")):
        origin, size, root, *more = match[1].splitlines()
        time = next((each.removeprefix("time ") for each in more if each.startswith("time ")), "")
        signatures = []
        for line in match[2].splitlines():
            _, name, data = line.split(" ")
            try:
                octets = base64.b64decode(data, validate=True)
            except binascii.Error:
                continue
            signatures.append((name, octets[:4], octets[4:]))
        root_octets = base64.b64decode(root)
        found.append(Checkpoint(match[1], origin, int(size), root_octets, time, tuple(signatures)))
    return found


def change_text(old: str, new: str) -> str:
    """What both keys sign when one follows the other."""
    return f"dlpmilter trail key\n{old}\n{new}\n"


def believed(given: Sequence[Key], changes: Sequence[KeyChange]) -> dict[str, Key]:
    """The given keys and all that follow from them by changes that both keys signed."""
    keys = {key.text: key for key in given}
    grown = True
    while grown:
        grown = False
        for change in changes:
            if (change.old in keys) == (change.new in keys) or not both_signed(change):
                continue
            more = parse_key(change.new if change.old in keys else change.old)
            keys[more.text], grown = more, True
    return keys


def both_signed(change: KeyChange) -> bool:
    """Whether the old key and the new one have signed that one follows the other."""
    message = change_text(change.old, change.new).encode()
    try:
        pairs = [(parse_key(change.old), change.signed_by_old), (parse_key(change.new), change.signed_by_new)]
        return all(key.verifies(base64.b64decode(signature), message) for key, signature in pairs)
    except (ValueError, binascii.Error):
        return False
