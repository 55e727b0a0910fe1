# SPDX-License-Identifier: Apache-2.0
"""No mail is lost when everything of ours is killed again and again, between two real Postfixes."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from tests.faults import soak
from tests.faults.slow_relay import slow_downstream
from tests.peers.postfix import need_postfix, upstream
from tests.peers.product import Product
from tests.peers.sink import SinkProcess

RATE = 50.0
"""Mails a second."""
KILLS = int(os.environ.get("SOAK_KILLS", "20"))
LONG = int(os.environ.get("SOAK_KILLS", "200"))


def _soak(directory: Path, kills: int, seed: int, record_property: object) -> soak.Account:
    need_postfix()
    with (
        SinkProcess(directory / "journal") as sink,
        slow_downstream(sink.port) as down,
        Product(directory / "hop", next_hop=down.port) as hop,
        upstream(hop.port) as up,
    ):
        begun = time.monotonic()
        injector, done = asyncio.run(soak.run(hop, up, kills=kills, rate=RATE, seed=seed))
        soak.drain(hop, up, down, 60 + 6 * kills)
        account = soak.settle(hop, injector, done, sink)
        account.seconds = time.monotonic() - begun
        print(account.line())
        record_property("soak", account.line())  # type: ignore[operator]
        assert not injector.refused, "upstream must take every mail, else nothing is measured"
        hop.verify()
    return account


def _fine(account: soak.Account) -> None:
    kinds = (account.relayed, account.held, account.mixed, account.rejected)
    assert all(kinds), "each kind of mail must have been there"
    assert account.accepted == sum(kinds)
    assert account.lost == []
    assert account.unrecorded == []
    assert account.changed == []
    assert account.misplaced == []
    assert account.silent == []
    assert account.unexplained() == 0


@pytest.mark.timeout(180 + 12 * KILLS)
def test_twenty_kills_under_load_lose_nothing(tmp_path: Path, record_property: object) -> None:
    """20 x kill -9 at 50 mails a second: accepted is delivered plus held plus rejected, and all of it is recorded."""
    _fine(_soak(tmp_path, KILLS, 4711, record_property))


@pytest.mark.soak
@pytest.mark.timeout(180 + 12 * LONG)
def test_two_hundred_kills_under_load_lose_nothing(tmp_path: Path, record_property: object) -> None:
    """The same balance holds after 200 x kill -9."""
    _fine(_soak(tmp_path, LONG, 815, record_property))
