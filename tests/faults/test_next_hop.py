# SPDX-License-Identifier: Apache-2.0
"""The next hop fails in every way at every verb; no mail is lost, doubled or refused for it (hop.md section 3)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.faults import grid
from tests.peers.faulty_hop import FaultyHop, says
from tests.peers.inject import FORWARDED, message
from tests.peers.naive_relay import NaiveRelay
from tests.peers.processes import wait_for
from tests.peers.product import Product
from tests.peers.wire import Wire, stuffed

if TYPE_CHECKING:
    from tests.faults.grid import Cell, Notes

CELLS = grid.cells()
SHORT = """\
[relay]
connect_seconds = 1.0
command_seconds = 1.0
data_seconds = 1.5
idle_seconds = 0.5
"""


@pytest.fixture(scope="module")
def hop() -> Iterator[FaultyHop]:
    with FaultyHop() as server:
        server.recipients.update(grid.RECIPIENTS)
        yield server


@pytest.fixture(scope="module")
def product(hop: FaultyHop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    settings = {"workers": "1"}
    with Product(tmp_path_factory.mktemp("grid"), next_hop=hop.port, tables=SHORT, settings=settings) as running:
        with Wire(running.port) as wire:  # the hop was there once: before that a client is sent away at EHLO
            wire.greet()
        yield running


def hurry(product: Product) -> None:
    """What the outbox put off is due now: the test's clock, nothing else, is changed in the database."""
    with sqlite3.connect(product.database, timeout=30) as connection:
        connection.execute("UPDATE outbox SET due_at = 1")
    connection.close()


def settle(product: Product, seconds: float = 60) -> None:
    """Wait until nothing is owed any more."""
    hurried = 0.0

    def empty() -> bool:
        nonlocal hurried
        if time.monotonic() - hurried > 3:
            hurry(product)
            hurried = time.monotonic()
        return product.owes() == 0

    wait_for(empty, seconds, "the outbox to be empty", pause=0.2)


@pytest.fixture(scope="module")
def results(hop: FaultyHop, product: Product) -> dict[str, Notes]:
    """Play every cell, then let the product deliver what it owes, and take the balance."""
    notes: dict[str, Notes] = {}

    def one(cell: Cell) -> None:
        notes[cell.name] = grid.play(cell, product.port, hop)
        grid.end(cell, hop)
        if cell.fault.point == "quit":
            time.sleep(0.6)  # the pooled session ends by QUIT, and the next mail finds that out

    for cell in CELLS:
        if cell.alone:
            one(cell)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, (cell for cell in CELLS if not cell.alone)))
    settle(product)
    accepted = hop.accepted()
    held: dict[bytes, set[bytes]] = {}
    for each in product.held():
        held.setdefault(each.sender.encode(), set()).add(each.recipient.encode())
    for cell in CELLS:
        mine = notes[cell.name]
        mine.delivered = [each for each in accepted if each.sender == cell.sender]
        mine.held = held.get(cell.sender, set())
        mine.reports = grid.reports_for(cell, accepted)
    return notes


@pytest.mark.parametrize("cell", CELLS, ids=[cell.name for cell in CELLS])
def test_a_fault_of_the_next_hop_loses_nothing(cell: Cell, results: dict[str, Notes]) -> None:
    """The reply follows the table, and each accepted recipient is exactly once delivered, held or reported."""
    assert grid.judge(cell, results[cell.name]) == []


def test_the_trail_is_sound_after_the_grid(results: dict[str, Notes], product: Product) -> None:
    """After every fault of the grid `audit verify` finds nothing, and each held mail has its decided entry."""
    product.verify()
    decided = product.decided()
    assert {each.case for each in product.held()} <= set(decided)


def test_one_case_in_the_list_for_each_held_mail(results: dict[str, Notes], product: Product) -> None:
    """`holds list --json` shows exactly the mails that the grid had held."""
    assert len(product.cases()) == sum(cell.mixed for cell in CELLS)


def test_a_mail_that_is_only_held_needs_no_next_hop(hop: FaultyHop, product: Product) -> None:
    """Once the recipients are known, a next hop that dies does not matter to a mail that is held entirely."""
    sender, own = b"anna.only@corp.example", b"anna.only@gmx.de"
    mail = message("only", sender.decode(), [own.decode()], subject="WG: Angebot", text=FORWARDED)
    with Wire(product.port) as wire:
        wire.greet()
        assert [code for code, _ in wire.envelope(sender, own)] == [250, 250]
        assert wire.ask(b"DATA")[0] == 354
        hop.down()
        try:
            wire.send(stuffed(mail) + b".\r\n")
            code, text = wire.reply()
        finally:
            hop.up()
    assert (code, text[:5]) == (250, "2.0.0")
    assert [each.recipient for each in product.held() if each.sender == sender.decode()] == [own.decode()]
    settle(product)


def test_a_hop_that_comes_back_is_used_at_once(hop: FaultyHop, product: Product) -> None:
    """After an outage the first mail that comes is relayed: no pause, no restart."""
    hop.down()
    with Wire(product.port) as wire:
        wire.greet()
        code, text = wire.ask(b"MAIL FROM:<anna.back@corp.example>")
        assert (code, text[:5]) == (451, "4.4.1")
        hop.up()
        assert [code for code, _ in wire.envelope(b"anna.back@corp.example", b"x@partner.example")] == [250, 250]
        assert wire.data(b"Subject: back\r\n\r\nback\r\n")[0] == 250
    wait_for(lambda: len(hop.accepted(b"anna.back@corp.example")) == 1, 5, "the hop's note of what it has answered")


def test_a_reply_of_many_lines_is_passed_on_whole(hop: FaultyHop, product: Product) -> None:
    """Each line of a multi-line refusal of a recipient reaches upstream with its code and enhanced code."""
    sender = b"anna.lines@corp.example"
    hop.play({"rcpt": says("550 5.7.1 first\n550 5.7.1 second\n550 5.7.1 third")}, only=sender)
    with Wire(product.port) as wire:
        wire.greet()
        assert wire.envelope(sender, b"x@partner.example")[1] == (550, "5.7.1 first\n5.7.1 second\n5.7.1 third")
    hop.play({}, only=sender)


def test_the_grid_catches_a_naive_relay() -> None:
    """The same cells find lost mails, doubled mails and our trouble as 5xx behind a naive relay: it can fail."""
    wanted = {"refuse-1-pass", "mail-450-1-pass", "mail-close-1-pass", "dot-close-1-pass", "rcpt-450-3-pass"}
    wanted |= {"quit-close-1-pass", "none-3-pass", "connect-421-1-pass"}
    found: dict[str, list[str]] = {}
    with FaultyHop() as hop, NaiveRelay(hop.port) as relay:
        hop.recipients.update(grid.RECIPIENTS)
        for cell in CELLS:
            if cell.name in wanted:
                notes = grid.play(cell, relay.port, hop)
                grid.end(cell, hop)
                notes.delivered = notes.accepted
                found[cell.name] = grid.judge(cell, notes)
    assert len(found) == len(wanted)
    assert all(found[name] for name in wanted - {"quit-close-1-pass"}), grid.table(found)
    assert any("became 5" in line for line in found["refuse-1-pass"])
