# SPDX-License-Identifier: Apache-2.0
"""A case as a person reads it on a terminal or in a pipe. Never shows more than the answer it is given.

Scripts use --json: these words may change.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

Case = Mapping[str, Any]
_STATES = {
    "held": "waits for a decision",
    "justified": "waits for a decision, the sender gave a reason",
    "in_review": "a reviewer is at it",
    "approved": "approved",
    "releasing": "approved, on its way out",
    "released": "sent",
    "release_failed": "approved, could not be sent: `dlpmilter holds release` tries again",
    "rejected": "refused",
    "withdrawn": "taken back",
    "expired": "expired, not sent",
    "sealed": "kept under seal as evidence, not sent",
}
_COLUMNS = ("case", "state", "until", "pool", "sender", "to", "subject")
_UNBREAKABLE = {"case", "state", "until", "pool"}
_NARROW = 110
"""Columns of a terminal below which the table leaves out pool and subject."""


def print_case(case: Case) -> None:
    """Everything about one case, line by line."""
    for name, value in _lines(case):
        click.echo(f"{name:>10}  {printable(value)}")


def _lines(case: Case) -> Iterator[tuple[str, object]]:
    from dlpmilter.holds.reasons import REASONS

    yield "case", case["case"]
    yield "held since", moment(case["placed"])
    yield "until", moment(case["deadline"])
    yield "sender", case["sender"] or "(only for the people of this case)"
    yield "subject", case["subject"]
    yield "mail", f"{case['kind']}, {case['size']} octets"
    if case["reason_code"]:
        words = REASONS[case["reason_code"]].en if case["reason_code"] in REASONS else ""
        yield "reason", f"{case['reason_code']} {words}" + (f": {case['reason']}" if case["reason"] else "")
    for name, value in (case.get("statement") or {}).items():
        if name not in {"code", "purpose"}:
            yield "", f"{name}: {value}"
    for hold in case["holds"]:
        yield "recipient", f"{hold['address'] or '-'}: {_STATES.get(hold['state'], hold['state'])}"
        yield "", f"class {hold['class']}, relation {hold['relation'] or '-'}, rule {hold['rule']}"
        taken = f", taken by {hold['claimed_by']}" if hold.get("claimed_by") else ""
        yield "", f"decided by the pool {hold['pool']}, approvals wanted: {hold['approvals_needed']}{taken}"
    yield "content", _CONTENT if case["content"] else "deleted, as the policy says."
    for entry in case["trail"]:
        who = f" by {entry['actor']}" if entry.get("actor") else ""
        said = entry.get("reason") or entry.get("note")
        why = f": {said}" if said else ""
        yield (
            "entry",
            f"{entry['seq']}  {moment(entry['at']) if entry['at'] else entry['day']}  {entry['event']}{who}{why}",
        )


_CONTENT = "kept, sealed. This version cannot show the mail itself: ask the sender what it says."


def print_list(cases: Sequence[Case]) -> None:
    """A table on a terminal, columns with tabs in a pipe."""
    rows = [_row(case) for case in cases]
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(row[name] for name in _COLUMNS))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    names = [name for name in _COLUMNS if console.width >= _NARROW or name not in {"pool", "subject"}]
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, no_wrap=name in _UNBREAKABLE, overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[name]) for name in names))  # Text: a subject is no markup
    console.print(table)


def _row(case: Case) -> dict[str, str]:
    people = [hold["address"] for hold in case["holds"] if hold["address"]]
    more = f" and {len(people) - 3} more" if len(people) > 3 else ""
    values = {
        "case": case["case"],
        "state": ",".join(sorted({hold["state"] for hold in case["holds"]})),
        "until": moment(case["deadline"]),
        "pool": ",".join(sorted({hold["pool"] for hold in case["holds"]})),
        "sender": case["sender"],
        "to": ", ".join(people[:3]) + more if people else None,
        "subject": case["subject"],
    }
    return {name: printable(value) for name, value in values.items()}


def moment(text: str) -> str:
    """Local time with its zone."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def printable(value: object) -> str:
    """One line without control characters: a subject must not write to the terminal."""
    text = "-" if value is None or value == "" else str(value)
    return "".join(each if each.isprintable() else "?" for each in text)
