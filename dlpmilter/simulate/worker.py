# SPDX-License-Identifier: Apache-2.0
"""One simulating process: chunks in, tallies out, under the gate's own limits on memory and time.

Never answers for a mail that the kernel ended it for: crowd.py sees the death and sends the chunk again.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field, replace
from email.utils import parsedate_tz
from typing import TYPE_CHECKING

from dlpmilter.content.worker import allow_seconds, confine
from dlpmilter.facts.directory import People
from dlpmilter.facts.hashes import Hashes
from dlpmilter.model.facts import Facts, Nobody
from dlpmilter.model.limits import Limits
from dlpmilter.model.words import Mode
from dlpmilter.policy.load import load_policy
from dlpmilter.simulate.archives import mails_of
from dlpmilter.simulate.door import FarReader
from dlpmilter.simulate.inbound import Index
from dlpmilter.simulate.judge import Bench, head_of, judge
from dlpmilter.simulate.reader import Closed
from dlpmilter.simulate.tally import Tally

if TYPE_CHECKING:
    from ctypes import c_longlong
    from datetime import datetime
    from multiprocessing.connection import Connection
    from pathlib import Path

    from dlpmilter.model.facts import Directory
    from dlpmilter.policy.schema import Policy
    from dlpmilter.simulate.archives import ArchivedMail, Chunk
    from dlpmilter.simulate.reader import Opening

_YEARS = range(1980, 2100)


@dataclass(frozen=True, slots=True)
class Order:
    """What to simulate: policy folders (None: the shipped one; the tried one first), and what is true for all mails."""

    policies: tuple[Path | None, ...]
    internal: tuple[str, ...]
    now: datetime
    limits: Limits = field(default_factory=Limits)
    as_enforced: bool = False
    """Every rule does what it says, whatever its mode."""
    addresses: bool = False
    """Name senders and recipients of the examples."""
    index: Path | None = None
    """What was learned of inbound mail (`Index.write`); every process maps the same file."""
    directory: Path | None = None
    """The file of people; hashed private addresses in it count for nobody."""
    opening: Opening | None = None
    """How the content of mails is opened when a rule asks; None: it is not."""


def load_for(order: Order) -> tuple[Policy, ...]:
    """The policies of an order. Raises ConfigError with all problems.

    Policies with the same domain lists share them, so that headers are read once for both (`Seen`).
    """
    loaded: list[Policy] = []
    for each in order.policies:
        policy = _as_ordered(load_policy(each, internal_domains=order.internal), order)
        domains = next((one.domains for one in loaded if one.domains.same_as(policy.domains)), policy.domains)
        loaded.append(replace(policy, domains=domains))
    return tuple(loaded)


def directory_for(order: Order) -> Directory:
    """The people of an order. Raises ConfigError with all problems."""
    return Nobody() if order.directory is None else People.load(order.directory, Hashes(), keyed=False)


def _as_ordered(policy: Policy, order: Order) -> Policy:
    if not order.as_enforced:
        return policy
    cases, raises = (
        tuple(replace(rule, mode=Mode.enforce) for rule in rules) for rules in (policy.cases, policy.raises)
    )
    return replace(policy, cases=cases, raises=raises)


def work(gate: Connection, place: c_longlong, order: Order, door: Connection | None = None) -> None:
    """Serve until the other side closes; `place` always holds the number of the mail being judged, -1 without.

    `door` leads to the process that has mails opened (door.py).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it ends us
    index = Index.open(order.index) if order.index else None
    reader = FarReader(door) if door is not None else None
    facts = Facts(now=order.now, directory=directory_for(order))
    bench = Bench(load_for(order), order.limits, facts, index, reader or Closed())
    confine(order.limits)
    try:
        if reader is not None and (trouble := reader.trouble()):
            gate.send(trouble)
            return
        gate.send(None)  # ready
        while True:
            gate.send(_tally(gate.recv(), bench, place, order))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _tally(chunk: Chunk, bench: Bench, place: c_longlong, order: Order) -> Tally:
    tally = Tally()
    number = place.value = 0
    allow_seconds(order.limits.inspect_seconds)
    for number, mail in enumerate(mails_of(chunk, order.limits.message_octets)):
        place.value = number
        if number in chunk.skipped:
            tally.troubles["ended-the-worker"] += 1
            continue
        allow_seconds(order.limits.inspect_seconds)
        try:
            _count(mail, (chunk.number, number), bench, tally, order, unreadable=number in chunk.unreadable)
        except Exception:  # noqa: BLE001 - one mail never stops the run; it is counted
            tally.troubles["failed-mail"] += 1
        place.value = number + 1  # reading the next one belongs to the next one
    place.value = -1
    return tally


def _count(
    mail: ArchivedMail, order_of: tuple[int, int], bench: Bench, tally: Tally, order: Order, *, unreadable: bool
) -> None:
    if mail.trouble:
        tally.troubles[mail.trouble] += 1
        return
    head = head_of(mail.content, bench.limits)
    if head is None:
        tally.troubles["not-a-mail"] += 1
        return
    tally.octets += len(mail.content)
    if unreadable:
        tally.notes["timed-out"] += 1
    asked, lost = bench.reader.asked, bench.reader.lost
    verdicts = judge(mail.content, head, bench, unreadable="timed-out" if unreadable else "")
    tally.asked += bench.reader.asked > asked
    if bench.reader.lost > lost:
        tally.notes["content-not-opened"] += 1
    tally.count(verdicts, week_of(head.get("date")), mail.place, order_of, addresses=order.addresses)


def week_of(date: bytes | None) -> str:
    """The ISO week of a Date field (`2026-W47`), "unknown" when it has none or a year that cannot be."""
    from datetime import date as day

    parsed = parsedate_tz(date[:200].decode("latin-1")) if date else None
    if parsed is None or parsed[0] not in _YEARS:
        return "unknown"
    try:
        year, week, _ = day(*parsed[:3]).isocalendar()
    except ValueError:
        return "unknown"
    return f"{year}-W{week:02}"
