# SPDX-License-Identifier: Apache-2.0
"""Did you mean gmx.de? Slips and disguises are found, honest neighbours and listed domains are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.model.words import RecipientClass
from dlpmilter.policy.domains import DomainLists
from dlpmilter.policy.lists import ClassList
from dlpmilter.policy.load import load_policy
from dlpmilter.policy.lookalike import WELL_KNOWN, distance_one, skeleton, typical_slip

CORPORA = Path(os.environ.get("DLPMILTER_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason=f"no test corpora at {CORPORA}")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("mail.gmial.com", "gmail.com"),
        ("g\u043cail.com", "gmail.com"),
        ("gm\u0430il.com", "gmail.com"),
        ("xn--gmil-63d.com", "gmail.com"),
        ("gma\u03b9l.com", "gmail.com"),
        ("hotrnail.com", "hotmail.com"),
        ("0utl00k.com", "outlook.com"),
        ("out1ook.de", "outlook.de"),
        ("gmxx.de", "gmx.de"),
        ("gmx.d", "gmx.de"),
        ("gm\u0445.de", "gmx.de"),
        ("vveb.de", "web.de"),
        ("tonline.de", "t-online.de"),
        ("t-onlin.de", "t-online.de"),
        ("freent.de", "freenet.de"),
        ("yahooo.de", "yahoo.de"),
        ("bluewim.ch", "bluewin.ch"),
        ("btinternet.co.uk", ""),
        ("gmx.dk", ""),
        ("gm.de", ""),
        ("fmail.com", ""),
        ("gmail.eu", ""),
        ("email.example", ""),
        ("accor.de", ""),
        ("cloud.com", ""),
        ("libro.it", ""),
    ],
)
def test_slips_and_disguises_name_what_was_meant(typed: str, meant: str) -> None:
    """Letters dropped, doubled, swapped, look-alike letters and wrong endings; short and real neighbours pass."""
    found = load_policy(None).domains.classify(f"anna@{typed}")
    assert (found.recipient_class, found.suggestion) == ("lookalike" if meant else "unknown", meant)


def _list(name: str, *domains: str) -> ClassList:
    return ClassList(f"{name}.list", RecipientClass(name), frozenset(domains), date="2026-11-22")


def test_the_company_and_its_partners_are_guarded_as_well() -> None:
    """A neighbour of an internal or partner domain is asked about; a firm with another number is another firm."""
    lists = DomainLists([_list("partner", "steuerkanzlei-vogel.de", "firma1.de")], ["nordwerk.example"])
    assert lists.classify("a@steuerkanzlei-vogl.de").suggestion == "steuerkanzlei-vogel.de"
    assert lists.classify("a@n0rdwerk.example").suggestion == "nordwerk.example"
    assert lists.classify("a@nordvverk.example").recipient_class == "lookalike"
    assert lists.classify("a@firma2.de").recipient_class == "unknown"
    assert lists.classify("a@mail.nordwerk.example").recipient_class == "internal"


def test_a_listed_domain_is_never_a_look_alike() -> None:
    """What any list knows keeps its class; class `unknown` takes an honest neighbour out."""
    lists = load_policy(None).domains
    assert lists.classify("a@email.com").recipient_class == "freemail"
    own = DomainLists([_list("unknown", "gmial.com"), *lists.lists])
    assert (own.classify("a@gmial.com").recipient_class, own.classify("a@gmial.com").suggestion) == ("unknown", "")
    wrong = [each for one in lists.lists for each in one.domains if lists.classify(each).suggestion]
    assert wrong == []


def test_every_well_known_name_is_listed() -> None:
    """Nobody is asked "did you mean" a domain that is in no list."""
    lists = load_policy(None).domains
    assert [each for each in WELL_KNOWN if not lists.classify(each).recipient_class.private] == []


def test_umlauts_are_letters_of_their_own() -> None:
    """müller.de and muller.de are two firms: only letters of other scripts fold."""
    assert skeleton("xn--mller-kva.de") != skeleton("muller.de")


@given(st.text("ab-1", min_size=1, max_size=6), st.text("ab-1", min_size=1, max_size=6))
def test_one_slip_reads_the_same_both_ways(left: str, right: str) -> None:
    """The distance is symmetric, and a typical slip is always one of distance one."""
    assert distance_one(left, right) == distance_one(right, left)
    assert not typical_slip(left, right) or distance_one(left, right)


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    """Any text has a class."""
    assert isinstance(load_policy_once().classify(f"a@{text}").suggestion, str)


def load_policy_once(cache: list[DomainLists] = []) -> DomainLists:  # noqa: B006 - loading takes 100 ms an example
    if not cache:
        cache.append(load_policy(None).domains)
    return cache[0]


@needs_corpora
def test_no_company_bank_or_university_is_a_look_alike() -> None:
    """None of over 22,000 real domains is asked about."""
    domains = {
        domain
        for name in ("domains-business", "domains-institution")
        for path in (CORPORA / name / "data").glob("*.txt")
        for domain in path.read_text(encoding="utf-8").split()
    }
    lists = load_policy_once()
    found = {each: match.suggestion for each in domains if (match := lists.classify(each)).suggestion}
    print(f"{len(domains)} domains, {len(found)} look-alikes")
    assert found == {}
