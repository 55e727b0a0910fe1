# SPDX-License-Identifier: Apache-2.0
"""The way of an inbound mail when learning fails: the mail and its reply never notice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from dlpmilter import metrics
from dlpmilter.config import Config
from dlpmilter.model.address import parse_address
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.facts import Lesson
from dlpmilter.model.transaction import Client, EnvelopePath, Transaction
from dlpmilter.pipeline import learner
from dlpmilter.pipeline.learner import Learner
from dlpmilter.policy.domains import DomainLists
from dlpmilter.relay.nowhere import Nowhere
from dlpmilter.spill import MessageBytes
from tests.peers.letters import EMPLOYEE, STRANGER, letter

POLICY = SimpleNamespace(current=SimpleNamespace(domains=DomainLists((), ("corp.example",))))


@dataclass
class Store:
    """Stands for the database: keeps lessons, or fails as told."""

    error: Exception | None = None
    lessons: list[Lesson] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def learn(self, lessons: Sequence[tuple[Lesson, datetime]]) -> int:
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.lessons += [lesson for lesson, _ in lessons]
        return len(lessons)


def build(store: Store, tmp_path: Path, waiting: int = 10_000) -> Learner:
    config = Config.model_validate(
        {
            "internal_domains": ["corp.example"],
            "next_hop": "127.0.0.1:1",
            "database": str(tmp_path / "a.db"),
            "key_file": "key",
            "postmaster": "p@corp.example",
            "hostname": "dlp.corp.example",
            "inbound": {},
            "limits": {"inbound_waiting": waiting},
        }
    )
    return Learner(config, POLICY, "0123456789abcdef", store.learn)


async def accept(one: Learner, number: int) -> int:
    """Hand over one mail to a listener for copies; the code of the reply."""
    data = letter(f"{number}@gmx.de")
    sender = EnvelopePath(parse_address(STRANGER))
    transaction = Transaction(
        id=f"t{number}", client=Client("127.0.0.1"), sender=sender, recipients=(EnvelopePath(parse_address(EMPLOYEE)),),
        head=data[: data.index(b"\r\n\r\n") + 4], size=len(data), received_at=datetime.now(UTC),
    )  # fmt: skip
    session, _ = await Nowhere(one._config.relay, "dlp").begin(sender)
    return (await one.accept(transaction, MessageBytes.of(data), session)).code


def count(outcome: str) -> float:
    return float(metrics.inbound_learned.labels(outcome)._value.get())


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [TemporaryFailure("no database"), RuntimeError("a bug")])
async def test_a_broken_database_costs_the_lesson_and_no_mail(tmp_path: Path, error: Exception) -> None:
    """The mail has its 250, the loss is counted, and the next mail is learned when the database is back."""
    store = Store(error)
    one = build(store, tmp_path)
    outcome = "store-unavailable" if isinstance(error, TemporaryFailure) else "unforeseen"
    before = count(outcome)
    assert await accept(one, 1) == 250
    await one.flush()
    assert count(outcome) == before + 1
    store.error = None
    assert await accept(one, 2) == 250
    await one.flush()
    assert [each.message_id for each in store.lessons] == ["2@gmx.de"]


@pytest.mark.asyncio
async def test_a_full_queue_costs_lessons_and_no_mail(tmp_path: Path) -> None:
    """A database that hangs fills the queue up to its limit; every mail is still answered at once."""
    gate = asyncio.Event()
    store = Store(gate=gate)
    one = build(store, tmp_path, waiting=5)
    before = count("queue-full")
    task = asyncio.create_task(one.flush())
    assert [await accept(one, number) for number in range(8)] == [250] * 8
    assert count("queue-full") == before + 3
    gate.set()
    await task
    await one.flush()
    assert [each.message_id for each in store.lessons] == [f"{number}@gmx.de" for number in range(5)]


@pytest.mark.asyncio
async def test_ending_writes_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain learns the rest, also when it comes while a batch is being written."""
    monkeypatch.setattr(learner, "PAUSE_SECONDS", 0)
    gate = asyncio.Event()
    store = Store(gate=gate)
    one = build(store, tmp_path)
    task = asyncio.create_task(one.run())
    await accept(one, 1)
    for _ in range(5):
        await asyncio.sleep(0)
    ending = asyncio.create_task(one.finish(task))
    await asyncio.sleep(0)
    gate.set()
    await ending
    assert {each.message_id for each in store.lessons} == {"1@gmx.de"}


@pytest.mark.asyncio
async def test_a_judge_of_domains_that_breaks_does_not_turn_a_250_into_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the next hop's 250 nothing changes the reply, not even a bug in reading the header."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(learner, "lesson_of", broken)
    before = metrics.unforeseen.labels("inbound-learning")._value.get()
    assert await accept(build(Store(), tmp_path), 1) == 250
    assert metrics.unforeseen.labels("inbound-learning")._value.get() == before + 1
