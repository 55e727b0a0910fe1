# SPDX-License-Identifier: Apache-2.0
"""Spelling, registrable domain, ranks of the lists, and the shipped lists themselves."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpmilter.model.words import RecipientClass
from dlpmilter.policy.domains import DomainLists, is_domain, is_public_suffix, normalise_domain, registrable
from dlpmilter.policy.lists import ClassList, read_list
from dlpmilter.policy.load import load_policy

SHIPPED = Path(__file__).parents[2] / "policies" / "domains"
CORPORA = Path(os.environ.get("DLPMILTER_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason=f"no test corpora at {CORPORA}")


def _list(name: str, *domains: str, addresses: tuple[str, ...] = (), shipped: bool = False) -> ClassList:
    kind = RecipientClass(name)
    return ClassList(f"{name}.list", kind, frozenset(domains), frozenset(addresses), "2026-11-22", shipped)


@pytest.mark.parametrize(
    "spelling",
    [
        "gmail.com",
        "GMail.COM",
        "gmail.com.",
        "ｇｍａｉｌ.com",
        "gmail。com",
        "gmail．com",
        "gmail｡com",
        "gm\u200bail.com",
        "gm\u00adail.com",
        "gm\u2060ail.com",
        "gm\ufeffail.com",
        "gm\u202eail.com",
        "\u200egmail.com",
        "𝐠mail.com",
        " gmail.com ",
        "Ⓖmail.com",
        "gmail\u3002com\u3002",
    ],
)
def test_no_spelling_of_a_freemail_domain_escapes_its_class(spelling: str) -> None:
    """Capitals, fullwidth, other dots and invisible characters fold away (hop.md 6C 1)."""
    assert load_policy(None).domains.classify(f"anna@{spelling}").recipient_class == "freemail"


def test_international_domains_have_one_form() -> None:
    """Unicode and punycode compare equal; sharp s stays its own letter (IDNA 2008)."""
    assert normalise_domain("Müller.de") == normalise_domain("XN--MLLER-KVA.de") == "xn--mller-kva.de"
    assert normalise_domain("straße.de") == "xn--strae-oqa.de"


def test_what_idna_refuses_is_kept_in_lower_case() -> None:
    """Underscores, emoji, broken punycode and address literals never raise."""
    assert normalise_domain("A_b.DE") == "a_b.de"
    assert normalise_domain("☃.De") == "☃.de"
    assert normalise_domain("xn--zzzzzz99999.de") == "xn--zzzzzz99999.de"
    assert normalise_domain("[IPv6:2001:DB8::1]") == "[ipv6:2001:db8::1]"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_normalising_never_raises_and_is_stable(text: str) -> None:
    """Any text comes to a form that normalising leaves alone."""
    once = normalise_domain(text)
    assert normalise_domain(once) == once


def test_the_registrable_domain_comes_from_the_packed_list() -> None:
    """Public suffixes of both sections count; unknown endings fall back to two labels."""
    assert registrable("Mail.Example.co.uk") == "example.co.uk"
    assert registrable("a.anna.duckdns.org") == "anna.duckdns.org"
    assert registrable("x.partner.example") == "partner.example"
    assert registrable("co.uk") == "co.uk"
    assert registrable("[127.0.0.1]") == "[127.0.0.1]"
    assert is_public_suffix("co.uk")
    assert not is_public_suffix("myfritz.net")


def test_a_line_covers_names_below_and_the_longest_wins() -> None:
    """`example.com` covers `a.example.com`, unless a longer line says otherwise; `notexample.com` is another."""
    lists = DomainLists([_list("freemail", "example.com"), _list("mail_in", "in.example.com")])
    assert lists.classify("a@x.example.com").recipient_class == "freemail"
    assert lists.classify("a@x.in.example.com").recipient_class == "mail_in"
    assert lists.classify("a@notexample.com").recipient_class == "unknown"


def test_ranks_protected_address_internal_local_shipped() -> None:
    """Who wins: exact protected address, internal domain, local list, shipped list; all that know it are named."""
    lists = DomainLists(
        [
            _list("freemail", "example.com", "corp.example", "mail.local.example", shipped=True),
            _list("partner", "example.com", "local.example"),
            _list("protected", addresses=("council@corp.example",)),
            _list("vanity", addresses=("anna@corp.example", "anna@example.com")),
        ],
        ["Corp.Example."],
    )
    assert lists.classify("Council@CORP.example").recipient_class == "protected"
    assert lists.classify("anna@corp.example").recipient_class == "internal"
    assert lists.classify("anna@example.com").recipient_class == "vanity"
    found = lists.classify("bob@example.com")
    assert (found.recipient_class, found.source) == ("partner", "partner.list@2026-11-22")
    assert found.lists == ("partner.list", "freemail.list")
    assert lists.classify("x@mail.local.example").recipient_class == "partner"


def test_postmaster_without_domain_is_ours_and_nothing_is_nobody() -> None:
    """RFC 5321 4.1.1.3: the bare postmaster is our own; the null sender is not internal."""
    lists = DomainLists([], ["corp.example"])
    assert lists.classify("Postmaster").recipient_class == "internal"
    assert lists.classify("postmaster@").recipient_class == "internal"
    assert lists.classify("").recipient_class == "unknown"


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("a@web.de", "freemail"),
        ("a@gmx.net", "freemail"),
        ("a@googlemail.com", "freemail"),
        ("a@qq.com", "freemail"),
        ("a@proton.me", "freemail"),
        ("a@tuta.io", "freemail"),
        ("a@icloud.com", "freemail"),
        ("a@posteo.de", "freemail"),
        ("a@t-online.de", "isp"),
        ("a@vodafonemail.de", "isp"),
        ("a@arcor.de", "isp"),
        ("a@a1.net", "isp"),
        ("a@chello.at", "isp"),
        ("a@bluewin.ch", "isp"),
        ("a@orange.fr", "isp"),
        ("a@btinternet.com", "isp"),
        ("a@netcologne.de", "isp"),
        ("a@anna.myfritz.net", "isp"),
        ("a@comcast.net", "isp"),
        ("a@mailinator.com", "disposable"),
        ("a@wegwerfemail.de", "disposable"),
        ("a@trashmail.com", "disposable"),
        ("a@duck.com", "alias_relay"),
        ("a@mozmail.com", "alias_relay"),
        ("a@privaterelay.appleid.com", "alias_relay"),
        ("a@anna.anonaddy.com", "alias_relay"),
        ("a@passmail.net", "alias_relay"),
        ("a@aleeas.com", "alias_relay"),
        ("a@claude.ai", "ai_service"),
        ("press@openai.com", "unknown"),
        ("fred@fireflies.ai", "ai_service"),
        ("a@kindle.com", "mail_in"),
        ("a@m.evernote.com", "mail_in"),
        ("a@todoist.net", "mail_in"),
        ("a@boards.trello.com", "mail_in"),
        ("a@hpeprint.com", "mail_in"),
        ("a@telekom.de", "unknown"),
        ("a@vodafone.com", "unknown"),
        ("a@siemens.com", "unknown"),
        ("a@sap.com", "unknown"),
        ("a@evernote.com", "unknown"),
        ("a@trello.com", "unknown"),
        ("a@appleid.com", "unknown"),
        ("a@firma.onmicrosoft.com", "unknown"),
        ("a@berlin.de", "unknown"),
        ("a@bund.de", "unknown"),
        ("a@1und1.de", "unknown"),
        ("a@microsoft.com", "unknown"),
        ("a@google.com", "unknown"),
        ("a@bt.com", "unknown"),
    ],
)
def test_well_known_addresses_have_their_class(address: str, wanted: str) -> None:
    """Providers' mailboxes are private, the providers themselves and companies are not."""
    assert load_policy(None).domains.classify(address).recipient_class == wanted


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.list")), ids=lambda path: path.stem)
def test_each_shipped_line_has_evidence_and_a_sound_domain(path: Path) -> None:
    """The checks for local lists (suffixes, tenants, twice, no evidence) hold for the shipped ones; normal form."""
    problems: list[object] = []
    found = read_list(path, path.name, problems, shipped=False)  # type: ignore[arg-type]
    assert problems == []
    assert found is not None
    assert found.date
    assert "# provenance:" in path.read_text(encoding="utf-8")
    written = {
        line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    }
    assert written - {""} == found.domains
    assert all(is_domain(each) for each in found.domains)


def test_no_domain_stands_in_two_shipped_lists() -> None:
    """One domain, one class."""
    seen: dict[str, str] = {}
    for path in sorted(SHIPPED.glob("*.list")):
        for domain in re.findall(r"^([a-z0-9][^\s#]*)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert seen.setdefault(domain, path.stem) == path.stem


def test_classify_is_fast_when_warm() -> None:
    """A known address costs under 3 us; printed for the record."""
    classify = load_policy(None, internal_domains=["corp.example"]).domains.classify
    addresses = [
        f"a{number}@{domain}" for number in range(50) for domain in ("gmail.com", "x.corp.example", "n.example")
    ]
    best = 1.0
    for _ in range(7):
        start = time.process_time()
        for each in addresses:
            classify(each)
        best = min(best, (time.process_time() - start) / len(addresses))
    print(f"classify warm {best * 1e6:.2f} us")
    assert best < 3e-6


def _corpus(name: str) -> set[str]:
    return set((CORPORA / name).read_text(encoding="utf-8").split())


@needs_corpora
def test_no_bank_or_university_is_private() -> None:
    """None of 2,200 banks, the DAX companies or 10,500 universities stands in a list: their mail passes."""
    lists = load_policy(None).domains
    business = _corpus("domains-business/data/misp_bank.txt") | _corpus("domains-business/data/misp_dax30.txt")
    institutions = _corpus("domains-institution/data/gh_university.txt")
    listed = {domain for domain in business | institutions if lists.classify(domain).recipient_class != "unknown"}
    assert listed == set()


@needs_corpora
def test_listed_disposables_are_known_to_others() -> None:
    """At least nine of ten of our throw-away domains stand in a public list, too: they are not invented."""
    ours = {
        domain
        for each in load_policy(None).domains.lists
        if each.recipient_class == "disposable"
        for domain in each.domains
    }
    others = _corpus("domains-disposable/data/gh_disposable_blocklist.txt") | _corpus(
        "domains-disposable/data/npm_burner.txt"
    )
    assert len(ours & others) / len(ours) > 0.9
