# SPDX-License-Identifier: Apache-2.0
"""The listener for inbound mail, as a running product: it relays byte for byte, learns, and never judges."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest

from tests.peers.inject import Reply, send_one
from tests.peers.letters import CORRESPONDENCE, EMPLOYEE, STRANGER, VERIFIER, answer, letter, passed
from tests.peers.processes import wait_for
from tests.peers.product import Product
from tests.peers.sink import Delivery, Sink


def send(port: int, sender: str, to: list[str], data: bytes, mail: bytes = b"") -> Reply:
    """Send one mail; the reply to the final dot."""
    _, end = asyncio.run(send_one(port, sender.encode(), [each.encode() for each in to], data, mail=mail))
    return end


def come_in(hop: Product, data: bytes, sender: str = STRANGER) -> Reply:
    return send(hop.inbound_port, sender, [EMPLOYEE], data)


def learned(hop: Product, outcome: str = "learned") -> float:
    """How many inbound mails had this outcome."""
    return hop.metrics().get(f'dlpmilter_inbound_learned_total{{outcome="{outcome}"}}', 0.0)


def wait_learned(hop: Product, count: int, outcome: str = "learned") -> None:
    wait_for(lambda: learned(hop, outcome) >= count, 20, f"{count} mails to be {outcome}")


def fate(hop: Product, test_id: str, to: str, *, answers: str = "", name: str = "Anna Berger") -> str:
    """What the reply to the final dot says of an answer to one recipient: `held` or `relayed`."""
    end = send(hop.port, EMPLOYEE, [to], answer(test_id, [to], answers=answers, name=name))
    assert end.code == 250, end
    return "held" if "held" in end.text else "relayed"


def arrived(sink: Sink, test_id: str) -> list[Delivery]:
    return [each for each in sink.deliveries() if each.header("X-Test-Id") == test_id]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with Sink(tmp_path_factory.mktemp("world") / "journal") as sink:
        yield sink


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    """The company's mail server behind the listener."""
    with Sink(tmp_path_factory.mktemp("inside") / "journal") as sink:
        yield sink


@pytest.fixture(scope="module")
def hop(tmp_path_factory: pytest.TempPathFactory, world: Sink, inside: Sink) -> Iterator[Product]:
    directory = tmp_path_factory.mktemp("hop") / "hop"
    inbound = f'next_hop = "127.0.0.1:{inside.port}"\nauthserv_id = "{VERIFIER}"\n'
    with Product(directory, next_hop=world.port, policy=CORRESPONDENCE, inbound=inbound) as product:
        yield product


def test_inbound_mail_is_relayed_byte_for_byte(hop: Product, inside: Sink) -> None:
    """The mail server behind gets what came in with one Received field in front, parameters of DSN included."""
    data = letter("bytes@outside.example", text="Frage.\n.\n..Punkte\n" + "x" * 900 + "\n" + "Zeile\n" * 60_000)
    end = send(hop.inbound_port, STRANGER, [EMPLOYEE, "b@corp.example"], data, mail=b"RET=HDRS ENVID=Q1")
    assert end.code == 250
    (got,) = arrived(inside, "bytes@outside.example")
    assert got.message.endswith(data)
    front = got.message[: -len(data)]
    assert re.fullmatch(rb"Received: from [^\r]+\r\n\tby dlp\.corp\.example \(dlpmilter [^\r]+\r\n\t[^\r]+\r\n", front)
    assert got.recipients == (EMPLOYEE.encode(), b"b@corp.example")
    assert b"ENVID=Q1" in got.sender_parameters


def test_inbound_mail_is_never_judged(hop: Product, inside: Sink, world: Sink) -> None:
    """What would be held on its way out passes on its way in, and no case, trail entry or notice comes of it."""
    before = hop.query("SELECT (SELECT count(*) FROM cases), (SELECT count(*) FROM trail)")
    data = answer("judged", ["anna.berger77@gmx.de"])
    assert send(hop.inbound_port, EMPLOYEE, ["anna.berger77@gmx.de"], data).code == 250
    (got,) = arrived(inside, "judged")
    assert got.message.endswith(data)
    assert hop.query("SELECT (SELECT count(*) FROM cases), (SELECT count(*) FROM trail)") == before
    assert not arrived(world, "judged")


def test_a_reply_to_who_wrote_first_passes_and_the_thread_to_a_third_is_held(hop: Product, world: Sink) -> None:
    """The answer to the stranger's mail relays, in any spelling of his mailbox; to a third private box it waits."""
    assert fate(hop, "early", STRANGER, answers="thread@outside.example") == "held"
    count = learned(hop)
    assert come_in(hop, letter("thread@outside.example")).code == 250
    wait_learned(hop, int(count) + 1)
    assert fate(hop, "answer", STRANGER, answers="thread@outside.example") == "relayed"
    assert fate(hop, "plus", STRANGER.replace("@", "+x@"), answers="thread@outside.example") == "relayed"
    assert fate(hop, "third", "berta.blum@web.de", answers="thread@outside.example") == "held"
    assert fate(hop, "other-thread", STRANGER, answers="other@outside.example") == "held"
    assert fate(hop, "no-thread", STRANGER) == "held"
    assert arrived(world, "answer") and not arrived(world, "third")


def test_the_sender_s_own_box_is_not_let_through_by_writing_first(hop: Product, world: Sink) -> None:
    """Who mails himself from his private box and answers that mail is still held: own_private wins."""
    count = learned(hop)
    box = "anna.berger84@gmx.de"
    assert come_in(hop, letter("own@gmx.de", box, name="Anna Berger", head=passed()), box).code == 250
    wait_learned(hop, int(count) + 1)
    assert fate(hop, "own-thread", box, answers="own@gmx.de") == "held"
    assert not arrived(world, "own-thread")


def test_two_verified_mails_make_a_correspondent(hop: Product) -> None:
    """One DMARC pass is not enough, a second mail is; copies of one mail count once, and lists never."""
    person = "petra.lang@posteo.de"
    count = int(learned(hop))
    known = int(learned(hop, "known"))
    for _ in range(3):
        come_in(hop, letter("p1@posteo.de", person, head=passed("posteo.de")), person)
    wait_learned(hop, known + 2, "known")
    come_in(hop, letter("p2@posteo.de", person, head=passed("posteo.de") + "List-Id: <x.posteo.de>\r\n"), person)
    come_in(hop, letter("p3@posteo.de", person, head=passed("posteo.de", result="none")), person)
    come_in(hop, letter("p4@posteo.de", person, head=passed("gmx.de")), person)
    come_in(hop, letter("p5@posteo.de", person, head=passed("posteo.de", "mx.evil.example")), person)
    wait_learned(hop, count + 5)
    assert fate(hop, "once", person) == "held"
    come_in(hop, letter("p6@posteo.de", person, head=passed("posteo.de")), person)
    wait_learned(hop, count + 6)
    assert fate(hop, "twice", person) == "relayed"


def test_a_failed_dmarc_teaches_nothing(hop: Product) -> None:
    """A forged From that our verifier caught is no author; a pass that the forger wrote below does not help."""
    count = learned(hop, "dmarc-failed")
    head = passed(result="fail") + passed()
    assert come_in(hop, letter("forged@outside.example", head=head)).code == 250
    wait_learned(hop, int(count) + 1, "dmarc-failed")
    assert fate(hop, "forged", STRANGER, answers="forged@outside.example") == "held"


def test_colleagues_machines_and_bounces_teach_nothing(hop: Product) -> None:
    """Mail from our own domain, automatic mail, mail of several authors and with the null sender teach nothing."""
    rows = hop.query("SELECT count(*) FROM inbound_mails")
    come_in(hop, letter("c@corp.example", "paul@corp.example"))
    come_in(hop, letter("auto@gmx.de", head="Auto-Submitted: auto-replied\r\n"))
    come_in(hop, letter("null@gmx.de"), "")
    come_in(hop, letter("two@gmx.de", "a@gmx.de>, <b@gmx.de"))
    for outcome in ("internal", "automatic", "null-sender", "no-author"):
        wait_learned(hop, 1, outcome)
    assert hop.query("SELECT count(*) FROM inbound_mails") == rows


def test_loops_sizes_and_line_ends_hold_for_inbound_mail(hop: Product, inside: Sink) -> None:
    """The third time through this installation, a bare line feed and too many hops are refused."""
    data = letter("loop@outside.example")
    assert come_in(hop, data).code == 250
    (first,) = arrived(inside, "loop@outside.example")
    assert come_in(hop, first.message).code == 250
    second = arrived(inside, "loop@outside.example")[-1]
    assert come_in(hop, second.message).code == 554
    assert come_in(hop, b"Received: x\r\n" * 60 + data).code == 554
    assert come_in(hop, data.replace(b"Frage.\r\n", b"Frage.\n")).code == 550


def test_the_next_hop_s_no_is_passed_on(hop: Product, inside: Sink) -> None:
    """A recipient and a final dot that the mail server refuses are refused here; nothing is learned of that mail."""
    count = learned(hop)
    inside.behaviour.rcpt[b"nobody@corp.example"] = b"550 5.1.1 no such person"
    try:
        end = send(hop.inbound_port, STRANGER, ["nobody@corp.example"], letter("no@gmx.de"))
        assert (end.code, "no such person" in end.text) == (550, True)
        inside.behaviour.end = b"451 4.2.0 later"
        assert come_in(hop, letter("later@gmx.de")).code == 451
    finally:
        inside.behaviour.end = None
        inside.behaviour.rcpt.clear()
    come_in(hop, letter("after@gmx.de"))
    wait_learned(hop, int(count) + 1)
    wait_for(lambda: fate(hop, "re-after", STRANGER, answers="after@gmx.de") == "relayed", 20, "it to be learned")
    assert fate(hop, "re-later", STRANGER, answers="later@gmx.de") == "held"
    assert fate(hop, "re-no", STRANGER, answers="no@gmx.de") == "held"


def test_addresses_and_message_ids_are_nowhere_in_the_database(hop: Product) -> None:
    """Only keyed hashes and times are kept: neither file nor journal holds the author or the Message-ID."""
    count = learned(hop)
    come_in(hop, letter("geheim-4711@gmx.de", "olga.orth@gmx.de", head=passed()), "olga.orth@gmx.de")
    wait_learned(hop, int(count) + 1)
    for path in hop.directory.glob("dlpmilter.db*"):
        content = path.read_bytes()
        assert b"olga.orth" not in content and b"geheim-4711" not in content, path
