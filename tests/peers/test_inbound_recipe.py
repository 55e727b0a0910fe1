# SPDX-License-Identifier: Apache-2.0
"""The recipes of deploy/inbound.md, tried as written: Postfix in front as a hop and with copies, all on loopback."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.peers.inject import send_one
from tests.peers.letters import CORRESPONDENCE, EMPLOYEE, STRANGER, answer, letter
from tests.peers.postfix import Postfix, downstream, need_postfix
from tests.peers.processes import wait_for
from tests.peers.product import ROOT, Product
from tests.peers.sink import Delivery, Sink


def recipe(number: int, place: str) -> str:
    """The lines of one `=== place` of the recipe's fenced block, for this test's domain."""
    text = (ROOT / "deploy" / "inbound.md").read_text("utf-8")
    block = re.findall(r"^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[number]
    parts = re.split(r"^=== (.+)\n", block, flags=re.MULTILINE)[1:]
    found = {name.partition(":")[0]: lines.strip() for name, lines in zip(parts[::2], parts[1::2], strict=True)}
    return found[place].replace("example.com", "corp.example")


def inbound_lines(number: int, next_hop: int) -> str:
    """The lines of `[inbound]` besides `listen`, with this test's port for the mail server."""
    header, listen, *lines = recipe(number, "dlpmilter").splitlines()
    assert (header, listen) == ("[inbound]", 'listen = "127.0.0.1:10024"')
    return "\n".join(lines).replace(":10023", f":{next_hop}")


def with_port(lines: str, port: int) -> str:
    assert "smtp:[127.0.0.1]:10024" in lines
    return lines.replace(":10024", f":{port}")


def arrived(sink: Sink, test_id: str) -> list[Delivery]:
    return [each for each in sink.deliveries() if each.header("X-Test-Id") == test_id]


def learn_and_answer(front: Postfix, hop: Product, inside: Sink, world: Sink) -> Delivery:
    """A stranger writes through Postfix; the answer to him passes, the thread to a third is held."""
    data = letter("recipe@outside.example", text="Frage.\n" * 2000)
    _, end = asyncio.run(send_one(front.port, STRANGER.encode(), [EMPLOYEE.encode()], data))
    assert end.code == 250, end
    wait_for(lambda: bool(arrived(inside, "recipe@outside.example")), 30, "the stranger's mail to come in")
    (got,) = arrived(inside, "recipe@outside.example")
    assert got.message.endswith(data)
    name = 'dlpmilter_inbound_learned_total{outcome="learned"}'
    wait_for(lambda: hop.metrics().get(name, 0) == 1, 30, "it to be learned")
    for test_id, to in (("reply", STRANGER), ("third", "berta.blum@web.de")):
        mail = answer(test_id, [to], answers="recipe@outside.example")
        _, end = asyncio.run(send_one(hop.port, EMPLOYEE.encode(), [to.encode()], mail))
        assert end.code == 250
    assert arrived(world, "reply") and not arrived(world, "third")
    assert [each.recipient for each in hop.held()] == ["berta.blum@web.de"]
    return got


@pytest.fixture
def _postfix() -> None:
    need_postfix()


@pytest.mark.usefixtures("_postfix")
def test_as_a_hop_before_the_mail_server(tmp_path: Path) -> None:
    """Edge, dlpmilter, mail server: bytes unchanged, one trace field of ours, its refusals reach the edge."""
    with (
        Sink(tmp_path / "world") as world,
        Sink(tmp_path / "inside") as inside,
        Product(
            tmp_path / "hop", next_hop=world.port, policy=CORRESPONDENCE, inbound=inbound_lines(0, inside.port)
        ) as hop,
    ):
        edge = downstream(world.port, name="edge")
        edge.append(with_port(recipe(0, "edge"), hop.inbound_port))
        with edge:
            got = learn_and_answer(edge, hop, inside, world)
            assert got.message.count(b"(dlpmilter ") == 1
            inside.behaviour.rcpt[b"nobody@corp.example"] = b"550 5.1.1 no such person"
            asyncio.run(send_one(edge.port, STRANGER.encode(), [b"nobody@corp.example"], letter("nobody@x")))
            wait_for(lambda: "no such person" in edge.log(), 30, "the refusal to reach the edge")


@pytest.mark.usefixtures("_postfix")
def test_as_a_copy(tmp_path: Path) -> None:
    """The mail goes its way without dlpmilter, the copy is learned and thrown away; nobody is told of copies."""
    with (
        Sink(tmp_path / "world") as world,
        Sink(tmp_path / "inside") as inside,
        Product(tmp_path / "hop", next_hop=world.port, policy=CORRESPONDENCE, inbound=inbound_lines(1, 0)) as hop,
    ):
        server = downstream(inside.port, name="server")
        server.append(with_port(recipe(1, "mail server"), hop.inbound_port))
        with server:
            got = learn_and_answer(server, hop, inside, world)
            assert b"(dlpmilter " not in got.message
            assert got.recipients == (EMPLOYEE.encode(),)
            wait_for(lambda: server.waiting() == 0, 30, "the queue to be empty")
            assert len(arrived(inside, "recipe@outside.example")) == 1
            assert "status=bounced" not in server.log()
