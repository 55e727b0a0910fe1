# SPDX-License-Identifier: Apache-2.0
"""The justification form of domain.md section 6: its fields, what each may hold, and one statement out of them.

Command line, pages and programs are made from FIELDS, so all of them ask the same. "I do not know" is always an
answer. Never judges a statement and never keeps one: that is the workflow's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Literal, NamedTuple

from dlpmilter.holds.reasons import REASONS

SHORT = 280
"""Characters of a sentence."""
UNKNOWN = "unknown"
EVIDENCE, PROTECTED, PRIVATE, WRONG = "R5", "R6", "R7", "R8"
NO_QUESTIONS = frozenset({EVIDENCE, PROTECTED, PRIVATE, WRONG})
"""Reasons with which nothing else is asked: what is kept, protected or private is nobody's business, and a slip of
the keyboard needs no explanation."""

BASES: Mapping[str, str] = {
    "contract": "6(1)(b)", "law": "6(1)(c)", "consent": "6(1)(a)", "interest": "6(1)(f)", UNKNOWN: "",
}  # fmt: skip
"""The basis in plain words -> the letter of GDPR Art. 6(1)."""


class Said(NamedTuple):
    """One text in both languages."""

    de: str
    en: str


@dataclass(frozen=True, slots=True)
class Field:
    """One question: its name for programs, its words for people, what an answer may be."""

    name: str
    kind: Literal["choice", "text", "date", "check"]
    label: Said
    choices: Mapping[str, Said] | None = None
    required: bool = False
    limit: int = SHORT
    hint: Said | None = None
    only_if: tuple[str, str] | None = None
    """Another field and the answer with which this question is asked (and required)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What the sender says about one mail. Texts are his own; choices are slugs; nothing is judged."""

    code: str
    purpose: str = ""
    whose_data: str = UNKNOWN
    sensitive: str = UNKNOWN
    business_secret: str = UNKNOWN
    basis: str = UNKNOWN
    interest: str = ""
    necessity: str = ""
    alternatives_tried: str = ""
    informed: str = UNKNOWN
    informed_detail: str = ""
    agreed_with: str = ""
    mailbox: str = ""
    needed_until: str = ""
    """ISO date, "" for none."""
    urgent: str = ""
    """"yes" or ""."""
    urgent_why: str = ""
    hint_read: str = ""
    """Information, not consent: consent is not free at work (domain.md section 6)."""

    @property
    def article(self) -> str:
        """The letter of GDPR Art. 6(1) that the plain words stand for, "" when the sender does not know."""
        return BASES[self.basis]

    def to_json(self) -> str:
        """For the store, without what was left open."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Statement:
        """What `to_json` wrote; names that this version does not know are passed over."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: str(value) for name, value in json.loads(text).items() if name in known})


class FormProblems(ValueError):
    """Answers that cannot be taken: field -> slug (missing, not-a-choice, too-long, not-a-date, past). All at once."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name}: {_words(name, slug)}" for name, slug in self.problems.items()))


def _words(name: str, slug: str) -> str:
    if name == "code" and slug != "too-long":
        return "a reason code is needed; they are R1 to R11"
    if slug == "too-long" and name in QUESTIONS:
        return f"this is too long, {QUESTIONS[name].limit} characters are enough"
    return _PROBLEMS[slug]


_PROBLEMS = {
    "missing": "an answer is needed",
    "not-a-choice": "this is none of the answers that can be given",
    "too-long": "this is too long",
    "not-a-date": "a date is needed, for example 2026-12-31",
    "past": "this day is over",
    "unknown-field": "the form has no such question",
}
_YES_NO = {"yes": Said("Ja", "Yes"), "no": Said("Nein", "No"), UNKNOWN: Said("Weiß ich nicht", "I do not know")}

FIELDS: tuple[Field, ...] = (
    Field("code", "choice", Said("Warum soll die E-Mail hinaus?", "Why should the e-mail leave?"),
          {code: Said(words.de, words.en) for code, words in REASONS.items()}, required=True),
    Field("purpose", "text", Said("Wofür wird sie gebraucht?", "What is it needed for?"), required=True,
          hint=Said("Ein Satz. Bitte keine Namen dritter Personen.", "One sentence. Please no names of other people.")),
    Field("whose_data", "choice", Said("Um wessen Daten geht es?", "Whose data are in it?"), {
        "customers": Said("Kunden", "Customers"), "colleagues": Said("Kollegen", "Colleagues"),
        "applicants": Said("Bewerber", "Applicants"), "patients": Said("Patienten", "Patients"),
        "own": Said("Nur meine eigenen", "Only my own"), "none": Said("Keine Personen", "No people"),
        UNKNOWN: _YES_NO[UNKNOWN]}, required=True),
    Field("sensitive", "choice", Said("Sind heikle Angaben dabei?", "Are there sensitive details?"), {
        "health": Said("Gesundheit", "Health"), "pay": Said("Gehalt", "Pay"),
        "criminal": Said("Straftaten", "Criminal matters"), "secrecy": Said("Schweigepflicht", "Duty of secrecy"),
        "no": Said("Nein", "No"), UNKNOWN: _YES_NO[UNKNOWN]}),
    Field("business_secret", "choice", Said("Sind vertrauliche Geschäftsdaten dabei?",
                                            "Are there confidential business data?"), _YES_NO),
    Field("basis", "choice", Said("Warum darf die Firma das?", "Why may the company do this?"), {
        "contract": Said("Vertrag mit der Person", "A contract with the person"),
        "law": Said("Ein Gesetz verlangt es", "A law asks for it"),
        "consent": Said("Die Person ist einverstanden", "The person agreed"),
        "interest": Said("Wichtiges Interesse der Firma", "An important interest of the company"),
        UNKNOWN: _YES_NO[UNKNOWN]}, required=True),
    Field("interest", "text", Said("Welches Interesse?", "Which interest?"), only_if=("basis", "interest")),
    Field("necessity", "text", Said("Warum ist es dafür nötig?", "Why is it needed for that?"),
          only_if=("basis", "interest")),
    Field("alternatives_tried", "text", Said("Warum geht es nicht anders?", "Why is there no other way?"),
          only_if=("basis", "interest")),
    Field("informed", "choice", Said("Wissen die Betroffenen davon?", "Do the people concerned know?"), {
        "yes": Said("Ja", "Yes"), "will-be": Said("Sie werden informiert", "They will be told"),
        "no": Said("Nein, weil ...", "No, because ..."),
        "not-applicable": Said("Es sind keine da", "There are none"), UNKNOWN: _YES_NO[UNKNOWN]}, required=True),
    Field("informed_detail", "text", Said("Wann und wie, oder warum nicht?", "When and how, or why not?")),
    Field("agreed_with", "text", Said("Mit wem in der Firma ist es abgesprochen? (Rolle)",
                                      "Who in the company agreed? (role)"), limit=120),
    Field("mailbox", "text", Said("Wer nutzt das Postfach, bei welchem Anbieter?",
                                  "Who uses the mailbox, at which provider?"), limit=120),
    Field("needed_until", "date", Said("Bis wann werden die Daten gebraucht?", "Until when are the data needed?")),
    Field("urgent", "check", Said("Es eilt", "It is urgent")),
    Field("urgent_why", "text", Said("Bis wann und warum?", "Until when and why?"), only_if=("urgent", "yes")),
    Field("hint_read", "check", Said("Ich habe den Hinweis gelesen", "I have read the hint")),
)  # fmt: skip
"""Every question, in the order people are asked."""

QUESTIONS = {each.name: each for each in FIELDS}


def short(code: str, purpose: str = "") -> Statement:
    """The two answers of `dlpmilter holds justify CODE [TEXT]`; everything else is left open. Raises FormProblems."""
    try:
        return read({"code": code, "purpose": purpose, "whose_data": UNKNOWN, "basis": UNKNOWN, "informed": UNKNOWN})
    except FormProblems as error:
        if error.problems != {"purpose": "missing"}:
            raise
    return Statement(code.strip().upper())


def read(answers: Mapping[str, str], today: date | None = None) -> Statement:
    """One statement out of all answers, texts on one line. Raises FormProblems that names every field at once."""
    given = {name: " ".join(value.split()) for name, value in answers.items()}
    given["code"] = given.get("code", "").upper()
    problems = {name: "unknown-field" for name in given if name not in QUESTIONS}
    if given["code"] in NO_QUESTIONS:
        kept = ("code",) if given["code"] == PROTECTED else ("code", "purpose", "hint_read")
        given = {name: value for name, value in given.items() if name in kept}
    else:
        problems |= {each.name: "missing" for each in FIELDS if not given.get(each.name) and _wanted(each, given)}
    for name, value in given.items():
        if name in problems or not value or name not in QUESTIONS:
            continue
        if (slug := _problem(QUESTIONS[name], value, today)) is not None:
            problems[name] = slug
    if problems:
        raise FormProblems(problems)
    return Statement(**{name: value for name, value in given.items() if value})


def _wanted(question: Field, given: Mapping[str, str]) -> bool:
    if question.only_if is not None:
        name, answer = question.only_if
        return given.get(name) == answer
    return question.required


def _problem(question: Field, value: str, today: date | None) -> str | None:
    if question.choices is not None:
        return None if value in question.choices else "not-a-choice"
    if question.kind == "check":
        return None if value == "yes" else "not-a-choice"
    if question.kind == "date":
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return "not-a-date"
        return "past" if today is not None and day < today else None
    return "too-long" if len(value) > question.limit else None
