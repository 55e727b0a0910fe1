# SPDX-License-Identifier: Apache-2.0
"""Every class, relation, action and sign has its sentence in `explain`, and no sentence accuses."""

from __future__ import annotations

import re
from pathlib import Path

from dlpmilter.cli import explain_words as words
from dlpmilter.model.words import Action, RecipientClass, Relation

ENGINE = Path(words.__file__).parents[1] / "engine"
BANNED = ("violation", "offence", "suspect", "disciplinary", "exfiltration", "illegal", "!")


def test_the_closed_lists_are_all_told() -> None:
    """No word of the product's lists is left as a slug."""
    assert set(words.CLASSES) == {each.value for each in RecipientClass}
    assert set(words.RELATIONS) == {each.value for each in Relation} - {"none"}
    assert set(words.VERBS) == {each.name for each in Action}


def test_every_sign_of_the_engine_is_told() -> None:
    """What kinds.py and autoforward.py give as evidence has a sentence."""
    sources = "".join((ENGINE / name).read_text(encoding="utf-8") for name in ("kinds.py", "autoforward.py"))
    signals = set(re.findall(r'(?:Evidence|Sign)\(\s*"([a-z-]+)"', sources))
    assert len(signals) > 15
    assert signals - words.SIGNS.keys() == set()


def test_no_sentence_accuses() -> None:
    """The words that design invariant 11 forbids stand nowhere."""
    told = " ".join(
        text
        for table in (words.SIGNS, words.CLASSES, words.RELATIONS, words.GROUNDS, words.REASONS, words.TROUBLES)
        for text in table.values()
    ).lower()
    assert [word for word in BANNED if word in told] == []
