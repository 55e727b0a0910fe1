# SPDX-License-Identifier: Apache-2.0
"""`policy simulate --content` and golden mails with real attachments: opened in the sandbox, or counted as closed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dlpmilter.cli.main import command
from dlpmilter.model.limits import Limits
from dlpmilter.simulate.archives import chunks_of
from dlpmilter.simulate.crowd import CrowdError, simulate
from dlpmilter.simulate.reader import opening_of
from dlpmilter.simulate.worker import Order, load_for
from dlpmilter.storage.keys import new_key_file
from tests.content.formats import make
from tests.registers import samples
from tests.simulate.archives import mail, write_mbox

ROWS: list[list[object]] = [[f"Regal {number}", "Buche", f"{number % 7} Bretter"] for number in range(600)]
LETTER = make.plain_docx(
    "<w:p><w:r><w:t>" + "Die Regale kommen am Montag mit dem Lastwagen. " * 8 + "</w:t></w:r></w:p>"
)


def attached(data: bytes, name: str, *, number: int = 1, recipient: str = "kundin@web.de") -> bytes:
    """A new mail of ours to a private mailbox with one attachment."""
    made = EmailMessage()
    made["From"], made["To"] = "Anna Berger <anna.berger@corp.example>", recipient
    made["Subject"], made["Date"] = f"Unterlagen {number}", "Mon, 05 Jan 2026 10:00:00 +0100"
    made["Message-ID"] = f"<{number}@corp.example>"
    made.set_content("Guten Tag,\nanbei die Unterlagen.\n")
    made.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes()


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """One big table, one harmless letter, one business mail."""
    return write_mbox(
        tmp_path / "box.mbox",
        [attached(make.xlsx(ROWS), "liste.xlsx"), attached(LETTER, "brief.docx", number=2), mail(3, "v@kunde.example")],
    )  # fmt: skip


def _run(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "dlpmilter", "policy", "simulate", "--internal", "corp.example", "--processes", "1",
         *map(str, arguments)],
        capture_output=True, check=False, timeout=240, text=True,
    )  # fmt: skip
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout, done.stderr


def test_without_the_option_every_report_says_how_many_mails_stayed_closed(tmp_path: Path, box: Path) -> None:
    """Table, JSON, CSV and both pages say in one line that two mails would have been opened; the rows stay rows."""
    closed = "Mails whose content a rule would have opened: 2. Nothing was opened here"
    page = tmp_path / "r.html"
    assert closed in _run(box, "--html", page, "--language", "de")[0]
    assert "Mails, deren Inhalt eine Regel geöffnet hätte: 2. Hier wurde nichts geöffnet" in page.read_text("utf-8")
    said = json.loads(_run(box, "--json", "--html", page)[0])
    assert (said["content"]["opened"], said["content"]["mails"]) == (False, 2)
    assert closed in said["content"]["sentence"]
    assert closed in page.read_text("utf-8")
    out, told = _run(box, "--csv")
    assert closed in told
    assert closed not in out
    assert said["shares"]["held"]["count"] == 0


def test_with_it_a_table_in_an_attachment_is_held_for_what_it_holds(tmp_path: Path, box: Path) -> None:
    """600 rows to a private mailbox are bulk, which only the opened file tells; the letter passes."""
    page = tmp_path / "r.html"
    found = json.loads(_run(box, "--json", "--content", "--html", page, "--language", "de")[0])
    assert (found["content"]["opened"], found["content"]["mails"]) == (True, 2)
    assert found["shares"]["held"]["count"] == 1
    assert "hold" in {each["action"] for each in found["by_rule"]}
    assert "Mails, nach deren Inhalt eine Regel gefragt hat: 2." in page.read_text("utf-8")
    assert "asked for: 2. Each was opened in the sandbox." in _run(box, "--content")[0]


def test_registered_data_of_a_configuration_count_too(tmp_path: Path) -> None:
    """--config brings registers, with who owns them; without --content it has no meaning and is refused."""
    new_key_file(tmp_path / "key")
    config = tmp_path / "dlpmilter.toml"
    config.write_text(
        'internal_domains = ["corp.example"]\nnext_hop = "127.0.0.1:10026"\ndatabase = "dlpmilter.db"\n'
        'key_file = "key"\npostmaster = "postmaster@corp.example"\n',
        encoding="utf-8",
    )
    people = samples.people(500)
    samples.write_csv(tmp_path / "c.csv", people)
    made = CliRunner().invoke(
        command,
        ["data", "register", str(tmp_path / "c.csv"), "--name", "c", "--owner", "licensed", "--config", str(config)],
    )
    assert made.exit_code == 0, made.output
    text = "\n".join(" ".join(row) for row in people[:3])
    letter = tmp_path / "m.eml"
    letter.write_bytes(attached(make.plain_docx(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"), "a.docx"))
    rules = {each["rule"] for each in json.loads(_run(letter, "--json", "--content", "--config", config)[0])["by_rule"]}
    assert rules == {"licensed-data-to-private"}
    _run(letter, "--config", config, code=2)


def _order(**limits: Any) -> Order:
    order = Order((None,), ("corp.example",), datetime.now(UTC), Limits(**limits))
    return Order(order.policies, order.internal, order.now, order.limits, opening=opening_of(load_for(order)))


def test_a_mail_that_takes_too_long_to_open_is_judged_without_its_documents(tmp_path: Path) -> None:
    """The sandbox gives up on one mail: it is counted and noted, and the next one is opened."""
    long = b"".join(b"Konto %d, Frau Muster, Musterweg %d\n" % (n, n) for n in range(120_000))  # seconds of work
    path = write_mbox(tmp_path / "m", [attached(long, "a.txt"), mail(2, "v@kunde.example")])
    tally = simulate(chunks_of([path]), _order(content_seconds=0.000001), 1)
    assert (tally.mails, tally.asked, dict(tally.notes)) == (2, 1, {"content-not-opened": 1})


_DEADLY = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from dlpmilter.simulate import crowd, worker
from dlpmilter.simulate.archives import chunks_of
from dlpmilter.simulate.reader import SandboxReader, opening_of

real = SandboxReader.report_by

def serve(gate, opening, limits):
    def report_by(self, content, names, addresses, detectors):
        once = Path(sys.argv[2])
        if b"warm" in content and not once.exists():
            once.touch()
            os.kill(self.pids[0], signal.SIGKILL)
        if b"door" in content:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, content, names, addresses, detectors)
    SandboxReader.report_by = report_by
    door.serve(gate, opening, limits)

from dlpmilter.simulate import door
if __name__ == "__main__":
    crowd.serve = serve
    order = worker.Order((None,), ("corp.example",), datetime.now(UTC))
    order = worker.Order((None,), ("corp.example",), order.now, opening=opening_of(worker.load_for(order)))
    tally = crowd.simulate(chunks_of([Path(sys.argv[1])]), order, 1)
    print(tally.mails, tally.asked, dict(tally.troubles), dict(tally.notes))
"""


def test_a_dead_warm_process_is_started_anew_under_its_own_limits(tmp_path: Path) -> None:
    """Killed between two mails it comes back with files and time of its own; a dead door costs its mail the content."""
    program = tmp_path / "deadly.py"
    program.write_text(_DEADLY, encoding="utf-8")
    kinds = ("first", "warm", "door", "last")
    mails = [attached(LETTER, f"{kind}.docx", number=n) for n, kind in enumerate(kinds)]
    done = subprocess.run(
        [sys.executable, str(program), str(write_mbox(tmp_path / "m", mails)), str(tmp_path / "once")],
        capture_output=True, text=True, check=True, timeout=240,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.stdout.splitlines() == ["4 3 {} {'timed-out': 1}"]


def test_a_sandbox_that_does_not_start_is_a_sentence(tmp_path: Path) -> None:
    """Definitions that are gone end the simulation with their reason, and no process is left."""
    order = _order()
    assert order.opening is not None
    broken = tmp_path / "detectors"
    broken.mkdir()
    (broken / "x.toml").write_text("detector = 1\n", encoding="utf-8")
    (settings,) = order.opening.settings.values()
    changed = {key: type(settings)((settings.detectors[0], str(broken))) for key in order.opening.settings}
    opening = type(order.opening)(changed)
    order = Order(order.policies, order.internal, order.now, order.limits, opening=opening)
    with pytest.raises(CrowdError, match="does not start"):
        simulate(chunks_of([write_mbox(tmp_path / "m", [mail(1, "a@gmx.de")])]), order, 1)


def test_no_process_outlives_the_simulation(tmp_path: Path) -> None:
    """The process beside the judging one, and its warm process, end with it."""
    path = write_mbox(tmp_path / "m", [attached(LETTER, "a.docx")])
    assert simulate(chunks_of([path]), _order(), 1).asked == 1
    import multiprocessing

    assert multiprocessing.active_children() == []


def _golden(folder: Path, data: bytes, extra: str = "") -> tuple[int, dict[str, Any]]:
    (folder / "policy.toml").write_text('name = "mine"\nextends = "default"\n', encoding="utf-8")
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / "one.eml").write_bytes(attached(data, "liste.xlsx"))
    (folder / "tests" / "one.toml").write_text(
        'title = "A list"\nsender = "anna.berger@corp.example"\ninternal = ["corp.example"]\n'
        f'[[recipient]]\naddress = "kundin@web.de"\naction = "hold"\nrule = "bulk-to-private"\n{extra}',
        encoding="utf-8",
    )
    done = CliRunner().invoke(command, ["policy", "test", "--own-only", "--json", str(folder)])
    return done.exit_code, json.loads(done.stdout)["results"][0]["found"]


def test_a_golden_mail_is_read_unless_its_table_says_what_it_holds(tmp_path: Path) -> None:
    """A real table of 600 rows is bulk; ten rows are not; [content] outweighs the file."""
    assert _golden(tmp_path, make.xlsx(ROWS))[0] == 0
    code, found = _golden(tmp_path, make.xlsx(ROWS[:3]))
    assert (code, found["action"]) == (1, "tag")
    assert _golden(tmp_path, make.xlsx(ROWS[:3]), "[content]\ntable_rows = 600\n")[0] == 0


def test_a_golden_mail_that_no_rule_wants_opened_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where headers and structure decide, no warm process is started."""
    from dlpmilter.content import sandbox

    async def refuse(_: object) -> None:
        raise AssertionError("started")

    monkeypatch.setattr(sandbox.Extractor, "start", refuse)
    (tmp_path / "policy.toml").write_text('name = "mine"\nextends = "default"\n', encoding="utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "one.eml").write_bytes(mail(1, "v@kunde.example"))
    (tmp_path / "tests" / "one.toml").write_text(
        'internal = ["corp.example"]\n[[recipient]]\naddress = "v@kunde.example"\naction = "relay"\n', encoding="utf-8"
    )
    done = CliRunner().invoke(command, ["policy", "test", "--own-only", str(tmp_path)])
    assert done.exit_code == 0, done.output
