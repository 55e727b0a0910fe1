# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter holds`: what waits, and what people decide. The actor is the calling Unix user, always.

Never looks into the record by itself: the office answers (cli/control.py), and gives each person what is his.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dlpmilter.cli.control import ask
from dlpmilter.cli.office import config_option, json_option
from dlpmilter.cli.show import print_case, print_list
from dlpmilter.holds import reasons


@click.group()
def command() -> None:
    """List held mails and decide about them."""


@command.command("list")
@config_option
@json_option
@click.option("--all", "everything", is_flag=True, help="Also the decided ones.")
def list_(file: Path, as_json: bool, everything: bool) -> None:
    """List the cases that wait for a decision (or a second try)."""
    cases = ask(file, "list", all=everything)["cases"]
    if as_json:
        for case in cases:
            click.echo(json.dumps(case, ensure_ascii=False))
        return
    if not cases:
        click.echo("No case waits." if not everything else "There is no case that you may see.")
        return
    print_list(cases)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def show(case_id: str, file: Path, as_json: bool) -> None:
    """Show one case and what happened to it."""
    case = ask(file, "show", case=case_id)["case"]
    if as_json:
        click.echo(json.dumps(case, ensure_ascii=False))
        return
    print_case(case)


@command.command(
    help="Say why the mail should go: CASE, a reason code, and a sentence of your own.\n\n\b\n" + reasons.table()
)
@click.argument("case_id", metavar="CASE")
@click.argument("code", metavar="REASON")
@click.argument("text", default="")
@config_option
@json_option
def justify(case_id: str, code: str, text: str, file: Path, as_json: bool) -> None:
    """Say why the mail should go: a reason code R1 to R11 and a sentence."""
    _print_done(ask(file, "justify", case=case_id, code=code, text=text), as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def approve(case_id: str, file: Path, as_json: bool) -> None:
    """Approve: with the last approval that is wanted, the mail is queued for release."""
    _print_done(ask(file, "approve", case=case_id), as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@click.argument("reason")
@config_option
@json_option
def reject(case_id: str, reason: str, file: Path, as_json: bool) -> None:
    """Refuse the release; REASON is one kind sentence the sender will read."""
    _print_done(ask(file, "reject", case=case_id, reason=reason), as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def withdraw(case_id: str, file: Path, as_json: bool) -> None:
    """Take the mail back, as its sender or on the sender's behalf."""
    _print_done(ask(file, "withdraw", case=case_id), as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def release(case_id: str, file: Path, as_json: bool) -> None:
    """Try a failed release again; approves nothing."""
    _print_done(ask(file, "release", case=case_id), as_json)


def _print_done(answer: Mapping[str, Any], as_json: bool) -> None:
    case = answer["case"]
    if as_json:
        click.echo(json.dumps(case, ensure_ascii=False))
        return
    states = ", ".join(sorted({hold["state"] for hold in case["holds"]}))
    more = f"; {case['approvals_missing']} more approval(s) wanted" if case["approvals_missing"] else ""
    click.echo(f"Case {case['case']}: {states}{more}.")
