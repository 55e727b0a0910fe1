# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter policy diff`: what differs between two policies. Never changes a file."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpmilter.policy.diff import Change
    from dlpmilter.policy.schema import Policy

EXIT_NOT_FINE = 1
EXIT_CONFIG = 2
_DEFAULT = "default"
_MARKS = {"added": "+", "removed": "-", "changed": "~", "moved": "~"}
_SHOWN = 20


@click.command("diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--internal", multiple=True, metavar="DOMAIN", help="A domain of your own; may be given several times.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(before: str, after: str, internal: tuple[str, ...], as_json: bool) -> None:
    """Show what changes from policy A to policy B: rules, order, lists, governance, times.

    A and B are folders; `default` is the shipped policy. Exit code 1 when they differ.
    """
    from dlpmilter.policy.diff import differences

    old, new = _load(before, internal), _load(after, internal)
    changes = differences(old, new)
    if as_json:
        sides = [{"name": each.name, "version": each.version} for each in (old, new)]
        rows = [asdict(each) for each in changes]
        click.echo(json.dumps({"before": sides[0], "after": sides[1], "changes": rows}, ensure_ascii=False))
    else:
        click.echo(f"{old.name}, version {old.short_version} -> {new.name}, version {new.short_version}")
        for each in changes:
            for line in _lines(each):
                click.echo(line)
        if not changes:
            click.echo("no difference")
    sys.exit(EXIT_NOT_FINE if changes else 0)


def _load(text: str, internal: tuple[str, ...]) -> Policy:
    from dlpmilter.config import ConfigError
    from dlpmilter.policy.load import load_policy

    try:
        return load_policy(None if text == _DEFAULT else Path(text), internal_domains=internal)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(EXIT_CONFIG)


def _lines(change: Change) -> Iterator[str]:
    title = f"{_MARKS[change.what]} {change.area} {change.name if change.name != change.area else ''}".rstrip()
    if change.area == "list":
        yield f"{title}: {len(change.after)} in, {len(change.before)} out"
        for mark, entries in (("+", change.after), ("-", change.before)):
            yield from (f"    {mark} {each}" for each in entries[:_SHOWN])
            if len(entries) > _SHOWN:
                yield f"    {mark} and {len(entries) - _SHOWN} more; --json names them all"
    elif change.what in {"added", "removed"}:
        yield title
        values = change.after if change.what == "added" else change.before
        yield from (f"    {key}: {_text(value)}" for key, value in values.items())
    else:
        yield f"{title} {change.key}".rstrip()
        yield f"    - {_text(change.before)}"
        yield f"    + {_text(change.after)}"


def _text(value: Any) -> str:
    """A value on one line: blocks as `key: value`, lists with commas."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    return " ".join(str(value).split())
