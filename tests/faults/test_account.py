# SPDX-License-Identifier: Apache-2.0
"""The soak's balance itself: each way to lose, change or hide a mail is seen."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.faults import soak
from tests.faults.soak import Account, Held, Kill
from tests.peers.inject import Injector, Mail, Mix, send_one
from tests.peers.sink import Sink


@dataclass(slots=True)
class Books:
    """A hop that is only its records."""

    port: int = 0
    pid: int = 0
    cases: list[Held] = field(default_factory=list)

    def start(self) -> None:
        """Nothing to start."""

    def owes(self) -> int:
        """Nothing is owed."""
        return 0

    def held(self) -> list[Held]:
        """What the test says."""
        return self.cases

    def decided(self) -> dict[str, float]:
        """Every case is decided when the test says."""
        return {each.case: each.decided_at for each in self.cases if each.decided_at}


@dataclass(slots=True)
class Scene:
    """One mixed mail that was accepted, and what became of it so far: nothing."""

    sink: Sink
    injector: Injector
    mail: Mail
    books: Books = field(default_factory=Books)
    kills: list[Kill] = field(default_factory=list)

    def deliver(self, *, data: bytes = b"", to: bytes = b"") -> None:
        """The relayed part reaches the sink behind a trace field."""
        recipients = [to] if to else sorted(self.mail.relays)
        body = b"Received: from a\r\n\tby b; today\r\n" + (data or self.mail.data)
        asyncio.run(send_one(self.sink.port, self.mail.sender, recipients, body))

    def notice(self) -> None:
        """The sender is told."""
        asyncio.run(send_one(self.sink.port, b"", [self.mail.sender], b"Subject: notice\r\n\r\nwaits\r\n"))

    def hold(self, at: float) -> None:
        """The private part is held."""
        for path in self.mail.holds:
            self.books.cases.append(Held("case-1", self.mail.sender.decode(), path.decode(), at))

    def account(self) -> Account:
        """The balance."""
        return soak.settle(self.books, self.injector, self.kills, self.sink)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    mix = Mix(7)
    mail = next(each for _ in range(1000) if (each := mix.next()).relays and each.holds and len(each.data) < 20_000)
    with Sink(tmp_path / "journal") as sink:
        injector = Injector(sink.port, mix, 1)
        injector.accepted[mail.id] = replace(mail, data=b"")
        injector.digests[mail.id] = (len(mail.data), hashlib.sha256(mail.data).digest())
        yield Scene(sink, injector, mail)


def faults(account: Account) -> set[str]:
    """The names of all lists that complain."""
    names = ("lost", "unrecorded", "changed", "misplaced", "silent")
    return {name for name in names if getattr(account, name)}


def test_a_mail_treated_well_balances(scene: Scene) -> None:
    """Decided, told, delivered once and held: nothing to complain about."""
    scene.hold(time.time() - 1)
    scene.notice()
    scene.deliver()
    account = scene.account()
    assert faults(account) == set()
    assert (account.accepted, account.mixed, account.duplicates, account.notices) == (1, 1, [], 1)


def test_a_part_that_is_neither_delivered_nor_held_is_lost(scene: Scene) -> None:
    """Each missing part counts as lost, even when the other part is in order."""
    scene.notice()
    scene.deliver()
    assert faults(scene.account()) == {"lost"}
    scene.hold(time.time() - 9)
    assert faults(scene.account()) == set()


def test_a_relayed_part_that_never_arrives_is_lost(scene: Scene) -> None:
    """A held case does not excuse the partner's missing copy."""
    scene.hold(time.time() - 1)
    scene.notice()
    assert faults(scene.account()) == {"lost"}


def test_a_delivery_before_its_record_is_unrecorded(scene: Scene) -> None:
    """A decision written after the delivery, or never, is found."""
    scene.deliver()
    scene.notice()
    scene.hold(time.time() + 5)
    assert faults(scene.account()) == {"unrecorded"}
    scene.books.cases = [replace(each, decided_at=0.0) for each in scene.books.cases]
    assert faults(scene.account()) == {"unrecorded"}


@pytest.mark.parametrize("change", [(b"Freundliche", b"freundliche"), (b"X-Test-Id", b"X-Other: 1\r\nX-Test-Id")])
def test_a_changed_octet_is_seen(scene: Scene, change: tuple[bytes, bytes]) -> None:
    """One other letter in the body or one more field in the header is a changed mail."""
    scene.hold(time.time() - 1)
    scene.notice()
    data = (
        scene.mail.data.replace(b"Zur Ablage", b"zur Ablage")
        if change[0] not in scene.mail.data
        else scene.mail.data.replace(*change)
    )
    scene.deliver(data=data)
    assert faults(scene.account()) == {"changed"}


def test_a_second_copy_and_a_copy_to_the_wrong_place_are_seen(scene: Scene) -> None:
    """Twice to the partner is a duplicate; once to the private box is misplaced."""
    scene.hold(time.time() - 1)
    scene.notice()
    scene.deliver()
    scene.deliver()
    account = scene.account()
    assert faults(account) == set() and len(account.duplicates) == 1
    scene.deliver(to=min(scene.mail.holds))
    assert faults(scene.account()) == {"misplaced"}


def test_a_hold_nobody_hears_of_is_silent(scene: Scene) -> None:
    """Without a notice to the sender the hold is reported."""
    scene.hold(time.time() - 1)
    scene.deliver()
    assert faults(scene.account()) == {"silent"}


def test_a_duplicate_needs_a_kill_with_room(scene: Scene) -> None:
    """Two more copies are explained by a kill only when that many mails were under way then."""
    for _ in range(3):
        scene.deliver()
    now = time.time()
    for kills, unexplained in (
        ([], 2),
        ([Kill(now - 1, 1)], 1),
        ([Kill(now - 1, 2)], 0),
        ([Kill(now - 1, 1), Kill(now - 0.5, 1)], 0),
        ([Kill(now - 60, 20)], 2),
        ([Kill(now + 1, 20)], 2),
    ):
        scene.kills = kills
        assert scene.account().unexplained() == unexplained
