# SPDX-License-Identifier: Apache-2.0
"""Documents are opened in a process of their own that can do nothing else; whatever becomes of it costs one mail."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.content.analysis import Settings
from dlpmilter.content.examine import examine
from dlpmilter.content.one_file import FileReport, pack_file, unpack_file
from dlpmilter.content.sandbox import Extractor, ExtractorError
from dlpmilter.model.content import ContentReport
from dlpmilter.model.limits import Limits
from dlpmilter.model.verdict import Finding
from dlpmilter.registers.documents import Prints, prints_of
from dlpmilter.registers.index_file import hasher
from dlpmilter.spill import MessageBytes
from tests.content.probes import ATTEMPTS, DEADLY
from tests.content.samples import MARKER, mail, zipped

LIMITS = Limits()
BY_TEXT = ("tests.content.probes:by_text", "")
MAIL = mail(("letters.zip", zipped({"a.txt": MARKER.encode()})))


@asynccontextmanager
async def extractor(
    *scanners: tuple[str, str], limits: Limits = LIMITS, zygotes: int = 1, unconfined: bool = False
) -> AsyncIterator[Extractor]:
    one = Extractor(limits, scanners=scanners, zygotes=zygotes, unconfined=unconfined)
    await one.start()
    try:
        yield one
    finally:
        await one.close()


def saying(text: str) -> MessageBytes:
    """A mail that tells the scanner `by_text` what to do."""
    return MessageBytes.of(mail(text=text.encode() + b"\r\n"))


@pytest.mark.asyncio
async def test_a_child_finds_what_the_walk_finds() -> None:
    """The report that comes back is the one that `examine` makes, field by field."""
    async with extractor() as one:
        assert one.confined
        assert await one.report(MessageBytes.of(MAIL)) == examine(MAIL, LIMITS)


@pytest.mark.asyncio
async def test_a_spilled_mail_and_an_empty_one(tmp_path: Path) -> None:
    """A big mail goes over as its own file and stays as it is; no octets at all are a mail, too."""
    message = MessageBytes(tmp_path, threshold=10)
    message.write(MAIL)
    async with extractor() as one:
        assert message.spilled
        assert await one.report(message) == examine(MAIL, LIMITS)
        assert (await one.report(MessageBytes.of(b""))).uninspectable == ()
    assert message.read() == MAIL
    message.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("spilled", [False, True], ids=["in-memory", "spilled"])
async def test_a_child_can_do_nothing_but_read_and_answer(spilled: bool, tmp_path: Path) -> None:
    """No file, process, signal, limit, pipe or code of its own: each attempt is refused, and the mail is read all the same."""
    message = MessageBytes(tmp_path, threshold=10 if spilled else len(MAIL))
    message.write(MAIL)
    async with extractor(("tests.content.probes:attempts", "")) as one:
        report = await one.report(message)
    message.close()
    assert report.findings == (Finding("refused", len(ATTEMPTS)),)
    assert report.uninspectable == ()
    assert not Path("/tmp/dlpmilter-escape").exists()


@pytest.mark.asyncio
@pytest.mark.parametrize("attempt", DEADLY)
async def test_network_and_new_programs_end_the_child(attempt: str) -> None:
    """Who asks for these has been broken into: the process ends at once, and the mail is uninspectable."""
    async with extractor(("tests.content.probes:deadly", attempt)) as one:
        report, ending = await one.report_with_ending(MessageBytes.of(MAIL))
    assert report == ContentReport(uninspectable=("inspection-crashed",))
    assert ending.code is None


@pytest.mark.asyncio
async def test_a_child_holds_its_own_descriptors_and_no_rights() -> None:
    """The mail, the answer and nothing: no socket of the gate, no database, no other mail."""
    async with extractor(("tests.content.probes:state", "")) as one:
        found = {each.detector: each.count for each in (await one.report(MessageBytes.of(MAIL))).findings}
    descriptors = found.pop("descriptors")
    assert found == {"RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0, "RLIMIT_NPROC": 0, "RLIMIT_NOFILE": 4}
    assert descriptors <= 4  # the mapping keeps one of its own


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("text", "slug"),
    [("please-hang", "timed-out"), ("please-spin", "timed-out"), ("please-hoard", "out-of-memory"), ("please-crash", "inspection-crashed"),
     ("please-leave", "inspection-crashed"), ("please-lie", "inspection-crashed"), ("please-flood", "inspection-crashed")],
)  # fmt: skip
async def test_trouble_is_named_and_costs_its_own_mail(text: str, slug: str) -> None:
    """A child that hangs, spins, hoards, crashes or lies: that mail says so, its neighbours are read, the warm process stays."""
    limits = replace(LIMITS, content_seconds=1.5)
    async with extractor(BY_TEXT, limits=limits) as one:
        before = one.pids
        bad, *good = await asyncio.gather(one.report(saying(text)), *(one.report(saying("marker")) for _ in range(5)))
        assert bad.uninspectable == (slug,)
        assert bad.findings == ()
        assert [each.findings for each in good] == [(Finding("marker"),)] * 5
        assert one.pids == before


@pytest.mark.asyncio
async def test_kill_nine_of_a_child_makes_one_mail_uninspectable() -> None:
    """Somebody kills the child with a mail in its hands: that mail says so, the next one is read."""
    async with extractor(BY_TEXT) as one:
        waiting = asyncio.create_task(one.report(saying("please-hang")))
        while not one.children:
            await asyncio.sleep(0.01)
        os.kill(one.children[0], signal.SIGKILL)
        assert (await waiting).uninspectable == ("inspection-crashed",)
        assert (await one.report(saying("marker"))).findings == (Finding("marker"),)


@pytest.mark.asyncio
async def test_kill_nine_of_the_warm_process_ends_its_children_and_a_new_one_comes() -> None:
    """Its mails are uninspectable, its children are gone, and the next mail is read by a new one."""
    async with extractor(BY_TEXT) as one:
        waiting = [asyncio.create_task(one.report(saying("please-hang"))) for _ in range(3)]
        while len(one.children) < 3:
            await asyncio.sleep(0.01)
        (zygote,), children = one.pids, one.children
        os.kill(zygote, signal.SIGKILL)
        assert [(await each).uninspectable for each in waiting] == [("inspection-crashed",)] * 3
        assert (await one.report(saying("marker"))).findings == (Finding("marker"),)
        assert one.pids != (zygote,)
        assert not any(_alive(pid) for pid in children)


@pytest.mark.asyncio
async def test_kill_nine_of_a_waiting_child_costs_nothing() -> None:
    """The child that waits for the next mail is killed before it has one: the mail goes to another."""
    async with extractor(BY_TEXT) as one:
        (zygote,) = one.pids
        for _ in range(5):
            while not (waiting := Path(f"/proc/{zygote}/task/{zygote}/children").read_text("ascii").split()):
                await asyncio.sleep(0.01)
            for each in waiting:
                os.kill(int(each), signal.SIGKILL)
            while any(_alive(int(each)) for each in waiting):
                await asyncio.sleep(0.01)
            assert (await one.report(saying("marker"))).findings == (Finding("marker"),)
        assert one.pids == (zygote,)


@pytest.mark.asyncio
async def test_a_warm_process_that_stops_answering_is_replaced() -> None:
    """The gate has a clock of its own."""
    limits = replace(LIMITS, content_seconds=0.2)
    async with extractor(BY_TEXT, limits=limits) as one:
        (zygote,) = one.pids
        os.kill(zygote, signal.SIGSTOP)
        assert (await one.report(saying("marker"))).uninspectable == ("timed-out",)
        assert (await one.report(saying("marker"))).findings == (Finding("marker"),)
        assert not _alive(zygote)


@pytest.mark.asyncio
async def test_more_mails_than_children_wait() -> None:
    """Forty mails at once: never more children than the limit says, and each mail gets its own answer."""
    most = 0
    async with extractor(BY_TEXT, limits=replace(LIMITS, content_children=3), zygotes=2) as one:
        tasks = [asyncio.create_task(one.report(saying("marker " * number))) for number in range(40)]
        while not all(each.done() for each in tasks):
            most = max(most, len(one.children))
            await asyncio.sleep(0.005)
        assert [each.result().findings[0].count for each in tasks] == list(range(40))
        assert len(one.pids) == 2
    assert 1 <= most <= 3


@pytest.mark.asyncio
async def test_a_cancelled_mail_ends_its_child_and_frees_its_place() -> None:
    """Nobody waits any more: the child is ended at once, and the next mail gets its own answer."""
    async with extractor(BY_TEXT, limits=replace(LIMITS, content_children=1)) as one:
        waiting = asyncio.create_task(one.report(saying("please-hang")))
        while not one.children:
            await asyncio.sleep(0.01)
        (child,) = one.children
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await one.report(saying("marker"))).findings == (Finding("marker"),)
        for _ in range(200):
            if not _alive(child):
                break
            await asyncio.sleep(0.01)
        assert not _alive(child)


@pytest.mark.asyncio
async def test_closing_ends_every_process() -> None:
    """Nothing is left behind, and a mail that comes too late is uninspectable."""
    async with extractor(BY_TEXT, zygotes=2) as one:
        pids = one.pids
    assert len(pids) == 2
    assert not any(_alive(pid) for pid in pids)
    assert (await one.report(saying("marker"))).uninspectable == ("inspection-failed",)


@pytest.mark.asyncio
async def test_a_scanner_that_does_not_load_stops_the_start() -> None:
    """Better no start than mails that nobody looks at."""
    with pytest.raises(ExtractorError, match=r"does not start.*nobody"):
        async with extractor(("tests.content.probes:nobody", "")):
            pass


@pytest.mark.asyncio
async def test_without_seccomp_documents_stay_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without libseccomp: text is read, archives are named `no-sandbox`, unless the admin says otherwise."""
    (tmp_path / "pyseccomp.py").write_text('raise RuntimeError("Unable to find libseccomp")\n', "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    async with extractor(BY_TEXT) as one:
        assert not one.confined
        report = await one.report(MessageBytes.of(MAIL))
        assert report.uninspectable == ("no-sandbox",)
        assert (await one.report(saying("marker"))).findings == (Finding("marker"),)
    async with extractor(unconfined=True) as one:
        assert await one.report(MessageBytes.of(MAIL)) == examine(MAIL, LIMITS)


def _alive(pid: int) -> bool:
    """Whether the process runs; a dead one that nobody has buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.asyncio
async def test_what_is_for_files_takes_no_mail_and_what_is_for_mails_takes_no_file() -> None:
    """Fingerprints leave only a warm process that was started for files, and no request makes a mail's one."""
    key = "11" * 32
    words = " ".join(f"word{number}" for number in range(200)).encode()
    for settings in (Settings(), Settings(one_file=key)):
        one = Extractor(LIMITS, analysis=settings)
        await one.start()
        try:
            report = await one.report(MessageBytes.of(mail(text=words)))
            found = await one.file(MessageBytes.of(words), "a.txt")
        finally:
            await one.close()
        if settings.one_file is None:
            assert report.uninspectable == ()
            assert (found.report.uninspectable, found.prints.hashes) == (("inspection-crashed",), frozenset())
        else:
            assert report.uninspectable == ("inspection-crashed",)
            assert found.prints == prints_of(words.decode(), hasher(bytes.fromhex(key)))
            assert found.prints.words == 200


@given(st.binary(max_size=300) | st.sampled_from([b'{"prints": "00", "words": 1}', b'{"prints": "zz"}', b"[]", b"1"]))
def test_a_false_answer_about_a_file_is_refused(answer: bytes) -> None:
    """What a broken child might send is checked field by field."""
    with pytest.raises(ValueError, match=r".*"):
        unpack_file(answer)


def test_an_answer_about_a_file_survives_the_wire() -> None:
    """Packing and unpacking change nothing."""
    found = FileReport(ContentReport(uninspectable=("encrypted",)), Prints(9, frozenset({b"12345678", b"abcdefgh"})), 3)
    assert unpack_file(pack_file(found)) == found
