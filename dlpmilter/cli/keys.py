# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter keys`: make the key file. Never prints a key, never overwrites one."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dlpmilter.cli.office import calling_user


@click.group()
def command() -> None:
    """Make the key file."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
def new(file: Path) -> None:
    """Write a fresh key to FILE (mode 0600) and say what to do about its backup."""
    from dlpmilter.storage.keys import new_key_file

    try:
        key_id = new_key_file(file)
    except FileExistsError:
        click.echo(f"{file} is there already and is left as it is: a lost key means lost mail.", err=True)
        sys.exit(2)
    except OSError as error:
        click.echo(f"{file} cannot be written by the user {calling_user()} ({error.strerror}).", err=True)
        sys.exit(2)
    click.echo(f"Key {key_id} is in {file}.")
    click.echo("1. Copy the file to a safe place, apart from the backups of the database.")
    click.echo("2. Read the copy there once, to know that it is good.")
    click.echo('3. Add the day to the file: backup_confirmed = "YYYY-MM-DD". Until then `check` and `run` refuse it.')
