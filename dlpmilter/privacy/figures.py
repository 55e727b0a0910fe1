# SPDX-License-Identifier: Apache-2.0
"""The figures of a month, from the trail and the dossiers. Never a person, never a ranking, no number under five.

What is counted are entries and recipients; times come from the sealed fields and leave as medians.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dlpmilter.privacy import access, breach, unmasking
from dlpmilter.storage import consent_rows, trail_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from dlpmilter.privacy.dossiers import Book

LEAST = 5
"""A smaller number could point at somebody (domain.md section 8)."""
_ENDS = ("released", "rejected", "withdrawn", "expired", "returned", "sealed", "release-failed")
_FALSE_HOLD = frozenset({"R3", "R4", "R7"})


@dataclass(slots=True)
class Month:
    """What happened in one month."""

    first: date
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(action, class) -> recipients."""
    ends: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Reason codes of the form."""
    false_holds: int = 0
    """Released where the sender said R3, R4 or R7."""
    uninformed: int = 0
    """Approved under Art. 6(1)(f) although the people concerned do not know, or will be told later."""
    undetermined: int = 0
    openings: Counter[str] = field(default_factory=Counter)
    """Content that was looked at, by stage."""
    policies: list[str] = field(default_factory=list)
    hours: list[float] = field(default_factory=list)
    """From held to decided."""
    requests: int = 0
    requests_answered: int = 0
    unmaskings: Counter[str] = field(default_factory=Counter)
    breaches: int = 0
    breaches_late: int = 0
    consents: Counter[str] = field(default_factory=Counter)
    attested: int = 0

    @property
    def median_hours(self) -> float | None:
        """Half of the decisions took no longer."""
        return statistics.median(self.hours) if len(self.hours) >= LEAST else None

    @property
    def most_hours(self) -> float | None:
        """95 of 100 decisions took no longer."""
        ordered = sorted(self.hours)
        return ordered[int(len(ordered) * 0.95)] if len(ordered) >= LEAST else None


def month_of(conn: Connection, book: Book, first: date) -> Month:
    """Count one calendar month."""
    found = Month(first)
    after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    held: dict[str, datetime] = {}
    for row, values in trail_rows.of_days(conn, first.isoformat(), after.isoformat()):
        fields = {one.name: json.loads(one.value) for one in values if not one.sealed}
        _count(found, row.event, fields, held)
        if row.policy_version and row.policy_version not in found.policies:
            found.policies.append(row.policy_version)
    _dossiers(conn, book, found, first, after)
    for kind in ("agreement", "exemption"):
        found.consents[kind] = len(consent_rows.many(conn, kind, {"in_force"}))
    return found


def _count(found: Month, event: str, fields: Mapping[str, Any], held: dict[str, datetime]) -> None:
    case, at = str(fields.get("case", "")), fields.get("at")
    moment = datetime.fromisoformat(at) if isinstance(at, str) else None
    if event == "decided":
        for name, action in fields.items():
            if name.startswith("recipient.") and name.endswith(".action"):
                found.decisions[str(action), str(fields.get(name.replace(".action", ".class"), "unknown"))] += 1
        if moment is not None:
            held.setdefault(case, moment)
    if event in _ENDS:
        found.ends[event] += 1
    if event in {"approved", "rejected"} and moment is not None and case in held:
        found.hours.append((moment - held[case]).total_seconds() / 3600)
    if code := fields.get("reason-code"):
        found.reasons[str(code)] += event == "justified"
        found.false_holds += event in {"approved", "allowed"} and code in _FALSE_HOLD
    if event == "approved" and fields.get("basis-accepted") in {"interest", "6(1)(f)"}:
        found.uninformed += str(fields.get("informed", "")) in {"no", "planned", "will-be"}
    if event == "content-opened":
        found.openings[str(fields.get("stage", "content"))] += 1
    found.undetermined += fields.get("controller-after") == "undetermined"
    found.attested += event == "deletion-attested"


def _dossiers(conn: Connection, book: Book, found: Month, first: date, after: date) -> None:
    for one in book.many(conn, access.KIND):
        found.requests += first <= one.row.opened_at.date() < after
        found.requests_answered += bool(one.row.closed_at and first <= one.row.closed_at.date() < after)
    for one in book.many(conn, unmasking.KIND):
        if first <= one.row.opened_at.date() < after:
            found.unmaskings[str(one.data["purpose"])] += len(one.data["looks"]) > 0
    for one in book.many(conn, breach.KIND):
        if first <= one.row.opened_at.date() < after:
            found.breaches += 1
            found.breaches_late += bool(one.data["why_late"])


def shown(number: int) -> str:
    """The number, or that it is too small to be shown."""
    return str(number) if number == 0 or number >= LEAST else f"< {LEAST}"


def merged(counts: Counter[Any]) -> list[tuple[Any, str]]:
    """Rows with their numbers; all that are under five become one row, which is shown when it is no longer small."""
    big = [(name, str(count)) for name, count in sorted(counts.items(), key=str) if count >= LEAST]
    small = sum(count for count in counts.values() if count < LEAST)
    return [*big, *([("", shown(small))] if small else [])]
