# SPDX-License-Identifier: Apache-2.0
"""Loading: extending the shipped policy, ranks, governance, version, the shipped rules' behaviour and laziness."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dlpmilter.config import ConfigError
from dlpmilter.model.words import Action, Kind, Mode, RecipientClass, Relation
from dlpmilter.policy.load import load_policy, shipped_directory
from dlpmilter.policy.match import UNKNOWN, FactKind, Needs
from dlpmilter.policy.schema import FACTS

if TYPE_CHECKING:
    from dlpmilter.policy.schema import Policy

EXAMPLES = Path(__file__).parents[2] / "policies" / "examples"
CASE = """
[[case]]
id = "{id}"
title = {{ de = "Eins", en = "One" }}
when = "recipient.domain == '{domain}'"
action = "{action}"
rationale = "Because."
"""
_EMPTY = {FactKind.flag: False, FactKind.number: 0, FactKind.text: "", FactKind.word: ""}
CALM: dict[str, object] = {name: _EMPTY[fact.kind] for name, fact in FACTS.items()} | {
    "recipient.address": "kunde@gmx.de",
    "recipient.local": "kunde",
    "recipient.domain": "gmx.de",
    "recipient.class": "freemail",
    "recipient.private": True,
    "recipient.relation": "none",
    "sender.address": "anna@company.example",
    "sender.domain": "company.example",
    "sender.internal": True,
    "message.kind": "fresh",
    "message.size": 4000,
}
"""A plain fresh mail to a stranger's freemail box; every other fact is false, 0 or empty."""


def _write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    return folder


def _action(policy: Policy, **changes: object) -> Action:
    values = {**CALM, **{name.replace("__", "."): value for name, value in changes.items()}}
    if "recipient.class" in values:
        values["recipient.private"] = RecipientClass(str(values["recipient.class"])).private
    base = next(rule for rule in policy.cases if rule.when.evaluate(values.__getitem__) is True)
    raised = [rule.action for rule in policy.raises if rule.when.evaluate(values.__getitem__) is True]
    return max(base.action, *raised, Action.relay)


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        ("relay", {}),
        ("tag", {"message__attachments": 1}),
        ("relay", {"message__kind": "reply", "recipient__took_part": True, "message__attachments": 2}),
        ("relay", {"message__kind": "reply", "message__earlier_mail": True}),
        ("hold", {"message__kind": "forward"}),
        ("hold", {"message__kind": "forward", "recipient__took_part": True}),
        ("hold", {"message__kind": "forward-attachment"}),
        ("hold", {"message__kind": "resent"}),
        ("hold", {"message__attached_mail": True, "message__kind": "reply", "recipient__took_part": True}),
        ("hold", {"message__uninspectable": True, "message__kind": "reply", "recipient__took_part": True}),
        ("hold", {"message__ambiguous": True}),
        ("hold", {"message__encrypted": True, "message__kind": "reply", "recipient__took_part": True}),
        ("relay", {"message__bulk": True}),
        ("relay", {"message__kind": "calendar", "message__calendar": True}),
        ("hold", {"recipient__class": "isp", "message__kind": "forward"}),
        ("hold", {"recipient__class": "alias_relay", "message__kind": "forward"}),
        ("reject", {"recipient__class": "disposable"}),
        ("reject", {"recipient__class": "ai_service"}),
        ("hold", {"recipient__class": "mail_in"}),
        ("hold", {"recipient__class": "lookalike"}),
        ("relay", {"recipient__class": "protected", "message__kind": "forward", "message__encrypted": True}),
        ("hold", {"recipient__class": "protected", "message__auto_forward": True}),
        ("relay", {"recipient__class": "internal", "message__auto_forward": True}),
        ("relay", {"recipient__class": "partner", "message__auto_forward": True}),
        ("hold", {"recipient__class": "unknown", "message__auto_forward": True}),
        ("hold", {"recipient__class": "business", "message__auto_forward": True}),
        ("relay", {"recipient__relation": "own_private"}),
        ("hold", {"recipient__relation": "own_private", "message__attachments": 1}),
        ("hold", {"recipient__relation": "own_private", "message__kind": "reply"}),
        ("hold", {"recipient__relation": "own_private", "message__calendar": True}),
        ("hold", {"recipient__relation": "own_private", "message__earlier_mail": True}),
        ("hold", {"recipient__relation": "own_private", "recipient__class": "unknown", "message__encrypted": True}),
        ("hold", {"recipient__relation": "own_private", "message__bulk": True, "message__attachments": 1}),
        ("relay", {"recipient__relation": "own_private", "recipient__class": "partner", "message__attachments": 1}),
        ("hold", {"recipient__relation": "colleague_private"}),
        ("relay", {"recipient__class": "unknown", "message__uninspectable": True, "message__encrypted": True}),
        ("relay", {"recipient__class": "authority", "message__uninspectable": True, "message__kind": "forward"}),
        ("relay", {"recipient__class": "business", "message__encrypted": True, "message__kind": "forward"}),
        # agreements, exemptions, areas with a duty of secrecy
        ("relay", {"recipient__agreement": True, "message__kind": "forward"}),
        ("relay", {"recipient__agreement": True, "message__auto_forward": True}),
        ("hold", {"recipient__agreement": True, "message__uninspectable": True}),
        ("reject", {"recipient__agreement": True, "recipient__class": "ai_service"}),
        ("relay", {"sender__exempt": True, "message__kind": "forward"}),
        ("reject", {"sender__exempt": True, "recipient__class": "disposable"}),
        ("reject", {"sender__secrecy_group": "legal", "recipient__relation": "own_private"}),
        ("reject", {"sender__secrecy_group": "legal", "recipient__class": "mail_in"}),
        ("hold", {"sender__secrecy_group": "legal"}),
        ("hold", {"sender__secrecy_group": "legal", "recipient__relation": "customer"}),
        ("relay", {"sender__secrecy_group": "legal", "recipient__class": "unknown", "message__kind": "forward"}),
        # services
        ("tag", {"recipient__class": "ai_service", "recipient__vetted": True}),
        ("hold", {"recipient__class": "ai_service", "recipient__vetted": True, "findings__personal": 1}),
        ("relay", {"recipient__class": "mail_in", "recipient__vetted": True}),
        # the own private mailbox
        ("hold", {"recipient__relation": "own_private", "findings__personal": 1}),
        (
            "relay",
            {
                "recipient__relation": "own_private",
                "message__attachments": 1,
                "findings__own_document": True,
                "message__documents": 1,
            },
        ),
        (
            "hold",
            {
                "recipient__relation": "own_private",
                "message__attachments": 1,
                "findings__own_document": True,
                "message__kind": "forward",
            },
        ),
        (
            "hold",
            {
                "recipient__relation": "own_private",
                "message__attachments": 1,
                "findings__own_document": True,
                "findings__register_rows": 1,
            },
        ),
        ("hold", {"recipient__relation": "own_private", "drip__messages_30d": 9}),
        # people with private mailboxes
        ("relay", {"recipient__relation": "customer", "message__attachments": 1, "findings__personal": 9}),
        ("hold", {"recipient__relation": "customer", "message__kind": "forward"}),
        ("tag", {"recipient__relation": "customer", "findings__special": 1}),
        ("relay", {"recipient__relation": "wrote_first", "message__kind": "reply", "recipient__left_out": True}),
        (
            "hold",
            {
                "recipient__relation": "wrote_first",
                "message__kind": "reply",
                "recipient__left_out": True,
                "recipient__others_mail": True,
            },
        ),
        ("hold", {"message__kind": "reply", "recipient__left_out": True}),
        ("relay", {"message__kind": "reply"}),
        ("relay", {"recipient__relation": "known_correspondent", "message__attachments": 1, "findings__personal": 9}),
        ("tag", {"message__attachments": 1, "findings__personal": 2}),
        ("hold", {"message__attachments": 1, "findings__personal": 3}),
        ("relay", {"findings__personal": 3}),
        # raises
        ("reject", {"recipient__relation": "customer", "findings__licensed_rows": 1}),
        ("hold", {"recipient__relation": "customer", "findings__table_rows": 500}),
        ("relay", {"recipient__class": "unknown", "findings__table_rows": 500}),
        ("hold", {"findings__document_share": 20}),
        ("hold", {"message__image_only": True}),
        ("tag", {"drip__messages_24h": 20}),
        ("hold", {"drip__messages_24h": 40}),
        ("hold", {"findings__register_rows": 1, "drip__records_30d": 500}),
        ("hold", {"findings__register_rows": 1, "drip__register_share": 10}),
        ("relay", {"recipient__class": "protected", "findings__personal": 9, "drip__messages_24h": 90}),
    ],
)
def test_the_shipped_rules_do_what_the_table_says(wanted: str, changes: dict[str, object]) -> None:
    """domain.md section 7 with the facts of this version, one line a row."""
    assert _action(load_policy(None), **changes).name == wanted


@pytest.mark.parametrize("name", ["unknown", "business", "internal", "partner", "authority", "protected"])
@pytest.mark.parametrize("auto_forward", [False, True])
@pytest.mark.parametrize("bulk", [False, True])
def test_business_mail_is_judged_by_its_headers(name: str, auto_forward: bool, bulk: bool) -> None:
    """No shipped rule asks for the structure of a mail to a business address: nothing is opened."""
    policy = load_policy(None)
    known = {fact: value for fact, value in CALM.items() if FACTS[fact].sources == ("headers",)}
    known |= {"recipient.relation": "none", "recipient.agreement": False}
    known |= {"recipient.class": name, "recipient.private": False}
    known |= {"message.auto_forward": auto_forward, "message.bulk": bulk}
    needs = [
        rule.id for rule in policy.rules if isinstance(rule.when.evaluate(lambda fact: known.get(fact, UNKNOWN)), Needs)
    ]
    assert needs == []


def test_a_private_recipient_needs_stores_structure_and_content() -> None:
    """For a private recipient the rules ask for facts that headers cannot tell, and for no question to the DNS."""
    policy = load_policy(None)
    known = {fact: value for fact, value in CALM.items() if FACTS[fact].sources == ("headers",)}
    answers = [rule.when.evaluate(lambda fact: known.get(fact, UNKNOWN)) for rule in policy.rules]
    asked = {fact for each in answers if isinstance(each, Needs) for fact in each.facts}
    assert asked
    assert {source for fact in asked for source in FACTS[fact].sources} == {"headers", "store", "structure", "content"}
    assert not any(FACTS[fact].sources == ("headers",) for fact in asked)


def test_some_case_always_matches() -> None:
    """Whatever class, relation and kind meet, the shipped cases give an answer, and no raise reaches protected."""
    policy = load_policy(None)
    for recipient_class, relation, kind in itertools.product(RecipientClass, Relation, Kind):
        _action(policy, recipient__class=recipient_class, recipient__relation=relation, message__kind=kind)
    protected = {**CALM, "recipient.class": "protected", "recipient.private": True, "message.encrypted": True}
    assert not any(rule.when.evaluate(protected.__getitem__) for rule in policy.raises)


def test_own_rules_come_first_and_a_shipped_id_keeps_its_place(tmp_path: Path) -> None:
    """Extending puts new rules in front and swaps rules of the same id where they stand."""
    text = 'extends = "default"\n' + CASE.format(id="mine", domain="a.example", action="tag")
    text += CASE.format(id="mail-in-service", domain="b.example", action="reject")
    policy = load_policy(_write(tmp_path, text))
    shipped = [rule.id for rule in load_policy(None).cases]
    assert [rule.id for rule in policy.cases] == ["mine", *shipped]
    replaced = policy.rule("mail-in-service")
    assert replaced is not None
    assert replaced.action is Action.reject


def test_without_extends_only_own_rules_but_all_shipped_lists(tmp_path: Path) -> None:
    """A policy of its own still knows who the freemail providers are."""
    policy = load_policy(_write(tmp_path, CASE.format(id="mine", domain="a.example", action="tag")))
    assert [rule.id for rule in policy.rules] == ["mine"]
    assert policy.domains.classify("a@gmail.com").recipient_class == "freemail"


def test_local_lists_win_and_unknown_takes_a_domain_out(tmp_path: Path) -> None:
    """domains/<class>.list and [classes.<class>] stand above the shipped lists; the record names list and date."""
    folder = _write(tmp_path, 'extends = "default"\n[classes.unknown]\ndomains = ["gmx.net"]\n')
    (folder / "domains").mkdir()
    (folder / "domains" / "partner.list").write_text(
        "# version: 2026-11-01\nweb.de # contract 4711\n", encoding="utf-8"
    )
    domains = load_policy(folder).domains
    found = domains.classify("a@web.de")
    assert (found.recipient_class, found.source) == ("partner", "domains/partner.list@2026-11-01")
    assert found.lists == ("domains/partner.list", "policies/domains/freemail.list")
    assert domains.classify("a@gmx.net").recipient_class == "unknown"


def test_a_mode_at_the_top_is_a_ceiling(tmp_path: Path) -> None:
    """Staged roll-out: one line lowers every rule, and count needs no governance block."""
    policy = load_policy(_write(tmp_path, 'extends = "default"\nmode = "count"\n'), require_governance=True)
    assert {rule.mode for rule in policy.rules} == {Mode("count")}
    with pytest.raises(ConfigError):
        load_policy(_write(tmp_path, 'extends = "default"\nmode = "advise"\n'), require_governance=True)


def test_the_sample_block_is_for_the_demo_only() -> None:
    """The shipped sample loads where it is allowed and is refused where mail would really be held."""
    for name in ("demo", "strict"):
        policy = load_policy(EXAMPLES / name, require_governance=True, allow_sample=True)
        assert policy.governance is not None
        assert policy.governance.sample
        with pytest.raises(ConfigError, match="nobody has agreed"):
            load_policy(EXAMPLES / name, require_governance=True)


def test_the_strict_example_does_what_its_comments_say() -> None:
    """Its own rule rejects, its replaced rule holds, its raise holds big mail."""
    policy = load_policy(EXAMPLES / "strict", allow_sample=True)
    assert _action(policy, sender__address="hr@company.example") is Action.reject
    assert _action(policy, message__attachments=1) is Action.hold
    assert _action(policy, message__attachments=1, sender__domain="eu.shop.company.example") is Action.relay
    assert _action(policy, message__size=30_000_000) is Action.hold
    assert policy.hold.working_days == 3


def test_a_public_suffix_is_no_internal_domain() -> None:
    """`internal_domains = ["de"]` would switch the filter off for a country."""
    with pytest.raises(ConfigError, match="public suffix"):
        load_policy(None, internal_domains=["company.example", "de"])


def test_the_version_is_the_content_not_the_spelling(tmp_path: Path) -> None:
    """Comments, order of keys and folder do not change the version; a rule, a list, a date or an own domain does."""
    text = 'extends = "default"\n[classes.partner]\ndomains = ["a.example", "b.example"]\n'
    first = load_policy(_write(tmp_path / "one", text)).version
    same = load_policy(
        _write(tmp_path / "two", "# hello\n" + text.replace('"a.example", "b.example"', '"B.example", "a.example"'))
    )
    assert same.version == first
    assert len(first) == 64
    assert same.short_version == first[:12]
    others = [
        load_policy(tmp_path / "one", internal_domains=["company.example"]).version,
        load_policy(_write(tmp_path / "three", text + "[hold]\nworking_days = 4\n")).version,
        load_policy(_write(tmp_path / "four", text.replace("b.example", "c.example"))).version,
        load_policy(_write(tmp_path / "five", 'mode = "count"\n' + text)).version,
    ]
    assert len({first, *others}) == 5


def test_a_copied_shipped_folder_is_a_policy(tmp_path: Path) -> None:
    """`cp -r policies mine` works: its default.toml and its lists are the local ones."""
    shutil.copytree(shipped_directory(), tmp_path / "mine")
    (tmp_path / "mine" / "domains" / "freemail.list").write_text(
        "# version: 2026-11-22\nweb.de # x\n", encoding="utf-8"
    )
    policy = load_policy(tmp_path / "mine")
    assert policy.domains.classify("a@web.de").source == "domains/freemail.list@2026-11-22"
    assert load_policy(shipped_directory()).version == load_policy(None).version


def test_each_list_has_date_digest_and_count() -> None:
    """What a record needs to say later which list said so."""
    lists = load_policy(None).lists
    assert {each.name for each in lists} >= {"policies/domains/freemail.list", "policies/domains/isp.list"}
    assert all(each.date == "2026-11-22" and len(each.digest) == 64 and each.entries > 40 for each in lists)


def test_a_folder_that_is_none_says_so(tmp_path: Path) -> None:
    """A missing folder and a file in its place are told apart."""
    (tmp_path / "file.toml").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="does not exist"):
        load_policy(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="is a file, not a folder"):
        load_policy(tmp_path / "file.toml")


def test_titles_and_rationales_never_accuse() -> None:
    """The words of domain.md section 5 c stand in no shipped rule."""
    banned = (
        "verstoß",
        "vergehen",
        "täter",
        "verdacht",
        "abgemahnt",
        "strafbar",
        "violation",
        "offence",
        "suspect",
        "!",
    )
    for folder in (None, EXAMPLES / "strict", EXAMPLES / "demo"):
        for rule in load_policy(folder, allow_sample=True).rules:
            text = f"{rule.title.de} {rule.title.en} {rule.rationale}".lower()
            assert [word for word in banned if word in text] == []
            assert rule.title.in_language("de") != rule.title.in_language("en")
