# SPDX-License-Identifier: Apache-2.0
"""The agreements and exemptions in force, as one gate has them in memory, and how often each was used.

Never grants one. The engine looks at the clock, so one that ends needs no refresh; one that was revoked goes
with the next. A list that could not be refreshed for some time covers nothing: somebody may have revoked.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from dlpmilter import maillog
from dlpmilter.model.consent import Agreement, Exemption
from dlpmilter.storage import consent_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from dlpmilter.storage.consent_rows import Consent
    from dlpmilter.storage.database import Database

AGREEMENT = "agreement"
EXEMPTION = "exemption"
IN_FORCE = "in_force"
STALE_SECONDS = 60.0
_CITED = re.compile(r"(?:agreement|exemption)-([AE]-[0-9A-Z]+)")

Snapshot = tuple[tuple[Agreement, ...], tuple[Exemption, ...]]


class ConsentBook:
    """What one gate knows of agreements and exemptions. Starts empty, `refresh` fills it."""

    def __init__(self) -> None:
        self._held: Snapshot = ((), ())
        self._read_at = float("-inf")
        self._uses: dict[str, tuple[int, datetime]] = {}
        self._broken: set[str] = set()

    @property
    def current(self) -> Snapshot:
        """Those in force or soon to begin; none when nobody could look for a minute."""
        return self._held if time.monotonic() - self._read_at <= STALE_SECONDS else ((), ())

    async def refresh(self, database: Database, now: datetime) -> None:
        """Read those in force; write down the uses since the last time. Raises TemporaryFailure."""
        read_at = time.monotonic()
        rows = await database.read(lambda conn: consent_rows.alive(conn, IN_FORCE, now))
        self._held = self._checked(rows)
        self._read_at = read_at
        await self.flush(database)

    async def flush(self, database: Database) -> None:
        """Write down the uses counted so far; a write that fails keeps them. Raises TemporaryFailure."""
        uses = dict(self._uses)
        if not uses:
            return

        def act(conn: Connection) -> None:
            consent_rows.count_uses(conn, uses)

        await database.write(act)
        for consent_id, (count, _) in uses.items():
            left, at = self._uses[consent_id]
            if left == count:
                del self._uses[consent_id]
            else:
                self._uses[consent_id] = (left - count, at)

    def used(self, reasons: Iterable[str], at: datetime) -> tuple[str, ...]:
        """Count one use for each agreement or exemption that the reasons of a sent mail name; their ids."""
        ids = cited(reasons)
        for consent_id in ids:
            count = self._uses.get(consent_id, (0, at))[0]
            self._uses[consent_id] = (count + 1, at)
        return ids

    def _checked(self, rows: Iterable[Consent]) -> Snapshot:
        held, broken = convert(rows)
        for consent_id in sorted(broken - self._broken):
            maillog.consent_unreadable(consent_id)
        self._broken = broken
        return held


def cited(reasons: Iterable[str]) -> tuple[str, ...]:
    """The ids that `agreement-ID` and `exemption-ID` among the reasons name, each once."""
    return tuple(dict.fromkeys(match[1] for each in reasons if (match := _CITED.fullmatch(each))))


def convert(rows: Iterable[Consent]) -> tuple[Snapshot, set[str]]:
    """Rows as the engine takes them, and the ids of those that say nothing usable: they cover nothing."""
    agreements: list[Agreement] = []
    exemptions: list[Exemption] = []
    broken: set[str] = set()
    for row in rows:
        if row.kind == AGREEMENT and (agreement := _agreement(row)) is not None:
            agreements.append(agreement)
        elif row.kind == EXEMPTION and isinstance(sender := row.scope.get("sender"), str) and sender:
            exemptions.append(Exemption(row.id, sender, row.starts_at, row.ends_at, row.reason))
        else:
            broken.add(row.id)
    return (tuple(agreements), tuple(exemptions)), broken


def _agreement(row: Consent) -> Agreement | None:
    senders, recipients, data = (_texts(row.scope.get(name)) for name in ("senders", "recipients", "data"))
    if not senders or not recipients or data is None:
        return None
    return Agreement(
        row.id, senders, recipients, row.starts_at, row.ends_at, row.reason,
        attachments=row.scope.get("attachments") is True,
        auto_forward=row.scope.get("auto_forward") is True,
        data=data,
    )  # fmt: skip


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        return None
    return tuple(value)
