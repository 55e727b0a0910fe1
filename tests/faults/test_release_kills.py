# SPDX-License-Identifier: Apache-2.0
"""kill -9 between approve and delivered: every approved mail arrives, none without approval, nothing is half done."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.peers.processes import descendants, gone, wait_for
from tests.peers.product import Product
from tests.peers.sink import Behaviour, Sink
from tests.peers.wire import Wire

KILLS, LONG = 12, int(os.environ.get("SOAK_KILLS", "100"))
AT_ONCE = 3
SENDER, PRIVATE = b"anna.berger@corp.example", b"anna.berger@gmx.de"
FORWARD = "-----Original Message-----\r\nFrom: kunde@partner.example\r\nSent: today\r\nTo: a\r\nSubject: b\r\n\r\nx\r\n"
APPROVAL = {"basis": "contract", "checked": True, "delete_by": "", "note": ""}


@dataclass
class Story:
    """What was asked and answered, by Message-ID."""

    cases: dict[str, str] = field(default_factory=dict)
    """Case -> Message-ID."""
    approved: set[str] = field(default_factory=set)
    """Answered with ok."""
    unanswered: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    kills: Counter[str] = field(default_factory=Counter)


def hold(product: Product, number: int) -> None:
    """Held mails, each with a Message-ID of its own."""
    with Wire(product.port, seconds=60) as wire:
        wire.greet()
        for each in range(number):
            wire.envelope(SENDER, PRIVATE)
            head = f"From: Anna Berger <{SENDER.decode()}>\r\nSubject: Fwd: x\r\nMessage-ID: <k{each}@corp.example>\r\n\r\n"
            assert wire.data((head + FORWARD).encode())[0] == 250


def ask(product: Product, act: str, **fields: Any) -> dict[str, Any] | None:
    """One request to the office; None when nobody answered, or half an answer came."""
    try:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(30)
            peer.connect(str(product.directory / "control.sock"))
            peer.sendall(json.dumps({"act": act, **fields}).encode() + b"\n")
            said = b""
            while not said.endswith(b"\n") and (block := peer.recv(65536)):
                said += block
        return dict(json.loads(said)) if said.endswith(b"\n") else None
    except (OSError, ValueError):
        return None


def decide(product: Product, story: Story, chosen: list[str]) -> list[Future[None]]:
    """Approve all but the last, reject the last; the futures note what was answered."""
    pool = ThreadPoolExecutor(len(chosen))

    def approve(case: str) -> None:
        answer = ask(product, "approve", case=case, **APPROVAL)
        if answer is None:
            story.unanswered.add(case)
        elif answer["ok"]:
            story.approved.add(case)

    def reject(case: str) -> None:
        answer = ask(product, "reject", case=case, reason="Please use the share.")
        if answer is not None and answer["ok"]:
            story.rejected.add(case)

    asked = [pool.submit(approve, each) for each in chosen[:-1]] + [pool.submit(reject, chosen[-1])]
    pool.shutdown(wait=False)
    return asked


def kill(product: Product, story: Story, *, whole: bool) -> None:
    """Everything, or the office alone; then all is there again."""
    if whole:
        product.kill()
        product.start()
    else:
        names = {each: Path(f"/proc/{each}/comm") for each in descendants(product.pid)}
        (office,) = [each for each, comm in names.items() if comm.exists() and comm.read_text() == "dlp-office\n"]
        os.kill(office, signal.SIGKILL)
        wait_for(lambda: gone(office), 10, "the office to end")
        wait_for(lambda: ask(product, "list", all=False) is not None, 30, "the next office")
    story.kills["whole" if whole else "office"] += 1


@pytest.mark.timeout(120 + 6 * KILLS)
def test_twelve_kills_between_approve_and_delivered(tmp_path: Path, record_property: object) -> None:
    """At random moments, all of it or the office alone: once, or twice in the one window, never unapproved."""
    _run(tmp_path, KILLS, record_property)


@pytest.mark.soak
@pytest.mark.timeout(120 + 6 * LONG)
def test_a_hundred_kills_between_approve_and_delivered(tmp_path: Path, record_property: object) -> None:
    """The same, long."""
    _run(tmp_path, LONG, record_property)


def _run(tmp_path: Path, kills: int, record_property: object) -> None:
    chance = random.Random(20261127)
    with (
        Sink(tmp_path / "journal", behaviour=Behaviour(latency=0.005)) as sink,
        Product(tmp_path / "hop", next_hop=sink.port, settings={"workers": "1"}) as product,
    ):
        story = Story()
        hold(product, AT_ONCE * kills + 5)
        story.cases = dict(product.query("SELECT id, message_id FROM cases ORDER BY created_at"))
        waiting = list(story.cases)
        for number in range(kills):
            chosen, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            asked = decide(product, story, chosen)
            time.sleep(chance.uniform(0, 0.12))
            kill(product, story, whole=number % 2 == 0)
            for each in asked:
                each.result(60)
        wait_for(
            lambda: product.query("SELECT count(*) FROM outbox WHERE kind = 'release'") == [(0,)], 120, "all releases"
        )
        states = dict(product.query("SELECT case_id, state FROM holds"))
        entries = product.query(
            "SELECT event, value FROM trail JOIN trail_values ON trail_values.seq = trail.seq AND name = 'case'"
        )
        events = Counter((event, json.loads(case)) for event, case in entries)
        arrived = Counter(each.header("Message-ID") for each in sink.deliveries() if PRIVATE in each.recipients)
        product.verify()
    once = {case for case in story.cases if arrived[story.cases[case]]}
    twice = {case for case in once if arrived[story.cases[case]] > 1}
    line = (
        f"{dict(story.kills)} kills, {len(story.approved)} approved, {len(story.unanswered)} without an answer,"
        f" {len(story.rejected)} rejected, {len(once)} arrived, {len(twice)} of them twice, {len(waiting)} untouched"
    )
    print(line)
    record_property("release_kills", line)  # type: ignore[operator]
    for case in story.cases:
        decided = events["approved", case]
        assert (states[case] == "released") == (decided == 1) == (events["releasing", case] == 1) == (case in once), (
            case
        )
        assert decided or arrived[story.cases[case]] == 0, case
        assert events["released", case] == decided, case
        assert arrived[story.cases[case]] <= 2, case
    assert story.approved <= once
    assert once <= story.approved | story.unanswered
    assert not once & story.rejected
    assert all(states[case] == "rejected" for case in story.rejected)
    assert all(states[case] == "held" for case in waiting)
    assert len(twice) <= sum(story.kills.values())
