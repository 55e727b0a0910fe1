# SPDX-License-Identifier: Apache-2.0
"""Every golden mail of tests/corpus through the real parsers, the shipped policy and the judge."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dlpmilter.engine.evaluate import evaluate
from dlpmilter.mime.head import read_head
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.address import NULL_SENDER, parse_address
from dlpmilter.model.facts import Facts
from dlpmilter.model.limits import Limits
from dlpmilter.model.transaction import Client, EnvelopePath, Transaction
from dlpmilter.model.verdict import Verdict
from dlpmilter.policy.load import load_policy
from dlpmilter.policy.match import Needs

if TYPE_CHECKING:
    from dlpmilter.policy.schema import Policy

CORPUS = Path(__file__).parents[1] / "corpus"
LIMITS = Limits()
FACTS = Facts(now=datetime(2026, 11, 22, 9, tzinfo=UTC))


@cache
def shipped(*internal: str) -> Policy:
    return load_policy(None, internal_domains=internal)


def judge(name: str, expected: dict[str, Any]) -> tuple[Verdict | Needs, Verdict]:
    """The answer without and with the structure."""
    raw = (CORPUS / f"{name}.eml").read_bytes()
    envelope = expected["envelope"]
    head = read_head(raw, LIMITS)
    sender = parse_address(envelope["sender"]) if envelope["sender"] else NULL_SENDER
    recipients = tuple(EnvelopePath(parse_address(each["address"])) for each in expected["recipient"])
    client = Client("192.0.2.1", login=envelope.get("login", ""))
    transaction = Transaction("t1", client, EnvelopePath(sender), recipients, head.raw, len(raw), FACTS.now)
    policy = shipped(*envelope["internal"])
    first = evaluate(transaction, head, FACTS, policy)
    second = evaluate(transaction, head, FACTS, policy, read_structure(raw, LIMITS))
    assert isinstance(second, Verdict)
    return first, second


def names() -> list[str]:
    return sorted(path.stem for path in CORPUS.glob("*.toml"))


def test_there_are_enough_golden_mails() -> None:
    """The corpus is not empty by accident, and every mail has its expectation."""
    assert len(names()) >= 25
    assert names() == sorted(path.stem for path in CORPUS.glob("*.eml"))


@pytest.mark.parametrize("name", names())
def test_golden_mail(name: str) -> None:
    """Kind, class, relation, part in the talk and action are what the file beside the mail says."""
    expected = tomllib.loads((CORPUS / f"{name}.toml").read_text("utf-8"))
    _, verdict = judge(name, expected)
    message = expected["message"]
    assert verdict.message.kind == message["kind"]
    assert verdict.message.earlier_mail is message["earlier_mail"]
    assert verdict.message.ambiguous is message.get("ambiguous", False)
    for row, one in zip(expected["recipient"], verdict.dispositions, strict=True):
        assert (one.recipient_class, one.relation, one.action.name) == (row["class"], row["relation"], row["action"])
        if "took_part" in row:
            assert one.took_part is row["took_part"]


@pytest.mark.parametrize("name", names())
def test_the_quick_look_never_says_less_than_the_full_one(name: str) -> None:
    """Where envelope and headers were enough, the structure changes no action."""
    expected = tomllib.loads((CORPUS / f"{name}.toml").read_text("utf-8"))
    first, second = judge(name, expected)
    if isinstance(first, Verdict):
        assert [one.action for one in first.dispositions] == [one.action for one in second.dispositions]
