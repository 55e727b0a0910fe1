# SPDX-License-Identifier: Apache-2.0
"""Each row of the controller_after table of domain.md section 2."""

from __future__ import annotations

import pytest

from dlpmilter.audit.controller import ControllerAfter, Purpose, controller_after, purpose_of
from dlpmilter.model.words import Relation


def test_what_never_left_is_not_transmitted() -> None:
    """Held, rejected, withdrawn and expired mail: nothing was transmitted, whatever else is known."""
    found = controller_after(transmitted=False, approved=True, purpose=Purpose.own)
    assert found.after is ControllerAfter.not_transmitted
    assert not found.breach_check


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("relation", list(Relation))
def test_an_approval_makes_it_the_companys_own_act(purpose: Purpose, relation: Relation) -> None:
    """Approved never means the employee, whoever receives it and for whatever purpose."""
    found = controller_after(transmitted=True, approved=True, purpose=purpose, relation=relation)
    assert found.after is ControllerAfter.org_remains
    assert "mailbox-provider-without-art-28-contract" in found.flags


def test_a_customer_is_his_own_controller() -> None:
    """Mail to the data subject himself makes the recipient responsible for his copy."""
    assert controller_after(transmitted=True, relation=Relation.customer).after is ControllerAfter.recipient_own


def test_unapproved_work_purpose_stays_with_the_company_and_is_checked() -> None:
    """Left unapproved for work: the company remains, and a breach check follows."""
    found = controller_after(transmitted=True, purpose=Purpose.work)
    assert (found.after, found.breach_check) == (ControllerAfter.org_remains, True)


def test_unapproved_own_purpose_is_presumed_and_checked() -> None:
    """Left unapproved for own purposes: presumed, never confirmed, and a breach check follows."""
    found = controller_after(transmitted=True, purpose=Purpose.own)
    assert (found.after, found.breach_check) == (ControllerAfter.employee_presumed, True)


def test_everything_else_is_open() -> None:
    """What no row decides is undetermined."""
    assert controller_after(transmitted=True).after is ControllerAfter.undetermined


@pytest.mark.parametrize(
    ("code", "purpose"),
    [
        ("R1", Purpose.work),
        ("R2", Purpose.work),
        ("R4", Purpose.own),
        ("R7", Purpose.own),
        ("R11", Purpose.unknown),
        (None, Purpose.unknown),
    ],
)
def test_reason_codes_say_the_purpose(code: str | None, purpose: Purpose) -> None:
    """The form's codes map to a purpose; "don't know" stays unknown."""
    assert purpose_of(code) is purpose
