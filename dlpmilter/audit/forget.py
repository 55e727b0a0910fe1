# SPDX-License-Identifier: Apache-2.0
"""Deleting what the trail may no longer know, each time with an entry that says which fields went.

Never touches a skeleton entry: the trail verifies before and after. Idempotent, in short transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.audit.fields import Layer
from dlpmilter.storage import trail_rows, vault, vault_rows
from dlpmilter.storage.vault import OPEN, RELEASED, WITHHELD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from dlpmilter.audit.retention import Periods

CASES = 40
"""Cases in one transaction: some milliseconds in which the hop waits for its turn."""
FACTS = 500
"""Facts in one transaction."""
_FACTS_UNTIL = "erased-until-F"


def forget_due(conn: Connection, periods: Periods, *, policy_version: str, at: datetime) -> int:
    """Erase the personal fields of cases whose time is over, some of them; returns how many cases, 0 when none."""
    scopes = vault_rows.due(conn, [WITHHELD], at - periods.withheld, CASES)
    if len(scopes) < CASES:
        scopes += vault_rows.due(conn, [OPEN, RELEASED], at - periods.released, CASES - len(scopes))
    forget_scopes(conn, scopes, policy_version=policy_version, why="retention case", at=at)
    return len(scopes)


def forget_scopes(conn: Connection, scopes: Sequence[str], *, policy_version: str, why: str, at: datetime) -> int:
    """Erase every personal field of these cases and destroy their keys; returns how many fields."""
    if not scopes:
        return 0
    seqs = vault_rows.entries_of(conn, scopes)
    done = trail.erase_layer(conn, seqs, Layer.vault, policy_version=policy_version, scope=why, at=at)
    vault.destroy(conn, scopes)
    return done


def forget_facts(conn: Connection, periods: Periods, *, policy_version: str, at: datetime) -> int:
    """Erase facts of entries whose time is over, some of them; remembers how far it came."""
    before = (at - periods.facts).date().isoformat()
    done_until = trail_rows.noted(conn, _FACTS_UNTIL) or ""
    kept = vault_rows.entries_of(conn, [each.scope for each in vault_rows.kept(conn)])
    places = trail_rows.facts_of_days(conn, done_until, before, kept, FACTS)
    if not places:
        if before > done_until:
            trail_rows.note(conn, _FACTS_UNTIL, trail_rows.day_before(before))
        return 0
    return trail.erase(conn, places, policy_version=policy_version, scope="retention facts", at=at)


def let_go(conn: Connection, scope: str) -> bool:
    """End the hold on a case: what is overdue of it goes with the next round; False when it has no personal fields."""
    first = trail_rows.by_number(conn, vault_rows.entries_of(conn, [scope])[:1])
    for row, _ in first:
        look_again_from(conn, trail_rows.day_before(row.day))
    return vault_rows.keep(conn, scope, "", None)


def look_again_from(conn: Connection, day: str) -> None:
    """Entries of days that were looked at already may have something to forget: a clock went back, a hold ended."""
    if (trail_rows.noted(conn, _FACTS_UNTIL) or "") > day:
        trail_rows.note(conn, _FACTS_UNTIL, day)
