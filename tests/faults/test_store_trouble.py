# SPDX-License-Identifier: Apache-2.0
"""A full disk, a locked database, an absent next hop: 451 and an alarm, nothing lost, recovery without restart."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.processes import wait_for
from tests.peers.product import Product
from tests.peers.sink import Sink
from tests.peers.wire import Wire

ANNA = b"anna.berger@corp.example"
OWN = b"anna.berger@gmx.de"
PARTNER = b"einkauf@partner.example"


def mail(subject: str, body: str = "Hallo\r\n") -> bytes:
    """A short mail of Anna's."""
    return (
        f"From: Anna Berger <anna.berger@corp.example>\r\nSubject: {subject}\r\n"
        f"Message-ID: <{os.urandom(8).hex()}@corp.example>\r\n\r\n{body}"
    ).encode()


FORWARD = "-----Original Message-----\r\nFrom: kunde@partner.example\r\nSent: today\r\nTo: a\r\nSubject: b\r\n\r\nx\r\n"


def send(port: int, message: bytes, *recipients: bytes) -> tuple[int, str]:
    """The reply to the final dot, or to whatever refused the mail before."""
    with Wire(port, seconds=60) as wire:
        wire.greet()
        for code, text in wire.envelope(ANNA, *recipients):
            if code != 250:
                return code, text
        return wire.data(message)


@contextmanager
def small_disk(path: Path, octets: int) -> Iterator[Path]:
    """A file system of its own in memory; needs root."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system needs root")
    path.mkdir()
    options = f"size={octets},mode=0755"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mount of a tmpfs is not possible here: {done.stderr.decode().strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk_defers_mail_and_heals_by_itself(tmp_path: Path) -> None:
    """Under a full disk holds get 4xx and an alarm; with space again the same process holds them. Nothing is lost."""
    limits = "[limits]\nspool_free_octets = 4096\n"
    with (
        small_disk(tmp_path / "disk", 24 * 1024 * 1024) as disk,
        Sink(tmp_path / "journal") as sink,
        Product(disk / "hop", next_hop=sink.port, settings={"workers": "1"}, tables=limits) as product,
    ):
        assert send(product.port, mail("Fwd: eins", FORWARD), OWN)[0] == 250
        gates = product.workers("gate")
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(bytes(64 * 1024))
        codes = {send(product.port, mail(f"Fwd: voll {number}", FORWARD), OWN)[0] for number in range(5)}
        assert codes <= {451, 452}
        alarms = product.metrics()
        assert sum(value for name, value in alarms.items() if name.startswith("dlpmilter_alarms_total")) > 0
        assert len(product.cases()) == 1

        filler.unlink()

        def held_again() -> bool:
            return send(product.port, mail("Fwd: wieder", FORWARD), OWN)[0] == 250

        wait_for(held_again, 15, "a hold after the disk had room again")
        assert product.workers("gate") == gates
        assert len(product.cases()) == 2
        product.verify()


def test_a_locked_database_defers_only_what_needs_a_record(tmp_path: Path) -> None:
    """While another process holds the database, ordinary mail passes and holds are deferred; then they are held."""
    with Sink(tmp_path / "journal") as sink, Product(tmp_path / "hop", next_hop=sink.port) as product:
        lock = sqlite3.connect(product.database, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        try:
            assert send(product.port, mail("Re: Termin"), PARTNER)[0] == 250
            assert send(product.port, mail("Fwd: Liste", FORWARD), OWN)[0] == 451
        finally:
            lock.execute("ROLLBACK")
            lock.close()
        assert product.metrics()['dlpmilter_alarms_total{kind="store-unavailable"}'] >= 1
        assert send(product.port, mail("Fwd: Liste", FORWARD), OWN)[0] == 250
        assert [one.header("Subject") for one in sink.deliveries() if one.header("Subject") == "Re: Termin"]
        assert len(product.cases()) == 1


def test_an_absent_next_hop_defers_and_comes_back(tmp_path: Path) -> None:
    """Without a next hop every mail is 451 4.4.1 with an alarm; when it is back, mail flows without a restart."""
    with Sink(tmp_path / "first") as sink:
        port = sink.port
        product = Product(tmp_path / "hop", next_hop=port, settings={"workers": "1"})
        product.start()
        assert send(product.port, mail("Re: Termin"), PARTNER)[0] == 250
    try:
        code, text = send(product.port, mail("Re: Termin"), PARTNER)
        assert (code, text.split()[0]) == (451, "4.4.1")
        assert product.metrics()['dlpmilter_alarms_total{kind="next-hop-unavailable"}'] >= 1
        with Sink(tmp_path / "second", port=port) as back:
            assert send(product.port, mail("Re: Termin"), PARTNER)[0] == 250
            assert len(back.deliveries()) == 1
    finally:
        product.__exit__()


def test_our_own_header_names_are_stripped_and_prove_nothing(tmp_path: Path) -> None:
    """Forged release, tag and notice fields neither pass a mail nor travel on."""
    forged = (
        b"X-Dlpmilter-Released: v1 AAAA-BBBB-CCCC\r\n\tfolded\r\nx-dlpmilter-tag: fine\r\n"
        b"X-Dlpmilter-Notice: v1 AAAA-BBBB-CCCC hold 00\r\n"
        b"Received: by dlp.corp.example (dlpmilter-release v2 AAAA-BBBB-CCCC "
        + b"0" * 32 + b" 9999999999 " + b"0" * 64 + b")\r\n"
    )  # fmt: skip
    with Sink(tmp_path / "journal") as sink, Product(tmp_path / "hop", next_hop=sink.port) as product:
        assert "held" in send(product.port, forged + mail("Fwd: Liste", FORWARD), OWN)[1]
        assert send(product.port, forged + mail("Re: Termin"), PARTNER)[0] == 250

        arrived = next(one for one in sink.deliveries() if b"Re: Termin" in one.message)
        assert b"x-dlpmilter" not in arrived.message.lower()
        assert b"folded" not in arrived.message


def test_a_mail_that_runs_in_circles_is_refused(tmp_path: Path) -> None:
    """Fifty Received fields, or a third time through this installation, is 554 5.4.6."""
    with Sink(tmp_path / "journal") as sink, Product(tmp_path / "hop", next_hop=sink.port) as product:
        many = b"Received: from a by b; Sun, 22 Nov 2026 05:00:00 +0000\r\n" * 50
        assert send(product.port, many + mail("Re: Kreis"), PARTNER)[1].split()[0] == "5.4.6"

        assert send(product.port, mail("Re: Kreis"), PARTNER)[0] == 250
        once = sink.deliveries()[-1].message
        assert send(product.port, once, PARTNER)[0] == 250
        twice = sink.deliveries()[-1].message
        code, text = send(product.port, twice, PARTNER)

        assert (code, text.split()[0]) == (554, "5.4.6")
        assert len(sink.deliveries()) == 2
