# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter run`: checks everything, then hands over to the supervisor. Never accepts mail itself."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.option("--config", "file", required=True, type=click.Path(path_type=Path), help="dlpmilter.toml.")
@click.option(
    "--role",
    type=click.Choice(["gate", "office"]),
    help="Only the listeners (gate) or only outbox and sweeps (office); default is both.",
)
def command(file: Path, role: str | None) -> None:
    """Accept mail until told to stop. SIGHUP reloads the policy, SIGTERM drains and ends."""
    from dlpmilter.cli.check import load_all  # the command line starts fast
    from dlpmilter.config import ConfigError
    from dlpmilter.model.errors import TemporaryFailure
    from dlpmilter.supervisor import StartError, Supervisor

    try:
        config, _, _ = load_all(file)
        roles = frozenset({role} if role else {"gate", "office"})
        code = Supervisor(config, file.resolve(), roles).run()
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(2)
    except (StartError, TemporaryFailure) as error:
        click.echo(f"dlpmilter cannot start: {error}", err=True)
        sys.exit(getattr(error, "exit_code", 75))
    sys.exit(code)
