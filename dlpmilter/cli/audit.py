# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter audit`: check the trail. Never changes it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlpmilter.cli.office import config_option, json_option, opened, run

if TYPE_CHECKING:
    from dlpmilter.audit.verify import VerifyResult


@click.group()
def command() -> None:
    """Check the trail of decisions."""


@command.command()
@config_option
@json_option
@click.option("--head", default=None, metavar="SEQ:HEX", help="The head printed last time, kept somewhere else.")
def verify(file: Path, as_json: bool, head: str | None) -> None:
    """Check every entry, field, chain value and the head; exit 1 names the first bad place."""

    async def work() -> VerifyResult:
        from dlpmilter.audit.verify import verify as check
        from dlpmilter.config import load_config

        async with opened(load_config(file).database) as database:
            return await database.read(lambda conn: check(conn, expected_head=head))

    result = run(work)
    if as_json:
        click.echo(json.dumps(asdict(result)))
    elif result.ok:
        click.echo(f"Fine: {result.entries} entries, {result.values} fields, {result.erased} erased as recorded.")
        click.echo(f"Head: {result.head}")
        click.echo(result.limits)
    else:
        click.echo(f"Not fine at entry {result.seq}: {result.problem}.", err=True)
        click.echo(f"The {result.entries} entries before it are fine.", err=True)
    sys.exit(0 if result.ok else 1)
