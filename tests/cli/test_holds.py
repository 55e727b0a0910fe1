# SPDX-License-Identifier: Apache-2.0
"""`holds`, `audit verify` and `keys` as people call them: exit codes, JSON, and who may do what."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import pwd
import socket
import threading
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dlpmilter.cli.main import command
from dlpmilter.holds.reasons import REASONS
from tests.holds.house import PROJECT, rooms

ME = pwd.getpwuid(os.getuid()).pw_name

CHECKED = ("--basis", "contract", "--checked")
"""What an approval always says."""
APPROVE = {"act": "approve", "basis": "contract", "checked": True, "delete_by": "", "note": ""}


def run(*arguments: str) -> Result:
    """Call the command line in this process."""
    return CliRunner().invoke(command, list(arguments))


def write_config(folder: Path, reviewers: str) -> str:
    """A dlpmilter.toml beside an existing database and key."""
    file = folder / "dlpmilter.toml"
    file.write_text(
        'internal_domains = ["company.example"]\nnext_hop = "127.0.0.1:2525"\ndatabase = "dlpmilter.db"\n'
        f'key_file = "key.toml"\npostmaster = "postmaster@company.example"\nhostname = "hop.company.example"\n'
        f'policy = "{PROJECT / "policies" / "examples" / "demo"}"\n{reviewers}'
    )
    return str(file)


def mapped(address: str, *pools: str) -> str:
    """The calling user as a reviewer."""
    return f'[reviewers.{ME}]\naddress = "{address}"\npools = {json.dumps(list(pools))}\n'


def held(folder: Path, **more: Any) -> str:
    """One held mail; its case."""

    async def place() -> str:
        async with rooms(folder) as r:
            return (await r.hold(**more)).case_id

    return asyncio.run(place())


def test_list_show_approve(tmp_path: Path) -> None:
    """A mapped reviewer sees what waits, approves it, and the case goes on to releasing."""
    case_id = held(tmp_path)
    file = write_config(tmp_path, mapped("rita@company.example", "privacy"))
    listed = run("holds", "list", "--json", "--config", file)
    assert listed.exit_code == 0, listed.output
    (row,) = [json.loads(line) for line in listed.output.splitlines()]
    assert (row["case"], row["holds"][0]["state"], row["subject"]) == (case_id, "held", "Fwd: Grüße")
    assert case_id in run("holds", "list", "--config", file).output
    approved = run("holds", "approve", case_id, *CHECKED, "--json", "--config", file)
    assert approved.exit_code == 0, approved.output
    assert json.loads(approved.output)["holds"][0]["state"] == "releasing"
    shown = json.loads(run("holds", "show", case_id, "--json", "--config", file).output)
    assert [entry["event"] for entry in shown["trail"]] == ["decided", "approved", "releasing"]
    assert run("holds", "show", case_id, "--config", file).exit_code == 0
    assert run("holds", "approve", case_id, *CHECKED, "--config", file).exit_code == 1


def test_an_unmapped_user_decides_nothing_and_sees_no_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root or not: without a mapping there is no decision, whatever sudo's variables say."""
    case_id = held(tmp_path)
    file = write_config(tmp_path, '[reviewers.somebody-else]\naddress = "rita@company.example"\npools = ["privacy"]\n')
    monkeypatch.setenv("SUDO_USER", "somebody-else")
    monkeypatch.setenv("SUDO_UID", "4711")
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    assert getpass.getuser() == "somebody-else"  # the variables lie, the process does not
    for arguments in (
        ["approve", case_id, *CHECKED],
        ["reject", case_id, "no"],
        ["withdraw", case_id],
        ["justify", case_id, "R1"],
        ["release", case_id],
    ):
        result = run("holds", *arguments, "--config", file)
        assert result.exit_code == 1
        assert "[reviewers]" in result.output
    (row,) = [json.loads(line) for line in run("holds", "list", "--json", "--config", file).output.splitlines()]
    assert (row["sender"], row["subject"], row["holds"][0]["address"]) == (None, None, None)


def test_the_sender_justifies_and_withdraws_but_never_decides(tmp_path: Path) -> None:
    """The mapped sender may explain and take back; approving is refused with a sentence."""
    case_id = held(tmp_path)
    file = write_config(tmp_path, mapped("Anna.Berg@company.example", "privacy"))
    assert run("holds", "justify", case_id, "R1", "My laptop is broken", "--config", file).exit_code == 0
    refused = run("holds", "approve", case_id, *CHECKED, "--config", file)
    assert (refused.exit_code, "somebody else" in refused.output) == (1, True)
    assert run("holds", "justify", case_id, "R99", "--config", file).exit_code == 2
    assert run("holds", "withdraw", case_id, "--config", file).exit_code == 0
    assert run("holds", "list", "--config", file).output.strip() == "No case waits."


def test_a_case_is_shown_in_words(tmp_path: Path) -> None:
    """Zone, state and reason in words, who decided for a reviewer only, the refusal for the sender, and the limit."""
    case_id = held(tmp_path)
    rita = write_config(tmp_path, mapped("rita@company.example", "privacy"))
    listed = run("holds", "list", "--config", rita).output
    assert case_id in listed
    assert "Anna.Berg@company.example".lower() in listed.lower()
    assert "Fwd: Grüße" in listed
    zone = datetime.now().astimezone().strftime("%Z")
    assert zone in listed
    assert run("holds", "justify", case_id, "R2", "On a train", "--config", rita).exit_code == 0
    assert run("holds", "reject", case_id, "Please use the customer portal.", "--config", rita).exit_code == 0
    shown = run("holds", "show", case_id, "--config", rita).output
    for words in ("R2 Work on the way or at home: On a train", "rejected by rita@company.example", "refused", zone):
        assert words in shown
    assert "Please use the customer portal." in shown
    assert "cannot show the mail itself" in shown
    assert "True" not in shown
    anna = write_config(tmp_path, mapped("Anna.Berg@company.example", "privacy"))
    shown = run("holds", "show", case_id, "--config", anna).output
    assert "Please use the customer portal." in shown
    assert "rita@company.example" not in shown


def test_the_reasons_are_told(tmp_path: Path) -> None:
    """Help and error name every code in words, and the recipe shows both languages; one table holds them all."""
    case_id = held(tmp_path)
    file = write_config(tmp_path, mapped("rita@company.example", "privacy"))
    told = run("holds", "justify", "--help").output
    refused = run("holds", "justify", case_id, "R99", "--config", file)
    recipe = (PROJECT / "deploy" / "relayhost.md").read_text(encoding="utf-8")
    assert refused.exit_code == 2
    assert tuple(REASONS) == tuple(f"R{number}" for number in range(1, 12))
    for code, words in REASONS.items():
        assert f"{code:<4} {words.en}" in told
        assert f"{code:<4} {words.en}" in refused.output
        assert f"| {code} | {words.de} | {words.en} |" in recipe


def test_mistakes_have_their_exit_codes(tmp_path: Path) -> None:
    """An unknown case is 1, a broken or missing configuration or database 2, and no traceback is shown."""
    file = write_config(tmp_path, mapped("rita@company.example", "privacy"))
    missing = run("audit", "verify", "--config", file)
    assert (missing.exit_code, "is not there" in missing.output) == (2, True)
    held(tmp_path)
    assert run("holds", "show", "XXXX-XXXX-XXXX", "--config", file).exit_code == 1
    assert run("holds", "list", "--config", str(tmp_path / "none.toml")).exit_code == 2
    (tmp_path / "dlpmilter.db").write_bytes(b"not a database" * 1000)
    for rest in tmp_path.glob("dlpmilter.db-*"):
        rest.unlink()
    assert run("holds", "list", "--config", file).exit_code == 75


def test_audit_verify_names_the_first_bad_place(tmp_path: Path) -> None:
    """A whole trail is 0 with its head; after an edit it is 1 and says where."""
    import sqlite3

    held(tmp_path)
    held(tmp_path)
    file = write_config(tmp_path, "")
    fine = run("audit", "verify", "--json", "--config", file)
    assert fine.exit_code == 0
    head = json.loads(fine.output)["head"]
    assert run("audit", "verify", "--head", head, "--config", file).exit_code == 0
    conn = sqlite3.connect(tmp_path / "dlpmilter.db")
    conn.execute("UPDATE trail SET action = 'relay' WHERE seq = 2")
    conn.commit()
    conn.close()
    bad = run("audit", "verify", "--json", "--config", file)
    assert (bad.exit_code, json.loads(bad.output)["seq"]) == (1, 2)
    assert "entry 2" in run("audit", "verify", "--config", file).output


def test_a_new_key_tells_about_its_backup(tmp_path: Path) -> None:
    """The key file is made once, private, and the words after it say what to do."""
    file = tmp_path / "key.toml"
    made = run("keys", "new", str(file))
    assert made.exit_code == 0
    assert "backup_confirmed" in made.output
    assert file.stat().st_mode & 0o777 == 0o600
    secret = file.read_text().split('key = "')[1].split('"')[0]
    assert secret not in made.output
    assert run("keys", "new", str(file)).exit_code == 2
    file.write_text(file.read_text() + f'backup_confirmed = "{date(2026, 11, 22)}"\n')


def test_an_office_that_takes_the_request_and_ends_is_not_asked_another_way(tmp_path: Path) -> None:
    """Nobody knows whether it was done: exit 75, a sentence, and no second try by the files."""
    case_id = held(tmp_path)
    file = write_config(tmp_path, mapped("rita@company.example", "privacy"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "control.sock"))
        listener.listen()
        asked: list[bytes] = []

        def end_after_reading() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(65536))

        thread = threading.Thread(target=end_after_reading)
        thread.start()
        result = run("holds", "approve", case_id, *CHECKED, "--config", file)
        thread.join()
    assert json.loads(asked[0]) == APPROVE | {"case": case_id}
    assert result.exit_code == 75
    assert "whether it was done" in result.output
    (tmp_path / "control.sock").unlink()
    shown = json.loads(run("holds", "show", case_id, "--json", "--config", file).output)
    assert [entry["event"] for entry in shown["trail"]] == ["decided"]


def test_the_form_is_printed_and_filled_in_answer_by_answer(tmp_path: Path) -> None:
    """`holds form` names every question in both languages; --set answers them, and a mistake names its field."""
    case_id = held(tmp_path)
    file = write_config(tmp_path, mapped("Anna.Berg@company.example", "none"))
    questions = [json.loads(line) for line in run("holds", "form", "--json", "--language", "de").output.splitlines()]
    assert [each["name"] for each in questions][:3] == ["code", "purpose", "whose_data"]
    assert "Whose data are in it?" in run("holds", "form").output
    wrong = run(
        "holds", "justify", case_id, "R3", "x", "--set", "basis=because", "--set", "mood=good", "--config", file
    )
    assert wrong.exit_code == 2
    assert (
        "basis: this is none of the answers" in wrong.output and "mood: the form has no such question" in wrong.output
    )
    assert run("holds", "justify", case_id, "R3", "x", "--set", "basis", "--config", file).exit_code == 2
    answers = ("--set", "basis=contract", "--set", "informed=yes", "--set", "whose_data=customers")
    filled = run("holds", "justify", case_id, "R3", "The customer asked", *answers, "--json", "--config", file)
    assert filled.exit_code == 0, filled.output
    said = json.loads(filled.output)["statement"]
    assert (said["basis"], said["informed"], said["purpose"]) == ("contract", "yes", "The customer asked")
    assert "basis: contract" in run("holds", "show", case_id, "--config", file).output


def test_senders_and_reviewers_have_a_command_for_each_act(tmp_path: Path) -> None:
    """More time, taking a case, giving it on, a refusal and a second look, evidence: through the real commands."""
    case_id = held(tmp_path)
    anna = write_config(tmp_path, mapped("Anna.Berg@company.example", "none"))
    assert run("holds", "extend", case_id, "--config", anna).exit_code == 0
    assert run("holds", "extend", case_id, "--config", anna).exit_code == 1
    rita = write_config(tmp_path, mapped("rita@company.example", "privacy"))
    taken = json.loads(run("holds", "claim", case_id, "--json", "--config", rita).output)
    assert (taken["holds"][0]["state"], taken["holds"][0]["claimed_by"]) == ("in_review", "rita@company.example")
    assert "taken by rita@company.example" in run("holds", "show", case_id, "--config", rita).output
    assert run("holds", "hand-over", case_id, "I know her", "--pool", "nobody", "--config", rita).exit_code == 2
    assert run("holds", "hand-over", case_id, "I know her", "--config", rita).exit_code == 0
    for missing in (["--basis", "contract"], ["--checked"], ["--basis", "mood", "--checked"]):
        assert run("holds", "approve", case_id, *missing, "--config", rita).exit_code == 2
    assert run("holds", "approve", case_id, *CHECKED, "--delete-by", "soon", "--config", rita).exit_code == 2
    assert run("holds", "reject", case_id, "Please use the share.", "--config", rita).exit_code == 0
    anna = write_config(tmp_path, mapped("Anna.Berg@company.example", "none"))
    again = run("holds", "appeal", case_id, "The share is down", "--json", "--config", anna)
    answer = json.loads(again.output) if again.exit_code == 0 else {}
    assert answer.get("holds", [{}])[0].get("pool") == "second-opinion", again.output
    sealed = run("holds", "seal", case_id, "--json", "--config", anna)
    assert json.loads(sealed.output)["holds"][0]["state"] == "sealed"


def test_several_cases_are_decided_in_one_go(tmp_path: Path) -> None:
    """A line a case; exit 1 when one stayed as it was, and the sentence says which and why."""
    cases = [held(tmp_path) for _ in range(3)]
    file = write_config(tmp_path, mapped("rita@company.example", "privacy"))
    done = run("holds", "reject", cases[0], "Please use the share.", "--config", file)
    assert done.exit_code == 0, done.output
    both = run("holds", "approve", *cases, *CHECKED, "--config", file)
    assert both.exit_code == 1
    assert f"Case {cases[0]}: approve is not possible now" in both.output
    assert all(f"Case {each}: releasing." in both.output for each in cases[1:])
    again = run("holds", "reject", *cases, "too late", "--json", "--config", file)
    answers = [json.loads(line) for line in again.output.splitlines()]
    assert [(each["case"], each["reason"]) for each in answers] == [(each, "conflict") for each in cases]
