# SPDX-License-Identifier: Apache-2.0
"""Who is presumed responsible after the act: the controller_after table of domain.md section 2 as code.

It records facts and a presumption for a person to confirm; it never asserts the law and never says
that an approved transfer is the employee's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dlpmilter.model.words import Relation, Stated


class ControllerAfter(StrEnum):
    """The values the record may hold."""

    not_transmitted = "not_transmitted"
    org_remains = "org_remains"
    employee_presumed = "employee_presumed"
    employee_confirmed = "employee_confirmed"
    recipient_own = "recipient_own"
    undetermined = "undetermined"


class Purpose(StrEnum):
    """What the sender says the mail was for, as far as it changes the presumption."""

    work = "work"
    own = "own"
    unknown = "unknown"


@dataclass(frozen=True, slots=True)
class ControllerFinding:
    """The presumption, the row of the table it comes from, and what has to follow."""

    after: ControllerAfter
    basis: str
    flags: tuple[str, ...] = ()
    breach_check: bool = False


_WORK = frozenset({"R1", "R2", "R3", "R9", "R10"})
_OWN = frozenset({"R4", "R5", "R7"})


def purpose_of(reason_code: str | None) -> Purpose:
    """What a reason code of the form (domain.md section 6) says about the purpose."""
    if reason_code in _WORK:
        return Purpose.work
    return Purpose.own if reason_code in _OWN else Purpose.unknown


def controller_after(
    *,
    transmitted: bool,
    approved: bool = False,
    relation: Relation = Relation.none,
    purpose: Purpose = Purpose.unknown,
    stated: Stated = Stated.none,
) -> ControllerFinding:
    """The first row of the table that fits, in the order of domain.md section 2."""
    if not transmitted:
        return ControllerFinding(ControllerAfter.not_transmitted, "nothing-left-the-company")
    if approved:
        flags = ("mailbox-provider-without-art-28-contract", "deletion-date-wanted")
        return ControllerFinding(ControllerAfter.org_remains, "approval-makes-it-the-companys-act", flags)
    if stated is Stated.own_document:  # the policy found nobody else in it
        return ControllerFinding(ControllerAfter.recipient_own, "recipient-is-the-data-subject")
    if stated is Stated.private:
        return ControllerFinding(ControllerAfter.employee_presumed, "private-and-nothing-of-the-company-found")
    if relation is Relation.customer:
        return ControllerFinding(ControllerAfter.recipient_own, "recipient-is-the-data-subject")
    if purpose is Purpose.work:
        return ControllerFinding(ControllerAfter.org_remains, "unapproved-work-purpose", breach_check=True)
    if purpose is Purpose.own:
        return ControllerFinding(ControllerAfter.employee_presumed, "unapproved-own-purpose", breach_check=True)
    return ControllerFinding(ControllerAfter.undetermined, "to-be-resolved-within-30-days")
