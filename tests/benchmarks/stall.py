# SPDX-License-Identifier: Apache-2.0
"""How long one mail keeps a gate from answering others: NOOP on a second connection while it is judged.

`python -m tests.benchmarks.stall` prints it for a big plain mail, a big hostile one and one with documents, each
to the sender's own private mailbox, so that stores, structure and content are all asked. An idle gate beside it.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.product import Product
from tests.peers.sink import SinkProcess

SENDER, RECIPIENT = "anna.berger@corp.example", "anna.berger@gmx.de"
HEAD = (
    b"From: Anna Berger <anna.berger@corp.example>\r\nTo: anna.berger@gmx.de\r\nSubject: Notiz\r\n"
    b"Date: Tue, 24 Nov 2026 09:00:00 +0100\r\nMessage-ID: <%d@corp.example>\r\nMIME-Version: 1.0\r\n"
)
MAILS = {
    "10 MB plain": b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
    + b"Ein Satz mit einigen Woertern darin.\r\n" * 270_000,
    "10 MB of <div>": b"Content-Type: text/html; charset=utf-8\r\n\r\n" + (b"<div>" * 180 + b"\r\n") * 11_000,
    "10 MB, 100,000 parts": b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 1_000_000,
}


class Line:
    """One SMTP connection, reply by reply."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._file = self._socket.makefile("rb")
        self.reply()

    def ask(self, octets: bytes) -> bytes:
        """Send and wait for the reply."""
        self._socket.sendall(octets)
        return self.reply()

    def reply(self) -> bytes:
        """The last line of the next reply."""
        while (line := self._file.readline())[3:4] == b"-":
            pass
        return line


def send(port: int, number: int, body: bytes) -> bytes:
    """One whole mail; the final reply."""
    line = Line(port)
    for command in (
        b"EHLO bench\r\n",
        b"MAIL FROM:<%s>\r\n" % SENDER.encode(),
        b"RCPT TO:<%s>\r\n" % RECIPIENT.encode(),
        b"DATA\r\n",
    ):
        line.ask(command)
    return line.ask(HEAD % number + body + b".\r\n")


@contextmanager
def pinging(port: int) -> Iterator[list[float]]:
    """Milliseconds of each NOOP while the block runs."""
    times: list[float] = []
    stop = threading.Event()

    def ping() -> None:
        line = Line(port)
        line.ask(b"EHLO ping\r\n")
        while not stop.is_set():
            start = time.perf_counter()
            line.ask(b"NOOP\r\n")
            times.append((time.perf_counter() - start) * 1000)
            time.sleep(0.002)

    thread = threading.Thread(target=ping)
    thread.start()
    try:
        yield times
    finally:
        stop.set()
        thread.join()


def measure() -> dict[str, tuple[float, float, str]]:
    """For each mail the 99th percentile and the longest NOOP in milliseconds, and the gate's answer."""
    found: dict[str, tuple[float, float, str]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        SinkProcess(Path(folder) / "sink") as sink,
        Product(Path(folder) / "hop", next_hop=sink.port, settings={"workers": "1"}) as hop,
    ):
        send(hop.port, 0, b"\r\nwarm\r\n")
        with pinging(hop.port) as times:
            time.sleep(3)
        found["idle"] = (*_percentiles(times), "")
        for number, (name, body) in enumerate(MAILS.items(), 1):
            with pinging(hop.port) as times:
                answer = send(hop.port, number, body)
            found[name] = (*_percentiles(times), answer.decode().strip())
    return found


def _percentiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return ordered[int(len(ordered) * 0.99)], ordered[-1]


def table(found: dict[str, tuple[float, float, str]]) -> str:
    """The figures, one mail a line."""
    lines = [f"{'mail':24} {'p99 ms':>8} {'longest ms':>11}  answer"]
    lines += [f"{name:24} {p99:8.1f} {longest:11.1f}  {answer}" for name, (p99, longest, answer) in found.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure()))
    sys.exit(0)
