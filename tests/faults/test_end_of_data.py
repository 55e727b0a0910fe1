# SPDX-License-Identifier: Apache-2.0
"""SMTP smuggling (hop.md 6 A 1): whatever a client puts where a mail might end, one answer is one mail.

Every sequence stands between a mail and a second one that a careless next hop would take for real.
The next hop here is as careless as can be (tests/peers/lenient_sink.py).
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.peers.lenient_sink import LenientSink
from tests.peers.naive_relay import NaiveRelay
from tests.peers.product import Product
from tests.peers.wire import Gone, Wire

if TYPE_CHECKING:
    from tests.peers.lenient_sink import Taken

CORPUS = Path(os.environ.get("DLPMILTER_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
END = b"\r\n.\r\n"
_LINE_ENDS = {
    "crlf": b"\r\n", "lf": b"\n", "cr": b"\r", "crcr": b"\r\r", "lflf": b"\n\n", "lfcr": b"\n\r",
    "crcrlf": b"\r\r\n", "crnullf": b"\r\0\n", "crlfnul": b"\r\n\0", "nulcrlf": b"\0\r\n",
}  # fmt: skip
_DOTS = {
    "dotdot": b"..", "dotblank": b". ", "blankdot": b" .", "dotnul": b".\0", "nuldot": b"\0.",
    "dotdotdot": b"...", "dottab": b".\t", "fullwidth": "\uff0e".encode(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sequence:
    """One candidate for the end of a mail."""

    name: str
    octets: bytes

    @property
    def ends(self) -> bool:
        """Whether RFC 5321 says that the mail ends here."""
        return END in self.octets

    @property
    def clean(self) -> bool:
        """Whether, up to the end of the mail, every CR and LF is part of a CRLF and no NUL is in it."""
        rest = self.octets.partition(END)[0].replace(b"\r\n", b"")
        return not any(octet in rest for octet in (b"\r", b"\n", b"\0"))


def own_matrix() -> list[Sequence]:
    """Each line end before and after a dot, and each odd dot between the three basic line ends."""
    found = [
        Sequence(f"{before}-dot-{after}", first + b"." + second)
        for before, first in _LINE_ENDS.items()
        for after, second in _LINE_ENDS.items()
    ]
    basic = ("crlf", "lf", "cr")
    found += [
        Sequence(f"{before}-{name}-{after}", _LINE_ENDS[before] + dot + _LINE_ENDS[after])
        for name, dot in _DOTS.items()
        for before in basic
        for after in basic
    ]
    return found


def published() -> list[Sequence]:
    """The sequences of three public smuggling scanners; empty when the corpora are not here."""
    file = CORPUS / "evasion-smtp-eod" / "data" / "eod_sequences.json"
    if not file.exists():
        return []
    return [Sequence(row["id"], base64.b64decode(row["b64"])) for row in json.loads(file.read_text())]


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt: its token is in every address, `parts` are the TCP segments of the mail."""

    token: str
    sequence: Sequence
    parts: tuple[bytes, ...]


def attempt(token: str, sequence: Sequence, *, cut: int | None = None) -> Try:
    """A mail, the sequence, and a second mail that must not come to be; cut inside the sequence if asked."""
    first = b"From: <clerk@corp.example>\r\nSubject: first\r\n\r\nfirst mail"
    second = (
        f"MAIL FROM:<smuggled.{token}@corp.example>\r\nRCPT TO:<victim.{token}@partner.example>\r\n"
        "DATA\r\nFrom: <boss@corp.example>\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\n"
    ).encode()
    if cut is None:
        return Try(token, sequence, (first + sequence.octets + second,))
    return Try(token, sequence, (first + sequence.octets[:cut], sequence.octets[cut:] + second))


def run(port: int, tries: list[Try]) -> dict[str, list[tuple[int, str]]]:
    """Send every attempt on a connection of its own, eight at a time; all replies after the 354."""

    def one(each: Try) -> tuple[str, list[tuple[int, str]]]:
        replies = []
        with Wire(port) as wire:
            wire.greet()
            wire.envelope(f"clerk.{each.token}@corp.example".encode(), f"buyer.{each.token}@partner.example".encode())
            wire.ask(b"DATA")
            wire.send_parts(each.parts, pause=0.004 if len(each.parts) > 1 else 0)
            try:
                replies.append(wire.reply())
                wire.send(b"NOOP marker\r\n")  # in step again only if nothing was taken for a command
                while True:
                    replies.append(wire.reply())
                    if len(replies) == (6 if each.sequence.ends else 2):
                        break
            except (Gone, ConnectionError):
                pass  # hanging up after a refusal is allowed
        return each.token, replies

    with ThreadPoolExecutor(8) as pool:
        return dict(pool.map(one, tries))


def faults(tries: list[Try], replies: dict[str, list[tuple[int, str]]], taken: list[Taken]) -> list[str]:
    """What went wrong, one line each: second mails, bare octets, lost mails, wrong refusals."""
    found = []
    for each in tries:
        mine = [mail for mail in taken if any(f".{each.token}@".encode() in path for path in mail.recipients)]
        answers = replies[each.token]
        end = answers[0] if answers else (0, "connection closed without a reply")
        label = f"{each.sequence.name} {each.sequence.octets!r} as {each.token}: {end[0]} {end[1]}"
        smuggled = [mail for mail in mine if mail.sender.startswith(b"smuggled")]
        if smuggled and not each.sequence.ends:
            found.append(f"{label}: a second mail arrived")
        if any(mail.bare for mail in mine):
            found.append(f"{label}: bare CR, LF or NUL was relayed")
        if end[0] == 250:
            if len(mine) != 1 + (each.sequence.ends and len(smuggled)):
                found.append(f"{label}: accepted, and {len(mine)} mails arrived")
        elif mine:
            found.append(f"{label}: refused, and {len(mine)} mails arrived")
        if each.sequence.clean:
            if end[0] != 250:
                found.append(f"{label}: an ordinary mail was not accepted")
        elif end[0] != 550 or not end[1].startswith("5.5.2"):
            found.append(f"{label}: not refused with 550 5.5.2")
    return found


@pytest.fixture(scope="module")
def sink() -> Iterator[LenientSink]:
    with LenientSink() as server:
        yield server


@pytest.fixture(scope="module")
def product(sink: LenientSink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("smuggling"), next_hop=sink.port) as hop:
        yield hop


def test_no_sequence_of_our_own_matrix_makes_a_second_mail(product: Product, sink: LenientSink) -> None:
    """Every line end x dot x line end is refused with 550 5.5.2 or relayed as one clean mail."""
    matrix = own_matrix()
    assert len(matrix) >= 79
    tries = [attempt(f"own{number:03d}", each) for number, each in enumerate(matrix)]
    assert faults(tries, run(product.port, tries), sink.taken) == []


def test_no_published_sequence_makes_a_second_mail(product: Product, sink: LenientSink) -> None:
    """The sequences of three public scanners are refused or relayed as one clean mail; CRLF.CRLF ends a mail."""
    sequences = published()
    if not sequences:
        pytest.skip("the corpora are not beside the project (../shared/corpora)")
    tries = [attempt(f"pub{number:03d}", each) for number, each in enumerate(sequences)]
    assert faults(tries, run(product.port, tries), sink.taken) == []
    assert sum(each.ends for each in sequences) == 1


def test_it_does_not_matter_how_tcp_cuts_a_sequence(product: Product, sink: LenientSink) -> None:
    """Each sequence cut at every offset into two segments meets the same judgement as in one piece."""
    sequences = own_matrix() + published()
    tries = [
        attempt(f"cut{number:03d}.{cut}", each, cut=cut)
        for number, each in enumerate(sequences)
        for cut in range(1, len(each.octets))
    ]
    assert len(tries) > 300
    assert faults(tries, run(product.port, tries), sink.taken) == []


def test_the_real_end_is_found_wherever_tcp_cuts_it(product: Product, sink: LenientSink) -> None:
    """CRLF.CRLF in two segments, cut at each offset, ends the mail; the pipelined second one is a mail too."""
    end = Sequence("end", END)
    tries = [attempt(f"end{cut}", end, cut=cut) for cut in range(1, len(END))]
    replies = run(product.port, tries)
    assert faults(tries, replies, sink.taken) == []
    for each in tries:
        mine = [mail for mail in sink.taken if any(f".{each.token}@".encode() in path for path in mail.recipients)]
        assert len(mine) == 2, f"cut {each.token}: {len(mine)} mails"
        assert [code for code, _ in replies[each.token]] == [250, 250, 250, 354, 250, 250]


def test_after_a_refused_mail_the_session_is_in_step(product: Product) -> None:
    """A mail refused for a bare LF leaves a session that takes the next mail, or a closed connection; never a mix."""
    with Wire(product.port) as wire:
        wire.greet()
        wire.envelope(b"clerk.step@corp.example", b"buyer.step@partner.example")
        code, text = wire.data(b"Subject: x\r\n\r\nbare\nline\r\n")
        assert (code, text[:5]) == (550, "5.5.2")
        replies = wire.envelope(b"clerk.step2@corp.example", b"buyer.step2@partner.example")
        assert [reply[0] for reply in replies] == [250, 250]
        assert wire.data(b"Subject: x\r\n\r\nfine\r\n")[0] == 250


def test_the_matrix_catches_a_naive_relay() -> None:
    """The same matrix finds second mails and bare octets behind aiosmtpd + smtplib: it can fail."""
    with LenientSink() as sink, NaiveRelay(sink.port) as relay:
        tries = [attempt(f"naive{number:03d}", each) for number, each in enumerate(own_matrix())]
        found = faults(tries, run(relay.port, tries), sink.taken)
    assert sum("a second mail arrived" in each for each in found) >= 5
    assert sum("bare CR, LF or NUL" in each for each in found) >= 20
