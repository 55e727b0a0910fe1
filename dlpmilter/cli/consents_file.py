# SPDX-License-Identifier: Apache-2.0
"""Agreements and exemptions as `explain` and `check` find them in the database file. Never writes, never makes one."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from dlpmilter.config import Problem
    from dlpmilter.facts.consents import Snapshot
    from dlpmilter.storage.consent_rows import Consent

SOON = timedelta(days=14)
PAST = timedelta(days=30)
"""How long one that is over is still worth a warning."""


class Unreadable(Exception):
    """The database is there and cannot be read; the text says why."""


def in_force(database: Path, now: datetime) -> Snapshot:
    """What covers mail at `now`; nothing where there is no database. Raises Unreadable."""
    from dlpmilter.facts.consents import IN_FORCE, convert
    from dlpmilter.storage import consent_rows

    return convert(_read(database, lambda conn: consent_rows.alive(conn, IN_FORCE, now)))[0]


def warnings(database: Path, now: datetime) -> Iterator[Problem]:
    """Those that are over or end within 14 days, each with what to do. A file that cannot be read says nothing."""
    from dlpmilter.config import Problem
    from dlpmilter.facts.consents import AGREEMENT, EXEMPTION, IN_FORCE
    from dlpmilter.storage import consent_rows

    def look(conn: Connection) -> list[Consent]:
        kinds = (AGREEMENT, EXEMPTION)
        return [one for kind in kinds for one in consent_rows.many(conn, kind, {IN_FORCE, "expired"})]

    try:
        rows = _read(database, look)
    except Unreadable:
        return
    for one in rows:
        if one.signed_at is None or one.ends_at > now + SOON or one.ends_at < now - PAST:
            continue
        day = one.ends_at.astimezone().date().isoformat()
        fix = f"If it is still needed, call `dlpmilter {one.kind}s propose` and let a second person sign."
        if one.ends_at > now:
            yield Problem(str(database), one.id, f"this {one.kind} ends on {day}.", fix)
        else:
            yield Problem(str(database), one.id, f"this {one.kind} ended on {day} and covers nothing.", fix)


def _read(database: Path, query: Callable[[Connection], list[Consent]]) -> list[Consent]:
    from dlpmilter.model.errors import TemporaryFailure
    from dlpmilter.storage.database import Database

    try:
        database.stat()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise Unreadable(error.strerror or type(error).__name__) from None
    if not os.access(database, os.R_OK):
        raise Unreadable("Permission denied")

    async def work() -> list[Consent]:
        opened = Database(database, busy_seconds=2.0)
        try:
            return await opened.read(query)
        finally:
            await opened.close()

    try:
        return asyncio.run(work())
    except TemporaryFailure as error:
        raise Unreadable(str(getattr(error, "cause", error.text))) from None
