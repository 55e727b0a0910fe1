# SPDX-License-Identifier: Apache-2.0
"""The running product: people by file and reload, mailboxes by their owners, customers by import, within seconds."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.facts.name_server import name_server
from tests.peers.as_user import call, need_users
from tests.peers.processes import wait_for
from tests.peers.product import POLICY, ROOT, Product
from tests.peers.sink import Sink
from tests.peers.wire import Wire

ANNA, CARL, STRANGER = "bin", "daemon", "nobody"
"""Users every Debian has: Anna decides nothing, Carl is a reviewer."""
RULES = """
[[case]]
id = "own"
title = { de = "Eigenes", en = "Own" }
when = "recipient.relation == 'own_private'"
action = "hold"
mode = "enforce"
rationale = "for this test"
review = { pool = "privacy" }

[[case]]
id = "colleague"
title = { de = "Kollegin", en = "Colleague" }
when = "recipient.relation == 'colleague_private'"
action = "hold"
mode = "enforce"
rationale = "for this test"
review = { pool = "privacy" }

[[case]]
id = "customer"
title = { de = "Kunde", en = "Customer" }
when = "recipient.relation == 'customer'"
action = "relay"
mode = "enforce"
rationale = "for this test"

[[case]]
id = "hosted"
title = { de = "Beim Massenanbieter", en = "Hosted by a provider" }
when = "recipient.mail_host == 'gmx.net'"
action = "reject"
mode = "enforce"
rationale = "for this test"
"""
TABLES = """
[reviewers.daemon]
address = "carl.check@corp.example"
pools = ["privacy"]
[people]
bin = "a.berger@corp.example"
[directory]
file = "people.csv"
"""
PEOPLE = "address,names,aliases,private\nanna.berger@corp.example,Anna Berger|Anna Blume,a.berger@corp.example,\n"


@pytest.fixture
def product() -> Iterator[Product]:
    """A running product whose folder every user may enter; database and key are root's."""
    need_users(ANNA, CARL, STRANGER)
    folder = Path(tempfile.mkdtemp(prefix="dlpmilter-people-"))
    folder.chmod(0o755)
    before = os.umask(0o022)
    try:
        policy = POLICY.replace('extends = "default"\n', "") + RULES
        with Sink(folder / "journal") as sink:
            running = Product(
                folder / "hop", next_hop=sink.port, settings={"workers": "1"}, tables=TABLES, policy=policy
            )
            (folder / "hop" / "people.csv").write_text(PEOPLE, encoding="utf-8")
            with running:
                running.database.chmod(0o600)
                yield running
    finally:
        os.umask(before)
        shutil.rmtree(folder)


def held_by(product: Product, sender: str, recipient: str) -> str:
    """The rule that holds a mail from sender to recipient, "" when it is relayed, the reply when it is refused."""
    message = f"From: {sender}\r\nSubject: x\r\nMessage-ID: <{os.urandom(8).hex()}@corp.example>\r\n\r\nhello\r\n"
    known = {each.case for each in product.held()}
    with Wire(product.port, seconds=60) as wire:
        wire.greet()
        wire.envelope(sender.encode(), recipient.encode())
        code, text = wire.data(message.encode())
    if code != 250:
        return f"{code} {text}"
    new = {each.case for each in product.held()} - known
    if not new:
        return ""
    with sqlite3.connect(product.database) as connection:
        query = "SELECT value FROM trail_values WHERE name LIKE 'recipient.%.rules' ORDER BY seq DESC LIMIT 1"
        return str(json.loads(connection.execute(query).fetchone()[0])[0])


def becomes(product: Product, sender: str, recipient: str, rule: str) -> None:
    """Wait until gates judge so: what others write is seen within seconds."""
    wait_for(lambda: held_by(product, sender, recipient) == rule, 30, f"{recipient} to be judged by {rule!r}")


def run(product: Product, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command as root."""
    command = [sys.executable, "-m", "dlpmilter", *arguments, "--config", str(product.file)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_people_mailboxes_and_customers_reach_the_gates(product: Product) -> None:
    """From a name only the file knows to a register of customers: each counts soon, without a restart."""
    anna, otto = "anna.berger@corp.example", "otto@corp.example"
    assert held_by(product, "a.berger@corp.example", "anna.blume@gmx.de") == "own"
    assert held_by(product, anna, "zauberfee@gmx.de") == ""

    mailboxes = ["mailboxes", "add", "Zauberfee@gmx.de", "--config", str(product.file)]
    assert call(STRANGER, *mailboxes)[0] == 1
    assert call(ANNA, *mailboxes)[0] == 0
    becomes(product, anna, "zauberfee@gmx.de", "own")
    assert held_by(product, otto, "zauberfee@gmx.de") == "colleague"
    assert "zauberfee" in call(ANNA, "mailboxes", "list", "--config", str(product.file))[1].lower()
    assert "zauberfee" not in call(CARL, "mailboxes", "list", "--config", str(product.file))[1].lower()

    propose = ["mailboxes", "propose", "bz77@web.de", "--for", "a.berger@corp.example", "--config", str(product.file)]
    assert call(ANNA, *propose)[0] == 1
    assert call(CARL, *propose)[0] == 0
    becomes(product, anna, "bz77@web.de", "own")
    assert held_by(product, otto, "bz77@web.de") == ""

    people = product.directory / "people.csv"
    people.write_text("address,rank\nx@corp.example,1\n", encoding="utf-8")
    os.kill(product.pid, signal.SIGHUP)
    wait_for(lambda: "directory-refused" in product.log.read_text(), 30, "the broken file to be refused")
    assert held_by(product, "a.berger@corp.example", "anna.blume@gmx.de") == "own"
    people.write_text(PEOPLE.replace("Blume", "Rose"), encoding="utf-8")
    os.kill(product.pid, signal.SIGHUP)
    becomes(product, "a.berger@corp.example", "anna.rose@gmx.de", "own")
    assert held_by(product, "a.berger@corp.example", "anna.blume@gmx.de") == ""

    crm = product.directory / "crm.csv"
    crm.write_text("email\nsomebody@gmx.de\n", encoding="utf-8")
    assert run(product, "customers", "import", str(crm), "--register", "crm").returncode == 0
    assert held_by(product, anna, "somebody@gmx.de") == ""
    assert run(product, "audit", "verify").returncode == 0
    shown = run(product, "directory", "show", "a.berger@corp.example")
    assert "anna.berger@corp.example" in shown.stdout
    assert run(product, "directory", "hash", "x@gmx.de").stdout.startswith("h:")


@pytest.mark.asyncio
async def test_the_mail_host_is_asked_only_when_it_is_on_and_a_rule_asks(tmp_path: Path) -> None:
    """Off: no packet and an empty fact. On: the unlisted domain's mail host decides, a listed one is never asked for."""
    import asyncio

    policy = POLICY.replace('extends = "default"\n', "") + RULES
    async with name_server({"anna.example": ["10 mx00.gmx.net."]}) as server:
        for number, enabled in enumerate(("false", "true")):
            tables = f'[mx_hint]\nenabled = {enabled}\nseconds = 5.0\nnameservers = ["{server.endpoint}"]\n'

            def judged(folder: Path, tables: str = tables) -> list[str]:
                with (
                    Sink(folder / "journal") as sink,
                    Product(folder, next_hop=sink.port, settings={"workers": "1"}, tables=tables, policy=policy) as hop,
                ):
                    return [held_by(hop, "otto@corp.example", each) for each in ("me@anna.example", "me@gmx.de")]

            folder = tmp_path / str(number)
            folder.mkdir()
            found = await asyncio.to_thread(judged, folder)
            assert found[1] == ""
            if enabled == "false":
                assert found[0] == ""
                assert server.asked == []
            else:
                assert found[0].startswith("550")
                assert set(server.asked) == {"anna.example"}
