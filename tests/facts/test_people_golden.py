# SPDX-License-Identifier: Apache-2.0
"""Own, colleague, customer: golden mails judged with a file of people, and that rank changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.cli.main import command
from dlpmilter.engine.evaluate import evaluate
from dlpmilter.facts.directory import People
from dlpmilter.facts.hashes import Hashes
from dlpmilter.facts.people import Everybody, PrivateMailboxes
from dlpmilter.facts.people_csv import Problems, Row, normal_address
from dlpmilter.mime.head import read_head
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.facts import Directory, Facts, Known
from dlpmilter.model.verdict import Verdict
from dlpmilter.model.words import Action, Relation
from dlpmilter.policy.schema import Customers, Policy
from tests.engine.samples import LIMITS, SHIPPED, transaction

HASHES = Hashes((b"k" * 32,))
PEOPLE = """\
address,names,aliases,private,department,secrecy_group,language,person
anna.mueller@corp.example,Anna-Lena Müller|Anna-Lena Berghof|Leni,am@corp.example|ceo@corp.example,zauberfee@gmx.de,board,,de,
j.gross@corp.example,"Groß, Jörg-Peter",,,sales,,de,
k.voss@corp.example,Karla Voss|Karla Steinbach,,schneeball@web.de,legal,lawyers,de,
intern7@corp.example,Tim Ulm,,,sales,,de,
info@corp.example,Info Corp,,,,,,j.gross@corp.example
sekretariat@corp.example,,,,,,,anna.mueller@corp.example
szymon@corp.example,Szymon Łukaszewicz,,,,,,
oconnor@corp.example,Siobhán O’Connor,,,,,,
"""
OWN, COLLEAGUE, NONE = Relation.own_private, Relation.colleague_private, Relation.none


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    """The people of all golden mails."""
    path = tmp_path_factory.mktemp("people") / "people.csv"
    path.write_text(PEOPLE, encoding="utf-8")
    return People.load(path, HASHES)


def judged(facts: Facts, sender: str, recipient: str, *, login: str = "", policy: Policy = SHIPPED) -> Verdict:
    """A forward from `sender`, whose From says nothing of a name."""
    raw = (
        f"From: {sender}\r\nTo: {recipient}\r\nSubject: Fwd: Angebot\r\nMessage-ID: <1@corp.example>\r\n\r\n"
        "-----Original Message-----\r\nFrom: kunde@partner.example\r\nSent: today\r\nTo: x@corp.example\r\n"
        "Subject: Angebot\r\n\r\ntext\r\n"
    )
    content = raw.encode()
    envelope = transaction(content, sender=sender, rcpt=(recipient,), login=login)
    answer = evaluate(envelope, read_head(content, LIMITS), facts, policy, read_structure(content, LIMITS))
    assert isinstance(answer, Verdict)
    return answer


def relation(
    directory: Directory, sender: str, recipient: str, *, login: str = "", known: Known | None = None
) -> Relation:
    """How the recipient stands to the sender."""
    facts = Facts(now=datetime(2026, 11, 22, tzinfo=UTC), directory=directory, known=known or Known())
    return judged(facts, sender, recipient, login=login).dispositions[0].relation


@pytest.mark.parametrize(
    ("sender", "recipient", "expected"),
    [
        # umlauts and transliteration, in the directory only
        ("am@corp.example", "annalena.mueller@gmx.de", OWN),
        ("am@corp.example", "anna.muller@gmail.com", OWN),
        ("am@corp.example", "anna-lena.müller@gmx.de", OWN),
        ("intern7@corp.example", "tim.ulm@gmx.de", OWN),
        ("szymon@corp.example", "s.lukaszewicz@wp.pl", OWN),
        ("oconnor@corp.example", "siobhan.oconnor@gmail.com", OWN),
        ("j.gross@corp.example", "joergpeter.gross@t-online.de", OWN),
        ("j.gross@corp.example", "jorg.gross@gmail.com", OWN),
        # earlier name, nickname, initials, years of birth
        ("am@corp.example", "a.berghof@web.de", OWN),
        ("am@corp.example", "leni.berghof79@gmx.de", OWN),
        ("am@corp.example", "lenimueller@gmx.net", OWN),
        ("k.voss@corp.example", "k.steinbach1984@gmx.de", OWN),
        ("k.voss@corp.example", "karlasteinbach84@yahoo.de", OWN),
        # alias, shared mailbox, function: the person behind it
        ("ceo@corp.example", "anna.mueller@web.de", OWN),
        ("info@corp.example", "joerg.gross@gmx.de", OWN),
        ("sekretariat@corp.example", "zauberfee@gmx.de", OWN),
        # the directory's private mailboxes, in any spelling, of oneself and of a colleague
        ("anna.mueller@corp.example", "ZauberFee+x@gmx.de", OWN),
        ("k.voss@corp.example", "zauberfee@gmx.de", COLLEAGUE),
        ("info@corp.example", "schneeball@web.de", COLLEAGUE),
        # a domain of the family
        ("am@corp.example", "post@berghof-privat.de", OWN),
        ("k.voss@corp.example", "karla@steinbach-online.de", OWN),
        # somebody else
        ("am@corp.example", "peter.schulz@gmx.de", NONE),
        ("intern7@corp.example", "zauberin@gmx.de", NONE),
        ("am@corp.example", "info@gmx.de", NONE),
        ("k.voss@corp.example", "karla.kunde@gmx.de", NONE),
        ("info@corp.example", "info@web.de", NONE),
    ],
)  # fmt: skip
def test_who_the_recipient_is(people: People, sender: str, recipient: str, expected: Relation) -> None:
    """Each row of the table: names only the directory knows decide, also behind aliases and shared mailboxes."""
    assert relation(people, sender, recipient) == expected


def test_a_delegate_sends_for_herself_where_a_login_is_told(people: People) -> None:
    """Karla sends as info@: her login says so, and her own mailbox is hers; without it the owner answers."""
    assert relation(people, "info@corp.example", "karla.steinbach@gmx.de", login="k.voss@corp.example") == OWN
    assert relation(people, "info@corp.example", "karla.steinbach@gmx.de") == NONE
    assert relation(people, "info@corp.example", "joerg.gross@gmx.de", login="k.voss@corp.example") == NONE


def test_a_registered_mailbox_counts_for_any_class_but_internal(people: People) -> None:
    """Even an unlisted domain without a name in it; a proposal only for the person it is about."""
    rows = [
        (HASHES.of("box17@unlisted-hosting.example"), "k.voss@corp.example", True),
        (HASHES.of("proposed@gmx.de"), "k.voss@corp.example", False),
    ]
    directory = Everybody(people, PrivateMailboxes(HASHES, rows))
    assert relation(directory, "k.voss@corp.example", "box17@unlisted-hosting.example") == OWN
    assert relation(directory, "intern7@corp.example", "box17@unlisted-hosting.example") == COLLEAGUE
    assert relation(directory, "k.voss@corp.example", "proposed@gmx.de") == OWN
    assert relation(directory, "intern7@corp.example", "proposed@gmx.de") == NONE
    assert relation(directory, "intern7@corp.example", "k.voss@corp.example") == NONE


def test_own_mailbox_comes_before_customer(people: People) -> None:
    """A register of customers makes a stranger a customer, and nobody's own mailbox."""
    known = Known(customers=frozenset({"zauberfee@gmx.de", "peter.schulz@gmx.de"}))
    assert relation(people, "am@corp.example", "peter.schulz@gmx.de", known=known) == Relation.customer
    assert relation(people, "am@corp.example", "zauberfee@gmx.de", known=known) == OWN
    policy = replace(SHIPPED, customers=Customers(system_senders=frozenset({"intern7@corp.example"})))
    facts = Facts(now=datetime(2026, 11, 22, tzinfo=UTC), directory=people)
    verdict = judged(facts, "intern7@corp.example", "peter.schulz@gmx.de", policy=policy)
    assert verdict.dispositions[0].relation == Relation.customer


_NAMES = st.sampled_from(["Anna Berger", "Tim Ulm", "Jörg Groß", "Karla Voss", "Ada O’Neill", "Bo Li"])
_BOXES = st.sampled_from(["{given}.{surname}@gmx.de", "{surname}84@web.de", "fremd@gmx.de", "kontakt@partner.example"])
_GROUPS = st.sampled_from(["", "board", "interns", "sales"])


@given(_NAMES, _BOXES, _GROUPS, _GROUPS, st.booleans())
def test_board_and_intern_are_judged_alike(name: str, box: str, one: str, other: str, listed: bool) -> None:
    """Two people who differ in department and address only get the same action for the same mail."""
    given_name, surname = (each.replace("’", "").lower() for each in name.split())
    recipient = box.format(given=given_name, surname=surname).translate({ord("ö"): "oe", ord("ß"): "ss"})
    actions: list[tuple[Action, Relation]] = []
    for address, department in (("ceo@corp.example", one), ("t7@corp.example", other)):
        row = Row(2, address, (name,), (), (recipient,) if listed else (), department)
        directory = People.of([row], HASHES, Problems("x"))
        facts = Facts(now=datetime(2026, 11, 22, tzinfo=UTC), directory=directory)
        (found,) = judged(facts, address, recipient).dispositions
        actions.append((found.action, found.relation))
    assert actions[0] == actions[1]


def test_explain_reads_a_file_of_people(tmp_path: Path) -> None:
    """With --directory the alias's owner and her private mailbox are known; without it nobody is."""
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE + "x@corp.example,,,h:" + "0" * 32 + ",,,,\n", encoding="utf-8")
    mail = tmp_path / "mail.eml"
    mail.write_bytes(b"From: ceo@corp.example\r\nTo: zauberfee@gmx.de\r\nSubject: Fwd: x\r\n\r\nhello\r\n")
    arguments = ["explain", "--internal", "corp.example", "--json", str(mail)]
    with_file = CliRunner().invoke(command, [*arguments, "--directory", str(file)])
    assert json.loads(with_file.stdout)["recipients"][0]["relation"] == "own_private"
    assert "1 hashed private addresses are not compared" in with_file.stderr
    without = CliRunner().invoke(command, arguments)
    assert json.loads(without.stdout)["recipients"][0]["relation"] == "none"
    file.write_text("address,rank\na@corp.example,1\n", encoding="utf-8")
    broken = CliRunner().invoke(command, [*arguments, "--directory", str(file)])
    assert (broken.exit_code, "no rank" in broken.stderr) == (2, True)


def test_simulate_reads_a_file_of_people(tmp_path: Path) -> None:
    """The same mail in an archive is held as own mail only where the file says whose mailbox it is."""
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "1.eml").write_bytes(
        b"From: ceo@corp.example\r\nTo: zauberfee@gmx.de\r\nSubject: Fwd: x\r\nMessage-ID: <1@x>\r\n\r\n"
        b"-----Original Message-----\r\nFrom: a@partner.example\r\nSent: today\r\nTo: b\r\nSubject: c\r\n\r\nx\r\n"
    )
    arguments = ["policy", "simulate", "--internal", "corp.example", "--as-enforced", "--json", str(tmp_path / "box")]
    rules: list[set[str]] = []
    for more in ([], ["--directory", str(file)]):
        done = CliRunner().invoke(command, [*arguments, "--processes", "1", *more])
        assert done.exit_code == 0, done.output
        rules.append({row["rule"] for row in json.loads(done.stdout)["by_rule"] if row["recipients"]})
    assert "own-private-mailbox" in rules[1]
    assert "own-private-mailbox" not in rules[0]


def test_a_person_in_no_file_keeps_his_mailbox_by_either_spelling_of_the_domain() -> None:
    """Registered under the normal form, found when the mail says the domain in Unicode or in ASCII."""
    registry = PrivateMailboxes(HASHES, [(HASHES.of("me@gmx.de"), normal_address("anna@bücher.example"), True)])
    everybody = Everybody(People(HASHES), registry)
    assert everybody.keeps("anna@bücher.example", "me@gmx.de")
    assert everybody.keeps("anna@xn--bcher-kva.example", "me@gmx.de")
    assert not everybody.keeps("", "me@gmx.de")
