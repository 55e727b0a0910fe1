# SPDX-License-Identifier: Apache-2.0
"""The demo's next hop: a small SMTP server on loopback that keeps what it gets. Never relays, never refuses.

Each mail is also written to a folder, so that a person can look at it.
"""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_OFFER = (b"PIPELINING", b"SIZE 104857600", b"8BITMIME", b"SMTPUTF8", b"DSN", b"ENHANCEDSTATUSCODES")
_GREETING = b"250-sink.demo\r\n" + b"".join(b"250-%s\r\n" % each for each in _OFFER[:-1]) + b"250 %s\r\n" % _OFFER[-1]
_LINE = 100_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """One mail the sink has answered 250 for; `sender` is "" for the null sender."""

    number: int
    sender: str
    recipients: tuple[str, ...]
    message: bytes
    """Octets as received, dots unstuffed."""

    @property
    def head(self) -> bytes:
        """The header block with its last CRLF."""
        return self.message.partition(b"\r\n\r\n")[0] + b"\r\n"

    def header(self, name: str) -> str:
        """The first field of this name, unfolded; "" when there is none."""
        head = self.head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").decode("latin-1")
        wanted = name.lower() + ":"
        return next((line[len(wanted) :].strip() for line in head.split("\r\n") if line.lower().startswith(wanted)), "")


@dataclass(slots=True)
class _Session:
    sender: str = ""
    recipients: list[str] = field(default_factory=list)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        session = _Session()
        self.wfile.write(b"220 sink.demo ESMTP\r\n")
        while line := self.rfile.readline(_LINE):
            verb = line[:4].upper().strip()
            if verb == b"QUIT":
                self.wfile.write(b"221 2.0.0 bye\r\n")
                return
            self.wfile.write(self._answer(verb, line, session))

    def _answer(self, verb: bytes, line: bytes, session: _Session) -> bytes:
        if verb in {b"EHLO", b"HELO"}:
            return _GREETING if verb == b"EHLO" else b"250 sink.demo\r\n"
        if verb in {b"MAIL", b"RSET"}:
            session.sender, session.recipients = _path(line) if verb == b"MAIL" else "", []
        elif verb == b"RCPT":
            session.recipients.append(_path(line))
        elif verb == b"DATA":
            return self._data(session)
        elif verb != b"NOOP":
            return b"502 5.5.2 unknown command\r\n"
        return b"250 2.0.0 ok\r\n"

    def _data(self, session: _Session) -> bytes:
        if not session.recipients:
            return b"554 5.5.1 no recipients\r\n"
        self.wfile.write(b"354 go ahead\r\n")
        lines: list[bytes] = []
        ended = True  # whether the line before ended with CRLF
        while True:
            line = self.rfile.readline(_LINE)
            if not line:
                raise ConnectionResetError
            if ended and line == b".\r\n":
                break
            lines.append(line[1:] if ended and line.startswith(b".") else line)
            ended = line.endswith(b"\r\n")
        number = self.server.sink.keep(session.sender, tuple(session.recipients), b"".join(lines))
        session.sender, session.recipients = "", []
        return b"250 2.0.0 kept as %d\r\n" % number


def _path(line: bytes) -> str:
    return line.partition(b"<")[2].rpartition(b">")[0].decode("utf-8", "replace")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    sink: Sink

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that goes away is no news."""


class Sink:
    """`with Sink(port, folder) as sink:` listens on 127.0.0.1; port 0 takes any. Raises OSError when it is taken."""

    def __init__(self, port: int, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._arrivals: list[Arrival] = []
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.sink = self
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="demo-sink", daemon=True)

    def keep(self, sender: str, recipients: tuple[str, ...], message: bytes) -> int:
        """Note one mail before it is answered; returns its number, counted from 1."""
        with self._lock:
            arrival = Arrival(len(self._arrivals) + 1, sender, recipients, message)
            (self._folder / f"{arrival.number:03d}.eml").write_bytes(message)
            self._arrivals.append(arrival)
            return arrival.number

    def arrivals(self) -> tuple[Arrival, ...]:
        """What has arrived so far."""
        with self._lock:
            return tuple(self._arrivals)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
