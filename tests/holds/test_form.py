# SPDX-License-Identifier: Apache-2.0
"""The justification form: every question, every mistake named at its field, and that not knowing is an answer."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.holds.form import BASES, FIELDS, UNKNOWN, FormProblems, Statement, read, short
from dlpmilter.holds.reasons import REASONS

WHOLE = {
    "code": "r1", "purpose": "Der Laptop ist  kaputt,\ndas Angebot muss morgen hinaus", "whose_data": "customers",
    "sensitive": "no", "business_secret": "yes", "basis": "interest", "interest": "Angebot", "necessity": "Frist",
    "alternatives_tried": "kein VPN", "informed": "will-be", "informed_detail": "mit dem Angebot", "agreed_with": "IT",
    "mailbox": "nur ich, GMX", "needed_until": "2026-12-01", "urgent": "yes", "urgent_why": "morgen 8 Uhr",
    "hint_read": "yes",
}  # fmt: skip


def test_a_whole_form_is_one_statement_and_comes_back_from_the_store() -> None:
    """Texts on one line, the basis with its letter of Art. 6, nothing lost on the way through JSON."""
    statement = read(WHOLE, date(2026, 11, 26))
    assert statement.purpose == "Der Laptop ist kaputt, das Angebot muss morgen hinaus"
    assert (statement.code, statement.article) == ("R1", "6(1)(f)")
    assert Statement.from_json(statement.to_json()) == statement
    assert set(WHOLE) == {each.name for each in FIELDS}


def test_every_mistake_is_named_at_once() -> None:
    """A missing answer, one that is none, a text too long, a day that is over, a question nobody asks."""
    answers = WHOLE | {
        "purpose": "", "basis": "because", "interest": "x" * 281, "needed_until": "2026-11-25", "urgent": "perhaps",
        "agreed_with": "y" * 121, "whoever": "z",
    }  # fmt: skip
    with pytest.raises(FormProblems) as found:
        read(answers, date(2026, 11, 26))
    assert found.value.problems == {
        "whoever": "unknown-field", "purpose": "missing", "basis": "not-a-choice", "interest": "too-long",
        "needed_until": "past", "urgent": "not-a-choice", "agreed_with": "too-long",
    }  # fmt: skip
    assert read(WHOLE | {"needed_until": "2026-11-25"}).needed_until == "2026-11-25"
    with pytest.raises(FormProblems, match="a date is needed"):
        read(WHOLE | {"needed_until": "soon"})


def test_an_interest_of_the_company_opens_three_more_questions() -> None:
    """With another basis nobody asks them; with this one all three need an answer (domain.md F13)."""
    bare = {"code": "R2", "purpose": "x", "whose_data": "none", "basis": "interest", "informed": "not-applicable"}
    with pytest.raises(FormProblems) as found:
        read(bare)
    assert found.value.problems == dict.fromkeys(("interest", "necessity", "alternatives_tried"), "missing")
    assert read(bare | {"basis": "law"}).article == "6(1)(c)"
    with pytest.raises(FormProblems, match="urgent_why"):
        read(bare | {"basis": "law", "urgent": "yes"})


def test_not_knowing_is_always_an_answer() -> None:
    """The three questions that need an answer take "I do not know"."""
    statement = read({"code": "R11", "purpose": "x"} | dict.fromkeys(("whose_data", "basis", "informed"), UNKNOWN))
    assert (statement.basis, statement.article) == (UNKNOWN, "")
    assert short("R11", "x") == statement
    assert short("r2") == Statement("R2")
    for bad in ("R12", ""):
        with pytest.raises(FormProblems, match="R1 to R11"):
            short(bad, "x")


def test_with_four_reasons_nothing_else_is_asked_or_kept() -> None:
    """Evidence, a report, private mail and a slip need no answers; a report keeps no text at all."""
    for code in ("R5", "R6", "R7", "R8"):
        statement = read(WHOLE | {"code": code})
        assert (statement.whose_data, statement.interest, statement.basis) == (UNKNOWN, "", UNKNOWN)
        assert statement.purpose == ("" if code == "R6" else read(WHOLE).purpose)
        assert read({"code": code}) == Statement(code)


def test_every_question_speaks_both_languages() -> None:
    """Labels, hints and answers exist in German and English and differ; the codes are the known ones."""
    texts = [said for each in FIELDS for said in (each.label, each.hint, *(each.choices or {}).values()) if said]
    assert all(said.de and said.en and said.de != said.en for said in texts)
    by_name = {each.name: each for each in FIELDS}
    assert list(by_name["code"].choices or ()) == list(REASONS)
    assert list(by_name["basis"].choices or ()) == list(BASES)


@given(st.dictionaries(st.sampled_from([*(each.name for each in FIELDS), "x"]), st.text(max_size=300), max_size=8))
def test_any_answers_are_a_statement_or_named_problems(answers: dict[str, str]) -> None:
    """Nothing else is raised, and what is taken is within its limits."""
    try:
        statement: Statement | None = read(answers)
        problems: dict[str, str] = {}
    except FormProblems as error:
        statement, problems = None, error.problems
    assert (statement is None) is bool(problems)
    if statement is not None:
        assert len(statement.purpose) <= 280
        assert Statement.from_json(statement.to_json()) == statement
