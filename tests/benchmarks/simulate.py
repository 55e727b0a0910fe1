# SPDX-License-Identifier: Apache-2.0
"""How fast `policy simulate` is and whether its memory stays flat: mails of 10 KB made here, nobody's."""

from __future__ import annotations

import random
import resource
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dlpmilter.simulate.archives import chunks_of
from dlpmilter.simulate.crowd import cores, simulate
from dlpmilter.simulate.worker import Order

_WORDS = ("meeting invoice offer project contract delivery address please find attached kind regards schedule "
          "tomorrow quarter angebot lieferung termin rechnung morgen bitte freigabe").split()  # fmt: skip
_GIVEN = "Anna Karl Petra Jonas Mia Paul Lena Felix Sofia Max Clara Tim Eva Jan Ida Ben Rosa Kai Nora Tom".split()
_SURNAMES = "Berger Huber Vogel Sommer Kaiser Lorenz Frank Brandt Seidel Arnold Kessler Thoma Pohl Rieger Zach".split()
_DOMAINS = ("kunde{}.example", "partner{}.example", "gmx.de", "corp.example", "web.de", "amt.example", "gmail.com")
TARGET = 2000
"""Mails a second on two cores (issue 3)."""


@dataclass(frozen=True)
class Run:
    """One measurement: mails, seconds, peak memory of the parent and of its biggest process in MB."""

    mails: int
    octets: int
    seconds: float
    parent_mb: float
    process_mb: float

    @property
    def rate(self) -> float:
        """Mails a second, start of the processes included."""
        return self.mails / self.seconds


def make_mbox(path: Path, count: int) -> None:
    """Mails of about 10 KB: three of seven to private boxes, two of nine replies or forwards with quoted text.

    300 people write, each mail to a mailbox of its own, business mail to one of 500 companies each: one sender and one
    customer for all mails would find every memory of the process filled.
    """
    dice = random.Random(7)
    staff = [f"{given} {surname}" for given in _GIVEN for surname in _SURNAMES]
    lines = [" ".join(dice.choices(_WORDS, k=11)) for _ in range(2000)]
    with path.open("wb") as file:
        for number in range(count):
            name = dice.choice(staff)
            sender = f"{name.lower().replace(' ', '.')}@corp.example"
            rcpt = f"p{number}@{_DOMAINS[number % 7].format(dice.randrange(500))}"
            body = "\n".join(dice.choices(lines, k=110))
            subject = ("Offer", "AW: Offer", "WG: Offer")[number % 9 % 3 if number % 3 == 0 else 0]
            if subject != "Offer":
                body = (
                    "fyi\n\n-----Original Message-----\nFrom: Client <client@kunde.example>\nSent: Monday\n"
                    f"To: Anna Berger <anna.berger@corp.example>\nSubject: Offer\n\n{body}"
                )
            file.write(
                (
                    f"From {sender} Mon Jan 05 10:00:00 2026\nReceived: from a by b; {number}\n"
                    f"From: {name} <{sender}>\nTo: Someone <{rcpt}>\n"
                    f"Subject: {subject} {number}\nDate: Mon, {number % 28 + 1} Jan 2026 10:00:00 +0100\n"
                    f"Message-ID: <{number}@corp.example>\nMIME-Version: 1.0\n"
                    f"Content-Type: text/plain; charset=utf-8\n\n{body}\n\n"
                ).encode()
            )


def measure(count: int) -> Run:
    """Judge `count` mails under two policies on all cores."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.mbox"
        make_mbox(path, count)
        order = Order((None, None), ("corp.example",), datetime.now(UTC))
        started = time.monotonic()
        tally = simulate(chunks_of([path]), order, cores())
        seconds = time.monotonic() - started
    parent, children = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return Run(tally.mails, tally.octets, seconds, parent, children)
