# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter demo` as a person runs it: real product, real mails, rows that follow the policy."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.demo.samples import load_samples
from tests.peers.processes import descendants, free_port, gone, wait_for

ROOT = Path(__file__).parents[2]
SAMPLE_POLICY = ROOT / "policies" / "examples" / "demo" / "policy.toml"
ONE_RULE = """
[[case]]
id        = "{id}"
title     = {{ de = "Alles", en = "Everything" }}
when      = "True"
action    = "{action}"
rationale = "A test of the demo."
"""


def _base() -> int:
    """A row of four free ports."""
    for _ in range(50):
        base = free_port()
        probes = [socket.socket() for _ in range(4)]
        try:
            for number, probe in enumerate(probes):
                probe.bind(("127.0.0.1", base + number))
        except (OSError, OverflowError):
            continue
        finally:
            for probe in probes:
                probe.close()
        return base
    raise RuntimeError("no four free ports in a row")


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dlpmilter", "demo", *arguments]


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "COLUMNS": "160"}


def _once(folder: Path, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    done = subprocess.run(
        _command("--once", "--json", "--port-base", str(_base()), *arguments),
        cwd=ROOT, env=_environment(folder), capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def _policy(folder: Path, rule: str) -> Path:
    """The sample's governance block with one rule in place of the shipped ones."""
    own = folder / "policy"
    own.mkdir()
    text = SAMPLE_POLICY.read_text().replace('extends = "default"', "")
    (own / "policy.toml").write_text(text + rule)
    return own


def test_each_sample_and_recipient_has_a_row_and_nothing_is_missing(tmp_path: Path) -> None:
    """Exit 0; what was held or refused did not reach the sink, what was delivered is untouched, holds are told."""
    code, rows, errors = _once(tmp_path)
    assert code == 0, errors
    assert [(row["sample"], row["recipient"]) for row in rows] == [
        (sample.slug, recipient) for sample in load_samples() for recipient in sample.recipients
    ]
    results = {row["result"] for row in rows}
    assert {"delivered", "held", "refused"} <= results <= {"delivered", "tagged", "changed", "held", "refused"}
    for row in rows:
        assert row["received"] == (0 if row["result"] in {"held", "refused"} else 1), row
        assert row["identical"] in {None, True} or row["result"] == "changed"
        assert (row["case"] is not None) is (row["action"] is not None), row
        if row["result"] == "held":
            told = ["digest"] if "auto-forward" in row["rules"] else ["hold"]  # a rule's mail is told once a day
            assert row["notices"] == told and row["rules"] and row["state"] == "held", row
    fate = {(row["sample"], row["recipient"]): row["result"] for row in rows}
    assert fate["cc-own-box", "project@partner.example"] == "delivered"
    assert fate["cc-own-box", "jorinde.kupferblatt@gmx.de"] == "held"
    assert list(tmp_path.iterdir()) == []


def test_a_narrow_terminal_breaks_no_case_and_no_address(tmp_path: Path) -> None:
    """At 80 columns case numbers and addresses stand whole on lines that fit; what tagged means is told."""
    done = subprocess.run(
        _command("--once", "--port-base", str(_base())), cwd=ROOT, env=_environment(tmp_path) | {"COLUMNS": "80"},
        capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    for sample in load_samples():
        assert all(recipient in done.stdout for recipient in sample.recipients)
    held = [line for line in done.stdout.splitlines() if "│ held" in line]
    assert held
    assert all(re.search(r"│ \w{4}-\w{4}-\w{4} +│$", line) for line in held)
    assert "one more header field, X-Dlpmilter-Tag" in done.stdout


def test_another_policy_makes_another_table(tmp_path: Path) -> None:
    """One rule that relays everything, then one that holds everything: each row follows, none is remembered."""
    relayed = tmp_path / "relay"
    relayed.mkdir()
    code, rows, errors = _once(relayed, "--policy", str(_policy(relayed, ONE_RULE.format(id="pass", action="relay"))))
    assert code == 0, errors
    assert {row["result"] for row in rows} == {"delivered"}
    assert {row["action"] for row in rows} == {None}
    held = tmp_path / "hold"
    held.mkdir()
    code, rows, errors = _once(held, "--policy", str(_policy(held, ONE_RULE.format(id="stop", action="hold"))))
    assert code == 0, errors
    assert {row["result"] for row in rows if row["sender"]} == {"held"}
    assert {tuple(row["rules"]) for row in rows if row["sender"]} == {("stop",)}
    assert {row["result"] for row in rows if not row["sender"]} <= {"changed", "refused"}


def test_a_held_mail_is_released_as_the_demo_says(tmp_path: Path) -> None:
    """The printed command works, the mail arrives and is named, Ctrl-C ends everything and removes the folder."""
    shown = tmp_path / "out"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with shown.open("wb") as out:
        demo = subprocess.Popen(
            _command("--port-base", str(_base())), cwd=ROOT, env=_environment(temporary),
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    children: list[int] = []
    try:
        wait_for(lambda: "Ctrl-C" in shown.read_text() or demo.poll() is not None, 90, "the table")
        text = shown.read_text()
        children = descendants(demo.pid)
        assert children, text
        line = next(each for each in text.splitlines() if "holds approve" in each)
        arguments = line.partition(" holds ")[2].split()
        done = subprocess.run(
            [sys.executable, "-m", "dlpmilter", "holds", *arguments],
            cwd=ROOT, env=_environment(temporary), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        arrived = re.compile(r"^\d\d:\d\d:\d\d  mail <", re.MULTILINE)
        wait_for(lambda: bool(arrived.search(shown.read_text())), 20, "the released mail")
        wait_for(lambda: "notice (approved" in shown.read_text(), 20, "the notice")
        demo.send_signal(signal.SIGINT)
        assert demo.wait(90) == 0
        assert shown.read_text().count("The demo has ended; its folder is removed.") == 1
    finally:
        if demo.poll() is None:
            demo.terminate()
            demo.wait(90)
    assert list(temporary.iterdir()) == []
    time.sleep(0.2)
    assert all(gone(each) for each in children)


def test_taken_ports_are_named(tmp_path: Path) -> None:
    """Exit 75 and a sentence with the ports and the way out; nothing is left behind."""
    base = _base()
    with socket.socket() as other:
        other.bind(("127.0.0.1", base + 2))
        other.listen()
        done = subprocess.run(
            _command("--once", "--port-base", str(base)), cwd=ROOT, env=_environment(tmp_path),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 75
    assert str(base) in done.stderr and "--port-base" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rule", "named"),
    [("[[case]]\nid = 'x'\nwhen = 'recipient.colour'\naction = 'hold'\n", "recipient.colour"), ("oops", "TOML")],
)
def test_a_broken_policy_is_explained(tmp_path: Path, rule: str, named: str) -> None:
    """Exit 2 with the problems of the policy, before anything starts."""
    code, rows, errors = _once(tmp_path, "--policy", str(_policy(tmp_path, rule)))
    assert (code, rows) == (2, [])
    assert named in errors and "policy.toml" in errors
    assert not list(tmp_path.glob("dlpmilter-demo-*"))
