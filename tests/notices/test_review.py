# SPDX-License-Identifier: Apache-2.0
"""The mail that asks a pool to decide: what it says, and what it never holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from dlpmilter.model.words import RecipientClass
from dlpmilter.notices.facts import Language
from dlpmilter.notices.mark import HEADER, is_own_notice
from dlpmilter.notices.review import ReviewFacts, compose_review
from tests.notices.samples import BANNED, KEY, LETTERHEAD, NOW, parsed, text_of

POOL = "datenschutz@firma.example"


def facts(**changes: Any) -> ReviewFacts:
    """A case with everything said about it."""
    values: dict[str, Any] = {
        "case_id": "K7Q2M9",
        "pool": {"de": "Datenschutz-Team", "en": "privacy team"},
        "company": "Muster GmbH",
        "deadline": datetime(2026, 11, 30, 9, 0, tzinfo=UTC),
        "classes": (RecipientClass.freemail, RecipientClass.isp),
        "rules": ({"de": "Ins eigene private Postfach", "en": "To your own private mailbox"},),
        "reason": {"de": "Gerät ist ausgefallen", "en": "A device does not work"},
        "basis": {"de": "Vertrag", "en": "A contract"},
        "informed": {"de": "Ja", "en": "Yes"},
    }
    return ReviewFacts(**(values | changes))


def text(language: Language, **changes: Any) -> str:
    """What the reviewer reads, blanks as one."""
    return " ".join(
        text_of(compose_review(facts(**changes), (language,), POOL, letterhead=LETTERHEAD, now=NOW)).split()
    )


@pytest.mark.parametrize("language", ["de", "en"])
def test_it_says_what_was_said_and_no_more(language: Language) -> None:
    """Each sentence stands there exactly when its fact is known; short, kind, one address class once."""
    whole = text(language, urgent=True, second_look=True)
    bare = text(language, reason="", basis="", informed="", rules=())
    said = {
        "de": ("Regel: Ins eigene", "Vertrag", "davon? Ja", "Es eilt", "nicht einverstanden"),
        "en": ("Rule: To your own", "A contract", "know? Yes", "It is urgent", "disagrees with a refusal"),
    }[language]
    for sentence in said:
        assert sentence in whole and sentence not in bare
    assert ("noch keiner" if language == "de" else "none yet") in bare
    assert whole.count("ein privates Postfach" if language == "de" else "a private mailbox") == 1
    for words in (whole, bare):
        assert len(words.split()) <= 160
        assert not [word for word in BANNED if word in words.lower()]
        assert "!" not in words


@pytest.mark.parametrize("each", RecipientClass)
def test_every_class_has_words(each: RecipientClass) -> None:
    """No slug of the program reaches a person."""
    german, english = text("de", classes=(each,)), text("en", classes=(each,))
    assert "E-Mail an ein" in german
    assert re.search(r"e-mail to an? ", english)
    assert "_" not in german + english


def test_it_is_a_mail_of_ours_to_the_pool() -> None:
    """Both languages, our mark, no reply to anything; ASCII lines of bearable length."""
    data = compose_review(facts(), ("de", "en"), POOL, letterhead=LETTERHEAD, now=NOW)
    mail = parsed(data)
    assert (mail["To"], mail["Auto-Submitted"], mail["In-Reply-To"]) == (POOL, "auto-generated", None)
    assert "Bitte entscheiden: Vorgang K7Q2M9" in mail["Subject"] and "Please decide: case K7Q2M9" in mail["Subject"]
    assert is_own_notice(mail[HEADER].encode(), KEY)
    assert data.isascii() and max(map(len, data.split(b"\r\n"))) <= 998


def test_a_time_without_a_zone_is_refused() -> None:
    """A deadline in an unknown zone would be a wrong one."""
    with pytest.raises(ValueError, match="zone"):
        facts(deadline=datetime(2026, 11, 30, 9, 0))  # noqa: DTZ001
