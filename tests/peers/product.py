# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter run` as a process under test: start, kill -9, start again, ask its command line.

Never reaches into the running product: what it knows comes from its ready line, its metrics,
its command line, /proc, and its database file opened read-only.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import pwd
import re
import selectors
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from dlpmilter.storage.engines import reader_engine
from dlpmilter.storage.keys import Keyring, new_key_file
from dlpmilter.storage.trail_rows import entries
from dlpmilter.storage.vault import Vault
from tests.faults.soak import Held
from tests.peers.processes import descendants, gone, peak_octets, resident_octets, signal_tree, wait_for

ROOT = Path(__file__).parents[2]
REVIEWER = "rita.rees@corp.example"

POLICY = """\
name = "test"
extends = "default"

[governance]
employer = "Corp Example GmbH"
contact = "datenschutz@corp.example"
dpo = { name = "Dana Sommer", address = "dsb@corp.example" }
dpia = { reference = "DSFA-2026-07", date = 2026-07-01 }
works_agreement = { reference = "BV 2026/4", date = 2026-08-01 }
employee_information = 2026-09-01
private_use = "forbidden"
jurisdiction = "DE"
retention_profile = "de"
alternatives = [{ de = "das Portal fuer Kunden", en = "the customer portal" }]
protected_list_reviewed = 2026-10-01
managers_told = false

[[governance.pools]]
name = "privacy"
title = { de = "Datenschutz", en = "Data protection" }
contact = "datenschutz@corp.example"

[[governance.pools]]
name = "works-council"
title = { de = "Betriebsrat", en = "Works council" }
contact = "br@corp.example"
"""
"""The shipped policy with the governance block that tests need to let it act."""


DEFAULTS = {
    "internal_domains": '["corp.example"]',
    "languages": '["de", "en"]',
    "postmaster": '"postmaster@corp.example"',
    "hostname": '"dlp.corp.example"',
    "workers": "2",
}
"""What the tests configure besides ports and paths, as TOML text."""


class Product:
    """One installation in `directory`: `with Product(dir, next_hop=PORT) as hop: ... hop.port`.

    `settings` are top-level keys of dlpmilter.toml as TOML text: they replace DEFAULTS key by key, or
    with `whole=True` altogether; ports and paths are always ours. `tables` is further TOML; `inbound` are
    the lines of `[inbound]` besides `listen`, None for no such listener.
    """

    def __init__(
        self,
        directory: Path,
        *,
        next_hop: int,
        policy: str = POLICY,
        settings: dict[str, str] | None = None,
        whole: bool = False,
        tables: str = "",
        inbound: str | None = None,
    ) -> None:
        self.directory = directory
        self.port = self.metrics_port = self.inbound_port = 0
        self._inbound = inbound
        self.next_hop = next_hop
        self._settings = {**({} if whole else DEFAULTS), **(settings or {})}
        self._tables = tables
        self._process: subprocess.Popen[bytes] | None = None
        self.ready: dict[str, Any] = {}
        """The line it said when it was ready."""
        self.log = directory / "log"
        self.file = directory / "dlpmilter.toml"
        (directory / "policy").mkdir(parents=True)
        (directory / "policy" / "policy.toml").write_text(policy)
        new_key_file(directory / "key.toml")
        with (directory / "key.toml").open("a") as file:
            file.write("backup_confirmed = 2026-11-01\n")
        self._write_config()

    def _write_config(self) -> None:
        user = pwd.getpwuid(os.geteuid()).pw_name
        keys = {
            **self._settings,
            "listen": f'"127.0.0.1:{self.port}"',
            "next_hop": f'"127.0.0.1:{self.next_hop}"',
            "policy": '"policy"',
            "database": '"dlpmilter.db"',
            "key_file": '"key.toml"',
            "monitoring": f'"127.0.0.1:{self.metrics_port}"',
        }
        text = "".join(f"{key} = {value}\n" for key, value in keys.items())
        text += f'[reviewers.{user}]\naddress = "{REVIEWER}"\npools = ["privacy"]\n'
        if self._inbound is not None:
            text += f'[inbound]\nlisten = "127.0.0.1:{self.inbound_port}"\n{self._inbound}\n'
        self.file.write_text(text + self._tables)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.directory / "dlpmilter.db"

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None, "the product has not been started"
        return self._process.pid

    def start(self) -> None:
        """Start and wait for the ready line; a second start uses the same ports and database."""
        if self._process is not None:
            self._process.wait(10)
            self._process.stdout.close()  # type: ignore[union-attr]  # it is a pipe
        command = [sys.executable, "-m", "dlpmilter", "run", "--config", str(self.file)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        self._read_ready_line()

    def _read_ready_line(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(60):
                raise TimeoutError(f"no ready line within 60 s; its log ends: {self.log.read_text()[-2000:]}")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the product did not start: {self.log.read_text()[-3000:]}")
        ready = json.loads(line)
        assert ready["event"] == "ready", ready
        self.ready = ready
        self.port = int(ready["smtp"].rpartition(":")[2])
        if ready["inbound"]:
            self.inbound_port = int(ready["inbound"].rpartition(":")[2])
        if ready.get("metrics"):
            self.metrics_port = int(re.findall(r":(\d+)", ready["metrics"])[-1])
        self._write_config()  # the next start takes the same ports

    def kill(self) -> None:
        """Kill -9 of supervisor, gates, office and their workers."""
        victims = signal_tree(self.pid, signal.SIGSTOP)  # stopped first: none is replaced meanwhile
        victims += signal_tree(self.pid, signal.SIGKILL)
        wait_for(lambda: all(gone(each) for each in victims), 10, "the killed processes to end")

    def exit_code(self, seconds: float) -> int:
        """Wait until it ends by itself."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self, seconds: float = 45) -> int:
        """SIGTERM and wait; returns the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self.stop()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def workers(self, role: str) -> list[int]:
        """Process ids of the workers of one role: "gate" or "office"."""
        return [pid for pid in descendants(self.pid) if process_name(pid) == f"dlp-{role}"]

    def gate_octets(self) -> dict[int, int]:
        """Resident octets of each gate now."""
        return {pid: resident_octets(pid) for pid in self.workers("gate")}

    def gate_peak_octets(self) -> dict[int, int]:
        """Highest resident octets of each gate so far."""
        return {pid: peak_octets(pid) for pid in self.workers("gate")}

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics by its name with labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        rows = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in rows}

    def command(self, *arguments: str, code: int | None = 0) -> str:
        """Run one command of the product's command line; returns its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "dlpmilter", *arguments, "--config", str(self.file)],
            cwd=ROOT,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if code is not None and done.returncode != code:
            words = f"{done.stdout[-1000:]}{done.stderr[-2000:]}"
            raise RuntimeError(f"dlpmilter {' '.join(arguments)} ended with {done.returncode}, not {code}: {words}")
        return done.stdout

    def cases(self) -> list[dict[str, Any]]:
        """`holds list --json`: one object a line, or one array."""
        text = self.command("holds", "list", "--json").strip()
        return list(json.loads(text)) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]

    def verify(self) -> str:
        """`audit verify`: raises when the trail is not fine."""
        return self.command("audit", "verify")

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the database file as it is, without the product."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def owes(self) -> int:
        """Recipients in the outbox without a final reply."""
        return int(self.query("SELECT count(*) FROM outbox")[0][0])

    def held(self) -> list[Held]:
        """Every held recipient with its case."""
        rows = self.query(
            "SELECT cases.id, sender_raw, recipient_raw, cases.created_at FROM holds JOIN cases ON cases.id = case_id"
            " WHERE state IN ('held', 'justified')"
        )
        return [Held(case, sender.decode(), recipient.decode(), at / 1e6) for case, sender, recipient, at in rows]

    def decided(self) -> dict[str, float]:
        """For every case the time of its first `decided` entry in the trail."""
        found: dict[str, float] = {}
        for event, fields in self.trail():
            if event == "decided":
                found.setdefault(str(fields["case"]), _time(str(fields["at"])))
        return found

    def trail(self, case: str = "") -> list[tuple[str, dict[str, Any]]]:
        """Event and fields of every entry, or of those of one case, with the sealed ones opened."""
        vault = Vault(Keyring.load(str(self.file.parent / "key.toml")))
        engine = reader_engine(self.database, 30.0, 1, vault)
        try:
            with engine.connect() as conn:
                rows = [(row.event, {v.name: json.loads(v.value) for v in values}) for row, values in entries(conn)]
        finally:
            engine.dispose()
        return [(event, fields) for event, fields in rows if not case or fields.get("case") == case]


@functools.cache
def _compiled() -> Path:
    """Where this test run keeps compiled modules: without, every start compiles everything."""
    folder = Path(tempfile.mkdtemp(prefix="dlpmilter-pycache-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _environment() -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**mine, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(_compiled())}


def _time(text: str) -> float:
    moment = datetime.fromisoformat(text.strip('"'))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def process_name(pid: int) -> str:
    """What `ps -o comm` shows; empty when the process has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""


def wait_for_deliveries(read: Any, count: int, seconds: float = 20) -> list[Any]:
    """Wait until `read()` gives at least `count` rows; returns them."""
    until = time.monotonic() + seconds
    while len(rows := read()) < count:
        if time.monotonic() > until:
            raise TimeoutError(f"after {seconds:g} s {len(rows)} of {count} mails have arrived")
        time.sleep(0.05)
    return list(rows)
