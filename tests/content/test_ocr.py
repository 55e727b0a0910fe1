# SPDX-License-Identifier: Apache-2.0
"""Words in pictures: read inside the confined child, honestly called what they are, and never at the mail's cost."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlpmilter.cli.main import command
from dlpmilter.content.examine import Sight, examine
from dlpmilter.content.ocr import Ocr
from dlpmilter.content.registry import READERS, sniff
from dlpmilter.content.sandbox import Ending, Extractor
from dlpmilter.content.tesseract import frames, orientation
from dlpmilter.content.walk import Payload, Picture, walk
from dlpmilter.model.content import ContentReport, Extract
from dlpmilter.model.limits import Limits
from dlpmilter.settings import Ocr as Settings
from dlpmilter.spill import MessageBytes
from tests.content import scans
from tests.content.formats.make import jpeg
from tests.content.samples import budget, mail, zipped

pytestmark = pytest.mark.skipif(not scans.INSTALLED, reason=scans.WHY_NOT)

LIMITS = Limits()
ON = Settings(enabled=True)
LETTER = scans.page()
PICTURE = scans.png(LETTER)
FAR = 1e12
"""A monotonic time that never comes."""


@pytest.fixture(scope="module")
def engine() -> Ocr:
    """One engine for all: it takes a while to load."""
    return Ocr(replace_settings(pages=50))


def replace_settings(**changes: object) -> Settings:
    """The admin's table with some keys changed."""
    return Settings.model_validate(ON.model_dump() | changes)


def seen(engine: Ocr, data: bytes, until: float = FAR) -> tuple[tuple[Extract, ...], int]:
    """What walk and OCR make of one file, and the letters that can be trusted."""
    pictures: list[Picture] = []
    extracts = walk([Payload("1", data)], budget(), READERS, sniff, pictures=pictures)
    found = engine.read(extracts, pictures, budget(), until)
    return found.extracts, found.letters


def words(extracts: tuple[Extract, ...]) -> str:
    return " ".join(" ".join(each.hidden for each in extracts).split())


@asynccontextmanager
async def extractor(
    *scanners: tuple[str, str], ocr: Settings = ON, limits: Limits = LIMITS
) -> AsyncIterator[Extractor]:
    one = Extractor(limits, scanners=scanners, ocr=ocr)
    await one.start()
    try:
        yield one
    finally:
        await one.close()


async def ended(one: Extractor, *files: bytes) -> tuple[ContentReport, Ending]:
    message = MessageBytes.of(mail(*((f"{number}.bin", data) for number, data in enumerate(files))))
    try:
        return await one.report_with_ending(message)
    finally:
        message.close()


def statuses(report: ContentReport) -> list[str]:
    return [each.status for each in report.parts if each.path.startswith("1.") and each.type != "text/plain"]


@pytest.mark.asyncio
async def test_a_confined_child_reads_pictures() -> None:
    """No file, thread or program is needed behind the sandbox's walls: a picture, a scan, a picture in an archive."""
    async with extractor() as one:
        assert one.confined
        assert one.reads_pictures
        for data in (PICTURE, scans.scan_pdf(LETTER), zipped({"scan.png": PICTURE})):
            report, ending = await ended(one, data)
            assert (ending.code, ending.late) == (0, False)
            assert "read-by-ocr" in statuses(report)
            assert report.uninspectable == ()
            assert not report.image_only


@pytest.mark.asyncio
async def test_without_the_key_nothing_is_recognised() -> None:
    """Off is the default: pictures stay pictures and the mail says nothing but them."""
    async with extractor(ocr=Settings()) as one:
        assert not one.reads_pictures
        report, _ = await ended(one, PICTURE)
        assert statuses(report) == ["picture"]
        assert report.image_only
        assert (await ended(one, scans.scan_pdf(LETTER)))[0].uninspectable == ("image-only",)


@pytest.mark.asyncio
async def test_scanners_see_what_was_recognised() -> None:
    """Whoever looks at texts looks at these, too, under the path of the picture."""
    async with extractor(("tests.content.probes:finds", "Krankschreibung")) as one:
        report, _ = await ended(one, PICTURE)
    assert [(each.detector, each.part) for each in report.findings] == [("found", "1.2")]


@pytest.mark.asyncio
async def test_a_child_that_dies_over_a_picture_has_reported_before() -> None:
    """Killed, aborted or out of memory while it looks at pictures: what was known without them counts."""
    async with extractor(("tests.content.probes:dies_at_second_look", "")) as one:
        report, ending = await ended(one, PICTURE, b"PK\x03\x04broken")
    assert ending.code == -signal.SIGSEGV
    assert "picture" in statuses(report)
    assert report.uninspectable
    assert not {"inspection-crashed", "timed-out"} & set(report.uninspectable)


@pytest.mark.asyncio
async def test_a_child_that_hangs_over_a_picture_is_ended_in_time() -> None:
    """The limit of the whole mail holds, and the report from before counts."""
    limits = replace(LIMITS, content_seconds=5.0)
    async with extractor(("tests.content.probes:hangs_at_second_look", ""), limits=limits) as one:
        report, ending = await ended(one, PICTURE)
    assert ending.late
    assert statuses(report) == ["picture"]
    assert report.uninspectable == ()
    assert report.image_only


@pytest.mark.asyncio
async def test_time_is_kept_back_for_the_last_look() -> None:
    """With far more pages than time the mail still ends by itself, and what was not read stays a picture."""
    lines = [f"{line}. Überweisung an den Kunden mit der Nummer {line * 37}" for line in range(40)]
    pages = [scans.png(scans.page([*lines, f"Seite {number}"], dpi=120, cut=False)) for number in range(10)]
    limits = replace(LIMITS, content_seconds=4.0)
    async with extractor(limits=limits, ocr=replace_settings(seconds=60.0)) as one:
        report, ending = await ended(one, *pages)
    assert (ending.code, ending.late) == (0, False)
    assert "picture" in statuses(report)
    assert report.uninspectable == ()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "data",
    [scans.png_claiming(30_000, 30_000), scans.png_claiming(60_000, 2), scans.png(LETTER)[:2000], jpeg(b"x")],
    ids=["huge", "thin", "cut", "no-pixels"],
)
async def test_pictures_that_cannot_be_decoded_stay_pictures(data: bytes) -> None:
    """Sizes are looked at before a pixel is decoded, and a broken picture costs nothing but itself."""
    async with extractor() as one:
        report, ending = await ended(one, data)
    assert (ending.code, ending.late) == (0, False)
    assert statuses(report) == ["picture"]


def test_what_could_not_be_read_stays_named(engine: Ocr) -> None:
    """Recognised words take back that something was a picture, and nothing else."""
    message = mail(("scan.png", PICTURE), ("broken.zip", b"PK\x03\x04broken"))
    first: list[ContentReport] = []
    report = examine(message, LIMITS, sight=Sight(engine, first.append))
    assert first == [examine(message, LIMITS)]
    assert report.uninspectable == first[0].uninspectable != ()
    assert not report.image_only
    assert first[0].image_only


def test_the_same_picture_is_read_once(engine: Ocr) -> None:
    """A picture that stands in every signature costs one reading, and each of its parts has the words."""
    message = mail(("a.png", PICTURE), ("b.png", PICTURE))
    report = examine(message, LIMITS, sight=Sight(Ocr(replace_settings(pages=1)), lambda _: None))
    assert [each.status for each in report.parts if each.type == "image/png"] == ["read-by-ocr"] * 2


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (scans.tiff(LETTER, LETTER), "read-by-ocr"),
        (scans.tiff(LETTER, scans.blank()), "picture"),
        (scans.png(LETTER, chunks=scans.moving_mark()), "picture"),
        (scans.png(scans.page(["Seite 3"])), "picture"),
        (scans.png(LETTER.noisy(0.3)), "picture"),
        (scans.scan_pdf(LETTER, LETTER), "read-by-ocr"),
        (scans.scan_pdf(LETTER, scans.blank()), "read-by-ocr"),
        (scans.scan_pdf(LETTER, scans.page(["Seite 3"])), "image-only"),
    ],
    ids=[
        "tiff",
        "tiff-page-without-words",
        "moving",
        "caption",
        "dust",
        "pdf",
        "pdf-blank-back",
        "pdf-unreadable-page",
    ],
)
def test_only_what_was_read_whole_changes_its_status(engine: Ocr, data: bytes, status: str) -> None:
    """One page without enough sure letters, and the whole file is still something for a person."""
    extracts, letters = seen(engine, data)
    assert [each.status for each in extracts] == [status]
    assert (letters > 0) == (status == "read-by-ocr")


def test_pages_beyond_the_limit_are_not_read() -> None:
    """The file keeps its word, and what was read is searched all the same."""
    extracts, letters = seen(Ocr(replace_settings(pages=1)), scans.scan_pdf(LETTER, LETTER))
    assert [each.status for each in extracts] == ["image-only"]
    assert letters == 0
    assert "Krankschreibung" in words(extracts)


def test_no_time_left_means_no_reading(engine: Ocr) -> None:
    """Late is late: nothing is started any more."""
    extracts, letters = seen(engine, PICTURE, until=0.0)
    assert [each.status for each in extracts] == ["picture"]
    assert letters == 0


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_page_on_its_side_is_set_upright(engine: Ocr, turns: int) -> None:
    """A photograph of a page lies as it likes."""
    grey = LETTER
    for _ in range(turns):
        grey = grey.turned()
    assert scans.IBAN in words(seen(engine, scans.png(grey))[0])


def test_cameras_say_how_they_were_held() -> None:
    """The orientation of a JPEG's EXIF in both byte orders; anything else is upright."""
    for order, mark in (("<", b"II*\0"), (">", b"MM\0*")):
        body = mark + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
        assert orientation(b"\xff\xd8\xff\xe1\0\0Exif\0\0" + body) == 6
        assert orientation(b"\xff\xd8\xff\xe1\0\0Exif\0\0" + body[:15]) == 1
    assert orientation(b"\xff\xd8") == 1


def test_recall_on_pages_made_here(engine: Ocr) -> None:
    """Told, not asked for: sizes, fonts, resolutions, negatives, faint ink, dust. Clean pages have to be read."""
    sharp = {
        f"{font} {points} pt at {dpi} dpi": scans.page(dpi=dpi, points=points, font=font)
        for font in ("Helvetica", "Times-Roman", "Courier")
        for points, dpi in ((8, 96), (10, 96), (10, 150), (12, 200))
    }
    worse = {
        "white on black": LETTER.inverted(), "faint": LETTER.faded(200), "dust 1 %": LETTER.noisy(0.01),
        "dust 5 %": LETTER.noisy(0.05), "6 pt at 96 dpi": scans.page(dpi=96, points=6),
    }  # fmt: skip
    wanted = re.findall(r"\w{4,}", " ".join(scans.LETTER))
    shares = {}
    for name, grey in (sharp | worse).items():
        found = set(re.findall(r"\w{4,}", words(seen(engine, scans.png(grey))[0])))
        shares[name] = sum(each in found for each in wanted) / len(wanted)
    print("\nwords of four letters and more that OCR found:")
    for name, share in shares.items():
        print(f"  {name:30} {share:4.0%}")
    assert min(shares[each] for each in sharp if "Helvetica 12" in each) > 0.9


_PIECES = st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=8)), max_size=12)
_SMALL = scans.page(["Kundennummer 4711"], dpi=72)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([scans.png(_SMALL), scans.tiff(_SMALL, _SMALL), scans.scan_pdf(_SMALL), jpeg(b"x")]), _PIECES)
def test_broken_pictures_never_raise(engine: Ocr, data: bytes, pieces: list[tuple[int, bytes]]) -> None:
    """Whatever is changed in a picture, an extract comes back with a word of the list."""
    broken = bytearray(data)
    for place, octets in pieces:
        broken[place % len(broken) : place % len(broken) + len(octets)] = octets
    extracts, letters = seen(engine, bytes(broken))
    assert letters >= 0
    assert all(each.status for each in extracts)


@given(st.binary(max_size=300))
def test_heads_of_pictures_are_read_whatever_they_are(data: bytes) -> None:
    """Counting frames and turning never fails and never counts without end."""
    for mark in (b"", b"II*\0", b"MM\0*", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8Exif\0\0II*\0"):
        assert 1 <= frames(mark + data) <= 1_001
        assert isinstance(orientation(mark + data), int)


def test_reading_starts_no_thread(engine: Ocr) -> None:
    """A confined child cannot start a second one, so the library must not try."""
    assert os.environ["OMP_THREAD_LIMIT"] == "1"
    before = len(list(Path("/proc/self/task").iterdir()))  # the test runner has some of its own
    seen(engine, PICTURE)
    assert len(list(Path("/proc/self/task").iterdir())) == before


@pytest.mark.parametrize("switched", ["true", "false"])
def test_explain_reads_pictures_where_the_configuration_says_so(tmp_path: Path, switched: str) -> None:
    """From the admin's key to the finding: an IBAN on a scan is found by the shipped detector, in its part."""
    config = tmp_path / "dlpmilter.toml"
    config.write_text(
        'internal_domains = ["corp.example"]\nnext_hop = "127.0.0.1:10026"\ndatabase = "dlpmilter.db"\n'
        f'key_file = "key.toml"\npostmaster = "postmaster@corp.example"\n[ocr]\nenabled = {switched}\n',
        encoding="utf-8",
    )
    file = tmp_path / "mail.eml"
    file.write_bytes(mail(("scan.pdf", scans.scan_pdf(LETTER))))
    done = CliRunner().invoke(command, ["explain", "--all", "--json", "--config", str(config), str(file)])
    said = json.loads(done.stdout)
    on = switched == "true"
    assert [each["status"] for each in said["message"]["parts"]][-1] == ("read-by-ocr" if on else "image-only")
    assert ("image-only" in said["message"]["uninspectable"]) != on
    found = {(each["detector"], each["part"]) for each in said["findings"]}
    assert any(detector.startswith("iban") and part == "1.2" for detector, part in found) == on
