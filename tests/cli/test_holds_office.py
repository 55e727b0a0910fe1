# SPDX-License-Identifier: Apache-2.0
"""`holds` through the running office, as real Unix users: each acts as himself, and nobody as somebody else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_holds import APPROVE, CHECKED
from tests.peers.as_user import call, finish, need_users, raw, start
from tests.peers.processes import gone, wait_for
from tests.peers.product import ROOT, Product
from tests.peers.sink import Sink, read_journal
from tests.peers.wire import Wire

ANNA, DORA, CARL, OTTO = "bin", "daemon", "games", "man"
"""Users every Debian has: the sender, two reviewers of her pool, a reviewer of another pool."""
STRANGER = "nobody"
TABLES = """
[reviewers.bin]
address = "anna.berger@corp.example"
pools = ["privacy"]
[reviewers.daemon]
address = "dora.dahl@corp.example"
pools = ["privacy"]
[reviewers.games]
address = "carl.check@corp.example"
pools = ["privacy"]
[reviewers.man]
address = "otto.ober@corp.example"
pools = ["works-council"]
"""
FORWARD = "-----Original Message-----\r\nFrom: kunde@partner.example\r\nSent: today\r\nTo: a\r\nSubject: b\r\n\r\nx\r\n"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A running product in a folder that every user may enter; database and key are root's."""
    need_users(ANNA, DORA, CARL, OTTO, STRANGER)
    folder = Path(tempfile.mkdtemp(prefix="dlpmilter-office-"))
    folder.chmod(0o755)
    before = os.umask(0o022)
    try:
        with (
            Sink(folder / "journal") as sink,
            Product(folder / "hop", next_hop=sink.port, settings={"workers": "1"}, tables=TABLES) as running,
        ):
            running.database.chmod(0o600)
            yield running
    finally:
        os.umask(before)
        shutil.rmtree(folder)


def held(product: Product) -> str:
    """One held mail of Anna's; its case."""
    before = {each.case for each in product.held()}
    message = (
        "From: Anna Berger <anna.berger@corp.example>\r\nSubject: Fwd: Angebot\r\n"
        f"Message-ID: <{os.urandom(8).hex()}@corp.example>\r\n\r\n{FORWARD}"
    )
    with Wire(product.port, seconds=60) as wire:
        wire.greet()
        wire.envelope(b"anna.berger@corp.example", b"anna.berger@gmx.de")
        assert wire.data(message.encode())[0] == 250
    (case,) = {each.case for each in product.held()} - before
    return case


def holds(product: Product, user: str, *arguments: str) -> tuple[int, str, str]:
    """One `dlpmilter holds` command as `user`."""
    return call(user, "holds", *arguments, "--config", str(product.file))


def actors(product: Product, case: str) -> list[tuple[str, str]]:
    """Event and Unix user of the trail entries of a case that people made, oldest first."""
    return [(event, str(fields["actor-user"])) for event, fields in product.trail(case) if "actor-user" in fields]


def test_a_reviewer_decides_as_himself_without_the_files(product: Product) -> None:
    """A mapped user who can open neither database nor key lists, shows and approves; the trail names him."""
    case = held(product)
    code, out, err = holds(product, DORA, "list", "--json")
    assert code == 0, err
    row = next(each for each in map(json.loads, out.splitlines()) if each["case"] == case)
    assert (row["sender"], row["subject"]) == ("anna.berger@corp.example", "Fwd: Angebot")
    code, out, err = holds(product, DORA, "approve", case, *CHECKED, "--json")
    assert (code, json.loads(out)["approvals_missing"]) == (0, 0), err
    assert actors(product, case)[0] == ("approved", DORA)
    code, out, _ = holds(product, DORA, "show", case, "--json")
    events = [entry["event"] for entry in json.loads(out)["trail"]]
    assert [event for event in events if event != "notice"][:2] == ["decided", "approved"]
    log = [json.loads(line) for line in product.log.read_text().splitlines() if '"acted"' in line]
    assert {"act": "approve", "case": case, "result": "done"}.items() <= log[-1].items()


def test_a_stranger_sees_and_decides_nothing_whatever_the_request_claims(product: Product) -> None:
    """An unmapped user hears a sentence; a name in the request makes it a mistake, not another person."""
    case = held(product)
    for arguments in (["list"], ["list", "--all"], ["show", case], ["approve", case, *CHECKED], ["reject", case, "no"]):
        code, out, err = holds(product, STRANGER, *arguments)
        assert (code, out) == (1, ""), arguments
        assert "[reviewers]" in err and "anna" not in err
    socket = product.directory / "control.sock"
    for claim in ({"user": DORA}, {"actor": "dora.dahl@corp.example"}, {"uid": 0}, {"caller": {"user": DORA}}):
        answer = json.loads(raw(STRANGER, socket, json.dumps(APPROVE | {"case": case, **claim}).encode() + b"\n"))
        assert answer["ok"] is False
        assert "never part of a request" in answer["error"]
    plain = json.loads(raw(STRANGER, socket, json.dumps(APPROVE | {"case": case}).encode() + b"\n"))
    assert (plain["ok"], plain["reason"]) == (False, "not-mapped")
    assert actors(product, case) == []


def test_the_sender_explains_and_takes_back_but_never_decides(product: Product) -> None:
    """Also over the socket: justify and withdraw are hers, approve, reject and release are not."""
    case = held(product)
    for arguments in (["approve", case, *CHECKED], ["reject", case, "no"], ["release", case]):
        code, _, err = holds(product, ANNA, *arguments)
        assert (code, "somebody else" in err) == (1, True), err
    assert holds(product, ANNA, "justify", case, "R1", "The customer asked for it")[0] == 0
    assert json.loads(holds(product, ANNA, "show", case, "--json")[1])["reason"] == "The customer asked for it"
    assert holds(product, ANNA, "withdraw", case)[0] == 0
    assert actors(product, case) == [("justified", ANNA), ("withdrawn", ANNA)]


def test_her_own_payslip_leaves_on_her_word_and_nobody_elses(product: Product) -> None:
    """Forwarded by the payroll office: held first; with R4 from her the running office asks the policy again."""
    before = {each.case for each in product.held()}
    message = (
        "From: Anna Berger <anna.berger@corp.example>\r\nTo: anna.berger@gmx.de\r\nSubject: WG: Abrechnung\r\n"
        f"Message-ID: <{os.urandom(8).hex()}@corp.example>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
        "-----Original Message-----\r\nFrom: payroll@corp.example\r\nSent: today\r\nTo: anna.berger@corp.example\r\n"
        "Subject: Abrechnung\r\n\r\nAnbei.\r\n--b\r\nContent-Type: text/plain\r\n"
        'Content-Disposition: attachment; filename="a.txt"\r\n\r\nEntgeltabrechnung Januar\r\nAnna Berger\r\n--b--\r\n'
    ).encode()
    with Wire(product.port, seconds=60) as wire:
        wire.greet()
        wire.envelope(b"anna.berger@corp.example", b"anna.berger@gmx.de")
        assert wire.data(message)[0] == 250
    (case,) = {each.case for each in product.held()} - before
    assert holds(product, DORA, "justify", case, "R4", "she says it is hers")[0] == 0
    assert json.loads(holds(product, DORA, "show", case, "--json")[1])["holds"][0]["state"] == "justified"
    assert holds(product, ANNA, "justify", case, "R4", "my payslip")[0] == 0
    journal = product.directory.parent / "journal"
    wait_for(lambda: any(b"Entgeltabrechnung" in each.message for each in read_journal(journal)), 30, "the payslip")
    events = [event for event, _ in actors(product, case)]
    assert events[:3] == ["justified", "justified", "allowed"]
    command = [sys.executable, "-m", "dlpmilter", "policy", "replay", "--config", str(product.file), case]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 0, again.stdout + again.stderr


def test_a_reviewer_of_another_pool_sees_nothing_of_the_case(product: Product) -> None:
    """Neither in the list nor by its number, and he cannot take it back for her."""
    case = held(product)
    assert holds(product, OTTO, "list", "--all")[:2] == (0, "There is no case that you may see.\n")
    for arguments in (["show", case], ["approve", case, *CHECKED], ["withdraw", case], ["justify", case, "R1"]):
        code, out, err = holds(product, OTTO, *arguments)
        assert (code, out) == (1, ""), err
        assert "pool" in err and "anna" not in err
    assert actors(product, case) == []


def test_of_two_reviewers_at_once_one_wins(product: Product) -> None:
    """Two users approve the same case at the same moment: one approval, one sentence about the conflict."""
    case = held(product)
    arguments = ("holds", "approve", case, *CHECKED, "--config", str(product.file))
    results = [finish(process) for process in [start(DORA, *arguments), start(CARL, *arguments)]]
    assert sorted(code for code, _, _ in results) == [0, 1]
    (sentence,) = [err for code, _, err in results if code == 1]
    assert "not possible now" in sentence
    approved = [user for event, user in actors(product, case) if event == "approved"]
    assert approved == [DORA if results[0][0] == 0 else CARL]


def test_after_a_killed_office_the_command_says_so_and_works_again(product: Product) -> None:
    """Without an office: exit 75 and what to do. With its successor on the stale socket: as before."""
    case = held(product)
    (office,) = product.workers("office")
    os.kill(office, signal.SIGSTOP)  # its place stays taken while it cannot answer
    asked = start(DORA, "holds", "show", case, "--json", "--config", str(product.file))
    os.kill(office, signal.SIGKILL)
    wait_for(lambda: gone(office), 10, "the office to end")
    code, _, err = holds(product, DORA, "approve", case, *CHECKED)
    if code:  # the successor is not there yet
        assert code == 75
        assert "does not answer" in err and "systemctl start dlpmilter" in err
    assert finish(asked)[0] in {0, 75}
    wait_for(lambda: holds(product, DORA, "list")[0] == 0, 30, "the next office to answer")
    assert holds(product, DORA, "show", case)[0] == 0
    assert (product.directory / "control.sock").stat().st_mode & 0o777 == 0o666


def test_a_stopped_product_is_told_to_reviewers_and_root_still_reads(product: Product) -> None:
    """Without the service a reviewer gets exit 75 and a sentence, root the list from the database itself."""
    case = held(product)
    product.stop()
    assert not (product.directory / "control.sock").exists()
    for arguments in (["list"], ["approve", case, *CHECKED]):
        code, out, err = holds(product, DORA, *arguments)
        assert (code, out) == (75, "")
        assert "does not answer" in err and "the user daemon cannot open" in err
    assert case in {each["case"] for each in product.cases()}
    product.start()
    assert holds(product, DORA, "approve", case, *CHECKED)[0] == 0
    assert "Fine" in product.verify()


def test_an_office_alone_answers(product: Product) -> None:
    """`run --role office` opens the same socket; the gate may run elsewhere or not at all."""
    product.stop()
    command = [sys.executable, "-m", "dlpmilter", "run", "--role", "office", "--config", str(product.file)]
    with product.log.open("ab") as log:
        office = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
    try:
        assert office.stdout is not None
        assert json.loads(office.stdout.readline())["event"] == "ready"
        assert holds(product, DORA, "list")[0] == 0
        assert holds(product, STRANGER, "list")[0] == 1
    finally:
        office.terminate()
        office.communicate(timeout=30)
    product.start()
