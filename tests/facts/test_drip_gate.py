# SPDX-License-Identifier: Apache-2.0
"""The drip counters through the running gate: bursts, restarts, retries, releases, and a database that is away."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from tests.facts.gate import ANNA, CLIENT, DRIP, PARTNER, mail, policy, send, send_at_once
from tests.peers.faulty_hop import CLOSE, FaultyHop, says
from tests.peers.processes import wait_for
from tests.peers.product import Product
from tests.peers.sink import Sink

SHIPPED = Path(__file__).parents[2] / "policies" / "default.toml"
KILOBYTE = ("x" * 62 + "\r\n") * 16
PRIVATE_SPELLINGS = (b"kurt.kunde@gmail.com", b"kurtkunde+x@gmail.com", b"Kurt.Kunde@googlemail.com")


def test_a_burst_never_slips_under_the_threshold(tmp_path: Path) -> None:
    """Of 40 mails over 20 connections at once to two gates, exactly the ten that the threshold allows are sent."""
    with (
        Sink(tmp_path / "journal") as sink,
        Product(tmp_path / "hop", next_hop=sink.port, policy=policy(DRIP)) as product,
    ):
        mails = [mail(f"Nr. {number}") for number in range(40)]
        replies = send_at_once(product.port, mails, CLIENT, 20)

        assert {code for code, _ in replies} == {250}
        assert arrived(sink) == 10
        assert len(product.held()) == 30
        assert charges(product) == 10
        product.verify()


def test_two_hundred_small_mails_are_held_from_the_eleventh_on_also_after_a_restart(tmp_path: Path) -> None:
    """A killed and restarted product counts on: of 200 mails of 1 KB, ten before and none after the restart pass."""
    with (
        Sink(tmp_path / "journal") as sink,
        Product(tmp_path / "hop", next_hop=sink.port, policy=policy(DRIP)) as product,
    ):
        for number in range(8):
            assert send(product.port, mail(f"Nr. {number}", KILOBYTE), CLIENT)[0] == 250
        product.kill()
        product.start()
        for number in range(8, 200):
            assert send(product.port, mail(f"Nr. {number}", KILOBYTE), CLIENT)[0] == 250

        assert arrived(sink) == 10
        assert len(product.held()) == 190


def test_all_spellings_of_a_mailbox_are_one(tmp_path: Path) -> None:
    """Dots, plus parts and googlemail.com do not start a new count; another person's mailbox does."""
    with (
        Sink(tmp_path / "journal") as sink,
        Product(tmp_path / "hop", next_hop=sink.port, policy=policy(DRIP)) as product,
    ):
        for number in range(12):
            send(product.port, mail(f"Nr. {number}"), PRIVATE_SPELLINGS[number % 3])
        assert sum(arrived(sink, each) for each in PRIVATE_SPELLINGS) == 10
        assert send(product.port, mail("Hallo"), b"paula.probe@gmail.com")[0] == 250
        assert arrived(sink, b"paula.probe@gmail.com") == 1


def test_a_retry_counts_once_and_what_was_not_sent_does_not_count(tmp_path: Path) -> None:
    """Refused mail is given back, identical octets are one mail, and what may have been sent stays counted."""
    with (
        FaultyHop() as hop,
        Product(tmp_path / "hop", next_hop=hop.port, policy=policy(DRIP), settings={"workers": "1"}) as product,
    ):
        once = mail("Nochmal", number="same")
        for refusal in ("451 4.3.0 later", "554 5.7.1 never"):
            hop.play({"dot": says(refusal)})
            assert send(product.port, once, CLIENT)[0] == int(refusal[:3])
            assert charges(product) == 0
        hop.play({})
        for _ in range(12):
            assert send(product.port, once, CLIENT)[0] == 250
        assert charges(product) == 1
        assert product.held() == []
        hop.play({"dot": CLOSE})
        assert send(product.port, mail("Vielleicht"), CLIENT)[0] == 451
        assert charges(product) == 2


def charges(product: Product) -> int:
    """Mails that are counted now."""
    return int(product.query("SELECT count(*) FROM drip_charges")[0][0])


def arrived(sink: Sink, to: bytes = CLIENT) -> int:
    """Mails to a mailbox that arrived; notices go to the sender and do not count."""
    return sum(to in one.recipients for one in sink.deliveries())


def test_business_mail_writes_nothing_and_passes_while_the_database_is_away(tmp_path: Path) -> None:
    """Under a foreign lock business mail passes and private mail is 451, never relayed uncounted; then it passes."""
    with (
        Sink(tmp_path / "journal") as sink,
        Product(tmp_path / "hop", next_hop=sink.port, policy=policy(DRIP)) as product,
    ):
        for _ in range(3):
            assert send(product.port, mail("Termin"), PARTNER)[0] == 250
        assert charges(product) == 0
        lock = sqlite3.connect(product.database, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        try:
            assert send(product.port, mail("Termin"), PARTNER)[0] == 250
            assert send(product.port, mail("Hallo"), CLIENT)[0] == 451
        finally:
            lock.execute("ROLLBACK")
            lock.close()
        assert len(sink.deliveries()) == 4
        assert send(product.port, mail("Hallo"), CLIENT)[0] == 250
        assert charges(product) == 1


@pytest.mark.parametrize("rule", ["", DRIP.replace("drip.messages_24h > 10", "message.size > 99999999")])
def test_without_a_rule_that_asks_nothing_is_counted(tmp_path: Path, rule: str) -> None:
    """A policy that names no drip fact keeps no counter at all; the shipped one has rules that do."""
    shipped = re.findall(r'^id += "(drip-[a-z]+)"', SHIPPED.read_text("utf-8"), re.MULTILINE)
    assert len(shipped) == 5
    calm = DRIP.replace("drip.messages_24h > 10", "message.size > 99999999")
    silent = policy(*(calm.replace('id = "drip"', f'id = "{each}"') for each in shipped))
    with (
        Sink(tmp_path / "journal") as sink,
        Product(tmp_path / "hop", next_hop=sink.port, policy=silent + rule) as product,
    ):
        assert send(product.port, mail("Hallo"), CLIENT)[0] == 250
        assert len(sink.deliveries()) == 1
        assert charges(product) == 0


def test_customers_and_system_senders_are_never_charged(tmp_path: Path) -> None:
    """Twelve invoices of a system sender to one private mailbox pass, twelve mails to a customer too."""
    customers = '[customers]\naddresses = ["kurt.kunde@gmx.de"]\nsystem_senders = ["billing@corp.example"]\n'
    with (
        Sink(tmp_path / "journal") as sink,
        Product(tmp_path / "hop", next_hop=sink.port, policy=policy(customers, DRIP)) as product,
    ):
        for number in range(12):
            send(product.port, mail(f"Nr. {number}"), CLIENT)
            invoice = mail(f"R. {number}").replace(b"anna.berger@", b"billing@")
            send(product.port, invoice, b"paula.probe@gmx.de", sender=b"billing@corp.example")
        assert charges(product) == 0
        assert len(sink.deliveries()) == 24


def test_a_released_mail_counts_too(tmp_path: Path) -> None:
    """What a reviewer lets out has arrived in the private mailbox like any other mail."""
    with (
        Sink(tmp_path / "journal") as sink,
        Product(tmp_path / "hop", next_hop=sink.port, policy=policy(DRIP)) as product,
    ):
        for number in range(11):
            send(product.port, mail(f"Nr. {number}"), CLIENT)
        (held,) = product.held()
        assert held.sender == ANNA.decode()
        product.command("holds", "approve", held.case, "--basis", "contract", "--checked")
        wait_until_delivered(sink, "Nr. 10")
        wait_for(lambda: charges(product) == 11, 30, "the charge, which is made when the release is settled")


def wait_until_delivered(sink: Sink, subject: str) -> None:
    """Until the mail of this subject has arrived."""
    wait_for(lambda: any(one.header("Subject") == subject for one in sink.deliveries()), 30, "the released mail")
