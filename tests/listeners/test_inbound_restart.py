# SPDX-License-Identifier: Apache-2.0
"""What was learned lives on: through a restart, kill -9 and a new key; the unlearned tail is all a crash may cost."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from pathlib import Path

from tests.listeners.test_inbound import come_in, fate, wait_learned
from tests.peers.inject import Client
from tests.peers.letters import CORRESPONDENCE, EMPLOYEE, STRANGER, letter
from tests.peers.product import Product
from tests.peers.sink import Sink


def new_key(hop: Product) -> None:
    """Make a new current key; the old one goes to `[[previous]]`."""
    path = hop.directory / "key.toml"
    old = path.read_text()
    key_id, key = (re.findall(rf'^{name} = "(.+)"', old, re.MULTILINE)[0] for name in ("id", "key"))
    fresh = base64.b64encode(secrets.token_bytes(32)).decode()
    path.write_text(
        f'id = "next"\nkey = "{fresh}"\nbackup_confirmed = 2026-11-20\n[[previous]]\nid = "{key_id}"\nkey = "{key}"\n'
    )


def test_knowledge_survives_restart_and_key_and_kill_costs_no_mail(tmp_path: Path) -> None:
    """Learned mail stays known after SIGTERM, kill -9 and a new key; every mail with a 250 is in the mail server."""
    with Sink(tmp_path / "world") as world, Sink(tmp_path / "inside") as inside:
        inbound = f'next_hop = "127.0.0.1:{inside.port}"'
        with Product(tmp_path / "hop", next_hop=world.port, policy=CORRESPONDENCE, inbound=inbound) as hop:
            assert come_in(hop, letter("one@gmx.de")).code == 250
            assert hop.stop() == 0  # a drain learns what waits
            new_key(hop)
            hop.start()
            assert fate(hop, "r1", STRANGER, answers="one@gmx.de") == "relayed"
            assert come_in(hop, letter("two@gmx.de")).code == 250
            wait_learned(hop, 1)
            taken = asyncio.run(_burst(hop))
            hop.kill()
            hop.start()
            assert fate(hop, "r2", STRANGER, answers="two@gmx.de") == "relayed"
            assert fate(hop, "r3", STRANGER, answers="one@gmx.de") == "relayed"
            there = {each.header("X-Test-Id") for each in inside.deliveries()}
            assert taken and taken <= there
            assert hop.query("PRAGMA integrity_check") == [("ok",)]


async def _burst(hop: Product) -> set[str]:
    """A hundred mails in a row; the ids of those that got their 250."""
    taken = set()
    async with Client(hop.inbound_port) as client:
        for number in range(100):
            mail = letter(f"b{number}@gmx.de")
            _, end = await client.send(STRANGER.encode(), [EMPLOYEE.encode()], mail)
            if end.code == 250:
                taken.add(f"b{number}@gmx.de")
    return taken
