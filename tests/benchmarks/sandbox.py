# SPDX-License-Identifier: Apache-2.0
"""What the sandbox costs: a mail with a document through it, beside the same work in this process, and every bomb.

`python -m tests.benchmarks.sandbox` prints two tables. Never judges: the bench test does.
"""

from __future__ import annotations

import asyncio
import io
import random
import statistics
import time
import zipfile
from dataclasses import dataclass

from docx import Document
from reportlab.pdfgen.canvas import Canvas

from dlpmilter.content.examine import examine
from dlpmilter.content.sandbox import Extractor
from dlpmilter.model.limits import Limits
from dlpmilter.spill import MessageBytes
from tests.content.bombs import BOMBS
from tests.content.samples import mail

LIMITS = Limits()
ROUNDS = 40
BIG = "25 MB with attachments"
_TICK = 0.005


@dataclass(frozen=True)
class Trip:
    """One mail, many times: milliseconds there and back (median, least), of the child's processor, of the work here."""

    name: str
    wall: float
    least: float
    processor: float
    here: float
    memory: int


@dataclass(frozen=True)
class Blast:
    """One bomb: seconds, octets of the child, the gate's 99th percentile of lag in milliseconds, what was said."""

    name: str
    seconds: float
    memory: int
    lag: float
    said: tuple[str, ...]


def letter() -> bytes:
    """A typical office document: two pages of text and a table of fifty rows."""
    document = Document()
    for number in range(30):
        document.add_paragraph(f"{number}. Sehr geehrte Frau Muster, hiermit senden wir Ihnen unser Angebot. " * 4)
    table = document.add_table(rows=50, cols=6)
    for number, row in enumerate(table.rows):
        for place, cell in enumerate(row.cells):
            cell.text = f"{number}.{place}"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def big_mail() -> bytes:
    """25 MB as people send it: photographs, a report with a picture, a table, a PDF of 300 pages, a ZIP."""
    dice = random.Random(25)
    picture = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + dice.randbytes(2_500_000)
    rows = "".join(f"{number};Muster {number};Hauptstr. {number % 90};{number * 7}\n" for number in range(60_000))
    report = io.BytesIO(letter())
    with zipfile.ZipFile(report, "a") as into:
        into.writestr("word/media/image1.jpeg", picture, zipfile.ZIP_STORED)
    paper = io.BytesIO()
    pages = Canvas(paper)
    for number in range(300):
        for line in range(40):
            pages.drawString(
                50, 800 - 18 * line, f"{number}.{line} Lieferung und Preise nach unserem Angebot vom Montag"
            )
        pages.showPage()
    pages.save()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as into:
        into.writestr("kunden.csv", rows)
    files = [(f"foto-{number}.jpg", picture) for number in range(5)]
    files += [("bericht.docx", report.getvalue()), ("liste.csv", rows.encode()), ("heft.pdf", paper.getvalue())]
    raw = mail(*files, ("liste.zip", packed.getvalue()))
    assert 24_000_000 < len(raw) < 30_000_000, len(raw)
    return raw


async def trips() -> list[Trip]:
    """A bare mail, one with a document, one as big as servers take."""
    found = []
    one = Extractor(LIMITS)
    await one.start()
    try:
        for name, raw, rounds in (
            ("text only", mail(), ROUNDS),
            ("office document", mail(("letter.docx", letter())), ROUNDS),
            (BIG, big_mail(), ROUNDS // 8),
        ):
            message = MessageBytes.of(raw)
            walls, endings = [], []
            for _ in range(rounds):
                begun = time.perf_counter()
                await one.report(message)
                walls.append(time.perf_counter() - begun)
                endings.append((await one.report_with_ending(message))[1])
            here = []
            for _ in range(max(1, rounds // 4)):
                begun = time.process_time()
                examine(raw, LIMITS)
                here.append(time.process_time() - begun)
            processor = statistics.median(each.seconds for each in endings)
            memory = max(each.memory for each in endings)
            found.append(
                Trip(
                    name, 1000 * statistics.median(walls), 1000 * min(walls),
                    1000 * processor, 1000 * statistics.median(here), memory,
                )
            )  # fmt: skip
    finally:
        await one.close()
    return found


async def blasts() -> list[Blast]:
    """Every bomb, with a clock ticking beside it in the gate's loop."""
    found = []
    one = Extractor(LIMITS)
    await one.start()
    try:
        for name, make in BOMBS.items():
            message = MessageBytes.of(make())
            lags: list[float] = []
            clock = asyncio.create_task(_ticks(lags))
            begun = time.perf_counter()
            report, ending = await one.report_with_ending(message)
            seconds = time.perf_counter() - begun
            clock.cancel()
            lag = sorted(lags)[int(len(lags) * 0.99)] if lags else 0.0
            found.append(Blast(name, seconds, ending.memory, 1000 * lag, report.uninspectable))
    finally:
        await one.close()
    return found


async def _ticks(lags: list[float]) -> None:
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(_TICK)
        lags.append(time.perf_counter() - begun - _TICK)


def table(there_and_back: list[Trip], bombs: list[Blast]) -> str:
    """For people."""
    lines = [
        "| mail | there and back | least | child's processor | same work here | child's memory |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.name} | {each.wall:.1f} ms | {each.least:.1f} ms | {each.processor:.1f} ms | {each.here:.1f} ms | {each.memory >> 20} MiB |"
        for each in there_and_back
    ]
    lines += ["", "| bomb | seconds | child's memory | lag p99 | uninspectable |", "|---|---|---|---|---|"]
    lines += [
        f"| {each.name} | {each.seconds:.2f} | {each.memory >> 20} MiB | {each.lag:.1f} ms | {', '.join(each.said[:3])} |"
        for each in bombs
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(asyncio.run(trips()), asyncio.run(blasts())))
