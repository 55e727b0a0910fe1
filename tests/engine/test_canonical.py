# SPDX-License-Identifier: Apache-2.0
"""Spellings of one mailbox come to one form, and no spelling of a private domain gets a company's class."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.engine.canonical import canonical_address, same_mailbox
from dlpmilter.engine.classify import classify_recipient
from dlpmilter.model.address import parse_address
from dlpmilter.model.words import RecipientClass
from dlpmilter.policy.domains import DomainLists
from dlpmilter.policy.lists import ClassList
from dlpmilter.policy.load import load_policy

LISTS = DomainLists(
    [
        *load_policy(None).domains.lists,
        ClassList("p", RecipientClass.partner, frozenset({"gmailing.de", "gmx-werke.de", "partner.example"})),
        ClassList("b", RecipientClass.business, frozenset({"mailboxbau.de"})),
    ],
    ["corp.example", "webde.example"],
)
_NAMES = ("gmail.com", "gmx.de", "web.de", "t-online.de", "outlook.com")
_WAYS = {
    "capitals": str.upper,
    "fullwidth": lambda name: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in name),
    "fullwidth dot": lambda name: name.replace(".", "\uff0e"),
    "ideographic dot": lambda name: name.replace(".", "\u3002"),
    "halfwidth dot": lambda name: name.replace(".", "\uff61"),
    "zero width space": lambda name: name[:1] + "\u200b" + name[1:],
    "word joiner": lambda name: name[:2] + "\u2060" + name[2:],
    "byte order mark": lambda name: "\ufeff" + name,
    "soft hyphen": lambda name: name[:2] + "\u00ad" + name[2:],
    "trailing dot": lambda name: name + ".",
    "mathematical letters": lambda name: chr(0x1D41A + ord(name[0]) - 97) + name[1:],
    "circled letter": lambda name: chr(0x24D0 + ord(name[0]) - 97) + name[1:],
}
_LOOKS = {
    "cyrillic": lambda name: (
        name.replace("a", "\u0430").replace("e", "\u0435").replace("o", "\u043e").replace("x", "\u0445")
    ),
    "greek": lambda name: name.replace("i", "\u03b9").replace("o", "\u03bf").replace("x", "\u03c7"),
    "subdomain": lambda name: "mail." + name,
    "own name before": lambda name: "corp.example." + name,
}
SPELLINGS = [(way, name, write(name)) for way, write in {**_WAYS, **_LOOKS}.items() for name in _NAMES]


@pytest.mark.parametrize(("way", "name", "spelling"), SPELLINGS)
def test_eighty_spellings_never_become_a_company(way: str, name: str, spelling: str) -> None:
    """hop.md 6C 1: what folds keeps its private class, what only looks alike is asked about or unknown."""
    found = LISTS.classify(f"anna@{spelling}").recipient_class
    assert found not in {"internal", "partner", "business", "authority", "protected"}
    if way in _WAYS or way in {"subdomain", "own name before"}:
        assert found == LISTS.classify(name).recipient_class
        assert found.private
    else:
        assert found in {"lookalike", "unknown", "freemail", "isp"}


def test_there_are_eighty_of_them() -> None:
    """The table is as long as it says."""
    assert len(SPELLINGS) == 80


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        ("anna@gmail.com", "anna@gmail.com"),
        ("A.N.N.A@gmail.com", "anna@gmail.com"),
        ("anna+dlp@gmail.com", "anna@gmail.com"),
        ("an.na+a+b@googlemail.com", "anna@gmail.com"),
        ("Anna@ＧＭＡＩＬ。com.", "anna@gmail.com"),
        ('"anna"@gmail.com', "anna@gmail.com"),
        ("anna@me.com", "anna@icloud.com"),
        ("anna+x@mac.com", "anna@icloud.com"),
        ("an_na-b@pm.me", "annab@proton.me"),
        ("An.na.B@protonmail.com", "annab@proton.me"),
        ("shop@anna.fastmail.com", "anna@fastmail.com"),
        ("anna-shop@yahoo.de", "anna@yahoo.de"),
        ("anna.berger@gmx.de", "anna.berger@gmx.de"),
        ("annaberger@gmx.de", "annaberger@gmx.de"),
        ("anna-maria@gmx.de", "anna-maria@gmx.de"),
        ("anna+news@firma.example", "anna@firma.example"),
        ("+anna@gmx.de", "+anna@gmx.de"),
        ("-anna@yahoo.de", "-anna@yahoo.de"),
        ("anna@Müller.de", "anna@xn--mller-kva.de"),
        ("anna", ""),
        ("", ""),
        ("@gmx.de", ""),
    ],
)
def test_one_mailbox_has_one_form(address: str, canonical: str) -> None:
    """Plus parts everywhere, dots and twins where the provider ignores them, nothing else."""
    assert canonical_address(address) == canonical


def test_two_people_stay_two() -> None:
    """Dots count where the provider counts them; nobody is the same as no address."""
    assert same_mailbox("a.b@gmail.com", "ab+x@googlemail.com")
    assert not same_mailbox("a.b@gmx.de", "ab@gmx.de")
    assert not same_mailbox("", "")


@given(st.text(max_size=60))
def test_any_text_has_a_stable_form(text: str) -> None:
    """Never an exception, and a form is its own form."""
    once = canonical_address(text)
    assert canonical_address(once) == once


@pytest.mark.parametrize(
    "address",
    ["a+corp.example@gmail.com", "corp.example@gmail.com", "a@corp.example.gmail.com"],
)
def test_an_own_name_in_front_changes_nothing(address: str) -> None:
    """Only what follows the last @ decides, and its end, not its beginning (hop.md 6C 2)."""
    mailbox = parse_address(address)
    assert classify_recipient(mailbox, LISTS).recipient_class == "freemail"
