# SPDX-License-Identifier: Apache-2.0
"""Erasing one person (Art. 17 GDPR): what stands in the way, with its ground, and the deletion of the rest.

Never decides whether a wish is granted: the DPO does, with this list before his eyes. Never touches a skeleton entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dlpmilter.audit import forget, trail
from dlpmilter.audit.trail import Entry
from dlpmilter.holds.states import FINAL, State
from dlpmilter.storage import case_rows, dossier_rows, person_rows, vault_rows
from dlpmilter.storage.vault import BESIDE, vault_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from dlpmilter.storage.case_rows import Case
    from dlpmilter.storage.person_rows import PersonRows

EVENT = "person-erased"
BREACH = "breach"


@dataclass(frozen=True, slots=True)
class Ground:
    """One question of the list, its answer, and the cases it keeps."""

    question: str
    answer: str
    keeps: tuple[str, ...] = ()
    legal: str = ""
    """The ground of Art. 17 that answers it."""
    until: str = ""
    """When it ends; what was kept then goes by itself."""


@dataclass(frozen=True, slots=True)
class Checklist:
    """What is there of a person, and what of it may not go now."""

    own_cases: int
    others_cases: int
    trail_fields: int
    other_rows: int
    grounds: tuple[Ground, ...]

    @property
    def kept(self) -> frozenset[str]:
        """Cases that stay for now."""
        return frozenset(case.partition(BESIDE)[0] for each in self.grounds for case in each.keeps)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Erased:
    """How much went, and what stayed with which ground."""

    cases: int
    rows: int
    fields: int
    kept: tuple[Ground, ...]


def found(conn: Connection, addresses: Sequence[str], now: datetime) -> PersonRows:
    """Everything about the person with these addresses. Raises ValueError without the key file."""
    vault = vault_of(conn)
    if vault is None:
        raise ValueError("without the key file nobody can be found in the trail")
    subjects = [each for address in addresses for each in vault.subjects_ever(address)]
    return person_rows.find(conn, addresses, subjects, now)


def checklist(conn: Connection, addresses: Sequence[str], now: datetime, *, asked: str = "") -> Checklist:
    """Is the purpose done, are periods over, is there a legal hold, a breach file, sealed evidence? (domain E3).

    What is only kept because this request, `asked`, is not answered yet stands in nobody's way.
    """
    return _listed(conn, found(conn, addresses, now), asked)


def _listed(conn: Connection, person: PersonRows, asked: str = "") -> Checklist:
    own, others = case_rows.many(conn, person.own_cases), case_rows.many(conn, person.others_cases)
    scopes = {*person.own_scopes, *person.others_cases, *(scope for _, _, scope in person.fields)}
    waiting = tuple(case.id for case in own if _open(case))
    sealed = tuple(case.id for case in own if any(hold.state == State.sealed for hold in case.holds))
    others_wait = tuple(case.id for case in others if _open(case) or any(h.state == State.sealed for h in case.holds))
    kept = [each for each in vault_rows.kept(conn) if each.scope.partition(BESIDE)[0] in scopes]
    held = [each for each in kept if each.reason != asked]
    files = [row for row in dossier_rows.of_case(conn, BREACH, sorted(scopes)) if row.closed_at is None]
    ends = max((f"{each.until:%Y-%m-%d}" for each in held), default="")
    grounds = (
        _ground("is the purpose done?", waiting, "mails still wait for a decision",
                "17(1)(a): the purpose is not over", "the decision"),
        _ground("is there sealed evidence?", sealed, "kept on the person's own wish", "17(3)(e): legal claims",
                "the end of the evidence"),
        _ground("does somebody else's mail to the person wait?", others_wait, "are not decided yet",
                "17(1)(a): the purpose is not over", "the decision"),
        _ground("is something about it still on its way?", person.moving, "cases have mail under way",
                "17(1)(a): mail that was taken is delivered first", "some days at most"),
        Ground("are mails on their way to the person?", f"yes: {person.owed}" if person.owed else "no", (),
               "mail that was taken is delivered first" if person.owed else "", "some days" if person.owed else ""),
        _ground("is there a legal hold?", tuple(each.scope for each in held), "cases are kept by a named person",
                "17(3)(e): legal claims", ends),
        _ground("is there a file about a breach?", tuple(row.case_id for row in files), "open files under Art. 33(5)",
                "17(3)(b): Art. 33(5)", "the end of the file"),
        Ground("is there a consent to be withdrawn, or a duty to archive?",
               "no: this product needs no consent, and a mail that was held is no dispatched letter"),
    )  # fmt: skip
    counts = (len(person.own_cases), len(person.others_cases), len(person.fields), sum(person.counts.values()))
    return Checklist(*counts, grounds)


def _open(case: Case) -> bool:
    return any(hold.state not in FINAL | {State.sealed} for hold in case.holds)


def _ground(question: str, keeps: tuple[str, ...], words: str, legal: str, until: str) -> Ground:
    if not keeps:
        return Ground(question, "no")
    return Ground(question, f"yes: {len(keeps)} {words}", keeps, legal, until)


def erase(
    conn: Connection, addresses: Sequence[str], *, policy_version: str, dossier: str, role: str, now: datetime
) -> Erased:
    """Delete all of it that nothing keeps, in one transaction, with entries that say what went and never whose."""
    person = found(conn, addresses, now)
    listed = _listed(conn, person)
    kept = listed.kept
    own, others = ([each for each in cases if each not in kept] for cases in (person.own_cases, person.others_cases))
    rows = person_rows.erase(conn, addresses, own=own, others=others, kept=sorted(kept), settled=sorted(FINAL))
    scopes = [each for each in person.own_scopes if each.partition(BESIDE)[0] not in kept]
    fields = [(seq, position) for seq, position, scope in person.fields if scope.partition(BESIDE)[0] not in kept]
    why = f"erasure {dossier}"
    done = forget.forget_scopes(conn, scopes, policy_version=policy_version, why=why, at=now)
    done += trail.erase(conn, fields, policy_version=policy_version, scope=why, at=now)
    said: dict[str, trail.Value] = {"scope": dossier, "count": rows + done, "role": role, "why": "deleted with keys"}
    trail.append(conn, Entry(EVENT, "none", policy_version, "", said, now))
    return Erased(len(own), rows, done, tuple(each for each in listed.grounds if each.keeps))
