# SPDX-License-Identifier: Apache-2.0
"""Whatever a text holds: no exception, more text never less found, the order of parts never matters."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from dlpmilter.detect.normalise import plain, plain_forms
from dlpmilter.detect.own import OwnPerson
from dlpmilter.detect.validators import FUNCTIONS
from dlpmilter.model.content import Extract, Table
from tests.detect import vectors as made
from tests.detect.shipped import detectors

ANY = st.text(st.characters(), max_size=120)
LOADED = st.builds(
    lambda name, seed, wanted: random.Random(seed).choice([each for each in made.vectors(name, 20) if each.wanted is wanted]).text,
    st.sampled_from(made.ALL), st.integers(0, 30), st.booleans(),
)  # fmt: skip
TEXT = st.lists(ANY | LOADED, max_size=4).map(" \n".join)
EXTRACT = st.builds(
    lambda path, text, hidden, cells, name, label: Extract(
        path, "text/plain", name, text, hidden, (Table((tuple(cells), ("a", "b")), 2),), "read", (label,)
    ),
    st.sampled_from(["1", "1.1", "2", "2!a.zip"]), TEXT, TEXT, st.lists(ANY | LOADED, max_size=3), ANY, ANY,
)  # fmt: skip
OWN = OwnPerson(("Anna Berger",), ("anna.berger@example.com",))


def totals(extracts: list[Extract]) -> dict[str, tuple[int, float]]:
    """Detector -> count over the mail, best confidence; own-document apart."""
    found: dict[str, tuple[int, float]] = {}
    for each in detectors().scan(extracts, OWN):
        if each.detector != "own-document":
            count, confidence = found.get(each.detector, (0, 0.0))
            found[each.detector] = (count + each.count, max(confidence, each.confidence))
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(EXTRACT, max_size=3))
def test_any_extract_is_scanned(extracts: list[Extract]) -> None:
    """No input raises; counts are at least one, confidences between 0 and 1, places those there are."""
    for each in detectors().scan(extracts, OWN):
        assert each.count >= 1
        assert 0 <= each.confidence <= 1
        assert each.part in {extract.path for extract in extracts}


@settings(max_examples=150, deadline=None)
@given(st.lists(EXTRACT, min_size=1, max_size=2), EXTRACT, TEXT)
def test_more_never_finds_less(extracts: list[Extract], more: Extract, tail: str) -> None:
    """Another part, or text behind a paragraph, lowers no count and no confidence."""
    before = totals(extracts)
    first = extracts[0]
    longer = Extract(
        first.path,
        first.type,
        first.name,
        f"{first.text}\n\n\n{tail}",
        first.hidden,
        first.tables,
        first.status,
        first.labels,
    )
    for after in (totals([*extracts, more]), totals([longer, *extracts[1:]])):
        for name, (count, confidence) in before.items():
            assert after[name][0] >= count, name
            assert after[name][1] >= confidence, name


@settings(max_examples=80, deadline=None)
@given(st.lists(EXTRACT, min_size=2, max_size=4), st.randoms())
def test_order_never_matters(extracts: list[Extract], chance: random.Random) -> None:
    """Shuffled extracts give the same findings, own-document included."""
    shuffled = list(extracts)
    chance.shuffle(shuffled)
    assert detectors().scan(extracts, OWN) == detectors().scan(shuffled, OWN)


@settings(max_examples=300, deadline=None)
@given(ANY)
def test_plain_form_is_stable(text: str) -> None:
    """A plain form is its own plain form, visible ASCII stays, and there are one or two of them."""
    forms = plain_forms(text)
    assert len(forms) in {1, 2}
    assert plain(plain(text)) == plain(text)
    visible = "".join(each for each in text if " " < each < "\x7f")
    assert "".join(each for each in plain("".join(visible)) if each) == visible


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(FUNCTIONS)), ANY | LOADED)
def test_validators_take_anything(name: str, text: str) -> None:
    """A validator answers with a text for every candidate."""
    assert isinstance(FUNCTIONS[name](text), str)
