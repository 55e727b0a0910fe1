# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter agreements`: who may send what to whom, agreed beforehand by two people. Never for the sender himself.

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
    """Agree beforehand who may send what to whom; two people, neither of them a sender it covers."""


@command.command()
@config_option
@click.option("--sender", "senders", multiple=True, required=True, help="Address or internal domain; repeatable.")
@click.option("--recipient", "recipients", multiple=True, required=True, help="Address or domain; repeatable.")
@click.option("--purpose", required=True, help="What it is for, in one sentence.")
@click.option("--data", multiple=True, help="Group of detectors whose finds are inside the scope; repeatable.")
@click.option("--no-attachments", is_flag=True, help="Mail with attachments is outside the scope.")
@click.option("--auto-forward", is_flag=True, help="Mail that a rule forwards is inside the scope, too.")
@click.option("--from", "starts", default="", help="First day, YYYY-MM-DD. Default: at once.")
@click.option("--until", "ends", required=True, help="Last day, YYYY-MM-DD; 366 days at most.")
@json_option
def propose(
    file: Path,
    senders: tuple[str, ...],
    recipients: tuple[str, ...],
    purpose: str,
    data: tuple[str, ...],
    no_attachments: bool,
    auto_forward: bool,
    starts: str,
    ends: str,
    as_json: bool,
) -> None:
    """Propose an agreement; it is in force when a second person has signed it."""
    scope = {"senders": list(senders), "recipients": list(recipients), "data": list(data)}
    terms = {"attachments": not no_attachments, "auto_forward": auto_forward, "starts": starts, "ends": ends}
    print_done(ask(file, "agreements-propose", purpose=purpose, **scope, **terms), as_json)


@command.command()
@_ID
@config_option
@json_option
def sign(number: str, file: Path, as_json: bool) -> None:
    """Sign what somebody else proposed."""
    print_done(ask(file, "agreements-sign", id=number), as_json)


@command.command()
@_ID
@config_option
@json_option
def revoke(number: str, file: Path, as_json: bool) -> None:
    """End an agreement at once, or refuse a proposed one."""
    print_done(ask(file, "agreements-revoke", id=number), as_json)


@command.command("list")
@config_option
@json_option
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
def list_(file: Path, as_json: bool, everything: bool) -> None:
    """List agreements, the first to end first."""
    print_list(ask(file, "agreements-list", all=everything), as_json, "agreement")


@command.command()
@_ID
@config_option
@json_option
def show(number: str, file: Path, as_json: bool) -> None:
    """Show one agreement and what happened to it."""
    print_one(ask(file, "agreements-show", id=number), as_json)
