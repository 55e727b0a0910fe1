# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter mailboxes`: people name their own private mailboxes. Never shows one to anybody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from dlpmilter.cli.control import ask
from dlpmilter.cli.office import config_option, json_option

for_option = click.option("--for", "person", default="", metavar="PERSON", help="The person's address in the company.")


@click.group()
def command() -> None:
    """Name the private mailboxes that are yours; you are the Unix user who calls."""


@command.command()
@click.argument("address")
@config_option
@json_option
def add(address: str, file: Path, *, as_json: bool) -> None:
    """Say that ADDRESS is your own private mailbox."""
    _say(ask(file, "mailbox-add", address=address), as_json=as_json)


@command.command("list")
@config_option
@json_option
def list_(file: Path, *, as_json: bool) -> None:
    """List your private mailboxes, also those that somebody proposed."""
    rows = ask(file, "mailbox-list")["mailboxes"]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        state = "yours" if row["confirmed"] else "proposed: `mailboxes confirm` or `mailboxes remove`"
        click.echo(f"{row['address'] or '(sealed with a key that is not here)'}  {state}  since {row['since'][:10]}")
    if not rows:
        click.echo("No private mailbox of yours is known here.")


@command.command()
@click.argument("address")
@for_option
@config_option
@json_option
def remove(address: str, person: str, file: Path, *, as_json: bool) -> None:
    """Take ADDRESS off your list; a reviewer takes back what was only proposed with --for."""
    _say(ask(file, "mailbox-remove", address=address, person=person), as_json=as_json)


@command.command()
@click.argument("address")
@click.option("--for", "person", required=True, metavar="PERSON", help="The person's address in the company.")
@config_option
@json_option
def propose(address: str, person: str, file: Path, *, as_json: bool) -> None:
    """Name ADDRESS as a private mailbox of somebody else, who may confirm it or remove it."""
    _say(ask(file, "mailbox-propose", address=address, person=person), as_json=as_json)


@command.command()
@click.argument("address")
@config_option
@json_option
def confirm(address: str, file: Path, *, as_json: bool) -> None:
    """Confirm that a proposed ADDRESS is yours."""
    _say(ask(file, "mailbox-confirm", address=address), as_json=as_json)


def _say(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({name: answer[name] for name in ("address", "done")}, ensure_ascii=False))
    else:
        click.echo(f"{answer['address']}: {answer['done']}.")
