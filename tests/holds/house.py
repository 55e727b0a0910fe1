# SPDX-License-Identifier: Apache-2.0
"""A small house for the tests of this room: real database, real keys, the demo policy. Never a mock."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dlpmilter.config import Config
from dlpmilter.holds.actors import Actor
from dlpmilter.holds.notify import Notifier
from dlpmilter.holds.place import Decided, record_decided
from dlpmilter.holds.release import Sending
from dlpmilter.holds.review_acts import Approval
from dlpmilter.holds.workflow import Workflow
from dlpmilter.model.address import parse_mailbox
from dlpmilter.model.transaction import Client, EnvelopePath, Parameters, Transaction
from dlpmilter.model.verdict import Disposition, MessageJudgement, Review, RuleHit, Sender, Verdict
from dlpmilter.model.words import Action, Kind, Mode, RecipientClass, Relation
from dlpmilter.policy.load import load_policy
from dlpmilter.policy.schema import Policy
from dlpmilter.settings import Reviewer
from dlpmilter.spill import MessageBytes
from dlpmilter.storage.bodies import BodyStore
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring, new_key_file

PROJECT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday
HEAD = (
    b"Received: from pc by mx.company.example id %d; Mon, 23 Nov 2026 09:00:00 +0000\r\n"
    b"From: Anna Berg <anna.berg@company.example>\r\nTo: a@gmx.example\r\nSubject: Fwd: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Message-ID: <m%d@company.example>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n"
)
ANNA = "anna.berg@company.example"
RITA = Actor("rita", "rita.reviewer@company.example", frozenset({"privacy"}))
CARL = Actor("carl", "carl.check@company.example", frozenset({"privacy", "works-council"}))
FINE = Approval("contract", necessary=True, no_safer_way=True)
_numbers = itertools.count(1)


def path(address: str, *parameters: tuple[str, bytes]) -> EnvelopePath:
    """An envelope path."""
    return EnvelopePath(parse_mailbox(address.encode(), allow_null=True), parameters)


def mail(body: bytes = b"Dear customer\r\n", head: bytes | None = None) -> bytes:
    """A whole mail that no other test has sent."""
    number = next(_numbers)
    return (HEAD % (number, number) if head is None else head) + body


def transaction(
    message: bytes, recipients: Sequence[str | EnvelopePath], sender: str = ANNA, *, at: datetime = NOW, login: str = ""
) -> Transaction:
    """The envelope of one mail."""
    return Transaction(
        id=f"T{next(_numbers)}",
        client=Client("127.0.0.1", login=login),
        sender=path(sender),
        recipients=tuple(each if isinstance(each, EnvelopePath) else path(each) for each in recipients),
        head=message[: message.find(b"\r\n\r\n") + 4],
        size=len(message),
        received_at=at,
    )


def verdict(
    envelope: Transaction,
    actions: Sequence[Action],
    *,
    owner: str = ANNA,
    pools: Sequence[str] = (),
    approvals: int = 1,
    internal: bool = True,
    version: str = "p1",
    name: str = "Anna Berg",
) -> Verdict:
    """A verdict with one action a recipient."""
    return Verdict(
        MessageJudgement(Kind.forward, 0.9, earlier_mail=True),
        Sender(owner, "envelope", internal, (name,)),
        tuple(
            Disposition(
                each,
                RecipientClass.freemail if action > Action.relay else RecipientClass.partner,
                "list:freemail",
                Relation.own_private if action > Action.relay else Relation.none,
                None,
                action,
                (RuleHit("own-private-mailbox", "base", action, Mode.enforce),) if action > Action.relay else (),
                ("own-private",),
                Review(pools[number] if pools else "privacy", approvals),
            )
            for number, (each, action) in enumerate(zip(envelope.recipients, actions, strict=True))
        ),
        version,
    )


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Rooms:
    """Everything a test of holds needs."""

    config: Config
    policy: Policy
    keyring: Keyring
    database: Database
    bodies: BodyStore
    notifier: Notifier
    clock: Clock = field(default_factory=Clock)

    @property
    def sending(self) -> Sending:
        return Sending.build(self.keyring, "hop.company.example", "abc123", 5)

    @property
    def workflow(self) -> Workflow:
        return Workflow(self.database, self.bodies, self.notifier, self.sending, self.clock)

    async def decide(
        self, message: bytes, recipients: Sequence[str | EnvelopePath], actions: Sequence[Action], **more: Any
    ) -> Decided:
        """Judge and record one mail."""
        quiet = more.pop("quiet", False)
        envelope = transaction(
            message,
            recipients,
            more.pop("sender", ANNA),
            at=more.pop("at", self.clock.now),
            login=more.pop("login", ""),
        )
        return await record_decided(
            self.database,
            self.bodies,
            transaction=envelope,
            verdict=verdict(envelope, actions, **more),
            message=MessageBytes.of(message),
            policy=self.policy,
            config=self.config,
            notice=self.notifier,
            quiet=quiet,
        )

    async def hold(self, *recipients: str, **more: Any) -> Decided:
        """One held mail."""
        to = recipients or ("anna.private@gmx.example",)
        return await self.decide(more.pop("message", None) or mail(), to, [Action.hold] * len(to), **more)

    async def count(self, table: str) -> int:
        """Rows of one table."""
        found = await self.database.read(
            lambda conn: conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
        )
        return int(found)


def make_config(folder: Path, **more: Any) -> Config:
    """A configuration whose files lie in `folder`."""
    values: dict[str, Any] = {
        "internal_domains": ("company.example",),
        "next_hop": "127.0.0.1:2525",
        "database": folder / "dlpmilter.db",
        "key_file": str(folder / "key.toml"),
        "postmaster": "postmaster@company.example",
        "hostname": "hop.company.example",
        "reviewers": {"rita": Reviewer(address="rita.reviewer@company.example", pools=("privacy",))},
    }
    return Config(**(values | more))


@asynccontextmanager
async def rooms(folder: Path, **more: Any) -> AsyncIterator[Rooms]:
    """Open a house in `folder`, close it afterwards; a second time finds what the first left."""
    config = make_config(folder, **more)
    if not Path(config.key_file).exists():
        new_key_file(Path(config.key_file))
    policy = load_policy(PROJECT / "policies" / "examples" / "demo", internal_domains=config.internal_domains)
    keyring = Keyring.load(config.key_file)
    database = Database(config.database, keyring=keyring)
    await database.start()
    bodies = BodyStore(database, keyring, spool=folder)
    try:
        yield Rooms(config, policy, keyring, database, bodies, Notifier.build(config, policy, keyring))
    finally:
        await database.close()


__all__ = ["ANNA", "CARL", "FINE", "NOW", "RITA", "Parameters", "Rooms", "mail", "make_config", "path", "rooms"]
