# SPDX-License-Identifier: Apache-2.0
"""Nothing hides from the views: a tenth of the evasion mails here, all of them in `make evasion`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from dlpmilter.mime.structure import read_structure
from dlpmilter.mime.views import read_views
from tests.evasion.encoders import ENCODERS
from tests.evasion.report import GENERATORS, tricks
from tests.evasion.secrets import LIMITS, Trick, outcome, sentence


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda generator: generator.__name__)
def test_every_trick_is_found_or_held(generator: Callable[[], Iterator[Trick]]) -> None:
    """The secret of each mail lies in some payload or header text, or the mail is ambiguous or uninspectable."""
    sample = list(islice(generator(), 0, None, 10))
    assert [trick.name for trick in sample if outcome(trick) == "missed"] == []


def test_the_generator_is_as_large_as_promised() -> None:
    """At least 400 structures with encodings, 60 names, 20 charsets, 12 encoders one to five deep; no mail twice."""
    every = list(tricks())
    families = Counter(trick.family for trick in every)
    structural = ("transfer encoding field", "field form", "type field", "delimiters", "wrappings")
    assert sum(families[family] for family in structural) >= 400
    assert families["file names"] >= 60
    assert len({trick.name.partition("-as-")[0] for trick in every if trick.family == "charsets"}) >= 20
    assert len(ENCODERS) >= 12
    assert {trick.name.partition("/")[0].count(" in ") for trick in every if trick.family == "encoders"} == {
        0,
        1,
        2,
        3,
        4,
    }
    assert len({trick.raw for trick in every}) == len(every)


def test_most_tricks_are_found_and_not_only_held() -> None:
    """Holding everything would be no art: nine of ten secrets lie open."""
    sample = list(islice(tricks(), 0, None, 25))
    results = Counter(outcome(trick) for trick in sample)
    assert results["found"] >= 0.9 * len(sample)


def test_what_is_not_there_is_not_found() -> None:
    """The judge of the generator can say no: a mail without the secret is a miss."""
    trick = next(tricks())
    other = Trick("none", "none", b"From: a@b.example\r\nSubject: x\r\n\r\nGuten Tag\r\n", text=sentence(1))
    assert outcome(other) == "missed"
    assert outcome(trick) != "missed"
    views = read_views(other.raw, read_structure(other.raw, LIMITS), LIMITS)
    assert (views.doubts, views.uninspectable) == ((), ())
