# SPDX-License-Identifier: Apache-2.0
"""Our own golden mails of many programs and languages, and the page that says how well they are judged."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.benchmarks import judge
from tests.engine.kinds_corpus import GoldenMail, formats, mails
from tests.engine.samples import verdict

PAGE = Path(__file__).parents[2] / "policies" / "KINDS.md"
TUNED = [mail for mail in mails() if not mail.held_out]


def test_the_mails_cover_many_programs_and_languages() -> None:
    """At least 150 mails with different names, 25 languages, all formats cited and explained, halves of like size."""
    every = mails()
    assert len(every) >= 150
    assert len({mail.slug for mail in every}) == len(every)
    assert len({mail.lang for mail in every}) >= 25
    assert {mail.format for mail in every} == set(formats())
    assert 0.4 < len(TUNED) / len(every) < 0.6


@pytest.mark.parametrize("mail", TUNED, ids=lambda mail: mail.slug)
def test_a_mail_of_the_tuned_half_is_what_a_person_says(mail: GoldenMail) -> None:
    """Kind and earlier mail, mail by mail."""
    message = verdict(mail.raw, "karl.huber@web.de").message
    assert (message.kind.value, message.earlier_mail) == (mail.kind, mail.earlier_mail)


def test_the_held_out_half_is_judged_as_well() -> None:
    """At most one kind in twenty is wrong, and precision and recall of forwards are 0.95 or more."""
    count: Counter[tuple[bool, bool]] = Counter()
    right = 0
    held_out = [mail for mail in mails() if mail.held_out]
    for mail in held_out:
        kind = verdict(mail.raw, "karl.huber@web.de").message.kind.value
        right += kind == mail.kind
        count[mail.kind == "forward", kind == "forward"] += 1
    assert right >= 0.95 * len(held_out)
    assert count[True, True] >= 0.95 * (count[True, True] + count[True, False])
    assert count[True, True] >= 0.95 * (count[True, True] + count[False, True])


def test_the_page_gives_the_figures_of_today() -> None:
    """Every line that can be measured here stands in policies/KINDS.md."""
    page = PAGE.read_text("utf-8")
    missing = [line for line in judge.summary(judge.run()) if f"- {line}" not in page]
    assert not missing
