# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter policy simulate`: policies tried on mail archives, on all cores. Never sends, stores or changes a mail."""

from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlpmilter.cli.learned import archive_progress, inbound_options, learn_or_exit, said
from dlpmilter.model.words import RecipientClass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpmilter.policy.schema import Policy
    from dlpmilter.simulate.gates import Gate, Outcome
    from dlpmilter.simulate.reader import Opening
    from dlpmilter.simulate.summary import Row, Side, Summary
    from dlpmilter.simulate.tally import Tally
    from dlpmilter.simulate.worker import Order

EXIT_NOT_FINE = 1
EXIT_CONFIG = 2
_DEFAULT = "default"
_CLASS_GATES = tuple(f"max-held-{each.value.replace('_', '-')}" for each in RecipientClass)


def _class_gates(function: Callable[..., None]) -> Callable[..., None]:
    """One option a class, hidden in the help but for the first."""
    for name in reversed(_CLASS_GATES):
        shown = name == "max-held-authority"
        text = "The same for recipients of one class; there is one for each class." if shown else ""
        function = click.option(f"--{name}", metavar="LIMIT", help=text, hidden=not shown)(function)
    return function


@click.command("simulate")
@click.option("--policy", default=_DEFAULT, metavar="DIR", help="The policy to try; `default` is the shipped one.")
@click.option("--against", metavar="DIR", help="The policy to compare with, for example the one in use.")
@click.option("--internal", multiple=True, metavar="DOMAIN", help="A domain of your own; may be given several times.")
@click.option("--directory", type=click.Path(path_type=Path), metavar="CSV", help="The file of people.")
@click.option("--as-enforced", is_flag=True, help="Judge as if every rule were in mode enforce.")
@click.option("--max-held", metavar="LIMIT", help="Gate: at most so many mails held or rejected (3) or a share (0.5%).")
@click.option("--max-newly-held", metavar="LIMIT", help="Gate: the same for mails that --against lets pass.")
@_class_gates
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as one HTML file.")
@click.option("--language", type=click.Choice(["de", "en"]), default="en", help="The language of the HTML report.")
@click.option("--show-addresses", is_flag=True, help="Name senders and recipients of the examples.")
@inbound_options
@click.option("--content", is_flag=True, help="Open attachments in the sandbox when a rule asks, as the gate does.")
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="With --content: its registered data count, too."
)
@click.option("--processes", type=click.IntRange(1, 256), metavar="N", help="Default: one for each core.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of the table.")
@click.option("--csv", "as_csv", is_flag=True, help="Counts by week, class, rule and action instead of the table.")
@click.argument("archives", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="ARCHIVE...")
def command(
    policy: str,
    against: str | None,
    internal: tuple[str, ...],
    directory: Path | None,
    as_enforced: bool,
    html: Path | None,
    language: str,
    show_addresses: bool,
    inbound: tuple[Path, ...],
    authserv_id: str,
    content: bool,
    config: Path | None,
    processes: int | None,
    as_json: bool,
    as_csv: bool,
    archives: tuple[Path, ...],
    **limits: str | None,
) -> None:
    """Count what a policy would hold of mbox files, Maildirs, mail files, folders and zip archives.

    Exit code 1 when a gate is not met. Sender and recipients come from the headers.
    """
    if as_json and as_csv:
        raise click.UsageError("Choose --json or --csv.")
    if limits.get("max_newly_held") and not against:
        raise click.UsageError("--max-newly-held needs a policy to compare with: --against DIR.")
    if config is not None and not content:
        raise click.UsageError("--config is for the registered data that --content looks for.")
    gates = _gates(limits)
    folders = (policy, *([against] if against else []))
    order, policies = _order(folders, internal, as_enforced, show_addresses, directory)
    if content:
        order = replace(order, opening=_opening(policies, config))
    with tempfile.TemporaryDirectory(prefix="dlpmilter-") as folder:
        if inbound:
            order = replace(order, index=Path(folder) / "inbound")
            _learn(inbound, policies[0], authserv_id, order, processes)
        tally = _run(archives, order, processes)
    summary = _summary(tally, policies, opened=content)
    outcomes = _outcomes(gates, summary)
    if html is not None:
        _write_page(html, summary, outcomes, language, as_enforced=as_enforced)
    if as_json:
        click.echo(json.dumps(_json(summary, outcomes)))
    elif as_csv:
        _say_csv(summary)
    else:
        _say_table(summary)
    _say_content(summary, as_json=as_json, as_csv=as_csv)
    for each in outcomes:
        click.echo(each.sentence, err=as_json or as_csv)
    sys.exit(0 if all(each.met for each in outcomes) else EXIT_NOT_FINE)


def _gates(limits: dict[str, str | None]) -> list[Gate]:
    from dlpmilter.simulate.gates import GateError, read_gate

    gates = []
    for key, text in limits.items():
        if text is not None:
            name = key.replace("_", "-")
            recipient_class = next((each.value for each in RecipientClass if f"max_held_{each.value}" == key), "")
            try:
                gates.append(read_gate(f"max-held-{recipient_class}" if recipient_class else name, text))
            except GateError as error:
                raise click.BadParameter(str(error), param_hint=f"--{name}") from None
    return gates


def _order(
    folders: Sequence[str], internal: tuple[str, ...], as_enforced: bool, addresses: bool, directory: Path | None
) -> tuple[Order, tuple[Policy, ...]]:
    from datetime import UTC, datetime

    from dlpmilter.config import ConfigError
    from dlpmilter.simulate.worker import Order, directory_for, load_for

    paths = tuple(None if each == _DEFAULT else Path(each) for each in folders)
    order = Order(paths, internal, datetime.now(UTC), as_enforced=as_enforced, addresses=addresses, directory=directory)
    try:
        directory_for(order)
        return order, load_for(order)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(EXIT_CONFIG)


def _opening(policies: tuple[Policy, ...], config: Path | None) -> Opening:
    from dlpmilter.config import ConfigError, load_config
    from dlpmilter.simulate.reader import opening_of

    try:
        return opening_of(policies, load_config(config) if config is not None else None)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(EXIT_CONFIG)


def _learn(inbound: tuple[Path, ...], policy: Policy, authserv_id: str, order: Order, processes: int | None) -> None:
    from dlpmilter.simulate.inbound import Index
    from dlpmilter.simulate.learning import Lesson

    learned = learn_or_exit(inbound, Lesson(policy.domains, authserv_id, order.limits), processes)
    if order.index is not None:
        Index.write(learned, order.index)
    click.echo(said(learned), err=True)


def _run(archives: tuple[Path, ...], order: Order, processes: int | None) -> Tally:
    from dlpmilter.simulate.archives import ArchiveError, chunks_of
    from dlpmilter.simulate.crowd import CrowdError, cores, simulate

    try:
        with archive_progress(archives, "simulate") as step:
            return simulate(chunks_of(archives), order, processes or cores(), step)
    except (ArchiveError, CrowdError) as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_CONFIG)


def _summary(tally: Tally, policies: tuple[Policy, ...], *, opened: bool) -> Summary:
    from dlpmilter.simulate.summary import summarise

    sides = [_side(each) for each in policies]
    return summarise(tally, sides[0], sides[1] if len(sides) > 1 else None, opened=opened)


def _side(policy: Policy) -> Side:
    from dlpmilter.model.words import Mode
    from dlpmilter.simulate.summary import Side

    return Side(policy.name, policy.version, any(each.mode is not Mode.count for each in policy.rules))


def _outcomes(gates: list[Gate], summary: Summary) -> list[Outcome]:
    from dlpmilter.simulate.gates import outcome

    return [outcome(each, summary) for each in gates]


def _write_page(path: Path, summary: Summary, outcomes: list[Outcome], language: str, *, as_enforced: bool) -> None:
    from dlpmilter.simulate.page import page

    text = page(summary, outcomes, language, as_enforced=as_enforced)
    try:
        path.write_bytes(text.encode("utf-8", "replace"))  # a file name need not be UTF-8
    except OSError as error:
        click.echo(f"{path}: cannot be written ({error.strerror}).", err=True)
        sys.exit(EXIT_CONFIG)


def _json(summary: Summary, outcomes: list[Outcome]) -> dict[str, Any]:
    from dlpmilter.simulate.summary import as_json

    return as_json(summary, outcomes)


def _say_content(summary: Summary, *, as_json: bool, as_csv: bool) -> None:
    """One line; JSON has it as numbers, and the rows of a CSV file stay rows: there it goes to standard error."""
    from dlpmilter.simulate.summary import content_line
    from dlpmilter.simulate.words import WORDS

    if not as_json:
        click.echo(("" if as_csv else "\n") + content_line(summary, WORDS["en"]), err=as_csv)


def _say_csv(summary: Summary) -> None:
    from dlpmilter.simulate.summary import csv_rows

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(csv_rows(summary))
    click.echo(text.getvalue(), nl=False)


def _say_table(summary: Summary) -> None:
    from dlpmilter.simulate.summary import Share

    mails, compared = summary.mails, summary.against is not None
    for label, side in (("policy", summary.policy), ("against", summary.against)):
        if side is not None:
            note = "" if side.acts else " (only counts; --as-enforced shows what it would hold)"
            click.echo(f"{label} {side.name}, version {side.version[:12]}{note}")
    click.echo(f"{mails.total} mails, {summary.recipients.total} recipients")
    figures = [("held or rejected", mails.held)]
    if compared:
        figures += [("before", mails.held_before), ("newly held", mails.newly_held),
                    ("newly released", mails.newly_released)]  # fmt: skip
    for label, count in figures:
        click.echo(f"  {label:<17} {count:>8} mails  {Share(count, mails.total).percent:>9}")
    for slug, count in (*summary.troubles, *summary.notes):
        click.echo(f"  {slug:<17} {count:>8}")
    _say_rows("class", summary.classes, compared=compared)
    click.echo(f"\n{'rule':<30} {'action':<8} {'recipients':>10}" + (f" {'before':>10}" if compared else ""))
    for rule in summary.rules:
        click.echo(
            f"{rule.rule:<30} {rule.action:<8} {rule.recipients:>10}" + (f" {rule.before:>10}" if compared else "")
        )
    if len(summary.weeks) > 1:
        _say_rows("week", summary.weeks, compared=compared)


def _say_rows(label: str, rows: Sequence[Row], *, compared: bool) -> None:
    more = f" {'before':>8} {'new':>8} {'released':>8}" if compared else ""
    click.echo(f"\n{label:<16} {'all':>10} {'held':>8}{more}")
    for row in rows:
        more = f" {row.held_before:>8} {row.newly_held:>8} {row.newly_released:>8}" if compared else ""
        click.echo(f"{row.name:<16} {row.total:>10} {row.held:>8}{more}")
