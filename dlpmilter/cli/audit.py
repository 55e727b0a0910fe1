# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter audit`: check the trail, sign it, hand out keys. Never edits an entry."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlpmilter.cli.audit_export import export, proof, verifier
from dlpmilter.cli.office import calling_user, config_option, end, json_option, opened, run
from dlpmilter.cli.progress import bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpmilter.audit.checking import Result
    from dlpmilter.audit.notes import Checkpoint, Key
    from dlpmilter.audit.trail import Value
    from dlpmilter.config import Config

_PATH = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Check, sign and export the trail of decisions."""


command.add_command(export)
command.add_command(proof)
command.add_command(verifier)


@command.command()
@click.argument("bundle", required=False, type=_PATH)
@click.option("--config", "file", type=_PATH, help="The dlpmilter.toml in use; without it, name an export.")
@click.option("--key", "keys", multiple=True, metavar="NAME+ID+KEY", help="The key you were handed, or a file with it.")
@click.option(
    "--checkpoint", "kept", multiple=True, type=_PATH, metavar="FILE",
    help="Checkpoints kept elsewhere: a file, a saved mail (.eml) or a folder. Can be given several times.",
)  # fmt: skip
@click.option("--head", default="", metavar="SEQ:HEX", help="The head printed last time, kept somewhere else.")
@json_option
def verify(
    bundle: Path | None, file: Path | None, keys: Sequence[str], kept: Sequence[Path], head: str, as_json: bool
) -> None:
    """Check every entry, field, erasure and checkpoint; exit 1 names the first bad entry.

    BUNDLE is an export; without one the database of --config is checked.
    """
    if (bundle is None) == (file is None):
        end(2, "Name an export, or the configuration with --config.")
    result = run(lambda: _checked(bundle, file, keys, kept, head))
    from dlpmilter.audit.checking import words

    if as_json:
        click.echo(json.dumps(asdict(result)))
    else:
        for line in words(result):
            click.echo(line, err=not result.ok)
    sys.exit(0 if result.ok else 1)


async def _checked(
    bundle: Path | None, file: Path | None, keys: Sequence[str], kept: Sequence[Path], head: str
) -> Result:
    from dlpmilter.audit.bundle import check_export, parse_head, read_checkpoints

    given = [_key(each) for each in keys]
    try:
        outside = [one for each in kept for one in read_checkpoints(each)]
        if bundle is not None:
            return check_export(bundle, given, outside, head)
    except OSError as error:
        raise ValueError(f"{error.filename} cannot be read: {error.strerror}") from None
    return await _of_database(file or Path(), given, outside, parse_head(head) if head else None)


async def _of_database(
    file: Path, given: Sequence[Key], outside: Sequence[Checkpoint], head: tuple[int, bytes] | None
) -> Result:
    from dlpmilter.audit.export import own_keys
    from dlpmilter.audit.verify import verify as check
    from dlpmilter.config import ConfigError, load_config
    from dlpmilter.storage.keys import Keyring

    config = load_config(file)
    try:
        keyring = Keyring.load(config.key_file)
    except ConfigError:
        keyring = None  # sealed fields are counted and not looked at; the result says so
    async with opened(config) as database:
        with bar("Checking entries") as progress:
            return await database.read(
                lambda conn: check(
                    conn, keys=given, own_keys=own_keys(conn), outside=outside, expected_head=head,
                    path=config.database, keyring=keyring, progress=progress,
                )
            )  # fmt: skip


def _key(text: str) -> Key:
    from dlpmilter.audit.notes import parse_key

    path = Path(text)
    return parse_key(path.read_text(encoding="utf-8") if "+" not in text and path.is_file() else text)


@command.command()
@config_option
@json_option
def checkpoint(file: Path, as_json: bool) -> None:
    """Sign the trail as it is now, print the newest checkpoint, and keep it where [trail] says."""

    async def work() -> str:
        from dlpmilter.audit import sequencer
        from dlpmilter.config import load_config
        from dlpmilter.privacy.notary import signer_of
        from dlpmilter.storage import checkpoint_rows
        from dlpmilter.storage.keys import Keyring

        config = load_config(file)
        now = datetime.now(UTC)
        async with opened(config) as database:
            signer = await signer_of(config, database, Keyring.load(config.key_file))
            await database.write(lambda conn: sequencer.adopt_key(conn, signer, now))
            made = await database.write(lambda conn: sequencer.sign(conn, signer, now))
            newest = await database.read(checkpoint_rows.newest)
        note = newest[2] if newest else ""
        if made is not None:
            for folder in _places(config):
                _keep(folder, note, now)
        return note

    note = run(work)
    click.echo(json.dumps({"note": note}) if as_json else note, nl=as_json)


def _places(config: Config) -> list[Path]:
    from dlpmilter.audit import witness

    return [witness.local_folder(config.database), *([config.trail.folder] if config.trail.folder else [])]


def _keep(folder: Path, note: str, now: datetime) -> None:
    from dlpmilter.audit import witness

    try:
        witness.keep(folder, note, now)
    except OSError as error:
        end(75, f"The checkpoint is signed, but {folder} does not take it: {error.strerror}.")


@command.command()
@config_option
def key(file: Path) -> None:
    """Print the public key that signs checkpoints, to be handed to auditors."""

    async def work() -> str:
        from dlpmilter.config import load_config
        from dlpmilter.privacy.notary import signer_of
        from dlpmilter.storage.keys import Keyring

        config = load_config(file)
        async with opened(config) as database:
            return (await signer_of(config, database, Keyring.load(config.key_file))).key.text

    click.echo(run(work))


@command.command("new-key")
@click.argument("file", type=_PATH)
@click.option("--after", type=_PATH, help="The key file in use: its keys follow, so that both keys sign the change.")
def new_key(file: Path, after: Path | None) -> None:
    """Write a fresh signing key to FILE (mode 0600); with --after, one that follows another."""
    from dlpmilter.storage.signing import new_signing_key

    try:
        earlier = after.read_text(encoding="ascii") if after is not None else ""
        new_signing_key(file, earlier)
    except FileExistsError:
        end(2, f"{file} is there already and is left as it is.")
    except (OSError, UnicodeDecodeError) as error:
        end(2, f"No key was written: {error}.")
    click.echo(f'The key is in {file}. Name it in dlpmilter.toml: [trail] key_file = "{file}", then start again.')
    click.echo("Only the office needs to read it. Then `dlpmilter audit key` prints what auditors need.")


@command.command("accept-rollback")
@config_option
@json_option
def accept_rollback(file: Path, as_json: bool) -> None:
    """After a backup was restored on purpose: say in the trail, signed, which entries were lost."""

    async def work() -> int:
        from dlpmilter.audit import sequencer, witness
        from dlpmilter.config import load_config
        from dlpmilter.privacy.notary import signer_of
        from dlpmilter.storage.keys import Keyring

        config = load_config(file)
        now = datetime.now(UTC)
        places = _places(config)
        async with opened(config) as database:
            signer = await signer_of(config, database, Keyring.load(config.key_file))
            found = [one for each in places if (one := witness.newest(each, signer.origin)) is not None]
            lost = [one for one in found if await database.read(partial(sequencer.rolled_back, witness=one))]
            if not lost:
                return 0
            newest = max(lost, key=lambda one: one.size)
            actor: dict[str, Value] = {"actor-user": calling_user()}
            note = await database.write(lambda conn: sequencer.accept_rollback(conn, signer, newest, actor, now))
        for folder in places:
            _keep(folder, note, now)
        return newest.size

    size = run(work)
    if as_json:
        click.echo(json.dumps({"lost_until": size}))
    elif size:
        click.echo(f"The trail now says, signed, that entries up to {size} of the earlier database were lost.")
    else:
        click.echo("Nothing to accept: the checkpoints outside fit this database.")
