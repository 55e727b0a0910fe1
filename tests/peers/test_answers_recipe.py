# SPDX-License-Identifier: Apache-2.0
"""The recipe of deploy/answers.md with a real Postfix: the answer comes from the notice itself, all on loopback."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.peers.inject import send_one
from tests.peers.postfix import downstream, need_postfix
from tests.peers.processes import wait_for
from tests.peers.product import ROOT, Product
from tests.peers.sink import Sink

ANNA = b"anna.berger@corp.example"
TABLES = '[answers]\nlisten = "127.0.0.1:0"\naddress = "mail-answer@corp.example"\nsenders_checked = true\n'
FORWARD = (
    b"-----Original Message-----\r\nFrom: kunde@partner.example\r\nSent: today\r\nTo: a\r\nSubject: b\r\n\r\nx\r\n"
)


def blocks() -> list[str]:
    """The fenced Postfix blocks of the recipe, for this test's domain."""
    text = (ROOT / "deploy" / "answers.md").read_text("utf-8").replace("example.com", "corp.example")
    return re.findall(r"^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_an_answer_travels_through_postfix_as_the_recipe_says(tmp_path: Path) -> None:
    """Held, told, answered with 1 to the notice's own address: Postfix routes it here and nowhere else."""
    need_postfix()
    with (
        Sink(tmp_path / "world") as world,
        Product(tmp_path / "hop", next_hop=world.port, settings={"workers": "1"}, tables=TABLES) as hop,
    ):
        main, _, table = blocks()[0].partition("\n\n")
        places = tmp_path / "transport"
        entry = next(line for line in table.splitlines() if line.startswith("mail-answer@"))
        port = hop.ready["answers"].rpartition(":")[2]
        assert "smtp:[127.0.0.1]:10026" in entry
        places.write_text(entry.replace(":10026", f":{port}") + "\n")
        tmp_path.chmod(0o755)
        server = downstream(world.port, name="server")
        server.append(main.replace("hash:/etc/postfix/transport", f"texthash:{places}"))
        with server:
            held = b"From: Anna Berger <" + ANNA + b">\r\nSubject: Fwd: x\r\nMessage-ID: <r1@corp.example>\r\n\r\n"
            asyncio.run(send_one(hop.port, ANNA, [b"anna.berger@gmx.de"], held + FORWARD))
            wait_for(lambda: bool(world.deliveries()), 30, "the notice")
            to = re.search(r"<(mail-answer\+[^>]+)>", world.deliveries()[0].header("Reply-To") or "")
            assert to is not None
            answer = b"From: " + ANNA + b"\r\nTo: " + to[1].encode() + b"\r\nSubject: Re: x\r\n\r\n1\r\n"
            _, end = asyncio.run(send_one(server.port, ANNA, [to[1].encode()], answer))
            assert end.code == 250
            wait_for(lambda: hop.query("SELECT asked FROM cases") == [("withdraw",)], 30, "the answer")
            forged = answer.replace(b"From: " + ANNA, b"From: carl.check@corp.example").replace(b"\n1\r", b"\n0\r")
            asyncio.run(send_one(server.port, b"carl.check@corp.example", [to[1].encode()], forged))
            wait_for(lambda: "does not show who wrote it" in server.log(), 30, "the refusal")
            assert hop.query("SELECT asked FROM cases") == [("withdraw",)]
            assert not any(b"mail-answer" in each for got in world.deliveries() for each in got.recipients)
