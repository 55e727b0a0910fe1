# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter demo`: starts everything on this machine, sends the samples, prints what became of them.

Never prints an expectation: each row is read from the sink and the trail.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from dlpmilter.demo.rows import Row
    from dlpmilter.demo.sink import Arrival, Sink
    from dlpmilter.demo.world import World

SETTLE_SECONDS = 30.0
PIPE_COLUMNS = 150
_COLOURS = {"delivered": "green", "tagged": "cyan", "changed": "cyan", "refused": "red", "missing": "bold red"}
_WAITING_COLOUR = "yellow"
_COLUMNS = ("sample", "to", "result", "rule", "class", "case", "notice")
_UNBREAKABLE = {"to", "result", "case"}
"""What people copy, or what would be misread in two halves."""
_WIDE_ONLY = {"rule", "class", "notice"}
WIDE_COLUMNS = 130
"""Columns of a terminal below which the table leaves out what `--json` and `holds show` tell as well."""


@click.command()
@click.option("--once", is_flag=True, help="End after the samples.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each sample and recipient.")
@click.option(
    "--port-base",
    type=click.IntRange(1, 65532),
    help="First of four ports in a row: gate +0, portal +1, sink +2, metrics +3.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Another policy directory; default is the sample policy.",
)
def command(once: bool, as_json: bool, port_base: int | None, policy: Path | None) -> None:
    """Run the product with a sink as next hop, send sample mails, show what was held and delivered."""
    from dlpmilter.config import ConfigError
    from dlpmilter.demo.world import DemoError

    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # a shell that starts us in the background ignores it for us
    folder = Path(tempfile.mkdtemp(prefix="dlpmilter-demo-"))
    try:
        code = _demo(folder, once=once, as_json=as_json, port_base=port_base, policy=policy)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        code = 2
    except DemoError as error:
        click.echo(f"dlpmilter demo: {error}", err=True)
        code = error.code
    except KeyboardInterrupt:
        click.echo("The demo has ended; its folder is removed.", err=True)
        code = 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _demo(folder: Path, *, once: bool, as_json: bool, port_base: int | None, policy: Path | None) -> int:
    from contextlib import ExitStack

    from rich.console import Console

    from dlpmilter.cli.office import calling_user
    from dlpmilter.demo.sink import Sink
    from dlpmilter.demo.world import DemoError, World, choose_ports

    ports = choose_ports(port_base)
    world = World(folder, ports, policy, calling_user())
    try:
        world.received.mkdir()
        sink = Sink(ports.sink, world.received)
    except OSError as error:
        raise DemoError(f"127.0.0.1:{ports.sink} cannot be opened: {error.strerror}") from None
    with sink, ExitStack() as stack:
        with Console(stderr=True).status("Starting the product and sending the samples ..."):  # on a terminal only
            stack.enter_context(world)
            rows = _send_and_wait(world, sink)
        if as_json:
            for row in rows:
                click.echo(json.dumps(row.as_json(), ensure_ascii=False))
        else:
            _print(world, rows, sink.arrivals(), keeps_running=not once)
        sys.stdout.flush()
        lost = any(row.result == "missing" for row in rows)
        if not once:
            _watch(world, sink, quiet=as_json)
    return 1 if lost else 0


def _send_and_wait(world: World, sink: Sink) -> Sequence[Row]:
    """Send all samples, then wait until the outbox owes nothing, so that notices are in the sink too."""
    import asyncio
    import smtplib

    from dlpmilter.demo.ledger import read_ledger
    from dlpmilter.demo.post import post
    from dlpmilter.demo.rows import build_rows
    from dlpmilter.demo.samples import load_samples
    from dlpmilter.demo.world import DemoError

    try:
        answers = list(post("127.0.0.1", world.ports.gate, load_samples()))
    except (OSError, smtplib.SMTPException) as error:
        raise DemoError(f"the gate went away: {error}. Its log: {world.log}") from None
    until = time.monotonic() + SETTLE_SECONDS
    ledger = asyncio.run(read_ledger(world.database, world.folder / "key.toml"))
    while ledger.owed and time.monotonic() < until:
        time.sleep(0.2)
        ledger = asyncio.run(read_ledger(world.database, world.folder / "key.toml"))
    return build_rows(answers, sink.arrivals(), ledger)


def _print(world: World, rows: Sequence[Row], arrivals: Sequence[Arrival], *, keeps_running: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_COLUMNS)
    names = _COLUMNS if console.width >= WIDE_COLUMNS else tuple(name for name in _COLUMNS if name not in _WIDE_ONLY)
    table = Table(title="What became of the sample mails", caption="read from the sink and the trail", show_lines=False)
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name in _UNBREAKABLE)
    previous = ""
    for row in rows:
        cells = _cells(row, repeated=row.sample == previous)
        table.add_row(*(cells[name] for name in names))
        previous = row.sample
    console.print(table)
    if any(row.result == "tagged" for row in rows):
        console.print("tagged: delivered with one more header field, X-Dlpmilter-Tag; the rest is as it was sent.")
    counts = {name: sum(row.result == name for row in rows) for name in dict.fromkeys(row.result for row in rows)}
    console.print("Recipients: " + ", ".join(f"{count} {name}" for name, count in counts.items()) + ".")
    identical = sum(row.identical is True for row in rows)
    notices = sum(each.header("X-Dlpmilter-Notice") != "" for each in arrivals)
    console.print(
        f"{identical} deliveries are the sent octets after our header fields; {notices} notices went to senders."
    )
    if keeps_running:
        _print_next_steps(world, rows)


def _cells(row: Row, *, repeated: bool) -> dict[str, str]:
    return {
        "sample": "" if repeated else row.title,
        "to": row.recipient,
        "result": f"[{_COLOURS.get(row.result, _WAITING_COLOUR)}]{row.result}[/]",
        "rule": ", ".join(row.rules) or "[dim]nothing recorded[/]",
        "class": row.recipient_class or "",
        "case": row.case or "",
        "notice": ", ".join(row.notices),
    }


def _print_next_steps(world: World, rows: Sequence[Row]) -> None:
    """Where everything listens, and how to release the first held mail. Plain lines: they are meant to be copied."""
    from dlpmilter.demo.world import REVIEWER

    run = _entry_point()
    held = next((row for row in rows if row.state == "held"), None)
    lines = [
        "",
        f"Portal    {world.portal}/play   (open it: one click makes you employee, reviewer, data protection officer)",
        f"Gate      127.0.0.1:{world.ports.gate}   (send it your own mail)",
        f"Sink      127.0.0.1:{world.ports.sink}   (its mails: {world.received})",
        f"Metrics   {world.metrics or 'off'}",
        f"Log       {world.log}",
        "",
        f"You ({world.user}) are mapped as the reviewer {REVIEWER}. In another terminal:",
        f"  {run} holds list --config {world.config}",
    ]
    if held is not None:
        lines += [
            f"  {run} holds show {held.case} --config {world.config}",
            f"  {run} holds approve {held.case} --basis contract --checked --config {world.config}",
            f"  {run} audit verify --config {world.config}",
        ]
    lines += ["", "What arrives at the sink from now on is named here. Ctrl-C ends the demo and removes its folder."]
    click.echo("\n".join(lines))


def _entry_point() -> str:
    """How this installation is called from a shell: a `dlpmilter` of another one would be another version."""
    beside = Path(sys.executable).parent / "dlpmilter"
    if not beside.is_file():
        return f"{sys.executable} -P -m dlpmilter"
    found = shutil.which("dlpmilter")
    return "dlpmilter" if found and Path(found).samefile(beside) else str(beside)


def _watch(world: World, sink: Sink, *, quiet: bool) -> None:
    """Until Ctrl-C, or until the product ends by itself: name each new arrival."""
    from dlpmilter.demo.world import DemoError

    seen = len(sink.arrivals())
    while world.running:
        time.sleep(0.3)
        for arrival in sink.arrivals()[seen:]:
            seen = arrival.number
            if not quiet:
                click.echo(f"{time.strftime('%H:%M:%S')}  {_named(arrival)}")
    raise DemoError(f"the product ended by itself; its last messages:\n{world.last_words()}")


def _named(arrival: Arrival) -> str:
    mark = arrival.header("X-Dlpmilter-Notice").split()
    what = f"notice ({mark[2]}, case {mark[1]})" if len(mark) > 2 else f"mail {arrival.header('Message-ID')}"
    return f"{what} to {', '.join(arrival.recipients)}"
