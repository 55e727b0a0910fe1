# SPDX-License-Identifier: Apache-2.0
"""The running product signs, hands out, and refuses an older database. Never a stub: real processes, a real syslog port."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlpmilter.audit.notes import parse_checkpoints, parse_key
from tests.peers.processes import wait_for
from tests.peers.product import Product
from tests.peers.sink import Sink, read_journal
from tests.peers.wire import Wire

FORWARD = "-----Original Message-----\r\nFrom: kunde@partner.example\r\nSent: today\r\nTo: a\r\nSubject: b\r\n\r\nx\r\n"


class Syslog(threading.Thread):
    """A UDP port that keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.messages: list[str] = []
        self.start()

    def run(self) -> None:
        """Until the process ends."""
        while True:
            self.messages.append(self.socket.recv(65_536).decode())


@pytest.fixture
def syslog() -> Iterator[Syslog]:
    """One that is closed with the test."""
    yield (one := Syslog())
    one.socket.close()


def send(product: Product, number: int) -> None:
    """One mail that is held."""
    message = (
        f"From: Anna Berger <anna.berger@corp.example>\r\nSubject: Fwd: {number}\r\n"
        f"Message-ID: <{number}@corp.example>\r\n\r\n{FORWARD}"
    )
    with Wire(product.port, seconds=60) as wire:
        wire.greet()
        wire.envelope(b"anna.berger@corp.example", b"anna.berger@gmx.de")
        assert wire.data(message.encode())[0] == 250


def newest(folder: Path) -> int:
    """Entries of the newest checkpoint in a folder, 0 when there is none."""
    files = list(folder.glob("newest-*.txt"))
    return parse_checkpoints(files[0].read_text(encoding="utf-8"))[-1].size if files else 0


def entries(product: Product) -> int:
    """How long the trail is."""
    return int(product.query("SELECT count(*) FROM trail")[0][0])


def test_checkpoints_and_events_leave_the_host(tmp_path: Path, syslog: Syslog) -> None:
    """Held mails are signed within seconds; folder, mailbox, file and syslog get the checkpoint, and no address."""
    outside = tmp_path / "outside"
    outside.mkdir()
    tables = (
        f'[trail]\nfolder = "{outside}"\nevery_seconds = 1\nmail_to = "dpo@corp.example"\n'
        f'events_file = "{tmp_path}/events.jsonl"\nevents_syslog = "udp:127.0.0.1:{syslog.port}"\n'
    )
    with Sink(tmp_path / "journal") as sink, Product(tmp_path / "hop", next_hop=sink.port, tables=tables) as product:
        for number in range(3):
            send(product, number)
        wait_for(lambda: newest(outside) == entries(product) >= 4, 30, "a checkpoint over everything")
        wait_for(lambda: product.owes() == 0, 30, "the outbox")
        key = product.command("audit", "key").strip()
        assert parse_key(key).name.endswith("/dlpmilter")
        wait_for(lambda: newest(outside) == entries(product), 30, "a checkpoint over everything")
        result = json.loads(product.command("audit", "verify", "--key", key, "--checkpoint", str(outside), "--json"))
        assert (result["ok"], result["tail"], result["proven_until"]) == (True, 0, entries(product))
        events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
        assert [each["seq"] for each in events if each["event"] != "checkpoint"] == list(range(1, entries(product) + 1))
        assert sum(each["event"] == "decided" for each in events) == 3
        wait_for(lambda: len(syslog.messages) == len(events), 10, "every event at the syslog")
    assert all(one.startswith(("<165>1 ", "<164>1 ")) for one in syslog.messages)
    for text in ((tmp_path / "events.jsonl").read_text(), "".join(syslog.messages)):
        assert "corp.example/dlpmilter" not in text or "@corp.example" not in text
        assert "anna" not in text
        assert "@gmx.de" not in text
    (mail,) = [one for one in read_journal(tmp_path / "journal") if "dpo@corp.example" in str(one)]
    assert "checkpoint" in str(mail).lower()


def test_an_export_from_the_command_line_and_its_verifier(tmp_path: Path) -> None:
    """`audit export`, `proof`, `verifier`: the three files alone in a folder are enough, and nothing is overwritten."""
    alone = tmp_path / "alone"
    alone.mkdir()
    with Sink(tmp_path / "journal") as sink, Product(tmp_path / "hop", next_hop=sink.port) as product:
        send(product, 1)
        local = tmp_path / "hop" / "checkpoints-dlpmilter.db"
        wait_for(lambda: newest(local) == entries(product) and product.owes() == 0, 30, "a checkpoint")
        product.command("audit", "checkpoint")
        product.command("audit", "export", "-o", str(alone / "trail.zip"))
        product.command("audit", "export", "-o", str(alone / "trail.zip"), code=2)
        product.command("audit", "proof", "--entry", "2", "-o", str(alone / "proof.json"))
        key = product.command("audit", "key").strip()
    done = subprocess.run([sys.executable, "-m", "dlpmilter", "audit", "verifier"], capture_output=True, check=True)
    (alone / "verify_trail.py").write_bytes(done.stdout)
    for arguments in (["trail.zip"], ["--proof", "proof.json"]):
        command = [sys.executable, "-I", "verify_trail.py", *arguments, "--key", key]
        checked = subprocess.run(command, cwd=alone, env={}, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        assert checked.stdout.startswith("Fine: ")
        assert "@gmx.de" not in checked.stdout


def test_a_restored_backup_does_not_start_by_itself(tmp_path: Path) -> None:
    """The older database is refused with a sentence; after `accept-rollback` it starts, and the trail says so."""
    with Sink(tmp_path / "journal") as sink:
        product = Product(tmp_path / "hop", next_hop=sink.port)
        local = tmp_path / "hop" / "checkpoints-dlpmilter.db"
        with product:
            send(product, 1)
            wait_for(lambda: newest(local) == entries(product) and product.owes() == 0, 30, "a checkpoint")
        shutil.copyfile(product.database, tmp_path / "backup.db")
        with product:
            send(product, 2)
            wait_for(lambda: newest(local) == entries(product) and product.owes() == 0, 30, "a checkpoint")
        for each in product.directory.glob("dlpmilter.db-*"):
            each.unlink()
        shutil.copyfile(tmp_path / "backup.db", product.database)
        with pytest.raises(RuntimeError, match="is not the database that was here"):
            product.start()
        assert product.exit_code(30) == 2
        assert json.loads(product.command("audit", "accept-rollback", "--json"))["lost_until"] > 0
        assert json.loads(product.command("audit", "accept-rollback", "--json"))["lost_until"] == 0
        with product:
            send(product, 3)
            wait_for(lambda: newest(local) == entries(product), 30, "a checkpoint")
            assert ("rollback-accepted",) in product.query("SELECT event FROM trail")
            product.verify()
