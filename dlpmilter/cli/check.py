# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter check`: everything that can be known without starting. Never opens a socket, never writes."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpmilter.config import Config, Problem, References
    from dlpmilter.policy.schema import Policy
    from dlpmilter.storage.keys import Keyring


@dataclass(slots=True)
class Inspection:
    """What was read, None where it cannot be used, and what there is to say about it."""

    config: Config | None = None
    policy: Policy | None = None
    keyring: Keyring | None = None
    problems: list[Problem] = field(default_factory=list)
    """dlpmilter does not start."""
    warnings: list[Problem] = field(default_factory=list)
    """dlpmilter starts, but perhaps not as somebody meant it."""
    hints: list[Problem] = field(default_factory=list)
    """All is as it should be, and there is more to be had."""


def load_all(path: Path) -> tuple[Config, Policy, Keyring]:
    """What `run` needs. Raises ConfigError with every problem at once, warnings left out.

    Whoever calls this is the service: a folder that he cannot write is a mistake, whoever owns it.
    """
    from dlpmilter.config import ConfigError  # the command line starts fast

    seen = inspect(path, as_service=True)
    if seen.problems or seen.config is None or seen.policy is None or seen.keyring is None:
        raise ConfigError(seen.problems)
    return seen.config, seen.policy, seen.keyring


def inspect(path: Path, *, as_service: bool = False) -> Inspection:
    """Configuration, policy, key, and how they fit together.

    A broken value in dlpmilter.toml hides nothing about policy and key: the file still says where they are.
    """
    from dlpmilter.cli.findings import findings
    from dlpmilter.config import ConfigError, References, load_config, references

    seen = Inspection()
    known: References | None
    try:
        config = seen.config = load_config(path)
        sample = config.allow_sample_governance
        known = References(config.policy, True, config.key_file, config.internal_domains, sample)
    except ConfigError as error:
        seen.problems += error.problems
        known = references(path)
    if known is not None:
        _read_policy(seen, path, known)
        _read_key(seen, known)
    if seen.config is not None:
        _read_people(seen, seen.config)
        _read_signing_key(seen, seen.config)
        _read_client_secret(seen, seen.config)
        problems, warnings = findings(path, seen.config, seen.policy, as_service=as_service)
        seen.problems += problems
        seen.warnings += warnings
        if not as_service:
            seen.warnings += _consents(seen.config)
            if seen.policy is not None:
                _ask(seen, path, seen.config, seen.policy)
    return seen


def _ask(seen: Inspection, path: Path, config: Config, policy: Policy) -> None:
    from dlpmilter.cli.unanswered import unanswered

    warnings, hints = unanswered(path, config, policy)
    seen.warnings += warnings
    seen.hints += hints


def _consents(config: Config) -> Sequence[Problem]:
    from datetime import UTC, datetime

    from dlpmilter.cli.consents_file import warnings

    return list(warnings(config.database, datetime.now(UTC)))


def _read_policy(seen: Inspection, path: Path, known: References) -> None:
    from dlpmilter.config import ConfigError
    from dlpmilter.detect.patterns import why_refused
    from dlpmilter.policy.load import load_policy

    if not known.policy_known:
        return
    try:
        seen.policy = load_policy(
            known.policy,
            internal_domains=known.internal_domains,
            require_governance=True,
            allow_sample=known.allow_sample_governance,
            compiles=why_refused,
        )
    except ConfigError as error:
        seen.problems += error.problems if known.policy is not None else _without_folder(path, error.problems)


def _without_folder(path: Path, problems: Sequence[Problem]) -> list[Problem]:
    """Nobody is sent into the installed package to fill in its governance block."""
    from dlpmilter.config import Problem

    kept = [each for each in problems if not each.key.startswith("governance")]
    if len(kept) == len(problems):
        return kept
    what = "is not set, and the policy that comes with the package has no governance block, which every hold needs."
    fix = 'Name your own folder, for example policy = "/etc/dlpmilter/policy"; policies/README.md says what it holds.'
    return [*kept, Problem(str(path), "policy", what, fix)]


def _read_key(seen: Inspection, known: References) -> None:
    from dlpmilter.config import ConfigError
    from dlpmilter.storage.keys import Keyring

    if known.key_file is None:
        return
    try:
        seen.keyring = Keyring.load(known.key_file, require_backup=True)
    except ConfigError as error:
        seen.problems += error.problems


def _read_client_secret(seen: Inspection, config: Config) -> None:
    """The secret of the OpenID client: without it the portal starts, but that way to sign in is missing."""
    from dlpmilter.config import ConfigError
    from dlpmilter.storage.keys import secret_text

    place = config.portal.oidc.client_secret_file if config.portal.oidc else ""
    if not place:
        return
    try:
        secret_text(place, "portal.oidc.client_secret_file")
    except ConfigError as error:
        seen.problems += error.problems


def _read_signing_key(seen: Inspection, config: Config) -> None:
    """The key that notices are signed with: who cannot read it would not start."""
    if config.dkim is None:
        return
    from dlpmilter.config import ConfigError, Problem
    from dlpmilter.storage.keys import signing_key

    try:
        signing_key(config.dkim.key_file)
    except ConfigError as error:
        seen.problems += error.problems
    domain = config.postmaster.rpartition("@")[2].lower()
    if f".{domain}".endswith(f".{config.dkim.domain}"):
        return
    what = f"signs for {config.dkim.domain}, but notices come from {config.postmaster}."
    fix = "Receivers that ask for an aligned signature (DMARC) want the domain of the postmaster, or one above it."
    seen.warnings.append(Problem("dkim", "domain", what, fix))


def _read_people(seen: Inspection, config: Config) -> None:
    file = config.directory.file
    if file is None:
        return
    from dlpmilter.config import ConfigError, Problem
    from dlpmilter.facts.directory import People
    from dlpmilter.facts.hashes import Hashes

    if config.directory.ldap is not None and not file.exists():
        what = "is not there yet, so nobody is known to work here."
        seen.warnings.append(Problem(str(file), "", what, "`dlpmilter directory sync` writes it."))
        return
    try:
        People.load(file, Hashes(), keyed=False)
    except ConfigError as error:
        seen.problems += error.problems


@click.command()
@click.option("--config", "file", required=True, type=click.Path(path_type=Path), help="dlpmilter.toml to check.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(file: Path, as_json: bool) -> None:  # click passes flags by name
    """Check configuration, policy and key file; exit 2 and name every problem when something is wrong.

    Warnings and hints are named too and leave the exit code at 0.
    """
    seen = inspect(file)
    fine = not seen.problems
    if as_json:
        version = seen.policy.version if seen.policy is not None else None
        said = {
            "fine": fine,
            "problems": _rows(seen.problems),
            "warnings": _rows(seen.warnings),
            "hints": _rows(seen.hints),
        }
        click.echo(json.dumps(said | {"policy_version": version}, ensure_ascii=False))
    else:
        for problem in seen.problems:
            click.echo(str(problem), err=True)
        for warning in seen.warnings:
            click.echo(f"Warning: {warning}", err=True)
        if fine and seen.config is not None and seen.policy is not None:
            click.echo(_fine(seen.config, seen.policy))
        for hint in seen.hints:
            click.echo(f"Hint: {hint}", err=True)
    sys.exit(0 if fine else 2)


def _rows(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"file": each.file, "key": each.key, "what": each.what, "fix": each.fix} for each in problems]


def _fine(config: Config, policy: Policy) -> str:
    """One line that says what will be in force, so that nobody takes a counting policy for a holding one."""
    modes = {rule.mode.value for rule in policy.rules}
    strongest = next((mode for mode in ("enforce", "advise", "count") if mode in modes), "count")
    meaning = {"enforce": "", "advise": ": nothing is held", "count": ": nothing is held"}[strongest]
    people = len(config.reviewers)
    return (
        f"Fine. Policy {policy.name} {policy.short_version}, strongest mode {strongest}{meaning}; "
        f"{people} {'reviewer' if people == 1 else 'reviewers'}."
    )
