# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter privacy`: what is kept, who asked for it, who looked, what went wrong. Never acts for somebody else.

Who may do what is said by `duties` in [reviewers]; the inventory is also for whoever keeps the machine.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlpmilter.cli.control import ask
from dlpmilter.cli.office import config_option, json_option
from dlpmilter.cli.paper import check_form, language_option, write_paper
from dlpmilter.cli.privacy_dossiers import access, breach, erase, unmask

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group()
def command() -> None:
    """Inventory, legal holds, requests for access and erasure, unmaskings, breaches."""


for each in (access, erase, unmask, breach):
    command.add_command(each)


@command.command()
@config_option
@json_option
def inventory(file: Path, *, as_json: bool) -> None:
    """List every store with count, oldest age and what is overdue; exit 1 when something is."""
    answer = ask(file, "privacy-inventory")
    if as_json:
        click.echo(json.dumps({"stores": answer["stores"], "overdue": answer["overdue"]}, ensure_ascii=False))
    else:
        _table(answer["stores"])
        click.echo(f"Overdue: {answer['overdue']}.")
    sys.exit(1 if answer["overdue"] else 0)


def _table(stores: list[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title, justify in (("store", "left"), ("what", "left"), ("kept", "left"), ("count", "right"),
                           ("oldest", "left"), ("overdue", "right")):  # fmt: skip
        table.add_column(title, justify=justify)  # type: ignore[arg-type]  # rich names them so
    for one in stores:
        table.add_row(
            one["store"], one["holds"], one["kept"], str(one["count"]), one["oldest"][:10], str(one["overdue"] or "")
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)  # a pipe has no width of its own


@command.command()
@click.argument("case")
@click.option("--reason", required=True, help="Why; who reads the trail with the key sees it.")
@click.option("--until", required=True, metavar="YYYY-MM-DD", help="When it is looked at again, 90 days at most.")
@config_option
@json_option
def keep(case: str, reason: str, until: str, file: Path, *, as_json: bool) -> None:
    """Legal hold: keep the personal fields of CASE beyond their time."""
    answer = ask(file, "privacy-keep", case=case, reason=reason, until=until)
    _say(answer, as_json, f"{answer['case']} is kept until it is looked at again on {answer['until'][:10]}.")


@command.command("let-go")
@click.argument("case")
@click.option("--reason", required=True, help="Why the legal hold ends.")
@config_option
@json_option
def let_go(case: str, reason: str, file: Path, *, as_json: bool) -> None:
    """End the legal hold on CASE; what is overdue then goes within an hour."""
    answer = ask(file, "privacy-let-go", case=case, reason=reason)
    _say(answer, as_json, f"{answer['case']} is kept no longer than others.")


@command.command()
@config_option
@json_option
def kept(file: Path, *, as_json: bool) -> None:
    """List the legal holds, the one to be looked at next first."""
    rows = ask(file, "privacy-kept")["kept"]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for one in rows:
        click.echo(f"{one['case']}  until {one['until'][:10]}  {one['reason']}")
    if not rows:
        click.echo("There is no legal hold.")


@command.command()
@click.argument("kind", type=click.Choice(["monthly", "art30", "works-council", "dpia", "authority", "trade-secret"]))
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="FILE.pdf, .html, .csv or .json.")
@click.option("--month", default="", metavar="YYYY-MM", help="The month before this one when left out.")
@language_option
@config_option
def report(kind: str, output: Path, month: str, language: str, file: Path) -> None:
    """Write a report: monthly figures, Art. 30 entry, statement, DPIA appendix, or a pack."""
    from dlpmilter.privacy.paper import from_dict

    check_form(output)
    write_paper(from_dict(ask(file, "privacy-report", kind=kind, month=month, language=language)["paper"]), output)


@command.command()
@click.option("--language", type=click.Choice(["de", "en"]), default="de", show_default=True)
@config_option
@json_option
def statement(language: str, file: Path, *, as_json: bool) -> None:
    """Show the hash of the works-council statement in force, and what changed since it was acknowledged."""
    answer = ask(file, "privacy-statement", language=language)
    state = "acknowledged" if answer["acknowledged"] else "not acknowledged yet"
    changes = "".join(f"\n  {line}" for line in answer["changes"])
    _say(answer, as_json, f"Statement {answer['hash']}: {state}.{changes}")


@command.command()
@click.argument("digest", metavar="HASH")
@click.option("--language", type=click.Choice(["de", "en"]), default="de", show_default=True)
@config_option
@json_option
def acknowledge(digest: str, language: str, file: Path, *, as_json: bool) -> None:
    """Say, as the works council, that the statement with this HASH was seen."""
    answer = ask(file, "privacy-acknowledge", hash=digest, language=language)
    _say(answer, as_json, f"The statement {answer['hash']} is acknowledged.")


def _say(answer: Mapping[str, Any], as_json: bool, words: str) -> None:
    shown = {name: value for name, value in answer.items() if name not in {"ok", "exit"}}
    click.echo(json.dumps(shown, ensure_ascii=False) if as_json else words)
