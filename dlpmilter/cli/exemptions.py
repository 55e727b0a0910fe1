# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter exemptions`: a sender whose mail is not asked about for some days. Never for oneself, never for good.

The actor is the calling Unix user, always; the office answers (cli/control.py).
"""

from __future__ import annotations

from pathlib import Path

import click

from dlpmilter.cli.consents import print_done, print_list, print_one
from dlpmilter.cli.control import ask
from dlpmilter.cli.office import config_option, json_option

_ID = click.argument("number", metavar="ID")


@click.group()
def command() -> None:
    """Exempt a sender for at most 30 days; two people, a reason, and the monthly report lists it."""


@command.command()
@config_option
@click.option("--sender", required=True, help="The one address that is exempt.")
@click.option("--reason", required=True, help="Why, in one sentence.")
@click.option("--days", type=int, required=True, help="How long, counted from now: 1 to 30.")
@json_option
def propose(file: Path, sender: str, reason: str, days: int, as_json: bool) -> None:
    """Propose an exemption; it is in force when a second person has signed it."""
    print_done(ask(file, "exemptions-propose", sender=sender, reason=reason, days=days), as_json)


@command.command()
@_ID
@config_option
@json_option
def sign(number: str, file: Path, as_json: bool) -> None:
    """Sign what somebody else proposed."""
    print_done(ask(file, "exemptions-sign", id=number), as_json)


@command.command()
@_ID
@config_option
@json_option
def revoke(number: str, file: Path, as_json: bool) -> None:
    """End an exemption at once, or refuse a proposed one."""
    print_done(ask(file, "exemptions-revoke", id=number), as_json)


@command.command("list")
@config_option
@json_option
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
def list_(file: Path, as_json: bool, everything: bool) -> None:
    """List exemptions, the first to end first."""
    print_list(ask(file, "exemptions-list", all=everything), as_json, "exemption")


@command.command()
@_ID
@config_option
@json_option
def show(number: str, file: Path, as_json: bool) -> None:
    """Show one exemption and what happened to it."""
    print_one(ask(file, "exemptions-show", id=number), as_json)
