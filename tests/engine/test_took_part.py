# SPDX-License-Identifier: Apache-2.0
"""Whether a recipient stood in the quoted conversation, however his address is spelled."""

from __future__ import annotations

import pytest

from dlpmilter.engine.kinds import took_part
from dlpmilter.model.message import QuotedMail, Structure


def quoting(*people: str, nameless: bool = False) -> Structure:
    """A mail that quotes one from and to these people."""
    quote = QuotedMail(
        "header-block", "outlook-block", "1", senders=people[:1], receivers=people[1:], nameless=nameless
    )
    return Structure(quotes=(quote,))


@pytest.mark.parametrize(
    ("address", "quoted"),
    [
        ("kunde@gmx.de", "kunde@gmx.de"),
        ("anna+shop@gmail.com", "anna@gmail.com"),
        ("anna.berger@googlemail.com", "annaberger@gmail.com"),
        ('"anna.berger"@gmx.de', "anna.berger@gmx.de"),
    ],
)
def test_another_spelling_of_the_same_mailbox_took_part(address: str, quoted: str) -> None:
    """Plus parts, ignored dots, twin domains and quotes make no stranger."""
    assert took_part(address, quoting("we@corp.example", quoted)) is True


@pytest.mark.parametrize("address", ["anna.berger@gmx.de", "annab@gmail.com", "kunde@gmx.at"])
def test_somebody_else_did_not(address: str) -> None:
    """Dots count where the provider counts them, and a like name is another person."""
    assert took_part(address, quoting("annaberger@gmx.de", "anna@gmail.com", "kunde@gmx.de")) is False


def test_a_talk_of_names_alone_proves_nothing() -> None:
    """Where a quoted person has no address the question stays open."""
    assert took_part("kunde@gmx.de", quoting("we@corp.example", nameless=True)) is None
    assert took_part("kunde@gmx.de", Structure()) is None
