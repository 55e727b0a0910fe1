# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter policy test`: golden mails tried on a policy. Never changes a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dlpmilter.policy.schema import Policy
    from dlpmilter.simulate.golden import Result

EXIT_NOT_FINE = 1
EXIT_CONFIG = 2


@click.command("test")
@click.argument("directory", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--internal", multiple=True, metavar="DOMAIN", help="A domain of your own; may be given several times.")
@click.option("--own-only", is_flag=True, help="Leave out the golden mails of the shipped policy.")
@click.option("--as-enforced", is_flag=True, help="Judge as if every rule were in mode enforce.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(
    directory: Path | None, internal: tuple[str, ...], own_only: bool, as_enforced: bool, as_json: bool
) -> None:
    """Judge the golden mails of a policy (DIR/tests; without DIR the shipped one) and show what differs.

    A golden mail of yours stands in for the shipped one of the same name. Exit code 1 when one differs.
    """
    from dlpmilter.config import ConfigError

    try:
        policy, results = _results(directory, internal, own_only=own_only, as_enforced=as_enforced)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(EXIT_CONFIG)
    shown = {each.rule for each in results}
    unseen = [each.id for each in policy.rules if each.id not in shown]
    if as_json:
        click.echo(json.dumps(_as_json(policy, results, unseen)))
    else:
        _say(policy, results, unseen)
    sys.exit(0 if results and all(each.met for each in results) else EXIT_NOT_FINE)


def _results(
    directory: Path | None, internal: tuple[str, ...], *, own_only: bool, as_enforced: bool
) -> tuple[Policy, list[Result]]:
    from datetime import UTC, datetime

    from dlpmilter.model.facts import Facts
    from dlpmilter.policy.load import shipped_directory
    from dlpmilter.simulate.golden import FOLDER, golden_mails, try_mails
    from dlpmilter.simulate.reader import SandboxReader, opening_of
    from dlpmilter.simulate.worker import Order, load_for

    order = Order((directory,), internal, datetime.now(UTC), as_enforced=as_enforced)
    (policy,) = load_for(order)
    folders = [] if directory is None else [directory / FOLDER]
    if directory is None or not own_only:
        folders.append(shipped_directory() / FOLDER)
    mails = golden_mails(folders)
    with SandboxReader(opening_of((policy,)), order.limits) as reader:  # starts a process with the first mail opened
        return policy, list(try_mails(mails, policy, Facts(now=order.now), order.limits, reader))


def _as_json(policy: Policy, results: list[Result], unseen: list[str]) -> dict[str, Any]:
    return {
        "ok": bool(results) and all(each.met for each in results),
        "policy": policy.name,
        "version": policy.version,
        "results": [
            {"file": each.file, "title": each.title, "recipient": each.expected.address, "met": each.met,
             "expected": {"action": each.expected.action, "rule": each.expected.rule},
             "found": {"action": each.action, "rule": each.rule, "reasons": list(each.reasons)}}
            for each in results
        ],
        "rules_without_golden_mail": unseen,
    }  # fmt: skip


def _say(policy: Policy, results: list[Result], unseen: list[str]) -> None:
    wrong = [each for each in results if not each.met]
    for each in wrong:
        click.echo(f"{each.file}: {each.title or 'golden mail'}\n  to {each.expected.address}")
        by = f" by {each.expected.rule}" if each.expected.rule else ""
        click.echo(f"  - {each.expected.action}{by}")
        click.echo(f"  + {each.action} by {each.rule}")
        click.echo(f"    because {', '.join(each.reasons) or 'no rule matched'}\n")
    mails = len({each.file for each in results})
    click.echo(f"{policy.name}, version {policy.short_version}: {mails} golden mails, {len(results)} recipients, "
               f"{len(wrong) or 'none'} different")  # fmt: skip
    if not results:
        click.echo("There is no golden mail: policies/README.md says how to write one.")
    elif unseen:
        click.echo(f"No golden mail is decided by: {', '.join(unseen)}")
