# SPDX-License-Identifier: Apache-2.0
"""What /proc tells about processes and connections of a test. Never touches a process it was not given."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

ESTABLISHED = "01"


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool], seconds: float, what: str, *, pause: float = 0.05) -> None:
    """Poll until `condition` holds; TimeoutError names `what` after `seconds`."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"after {seconds:g} s still waiting for {what}")
        time.sleep(pause)


def answers(port: int) -> bool:
    """Whether something accepts connections on 127.0.0.1:port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def descendants(pid: int) -> list[int]:
    """All children of `pid`, theirs too; also those that made a session of their own."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended while we looked
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        next_ones = children.get(waiting.pop(), [])
        found += next_ones
        waiting += next_ones
    return found


def signal_tree(pid: int, number: signal.Signals) -> list[int]:
    """Send one signal to `pid` and all its descendants, parents first; returns whom it reached."""
    reached = []
    for each in (pid, *descendants(pid)):
        try:
            os.kill(each, number)
            reached.append(each)
        except ProcessLookupError:
            continue
    return reached


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def resident_octets(pid: int) -> int:
    """Resident set of one process now, in octets; 0 when it has ended."""
    return _status(pid, "VmRSS")


def peak_octets(pid: int) -> int:
    """Highest resident set of one process so far, in octets; 0 when it has ended."""
    return _status(pid, "VmHWM")


def _status(pid: int, key: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":")), 0)


def connections_to(port: int) -> int:
    """Established TCP connections whose server side is `port` (each counted once)."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(row[3] == ESTABLISHED and int(row[1].rpartition(":")[2], 16) == port for row in rows)
