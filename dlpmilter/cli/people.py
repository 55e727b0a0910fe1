# SPDX-License-Identifier: Apache-2.0
"""Who works here, for commands that judge without a running hop. Never reads the database, never needs the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dlpmilter.config import Config
    from dlpmilter.facts.hashes import Hashes
    from dlpmilter.model.facts import Directory


def read_directory(file: Path | None, config: Config | None, warn: Callable[[str], None]) -> Directory:
    """The people of `file`, else of the configuration, else nobody. Raises ConfigError.

    Hashed private addresses count when the key can be read; else `warn` hears how many do not.
    """
    from dlpmilter.facts.directory import People
    from dlpmilter.model.facts import Nobody

    path = file or (config.directory.file if config is not None else None)
    if path is None or (file is None and not path.exists()):
        return Nobody()
    hashes = _hashes(config)
    people = People.load(path, hashes, keyed=any(hashes.keys))
    if people.unreadable:
        warn(f"{path}: {people.unreadable} hashed private addresses are not compared: they need --config and its key.")
    return people


def _hashes(config: Config | None) -> Hashes:
    from dlpmilter.config import ConfigError
    from dlpmilter.facts.hashes import Hashes
    from dlpmilter.storage.keys import Keyring

    if config is None:
        return Hashes()
    try:
        return Hashes.of_keyring(Keyring.load(config.key_file))
    except ConfigError:  # whoever explains a mail need not be able to read the key
        return Hashes()
