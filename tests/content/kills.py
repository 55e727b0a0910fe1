# SPDX-License-Identifier: Apache-2.0
"""Kills warm processes and their children at random while mails are examined, and keeps the books. Ends only its own."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field, replace

from dlpmilter.content.sandbox import Extractor
from dlpmilter.model.content import ContentReport
from dlpmilter.model.limits import Limits
from dlpmilter.model.verdict import Finding
from dlpmilter.spill import MessageBytes
from tests.content.samples import MARKER, mail, zipped

SCANNERS = (("tests.content.probes:by_text", ""),)
AT_ONCE = 8
LIMITS = replace(Limits(), content_children=4, content_seconds=5.0)


@dataclass
class Account:
    """What became of every mail."""

    kills: int = 0
    mails: int = 0
    read: int = 0
    slugs: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Mails without an answer, and mails called clean that were not read."""

    def line(self) -> str:
        """For people."""
        return f"{self.kills} kills, {self.mails} mails: {self.read} read, {dict(self.slugs)}, wrong {len(self.wrong)}"


async def run(kills: int, seed: int) -> Account:
    """Examine mails, eight at a time, until so many processes have been killed."""
    account, chance = Account(), random.Random(seed)
    one = Extractor(LIMITS, scanners=SCANNERS, zygotes=2)
    await one.start()
    done = asyncio.Event()
    try:
        writers = [asyncio.create_task(_examine(one, account, done, number)) for number in range(AT_ONCE)]
        while account.kills < kills:
            await asyncio.sleep(chance.uniform(0.02, 0.3))
            victims = [*one.children, *one.children, *one.pids]  # a child twice as often
            if victims:
                try:
                    os.kill(chance.choice(victims), signal.SIGKILL)
                except ProcessLookupError:
                    continue
                account.kills += 1
        done.set()
        await asyncio.gather(*writers)
    finally:
        await one.close()
    return account


async def _examine(one: Extractor, account: Account, done: asyncio.Event, number: int) -> None:
    while not done.is_set():
        account.mails += 1
        place = account.mails
        text = f"please-wait {'marker ' * (place % 7)}"
        message = mail(("a.zip", zipped({"a.txt": MARKER.encode()})), text=text.encode())
        report = await one.report(MessageBytes.of(message))
        _settle(account, report, place, number)


def _settle(account: Account, report: ContentReport, place: int, number: int) -> None:
    if report.uninspectable:
        account.slugs[report.uninspectable[0]] += 1
        if report.findings or report.parts:
            account.wrong.append(f"mail {place} of {number}: uninspectable and yet with findings")
    elif report.findings == (Finding("marker", place % 7),) and report.parts[-1].text_chars == len(MARKER):
        account.read += 1
    else:
        account.wrong.append(f"mail {place} of {number}: {report}")
