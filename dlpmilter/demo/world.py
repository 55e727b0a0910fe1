# SPDX-License-Identifier: Apache-2.0
"""The demo's installation: a temporary folder with configuration, key and database, and the real `dlpmilter run`.

Never touches another installation: everything lies in one folder and on loopback.
"""

from __future__ import annotations

import json
import selectors
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from dlpmilter.demo.samples import INTERNAL_DOMAIN
from dlpmilter.policy.load import load_policy, shipped_directory
from dlpmilter.storage.keys import new_key_file

FIRST_BASE = 10025
PORTS = 4
REVIEWER = f"privacy.reviewer@{INTERNAL_DOMAIN}"
START_SECONDS = 90.0
STOP_SECONDS = 60.0


class DemoError(Exception):
    """The demo cannot go on; `code` is the exit code, the text says why and what to do."""

    def __init__(self, text: str, code: int = 75) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ports:
    """Four ports in a row: gate, portal, sink, metrics."""

    base: int

    @property
    def gate(self) -> int:
        """Where mail is accepted."""
        return self.base

    @property
    def portal(self) -> int:
        """The pages."""
        return self.base + 1

    @property
    def sink(self) -> int:
        """The next hop."""
        return self.base + 2

    @property
    def metrics(self) -> int:
        """Prometheus and health."""
        return self.base + 3


def choose_ports(base: int | None) -> Ports:
    """The given row, or the first free one from 10025 on. Raises DemoError."""
    for candidate in [base] if base is not None else range(FIRST_BASE, 60_000, 10):
        if all(_free(candidate + number) for number in range(PORTS)):
            return Ports(candidate)
    wanted = f"{base} to {base + PORTS - 1}" if base is not None else "four ports in a row"
    raise DemoError(f"127.0.0.1: {wanted} cannot be had: something listens there. Choose others with --port-base.")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
        return True


class World:
    """`with World(folder, ports, policy, user) as world:` the product runs and accepts mail.

    `user` is the Unix user who is mapped as reviewer.

    Raises ConfigError when the policy is broken, DemoError when the product does not start.
    """

    def __init__(self, folder: Path, ports: Ports, policy: Path | None, user: str) -> None:
        self.folder = folder
        self.ports = ports
        self.user = user
        self.policy = (policy or shipped_directory() / "examples" / "demo").resolve()
        self.config = folder / "dlpmilter.toml"
        self.database = folder / "dlpmilter.db"
        self.log = folder / "log"
        self.received = folder / "received"
        self.metrics: str | None = None
        self.portal: str | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Write key and configuration. Raises ConfigError."""
        governed = load_policy(
            self.policy, internal_domains=(INTERNAL_DOMAIN,), require_governance=True, allow_sample=True
        )
        pools = sorted({each.name for each in governed.governance.pools} if governed.governance else {"privacy"})
        key = self.folder / "key.toml"
        new_key_file(key)
        with key.open("a", encoding="utf-8") as file:
            file.write(f"backup_confirmed = {datetime.now(UTC):%Y-%m-%d}  # a demo needs no backup\n")
        self.config.write_text(self._configuration(pools), encoding="utf-8")

    def _configuration(self, pools: list[str]) -> str:
        keys: dict[str, object] = {
            "listen": f"127.0.0.1:{self.ports.gate}",
            "allowed_clients": ["127.0.0.1/32"],
            "internal_domains": [INTERNAL_DOMAIN],
            "next_hop": f"127.0.0.1:{self.ports.sink}",
            "policy": str(self.policy),
            "database": self.database.name,
            "key_file": "key.toml",
            "languages": ["en", "de"],
            "postmaster": f"postmaster@{INTERNAL_DOMAIN}",
            "hostname": f"dlpmilter.{INTERNAL_DOMAIN}",
            "workers": 1,
            "monitoring": f"127.0.0.1:{self.ports.metrics}",
            "allow_sample_governance": True,
            "portal_url": f"http://127.0.0.1:{self.ports.portal}",
        }
        lines = ["# Written by `dlpmilter demo`; gone when the demo ends."]
        lines += [f"{name} = {_toml(value)}" for name, value in keys.items()]
        lines += ["[relay]", 'tls = "none"']
        lines += ["[portal]", f'listen = "127.0.0.1:{self.ports.portal}"', "play = true"]
        lines += [f"[reviewers.{_toml(self.user)}]", f"address = {_toml(REVIEWER)}", f"pools = {_toml(pools)}"]
        return "\n".join(lines) + "\n"

    def __enter__(self) -> Self:
        self.prepare()
        command = [sys.executable, "-P", "-m", "dlpmilter", "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        try:
            self._await_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def _await_ready(self) -> None:
        assert self._process is not None and self._process.stdout is not None  # noqa: S101, PT018 - set just before
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(START_SECONDS):
                raise DemoError(f"the product did not start within {START_SECONDS:g} s.\n{self.last_words()}")
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait(STOP_SECONDS)
            raise DemoError(f"the product did not start.\n{self.last_words()}", code or 75)
        ready = json.loads(line)
        self.metrics, self.portal = ready["metrics"], ready["portal"]

    def last_words(self) -> str:
        """The end of the product's log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:]

    @property
    def running(self) -> bool:
        """Whether the product still runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """SIGTERM, drain, and kill only when it does not end."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _toml(value: object) -> str:
    """A TOML value: JSON spells strings, lists of strings, numbers and booleans the same way."""
    return json.dumps(value, ensure_ascii=False)
