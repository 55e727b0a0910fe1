# SPDX-License-Identifier: Apache-2.0
"""A fast SMTP client as load generator, and the mails it sends. Never retries: what it reports is what it saw."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

SIZES = ((3_000, 50), (10_000, 25), (60_000, 15), (300_000, 7), (1_000_000, 3))
"""Octets and weight: what a company sends, cut at 1 MB."""
_FILLER = random.Random(11).randbytes(750_000).hex().encode()


@dataclass(frozen=True, slots=True)
class Mail:
    """One test mail with what must become of it."""

    id: str
    sender: bytes
    recipients: tuple[bytes, ...]
    data: bytes
    relays: frozenset[bytes]
    holds: frozenset[bytes] = frozenset()
    rejects: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply: code and whole text."""

    code: int
    text: str


def _filler(octets: int, salt: int) -> bytes:
    start = (salt * 7919) % 700_000
    raw = (_FILLER * (2 + octets // len(_FILLER)))[start : start + max(octets, 76)]
    return b"".join(raw[at : at + 76] + b"\r\n" for at in range(0, len(raw), 76))


def message(
    test_id: str, sender: str, to: Sequence[str], *, subject: str, text: str, octets: int = 0, name: str = "Anna Berger"
) -> bytes:
    """A complete mail with X-Test-Id; filled up with an attachment to about `octets`."""
    salt = int(hashlib.sha256(test_id.encode()).hexdigest()[:8], 16)
    head = (
        f"Date: Sun, 22 Nov 2026 09:30:00 +0100\r\nFrom: {name} <{sender}>\r\nTo: {', '.join(to)}\r\n"
        f"Subject: {subject}\r\nMessage-ID: <{test_id}@corp.example>\r\nX-Test-Id: {test_id}\r\nMIME-Version: 1.0\r\n"
    )
    body = text.replace("\n", "\r\n").encode() + b"\r\n.\r\n..dots stay dots\r\n"
    missing = octets - len(head) - len(body) - 400
    if missing <= 0:
        return head.encode() + TEXT + body
    mark = f"mark-{test_id}".encode()
    return b"".join(
        (
            head.encode(),
            b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n' % mark,
            b"--%s\r\n%s%s\r\n" % (mark, TEXT, body),
            b'--%s\r\nContent-Type: application/octet-stream; name="list.bin"\r\n' % mark,
            b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=list.bin\r\n\r\n",
            _filler(missing, salt),
            b"--%s--\r\n" % mark,
        )
    )


FORWARDED = """Zur Ablage.

-----Ursprüngliche Nachricht-----
Von: Einkauf <einkauf@partner.example>
Gesendet: Freitag, 20. November 2026 10:12
An: Anna Berger
Betreff: Angebot 4711

Guten Tag Frau Berger, anbei das Angebot.
"""
TEXT = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
PLAIN = "Guten Tag,\n\nwie besprochen die Unterlagen.\n\nFreundliche Grüße\nAnna Berger\n"


class Mix:
    """An endless, reproducible stream of mails: 63 % relay, 25 % hold, 10 % mixed, 2 % reject.

    Every mail has a sender and private recipients of its own, so that a case or a notice names
    the mail it belongs to.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.made = 0

    def next(self) -> Mail:
        """The next mail."""
        self.made += 1
        number, draw = f"t{self.made:06d}", self._random.random()
        sender = f"anna.{number}@corp.example"
        partner, own, thrown = f"einkauf.{number}@partner.example", f"anna.{number}@gmx.de", f"{number}@mailinator.com"
        relays, holds, rejects = [partner], [], []
        if draw < 0.25:
            relays, holds = [], [own]
        elif draw < 0.35:
            holds = [own]
        elif draw < 0.37:
            relays, rejects = [], [thrown]
        size = self._random.choices([octets for octets, _ in SIZES], [weight for _, weight in SIZES])[0]
        forward = bool(holds)
        everyone = [*relays, *holds, *rejects]
        self._random.shuffle(everyone)
        data = message(
            number,
            sender,
            everyone,
            subject=f"{'WG' if forward else 'Re'}: Angebot {self.made}",
            text=FORWARDED if forward else PLAIN,
            octets=size,
        )
        return Mail(
            number,
            sender.encode(),
            tuple(each.encode() for each in everyone),
            data,
            frozenset(each.encode() for each in relays),
            frozenset(each.encode() for each in holds),
            frozenset(each.encode() for each in rejects),
        )


class Client:
    """One SMTP connection that pipelines MAIL, RCPT and DATA: `async with Client(port) as client`."""

    def __init__(self, port: int, *, hello: str = "client.corp.example") -> None:
        self.port, self.hello = port, hello
        self.extensions: frozenset[str] = frozenset()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        await self._expect(220)
        self._writer.write(f"EHLO {self.hello}\r\n".encode())
        lines = (await self._expect(250)).text.splitlines()[1:]
        self.extensions = frozenset(line.split()[0].upper() for line in lines)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            self._writer.write(b"QUIT\r\n")
            await self.reply()
        except OSError:
            pass  # the mail was answered; how the peer hangs up does not matter here
        self._writer.close()

    async def _expect(self, code: int) -> Reply:
        reply = await self.reply()
        if reply.code != code:
            raise ConnectionError(f"the server on {self.port} said {reply.code} {reply.text}, not {code}")
        return reply

    async def reply(self) -> Reply:
        """Read one reply, all its lines."""
        lines = []
        while True:
            line = await self._reader.readline()
            if not line.endswith(b"\n"):
                raise ConnectionResetError(f"the server on {self.port} closed the connection")
            lines.append(line[4:].strip().decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return Reply(int(line[:3]), "\n".join(lines))

    async def send(
        self,
        sender: bytes,
        recipients: Iterable[bytes],
        data: bytes,
        *,
        mail: bytes = b"",
        rcpt: Sequence[bytes] = (),
    ) -> tuple[list[Reply], Reply]:
        """Send one mail; returns the replies to each RCPT and to the final dot (or what kept it from DATA).

        `mail` are ESMTP parameters of MAIL, `rcpt` those of each RCPT in order.
        """
        recipients = list(recipients)
        parameters = [*rcpt, *[b""] * (len(recipients) - len(rcpt))]
        commands = [b"MAIL FROM:<%s>%s\r\n" % (sender, b" " + mail if mail else b"")]
        commands += [
            b"RCPT TO:<%s>%s\r\n" % (each, b" " + words if words else b"")
            for each, words in zip(recipients, parameters, strict=True)
        ]
        self._writer.write(b"".join(commands) + b"DATA\r\n")
        first = await self.reply()
        each_reply = [await self.reply() for _ in recipients]
        go = await self.reply()
        if go.code != 354:  # the first refusal says why
            refused = [reply for reply in (first, *each_reply) if reply.code != 250]
            return each_reply, next(iter(refused), go)
        stuffed = (b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:]
        self._writer.write(stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"))
        await self._writer.drain()
        return each_reply, await self.reply()


async def send_one(
    port: int, sender: bytes, recipients: Iterable[bytes], data: bytes, *, mail: bytes = b"", rcpt: Sequence[bytes] = ()
) -> tuple[list[Reply], Reply]:
    """Send one mail on a connection of its own; TimeoutError after a minute."""
    async with asyncio.timeout(60), Client(port) as client:
        return await client.send(sender, recipients, data, mail=mail, rcpt=rcpt)


class Injector:
    """Sends a Mix at a steady rate until told to stop; knows what was accepted.

    While `paused()` says so nothing new is begun: a backlog that only grows measures nothing.
    """

    def __init__(
        self, port: int, mix: Mix, rate: float, *, connections: int = 8, paused: Callable[[], bool] = bool
    ) -> None:
        self.port, self.mix, self.rate, self.connections = port, mix, rate, connections
        self.paused = paused
        self.accepted: dict[str, Mail] = {}
        self.refused: dict[str, Reply] = {}
        self.digests: dict[str, tuple[int, bytes]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; every mail begun is finished."""
        tickets: asyncio.Queue[bool] = asyncio.Queue()
        workers = [asyncio.create_task(self._work(tickets)) for _ in range(self.connections)]
        pause = 1 / self.rate
        due = asyncio.get_running_loop().time()
        while not stop.is_set():
            now = asyncio.get_running_loop().time()
            if self.paused():
                due = now
            while due < now:
                tickets.put_nowait(True)
                due += pause
            await asyncio.sleep(0.01)
        for _ in workers:
            tickets.put_nowait(False)
        await asyncio.gather(*workers)

    async def _work(self, tickets: asyncio.Queue[bool]) -> None:
        async with Client(self.port) as client:
            while await tickets.get():
                mail = self.mix.next()
                self.digests[mail.id] = (len(mail.data), hashlib.sha256(mail.data).digest())
                _, end = await client.send(mail.sender, mail.recipients, mail.data)
                slim = Mail(mail.id, mail.sender, mail.recipients, b"", mail.relays, mail.holds, mail.rejects)
                if end.code == 250:
                    self.accepted[mail.id] = slim
                else:
                    self.refused[mail.id] = end
