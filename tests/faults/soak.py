# SPDX-License-Identifier: Apache-2.0
"""The kill -9 soak of hop.md section 5.1, told apart from what stands between the two Postfixes.

`run` drives the load and the kills, `Account` is the balance: what upstream took against what
arrived, what is held and what was refused. It never asks the hop about itself except for its
cases and its trail; what was delivered is read from the sink's journal.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import signal
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from tests.peers.inject import Injector, Mix
from tests.peers.processes import connections_to, gone, signal_tree, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.peers.inject import Mail
    from tests.peers.postfix import Postfix
    from tests.peers.sink import Delivery, Sink, SinkProcess


@dataclass(frozen=True, slots=True)
class Held:
    """One held recipient as the hop's own records tell it; `decided_at` is time.time()."""

    case: str
    sender: str
    recipient: str
    decided_at: float


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill -9: when (time.time()), and how many transactions upstream had open."""

    at: float
    in_flight: int


class Hop(Protocol):
    """What the soak needs to know about the thing that is killed."""

    port: int

    @property
    def pid(self) -> int:
        """The process at the top of its tree."""

    def start(self) -> None:
        """Start (again) on the same port and database; returns when it takes mail."""

    def owes(self) -> int:
        """How many mails its outbox still owes."""

    def held(self) -> Sequence[Held]:
        """Every held recipient."""

    def decided(self) -> dict[str, float]:
        """For every case of the trail the time of its first decided entry."""


LATE = 10.0
"""Seconds a mail may take from the hop to the sink when the machine is busy."""


@dataclass(slots=True)
class Account:
    """The balance of one soak."""

    kills: list[Kill] = field(default_factory=list)
    accepted: int = 0
    relayed: int = 0
    held: int = 0
    mixed: int = 0
    rejected: int = 0
    duplicates: list[tuple[float, float]] = field(default_factory=list)
    """Times of two copies for one recipient that follow each other."""
    notices: int = 0
    lost: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def line(self) -> str:
        """One line for the test log."""
        return (
            f"soak: {len(self.kills)} x kill -9 in {self.seconds:.0f} s: accepted {self.accepted} = relayed {self.relayed}"
            f" + held {self.held} + mixed {self.mixed} + rejected {self.rejected}; lost {len(self.lost)},"
            f" unrecorded {len(self.unrecorded)}, changed {len(self.changed)}, misplaced {len(self.misplaced)},"
            f" without notice {len(self.silent)}; duplicates {len(self.duplicates)}"
            f" (in flight at the kills {sum(kill.in_flight for kill in self.kills)}, without a kill"
            f" {self.unexplained()}), notices {self.notices}"
        )

    def unexplained(self) -> int:
        """How many duplicates no kill accounts for, each kill up to what was in flight then.

        The first copy was under way at the kill, so it reached the sink at most LATE afterwards.
        """
        left = {kill.at: kill.in_flight for kill in self.kills}
        found = 0
        for first, second in sorted(self.duplicates):
            cause = next((at for at, room in left.items() if room and first - LATE <= at < second), None)
            if cause is None:
                found += 1
            else:
                left[cause] -= 1
        return found


def kill(hop: Hop) -> Kill:
    """Freeze the whole tree, count the open transactions of upstream, kill -9.

    Frozen first, so that no transaction begins or ends between the count and the kill. A
    connection carries at most one transaction, so the count is an upper bound.
    """
    signal_tree(hop.pid, signal.SIGSTOP)
    signal_tree(hop.pid, signal.SIGSTOP)  # again: a process may have been born during the first walk
    done = Kill(time.time(), connections_to(hop.port))
    victims = signal_tree(hop.pid, signal.SIGKILL)
    wait_for(lambda: all(gone(each) for each in victims), 10, "the killed processes to end")
    return done


BACKLOG = 300
"""Mails in upstream's queue above which no new ones are made until it has caught up."""


async def run(hop: Hop, upstream: Postfix, *, kills: int, rate: float, seed: int) -> tuple[Injector, list[Kill]]:
    """Load upstream at `rate` mails a second while the hop is killed `kills` times.

    Each kill comes at a random 0.05 to 1 s after mail began to flow again, so that none is wasted
    on an idle hop. Ends with the hop up.
    """
    chance = random.Random(seed)
    backlog = 0
    injector = Injector(upstream.port, Mix(seed), rate, paused=lambda: backlog > BACKLOG)
    stop = asyncio.Event()
    load = asyncio.create_task(injector.run(stop))
    done = []

    async def watch() -> None:
        nonlocal backlog
        while not stop.is_set():
            backlog = await asyncio.to_thread(upstream.waiting)
            await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    try:
        for _ in range(kills):
            await asyncio.to_thread(_flowing, hop, upstream)
            await asyncio.sleep(chance.uniform(0.05, 1.0))
            done.append(await asyncio.to_thread(kill, hop))
            await asyncio.to_thread(hop.start)
    finally:
        stop.set()
        await load
        await watching
    return injector, done


def _flowing(hop: Hop, upstream: Postfix) -> None:
    upstream.flush()  # else its back-off decides when mail flows again, not the hop
    wait_for(lambda: connections_to(hop.port) > 0, 10, "mail to flow again after a restart", pause=0.005)


def drain(hop: Hop, upstream: Postfix, downstream: Postfix, seconds: float) -> None:
    """Wait until nobody has anything left to send; TimeoutError says who has."""
    flushed = 0.0
    left = (0, 0, 0)

    def empty() -> bool:
        nonlocal flushed, left
        if time.monotonic() - flushed > 5:
            upstream.flush()
            flushed = time.monotonic()
        left = (upstream.waiting(), hop.owes(), downstream.waiting())
        return left == (0, 0, 0)

    try:
        wait_for(empty, seconds, "the queues to drain", pause=0.3)
    except TimeoutError as error:
        names = dict(zip(("upstream", "outbox", "downstream"), left, strict=True))
        raise TimeoutError(f"{error}: {names}") from None


def settle(hop: Hop, injector: Injector, kills: list[Kill], sink: Sink | SinkProcess) -> Account:
    """Hold everything accepted against the sink's journal and the hop's cases."""
    account = Account(kills=kills, accepted=len(injector.accepted))
    deliveries = sink.deliveries()
    reports = {path.lower() for each in deliveries if not each.sender for path in each.recipients}
    account.notices = sum(not each.sender for each in deliveries)
    arrived = _arrived(deliveries)
    held: dict[tuple[str, str], list[Held]] = {}
    for each in hop.held():
        held.setdefault((each.sender.lower(), each.recipient.lower()), []).append(each)
    decided = hop.decided()
    for mail in injector.accepted.values():
        _settle_one(account, mail, arrived.get(mail.id, []), held, decided, reports, injector.digests[mail.id])
    for unknown in arrived.keys() - injector.accepted.keys():
        account.misplaced.append(f"{unknown}: arrived but was never accepted")
    return account


def _arrived(deliveries: Sequence[Delivery]) -> dict[str, list[Delivery]]:
    found: dict[str, list[Delivery]] = {}
    for each in deliveries:
        test_id = each.header("X-Test-Id")
        if each.sender and test_id:
            found.setdefault(test_id, []).append(each)
    return found


def _settle_one(
    account: Account,
    mail: Mail,
    copies: list[Delivery],
    held: dict[tuple[str, str], list[Held]],
    decided: dict[str, float],
    reports: set[bytes],
    digest: tuple[int, bytes],
) -> None:
    got = {path.lower() for copy in copies for path in copy.recipients}
    for path in got:
        times = [copy.at for copy in copies if path in {each.lower() for each in copy.recipients}]
        account.duplicates += pairwise(times)
    account.misplaced += [f"{mail.id}: reached {path!r}" for path in got - mail.relays]
    account.lost += [f"{mail.id}: never reached {path!r}" for path in mail.relays - got]
    account.changed += [mail.id for copy in copies if not unchanged(copy.message, digest)]
    cases = [row for path in mail.holds for row in held.get((mail.sender.decode(), path.decode()), [])]
    if len(cases) < len(mail.holds):
        account.lost.append(f"{mail.id}: neither held nor delivered")
    if len({row.case for row in cases}) > 1:
        account.misplaced.append(f"{mail.id}: one mail has {len(cases)} cases")
    first = min((copy.at for copy in copies), default=float("inf"))
    account.unrecorded += [
        f"{mail.id}: decided {decided.get(row.case)} but delivered {first}"
        for row in cases
        if decided.get(row.case, float("inf")) > first or row.case not in decided
    ]
    if (mail.holds or mail.rejects) and mail.sender not in reports:
        account.silent.append(mail.id)
    _count(account, mail)


def _count(account: Account, mail: Mail) -> None:
    if mail.relays and mail.holds:
        account.mixed += 1
    elif mail.holds:
        account.held += 1
    elif mail.rejects:
        account.rejected += 1
    else:
        account.relayed += 1


TRACE = (b"received:",)
"""Header fields that hops may put in front of a mail."""


def unchanged(message: bytes, digest: tuple[int, bytes]) -> bool:
    """Whether `message` is the mail of this length and SHA-256 behind nothing but trace fields."""
    length, expected = digest
    front, mail = message[:-length], message[-length:]
    fields = front.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n")
    only_trace = fields[-1] == b"" and all(each.lower().startswith(TRACE) for each in fields[:-1])
    return only_trace and hashlib.sha256(mail).digest() == expected
