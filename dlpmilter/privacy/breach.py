# SPDX-License-Identifier: Apache-2.0
"""The clock of Art. 33 GDPR: suspected, aware, assessed, told. Opens by itself; never decides and never proposes.

Held mail opens nothing: it has not left. "Aware" is set by a person with a reason; after 24 hours it counts from
the moment the breach was seen. The file of Art. 33(5) is kept whatever the outcome.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dlpmilter.holds.reread import ALLOWED, UNSHUNTED
from dlpmilter.privacy.dossiers import Dossier, Moved, acted_by
from dlpmilter.storage import dossier_rows, trail_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.privacy.dossiers import Book, Officer
    from dlpmilter.storage.trail_rows import EntryRow, ValueRow

KIND = "breach"
AWARE_AFTER = timedelta(hours=24)
ALARMS = (24, 48, 60, 70)
"""Hours after somebody knew, at which the DPO is told again."""
BULK = 50
"""Approvals by one person within an hour that are looked at."""
_SEEN = "breach-looked-until"
_LEAVES = frozenset({"approved", ALLOWED, UNSHUNTED})
"""What lets held mail go: people, or the policy asked again."""
_PAGE = 500


class State(StrEnum):
    """Where a breach stands."""

    suspected = "suspected"
    aware = "aware"
    assessed = "assessed"
    closed = "closed"


class Outcome(StrEnum):
    """What follows from the assessment; the DPO decides."""

    none = "none"
    authority = "authority"
    authority_and_persons = "authority-and-persons"


CAUSES = {
    "sent-without-approval": "a mail went out after it was refused or withdrawn",
    "bulk-release": f"one person approved more than {BULK} mails within an hour",
    "fail-open": "mail passed while the filter was off or let everything pass",
    "reclassified": "a domain that got mail is private after all",
    "account": "an account of a reviewer or admin was in other hands",
    "exemption": "an exemption was used beyond its scope or end",
    "other": "seen by a person",
}
SHEET = (
    "what", "categories", "persons", "records", "recipient", "encryption", "likelihood", "severity", "measures",
    "reasons",
)  # fmt: skip
"""The questions of the assessment (Art. 33(3), EDPB guidelines 9/2022)."""
_NEEDED = ("what", "categories", "recipient", "likelihood", "severity", "reasons")


def open_breach(
    conn: Connection, book: Book, cause: str, words: str, now: datetime, *, case_id: str = "", by: Officer | None = None
) -> Dossier:
    """Begin a file. `words` say what was seen, without names of third persons."""
    if cause not in CAUSES:
        raise ValueError(f"{cause!r} is not one of {', '.join(CAUSES)}")
    data = {
        "cause": cause, "seen": CAUSES[cause], "words": words[:1000], "detected": now.isoformat(timespec="seconds"),
        "aware": "", "notify_by": "", "sheet": {}, "outcome": "", "told_authority": "", "told_persons": "",
        "why_late": "", "history": [],
    }  # fmt: skip
    fields = {"why": cause, **(acted_by(by, "officer") if by is not None else {"role": "dlpmilter"})}
    return book.open(
        conn, KIND, State.suspected, data=data, due=now + AWARE_AFTER, now=now, case_id=case_id, fields=fields
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """Who takes a step, when, and how many hours the law gives."""

    conn: Connection
    book: Book
    hours: int
    by: Officer | None
    now: datetime

    def act(self, number: str, what: str, said: Mapping[str, str]) -> Dossier:
        """One step of the DPO. Raises NoSuchDossier, Moved, ValueError."""
        one = self.book.get(self.conn, number, KIND)
        if one.row.state == State.closed:
            raise Moved(f"{one.id} is closed")
        steps = {"aware": self._aware, "assess": self._assess, "told": self._told, "close": self._close}
        if what not in steps:
            raise ValueError(f"{what!r} is not one of {', '.join(steps)}")
        return steps[what](one, said)

    def _aware(self, one: Dossier, said: Mapping[str, str]) -> Dossier:
        if one.row.state != State.suspected:
            raise Moved(f"{one.id} is {one.row.state}: the time is set already")
        at = datetime.fromisoformat(said["at"]) if said.get("at") else self.now
        if at.tzinfo is None or not datetime.fromisoformat(one.data["detected"]) <= at <= self.now:
            raise ValueError("the time must carry a zone and lie between when it was seen and now")
        return self.set_aware(one, at, _word(said, "reason"))

    def set_aware(self, one: Dossier, at: datetime, reason: str) -> Dossier:
        """The clock runs: calendar hours, weekends included."""
        until = at + timedelta(hours=self.hours)
        return self._move(
            one, "breach-aware", State.aware, due=until, aware=_time(at), notify_by=_time(until), aware_reason=reason
        )

    def _assess(self, one: Dossier, said: Mapping[str, str]) -> Dossier:
        if one.row.state == State.suspected:
            one = self.set_aware(one, self.now, "assessed")
        outcome = Outcome(said.get("outcome", ""))
        sheet = {name: " ".join(said.get(name, "").split())[:2000] for name in SHEET}
        missing = [name for name in _NEEDED if not sheet[name]]
        if missing:
            raise ValueError(f"the sheet lacks {', '.join(missing)}")
        return self._move(
            one,
            "breach-assessed",
            State.assessed,
            fields={"outcome": outcome.value},
            sheet=sheet,
            outcome=outcome.value,
        )

    def _told(self, one: Dossier, said: Mapping[str, str]) -> Dossier:
        """Authority or persons were told, in one go or in phases (Art. 33(4))."""
        if not one.data["aware"]:
            raise Moved(f"{one.id}: say first since when it is known (aware)")
        whom = said.get("whom", "authority")
        if whom not in {"authority", "persons"}:
            raise ValueError("whom is authority or persons")
        over = self.now > datetime.fromisoformat(one.data["notify_by"])
        late = whom == "authority" and not one.data["told_authority"] and over
        why = " ".join(said.get("why_late", "").split())[:2000]
        if late and not why:
            raise ValueError("the time is over: say why it is late (Art. 33(1))")
        changes: dict[str, Any] = {f"told_{whom}": _time(self.now), "reference": said.get("reference", "")[:200]}
        if late:
            changes["why_late"] = why
        event, state = f"breach-told-{whom}", State(one.row.state)
        return self._move(one, event, state, fields={"why-late": late}, **changes)

    def _close(self, one: Dossier, _: Mapping[str, str]) -> Dossier:
        if one.row.state != State.assessed:
            raise Moved(f"{one.id} is {one.row.state}: it is closed after the assessment")
        outcome = Outcome(one.data["outcome"])
        if outcome is not Outcome.none and not one.data["told_authority"]:
            raise Moved(f"{one.id}: the authority was not told yet (told --whom authority)")
        if outcome is Outcome.authority_and_persons and not one.data["told_persons"]:
            raise Moved(f"{one.id}: the persons were not told yet (told --whom persons)")
        return self._move(one, "breach-closed", State.closed, closed=True)

    def _move(
        self, one: Dossier, event: str, state: State, *, due: datetime | None = None, closed: bool = False,
        fields: Mapping[str, Value] | None = None, **changes: Any,
    ) -> Dossier:  # fmt: skip
        who: Mapping[str, Value] = acted_by(self.by, "dpo") if self.by is not None else {"role": "dlpmilter"}
        line = {"at": _time(self.now), "event": event, "by": self.by.address if self.by is not None else ""}
        return self.book.move(
            self.conn, one, event, state, self.now, due=due, closed=closed, fields={**who, **(fields or {})},
            history=[*one.data["history"], line], **changes,
        )  # fmt: skip


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _word(said: Mapping[str, str], name: str) -> str:
    word = " ".join(said.get(name, "").split())
    if not word:
        raise ValueError(f"say {name}")
    return word[:500]


# ---- what happens by itself --------------------------------------------------------------------------


def overdue_aware(desk: Desk) -> int:
    """Where nobody said for a day since when it is known, it is known since it was seen; how many."""
    done = 0
    for one in desk.book.many(desk.conn, KIND, still_open=True):
        if one.row.state == State.suspected and desk.now >= one.row.opened_at + AWARE_AFTER:
            desk.set_aware(one, one.row.opened_at, "nobody said so within 24 hours")
            done += 1
    return done


def alarms(conn: Connection, book: Book, now: datetime) -> list[tuple[Dossier, str]]:
    """Files somebody must be told about now, each with the mark of the alarm; the caller notes it when told."""
    found = []
    for one in book.many(conn, KIND, still_open=True):
        since = datetime.fromisoformat(one.data["aware"] or one.data["detected"])
        passed = [hours for hours in ALARMS if now >= since + timedelta(hours=hours)]
        mark = f"{'aware' if one.data['aware'] else 'seen'}-{passed[-1] if passed else 0}"
        if one.row.alarm != mark and not one.data["told_authority"] and one.data["outcome"] != Outcome.none:
            found.append((one, mark))
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at new entries found: files to be opened, and up to which entry was looked."""

    causes: tuple[tuple[str, str], ...]
    """(cause, case), the case "" where there is none."""
    until: int
    read: int


def look(conn: Connection) -> Seen:
    """Read the entries since the last look, some of them; nothing is written, so nobody waits for it."""
    since = int(trail_rows.noted(conn, _SEEN) or 0)
    rows = list(trail_rows.entries(conn, since, since + _PAGE))
    causes = [
        cause
        for row, values in rows
        if (cause := _cause(conn, row, {one.name: json.loads(one.value) for one in values if not one.sealed}))
    ]
    return Seen(tuple(causes), rows[-1][0].seq if rows else since, len(rows))


def open_seen(conn: Connection, book: Book, seen: Seen, now: datetime) -> int:
    """Open what was found, one file a case and one bulk release a day; how many."""
    done = 0
    for cause, case in seen.causes:
        known = bool(dossier_rows.of_case(conn, KIND, [case])) if case else _open_since(conn, now - timedelta(hours=24))
        if not known:
            open_breach(conn, book, cause, "", now, case_id=case)
            done += 1
    trail_rows.note(conn, _SEEN, str(seen.until))
    return done


def _cause(conn: Connection, row: EntryRow, fields: Mapping[str, Any]) -> tuple[str, str] | None:
    case = str(fields.get("case", ""))
    if row.event == "released" and case and not _approved(conn, case, row.seq, fields):
        return "sent-without-approval", case
    if row.event == "approved" and _bulk(conn, row.seq):
        return "bulk-release", ""
    if case and any(name.endswith("breach-check") and value is True for name, value in fields.items()):
        return "other", case
    return None


def _open_since(conn: Connection, since: datetime) -> bool:
    return any(not row.case_id and row.opened_at >= since for row in dossier_rows.many(conn, KIND))


def _approved(conn: Connection, case: str, before: int, fields: Mapping[str, Any]) -> bool:
    """Whether what left was approved, allowed by the policy, or sent to the sender's own business mailbox."""
    mine = {value for name, value in fields.items() if name.startswith("recipient.") and name.endswith(".address")}
    allowed: set[object] = set()
    for row, values in _of_case(conn, case):
        if row.seq < before and row.event in _LEAVES:
            allowed |= {json.loads(one.value) for one in values if not one.sealed and one.name.endswith(".address")}
    return not mine or mine <= allowed


def _of_case(conn: Connection, case: str) -> Sequence[tuple[EntryRow, list[ValueRow]]]:
    return trail_rows.of_case(conn, json.dumps(case))


def _bulk(conn: Connection, seq: int) -> bool:
    """Whether the last approvals up to this entry are one person's, more than BULK within an hour."""
    rows = trail_rows.by_number(conn, trail_rows.last_of_event(conn, "approved", seq, BULK + 1))
    if len(rows) <= BULK:
        return False
    said = [{one.name: json.loads(one.value) for one in values if not one.sealed} for _, values in rows]
    times = sorted(datetime.fromisoformat(str(each["at"])) for each in said if "at" in each)
    actors = {each.get("actor") for each in said}
    return len(times) > BULK and len(actors) == 1 and times[-1] - times[0] <= timedelta(hours=1)
