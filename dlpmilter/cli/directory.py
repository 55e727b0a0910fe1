# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter directory`: check the file of people, ask about one address, make hashes, read LDAP.

Never prints a private address: of those it says how many there are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlpmilter.cli.office import config_option, end, json_option

if TYPE_CHECKING:
    from dlpmilter.config import Config
    from dlpmilter.facts.hashes import Hashes

EXIT_NOT_FINE = 1
EXIT_CONFIG = 2


@click.group()
def command() -> None:
    """Say who works here."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def check(file: Path, *, as_json: bool) -> None:
    """Read FILE (CSV) and say everything that is wrong with it; exit 2 then."""
    from dlpmilter.config import ConfigError
    from dlpmilter.facts.directory import People
    from dlpmilter.facts.hashes import Hashes

    try:
        people = People.load(file, Hashes(), keyed=False)
    except ConfigError as error:
        if as_json:
            rows = [
                {"file": each.file, "place": each.key, "problem": each.what, "fix": each.fix} for each in error.problems
            ]
            click.echo(json.dumps({"ok": False, "problems": rows}, ensure_ascii=False))
            sys.exit(EXIT_CONFIG)
        end(EXIT_CONFIG, "\n".join(str(problem) for problem in error.problems))
    if as_json:
        click.echo(json.dumps({"ok": True, "rows": len(people)}))
    else:
        click.echo(f"{file}: {len(people)} mailboxes, no mistake.")


@command.command()
@click.argument("address")
@config_option
@json_option
def show(address: str, file: Path, *, as_json: bool) -> None:
    """Say what the directory knows of ADDRESS: whose it is, the names, the groups. Exit 1 when it is nobody's."""
    from dlpmilter.config import ConfigError
    from dlpmilter.facts.directory import People
    from dlpmilter.facts.people_csv import normal_address
    from dlpmilter.model.address import AddressError

    config, hashes = _loaded(file)
    if config.directory.file is None:
        end(EXIT_CONFIG, f"{file} names no file of people; [directory] in deploy/dlpmilter.toml shows how.")
    try:
        people = People.load(config.directory.file, hashes)
        entry = people.entry(normal_address(address))
    except ConfigError as error:
        end(EXIT_CONFIG, "\n".join(str(problem) for problem in error.problems))
    except AddressError as error:
        end(EXIT_CONFIG, f"{address!r} is not a mail address: {error}.")
    if entry is None:
        click.echo(json.dumps({"known": False}) if as_json else f"{address} is nobody's address in the directory.")
        sys.exit(EXIT_NOT_FINE)
    known = entry._asdict() | {"matched_names": people.names(entry.address), "locals": people.locals(entry.address)}
    if as_json:
        click.echo(json.dumps({"known": True} | known, ensure_ascii=False))
        return
    for name, value in known.items():
        text = ", ".join(value) if isinstance(value, tuple) else str(value)
        click.echo(f"{name.replace('_', ' '):<14} {text or '-'}")


@command.command("hash")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@config_option
def hash_(addresses: tuple[str, ...], file: Path) -> None:
    """Print each private ADDRESS as a keyed hash for the column `private`; - reads them from stdin."""
    from dlpmilter.engine.canonical import canonical_address
    from dlpmilter.facts.hashes import written
    from dlpmilter.facts.people_csv import normal_address
    from dlpmilter.model.address import AddressError

    _, hashes = _loaded(file)
    for text in sys.stdin if addresses == ("-",) else addresses:
        try:
            click.echo(written(hashes.of(canonical_address(normal_address(text.strip())))))
        except AddressError as error:
            end(EXIT_CONFIG, f"{text.strip()!r} is not a mail address: {error}.")


@command.command()
@config_option
@click.option("--force", is_flag=True, help="Replace the file also when the server has far fewer people.")
@json_option
def sync(file: Path, *, force: bool, as_json: bool) -> None:
    """Read the LDAP server of [directory.ldap] and replace the file of people in one piece."""
    from dlpmilter.config import ConfigError, load_config
    from dlpmilter.facts.ldap_sync import SyncError
    from dlpmilter.facts.ldap_sync import sync as read

    try:
        directory = load_config(file).directory
        if directory.ldap is None or directory.file is None:
            end(EXIT_CONFIG, f"{file} has no [directory.ldap]; deploy/dlpmilter.toml shows it with an example.")
        done = read(directory.ldap, directory.file, force=force)
    except ConfigError as error:
        end(EXIT_CONFIG, "\n".join(str(problem) for problem in error.problems))
    except SyncError as error:
        end(75, str(error))
    if as_json:
        click.echo(json.dumps({"rows": done.rows, "before": done.before, "skipped": done.skipped}))
    else:
        click.echo(f"{directory.file}: {done.rows} mailboxes ({done.before} before); {done.skipped} entries skipped.")


def _loaded(file: Path) -> tuple[Config, Hashes]:
    from dlpmilter.config import ConfigError, load_config
    from dlpmilter.facts.hashes import Hashes
    from dlpmilter.storage.keys import Keyring

    try:
        config = load_config(file)
        return config, Hashes.of_keyring(Keyring.load(config.key_file))
    except ConfigError as error:
        end(EXIT_CONFIG, "\n".join(str(problem) for problem in error.problems))
