# SPDX-License-Identifier: Apache-2.0
"""A sink that throws mail away as fast as it can: for load, speed and memory, not for content.

It counts mails and octets and never keeps any. Runs as a process of its own so that its CPU and
memory are not those of the test: `with Drain() as drain: ... drain.port ... drain.count()`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_END = b"\r\n.\r\n"
_EHLO = b"250-drain.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
_REPLIES = {
    b"EHLO": _EHLO, b"HELO": b"250 drain.test\r\n", b"MAIL": b"250 2.1.0 Ok\r\n", b"RCPT": b"250 2.1.5 Ok\r\n",
    b"DATA": b"354 go\r\n", b"RSET": b"250 2.0.0 Ok\r\n", b"NOOP": b"250 2.0.0 Ok\r\n", b"QUIT": b"221 2.0.0 Bye\r\n",
}  # fmt: skip


@dataclass(slots=True)
class Count:
    """What went down the drain."""

    mails: int = 0
    octets: int = 0


class _Session(asyncio.Protocol):
    def __init__(self, count: Count) -> None:
        self._count = count
        self._in_mail = False
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._write(b"220 drain.test ESMTP\r\n")

    def _write(self, data: bytes) -> None:
        self._transport.write(data)  # type: ignore[attr-defined]  # a stream transport

    def data_received(self, data: bytes) -> None:
        while data:
            data = self._mail(data) if self._in_mail else self._commands(data)

    def _mail(self, data: bytes) -> bytes:
        seen = self._tail + data
        end = seen.find(_END)
        if end < 0:
            self._count.octets += len(data)
            self._tail = seen[-4:]
            return b""
        rest = seen[end + len(_END) :]
        self._count.octets += len(data) - len(rest)
        self._count.mails += 1
        self._in_mail, self._tail = False, b""
        self._write(b"250 2.0.0 Ok: drained\r\n")
        return rest

    def _commands(self, data: bytes) -> bytes:
        lines = (self._tail + data).split(b"\r\n")
        self._tail = b""
        replies = []
        for number, line in enumerate(lines[:-1]):
            verb = line[:4].upper()
            replies.append(_REPLIES.get(verb, b"502 5.5.1 not here\r\n"))
            if verb == b"DATA":
                self._in_mail, self._tail = True, b"\r\n"
                self._write(b"".join(replies))
                return b"\r\n".join(lines[number + 1 :])
            if verb == b"QUIT":
                self._write(b"".join(replies))
                self._transport.close()
                return b""
        self._write(b"".join(replies))
        self._tail = lines[-1]
        return b""


class Drain:
    """The sink process."""

    def __init__(self) -> None:
        self.port = 0

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.peers.drain"]
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self._read())
        return self

    def _read(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def count(self) -> Count:
        """What went down so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"count\n")
        self._process.stdin.flush()
        return Count(**json.loads(self._read()))

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)  # its standard input ends, so it goes


async def _serve() -> None:
    count = Count()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Session(count), "127.0.0.1", 0, backlog=500)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps({"mails": count.mails, "octets": count.octets}), flush=True)
    server.close()


def main() -> None:
    """Listen until standard input ends; print the port first, then a count for each line read."""
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(_serve())


if __name__ == "__main__":
    main()
