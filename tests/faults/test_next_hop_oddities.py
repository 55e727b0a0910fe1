# SPDX-License-Identifier: Apache-2.0
"""Next hops that are odd rather than broken: no RSET, talkative refusals, slow recipients."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dlpmilter.model.address import parse_mailbox
from dlpmilter.model.transaction import EnvelopePath
from dlpmilter.relay.client import NextHop, deliver
from dlpmilter.settings import NextHopSettings
from dlpmilter.spill import MessageBytes
from tests.faults.test_store_trouble import FORWARD, OWN, PARTNER, mail, send
from tests.peers.faulty_hop import FaultyHop, drips, says
from tests.peers.processes import wait_for
from tests.peers.product import Product

if TYPE_CHECKING:
    from pathlib import Path


def test_a_refused_rset_never_sends_held_mail(tmp_path: Path) -> None:
    """A hop that keeps the old envelope after RSET gets no mail on that session: the held recipient gets nothing."""
    with FaultyHop() as hop, Product(tmp_path / "hop", next_hop=hop.port) as product:
        hop.play({"rset": says("502 5.5.1 RSET is not here")})
        code, text = send(product.port, mail("Fwd: Liste", FORWARD), PARTNER, OWN)

        assert code == 250
        assert "held 1" in text
        assert all(OWN not in one.recipients for one in hop.accepted())
        assert product.owes() >= 1
        hop.play({})


def test_a_talkative_refusal_is_passed_on_but_not_logged(tmp_path: Path) -> None:
    """The next hop's text reaches the mail server word for word; the log keeps code and enhanced code only."""
    refusal = '554 5.7.1 <anna.geheim@gmx.de>: subject "Kuendigung Meier" looks odd'
    with FaultyHop() as hop, Product(tmp_path / "hop", next_hop=hop.port) as product:
        hop.play({"dot": says(refusal)})
        code, text = send(product.port, mail("Re: Termin"), PARTNER)

        assert (code, text) == (554, refusal[4:])
        wait_for(lambda: '"reply": "554 5.7.1"' in product.log.read_text(), 5, "the log line")
        log = product.log.read_text()
        assert "geheim" not in log
        assert "Meier" not in log


def test_many_slow_recipients_are_no_lost_connection() -> None:
    """The patience counts for each reply of a pipelined envelope, not for all of them together."""
    recipients = [EnvelopePath(parse_mailbox(f"r{number}@partner.example".encode())) for number in range(12)]
    sender = EnvelopePath(parse_mailbox(b"anna.berger@corp.example"))

    async def run(port: int) -> tuple[bool, ...]:
        settings = NextHopSettings(command_seconds=1.0, tls="none")
        next_hop = NextHop(f"127.0.0.1:{port}", settings, "dlp.corp.example")
        answers = await deliver(next_hop, sender, recipients, b"", MessageBytes.of(b"Subject: x\r\n\r\ny\r\n"))
        await next_hop.close()
        return tuple(answer.ok for answer in answers)

    with FaultyHop() as hop:
        hop.play({"rcpt": drips("250 2.1.5 Ok", 0.02)})

        assert all(asyncio.run(run(hop.port)))
