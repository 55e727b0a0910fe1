# SPDX-License-Identifier: Apache-2.0
"""What is remembered of a mail changes no answer: asked with and without, in any order, by several policies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlpmilter.engine.evaluate import evaluate
from dlpmilter.engine.questions import own_person, questions
from dlpmilter.engine.seen import Seen
from dlpmilter.mime.head import read_head
from dlpmilter.mime.structure import read_structure
from dlpmilter.policy.domains import DomainLists
from tests.engine.samples import LIMITS, NOW, SHIPPED, Staff, transaction

RAW = (
    b"From: Anna Berger <anna.berger@corp.example>\r\nTo: anna@berger-privat.de\r\nSubject: WG: Angebot\r\n\r\n"
    b"zur Info\r\n\r\n-----Original Message-----\r\nFrom: k@kunde.example\r\nTo: anna.berger@corp.example\r\nSubject: x\r\n"
)
RCPT = ("anna.berger@web.de", "x@kunde.example", "info@berger-privat.de", "bob@corp.example")
OTHER = replace(SHIPPED, domains=DomainLists(SHIPPED.domains.lists, ["kunde.example"]))
STAFF = Staff({"anna.berger@corp.example": ("Anna Huber",)}, private={"x@kunde.example": "anna.berger@corp.example"})


@pytest.mark.parametrize("facts", [NOW, replace(NOW, known=None), replace(NOW, directory=STAFF)])
def test_what_was_seen_changes_no_answer(facts: object) -> None:
    """Two policies with different domains take turns; so do questions without and with structure."""
    one, head, structure, seen = (
        transaction(RAW, rcpt=RCPT),
        read_head(RAW, LIMITS),
        read_structure(RAW, LIMITS),
        Seen(),
    )
    for _ in range(2):
        for policy in (SHIPPED, OTHER):
            for each in (None, structure):
                again = evaluate(one, head, facts, policy, each, None, seen)  # type: ignore[arg-type]
                assert again == evaluate(one, head, facts, policy, each, None)  # type: ignore[arg-type]
            assert own_person(one, head, facts, policy, seen) == own_person(one, head, facts, policy)  # type: ignore[arg-type]
            assert questions(one, head, facts, policy, seen) == questions(one, head, facts, policy)  # type: ignore[arg-type]


def test_another_mail_another_directory_and_other_owners_are_read_anew() -> None:
    """A reading answers for its own mail, lists and people only."""
    one, head, seen = transaction(RAW, rcpt=RCPT), read_head(RAW, LIMITS), Seen()
    first = seen.reading(one, head, NOW, SHIPPED)
    assert seen.reading(one, head, replace(NOW, known=None), SHIPPED) is first
    for facts in (replace(NOW, directory=STAFF), replace(NOW, owners={"anna.berger@corp.example": "b@corp.example"})):
        assert seen.reading(one, head, facts, SHIPPED) is not first
    assert seen.reading(replace(one, id="u"), head, NOW, SHIPPED) is not first
    assert seen.reading(one, head, NOW, OTHER) is not first
