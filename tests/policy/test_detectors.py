# SPDX-License-Identifier: Apache-2.0
"""Detector files: every problem at once with file, key, what is wrong, what would be right; own ones on top."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlpmilter.config import Problem
from dlpmilter.detect.patterns import why_refused
from dlpmilter.model.detector import DetectorSpec, detectors_digest
from dlpmilter.policy.detectors import load_detectors

SHIPPED = Path(__file__).parents[2] / "policies" / "detectors"
HEAD = 'title = { de = "Kunde", en = "Customer" }\ngroups = ["personal"]\n'


def load(tmp_path: Path, text: str, shipped: Path | None = SHIPPED) -> tuple[tuple[DetectorSpec, ...], list[Problem]]:
    """The shipped detectors with one own file on top."""
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    return load_detectors(shipped, tmp_path, problems, compiles=why_refused), problems


def detector(*lines: str, name: str = "customer") -> str:
    """One definition with what every definition has."""
    return f'[[detector]]\nid = "{name}"\n{HEAD}' + "".join(f"{each}\n" for each in lines)


def test_the_shipped_detectors_load() -> None:
    """No problem, each id once, all in order."""
    problems: list[Problem] = []
    found = load_detectors(SHIPPED, None, problems, compiles=why_refused)
    assert problems == []
    assert [each.id for each in found] == sorted({each.id for each in found})
    assert {"iban", "payment-card", "de-tax-id", "own-document", "password", "health"} <= {each.id for each in found}


def test_an_own_detector_comes_on_top(tmp_path: Path) -> None:
    """An own file adds a detector, may use shipped cues, and changes the digest."""
    text = detector("patterns = ['\\bK-\\d{6}\\b']", 'near = [{ cue = "person", distance = 100 }]', "confidence = 0.8")
    found, problems = load(tmp_path, text)
    assert problems == []
    mine = next(each for each in found if each.id == "customer")
    assert (mine.patterns, mine.confidence, mine.near[0].cue, mine.cues[0].id) == (
        ("\\bK-\\d{6}\\b",),
        0.8,
        "person",
        "person",
    )
    assert detectors_digest(found) != detectors_digest(load(tmp_path, "")[0])


def test_a_shipped_detector_is_switched_off_or_replaced(tmp_path: Path) -> None:
    """`off` takes a shipped detector out; its id is then free; without `off` it is taken."""
    assert "phone" not in {each.id for each in load(tmp_path, 'off = ["phone"]')[0]}
    own = detector("patterns = ['\\bTel \\d{4}\\b']", "confidence = 0.5", name="phone")
    replaced, problems = load(tmp_path, f'off = ["phone"]\n{own}')
    assert problems == []
    assert next(each for each in replaced if each.id == "phone").patterns == ("\\bTel \\d{4}\\b",)
    (problem,) = load(tmp_path, own)[1]
    assert (problem.key, 'off = ["phone"]' in problem.fix) == ("detector[phone]", True)


BAD = {
    "not toml": ("id = ", "", "not valid TOML"),
    "unknown key": (detector("patterns = ['abc']", "confidence = 0.5", "patern = 1"), "detector[customer].patern", "not a known key"),
    "no confidence": (detector("patterns = ['abc']"), "detector[customer].confidence", "is missing"),
    "no pattern": (detector("confidence = 0.5"), "detector[customer]", "needs patterns or words"),
    "unknown group": (detector("patterns = ['abc']", "confidence = 0.5").replace('"personal"', '"personel"'), "detector[customer].groups[#1]", "Did you mean 'personal'?"),
    "unknown validator": (detector("patterns = ['abc']", "confidence = 0.5", 'validator = "ibam"'), "detector[customer].validator", "Did you mean 'iban'?"),
    "unknown place": (detector("patterns = ['abc']", "confidence = 0.5", 'places = ["body"]'), "detector[customer].places[#1]", "is not a place"),
    "unknown cue": (detector("patterns = ['abc']", "confidence = 0.5", 'near = [{ cue = "persona" }]'), "detector[customer].near", "Did you mean 'person'?"),
    "too sure": (detector("patterns = ['abc']", "confidence = 1.5"), "detector[customer].confidence", "the largest is 1"),
    "less sure with context": (detector("patterns = ['abc']", "confidence = 0.9", "confidence_with_context = 0.5", 'context = { en = ["x"] }'), "detector[customer]", "never makes less sure"),
    "empty context": (detector("patterns = ['abc']", "confidence = 0.9", "context = { distance = 5 }"), "detector[customer]", "context holds no words"),
    "within without minimum": (detector("patterns = ['abc']", "confidence = 0.9", "within = 50"), "detector[customer]", "minimum = 2"),
    "star inside": (detector('words = { de = ["ge*halt"] }', "confidence = 0.9"), "detector[customer].words.de[#1]", "a * inside"),
    "bad id": (detector("patterns = ['abc']", "confidence = 0.5", name="Customer No"), "detector[Customer No].id", "small letters"),
    "off unknown": ('off = ["fone"]', "off", "Did you mean 'phone'?"),
    "twice": (detector("patterns = ['abc']", "confidence = 0.5") * 2, "detector[customer]", "stands already"),
    "empty cue": ('[[cue]]\nid = "nobody"\n', "cue[nobody]", "holds nothing"),
    "broken pattern": (detector("patterns = ['a(b']", "confidence = 0.5"), "detector[customer].patterns[#1]", "RE2"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_each_mistake_is_named(tmp_path: Path, name: str) -> None:
    """One problem with the file, the key and what would be right."""
    text, key, phrase = BAD[name]
    _, problems = load(tmp_path, text)
    (problem,) = problems
    assert (Path(problem.file).name, problem.key) == ("own.toml", key)
    assert phrase in f"{problem.what} {problem.fix}"
    assert str(problem).rstrip()[-1] in ".?}"
    assert not any(word in str(problem) for word in ("Input should", "pydantic", "Traceback", "Table"))


REFUSED = {
    r"(?=foo)bar": "look-ahead", r"foo(?!bar)": "look-ahead", r"(?<=a)b1": "look-behind", r"(?<!a)b1": "look-behind",
    r"(a|b)\1": "a back-reference", r"(?P<x>a)(?P=x)": "a back-reference", r"\b(\w)\k<1>": "a back-reference",
    r"(?>abc)d": "an atomic group", r"ab++c": "a possessive repeat", r"a(?(1)b|c)": "a condition", r"ab(?#x)c": "a comment",
    r"[äö]b": "in brackets", r"\bab{1,500}": "repeats 500 times", r"[ab][abc]{30}d": "may begin at any letter",
    r"\bok\d|[ab][abc]{12}": "may begin at any letter", r"(?i:[ab][abc]{20})": "may begin at any letter",
    r"\b[ab][abc ]{39}d": "may be a blank", r"\bab.{20}c": "may be a blank", r"\bab[^c]{20}c": "may be a blank",
    r"a*": "matches where nothing stands", r"\b": "matches where nothing stands", r"x{0,5}": "matches where nothing stands",
    r"(?:a?){9}": "matches where nothing stands", r"^$": "matches where nothing stands", r"(?x) a b": "RE2",
    r"\b(?:a{40}){30}": "RE2", r"\b(?:(?:a{9}){9}){19}b": "RE2", r"abc[": "RE2", r"\bab{2,1}": "RE2", r"\p{Foo}ab": "RE2",
    r"ab)": "RE2", r"*ab": "RE2", "x" * 2000: "characters",
}  # fmt: skip


@pytest.mark.parametrize("pattern", REFUSED, ids=lambda text: text[:20])
def test_thirty_evil_patterns_are_refused(tmp_path: Path, pattern: str) -> None:
    """What RE2 has not, what never ends and what would cost too much is refused, and the reason named."""
    found = load(tmp_path, detector(f"patterns = ['{pattern}']", "confidence = 0.5"))[1]
    (problem,) = found
    assert problem.key == "detector[customer].patterns[#1]"
    assert REFUSED[pattern] in f"{problem.what} {problem.fix}", problem
    assert len(REFUSED) >= 30


@pytest.mark.parametrize(
    "pattern", [r"\[\(\?=x", r"a[(?=]b", r"\\1ab", r"ab[]{}]c", r"(?i:\bkd-\d{30})", r"Straße \d+"]
)
def test_what_only_looks_evil_is_taken(tmp_path: Path, pattern: str) -> None:
    """Escapes and brackets are read as what they are."""
    assert load(tmp_path, detector(f"patterns = ['{pattern}']", "confidence = 0.5"))[1] == []


def test_everything_is_said_at_once(tmp_path: Path) -> None:
    """Problems of several files and detectors stand in one list; other files are named, notes are not."""
    (tmp_path / "list.txt").write_text("x", encoding="utf-8")
    (tmp_path / "README.md").write_text("x", encoding="utf-8")
    (tmp_path / "b.toml").write_bytes(b"\xff")
    text = detector(r"patterns = ['(?=a)b', '(a)\1', 'ok\d']", "confidence = 0.5") + detector(
        "confidence = 2.0", name="two"
    )
    _, problems = load(tmp_path, text)
    assert {Path(each.file).name for each in problems} == {"b.toml", "list.txt", "own.toml"}
    second = detector(r"patterns = ['(?=a)b', '(a)\1', 'ok\d']", "confidence = 0.5")
    keys = [each.key for each in load(tmp_path, second)[1] if Path(each.file).name == "own.toml"]
    assert keys == ["detector[customer].patterns[#1]", "detector[customer].patterns[#2]"]


def test_no_folder_is_no_problem(tmp_path: Path) -> None:
    """A policy without own detectors has the shipped ones; without both there are none."""
    problems: list[Problem] = []
    assert load_detectors(SHIPPED, tmp_path / "nowhere", problems)
    assert load_detectors(None, None, problems) == ()
    assert problems == []
