# SPDX-License-Identifier: Apache-2.0
"""/metrics, /healthz and /readyz for the operator's machines. Never a page for people.

Listens on loopback unless told otherwise; knows nothing about mails.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, generate_latest, multiprocess

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

Health = Callable[[], tuple[bool, str]]


def _plain() -> list[tuple[str, str]]:
    """A list of its own for each answer: wsgiref adds the Content-Length to the list it is given."""
    return [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]


def forget_process(metrics_directory: Path, pid: int) -> None:
    """Take the gauges of a process that has ended out of the sums; what it counted stays."""
    multiprocess.mark_process_dead(pid, str(metrics_directory))  # type: ignore[no-untyped-call]


class _Quiet(WSGIRequestHandler):
    timeout = 10

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing: a scrape every few seconds is no event."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Monitoring:
    """One small HTTP server in a thread of the supervisor."""

    def __init__(self, endpoint: str, metrics_directory: Path, ready: Health) -> None:
        host, _, port = endpoint.rpartition(":")
        self._directory = metrics_directory
        self._ready = ready
        self._server = make_server(host.strip("[]"), int(port), self._answer, _Server, _Quiet)
        self.address = f"{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="monitoring", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and close the socket."""
        if self._thread.is_alive():  # shutdown waits for a loop that has begun
            self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: WSGIEnvironment, respond: StartResponse) -> Iterable[bytes]:
        if request["REQUEST_METHOD"] not in ("GET", "HEAD"):
            respond("405 Method Not Allowed", _plain())
            return [b"GET only\n"]
        path = request.get("PATH_INFO", "")
        if path == "/metrics":
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, path=str(self._directory))  # type: ignore[no-untyped-call]
            respond("200 OK", [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")])
            return [generate_latest(registry)]
        if path == "/healthz":
            respond("200 OK", _plain())
            return [b"alive\n"]
        if path == "/readyz":
            fine, text = self._ready()
            respond("200 OK" if fine else "503 Service Unavailable", _plain())
            return [text.encode() + b"\n"]
        respond("404 Not Found", _plain())
        return [b"/metrics, /healthz or /readyz\n"]
