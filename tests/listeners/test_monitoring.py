# SPDX-License-Identifier: Apache-2.0
"""The monitoring server as a scraper meets it: whole answers, whatever was asked before."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlpmilter.listeners.monitoring import Monitoring


@pytest.fixture
def answers() -> list[tuple[bool, str]]:
    """What the product says about itself, the next answer first."""
    return [(False, "not running: gate, office"), (True, "ready"), (False, "stopping")]


@pytest.fixture
def server(tmp_path: Path, answers: list[tuple[bool, str]]) -> Iterator[Monitoring]:
    """A real server on a free port."""
    monitoring = Monitoring("127.0.0.1:0", tmp_path, lambda: answers.pop(0))
    monitoring.start()
    yield monitoring
    monitoring.stop()


def _get(server: Monitoring, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection(server.address, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Length"], answer.read()
    finally:
        connection.close()


def test_each_answer_has_its_own_length(server: Monitoring) -> None:
    """Longer and shorter texts, one after the other, all arrive whole with their own Content-Length."""
    asked = [("/healthz", 200), ("/readyz", 503), ("/nowhere", 404), ("/readyz", 200), ("/healthz", 200)]
    got = [(_get(server, path), code) for path, code in asked]
    texts = [body for (_, _, body), _ in got]
    assert [status for (status, _, _), _ in got] == [code for _, code in got]
    assert [int(length) for (_, length, _), _ in got] == [len(text) for text in texts]
    assert texts == [
        b"alive\n", b"not running: gate, office\n", b"/metrics, /healthz or /readyz\n", b"ready\n", b"alive\n",
    ]  # fmt: skip
    assert _get(server, "/healthz", "POST")[0] == 405
    assert _get(server, "/readyz")[:1] == (503,)
