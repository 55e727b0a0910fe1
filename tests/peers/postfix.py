# SPDX-License-Identifier: Apache-2.0
"""Private Postfix instances for tests: own configuration, queue, data and log in one directory.

Never touches the Postfix of the system: every command names its own configuration directory, all
sockets are on 127.0.0.1, and what it can reach is bound to loopback.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import pytest

from tests.peers.processes import answers, free_port, wait_for

DAEMONS = """\
pickup    unix  n  -  n  60   1  pickup
cleanup   unix  n  -  n  -    0  cleanup
qmgr      unix  n  -  n  300  1  qmgr
tlsmgr    unix  -  -  n  1000? 1 tlsmgr
rewrite   unix  -  -  n  -    -  trivial-rewrite
bounce    unix  -  -  n  -    0  bounce
defer     unix  -  -  n  -    0  bounce
trace     unix  -  -  n  -    0  bounce
verify    unix  -  -  n  -    1  verify
flush     unix  n  -  n  1000? 0 flush
proxymap  unix  -  -  n  -    -  proxymap
smtp      unix  -  -  n  -    -  smtp
relay     unix  -  -  n  -    -  smtp
showq     unix  n  -  n  -    -  showq
error     unix  -  -  n  -    -  error
retry     unix  -  -  n  -    -  error
discard   unix  -  -  n  -    -  discard
local     unix  -  n  n  -    -  local
virtual   unix  -  n  n  -    -  virtual
anvil     unix  -  -  n  -    1  anvil
scache    unix  -  -  n  -    1  scache
postlog   unix-dgram n - n - 1  postlogd
"""

LOOPBACK = {
    "inet_interfaces": "loopback-only",
    "inet_protocols": "ipv4",
    "smtp_bind_address": "127.0.0.1",
    "disable_dns_lookups": "yes",
    "smtp_host_lookup": "native",
    "mynetworks": "127.0.0.0/8",
}
"""Nothing listens on, and nothing can be reached from, anything but this host."""

QUICK = {
    "minimal_backoff_time": "1s",
    "maximal_backoff_time": "5s",
    "queue_run_delay": "1s",
    "in_flow_delay": "0",
    "smtp_connect_timeout": "5s",
    "message_size_limit": "52428800",
    "mailbox_size_limit": "0",
    "virtual_mailbox_limit": "0",
}

NO_LOCAL = {
    "mydestination": "",
    "alias_maps": "",
    "local_recipient_maps": "",
    "local_transport": "error:no local delivery in this test",
    "virtual_transport": "error:no local delivery in this test",
    "relay_transport": "error:no relay domains in this test",
}


def need_postfix() -> None:
    """Skip the calling test when no private Postfix can be started here, and say why."""
    if os.geteuid() != 0:
        pytest.skip("a private Postfix needs root (its master changes to the user postfix)")
    if shutil.which("postfix", path=_path()) is None:
        pytest.skip("Postfix is not installed (apt-get install postfix)")
    try:
        pwd.getpwnam("postfix")
    except KeyError:
        pytest.skip("the user postfix is missing: Postfix is not set up here")


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


class Postfix:
    """One instance: `with Postfix("up", {...main.cf...}) as server: ... server.port`.

    `main` is laid over LOOPBACK, QUICK and NO_LOCAL; `services` are further master.cf lines;
    `smtpd` are `-o` options of the listening smtpd. The directory is removed at the end.
    """

    def __init__(
        self,
        name: str,
        main: Mapping[str, str] | None = None,
        *,
        services: Sequence[str] = (),
        smtpd: Sequence[str] = (),
        port: int = 0,
    ) -> None:
        need_postfix()
        self.name = name
        self.port = port or free_port()
        self.directory = Path(tempfile.mkdtemp(prefix=f"postfix-{name}-"))
        self.directory.chmod(0o755)  # the daemons run as user postfix
        self.config = self.directory / "etc"
        self.maillog = self.directory / "maillog"
        self._running = False
        self._write(main or {}, services, smtpd)

    def _write(self, main: Mapping[str, str], services: Sequence[str], smtpd: Sequence[str]) -> None:
        queue, data = self.directory / "queue", self.directory / "data"
        for path in (self.config, queue, data):
            path.mkdir()
        shutil.chown(data, "postfix")
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": str(queue),
            "data_directory": str(data),
            "maillog_file": str(self.maillog),
            "maillog_file_prefixes": str(self.directory),
            "syslog_name": self.name,
            "myhostname": f"{self.name}.corp.example",
            "smtpd_banner": f"{self.name}.corp.example ESMTP",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtpd_recipient_restrictions": "permit_mynetworks, reject",
            "biff": "no",
            "notify_classes": "",
            **LOOPBACK,
            **QUICK,
            **NO_LOCAL,
            **main,
        }
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        (self.config / "main.cf").write_text(lines)
        options = "".join(f"  -o {option}\n" for option in smtpd)
        listener = f"127.0.0.1:{self.port} inet n - n - - smtpd\n{options}"
        (self.config / "master.cf").write_text(listener + DAEMONS + "".join(f"{line}\n" for line in services))

    def add_map(self, name: str, rows: Mapping[str, str]) -> str:
        """Write a lookup table and return it as `texthash:...` for main.cf."""
        path = self.config / name
        path.write_text("".join(f"{key} {value}\n" for key, value in rows.items()))
        return f"texthash:{path}"

    def append(self, lines: str) -> None:
        """Lay main.cf lines over what is there, before start.

        The earlier line of the same name goes: Postfix warns about doubled ones in every daemon, and
        so many warnings before postlogd reads its socket stop them all, postlogd too.
        """
        path = self.config / "main.cf"
        new = lines.strip("\n").splitlines()
        names = {line.partition("=")[0].strip() for line in new if not line.startswith((" ", "\t", "#"))}
        old = [line for line in path.read_text().splitlines() if line.partition("=")[0].strip() not in names]
        path.write_text("\n".join((*old, *new)) + "\n")

    def command(self, *arguments: str) -> str:
        """Run one Postfix command on this instance and return its output; raises with its words."""
        name, *rest = arguments
        done = subprocess.run(
            [name, "-c", str(self.config), *rest],
            env={**os.environ, "PATH": _path(), "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            tail = self.log()[-2000:]
            raise RuntimeError(f"{' '.join(arguments)} on {self.name} failed: {done.stdout}{done.stderr}{tail}")
        return done.stdout

    def setting(self, name: str) -> str:
        """The value of one main.cf parameter as Postfix sees it."""
        return self.command("postconf", "-h", name).strip()

    def start(self) -> None:
        """Start the master and wait for the smtpd port."""
        self.command("postfix", "start")
        self._running = True
        wait_for(lambda: answers(self.port), 20, f"{self.name} to listen on {self.port}")

    def stop(self) -> None:
        """End it; a stopped one may be started again with its queue."""
        if self._running:
            self.command("postfix", "stop")
            self._running = False
            wait_for(lambda: not answers(self.port), 20, f"{self.name} to stop")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def log(self) -> str:
        """Its mail log so far."""
        return self.maillog.read_text("utf-8", "replace") if self.maillog.exists() else ""

    def queue(self) -> list[dict[str, object]]:
        """Every mail in its queue, as `postqueue -j` tells it."""
        return [json.loads(line) for line in self.command("postqueue", "-j").splitlines()]

    def waiting(self) -> int:
        """How many queue files there are (cheap: counted on disk)."""
        queue = self.directory / "queue"
        return sum(_files(queue / name) for name in ("maildrop", "incoming", "active", "deferred"))

    def flush(self) -> None:
        """Try everything in the queue now."""
        self.command("postqueue", "-f")


def _files(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(_files(Path(each.path)) if each.is_dir() else 1 for each in entries)
    except FileNotFoundError:
        return 0  # it moved on while we looked


def upstream(
    hop: int, main: Mapping[str, str] | None = None, *, name: str = "up", smtpd: Sequence[str] = ()
) -> Postfix:
    """A mail server in the place of the company's: everything goes to the hop, nothing stays."""
    return Postfix(name, {"relayhost": f"[127.0.0.1]:{hop}", **(main or {})}, smtpd=smtpd)


def downstream(sink: int, main: Mapping[str, str] | None = None, *, name: str = "down", port: int = 0) -> Postfix:
    """A relay in the place of the company's outbound one: everything ends in the sink."""
    return Postfix(name, {"relayhost": f"[127.0.0.1]:{sink}", **(main or {})}, port=port)
