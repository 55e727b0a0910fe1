# SPDX-License-Identifier: Apache-2.0
"""The folder of indexes: which registers there are, with which key each opens. Never holds a key in a file.

`NAME.reg` is a registered table, `documents.fp` holds the fingerprints of all registered documents.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpmilter.registers.documents import Documents
from dlpmilter.registers.errors import IndexUnusable, RegisterError
from dlpmilter.registers.index_file import describe
from dlpmilter.registers.match import Register

if TYPE_CHECKING:
    from dlpmilter.storage.keys import Keyring

SUFFIX = ".reg"
DOCUMENTS = "documents.fp"
OWNERS = ("own", "licensed")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Opened:
    """All registered data, ready for matching. `close` gives the mappings back."""

    registers: tuple[Register, ...] = ()
    documents: Documents | None = None

    def close(self) -> None:
        """Close everything."""
        for register in self.registers:
            register.close()
        if self.documents is not None:
            self.documents.close()


def register_path(folder: Path, name: str) -> Path:
    """Where the index of a register stands. Raises RegisterError when the name cannot be one."""
    if not _NAME.fullmatch(name):
        raise RegisterError(
            f"{name!r} cannot be the name of a register: use up to 63 of a-z, 0-9, dot, dash and underscore."
        )
    return folder / f"{name}{SUFFIX}"


def prepare(folder: Path) -> None:
    """Make the folder, for its owner only. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def sealing(keyring: Keyring, purpose: str) -> tuple[bytes, dict[str, Any]]:
    """The key of a new index, and what its description says about key and day."""
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    return keyring.derive(purpose), {"key": keyring.id, "made": today}


def register_purpose(name: str) -> str:
    """What the key of a register is derived for."""
    return f"register {name}"


DOCUMENTS_PURPOSE = "document fingerprints"


def key_of(path: Path, keyring: Keyring, purpose: str) -> bytes:
    """The key that opens this index. Raises IndexUnusable naming the key that is wanted."""
    wanted = describe(path).get("key")
    if not isinstance(wanted, str) or wanted not in keyring.keys:
        raise IndexUnusable(
            f"{path}: was sealed with the key {wanted!r}, which is not in the key file. "
            "Add that key there as [[previous]], or register the data again."
        )
    return replace(keyring, id=wanted).derive(purpose)


def index_files(folder: Path) -> list[Path]:
    """The indexes of registered tables, by name. A folder that is not there holds none."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))


def open_register(path: Path, keyring: Keyring, *, verify: bool = True) -> Register:
    """Open one register. Raises IndexUnusable."""
    return Register(path, key_of(path, keyring, register_purpose(path.name.removesuffix(SUFFIX))), verify=verify)


def open_all(folder: Path, keyring: Keyring, *, verify: bool = True) -> Opened:
    """Open all registers and the documents. Raises IndexUnusable for the first that cannot be used."""
    with contextlib.ExitStack() as stack:
        registers = []
        for path in index_files(folder):
            register = open_register(path, keyring, verify=verify)
            stack.callback(register.close)
            registers.append(register)
        documents = open_documents(folder, keyring, verify=verify)
        stack.pop_all()
    return Opened(tuple(registers), documents)


def open_documents(folder: Path, keyring: Keyring, *, verify: bool = True) -> Documents | None:
    """Open the fingerprints of documents; None when no document is registered. Raises IndexUnusable."""
    path = folder / DOCUMENTS
    if not path.exists():
        return None
    return Documents(path, key_of(path, keyring, DOCUMENTS_PURPOSE), verify=verify)


def documents_sealing(folder: Path, keyring: Keyring) -> tuple[bytes, dict[str, Any]]:
    """As `sealing`; fingerprints that are there already keep their key, because they cannot be computed anew."""
    key, told = sealing(keyring, DOCUMENTS_PURPOSE)
    path = folder / DOCUMENTS
    if path.exists():
        key = key_of(path, keyring, DOCUMENTS_PURPOSE)
        told["key"] = describe(path)["key"]
    return key, told


def listed(folder: Path) -> Iterator[tuple[Path, dict[str, Any] | IndexUnusable]]:
    """Each index with its description, or why it cannot be read."""
    for path in index_files(folder):
        try:
            yield path, describe(path)
        except IndexUnusable as error:
            yield path, error


def share(register_rows: int, seen_rows: Collection[int] | Sequence[int]) -> float:
    """Which share of a register is in `seen_rows` (row numbers, doubles count once): 0..1."""
    if register_rows <= 0:
        return 0.0
    return min(1.0, len({row for row in seen_rows if 0 <= row < register_rows}) / register_rows)
