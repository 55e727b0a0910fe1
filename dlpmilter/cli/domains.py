# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter domains`: say in which class a domain is and by which list; compare lists.

Never asks the network, unless --mx says so.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlpmilter.cli.domains_update import update

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpmilter.config import Config
    from dlpmilter.policy.domains import DomainLists

EXIT_NOT_FINE = 1
EXIT_CONFIG = 2


@click.group("domains")
def command() -> None:
    """Ask the class lists."""


command.add_command(update)


@command.command("classify")
@click.argument("inputs", nargs=-1, required=True, metavar="DOMAIN|ADDRESS...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--policy", "directory", type=click.Path(path_type=Path), metavar="DIR", help="The policy; else the default."
)
@click.option("--internal", multiple=True, metavar="DOMAIN", help="A domain of your own; may be given several times.")
@click.option("--config", type=click.Path(path_type=Path), help="dlpmilter.toml: policy and internal domains.")
@click.option("--mx", is_flag=True, help="Ask the name server for the mail host of unlisted domains; packets leave.")
def classify(
    inputs: tuple[str, ...],
    directory: Path | None,
    internal: tuple[str, ...],
    config: Path | None,
    *,
    mx: bool,
    as_json: bool,
) -> None:
    """Print the class of each DOMAIN or ADDRESS in input order; `-` reads them from stdin, one a line."""
    from dlpmilter.config import ConfigError, load_config  # keeps the start of the command line fast
    from dlpmilter.policy.load import load_policy

    loaded = None
    try:
        if config is not None:
            loaded = load_config(config)
            directory, internal = directory or loaded.policy, (*loaded.internal_domains, *internal)
        policy = load_policy(directory, internal_domains=internal)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(EXIT_CONFIG)
    failed = False
    for text in _each(inputs):
        row = _row(policy.domains, text)
        if mx and row.get("class") == "unknown":
            row["mail_host"] = _mail_host(str(row["domain"]), loaded)
        failed = failed or "error" in row
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else _line(row))
    if failed:
        sys.exit(EXIT_NOT_FINE)


def _each(inputs: tuple[str, ...]) -> Iterator[str]:
    for text in inputs:
        if text == "-":
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield text


def _row(lists: DomainLists, text: str) -> dict[str, object]:
    from dlpmilter.policy.domains import is_domain, normalise_domain

    address = text.strip().strip("<>")
    domain = normalise_domain(address.rpartition("@")[2])
    literal = domain.startswith("[") and domain.endswith("]")
    match = lists.classify(address)
    if not (is_domain(domain) or literal or match.recipient_class != "unknown"):
        return {"input": text, "error": "is neither a domain nor an address"}
    row: dict[str, object] = {
        "input": text,
        "domain": match.domain,
        "class": match.recipient_class.value,
        "source": match.source,
        "lists": list(match.lists),
    }
    return row | {"suggestion": match.suggestion} if match.suggestion else row


def _mail_host(domain: str, config: Config | None) -> str:
    """The registrable domain of the mail host; "" when there is none or nobody answered in time."""
    import asyncio

    from dlpmilter.facts.mail_hosts import MailHosts
    from dlpmilter.settings import MxHint

    settings = config.mx_hint if config is not None else MxHint(seconds=5)
    hosts = MailHosts(settings.model_copy(update={"enabled": True}))
    return asyncio.run(hosts.of([domain])).get(domain, "")


def _line(row: dict[str, object]) -> str:
    if "error" in row:
        return f"{row['input']}: {row['error']}"
    meant = f" - did you mean {row['suggestion']}?" if "suggestion" in row else ""
    host = f", mail host {row['mail_host'] or 'not found'}" if "mail_host" in row else ""
    return f"{row['input']}: {row['class']} ({row['domain']}; {row['source']}{host}){meant}"
