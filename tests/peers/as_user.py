# SPDX-License-Identifier: Apache-2.0
"""Run the command line, or send raw octets to a Unix socket, as another Unix user: `as_user USER ...`. Needs root.

Everything is imported before the user changes, so the checkout may lie where that user cannot read.
"""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.product import ROOT, _environment


def need_users(*names: str) -> None:
    """Skip where the test cannot become these users."""
    if os.geteuid() != 0:
        pytest.skip("becoming another Unix user needs root")
    known = {each.pw_name for each in pwd.getpwall()}
    if missing := set(names) - known:
        pytest.skip(f"this machine has no user {', '.join(sorted(missing))}")


def start(user: str, *arguments: str) -> subprocess.Popen[bytes]:
    """`dlpmilter ARGUMENTS` as `user`, under way; with `--raw SOCKET` first, what comes on stdin goes to the socket."""
    command = [sys.executable, "-m", "tests.peers.as_user", user, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=_environment(), stdin=pipe, stdout=pipe, stderr=pipe)


def finish(process: subprocess.Popen[bytes], octets: bytes = b"") -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    out, err = process.communicate(octets, timeout=60)
    return process.returncode, out.decode(), err.decode()


def call(user: str, *arguments: str) -> tuple[int, str, str]:
    """Run one command of the command line as `user`."""
    return finish(start(user, *arguments))


def raw(user: str, path: Path, octets: bytes) -> str:
    """What the socket at `path` answers `user` to these octets."""
    code, out, err = finish(start(user, "--raw", str(path)), octets)
    assert code == 0, err
    return out


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    assert os.getresuid() == (entry.pw_uid,) * 3


def _send(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(30)
        connection.connect(path)
        connection.sendall(sys.stdin.buffer.read())
        while block := connection.recv(65536):
            sys.stdout.buffer.write(block)


def _main(user: str, *arguments: str) -> None:
    import dlpmilter.audit.verify  # all of this is imported while everything can be read
    import dlpmilter.cli.audit
    import dlpmilter.cli.check
    import dlpmilter.cli.findings
    import dlpmilter.cli.holds
    import dlpmilter.cli.mailboxes
    import dlpmilter.config
    import dlpmilter.facts.directory
    import dlpmilter.listeners.control_socket
    import dlpmilter.policy.load
    import dlpmilter.storage.database
    import dlpmilter.storage.keys
    from dlpmilter.cli.main import main

    dlpmilter.policy.load.load_policy(None, internal_domains=("corp.example",))  # imports more at its first use
    _become(user)
    if arguments[0] == "--raw":
        _send(arguments[1])
    else:
        main(list(arguments))


if __name__ == "__main__":
    _main(*sys.argv[1:])
