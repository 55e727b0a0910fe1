# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter customers`: registers of customers as keyed hashes. Never prints or keeps an address."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlpmilter.cli.office import calling_user, config_option, end, json_option, opened, run

if TYPE_CHECKING:
    from dlpmilter.config import Config
    from dlpmilter.facts.customers import CustomerRegisters
    from dlpmilter.storage.customer_rows import Register
    from dlpmilter.storage.database import Database

_NAME = "The name of the register, for example crm."


@click.group()
def command() -> None:
    """Say who is a customer, so that mail to them is not held for being sent to a private mailbox."""


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--column", default="email", show_default=True, help="The column with the mail addresses.")
@click.option("--register", "name", required=True, help=_NAME)
@click.option(
    "--config", "config_file", required=True, type=click.Path(path_type=Path), help="The dlpmilter.toml in use."
)
@json_option
def import_(file: Path, column: str, name: str, config_file: Path, *, as_json: bool) -> None:
    """Put the addresses of a CSV FILE in the place of a register; the old one answers until all are in."""
    from dlpmilter.config import load_config
    from dlpmilter.facts.customers import CustomerFile

    _check_name(name)
    source = CustomerFile(file, column)

    async def work() -> int:
        config = load_config(config_file)
        async with opened(config) as database:
            with _progress(file, source) as step:
                registers = _registers(config, database)
                return await registers.replace(name, source.addresses(), actor=calling_user(), step=step)

    rows = run(work)
    if as_json:
        click.echo(json.dumps({"register": name, "rows": rows, "skipped": source.skipped}))
    else:
        click.echo(f"{name}: {rows} addresses; {source.skipped} rows without an address were skipped.")


@command.command("list")
@config_option
@json_option
def list_(file: Path, *, as_json: bool) -> None:
    """List the registers with their sizes and the days they were imported."""
    from dlpmilter.config import load_config
    from dlpmilter.storage import customer_rows

    async def work() -> list[Register]:
        async with opened(load_config(file)) as database:
            return await database.read(customer_rows.listed)

    found = run(work)
    if as_json:
        rows = [
            {"register": each.name, "rows": each.rows, "at": each.at.isoformat(timespec="seconds")} for each in found
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for each in found:
        click.echo(f"{each.name}  {each.rows} addresses  imported {each.at.date()}")
    if not found:
        click.echo("No register is there.")


@command.command()
@click.option("--register", "name", required=True, help=_NAME)
@config_option
def remove(name: str, file: Path) -> None:
    """Take a register away."""
    from dlpmilter.config import load_config

    async def work() -> int:
        config = load_config(file)
        async with opened(config) as database:
            return await _registers(config, database).remove(name, actor=calling_user())

    rows = run(work)
    if rows < 0:
        end(1, f"There is no register {name!r}; `dlpmilter customers list` shows them.")
    click.echo(f"{name}: removed with {rows} addresses.")


def _registers(config: Config, database: Database) -> CustomerRegisters:
    from dlpmilter.facts.customers import CustomerRegisters
    from dlpmilter.facts.hashes import Hashes
    from dlpmilter.storage.keys import Keyring

    return CustomerRegisters(database, Hashes.of_keyring(Keyring.load(config.key_file)))


def _check_name(name: str) -> None:
    if not (name.isprintable() and name.strip() == name and 0 < len(name) <= 60 and "@" not in name):
        end(2, f"{name!r} is not a name for a register: up to 60 characters, no @, for example crm.")


@contextmanager
def _progress(file: Path, source: object) -> Iterator[Callable[[], None]]:
    """A bar over the octets on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty() or not file.is_file():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("import", total=file.stat().st_size)
        yield lambda: bar.update(task, completed=getattr(source, "octets", 0))
