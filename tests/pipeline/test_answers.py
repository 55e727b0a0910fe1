# SPDX-License-Identifier: Apache-2.0
"""Answers to notices by mail, through the running office: what counts, what never counts, and that it can be undone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.notices import answer_address
from dlpmilter.pipeline.answers import choice_in
from dlpmilter.storage.keys import Keyring
from tests.peers.processes import wait_for
from tests.peers.product import Product
from tests.peers.sink import Sink
from tests.peers.wire import Wire

ANNA, PRIVATE = "anna.berger@corp.example", "anna.berger@gmx.de"
TABLES = """
[answers]
listen = "127.0.0.1:0"
address = "mail-answer@corp.example"
[people]
"""
FORWARD = "-----Original Message-----\r\nFrom: kunde@partner.example\r\nSent: today\r\nTo: a\r\nSubject: b\r\n\r\nx\r\n"
SIGNED_IN = (
    "Received: from pc (pc [192.0.2.7])\r\n\t(Authenticated sender: {})\r\n\tby mx.corp.example; Mon, 23 Nov 2026\r\n"
)
QUOTED = "\r\n\r\nAm 23.11.2026 um 10:00 schrieb dlpmilter <postmaster@corp.example>:\r\n> Guten Tag,\r\n> 1 zurück\r\n"


@dataclass
class Office:
    """The running product and what it sent."""

    product: Product
    sink: Sink

    def hold(self) -> tuple[str, str]:
        """A held mail of Anna's: its case and the address its notice can be answered to."""
        before = {each.case for each in self.product.held()}
        message = (
            f"From: Anna Berger <{ANNA}>\r\nSubject: Fwd: Angebot\r\nMessage-ID: <{os.urandom(8).hex()}@corp.example>"
            f"\r\n\r\n{FORWARD}"
        )
        with Wire(self.product.port, seconds=60) as wire:
            wire.greet()
            wire.envelope(ANNA.encode(), PRIVATE.encode())
            assert wire.data(message.encode())[0] == 250
        (case,) = {each.case for each in self.product.held()} - before
        key = Keyring.load(str(self.product.directory / "key.toml")).derive(answer_address.PURPOSE)
        return case, answer_address.sign(key, case, ANNA, "mail-answer@corp.example")

    def notices(self, case: str, kind: str) -> list[str]:
        """Reply-To of every notice of this kind about a case."""
        found = [each for each in self.sink.deliveries() if f"<{case}.{kind}." in (each.header("Message-ID") or "")]
        return [each.header("Reply-To") or "" for each in found]

    def answer(
        self, to: str, text: str, *, sender: str = ANNA, author: str = ANNA, login: str = "anna.berger", more: str = ""
    ) -> int:
        """Send an answer; the code of the reply."""
        head = SIGNED_IN.format(login) if login else ""
        message = f"{head}From: {author}\r\nTo: {to}\r\nSubject: Re: x\r\n{more}\r\n{text}\r\n"
        port = int(self.product.ready["answers"].rpartition(":")[2])
        with Wire(port, seconds=60) as wire:
            wire.greet()
            wire.envelope(sender.encode(), to.encode())
            return wire.data(message.encode())[0]

    def asked(self, case: str) -> tuple[str, str]:
        """What was asked for by mail, and the state of the case."""
        with closing(sqlite3.connect(f"file:{self.product.database}?mode=ro", uri=True)) as db:
            (asked,) = db.execute("SELECT asked FROM cases WHERE id = ?", (case,)).fetchone()
            (state,) = db.execute("SELECT state FROM holds WHERE case_id = ?", (case,)).fetchone()
        return asked, state

    def later(self, case: str) -> None:
        """A day passes."""
        with closing(sqlite3.connect(self.product.database, timeout=30)) as db:
            db.execute("UPDATE cases SET asked_until = asked_until - 86400000000 WHERE id = ?", (case,))
            db.commit()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One running product."""
    folder: Path = tmp_path_factory.mktemp("answers")
    with (
        Sink(folder / "journal") as sink,
        Product(folder / "hop", next_hop=sink.port, settings={"workers": "1"}, tables=TABLES) as product,
    ):
        yield Office(product, sink)


def test_one_takes_back_a_day_later_and_is_confirmed(office: Office) -> None:
    """At once nothing happens but a confirmation; after the day the mail is withdrawn."""
    case, to = office.hold()
    wait_for(lambda: bool(office.notices(case, "hold")), 30, "the notice")
    assert f"<{to}>" in office.notices(case, "hold")[0]
    assert office.answer(to, "1" + QUOTED) == 250
    assert office.asked(case) == ("withdraw", "held")
    wait_for(lambda: bool(office.notices(case, "answered")), 30, "the confirmation")
    assert office.answer(to, "1") == 250  # once more changes nothing
    office.later(case)
    wait_for(lambda: office.asked(case) == ("", "withdrawn"), 60, "the day to be over")


def test_zero_undoes_and_three_explains(office: Office) -> None:
    """Each of them brings the mail back to waiting; the sentence stands in the form."""
    case, to = office.hold()
    assert office.answer(to, "2") == 250
    assert office.asked(case) == ("to-mailbox", "held")
    assert office.answer(to, "0") == 250
    assert office.asked(case) == ("", "held")
    assert office.answer(to, "1") == 250
    assert office.answer(to, "3 Der Kunde wartet\r\nauf das Angebot.\r\n-- \r\nAnna" + QUOTED) == 250
    assert office.asked(case) == ("", "justified")
    rows = office.product.query("SELECT justification_code, justification_text FROM cases WHERE id = ?", case)
    assert rows == [("R11", "Der Kunde wartet auf das Angebot.")]


def test_more_time_and_deleted_are_words(office: Office) -> None:
    """Each once: the deadline moves, the attestation stands in the trail; a mail that waits is not deleted anywhere."""
    case, to = office.hold()
    before = office.product.query("SELECT deadline FROM cases WHERE id = ?", case)
    assert office.answer(to, "Länger") == office.answer(to, "More time") == 250
    assert office.product.query("SELECT deadline FROM cases WHERE id = ?", case) > before
    assert office.answer(to, "Gelöscht") == 250
    attested = "SELECT count(*) FROM trail WHERE event = 'deletion-attested'"
    assert office.product.query(attested) == [(0,)]
    office.product.command("holds", "approve", case, "--basis", "contract", "--checked", "--delete-by", "2099-01-01")
    wait_for(lambda: office.asked(case)[1] == "released", 30, "the release")
    assert office.answer(to, "Deleted") == office.answer(to, "Gelöscht!") == 250
    assert office.product.query(attested) == [(1,)]


FORGED = {
    "no login": {"login": ""},
    "another login": {"login": "carl.check"},
    "another author": {"author": "carl.check@corp.example"},
    "another envelope": {"sender": "carl.check@corp.example"},
    "an outsider": {"sender": "anna@evil.example", "author": ANNA, "login": ""},
    "two authors": {"author": f"{ANNA}, carl.check@corp.example"},
    "a login lower down": {"login": "", "more": "X: y\r\n" + SIGNED_IN.format("anna.berger")},
    "a login in a name": {"login": "", "author": f'"(Authenticated sender: anna.berger)" <{ANNA}>'},
    "an absence note": {"more": "Auto-Submitted: auto-replied\r\n"},
    "a bulk reply": {"more": "Precedence: bulk\r\n"},
    "a list": {"more": "List-Id: <all.corp.example>\r\n"},
    "a report": {"sender": ""},
}


@pytest.mark.parametrize(
    ("login", "counts"),
    [
        ("anna.berger", True), ("anna.berger@corp.example", True), ("anna.berger@mx.corp.example", True),
        ("CORP/anna.berger", True), ("ANNA.BERGER@AD.LOCAL", True), ("anna.berger@server.of.ours.example", True),
        ("carl.check@mx.corp.example", False), ("carl.check", False), ("anna", False), ("@corp.example", False),
    ],
)  # fmt: skip
def test_whose_login_counts(office: Office, target: tuple[str, str], login: str, counts: bool) -> None:
    """The realm is the mail server's own; the user's name has to be hers."""
    case, to = target
    assert office.answer(to, "1", login=login) == (250 if counts else 550)
    assert office.asked(case)[0] == ("withdraw" if counts else "")
    if counts:
        assert office.answer(to, "0") == 250


@pytest.fixture(scope="module")
def target(office: Office) -> tuple[str, str]:
    """The case all forged answers are about."""
    return office.hold()


@pytest.mark.parametrize("how", FORGED)
def test_forged_and_automatic_answers_change_nothing(office: Office, target: tuple[str, str], how: str) -> None:
    """No withdrawal and no release, with the genuine address of the notice."""
    case, to = target
    for text in ("1", "2", "3 because", "0", "4", "approve", "APPROVE", "release"):
        code = office.answer(to, text, **FORGED[how])
        assert code in {250, 550}
        assert office.asked(case) == ("", "held"), (how, text)
    assert not office.notices(case, "answered")


def test_foreign_and_mangled_addresses_are_no_mailboxes(office: Office) -> None:
    """Another case's seal, one letter more or less, no seal, another person's: 550 and nothing else."""
    case, to = office.hold()
    other, other_to = office.hold()
    local, _, domain = to.partition("@")
    wrong = [
        f"mail-answer@{domain}", f"{local}x@{domain}", f"{local[:-1]}@{domain}", f"{local}@evil.example",
        to.replace(case.lower(), other.lower()), f"mail-answer+{case.lower()}@{domain}", other_to.replace("+", "++"),
        answer_address.sign(b"x" * 32, case, ANNA, "mail-answer@corp.example"),
    ]  # fmt: skip
    for each in wrong:
        assert office.answer(each, "1") == 550, each
    assert office.asked(case) == office.asked(other) == ("", "held")
    assert office.answer(to.upper(), "1") == 250  # letters may change their size on the way
    assert office.asked(case) == ("withdraw", "held")


def test_nobody_approves_what_was_taken_back_by_mail(office: Office) -> None:
    """Until it is undone or done."""
    case, to = office.hold()
    assert office.answer(to, "1") == 250
    office.product.command("holds", "approve", case, "--basis", "contract", "--checked", code=1)
    assert office.asked(case) == ("withdraw", "held")
    assert office.answer(to, "0") == 250
    office.product.command("holds", "approve", case, "--basis", "contract", "--checked")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1", ("1", "")), ("  2.\n\nGruß\nAnna", ("2", "")), ("> 1 zurückziehen\n> 2\n", ("", "")),
        ("1 Frage hätte ich noch: geht das?", ("", "")), ("10", ("", "")), ("12", ("", "")), ("", ("", "")),
        ("3", ("3", "")), ("3 Der Kunde\nwartet", ("3", "Der Kunde\nwartet")), ("30 Stück", ("", "")),
        ("3) weil es eilt\n\nVon: dlpmilter\nGesendet: heute\n1", ("3", "weil es eilt\n")),
        ("Am 1.1. um 10 schrieb X:\n> alles\n\n1", ("1", "")), ("Hallo,\n1", ("", "")), ("*1*", ("1", "")),
        ("Länger.", ("more", "")), ("„Gelöscht“", ("deleted", "")), ("Deleted\n\nAnna", ("deleted", "")),
        ("deleted it? no", ("", "")), ("More time!", ("more", "")),
        ("1 zurückziehen", ("1", "")), ("On Monday Bob wrote:\n1", ("1", "")), ("3.5 Millionen", ("3", "5 Millionen")),
    ],
)  # fmt: skip
def test_what_counts_as_an_answer(text: str, found: tuple[str, str]) -> None:
    """Alone on the first own line; what is quoted never counts."""
    number, words = choice_in(text)
    assert (number, words.strip()) == (found[0], found[1].strip())


@given(st.text(max_size=400))
def test_any_text_gives_one_of_five_answers(text: str) -> None:
    """Never anything else, and never an error."""
    number, words = choice_in(text)
    assert number in {"", "0", "1", "2", "3", "more", "deleted"}
    assert not words or number == "3"


@given(st.text(max_size=120))
def test_any_recipient_is_read_or_refused(text: str) -> None:
    """No recipient breaks it, and none is genuine by chance."""
    found = answer_address.read(text, "mail-answer@corp.example")
    assert found is None or not answer_address.genuine(found, [b"k" * 32], ANNA)
