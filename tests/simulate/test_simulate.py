# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter policy simulate` as a program: counts, gates, reports, and processes that die."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.model.limits import Limits
from dlpmilter.simulate.archives import Chunk, chunks_of
from dlpmilter.simulate.crowd import CrowdError, simulate
from dlpmilter.simulate.gates import GateError, read_gate
from dlpmilter.simulate.worker import Order, week_of
from tests.simulate.archives import mail, mixed, write_maildir, write_mbox, write_zip

LENIENT = """
name = "lenient"
extends = "default"

[[case]]
id = "private-forward"
title = { de = "x", en = "x" }
when = "recipient.private and message.kind == 'forward'"
action = "tag"
rationale = "x"
"""


def _run(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
    few = () if "--processes" in arguments else ("--processes", "1")  # each process takes half a second to start
    done = subprocess.run(
        [sys.executable, "-m", "dlpmilter", "policy", "simulate", "--internal", "corp.example", *few, *map(str, arguments)],
        capture_output=True, check=False, timeout=120, text=True,
    )  # fmt: skip
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout, done.stderr


def _json(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_run("--json", *arguments, code=code)[0])
    return found


@pytest.fixture
def lenient(tmp_path: Path) -> Path:
    folder = tmp_path / "lenient"
    folder.mkdir()
    (folder / "policy.toml").write_text(LENIENT, encoding="utf-8")
    return folder


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return write_mbox(tmp_path / "box.mbox", mixed(200))


def test_newly_held_and_newly_released_are_counted_by_class_rule_and_week(box: Path, lenient: Path) -> None:
    """Of 200 mails 40 are forwards to private boxes; the lenient policy lets 20 of them pass with a tag."""
    strict = _json("--against", lenient, box)
    assert (strict["mails"], strict["recipients"]) == (200, 200)
    assert strict["shares"]["held"] == {"count": 40, "total": 200, "percent": 20.0}
    assert (strict["shares"]["newly_held"]["count"], strict["shares"]["newly_released"]["count"]) == (20, 0)
    (freemail,) = [each for each in strict["by_class"] if each["name"] == "freemail"]
    assert (freemail["total"], freemail["held"], freemail["held_before"], freemail["newly_held"]) == (80, 40, 20, 20)
    rules = {(each["rule"], each["action"]): (each["recipients"], each["before"]) for each in strict["by_rule"]}
    assert rules["private-forward", "hold"] == (20, 0)
    assert rules["private-forward", "tag"] == (0, 20)
    assert rules["own-private-mailbox", "hold"] == (20, 20)
    assert {each["name"]: (each["total"], each["newly_held"]) for each in strict["by_week"]} == {
        "2026-W02": (100, 0), "2026-W03": (100, 20)
    }  # fmt: skip
    other = _json("--policy", lenient, "--against", "default", box)
    assert (other["shares"]["newly_held"]["count"], other["shares"]["newly_released"]["count"]) == (0, 20)


def test_every_kind_of_archive_gives_the_same_numbers(tmp_path: Path, box: Path) -> None:
    """Maildir, zip and mbox; one process or three."""
    mails = mixed(200)
    answers = [
        _json(each, "--processes", processes)
        for each, processes in (
            (box, "1"),
            (write_maildir(tmp_path / "md", mails), "2"),
            (write_zip(tmp_path / "z.zip", mails), "3"),
        )
    ]
    keys = ("mails", "by_class", "by_rule", "by_week", "shares")
    assert all({key: each[key] for key in keys} == {key: answers[0][key] for key in keys} for each in answers)


def test_a_gate_that_is_not_met_is_said_and_is_the_exit_code(box: Path, lenient: Path) -> None:
    """Counts, shares and classes; every gate has a sentence; a limit that is none is a usage error."""
    out, _ = _run("--max-held", "20%", "--max-held-authority", "0", box)
    assert "gate max-held met: 40 of 200 mails are held or rejected (20.00 %), 20 % allowed." in out
    assert "gate max-held-authority met: 0 of 0 recipients" in out
    out, _ = _run("--max-held", "19.9%", "--max-held-freemail", "40", box, code=1)
    assert "gate max-held FAILED" in out
    assert "gate max-held-freemail met: 40 of 80" in out
    out, _ = _run("--against", lenient, "--max-newly-held", "19", box, code=1)
    assert "gate max-newly-held FAILED: 20 of 200 mails" in out
    _run("--max-newly-held", "1", box, code=2)
    _run("--max-held", "a few", box, code=2)
    assert _json("--max-held-freemail", "1", box, code=1)["gates"][0]["met"] is False


@pytest.mark.parametrize("text", ["", "-1", "101%", "1e5", "0,5%", "5%%"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    """A gate that nobody can read must not pass."""
    with pytest.raises(GateError):
        read_gate("max-held", text)


def test_the_csv_adds_up(box: Path, lenient: Path) -> None:
    """One line a cell; the numbers of all lines are all recipients."""
    out, _ = _run("--csv", "--against", lenient, box)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert sum(int(each["recipients"]) for each in rows) == 200
    assert (
        sum(int(each["recipients"]) for each in rows if each["action"] == "hold" and each["against_action"] != "hold")
        == 20
    )


def test_the_card_counts_what_the_table_below_lists(tmp_path: Path) -> None:
    """One file is no mail; a mail without a recipient was judged and stands in a table of its own. No empty header."""
    (tmp_path / "1.eml").write_bytes(b"nothing a mail has\n")
    (tmp_path / "2.eml").write_bytes(b"From: anna.berger@corp.example\nSubject: x\n\ntext\n")
    page = tmp_path / "report.html"
    _run("--html", page, "--language", "en", tmp_path / "1.eml", tmp_path / "2.eml")
    text = page.read_text(encoding="utf-8")
    assert "<li>Not judged<b>1</b>" in text
    not_judged, noted = text.split("<h2>Not judged</h2>")[1].split("<h2>Judged, with a note</h2>")
    assert "file that is not a mail" in not_judged
    assert "recipient in its headers" not in not_judged
    assert "recipient in its headers" in noted.split("<h2>")[0]
    assert "<th>Reason</th><th class='n'>Mails</th>" in not_judged
    assert "<th></th><th class='n'></th>" not in text


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_is_self_contained_and_names_nobody(tmp_path: Path, box: Path, lenient: Path, language: str) -> None:
    """No script, no foreign asset, no address and no subject unless asked; what comes from outside is escaped."""
    evil = tmp_path / "<img src=x>.eml"
    evil.write_bytes(mixed(4)[3])
    page = tmp_path / "report.html"
    _run("--against", lenient, "--html", page, "--language", language, "--max-held", "1", box, evil, code=1)
    text = page.read_text(encoding="utf-8")
    assert f"<html lang='{language}'>" in text
    assert ("Neu angehalten" in text) is (language == "de")
    assert not any(each in text for each in ("<script", "http://", "https://", "@import", "url(", "<img", "<link"))
    assert not any(each in text for each in ("anna.berger", "kundin@", "Angebot", "zur Info"))
    assert ("<h2>Geprüft, mit Anmerkung</h2>" if language == "de" else "<h2>Judged, with a note</h2>") not in text
    _run("--show-addresses", "--html", page, "--language", language, evil)
    assert "anna.berger@gmx.de" in page.read_text(encoding="utf-8")
    assert "&lt;img src=x&gt;.eml" in page.read_text(encoding="utf-8")


def test_a_policy_that_only_counts_says_so_and_can_be_tried_as_enforced(tmp_path: Path, box: Path) -> None:
    """The first step of every roll-out is mode count: nothing is held, and --as-enforced shows what would be."""
    (tmp_path / "policy.toml").write_text('name = "careful"\nextends = "default"\nmode = "count"\n', encoding="utf-8")
    out, _ = _run("--policy", tmp_path, box)
    assert "only counts" in out
    assert _json("--policy", tmp_path, box)["shares"]["held"]["count"] == 0
    assert _json("--policy", tmp_path, "--as-enforced", box)["shares"]["held"]["count"] == 40


def test_broken_files_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    """Noise, an empty file, a text, a mail without recipients: each is counted for what it is."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, each in enumerate(mixed(20)):
        (folder / f"{number}.eml").write_bytes(each)
    (folder / "noise.eml").write_bytes(bytes(range(256)) * 300)
    (folder / "empty.eml").write_bytes(b"")
    (folder / "readme.txt").write_bytes(b"Only words.\n")
    (folder / "nobody.eml").write_bytes(b"Subject: to nobody\n\nx\n")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04")
    found = _json(folder)
    assert found["mails"] == 21
    assert found["not_judged"] == {"not-a-mail": 4}
    assert found["notes"] == {"no-recipient": 1}


def _order(**limits: Any) -> Order:
    return Order((None,), ("corp.example",), datetime.now(UTC), Limits(**limits))


def test_a_process_killed_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Kill -9 of a judging process: its chunk is judged again, all mails are counted exactly once."""
    paths = [write_mbox(tmp_path / f"{n}.mbox", mixed(300)) for n in range(10)]
    killed: list[int] = []

    def chunks() -> Any:
        for number, path in enumerate(paths):
            yield Chunk("files", (str(path),), octets=1, number=number)
            if number == 4:
                victim = _children()[0]
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)

    tally = simulate(chunks(), _order(), 2)
    assert killed
    assert (tally.mails, sum(tally.cells.values()), dict(tally.troubles)) == (3000, 3000, {})


def _children() -> list[int]:
    import multiprocessing

    return [each.pid for each in multiprocessing.active_children() if each.pid]


def test_a_policy_that_is_gone_ends_with_a_sentence(tmp_path: Path) -> None:
    """Processes that cannot start are no endless loop."""
    order = Order((tmp_path / "missing",), (), datetime.now(UTC))
    with pytest.raises(CrowdError, match="ended at its start"):
        simulate(chunks_of([write_mbox(tmp_path / "m", mixed(3))]), order, 1)


def test_a_pipe_shows_no_bar(box: Path) -> None:
    """Standard error stays empty where nobody looks."""
    assert _run(box)[1] == ""


def test_weeks_are_iso_weeks_and_bounded() -> None:
    """The turn of the year belongs to the right week; years that cannot be are unknown."""
    assert week_of(b"Thu, 31 Dec 2026 23:00:00 +0100") == "2026-W53"
    assert week_of(b"Fri, 1 Jan 2027 01:00:00 +0100") == "2026-W53"
    for text in (None, b"", b"yesterday", b"Mon, 99 Foo 2026", b"Mon, 5 Jan 9999 10:00:00 +0000"):
        assert week_of(text) == "unknown"


def test_a_mail_that_would_take_the_memory_is_still_judged(tmp_path: Path) -> None:
    """Under the gate's memory limit a big mail gives a verdict or a note, and the others are counted."""
    mails = [*mixed(10), mail(11, "kundin@gmx.de", body="quoted line of text\n" * 400_000)]
    started = time.monotonic()
    tally = simulate(chunks_of([write_zip(tmp_path / "z.zip", mails)]), _order(), 1)
    assert tally.mails == 11
    assert time.monotonic() - started < 60


_DEADLY = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from dlpmilter.simulate import crowd, worker
from dlpmilter.simulate.archives import chunks_of

def deadly(gate, place, order):
    real_judge, real_mails = worker.judge, worker.mails_of
    def judge(content, head, bench, *, unreadable=""):
        if b"Subject: when read" in content and not unreadable or b"Subject: always" in content:
            os.kill(os.getpid(), signal.SIGKILL)
        return real_judge(content, head, bench, unreadable=unreadable)
    def mails_of(chunk, most):
        for mail in real_mails(chunk, most):
            if b"Subject: before" in mail.content:
                os.kill(os.getpid(), signal.SIGKILL)
            yield mail
    worker.judge, worker.mails_of = judge, mails_of
    worker.work(gate, place, order)

if __name__ == "__main__":
    crowd.work = deadly
    order = worker.Order((None,), ("corp.example",), datetime.now(UTC))
    for name in sys.argv[1:]:
        tally = crowd.simulate(chunks_of([Path(name)]), order, 1)
        print(tally.mails, dict(tally.troubles), dict(tally.notes))
"""


def test_a_mail_that_ends_the_process_is_judged_unread_then_only_counted(tmp_path: Path) -> None:
    """A deadly structure counts as unreadable, a deadly mail as one trouble, a deadly file never loops for ever."""
    program = tmp_path / "deadly.py"
    program.write_text(_DEADLY, encoding="utf-8")
    boxes = [
        write_mbox(tmp_path / name, [*mixed(5), mail(1, "a@gmx.de", subject=subject), *mixed(5)])
        for name, subject in (("a", "when read"), ("b", "always"), ("c", "before"))
    ]
    done = subprocess.run(
        [sys.executable, str(program), *map(str, boxes)], capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "11 {} {'timed-out': 1}",
        "10 {'ended-the-worker': 1} {}",
        "0 {'ended-the-worker': 1} {}",
    ]


def test_the_installed_command_starts_its_processes(tmp_path: Path) -> None:
    """The command as people call it works, too: spawned processes import its file again and must not run it."""
    command_file = Path(sys.executable).with_name("dlpmilter")
    if not command_file.exists():
        pytest.skip("dlpmilter is not installed beside this Python")
    for number in range(40):
        (tmp_path / f"{number}.eml").write_bytes(b"From: a@corp.example\nTo: b@kunde.example\nSubject: x\n\nx\n")
    run = subprocess.run(
        [command_file, "policy", "simulate", "--processes", "2", "--json", tmp_path],
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr.decode()
    assert json.loads(run.stdout)["mails"] == 40
