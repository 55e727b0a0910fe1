# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter policy replay`: recorded decisions made again under the policy of that day. Never changes one."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlpmilter.cli.office import config_option, json_option, opened, run

if TYPE_CHECKING:
    from dlpmilter.holds.replays import Replay


@click.command("replay")
@config_option
@json_option
@click.argument("cases", nargs=-1, metavar="[CASE]...")
def command(file: Path, as_json: bool, cases: tuple[str, ...]) -> None:
    """Make recorded decisions again from their facts and the policy of that day; exit 1 when one differs.

    Without a case every decision of the trail is made again. Decisions whose personal facts were erased
    when their time was over cannot be; they are counted.
    """

    async def work() -> list[Replay]:
        from dlpmilter.config import load_config
        from dlpmilter.holds.replays import replays

        async with opened(load_config(file)) as database:
            return await database.read(lambda conn: list(replays(conn, frozenset(cases))))

    found = run(work)
    if cases and (missing := set(cases) - {each.case for each in found}):
        raise click.UsageError(f"No decision is recorded for {', '.join(sorted(missing))}.")
    if as_json:
        for each in found:
            click.echo(json.dumps(asdict(each)))
    else:
        _tell(found, all_of_them=bool(cases))
    sys.exit(1 if any(each.differs for each in found) else 0)


def _tell(found: list[Replay], *, all_of_them: bool) -> None:
    for each in found:
        if each.same is None and each.differs:
            click.echo(f"{each.case} (entry {each.seq}), policy {each.policy_version[:12]}: {each.why}")
        elif each.same is False:
            click.echo(f"{each.case} (entry {each.seq}), policy {each.policy_version[:12]}: differs")
            click.echo(f"  recorded {each.recorded} by {', '.join(each.rules)}")
            click.echo(f"  again    {each.again} by {', '.join(each.rules_again)}")
        elif all_of_them:
            told = "the same" if each.same else f"not made again: {each.why}"
            click.echo(f"{each.case} (entry {each.seq}), policy {each.policy_version[:12]}: {each.recorded}, {told}")
    same = sum(each.same is True for each in found)
    other = sum(each.differs for each in found)
    unknown = len(found) - same - other
    click.echo(f"{len(found)} decisions: {same} the same, {other} different, {unknown} not made again")
