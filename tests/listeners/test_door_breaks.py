# SPDX-License-Identifier: Apache-2.0
"""Clients that break off, fall silent or hang up: before the final dot nothing happened, after it everything does."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.peers.inject import FORWARDED, message
from tests.peers.processes import wait_for
from tests.peers.product import Product, wait_for_deliveries
from tests.peers.sink import Sink
from tests.peers.wire import Wire, stuffed

if TYPE_CHECKING:
    from tests.peers.sink import Delivery

ANNA = b"anna@corp.example"
MAIL = b"From: <anna@corp.example>\r\nSubject: Re: door\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with Sink(tmp_path_factory.mktemp("sink") / "journal") as server:
        yield server


@pytest.fixture(scope="module")
def product(sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    tables = "[limits]\ndata_idle_seconds = 2.0\n"
    with Product(tmp_path_factory.mktemp("breaks"), next_hop=sink.port, tables=tables) as hop:
        yield hop


def to(sink: Sink, recipient: bytes) -> list[Delivery]:
    """What arrived for one recipient."""
    return [each for each in sink.deliveries() if recipient in each.recipients]


def test_a_client_that_leaves_in_the_middle_delivers_nothing(product: Product, sink: Sink) -> None:
    """Cut anywhere from MAIL to just before the last octet of the final dot, nothing arrives and nothing is held."""
    private = b"anna.cut@gmx.de"
    mail = message("cut", "anna.cut@corp.example", [private.decode()], subject="WG: Angebot", text=FORWARDED)
    commands = (
        b"MAIL FROM:<anna.cut@corp.example>\r\nRCPT TO:<cut@partner.example>\r\nRCPT TO:<%s>\r\nDATA\r\n" % private
    )
    whole = commands + stuffed(mail) + b".\r\n"
    chance = random.Random(6)
    cuts = [len(whole) - back for back in (1, 2, 3, 4, 5)] + [chance.randrange(1, len(whole)) for _ in range(40)]
    for cut in cuts:
        with Wire(product.port) as wire:
            wire.greet()
            wire.send(whole[:cut])
            time.sleep(0.005)
    time.sleep(0.3)
    assert to(sink, b"cut@partner.example") == []
    assert [each for each in product.held() if each.sender == "anna.cut@corp.example"] == []


def test_a_client_that_leaves_after_the_dot_has_sent_its_mail(product: Product, sink: Sink) -> None:
    """Who hangs up between the final dot and the reply stops nothing: delivered once, held once, recorded."""
    sender, private = "anna.left@corp.example", b"anna.left@gmx.de"
    mail = message("left", sender, [private.decode()], subject="WG: Angebot", text=FORWARDED)
    sink.behaviour.latency = 0.4
    try:
        with Wire(product.port) as wire:
            wire.greet()
            wire.envelope(sender.encode(), b"left@partner.example", private)
            assert wire.ask(b"DATA")[0] == 354
            wire.send(stuffed(mail) + b".\r\n")
            time.sleep(0.1)
        wait_for_deliveries(lambda: to(sink, b"left@partner.example"), 1)
    finally:
        sink.behaviour.latency = 0.0
    wait_for(lambda: any(each.sender == sender for each in product.held()), 10, "the hold of a client that left")
    time.sleep(0.5)
    assert len(to(sink, b"left@partner.example")) == 1
    held = [each for each in product.held() if each.sender == sender]
    assert [each.recipient for each in held] == [private.decode()]
    assert held[0].case in product.decided()


def test_a_client_that_stops_talking_in_the_mail_is_told_so(product: Product, sink: Sink) -> None:
    """Silence in the middle of a mail beyond data_idle_seconds is 421 4.4.2; nothing is delivered."""
    with Wire(product.port, seconds=15) as wire:
        wire.greet()
        wire.envelope(ANNA, b"silent@partner.example")
        wire.ask(b"DATA")
        wire.send(MAIL)
        code, text = wire.reply()
        assert (code, text[:5]) == (421, "4.4.2")
        assert wire.closed()
    assert to(sink, b"silent@partner.example") == []


def test_a_half_closed_client_gets_its_reply(product: Product, sink: Sink) -> None:
    """A client that shuts down its sending side after QUIT still reads every reply."""
    with Wire(product.port) as wire:
        wire.greet()
        wire.envelope(ANNA, b"half@partner.example")
        wire.ask(b"DATA")
        wire.send(stuffed(MAIL) + b".\r\nQUIT\r\n")
        wire.socket.shutdown(1)
        assert wire.reply()[0] == 250
        assert wire.reply()[0] == 221
    assert len(to(sink, b"half@partner.example")) == 1
