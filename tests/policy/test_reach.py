# SPDX-License-Identifier: Apache-2.0
"""Rules that do nothing are named, and no rule that does something is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpmilter.policy.load import load_policy
from dlpmilter.policy.logic import Space, TooManyStepsError
from dlpmilter.policy.match import compile_condition
from dlpmilter.policy.reach import places_of, warnings_of
from dlpmilter.policy.schema import FACTS

EXAMPLES = Path(__file__).parents[2] / "policies" / "examples"
RULE = """
[[{stage}]]
id = "{id}"
title = {{ de = "x", en = "x" }}
when = '''{when}'''
action = "{action}"
mode = "{mode}"
rationale = "x"
"""


def _policy(folder: Path, *rules: tuple[str, str] | tuple[str, str, str], extends: bool = False) -> Path:
    text = 'name = "test"\n' + ('extends = "default"\n' if extends else "")
    for name, when, *mode in rules:
        stage = "raise" if name.startswith("raise") else "case"
        text += RULE.format(stage=stage, id=name, when=when, action="hold", mode=mode[0] if mode else "enforce")
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    return folder


def _found(folder: Path, *rules: tuple[str, str] | tuple[str, str, str]) -> list[tuple[str, str, tuple[str, ...]]]:
    policy = load_policy(_policy(folder, *rules))
    return [(each.kind, each.rule, each.by) for each in warnings_of(policy)]


@pytest.mark.parametrize("folder", [None, EXAMPLES / "demo", EXAMPLES / "strict"], ids=lambda each: str(each)[-6:])
def test_the_shipped_policies_have_no_idle_rule(folder: Path | None) -> None:
    """The default and both examples give no warning."""
    assert warnings_of(load_policy(folder, internal_domains=["company.example"])) == ()


@pytest.mark.parametrize(
    "when",
    [
        "recipient.class == 'freemail' and recipient.class == 'isp'",
        "recipient.private and recipient.class in ['partner', 'business']",
        "message.attachments > 3 and message.attachments < 4",
        "message.size < 0",
        "message.attachments <= -1",
        "1 < message.attachments < 2",
        "sender.address == 'a@b.example' and sender.address == 'c@d.example'",
        "recipient.domain == 'a.example' and endswith(recipient.domain, '.com')",
        "message.attached_mail and not message.earlier_mail",
        "message.bulk and not message.bulk",
        "glob(recipient.local, 'a*') and not glob(recipient.local, 'a*')",
        "recipient.domain == sender.domain and not recipient.domain == sender.domain",
        (
            "not recipient.private and recipient.class not in ['internal', 'partner', 'authority', 'protected', "
            "'business', 'ai_service', 'mail_in', 'lookalike', 'unknown']"
        ),
        "False",
    ],
)
def test_a_condition_that_contradicts_itself_is_named(tmp_path: Path, when: str) -> None:
    """Words, numbers, texts and flags that exclude each other: the rule can never match."""
    assert _found(tmp_path, ("odd", when), ("last", "True")) == [("never-matches", "odd", ())]


@pytest.mark.parametrize(
    "when",
    [
        "message.attachments > 3 and message.attachments < 5",
        "startswith(recipient.local, 'a') and endswith(recipient.local, 'b')",
        "recipient.domain != 'a.example' and in_domain(recipient.domain, ['a.example'])",
        "sender.address == 'a@b.example' and recipient.address != 'a@b.example'",
        "message.size >= 1.5 and message.size < 2.5",
        "recipient.private and not message.attached_mail and message.earlier_mail",
    ],
)
def test_a_condition_that_can_be_true_is_left_alone(tmp_path: Path, when: str) -> None:
    """What is rare, or cannot be proved by the method, is no warning."""
    assert _found(tmp_path, ("rare", when), ("last", "True")) == []


def test_a_case_behind_others_that_take_all_its_mail_is_named_with_them(tmp_path: Path) -> None:
    """Two cases together shadow a third; the case that has no part in it is not named."""
    rules = [
        ("bulk", "message.bulk"),
        ("with", "recipient.private and message.attachments > 0"),
        ("without", "recipient.private and not message.attachments > 0"),
        ("late", "recipient.class == 'freemail' and message.kind == 'forward'"),
        ("other", "recipient.class == 'unknown'"),
    ]
    assert _found(tmp_path, *rules) == [("shadowed", "late", ("with", "without"))]


def test_a_case_that_only_counts_takes_nothing_from_later_ones(tmp_path: Path) -> None:
    """Mode count sets no action, so nothing behind it is shadowed; in a policy that only counts, order counts."""
    assert _found(tmp_path, ("a", "recipient.private", "count"), ("b", "recipient.private")) == []
    assert _found(tmp_path, ("a", "recipient.private", "count"), ("b", "recipient.private", "count")) == [
        ("shadowed", "b", ("a",))
    ]


def test_a_raise_is_never_shadowed_but_never_reaches_protected_recipients(tmp_path: Path) -> None:
    """All raises that match are looked at; one for the protected class does nothing and is told what to do."""
    folder = _policy(
        tmp_path,
        ("a", "recipient.private"),
        ("raise-a", "recipient.private"),
        ("raise-b", "recipient.class == 'protected'"),
    )
    (warning,) = warnings_of(load_policy(folder))
    assert (warning.kind, warning.rule, warning.key) == ("never-matches", "raise-b", "raise[raise-b].when")
    assert "make it a [[case]]" in warning.fix


def test_what_takes_too_long_is_said_and_not_guessed(tmp_path: Path) -> None:
    """With too few steps the answer is "not checked", never a wrong warning."""
    folder = _policy(tmp_path, ("a", "recipient.private"), ("b", "message.bulk and recipient.class == 'isp'"))
    assert {each.kind for each in warnings_of(load_policy(folder), steps=1)} == {"not-checked"}


def test_many_free_functions_end_in_time(tmp_path: Path) -> None:
    """Rules with 36 functions that may each answer anything are answered or given up within the steps."""
    hard = " and ".join(f"(glob(recipient.local, 'a{n}*') or glob(sender.address, 'b{n}*'))" for n in range(18))
    rules = [(f"r{n}", f"not ({hard}) and message.attachments == {n}") for n in range(12)]
    assert {kind for kind, _, _ in _found(tmp_path, *rules)} <= {"not-checked"}


def test_a_place_is_file_and_line(tmp_path: Path) -> None:
    """The rule is found where its id is written; the first file wins."""
    folder = _policy(tmp_path, ("a", "recipient.private"), ("b", "message.bulk"))
    places = places_of([folder / "policy.toml", folder / "missing.toml"])
    assert places["b"].file == str(folder / "policy.toml")
    assert 'id = "b"' in (folder / "policy.toml").read_text(encoding="utf-8").splitlines()[places["b"].line - 1]


_ATOMS = [
    "recipient.private",
    "recipient.class == 'freemail'",
    "recipient.class in ['internal', 'isp', 'unknown']",
    "message.kind != 'fresh'",
    "message.attachments > 1",
    "message.attachments <= 3",
    "message.bulk",
    "recipient.domain == 'gmx.de'",
    "in_domain(recipient.domain, ['gmx.de', 'example.org'])",
]
_conditions = st.recursive(
    st.sampled_from(_ATOMS),
    lambda inner: st.one_of(
        inner.map(lambda each: f"not ({each})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda each: f"({each[0]} {each[1]} {each[2]})"),
    ),
    max_leaves=6,
)
_WORLDS = [
    dict(
        zip(
            ("recipient.class", "message.kind", "message.attachments", "message.bulk", "recipient.domain"),
            each,
            strict=True,
        )
    )
    for each in itertools.product(
        ["freemail", "internal", "isp", "unknown", "vanity", "partner"],
        ["fresh", "reply"],
        [0, 1, 2, 3, 4, 5],
        [False, True],
        ["gmx.de", "example.org", "a.example.org", "other.example"],
    )
]
for _world in _WORLDS:
    _world["recipient.private"] = _world["recipient.class"] in {"freemail", "isp", "vanity"}


@settings(max_examples=150, deadline=None)
@given(wanted=_conditions, unwanted=st.lists(_conditions, max_size=3))
def test_the_search_agrees_with_trying_every_mail(wanted: str, unwanted: list[str]) -> None:
    """For conditions without a free function the search finds a case exactly when some mail is one."""
    space = Space([wanted, *unwanted])
    try:
        case = space.find([space.tree(wanted)], [space.tree(each) for each in unwanted], 20_000)
    except TooManyStepsError:
        return
    compiled, others = (
        compile_condition(wanted, facts=FACTS),
        [compile_condition(each, facts=FACTS) for each in unwanted],
    )
    fits = any(
        compiled.evaluate(world.__getitem__) is True
        and not any(each.evaluate(world.__getitem__) is True for each in others)
        for world in _WORLDS
    )
    if fits:
        assert case is not None
    elif not any("in_domain" in each for each in [wanted, *unwanted]):
        assert case is None
