# SPDX-License-Identifier: Apache-2.0
"""`--inbound ARCHIVE`: who wrote first, learned from archives, in explain and simulate."""

from __future__ import annotations

import email
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.engine.canonical import canonical_address
from dlpmilter.mime.head import read_head
from dlpmilter.model.facts import Questions
from dlpmilter.model.limits import Limits
from dlpmilter.policy.load import load_policy
from dlpmilter.simulate import learning
from dlpmilter.simulate.inbound import Index, Learned, sent_at
from dlpmilter.simulate.learning import Lesson, learn_archives
from tests.peers.letters import CORRESPONDENCE, EMPLOYEE, STRANGER, VERIFIER, answer, letter, passed

CORPORA = Path(os.environ.get("DLPMILTER_CORPORA") or Path(__file__).parents[2] / ".." / "shared" / "corpora")
JUDGED = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "policy.toml").write_text(CORRESPONDENCE, encoding="utf-8")
    return folder


def program(*arguments: str) -> tuple[int, str, str]:
    run = subprocess.run(
        [sys.executable, "-m", "dlpmilter", *arguments], capture_output=True, check=False, timeout=120
    )  # fmt: skip
    return run.returncode, run.stdout.decode(), run.stderr.decode()


def archive(folder: Path, mails: list[bytes]) -> Path:
    """One folder of mail files."""
    folder.mkdir()
    for number, mail in enumerate(mails):
        (folder / f"{number:04}.eml").write_bytes(mail)
    return folder


def learn(*mails: bytes, folder: Path, authserv_id: str = VERIFIER) -> tuple[Index, Learned]:
    lists = load_policy(None, internal_domains=("corp.example",)).domains
    learned = learn_archives([archive(folder, list(mails))], Lesson(lists, authserv_id), 1)
    return Index.of(learned), learned


def asked(*message_ids: str, people: tuple[str, ...] = (STRANGER,)) -> Questions:
    return Questions(EMPLOYEE, people, message_ids)


def relation(policy: Path, mail: Path, *more: str) -> dict[str, Any]:
    """The first recipient of `explain --json`."""
    base = ["explain", "--policy", str(policy), "--internal", "corp.example", "--json", str(mail)]
    code, out, err = program(*base, *more)
    assert code == 0, err
    one: dict[str, Any] = json.loads(out)["recipients"][0]
    return one


def test_explain_learns_first_who_wrote(tmp_path: Path, policy: Path) -> None:
    """Without --inbound nobody knows; with it the answer's recipient wrote first, a stranger is a first time."""
    mail = tmp_path / "answer.eml"
    mail.write_bytes(answer("a", [STRANGER], answers="q1@gmx.de"))
    inbound = archive(tmp_path / "in", [letter("q1@gmx.de"), letter("q2@gmx.de", "x@web.de")])
    assert relation(policy, mail)["relation"] == "none"
    one = relation(policy, mail, "--inbound", str(inbound))
    assert (one["relation"], one["action"]) == ("wrote_first", "relay")
    mail.write_bytes(answer("a", ["dritter@web.de"], answers="q1@gmx.de"))
    one = relation(policy, mail, "--inbound", str(inbound))
    assert (one["relation"], one["action"]) == ("first_time", "hold")


def test_explain_reads_an_mbox_and_says_what_it_learned(tmp_path: Path, policy: Path) -> None:
    """An mbox of inbound mail is learned; the text output counts it on stderr."""
    box = tmp_path / "in.mbox"
    box.write_bytes(
        b"".join(
            b"From x Sun Nov 22 08:00:00 2026\n" + letter(f"q{n}@gmx.de").replace(b"\r\n", b"\n") + b"\n"
            for n in range(3)
        )
    )
    mail = tmp_path / "answer.eml"
    mail.write_bytes(answer("a", [STRANGER], answers="q2@gmx.de"))
    code, out, err = program(
        "explain", "--policy", str(policy), "--internal", "corp.example", "--inbound", str(box), str(mail)
    )
    assert code == 0
    assert "This person wrote first" in out
    assert "3 of 3 mails" in err


def test_now_decides_whether_ninety_days_are_over(tmp_path: Path, policy: Path) -> None:
    """With --now 91 days after the question the answer comes too late; without it the mail's own date counts."""
    mail = tmp_path / "answer.eml"
    mail.write_bytes(answer("a", [STRANGER], answers="q1@gmx.de"))
    inbound = str(archive(tmp_path / "in", [letter("q1@gmx.de")]))
    late = relation(policy, mail, "--inbound", inbound, "--now", "2027-02-22T09:00:00+01:00")
    assert late["relation"] == "first_time"
    assert relation(policy, mail, "--inbound", inbound)["relation"] == "wrote_first"


def test_simulate_knows_who_wrote_first(tmp_path: Path, policy: Path) -> None:
    """The same archive holds the answer without --inbound and lets it pass with it, in every process."""
    sent = archive(
        tmp_path / "out",
        [answer("a", [STRANGER], answers="q1@gmx.de"), answer("b", ["dritter@web.de"], answers="q1@gmx.de")],
    )
    inbound = archive(tmp_path / "in", [letter("q1@gmx.de")])
    base = ["policy", "simulate", "--policy", str(policy), "--internal", "corp.example", "--json", "--processes", "2"]
    code, out, err = program(*base, str(sent))
    assert code == 0, err
    assert json.loads(out)["shares"]["held"]["count"] == 2
    code, out, err = program(*base, "--inbound", str(inbound), str(sent))
    assert code == 0, err
    assert json.loads(out)["shares"]["held"]["count"] == 1
    assert "1 of 1 mails" in err


def test_correspondents_need_two_verified_mails_and_a_verifier(tmp_path: Path) -> None:
    """Two passes count, two copies of one mail do not, and without the verifier's name nobody does."""
    mails = [letter(f"q{n}@gmx.de", head=passed()) for n in range(2)]
    index, _ = learn(*mails, folder=tmp_path / "two")
    assert index.known(asked(), JUDGED).correspondents == {STRANGER}
    assert index.known(asked(), JUDGED + timedelta(days=181)).correspondents == frozenset()
    index, learned = learn(mails[0], mails[0], folder=tmp_path / "copies")
    assert index.known(asked(), JUDGED).correspondents == frozenset()
    assert learned.counts == {"learned": 2}
    index, _ = learn(*mails, folder=tmp_path / "nobody", authserv_id="")
    assert index.known(asked(), JUDGED).correspondents == frozenset()


def test_an_index_in_a_file_answers_as_one_in_memory(tmp_path: Path) -> None:
    """What is written and mapped says the same for every mail, and the file holds no address."""
    mails = [letter(f"q{n}@gmx.de", f"p{n}@gmx.de", head=passed()) for n in range(300)]
    index, learned = learn(*mails, folder=tmp_path / "in")
    Index.write(learned, tmp_path / "index")
    mapped = Index.open(tmp_path / "index")
    for n in range(300):
        question = asked(f"q{n}@gmx.de", people=(f"p{n}@gmx.de", f"p{n + 1}@gmx.de"))
        known = mapped.known(question, JUDGED)
        assert known == index.known(question, JUDGED)
        assert known.wrote_first == {f"p{n}@gmx.de"}
    assert b"gmx" not in (tmp_path / "index").read_bytes()


def test_an_empty_index_is_one(tmp_path: Path) -> None:
    """An archive that teaches nothing still says that somebody looked."""
    index, learned = learn(letter("q@corp.example", "paul@corp.example"), folder=tmp_path / "in")
    Index.write(learned, tmp_path / "index")
    for each in (index, Index.open(tmp_path / "index")):
        known = each.known(asked("q@corp.example"), JUDGED)
        assert known.learning and not known.wrote_first
    assert learned.counts == {"internal": 1}


def test_processes_learn_what_one_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A big archive is spread over processes; rows and counts are the same."""
    folder = archive(tmp_path / "in", [letter(f"q{n}@gmx.de", f"p{n}@gmx.de") for n in range(900)])
    lists = load_policy(None, internal_domains=("corp.example",)).domains
    alone = learn_archives([folder], Lesson(lists), 1)
    monkeypatch.setattr(learning, "SMALL_OCTETS", 1)
    steps: list[int] = []
    crowd = learn_archives([folder], Lesson(lists), 2, lambda octets, _: steps.append(octets))
    assert list(crowd.mails.sorted()) == list(alone.mails.sorted())
    assert crowd.counts == alone.counts == {"learned": 900}
    assert len(steps) == 5


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the shared corpora are not beside the project")
def test_real_mail_is_learned_as_another_parser_reads_it() -> None:
    """Of 2,500 real mails nearly all are known afterwards by the From and Message-ID that the standard library sees."""
    lists = load_policy(None, internal_domains=("corp.example",)).domains
    folder = CORPORA / "mail-spamassassin" / "data"
    learned = learn_archives([folder], Lesson(lists), 1)
    index = Index.of(learned)
    mails = found = 0
    for path in (each for each in folder.rglob("*") if each.is_file()):
        mail = email.message_from_bytes(path.read_bytes())
        author = canonical_address(parseaddr(str(mail["From"]))[1].lower())
        message_id = str(mail["Message-ID"] or "").strip().strip("<>")
        if author and message_id:
            mails += 1
            at = sent_at(read_head(path.read_bytes(), Limits())) or JUDGED
            known = index.known(asked(message_id, people=(author, f"x{author}")), at)
            found += known.wrote_first == {author}
    assert mails > 2400
    assert found >= 0.99 * mails, (found, mails)
