# SPDX-License-Identifier: Apache-2.0
"""Big mails at the same time: they go to disk, not into memory, and all arrive (hop.md sections 1.1 e, 5.6)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.peers.drain import Drain
from tests.peers.product import Product
from tests.peers.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024
COUNT = 20
HEAD = (
    b"From: Anna Berger <anna@corp.example>\r\nTo: einkauf@partner.example\r\nSubject: Re: Zeichnungen\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
    b"anbei\r\n--b\r\nContent-Type: application/pdf; name=z.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
)
BODY = (b"A" * 76 + b"\r\n") * (30 * MIB // 78)
TAIL = b"--b--\r\n"


def test_twenty_mails_of_thirty_megabytes_at_once(tmp_path: Path) -> None:
    """20 mails of 30 MB, all unfinished together, then all finished: each gate stays under 300 MB, all arrive."""
    half = len(BODY) // 2
    with Drain() as drain, Product(tmp_path / "hop", next_hop=drain.port, settings={"workers": "1"}) as product:
        wires = [Wire(product.port, seconds=240) for _ in range(COUNT)]

        def first_half(wire: Wire) -> None:
            wire.greet()
            assert [code for code, _ in wire.envelope(b"anna@corp.example", b"einkauf@partner.example")] == [250, 250]
            assert wire.ask(b"DATA")[0] == 354
            wire.send(HEAD + BODY[:half])

        def all_but_the_end(wire: Wire) -> None:
            wire.send(BODY[half:] + TAIL)

        def finish(wire: Wire) -> tuple[int, str]:
            wire.send(b".\r\n")
            return wire.reply()

        with ThreadPoolExecutor(COUNT) as pool:
            list(pool.map(first_half, wires))
            list(pool.map(all_but_the_end, wires))
            assert drain.count().mails == 0
            unfinished = max(product.gate_octets().values())
            replies = list(pool.map(finish, wires))
        for wire in wires:
            wire.close()
        peaks = product.gate_peak_octets()
        drained = drain.count()
    print(f"gate with {COUNT} unfinished mails {unfinished / MIB:.0f} MiB, peak {max(peaks.values()) / MIB:.0f} MiB")
    assert [code for code, _ in replies] == [250] * COUNT
    assert drained.mails == COUNT
    assert drained.octets > COUNT * (len(HEAD) + len(BODY) + len(TAIL))
    assert peaks
    assert max(peaks.values()) < 300 * MIB
