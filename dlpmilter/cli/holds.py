# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter holds`: what waits, and what people decide. The actor is the calling Unix user, always.

Never looks into the record by itself: the office answers (cli/control.py), and gives each person what is his.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from dlpmilter.cli.control import ask
from dlpmilter.cli.office import config_option, json_option


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
    _print_table(cases)


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
    for name, value in case.items():
        if name not in {"holds", "trail"}:
            click.echo(f"{name:>14}  {_printable(value)}")
    for hold in case["holds"]:
        click.echo(f"{'recipient':>14}  " + ", ".join(f"{name} {_printable(value)}" for name, value in hold.items()))
    for entry in case["trail"]:
        click.echo(f"{'entry':>14}  {entry['seq']} {entry['day']} {entry['event']}")


@command.command()
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


def _print_table(cases: Sequence[Mapping[str, Any]]) -> None:
    if not cases:
        click.echo("No case waits.")
        return
    for case in cases:
        states = ",".join(sorted({hold["state"] for hold in case["holds"]}))
        pools = ",".join(sorted({hold["pool"] for hold in case["holds"]}))
        people = ", ".join(_printable(hold["address"]) for hold in case["holds"][:3] if hold["address"])
        until = datetime.fromisoformat(case["deadline"]).astimezone().strftime("%Y-%m-%d %H:%M")
        click.echo(f"{case['case']}  {states:<14} until {until}  {pools:<12} {people}")


def _printable(value: object) -> str:
    """One line without control characters: a subject must not write to the terminal."""
    text = "-" if value is None else str(value)
    return "".join(each if each.isprintable() else "?" for each in text)
