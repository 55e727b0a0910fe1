# SPDX-License-Identifier: Apache-2.0
"""The `dlpmilter` command: a table of lazily loaded command files. Never imports one it does not run."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

import dlpmilter

# name -> (module, one line of help); the module holds the click command as `command`.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("dlpmilter.cli.demo", "Run everything on this machine with sample mails."),
    "run": ("dlpmilter.cli.run", "Accept mail: the listeners, the judge, the outbox."),
    "check": ("dlpmilter.cli.check", "Check configuration, policy and key without starting."),
    "explain": ("dlpmilter.cli.explain", "Say for a mail file what would happen to it, and why."),
    "domains": ("dlpmilter.cli.domains", "Classify domains and addresses."),
    "policy": ("dlpmilter.cli.policy", "Check a policy, try it on mail archives, print its schema."),
    "data": ("dlpmilter.cli.data", "Register tables and documents that must not leave unseen."),
    "holds": ("dlpmilter.cli.holds", "List held mails and decide about them."),
    "directory": ("dlpmilter.cli.directory", "Check who works here, ask about one address, read it from LDAP."),
    "mailboxes": ("dlpmilter.cli.mailboxes", "Name your own private mailboxes."),
    "customers": ("dlpmilter.cli.customers", "Import, list and remove registers of customers."),
    "agreements": ("dlpmilter.cli.agreements", "Agree beforehand who may send what to whom."),
    "exemptions": ("dlpmilter.cli.exemptions", "Exempt a sender for some days, with a reason."),
    "accounts": ("dlpmilter.cli.accounts", "Give people an account for the portal, or take it away."),
    "audit": ("dlpmilter.cli.audit", "Verify, sign and export the trail."),
    "privacy": ("dlpmilter.cli.privacy", "What is kept, who asked for it, who looked, what went wrong."),
    "keys": ("dlpmilter.cli.keys", "Make the key file."),
}


class LazyGroup(click.Group):
    """Loads a command's module when it is used; `--help` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the one command that is asked for."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List names and help from the table, without importing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(dlpmilter.__version__, prog_name="dlpmilter")
def command() -> None:
    """Ask before business mail leaves for a private mailbox."""


def main(arguments: list[str] | None = None) -> Any:  # click exits; a value comes in tests only
    """Entry point; exit codes are those of design section 6."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    return command.main(args=arguments, prog_name="dlpmilter")
