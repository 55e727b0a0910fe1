# SPDX-License-Identifier: Apache-2.0
"""Starting, failing to start, and SIGHUP at the wrong moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.faults.test_store_trouble import OWN, PARTNER, mail, send
from tests.peers.processes import descendants, free_port, gone, wait_for
from tests.peers.product import ROOT, Product, process_name
from tests.peers.sink import Sink
from tests.peers.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path


def test_a_damaged_database_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    """A start that cannot work ends by itself with exit code 75 and says so; nothing hangs."""
    product = Product(tmp_path / "hop", next_hop=free_port())
    product.database.write_bytes(b"this is no database" * 1000)
    command = [sys.executable, "-m", "dlpmilter", "run", "--config", str(product.file)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 75
    assert "cannot start" in done.stderr


def test_sighup_while_starting_kills_nobody(tmp_path: Path) -> None:
    """Workers that are still starting read the policy anyway: a reload must not end them."""
    with Sink(tmp_path / "journal") as sink:
        product = Product(tmp_path / "hop", next_hop=sink.port)
        command = [sys.executable, "-m", "dlpmilter", "run", "--config", str(product.file)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            wait_for(lambda: _has_worker(process.pid), 30, "the first worker")
            for _ in range(5):
                process.send_signal(signal.SIGHUP)
                time.sleep(0.1)
            assert b'"ready"' in process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def test_a_reload_during_a_respawn_reaches_the_new_gate(tmp_path: Path) -> None:
    """A gate that was starting when SIGHUP came ends up with the new policy, too."""
    with Sink(tmp_path / "journal") as sink, Product(tmp_path / "hop", next_hop=sink.port) as product:
        old = set(product.workers("gate"))
        loaded = product.log.read_text().count('"policy-loaded"')
        os.kill(min(old), signal.SIGKILL)
        wait_for(lambda: product.log.read_text().count('"policy-loaded"') > loaded, 20, "the new gate's policy")
        policy = product.directory / "policy" / "policy.toml"
        text = policy.read_text() + "\n[hold]\nworking_days = 3\n"
        policy.write_text(text)
        os.kill(product.pid, signal.SIGHUP)

        def versions() -> set[str]:
            lines = [json.loads(line) for line in product.log.read_text().splitlines() if '"policy-loaded"' in line]
            return {line["version"] for line in lines[-3:]}

        wait_for(lambda: product.log.read_text().count('"policy-loaded"') >= loaded + 4, 20, "three reloads")
        assert len(versions()) == 1


def _has_worker(pid: int) -> bool:
    return any(process_name(each) in ("dlp-gate", "dlp-office") for each in descendants(pid))


def test_a_hop_that_was_never_reached_is_told_at_ehlo(tmp_path: Path) -> None:
    """Before the next hop has said what it can do, nothing is offered: 421, so that no client bounces SMTPUTF8 mail."""
    with Product(tmp_path / "hop", next_hop=free_port()) as product, Wire(product.port) as wire:
        wire.reply()
        code, text = wire.ask(b"EHLO client.corp.example")

        assert (code, text.split()[0]) == (421, "4.4.1")


def test_a_client_that_does_not_read_loses_its_place(tmp_path: Path) -> None:
    """Clients that say MAIL and then read nothing give the next hop's sessions back after the idle time."""
    limits = "[limits]\ndata_idle_seconds = 1\nidle_seconds = 2\n[relay]\nsessions = 2\n"
    with (
        Sink(tmp_path / "journal") as sink,
        Product(tmp_path / "hop", next_hop=sink.port, settings={"workers": "1"}, tables=limits) as product,
    ):
        deaf = [Wire(product.port, seconds=30) for _ in range(2)]
        for wire in deaf:
            wire.greet()
            wire.envelope(b"anna.berger@corp.example", PARTNER)
            wire.socket.setblocking(False)
            try:
                while True:
                    wire.socket.send(b"NOOP\r\n" * 2000)
            except BlockingIOError:
                pass  # neither side reads any more

        wait_for(lambda: send(product.port, mail("Re: Termin"), PARTNER)[0] == 250, 20, "a free session")
        for wire in deaf:
            wire.close()


def test_sigterm_under_load_loses_nothing(tmp_path: Path) -> None:
    """What was answered 250 before the end is delivered or held; the rest was deferred."""
    with Sink(tmp_path / "journal") as sink, Product(tmp_path / "hop", next_hop=sink.port) as product:
        accepted = 0
        pid = product.pid
        for number in range(40):
            if number == 20:
                os.kill(pid, signal.SIGTERM)
            try:
                code, _ = send(product.port, mail(f"Re: {number}"), PARTNER, *([OWN] if number % 4 == 0 else []))
            except ConnectionError:
                break
            if code != 250:
                break
            accepted += 1
        wait_for(lambda: gone(pid), 60, "the end of the product")
        relayed = [one for one in sink.deliveries() if PARTNER in one.recipients]

        assert accepted >= 20
        assert len(relayed) == accepted


def test_a_gate_that_ends_is_replaced_at_once_and_counted_out(tmp_path: Path) -> None:
    """The nursery has loaded everything: mail is taken by a new gate two seconds after the only one was killed."""
    settings = {"workers": "1"}
    with (
        Sink(tmp_path / "journal") as sink,
        Product(tmp_path / "hop", next_hop=sink.port, settings=settings) as product,
    ):
        (old,) = product.workers("gate")
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: product.workers("gate") not in ([], [old]), 20, "the new gate")

        assert send(product.port, mail("after"), PARTNER)[0] == 250
        assert '"process-ended"' in product.log.read_text()


def test_without_a_nursery_all_drain_and_the_service_manager_starts_anew(tmp_path: Path) -> None:
    """Nothing that ends could be replaced any more: exit code 75, no worker stays behind, the port is free again."""
    with Sink(tmp_path / "journal") as sink, Product(tmp_path / "hop", next_hop=sink.port) as product:
        every = descendants(product.pid)
        (nursery,) = (pid for pid in every if process_name(pid) == "dlp-nursery")
        os.kill(nursery, signal.SIGKILL)

        assert product.exit_code(45) == 75
        assert "nursery-lost" in product.log.read_text()
        wait_for(lambda: all(gone(pid) for pid in every), 10, "the end of all its processes")
        product.start()
        assert send(product.port, mail("again"), PARTNER)[0] == 250


def test_no_worker_runs_code_of_the_current_folder(tmp_path: Path) -> None:
    """`python -m dlpmilter run` in a folder with a file named like a library: the service uses the library."""
    trap = tmp_path / "here"
    trap.mkdir()
    for name in ("uvloop", "alembic", "jinja2", "stdnum"):
        (trap / f"{name}.py").write_text(f"open({str(trap / 'sprung')!r}, 'w').close()\n")
    with Sink(tmp_path / "journal") as sink:
        product = Product(tmp_path / "hop", next_hop=sink.port)
        command = [sys.executable, "-m", "dlpmilter", "run", "--config", str(product.file)]
        with subprocess.Popen(
            command,
            cwd=trap,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert b'"ready"' in process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert not (trap / "sprung").exists()
