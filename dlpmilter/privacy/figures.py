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

from dlpmilter.audit import trail
from dlpmilter.holds.sender_acts import ATTESTED
from dlpmilter.privacy import access, breach, unmasking
from dlpmilter.storage import consent_rows, trail_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from dlpmilter.privacy.dossiers import Book

LEAST = 5
"""A smaller number could point at somebody (domain.md section 8)."""
_ENDS = ("released", "rejected", "withdrawn", "expired", "returned", "sealed", "release-failed")
_LOOKED_BACK = frozenset({"approved", "rejected", "released"})
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


@dataclass(slots=True)
class _Cases:
    """What earlier entries said of each case, also those of the months before."""

    conn: Connection
    held: dict[str, datetime] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    informed: dict[str, str] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def note(self, case: str, event: str, fields: Mapping[str, Any]) -> None:
        """One entry of a case."""
        if event == "decided" and isinstance(at := fields.get("at"), str):
            self.held.setdefault(case, datetime.fromisoformat(at))
        if code := fields.get("reason-code"):
            self.codes[case] = str(code)
        if informed := fields.get("informed"):
            self.informed[case] = str(informed)

    def look_back(self, case: str) -> None:
        """Read what the case was before this month, once."""
        if case in self.held or case in self._known:
            return
        self._known.add(case)
        for row, fields in trail.of_case(self.conn, case):
            self.note(case, row.event, fields)


def month_of(conn: Connection, book: Book, first: date) -> Month:
    """Count one calendar month."""
    found, cases, of_month = Month(first), _Cases(conn), set()
    after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    for row, values in trail_rows.of_days(conn, first.isoformat(), after.isoformat()):
        fields = {one.name: json.loads(one.value) for one in values if not one.sealed}
        case = str(fields.get("case", ""))
        if row.event in _LOOKED_BACK:
            cases.look_back(case)
        cases.note(case, row.event, fields)
        if fields.get("reason-code"):
            of_month.add(case)
        _count(found, row.event, fields, cases)
        if row.policy_version and row.policy_version not in found.policies:
            found.policies.append(row.policy_version)
    found.reasons.update(cases.codes[case] for case in of_month)  # what was said last, one a case
    _dossiers(conn, book, found, first, after)
    for kind in ("agreement", "exemption"):
        found.consents[kind] = len(consent_rows.many(conn, kind, {"in_force"}))
    return found


def _count(found: Month, event: str, fields: Mapping[str, Any], cases: _Cases) -> None:
    case, at = str(fields.get("case", "")), fields.get("at")
    for name, value in fields.items():
        if event == "decided" and name.startswith("recipient.") and name.endswith(".action"):
            found.decisions[str(value), str(fields.get(name.replace(".action", ".class"), "unknown"))] += 1
        found.undetermined += name.endswith("controller-after") and value == "undetermined"
    found.ends[event] += event in _ENDS
    if event in {"approved", "rejected"} and isinstance(at, str) and case in cases.held:
        found.hours.append((datetime.fromisoformat(at) - cases.held[case]).total_seconds() / 3600)
    found.false_holds += event == "released" and cases.codes.get(case) in _FALSE_HOLD
    if event == "approved" and fields.get("basis-accepted") == "interest":
        found.uninformed += cases.informed.get(case) in {"no", "will-be"}
    if event == "content-opened":
        found.openings[str(fields.get("stage", "content"))] += 1
    found.attested += event == ATTESTED


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
