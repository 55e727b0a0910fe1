# SPDX-License-Identifier: Apache-2.0
"""Mails made to hurt: each is ended, named and forgotten, within the memory of one child."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from dlpmilter.content.sandbox import Extractor
from dlpmilter.model.limits import Limits
from dlpmilter.spill import MessageBytes
from tests.content.bombs import BOMBS
from tests.content.samples import all_text, extracts, mail, statuses

LIMITS = Limits()
HEADROOM = 200 * (1 << 20), 6.0
"""Memory in octets and seconds of processor time no bomb here may take: real room below the limits."""
LEFT_TO_READERS = {"XML entities", "48 MB of <div>, attached"}
"""What a reader of documents makes of these is the reader's to say; here: time and memory."""
ENCRYPTED = {"full_encrypted.7z", "test7Z_protected_passTika.7z", "test-documents-enc.rar", "testZipEncrypted.zip"}
CORPORA = Path(os.environ.get("DLPMILTER_CORPORA") or Path(__file__).parents[2] / ".." / "shared" / "corpora")


@pytest.mark.asyncio
async def test_bombs_are_named_and_stay_small() -> None:
    """Each mail is uninspectable (so held), its child kept to its memory, and the next mail is read."""
    wrong = []
    one = Extractor(LIMITS)
    await one.start()
    try:
        for name, make in BOMBS.items():
            report, ending = await one.report_with_ending(MessageBytes.of(make()))
            if not report.uninspectable and name not in LEFT_TO_READERS:
                wrong.append(f"{name}: passed as if it had been read")
            if ending.memory > LIMITS.content_memory_octets:
                wrong.append(f"{name}: {ending.memory} octets of memory")
            if ending.memory > HEADROOM[0] or ending.seconds > HEADROOM[1]:
                wrong.append(f"{name}: {ending.memory} octets and {ending.seconds:.1f} s leave no room")
            if (await one.report(MessageBytes.of(mail()))).uninspectable:
                wrong.append(f"{name}: the next mail was not read")
    finally:
        await one.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["quine.gz", "droste.zip"])
def test_archives_that_contain_themselves_are_named(name: str) -> None:
    """Quines of other people: opened once, then recognised."""
    found = next(iter(CORPORA.glob(f"docs-tika/data/*/src/test/resources/test-documents/{name}")), None)
    if found is None:
        pytest.skip(f"{name} of the corpus docs-tika is not here")
    assert "quine" in statuses(extracts(found.read_bytes()))


def test_archives_of_other_people_are_read_or_named() -> None:
    """Every archive of docs-tika: text found, or a name for why not; encrypted ones recognised."""
    files = [
        each
        for each in sorted(CORPORA.glob("docs-tika/data/**/test-documents/*"))
        if each.suffix in {".zip", ".gz", ".tgz", ".tar", ".7z", ".rar"}
    ]
    if not files:
        pytest.skip("the corpus docs-tika is not here")
    for each in files:
        found = extracts(each.read_bytes(), each.name)
        assert all_text(found).strip() or statuses(found), each.name
        if each.name in ENCRYPTED:
            assert "encrypted" in statuses(found), each.name


@pytest.mark.asyncio
async def test_the_gate_breathes_while_a_bomb_goes_off() -> None:
    """While children work, the event loop of the gate goes on: it ticks, and small mails are answered."""
    one = Extractor(LIMITS)
    await one.start()
    try:
        bomb = asyncio.create_task(one.report(MessageBytes.of(BOMBS["200,000 parts"]())))
        ticks = 0
        while not bomb.done():
            await asyncio.sleep(0.001)
            ticks += 1
        assert ticks > 1
        assert bomb.result().uninspectable
    finally:
        await one.close()
