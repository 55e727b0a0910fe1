# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter check`: everything that can be known without starting. Never opens a socket, never writes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dlpmilter.config import Config, Problem
    from dlpmilter.policy.schema import Policy
    from dlpmilter.storage.keys import Keyring


def load_all(path: Path) -> tuple[Config, Policy, Keyring]:
    """Configuration, policy and key, with every problem of all three at once. Raises ConfigError."""
    from dlpmilter.config import ConfigError, load_config  # the command line starts fast
    from dlpmilter.policy.load import load_policy
    from dlpmilter.storage.keys import Keyring

    config = load_config(path)
    problems: list[Problem] = []
    policy: Policy | None = None
    keyring: Keyring | None = None
    try:
        policy = load_policy(
            config.policy,
            internal_domains=config.internal_domains,
            require_governance=True,
            allow_sample=config.allow_sample_governance,
        )
    except ConfigError as error:
        problems += error.problems
    try:
        keyring = Keyring.load(config.key_file, require_backup=True)
    except ConfigError as error:
        problems += error.problems
    if problems or policy is None or keyring is None:
        raise ConfigError(problems)
    return config, policy, keyring


@click.command()
@click.option("--config", "file", required=True, type=click.Path(path_type=Path), help="dlpmilter.toml to check.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(file: Path, as_json: bool) -> None:  # click passes flags by name
    """Check configuration, policy and key file; exit 2 and name every problem when something is wrong."""
    from dlpmilter.config import ConfigError

    try:
        _, policy, _ = load_all(file)
    except ConfigError as error:
        if as_json:
            rows = [{"file": p.file, "key": p.key, "what": p.what, "fix": p.fix} for p in error.problems]
            click.echo(json.dumps({"fine": False, "problems": rows}))
        else:
            for problem in error.problems:
                click.echo(str(problem), err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps({"fine": True, "policy_version": policy.version}))
    else:
        click.echo(f"Fine. Policy {policy.short_version}.")
