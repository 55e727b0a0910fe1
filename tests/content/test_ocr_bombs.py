# SPDX-License-Identifier: Apache-2.0
"""Pictures made to hurt OCR: each ends in time and memory, stays what nobody has read, and costs no other mail."""

from __future__ import annotations

import pytest

from dlpmilter.content.sandbox import Extractor
from dlpmilter.model.limits import Limits
from dlpmilter.settings import Ocr
from dlpmilter.spill import MessageBytes
from tests.content import scans
from tests.content.ocr_bombs import BOMBS, LETTER
from tests.content.samples import mail

pytestmark = pytest.mark.skipif(not scans.INSTALLED, reason=scans.WHY_NOT)

LIMITS = Limits()
ENGINE_OCTETS = 160 * (1 << 20)
"""What languages and pixels of the engine take on top of a child's memory at most."""
READ = {"TIFF whose pages go round", "TIFF, broken in the middle"}
"""Pictures that are harmless for all: what can be seen on them is read."""


@pytest.mark.asyncio
@pytest.mark.timeout(600)
async def test_bombs_for_ocr_end_as_findings() -> None:
    """Held as a picture or uninspectable, in the time and memory of one mail; the next picture is read."""
    wrong = []
    one = Extractor(LIMITS, ocr=Ocr(enabled=True))
    await one.start()
    try:
        for name, make in BOMBS.items():
            report, ending = await one.report_with_ending(MessageBytes.of(mail(("a.bin", make()))))
            if not (report.uninspectable or report.image_only) and name not in READ:
                wrong.append(f"{name}: passed as if it had been read")
            if ending.seconds > LIMITS.content_seconds or ending.memory > LIMITS.content_memory_octets + ENGINE_OCTETS:
                wrong.append(f"{name}: {ending.seconds:.1f} s, {ending.memory} octets")
            if ending.code not in (0, None):
                wrong.append(f"{name}: the child ended with {ending.code}")
        report, _ = await one.report_with_ending(MessageBytes.of(mail(("a.png", scans.png(LETTER)))))
        assert [each.status for each in report.parts][-1] == "read-by-ocr"
    finally:
        await one.close()
    assert not wrong, "\n".join(wrong)
