# SPDX-License-Identifier: Apache-2.0
"""Where events go: a file that is appended to, a syslog. Never drops one: the caller tries the same again.

Lines are written whole; a line that could not be written raises OSError.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SECONDS = 5.0
_DATAGRAM = 8192
"""Longer messages are cut: many receivers drop what is longer (RFC 5424 section 6.1 asks for 2048)."""


def append(path: Path, lines: Sequence[str]) -> None:
    """Append whole lines; a program that rotates the file (logrotate) may move it at any time. Raises OSError."""
    data = "".join(f"{line}\n" for line in lines).encode()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)


def send(place: str, lines: Sequence[str]) -> None:
    """Send messages to `unix:PATH`, `udp:HOST:PORT` or `tcp:HOST:PORT` (octet counting, RFC 6587). Raises OSError."""
    kind, _, where = place.partition(":")
    if kind == "unix":
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.settimeout(_SECONDS)
            out.connect(where)
            for line in lines:
                out.send(line.encode()[:_DATAGRAM])
        return
    host, _, port = where.rpartition(":")
    if kind == "tcp":
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS) as out:
            for line in lines:
                data = line.encode()
                out.sendall(f"{len(data)} ".encode() + data)
        return
    family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as out:
        for line in lines:
            out.sendto(line.encode()[:_DATAGRAM], address)
