# SPDX-License-Identifier: Apache-2.0
"""The key file: key-encryption keys from a file, a systemd credential or the environment.

Never writes a key anywhere but into the new file it was asked for, never prints one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import pwd
import secrets
import stat
import tomllib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from dlpmilter.config import ConfigError, Problem

KEY_OCTETS = 32
MIN_RSA_BITS = 2048
_KNOWN = {"id", "key", "backup_confirmed", "previous"}


class KeyMissing(Exception):
    """No key of the key file opens this body; the text names the key id that is wanted."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The current key and older ones that still open what they once sealed."""

    id: str
    keys: dict[str, bytes] = field(repr=False)
    backup_confirmed: date | None = None

    @classmethod
    def load(cls, key_file: str, *, require_backup: bool = False) -> Keyring:
        """Read `key_file`: a path, `env:NAME` or `credential:NAME` (systemd LoadCredential).

        The content is TOML (`dlpmilter keys new` writes it); from the environment a bare base64 key
        will do. Raises ConfigError with everything that is wrong; with `require_backup` also when
        nobody has confirmed a backup, because without the key every held mail is lost.
        """
        text = content_of(key_file)
        data = _parse(key_file, text)
        problems: list[Problem] = []
        keys = _keys(key_file, data, problems)
        confirmed = _confirmed(key_file, data.get("backup_confirmed"), problems)
        if require_backup and confirmed is None and not problems:
            problems.append(
                Problem(
                    key_file,
                    "backup_confirmed",
                    "nobody has confirmed that this key has a backup; without it held mail cannot be opened again.",
                    'Copy the file to a safe place, try to read it there, then add backup_confirmed = "YYYY-MM-DD".',
                )
            )
        if problems:
            raise ConfigError(problems)
        return cls(next(iter(keys)), keys, confirmed)

    def wrap(self, key: bytes) -> bytes:
        """Seal a message key under the current key (RFC 3394)."""
        return aes_key_wrap(self.keys[self.id], key)

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """Open what `wrap` sealed under `key_id`. Raises KeyMissing."""
        wanted = self.keys.get(key_id)
        if wanted is None:
            raise KeyMissing(f"the key {key_id!r} is not in the key file; add it there as [[previous]]")
        try:
            return aes_key_unwrap(wanted, wrapped)
        except InvalidUnwrap:
            raise KeyMissing(f"the key {key_id!r} in the key file is not the one that sealed this") from None

    def derive(self, purpose: str) -> bytes:
        """A key of 32 octets for one purpose (HKDF-Expand, RFC 5869; our key is uniformly random)."""
        return self.derive_all(purpose)[0]

    def derive_all(self, purpose: str) -> tuple[bytes, ...]:
        """That key of every key in the file, the current one first: what an older one hashed is still found."""
        info = b"dlpmilter " + purpose.encode()
        order = (self.id, *(each for each in self.keys if each != self.id))
        return tuple(HKDFExpand(SHA256(), KEY_OCTETS, info).derive(self.keys[each]) for each in order)


def new_key_file(path: Path) -> str:
    """Write a fresh key to `path` (mode 0600) and return its id. Never overwrites: FileExistsError."""
    key = secrets.token_bytes(KEY_OCTETS)
    key_id = key_id_of(key)
    text = (
        "# dlpmilter key-encryption key. Who has this file and the database can read held mail;\n"
        "# who loses it can never open held mail again. Keep a copy in a safe place, apart from the database backup,\n"
        "# then add the day on which you tried to read that copy:\n"
        '# backup_confirmed = "YYYY-MM-DD"\n'
        f'id = "{key_id}"\n'
        f'key = "{base64.b64encode(key).decode()}"\n'
    )
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return key_id


def key_id_of(key: bytes) -> str:
    """A name for a key that says nothing about it: eight hex digits of its hash."""
    return hashlib.sha256(b"dlpmilter key id" + key).hexdigest()[:8]


def signing_key(place: str) -> tuple[Literal["rsa-sha256", "ed25519-sha256"], bytes]:
    """A private DKIM key (RFC 6376, RFC 8463): its algorithm, and the key as the signer takes it.

    `place` is a path, `env:NAME` or `credential:NAME`; the content is PEM. Raises ConfigError.
    """
    text = content_of(place, "dkim.key_file")
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        fix = "`openssl genrsa 2048` or `openssl genpkey -algorithm ed25519` makes one."
        raise ConfigError([Problem(place, "dkim.key_file", "is not a private key in PEM.", fix)]) from None
    if isinstance(key, Ed25519PrivateKey):
        return "ed25519-sha256", base64.b64encode(key.private_bytes_raw())
    if isinstance(key, RSAPrivateKey) and key.key_size >= MIN_RSA_BITS:
        form = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        return "rsa-sha256", key.private_bytes(*form)
    what = f"is neither an RSA key of {MIN_RSA_BITS} bits or more nor an Ed25519 key."
    raise ConfigError([Problem(place, "dkim.key_file", what, "Smaller keys are refused by receivers (RFC 8301).")])


def secret_text(place: str, key: str) -> str:
    """A secret of one line from a path, `env:NAME` or `credential:NAME`. Raises ConfigError."""
    return content_of(place, key).strip()


def content_of(key_file: str, key: str = "key_file") -> str:
    """What a path, `env:NAME` or `credential:NAME` holds, if only its owner may read it. Raises ConfigError."""
    kind, _, name = key_file.partition(":")
    if kind == "env":
        text = os.environ.get(name)
        if text is None:
            raise ConfigError([Problem(key_file, key, f"the environment variable {name} is not set.")])
        return text
    path = Path(key_file)
    if kind == "credential":
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        if directory is None:
            what = "there is no CREDENTIALS_DIRECTORY: the process was not started by systemd with LoadCredential=."
            fix = f"By hand, name the folder that holds {name}, for example export CREDENTIALS_DIRECTORY=/etc/dlpmilter"
            raise ConfigError([Problem(key_file, key, what, f"{fix}.")])
        path = Path(directory) / name
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([_unreadable(key_file, path, error, key)]) from None
    if kind != "credential" and stat.S_IMODE(mode) & 0o077:
        what = f"can be used by others than its owner (mode {stat.S_IMODE(mode):04o})."
        raise ConfigError([Problem(key_file, key, what, f"Call chmod 600 {key_file}.")])
    return text


def _unreadable(key_file: str, path: Path, error: OSError | UnicodeDecodeError, key: str) -> Problem:
    """Why the file cannot be read. Only where there is none is a new one advised: it would open no held mail."""
    if isinstance(error, UnicodeDecodeError):
        return Problem(key_file, key, "is not a key file: it is not text.", "Restore it from its backup.")
    what = f"cannot be read ({error.strerror})."
    if isinstance(error, FileNotFoundError):
        fix = f"Restore it from its backup; for a first start `dlpmilter keys new {path}` makes one."
        return Problem(key_file, key, what, fix if key == "key_file" else "Name the file that holds the private key.")
    if not isinstance(error, PermissionError):
        return Problem(key_file, key, what)
    what = f"cannot be read by the user {_user(os.geteuid())} ({error.strerror}){_owner(path)}."
    return Problem(key_file, key, what, "Call this as its owner or as root; leave its mode at 0600.")


def _owner(path: Path) -> str:
    try:
        return f"; it belongs to {_user(path.stat().st_uid)}"
    except OSError:
        return f"; the folder {path.parent} is closed"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _parse(key_file: str, text: str) -> dict[str, object]:
    bare = _decode(text.strip())
    if bare is not None:
        return {"key": text.strip()}
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Problem(key_file, "key_file", f"is not valid TOML: {error}.")]) from None


def _decode(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_OCTETS else None


def _keys(key_file: str, data: dict[str, object], problems: list[Problem]) -> dict[str, bytes]:
    known = f"Known are {', '.join(sorted(_KNOWN))}."
    problems += [Problem(key_file, name, "is not a known key.", known) for name in sorted(set(data) - _KNOWN)]
    previous = data.get("previous", [])
    if not isinstance(previous, list) or not all(isinstance(each, dict) for each in previous):
        problems.append(
            Problem(key_file, "previous", "is not a list of tables.", "Write [[previous]] with id and key.")
        )
        previous = []
    keys: dict[str, bytes] = {}
    for place, table in (("", data), *((f"previous.{number}.", each) for number, each in enumerate(previous))):
        key = _decode(table.get("key"))
        if key is None:
            fix = f"It must be {KEY_OCTETS} random octets in base64; `dlpmilter keys new FILE` makes a file."
            problems.append(Problem(key_file, f"{place}key", "is missing or not a key.", fix))
            continue
        name = table.get("id", key_id_of(key))
        if not isinstance(name, str) or not name or name in keys:
            problems.append(Problem(key_file, f"{place}id", "is not a name, or is used twice."))
            continue
        keys[name] = key
    return keys


def _confirmed(key_file: str, value: object, problems: list[Problem]) -> date | None:
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        problems.append(Problem(key_file, "backup_confirmed", f"{value!r} is not a day.", "Write it as YYYY-MM-DD."))
        return None
