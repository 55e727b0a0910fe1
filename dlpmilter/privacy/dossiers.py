# SPDX-License-Identifier: Apache-2.0
"""Requests, unmaskings and breaches as dossiers: a state, a deadline, sealed words, each step in the trail.

Never moves one that somebody else has moved meanwhile, never writes a name into the clear.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dlpmilter import metrics
from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.holds.prepare import new_case_id
from dlpmilter.storage import dossier_rows
from dlpmilter.storage.dossier_rows import Row
from dlpmilter.storage.seal import SealBroken, seal, unseal

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.storage.keys import Keyring

PREFIX = {"access": "A", "unmasking": "U", "breach": "B"}


class NoSuchDossier(ValueError):
    """There is none with this number."""


class Moved(ValueError):
    """The step does not fit the state it is in now."""


@dataclass(frozen=True, slots=True)
class Officer:
    """A person with a duty: by the Unix user or the sign-in, never by a flag."""

    user: str
    address: str
    duties: frozenset[str]


@dataclass(frozen=True, slots=True)
class Dossier:
    """One, opened. `data` is what lies sealed."""

    row: Row
    data: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its number, with the letter of its kind in front."""
        return self.row.id

    def shown(self) -> dict[str, Any]:
        """For JSON."""
        row = self.row
        return {
            "id": row.id, "kind": row.kind, "state": row.state, "case": row.case_id or None,
            "opened": row.opened_at.isoformat(timespec="seconds"), "due": row.due_at.isoformat(timespec="seconds"),
            "closed": row.closed_at.isoformat(timespec="seconds") if row.closed_at else None, **self.data,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Book:
    """Where dossiers are kept: the keys they are sealed with, and the policy their steps name."""

    keyring: Keyring
    policy_version: str

    def open(  # noqa: PLR0913 - the columns of a new one
        self, conn: Connection, kind: str, state: str, *, data: Mapping[str, Any], due: datetime, now: datetime,
        case_id: str = "", fields: Mapping[str, Value] | None = None,
    ) -> Dossier:  # fmt: skip
        """Begin one, with its entry."""
        number = f"{PREFIX[kind]}-{new_case_id()}"
        row = Row(number, kind, state, case_id, now, due, now, None, "", self._seal(number, data))
        dossier_rows.add(conn, row)
        self._tell(conn, row, f"{kind}-opened", fields or {}, now)
        return Dossier(row, dict(data))

    def get(self, conn: Connection, number: str, kind: str) -> Dossier:
        """The dossier of this number. Raises NoSuchDossier, SealBroken."""
        row = dossier_rows.get(conn, number.strip().upper())
        if row is None or row.kind != kind:
            raise NoSuchDossier(f"there is no {kind} {number!r}; `dlpmilter privacy {kind} list` shows them")
        return self._opened(row)

    def many(self, conn: Connection, kind: str, *, still_open: bool = False) -> list[Dossier]:
        """All of a kind, the most urgent first; one that no key opens rings an alarm and stops none of the others."""
        return self._readable(dossier_rows.many(conn, kind, still_open=still_open))

    def of_case(self, conn: Connection, kind: str, case_id: str) -> list[Dossier]:
        """Those about one case."""
        return self._readable(dossier_rows.of_case(conn, kind, [case_id]))

    def _readable(self, rows: list[Row]) -> list[Dossier]:
        found = []
        for row in rows:
            try:
                found.append(self._opened(row))
            except SealBroken:
                metrics.alarms.labels("dossier-sealed").inc()
        return found

    def move(  # noqa: PLR0913 - what a step changes
        self, conn: Connection, one: Dossier, event: str, state: str, now: datetime, *, due: datetime | None = None,
        closed: bool = False, fields: Mapping[str, Value] | None = None, **changes: Any,
    ) -> Dossier:  # fmt: skip
        """Take one step, with its entry. Raises Moved when somebody was faster."""
        data = {**one.data, **changes}
        row = one.row._replace(
            state=state, due_at=due or one.row.due_at, changed_at=now, closed_at=now if closed else one.row.closed_at,
            sealed=self._seal(one.id, data),
        )  # fmt: skip
        if not dossier_rows.change(conn, one.row, row):
            raise Moved(f"{one.id} was changed by somebody else meanwhile; look again")
        self._tell(conn, row, event, fields or {}, now)
        return replace(one, row=row, data=data)

    def _tell(self, conn: Connection, row: Row, event: str, fields: Mapping[str, Value], now: datetime) -> None:
        said: dict[str, Value] = {"dossier": row.id, **fields}
        if row.case_id:
            said["about-case"] = row.case_id
        trail.append(conn, Entry(event, "none", self.policy_version, row.id, said, now))

    def _seal(self, number: str, data: Mapping[str, Any]) -> bytes:
        return seal(self.keyring, json.dumps(data, ensure_ascii=False, sort_keys=True), f"dossier {number}")

    def _opened(self, row: Row) -> Dossier:
        return Dossier(row, json.loads(unseal(self.keyring, row.sealed, f"dossier {row.id}")))


def acted_by(officer: Officer, role: str) -> dict[str, Value]:
    """The fields that say who did it."""
    return {"actor": officer.address, "actor-user": officer.user, "role": role}
