# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter policy`: check a policy directory, print its JSON Schema. Never changes a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlpmilter.cli.golden import command as golden
from dlpmilter.cli.policy_diff import command as diff
from dlpmilter.cli.policy_replay import command as replay
from dlpmilter.cli.simulate import command as simulate

if TYPE_CHECKING:
    from dlpmilter.config import ConfigError
    from dlpmilter.policy.reach import RuleWarning
    from dlpmilter.policy.schema import Policy

EXIT_CONFIG = 2


@click.group("policy")
def command() -> None:
    """Check a policy, try it on mail, describe its language."""


command.add_command(diff)
command.add_command(replay)
command.add_command(golden)
command.add_command(simulate)


@command.command("check")
@click.option(
    "--policy", "directory", type=click.Path(path_type=Path), metavar="DIR", help="The policy; else the default."
)
@click.option("--internal", multiple=True, metavar="DOMAIN", help="A domain of your own; may be given several times.")
@click.option("--no-governance", is_flag=True, help="Do not ask for the governance block.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def check(directory: Path | None, internal: tuple[str, ...], *, no_governance: bool, as_json: bool) -> None:
    """Say whether a policy can be used, or everything that is wrong with it (exit code 2).

    Rules that can never match, and cases that earlier cases always take first, are warnings (exit code 0).
    """
    from dlpmilter.config import ConfigError  # keeps the start of the command line fast
    from dlpmilter.detect.patterns import why_refused
    from dlpmilter.policy.load import load_policy
    from dlpmilter.policy.reach import warnings_of

    try:
        policy = load_policy(
            directory,
            internal_domains=internal,
            require_governance=not no_governance,
            allow_sample=True,
            compiles=why_refused,
        )
    except ConfigError as error:
        _say_problems(error, as_json=as_json)
        sys.exit(EXIT_CONFIG)
    warnings = _placed(directory, warnings_of(policy))
    if as_json:
        click.echo(json.dumps(_summary(policy) | {"warnings": warnings}, ensure_ascii=False))
        return
    _say_summary(policy)
    for each in warnings:
        click.echo(f"warning: {each['file']}:{each['line']}: {each['key']}: {each['what']} {each['fix']}", err=True)


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of policy.toml for editors."""
    from dlpmilter.policy.shape import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _placed(directory: Path | None, warnings: tuple[RuleWarning, ...]) -> list[dict[str, object]]:
    from dlpmilter.policy.load import policy_files
    from dlpmilter.policy.reach import Place, places_of

    places = places_of(policy_files(directory)) if warnings else {}
    found = []
    for each in warnings:
        place = places.get(each.rule, Place(str(directory), 0))
        found.append(
            {"kind": each.kind, "rule": each.rule, "file": place.file, "line": place.line, "key": each.key,
             "what": each.what, "fix": each.fix, "by": list(each.by)}
        )  # fmt: skip
    return found


def _say_problems(error: ConfigError, *, as_json: bool) -> None:
    if as_json:
        problems = [{"file": each.file, "key": each.key, "what": each.what, "fix": each.fix} for each in error.problems]
        click.echo(json.dumps({"ok": False, "problems": problems}, ensure_ascii=False))
        return
    for problem in error.problems:
        click.echo(str(problem), err=True)
    count = len(error.problems)
    click.echo(f"{count} problem{'' if count == 1 else 's'}; the policy cannot be used.", err=True)


def _summary(policy: Policy) -> dict[str, object]:
    return {
        "ok": True,
        "name": policy.name,
        "version": policy.version,
        "cases": [each.id for each in policy.cases],
        "raises": [each.id for each in policy.raises],
        "lists": [
            {"name": each.name, "date": each.date, "digest": each.digest, "entries": each.entries}
            for each in policy.lists
        ],
        "governance": None if policy.governance is None else ("sample" if policy.governance.sample else "filled"),
    }


def _say_summary(policy: Policy) -> None:
    click.echo(f"{policy.name}: {len(policy.cases)} cases, {len(policy.raises)} raises, version {policy.short_version}")
    for each in policy.lists:
        click.echo(f"  {each.name}: {each.entries} entries{f', {each.date}' if each.date else ''}")
    if policy.governance is None:
        click.echo("No governance block: `dlpmilter run` starts only with one, unless every rule is in mode count.")
    elif policy.governance.sample:
        click.echo("The governance block is a sample: `dlpmilter run` refuses it.")
