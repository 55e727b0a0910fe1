# SPDX-License-Identifier: Apache-2.0
"""What the product's own record says: trail entries, states of holds, mail still owed. Never writes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlpmilter.storage import case_rows, outbox_rows, trail_rows
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

_RECIPIENT = re.compile(r"recipient\.(\d+)\.(.+)")
_STATES = (
    "held",
    "justified",
    "approved",
    "rejected",
    "withdrawn",
    "expired",
    "releasing",
    "released",
    "release_failed",
)


@dataclass(frozen=True, slots=True)
class Decision:
    """One "decided" entry: `recipients` are their fields by address in lower case."""

    case: str
    fields: Mapping[str, Any]
    recipients: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Ledger:
    """One look at the database."""

    decisions: tuple[Decision, ...] = ()
    states: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(case, address in lower case) -> state of the hold."""
    owed: int = 0
    entries: int = 0

    def state(self, case: str, address: str) -> str:
        """The state of one held recipient, "" when there is no hold."""
        return self.states.get((case, address.lower()), "")


async def read_ledger(path: Path, key_file: Path) -> Ledger:
    """Read the product's database as it is now. Raises TemporaryFailure when it cannot be read."""
    database = Database(path, readers=1, keyring=Keyring.load(str(key_file)))
    try:
        return await database.read(_read)
    finally:
        await database.close()


def _read(conn: Connection) -> Ledger:
    decisions = []
    count = 0
    for row, values in trail_rows.entries(conn):
        count += 1
        if row.event == "decided":
            decisions.append(_decision({value.name: json.loads(value.value) for value in values}))
    cases = case_rows.in_states(conn, _STATES)
    states = {(case.id, hold.recipient.mailbox.key): hold.state for case in cases for hold in case.holds}
    return Ledger(tuple(decisions), states, sum(outbox_rows.depth(conn).values()), count)


def _decision(fields: dict[str, Any]) -> Decision:
    grouped: dict[str, dict[str, Any]] = {}
    for name, value in fields.items():
        match = _RECIPIENT.fullmatch(name)
        if match:
            grouped.setdefault(match[1], {})[match[2]] = value
    recipients = {str(each["address"]).lower(): each for each in grouped.values() if "address" in each}
    return Decision(str(fields.get("case", "")), fields, recipients)
