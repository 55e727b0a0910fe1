# SPDX-License-Identifier: Apache-2.0
"""What a hostile text may cost, that its bound is named, and that the short ways to a value lose none."""

from __future__ import annotations

import random
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from dlpmilter.detect.budget import OVERLAP, WIDEST, Budget
from dlpmilter.detect.patterns import finder, from_piece
from dlpmilter.detect.scan import DetectorSet
from dlpmilter.detect.validators import FUNCTIONS, LEAST_DIGITS
from dlpmilter.model.content import Extract
from dlpmilter.model.detector import TOO_MANY, Context, DetectorSpec
from dlpmilter.model.limits import Limits
from tests.detect.reference import reference
from tests.detect.shipped import detectors, specs

CONTEXT = st.sampled_from(
    ["BSN", "personnummer", "geb.", "Kennzeichen", "Reisepass", "NHS", "nif", "SSN", "St.-Nr.", "-", "xx " * 40]
)
DIGITS = st.text("0123456789", min_size=1, max_size=13) | st.text("0123456789 .-/", max_size=16)


@settings(max_examples=300, deadline=None)
@given(st.lists(CONTEXT | DIGITS | st.sampled_from(["\n", " ", ": "]), max_size=24).map("".join))
def test_windows_find_what_a_whole_search_finds(text: str) -> None:
    """Windows without enough digits are left out, and what is found is the same; so are places of a needed piece."""
    extract = [Extract("1", "text/plain", text=text)]
    assert detectors().scan(extract) == reference().scan(extract)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(LEAST_DIGITS)), st.text(string.digits + string.ascii_uppercase + " ./-+", max_size=18))
def test_fewer_digits_are_never_right(name: str, text: str) -> None:
    """A validator says no to every text with fewer digits than windows are asked for."""
    if sum(each.isdigit() for each in text) < LEAST_DIGITS[name]:
        assert FUNCTIONS[name](text) == ""


def test_what_follows_a_piece_is_told_only_where_it_is_clear() -> None:
    """The rest of a pattern behind a piece: of the shipped ones, and never of what the piece is not surely a part of."""
    assert from_piece(r"[a-z]+@(?:[a-z-]+\.)+[a-z]{2,}", "@") == r"@(?:[a-z-]+\.)+[a-z]{2,}"
    assert from_piece(r"\b[a-z]{3,9}://[^\s/]*:x", "://") == r"://[^\s/]*:x"
    for pattern in (
        "a|b@c", "(a@b)", "[@]x", "a@+", "a@{2}", "a@?", r"a\@b", "(?i)a@b", "(?:a@b|c)", "a@b@c", r"[a-z\]+@", r"\Qa@b\E", "a{2@}", "ab",
    ):  # fmt: skip
        assert from_piece(pattern, "@") == "", pattern
    for each in specs():
        assert all(from_piece(pattern, each.needs) for pattern in each.patterns if each.needs), each.id


@settings(max_examples=200, deadline=None)
@given(st.text("ab:/@c. ", max_size=60))
def test_a_match_follows_its_piece(text: str) -> None:
    """Wherever a whole pattern matches, the rest from its piece on matches as well."""
    pattern = r"[a-c]{2,}://[^\s:/@]*:[^\s/@]{1,}@[a-c.]+"
    octets = text.encode()
    start, end = finder(pattern)(octets, 0, len(octets))
    if start >= 0:
        place = octets.index(b"://", start)
        assert finder(from_piece(pattern, "://"))(octets, place, end)[0] == place


def test_values_are_found_at_the_edges_of_wide_searches() -> None:
    """A value is found wherever it stands around the edge of the widest search, behind finds and without."""
    for offset in range(WIDEST - 40, WIDEST + 8, 5):
        for before in ("", "DE89370400440532013000 "):
            text = (
                before
                + "w" * (offset - len(before) - 1)
                + " GB33BUKB20201555555555 a@b.de dbx://u:Xy7pQ@h "
                + "w " * OVERLAP
            )
            found = {each.detector: each.count for each in detectors().scan([Extract("1", "t", text=text)])}
            assert found["iban"] == 1 + bool(before), offset
            assert found["connection-string"] == 1, offset


def test_checks_have_a_bound_of_their_own() -> None:
    """A text whose candidates are few but want many checks is named when they run out."""
    spec = DetectorSpec(
        "card", "Karte", "Card", ("personal",), (r"\b[2-6]\d{3}(?:[ ]?\d){8,15}\b",), validator="payment-card"
    )
    noise = random.Random(6)
    text = "\n".join(" ".join(str(noise.randrange(2000, 6999)) for _ in range(4)) for _ in range(40))
    for bound, named in ((60, True), (400, False)):
        found = DetectorSet((spec,), Limits(detector_candidates=bound)).scan([Extract("1", "t", text=text)])
        assert (TOO_MANY in {each.detector for each in found}) is named, bound


def test_a_stopped_scan_names_every_place_it_left_out() -> None:
    """Parts that were not looked at for want of budget are named, each of them, and so is the one that used it up."""
    spec = DetectorSpec("digits", "Ziffern", "Digits", ("personal",), (r"\b\d{4}\b",))
    some = DetectorSet((spec,), Limits(detector_candidates=30))
    parts = [
        Extract(str(part), "t", text=" ".join(str(1000 + part * 10 + each) for each in range(10))) for part in range(5)
    ]
    found = some.scan(parts)
    assert {each.part for each in found if each.detector == TOO_MANY} >= {"2", "3", "4"}


def test_windowed_values_are_counted_against_the_budget() -> None:
    """Values around context words, and places of a piece, spend as others do."""
    context = Context(("kunde",), 40, required=True)
    spec = DetectorSpec(
        "code", "Code", "Code", ("personal",), (r"\bK\d{3}\b",), context=context, confidence_context=0.9
    )
    mail = DetectorSpec("mail", "Mail", "Mail", ("contact",), (r"[a-z]+@[a-z]+",), needs="@")
    for one, text in ((spec, "kunde K123 " * 90), (mail, "a@b " * 90)):
        found = DetectorSet((one,), Limits(detector_candidates=50)).scan([Extract("1", "t", text=text)])
        assert TOO_MANY in {each.detector for each in found}, one.id


def test_a_budget_is_spent_by_any_count() -> None:
    """Candidates, pieces, surroundings and checks are counted apart; when one runs out, something was not looked at."""
    searched = Budget(1)
    searched.spend(10)
    assert (Budget(3).spent, searched.spent) == (False, True)
    for name in ("around", "checks", "left", "pieces"):
        budget = Budget(3)
        setattr(budget, name, 0)
        assert budget.spent, name
