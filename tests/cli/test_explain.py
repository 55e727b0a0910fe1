# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter explain` as a program: files, batch, standard input, errors and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parents[1] / "corpus"
FORWARD = CORPUS / "01-forward-own-german.eml"


def explain(*arguments: str, stdin: bytes = b"") -> tuple[int, list[dict[str, Any]], str]:
    run = subprocess.run(
        [sys.executable, "-m", "dlpmilter", "explain", *arguments], input=stdin, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    rows = [json.loads(line) for line in run.stdout.decode().splitlines()] if "--json" in arguments else []
    return run.returncode, rows, run.stdout.decode() + run.stderr.decode()


def test_a_forward_to_the_own_box_is_explained() -> None:
    """Recipients come from the header; class, relation, action and reasons are told."""
    code, (row,), _ = explain("--internal", "corp.example", "--json", str(FORWARD))
    assert code == 0
    assert (row["verdict"], row["message"]["kind"]) == ("hold", "forward")
    (one,) = row["recipients"]
    assert (one["address"], one["class"], one["relation"]) == ("annaberger84@gmx.de", "freemail", "own_private")
    assert "own-private-mailbox" in one["rules"]


def test_envelope_flags_win_over_headers() -> None:
    """--sender and --rcpt are the envelope."""
    code, (row,), _ = explain(
        "--internal", "corp.example", "--sender", "x@corp.example", "--rcpt", "k@kunde.example", "--rcpt", "b@web.de",
        "--json", str(FORWARD),
    )  # fmt: skip
    assert code == 0
    assert [one["address"] for one in row["recipients"]] == ["k@kunde.example", "b@web.de"]


def test_files_come_out_in_order_and_a_missing_one_is_told() -> None:
    """One line a file in input order, standard input included; exit 1 for the failed one."""
    code, rows, _ = explain("--json", str(FORWARD), "nowhere.eml", "-", stdin=FORWARD.read_bytes())
    assert code == 1
    assert [row["file"] for row in rows] == [str(FORWARD), "nowhere.eml", "-"]
    assert "error" in rows[1]
    assert rows[2]["message"] == rows[0]["message"]


def test_a_batch_names_file_sender_and_recipients(tmp_path: Path) -> None:
    """JSON lines; a line that is none fails alone."""
    batch = tmp_path / "batch.jsonl"
    lines = [json.dumps({"file": str(FORWARD), "sender": "anna.berger@corp.example", "rcpt": ["a@gmx.de"]}), "nonsense"]
    batch.write_text("\n".join([*lines, json.dumps({"file": str(FORWARD), "rcpt": ["not an address"]})]), "utf-8")
    code, rows, _ = explain("--internal", "corp.example", "--json", "--batch", str(batch))
    assert code == 1
    assert rows[0]["recipients"][0]["address"] == "a@gmx.de"
    assert "line 2" in rows[1]["file"]
    assert "mail address" in rows[2]["error"]


def test_text_for_people() -> None:
    """Without --json every recipient has a line with the action and one with the reasons."""
    code, _, text = explain("--internal", "corp.example", str(FORWARD))
    assert code == 0
    assert "annaberger84@gmx.de: hold" in text
    assert "own-private-mailbox" in text


def test_usage_errors_are_two(tmp_path: Path) -> None:
    """No file, a time that is none, a policy that is not there: exit 2 and a sentence."""
    assert explain()[0] == 2
    code, _, text = explain("--now", "tomorrow", str(FORWARD))
    assert code == 2
    assert "2026-11-22T09:00" in text
    assert explain("--policy", str(tmp_path / "nowhere"), str(FORWARD))[0] == 2


def test_broken_mail_is_no_failed_file(tmp_path: Path) -> None:
    """Whatever octets a file holds, they are judged."""
    file = tmp_path / "broken.eml"
    file.write_bytes(bytes(range(256)) * 10)
    code, (row,), _ = explain("--json", "--sender", "a@corp.example", "--rcpt", "a@gmx.de", str(file))
    assert code == 0
    assert row["recipients"][0]["action"] == "hold"


def test_the_text_reads_like_a_colleague(tmp_path: Path) -> None:
    """Signs, class, relation and the deciding rule with its reason are sentences; every slug has words."""
    _, _, text = explain("--internal", "corp.example", str(FORWARD))
    assert 'the subject begins with "wg", which says forward' in text
    assert "It is probably the sender's own private mailbox" in text
    assert 'Rule own-private-mailbox: "Business mail to your own private mailbox", so it is held.' in text
    assert "Why: DSBOK" in text
    plain = tmp_path / "plain.eml"
    plain.write_bytes(b"From: a@corp.example\nTo: k@kunde.example\nSubject: x\n\nx\n")
    _, _, text = explain("--internal", "corp.example", str(plain))
    assert "The domain is in no list, most often a business" in text


def test_offsets_point_into_the_mail() -> None:
    """With --offsets the octets between body_start and body_end are the part's body as it stands in the file."""
    mail = CORPUS / "22-invoice-to-customer.eml"
    _, (row,), _ = explain("--internal", "corp.example", "--offsets", "--json", str(mail))
    leaf = row["message"]["parts"][-1]
    body = mail.read_bytes()[leaf["body_start"] : leaf["body_end"]]
    assert body
    assert b"Content-Type" not in body
    assert b"Content-Type" in mail.read_bytes()[leaf["header_start"] : leaf["body_start"]]
    _, _, text = explain("--internal", "corp.example", "--offsets", str(mail))
    assert f"body {leaf['body_start']} to {leaf['body_end']}" in text


def test_a_file_without_end_is_told_not_read() -> None:
    """A device, or a mail longer than the hop takes, ends with a sentence; the next file is explained."""
    flags = ("--internal", "corp.example", "--rcpt", "b@web.de", "--sender", "a@corp.example", "--json")
    code, rows, _ = explain(*flags, "/dev/zero", str(FORWARD))
    assert code == 1
    assert "limits.message_octets" in rows[0]["error"]
    assert rows[1]["verdict"]
