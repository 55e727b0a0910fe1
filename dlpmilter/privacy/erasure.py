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
from dlpmilter.storage.vault import vault_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

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
        return frozenset(case for each in self.grounds for case in each.keeps)

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


def found(conn: Connection, addresses: Sequence[str]) -> PersonRows:
    """Everything about the person with these addresses. Raises ValueError without the key file."""
    vault = vault_of(conn)
    if vault is None:
        raise ValueError("without the key file nobody can be found in the trail")
    subjects = [each for address in addresses for each in vault.subjects_ever(address)]
    return person_rows.find(conn, addresses, subjects)


def checklist(conn: Connection, addresses: Sequence[str]) -> Checklist:
    """Is the purpose done, are periods over, is there a legal hold, a breach file, sealed evidence? (domain E3)."""
    person = found(conn, addresses)
    rows = case_rows.many(conn, person.own_cases)
    waiting = tuple(case.id for case in rows if any(hold.state not in FINAL | {State.sealed} for hold in case.holds))
    sealed = tuple(case.id for case in rows if any(hold.state == State.sealed for hold in case.holds))
    held = [each for each in vault_rows.kept(conn) if each.scope in person.own_scopes]
    breaches = [row for row in dossier_rows.of_case(conn, BREACH, person.own_scopes) if row.closed_at is None]
    grounds = (
        Ground("is the purpose done?", _say(waiting, "mails still wait for a decision"), waiting,
               "17(1)(a): the purpose is not over" if waiting else "", "the decision" if waiting else ""),
        Ground("is there sealed evidence?", _say(sealed, "kept on the person's own wish"), sealed,
               "17(3)(e): legal claims" if sealed else "", "the end of the evidence" if sealed else ""),
        Ground("is there a legal hold?", _say(held, "cases are kept by a named person"),
               tuple(each.scope for each in held), "17(3)(e): legal claims" if held else "",
               max((f"{each.until:%Y-%m-%d}" for each in held), default="")),
        Ground("is there a file about a breach?", _say(breaches, "open files under Art. 33(5)"),
               tuple(row.case_id for row in breaches), "17(3)(b): Art. 33(5)" if breaches else "",
               "the end of the file" if breaches else ""),
        Ground("is a notice about it still on its way?", _say(range(person.owed), "mails to others name the person"),
               (), "they are handed over first" if person.owed else "", "some days at most" if person.owed else ""),
        Ground("is there a consent to be withdrawn, or a duty to archive?",
               "no: this product needs no consent, and a mail that was held is no dispatched letter"),
    )  # fmt: skip
    return Checklist(
        len(person.own_cases), len(person.others_cases), len(person.fields), sum(person.counts.values()), grounds
    )


def _say(what: Sequence[object], words: str) -> str:
    return f"yes: {len(what)} {words}" if what else "no"


def erase(
    conn: Connection, addresses: Sequence[str], *, policy_version: str, dossier: str, role: str, now: datetime
) -> Erased:
    """Delete all of it that nothing keeps, in one transaction, with entries that say what went and never whose."""
    person = found(conn, addresses)
    listed = checklist(conn, addresses)
    scopes = [each for each in person.own_scopes if each not in listed.kept]
    closed = [each for each in person.own_cases if each not in listed.kept]
    rows = person_rows.erase(conn, person, closed, addresses)
    why = f"erasure {dossier}"
    fields = forget.forget_scopes(conn, scopes, policy_version=policy_version, why=why, at=now)
    fields += trail.erase(conn, person.fields, policy_version=policy_version, scope=why, at=now)
    said: dict[str, trail.Value] = {"scope": dossier, "count": rows + fields, "role": role, "why": "deleted with keys"}
    trail.append(conn, Entry(EVENT, "none", policy_version, "", said, now))
    return Erased(len(closed), rows, fields, tuple(each for each in listed.grounds if each.keeps))
