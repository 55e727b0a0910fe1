# SPDX-License-Identifier: Apache-2.0
"""`--inbound ARCHIVE`: who wrote first, for commands that have no listener to ask. Never writes to the database."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlpmilter.simulate.crowd import Progress
    from dlpmilter.simulate.inbound import Learned
    from dlpmilter.simulate.learning import Lesson

_EXIT_CONFIG = 2


def inbound_options(function: Callable[..., None]) -> Callable[..., None]:
    """The two options, the same in every command that has them."""
    function = click.option(
        "--authserv-id", default="", metavar="NAME",
        help="Your verifier's name in the Authentication-Results of --inbound mail; without it nobody counts as known.",
    )(function)  # fmt: skip
    return click.option(
        "--inbound", multiple=True, type=click.Path(path_type=Path, exists=True), metavar="ARCHIVE",
        help="Inbound mail to learn first who wrote: mbox, Maildir, file, folder, zip. May be repeated.",
    )(function)  # fmt: skip


def learn_or_exit(archives: tuple[Path, ...], lesson: Lesson, processes: int | None = None) -> Learned:
    """What the archives teach, with a bar on a terminal; exit 2 with a sentence when they cannot be used."""
    from dlpmilter.simulate.archives import ArchiveError
    from dlpmilter.simulate.crowd import CrowdError, cores
    from dlpmilter.simulate.learning import learn_archives

    try:
        with archive_progress(archives, "learn") as step:
            return learn_archives(archives, lesson, processes or cores(), step)
    except (ArchiveError, CrowdError) as error:
        click.echo(str(error), err=True)
        sys.exit(_EXIT_CONFIG)


def said(learned: Learned) -> str:
    """One line for people: how many mails were learned, and why others were not."""
    from dlpmilter.simulate.inbound import LEARNED

    others = ", ".join(f"{count} {slug}" for slug, count in sorted(learned.counts.items()) if slug != LEARNED)
    text = f"inbound: {learned.counts[LEARNED]} of {learned.counts.total()} mails tell who wrote"
    return f"{text} ({others})" if others else text


@contextmanager
def archive_progress(archives: tuple[Path, ...], label: str) -> Iterator[Progress]:
    """A bar over the octets on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _octets, _mails: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from dlpmilter.simulate.archives import chunks_of

    total = sum(chunk.octets for chunk in chunks_of(archives))
    columns = (TextColumn(label), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[mails]:,} mails"),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total, mails=0)

        def step(octets: int, mails: int) -> None:
            bar.update(task, advance=octets, mails=mails)

        yield step
