# SPDX-License-Identifier: Apache-2.0
"""What a real Postfix does with our answers: defers, bounces one recipient, keeps every parameter."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers.inject import FORWARDED, PLAIN, Client, Reply, message, send_one
from tests.peers.postfix import Postfix, need_postfix, upstream
from tests.peers.processes import free_port, wait_for
from tests.peers.product import Product
from tests.peers.sink import Delivery, Sink

SENDER = b"anna.berger@corp.example"
PARTNER = b"einkauf@partner.example"


@dataclass(frozen=True, slots=True)
class Line:
    """Upstream Postfix, the hop and a sink as its next hop."""

    up: Postfix
    hop: Product
    sink: Sink

    def arrived(self, test_id: str) -> list[Delivery]:
        """What the sink has of one test mail; bounces are left out."""
        return [each for each in self.sink.deliveries() if each.sender and each.header("X-Test-Id") == test_id]

    def wait_arrived(self, test_id: str, count: int = 1, seconds: float = 20) -> list[Delivery]:
        """The same, once there are `count`."""
        self.up.flush()
        wait_for(lambda: len(self.arrived(test_id)) >= count, seconds, f"{test_id} at the sink")
        return self.arrived(test_id)

    def send(self, test_id: str, recipients: Sequence[bytes], **keywords: object) -> bytes:
        """Hand one plain mail to upstream, which must take it; returns its bytes."""
        octets = keywords.pop("octets", 0)
        names = [each.decode() for each in recipients]
        data = message(test_id, SENDER.decode(), names, subject="Unterlagen", text=PLAIN, octets=octets)  # type: ignore[arg-type]
        _, end = asyncio.run(send_one(self.up.port, SENDER, recipients, data, **keywords))  # type: ignore[arg-type]
        assert end.code == 250, end
        return data

    def deferred(self, text: str, seconds: float = 15) -> None:
        """Wait until upstream's queue says why a mail waits."""

        def told() -> bool:
            return any(text in str(mail) for mail in self.up.queue())

        wait_for(told, seconds, f"a deferred mail with {text!r}", pause=0.2)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    need_postfix()
    directory = tmp_path_factory.mktemp("line")
    with (
        Sink(directory / "journal") as sink,
        Product(directory / "hop", next_hop=sink.port) as hop,
        upstream(hop.port) as up,
    ):
        yield Line(up, hop, sink)


def test_mail_waits_while_the_hop_is_down(line: Line) -> None:
    """A stopped hop makes Postfix defer; after its restart the mail arrives once."""
    line.hop.stop()
    try:
        line.send("down", [PARTNER])
        line.deferred("refused")
    finally:
        line.hop.start()
    assert len(line.wait_arrived("down")) == 1


def test_next_hops_451_defers_with_its_own_words(line: Line) -> None:
    """A 451 of the next hop reaches upstream unchanged, which keeps the mail and sends it later."""
    line.sink.behaviour.end = b"451 4.2.1 mailbox store is being moved"
    try:
        line.send("later", [PARTNER])
        line.deferred("4.2.1 mailbox store is being moved")
        assert line.arrived("later") == []
    finally:
        line.sink.behaviour.end = None
    assert len(line.wait_arrived("later")) == 1


def test_one_refused_recipient_bounces_alone(line: Line) -> None:
    """A 550 at RCPT bounces that recipient to the sender; the other one gets the mail once."""
    line.sink.behaviour.rcpt[b"gone@partner.example"] = b"550 5.1.1 no such user here"
    line.send("gone", [b"gone@partner.example", PARTNER])
    assert line.wait_arrived("gone")[0].recipients == (PARTNER,)
    status = re.findall(r"to=<(\S+@partner\.example)>.*status=(\w+)", line.up.log())
    assert ("gone@partner.example", "bounced") in status
    assert ("einkauf@partner.example", "bounced") not in status

    def bounce() -> list[Delivery]:
        null = [each for each in line.sink.deliveries() if not each.sender and each.recipients == (SENDER,)]
        return [each for each in null if b"no such user here" in each.message]

    wait_for(lambda: bool(bounce()), 15, "the bounce to the sender")
    assert len(line.arrived("gone")) == 1


def test_dsn_parameters_arrive_exactly(line: Line) -> None:
    """NOTIFY, ORCPT, RET and ENVID pass upstream and hop with every octet, per recipient (RFC 3461)."""
    rcpt = (
        b"NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Einkauf+2BX@Partner.Example",
        b"NOTIFY=NEVER ORCPT=rfc822;Zweite@Partner.Example",
    )
    line.send("dsn", [PARTNER, b"zweite@partner.example"], mail=b"RET=HDRS ENVID=QQ+2B314Ab", rcpt=rcpt)
    (got,) = line.wait_arrived("dsn")
    assert {b"RET=HDRS", b"ENVID=QQ+2B314Ab"} <= set(got.sender_parameters)
    exact = {path: set(words) for path, words in zip(got.recipients, got.recipient_parameters, strict=True)}
    assert exact == {PARTNER: set(rcpt[0].split()), b"zweite@partner.example": set(rcpt[1].split())}


def test_big_mail_passes_unchanged(line: Line) -> None:
    """A 25 MB mail arrives with the same bytes behind the trace fields."""
    data = line.send("big", [PARTNER], octets=25_000_000)
    (got,) = line.wait_arrived("big", seconds=40)
    assert len(data) > 24_000_000
    assert got.message.endswith(data)


def test_eight_bit_body_passes_as_such(line: Line) -> None:
    """BODY=8BITMIME and the 8-bit octets arrive as they were sent."""
    data = line.send("eight", [PARTNER], mail=b"BODY=8BITMIME")
    (got,) = line.wait_arrived("eight")
    assert b"BODY=8BITMIME" in got.sender_parameters
    assert "ü".encode() in data and got.message.endswith(data)


def test_international_address_passes(line: Line) -> None:
    """An address outside ASCII arrives with SMTPUTF8 and its exact octets (RFC 6531)."""
    recipient = "jürgen@partner.example".encode()
    line.send("utf8", [recipient], mail=b"SMTPUTF8 BODY=8BITMIME")
    (got,) = line.wait_arrived("utf8")
    assert got.recipients == (recipient,)
    assert b"SMTPUTF8" in got.sender_parameters


def test_held_mail_leaves_upstreams_queue_and_stays(line: Line) -> None:
    """Postfix logs a held mail as sent with its case number, and the recipient does not get it."""
    own = b"anna.berger@gmx.de"
    data = message("held", SENDER.decode(), [own.decode()], subject="WG: Angebot", text=FORWARDED, octets=9000)
    asyncio.run(send_one(line.up.port, SENDER, [own], data))
    wait_for(lambda: "held for review" in line.up.log(), 15, "the hold in upstream's log")
    (case,) = (each.case for each in line.hop.held() if each.recipient == own.decode())
    assert f"250 2.0.0 {case} held for review" in line.up.log()
    assert line.arrived("held") == []


def test_before_queue_proxy_holds_for_one_and_relays_for_the_other(tmp_path: Path) -> None:
    """As smtpd_proxy_filter the hop keeps DSN parameters, answers the client itself, and down means 451."""
    need_postfix()
    entry = free_port()
    back = [
        "smtpd_proxy_filter=",
        "smtpd_authorized_xforward_hosts=127.0.0.0/8",
        "smtpd_client_restrictions=",
        "mynetworks=127.0.0.0/8",
    ]
    service = f"127.0.0.1:{entry} inet n - n - - smtpd\n" + "".join(f"  -o {option}\n" for option in back)
    with Sink(tmp_path / "journal") as sink, Product(tmp_path / "hop", next_hop=entry) as hop:
        main = {"relayhost": f"[127.0.0.1]:{sink.port}"}
        with Postfix("front", main, services=[service], smtpd=[f"smtpd_proxy_filter=127.0.0.1:{hop.port}"]) as front:
            own = b"anna.berger@gmx.de"
            names = [own.decode(), PARTNER.decode()]
            data = message("proxy", SENDER.decode(), names, subject="WG: Angebot", text=FORWARDED)
            each, end = asyncio.run(_proxied(front.port, [own, PARTNER], data))
            assert [one.code for one in each] == [250, 250]
            assert end.code == 250 and "relayed 1, held 1" in end.text
            wait_for(lambda: bool(sink.deliveries()), 15, "the partner's copy")
            (copy,) = [one for one in sink.deliveries() if one.sender]
            assert copy.recipients == (PARTNER,) and copy.message.endswith(data)
            assert any(word.startswith(b"NOTIFY=FAILURE,DELAY") for word in copy.recipient_parameters[0])
            hop.stop()
            _, end = asyncio.run(_proxied(front.port, [PARTNER], data))
            assert end.code == 451


async def _proxied(port: int, recipients: Sequence[bytes], data: bytes) -> tuple[list[Reply], Reply]:
    async with Client(port) as client:
        assert "DSN" in client.extensions
        return await client.send(SENDER, recipients, data, rcpt=[b"NOTIFY=FAILURE,DELAY"] * len(recipients))
