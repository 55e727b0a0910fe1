# SPDX-License-Identifier: Apache-2.0
"""A recording SMTP sink: the last stop of every test mail. Never relays, never parses a mail.

Each accepted transaction is appended to a journal file before the 250 goes out, so that whoever
reads the journal afterwards knows what arrived even when the sink or the test was killed.
Runs in a thread (`Sink`) or as a process of its own (`python -m tests.peers.sink`, `SinkProcess`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

BLOCK = 64 * 1024
EXTENSIONS = (b"PIPELINING", b"SIZE 104857600", b"8BITMIME", b"SMTPUTF8", b"DSN", b"ENHANCEDSTATUSCODES")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One accepted transaction; paths and parameters are the exact octets, `at` is time.time()."""

    at: float
    session: int
    sender: bytes
    sender_parameters: tuple[bytes, ...]
    recipients: tuple[bytes, ...]
    recipient_parameters: tuple[tuple[bytes, ...], ...]
    journal: Path
    offset: int
    size: int

    @property
    def message(self) -> bytes:
        """The octets after DATA, dots unstuffed, without the final dot."""
        with self.journal.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)

    def header(self, name: str) -> str | None:
        """The first field of this name, unfolded; None when there is none."""
        head = self.message.split(b"\r\n\r\n", 1)[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
        wanted = name.lower().encode() + b":"
        found = (line for line in head.split(b"\r\n") if line.lower().startswith(wanted))
        line = next(found, None)
        return None if line is None else line[len(wanted) :].strip().decode("utf-8", "replace")


def read_journal(path: Path) -> list[Delivery]:
    """All complete records of a journal, in order of arrival; a torn last record is left out."""
    return list(_records(path)) if path.exists() else []


def _records(path: Path) -> Iterator[Delivery]:
    end = path.stat().st_size
    with path.open("rb") as file:
        while (line := file.readline()).endswith(b"\n"):
            row = json.loads(line)
            offset = file.tell()
            if offset + row["size"] + 1 > end:
                return
            file.seek(offset + row["size"] + 1)
            yield Delivery(
                at=row["at"],
                session=row["session"],
                sender=_bytes(row["sender"]),
                sender_parameters=tuple(map(_bytes, row["sender_parameters"])),
                recipients=tuple(map(_bytes, row["recipients"])),
                recipient_parameters=tuple(tuple(map(_bytes, each)) for each in row["recipient_parameters"]),
                journal=path,
                offset=offset,
                size=row["size"],
            )


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _text(data: bytes) -> str:
    return data.decode("latin-1")


@dataclass(slots=True)
class Behaviour:
    """What the sink answers besides 250; may be changed while it runs."""

    latency: float = 0.0
    """Seconds between the final dot and its reply."""
    mail: bytes | None = None
    """A whole reply line for every MAIL, instead of 250."""
    rcpt: dict[bytes, bytes] = field(default_factory=dict)
    """Reply lines by recipient (lower case)."""
    end: bytes | None = None
    """A whole reply line for every final dot; a 4xx or 5xx one records nothing."""
    extensions: tuple[bytes, ...] = EXTENSIONS


class _Session:
    """One connection: strict CRLF, block reads."""

    def __init__(
        self, server: _Server, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server, self.number, self.reader, self.writer = server, number, reader, writer
        self.buffer = bytearray()
        self.reset()

    def reset(self) -> None:
        self.sender: tuple[bytes, tuple[bytes, ...]] | None = None
        self.recipients: list[tuple[bytes, tuple[bytes, ...]]] = []

    async def fill(self) -> None:
        data = await self.reader.read(BLOCK)
        if not data:
            raise ConnectionResetError
        self.buffer += data

    async def take(self, end: bytes) -> bytes:
        """Everything before `end`, which is eaten; searched from where the last search stopped."""
        start = 0
        while (at := self.buffer.find(end, start)) < 0:
            start = max(0, len(self.buffer) - len(end) + 1)
            await self.fill()
        found = bytes(self.buffer[:at])
        del self.buffer[: at + len(end)]
        return found

    async def run(self) -> None:
        self.writer.write(b"220 sink.test ESMTP\r\n")
        while True:
            line = await self.take(b"\r\n")
            verb, _, rest = line.partition(b" ")
            answer = await self.command(verb.upper(), rest)
            self.writer.write(answer + b"\r\n")
            if verb.upper() == b"QUIT":
                return
            if not self.buffer:
                await self.writer.drain()

    async def command(self, verb: bytes, rest: bytes) -> bytes:
        match verb:
            case b"EHLO" | b"HELO" | b"RSET":
                self.reset()
                words = (b"sink.test", *self.server.behaviour.extensions) if verb == b"EHLO" else (b"2.0.0 Ok",)
                return b"".join(b"250-" + word + b"\r\n" for word in words[:-1]) + b"250 " + words[-1]
            case b"MAIL":
                return self.mail(rest)
            case b"RCPT":
                return self.rcpt(rest)
            case b"DATA":
                return await self.data() if self.recipients else b"554 5.5.1 no valid recipients"
        return {b"QUIT": b"221 2.0.0 Bye", b"NOOP": b"250 2.0.0 Ok"}.get(verb, b"502 5.5.2 unknown command")

    def mail(self, rest: bytes) -> bytes:
        if self.server.behaviour.mail is not None:
            return self.server.behaviour.mail
        self.sender, self.recipients = _path(rest), []
        return b"250 2.1.0 Ok"

    def rcpt(self, rest: bytes) -> bytes:
        if self.sender is None:
            return b"503 5.5.1 MAIL first"
        path, parameters = _path(rest)
        answer = self.server.behaviour.rcpt.get(path.lower(), b"250 2.1.5 Ok")
        if answer.startswith(b"2"):
            self.recipients.append((path, parameters))
        return answer

    async def data(self) -> bytes:
        self.writer.write(b"354 go ahead\r\n")
        await self.writer.drain()
        self.buffer[:0] = b"\r\n"  # so that a dot in the first line is found like any other
        message = (await self.take(b"\r\n.\r\n") + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
        behaviour = self.server.behaviour
        if behaviour.latency:
            await asyncio.sleep(behaviour.latency)
        if behaviour.end is not None and not behaviour.end.startswith(b"2"):
            self.reset()
            return behaviour.end
        number = self.server.record(self, message)
        self.reset()
        return behaviour.end or b"250 2.0.0 Ok: recorded as %d" % number


def _path(rest: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """`FROM:<path> A=b C` -> (path, (b"A=b", b"C")), octets as they are."""
    start = rest.index(b"<")
    end = rest.index(b">", rest.index(b'"', rest.index(b'"') + 1)) if b'"' in rest else rest.index(b">")
    return rest[start + 1 : end], tuple(rest[end + 1 :].split())


class _Server:
    """The listening part; lives on one event loop."""

    def __init__(self, journal: Path, behaviour: Behaviour) -> None:
        self.journal = journal
        self.behaviour = behaviour
        self.accepted = self.sessions = 0
        self._file: BinaryIO = journal.open("ab", buffering=0)

    def record(self, session: _Session, message: bytes) -> int:
        sender, sender_parameters = session.sender or (b"", ())
        row = {
            "at": time.time(),
            "session": session.number,
            "sender": _text(sender),
            "sender_parameters": list(map(_text, sender_parameters)),
            "recipients": [_text(path) for path, _ in session.recipients],
            "recipient_parameters": [list(map(_text, parameters)) for _, parameters in session.recipients],
            "size": len(message),
        }
        self._file.write(json.dumps(row).encode() + b"\n" + message + b"\n")
        self.accepted += 1
        return self.accepted

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        try:
            await _Session(self, self.sessions, reader, writer).run()
            await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass  # a peer that was killed is what these tests are about
        finally:
            writer.close()

    async def listen(self, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", port, limit=4 * BLOCK, backlog=500)

    def close(self) -> None:
        self._file.close()


class Sink:
    """The sink in a thread of this process: `with Sink(journal) as sink: ... sink.port`."""

    def __init__(self, journal: Path, *, port: int = 0, behaviour: Behaviour | None = None) -> None:
        self.journal, self.port = journal, port
        self.behaviour = behaviour or Behaviour()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="sink", daemon=True)

    def _run(self) -> None:
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        server = _Server(self.journal, self.behaviour)
        listening = await server.listen(self.port)
        self.port = listening.sockets[0].getsockname()[1]
        self._stop = asyncio.Event()
        self._ready.set()
        await self._stop.wait()
        listening.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        server.close()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise TimeoutError("the sink did not start within 10 s")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def deliveries(self) -> list[Delivery]:
        """What arrived so far."""
        return read_journal(self.journal)


class SinkProcess:
    """The sink as a process of its own, for load: `with SinkProcess(journal) as sink: ... sink.port`."""

    def __init__(self, journal: Path, *, port: int = 0, latency: float = 0.0) -> None:
        self.journal, self.port, self.latency = journal, port, latency

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.peers.sink", "--journal", str(self.journal)]
        command += ["--port", str(self.port), "--latency", str(self.latency)]
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)  # its standard input ends, so it goes

    def deliveries(self) -> list[Delivery]:
        """What arrived so far."""
        return read_journal(self.journal)


async def _until_stdin_ends(server: _Server, port: int) -> None:
    listening = await server.listen(port)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    listening.close()


def main() -> None:
    """Listen until standard input ends; print the port first."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    given = parser.parse_args()
    asyncio.run(_until_stdin_ends(_Server(given.journal, Behaviour(latency=given.latency)), given.port))


if __name__ == "__main__":
    main()
