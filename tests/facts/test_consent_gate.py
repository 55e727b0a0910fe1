# SPDX-License-Identifier: Apache-2.0
"""Agreements and exemptions through the running product: two people, seconds to take effect, cited where they count."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.facts.gate import CONSENT, FORWARD, mail, policy, send
from tests.peers.as_user import call, need_users
from tests.peers.processes import wait_for
from tests.peers.product import Product
from tests.peers.sink import Sink

DORA, CARL, ANNA, STRANGER = "daemon", "games", "bin", "nobody"
"""Users every Debian has: two who agree, the sender, and somebody nobody mapped."""
TABLES = """
[reviewers.daemon]
address = "dora.dahl@corp.example"
pools = ["privacy"]
[reviewers.games]
address = "carl.check@corp.example"
pools = ["privacy"]
[reviewers.bin]
address = "Anna.Berger+dlp@corp.example"
pools = ["privacy"]
"""
FREELANCER = "fritz.frei@gmx.de"
UNTIL = (date.today() + timedelta(days=30)).isoformat()  # noqa: DTZ011 - days are local
ATTACHED = (
    'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n',
    "--b\r\nContent-Type: text/plain\r\n\r\n" + FORWARD + "\r\n--b\r\nContent-Type: application/pdf\r\n"
    "Content-Disposition: attachment; filename=a.pdf\r\n\r\n%PDF-1.4\r\n--b--\r\n",
)


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    """Where the mail goes."""
    folder = Path(tempfile.mkdtemp(prefix="dlpmilter-sink-"))
    try:
        with Sink(folder / "journal") as running:
            yield running
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def product(sink: Sink) -> Iterator[Product]:
    """A running product in a folder that every user may enter."""
    need_users(DORA, CARL, ANNA, STRANGER)
    folder = Path(tempfile.mkdtemp(prefix="dlpmilter-consent-"))
    folder.chmod(0o755)
    before = os.umask(0o022)
    try:
        with Product(folder / "hop", next_hop=sink.port, policy=policy(CONSENT), tables=TABLES) as running:
            running.database.chmod(0o600)
            yield running
    finally:
        os.umask(before)
        shutil.rmtree(folder)


def cli(product: Product, user: str, *arguments: str) -> tuple[int, str, str]:
    """One command as `user`."""
    return call(user, *arguments, "--config", str(product.file))


def agree(product: Product, *scope: str, purpose: str = "Translations") -> str:
    """An agreement that Dora proposed and Carl signed; its id."""
    arguments = ["agreements", "propose", "--purpose", purpose, "--until", UNTIL, *scope, "--json"]
    code, out, err = cli(product, DORA, *arguments)
    assert code == 0, err
    number = str(json.loads(out)["id"])
    code, out, err = cli(product, CARL, "agreements", "sign", number, "--json")
    assert (code, json.loads(out)["state"]) == (0, "in_force"), err
    return number


def forward(to: str, *, more: str = "", body: str = FORWARD) -> bytes:
    """A forwarded mail, held unless something was agreed."""
    return mail(f"Fwd: {to}", body, more=more)


def passes(product: Product, to: str, message: bytes) -> bool:
    """Whether the mail went out (True) or is held (False)."""
    before = len(product.held())
    code, text = send(product.port, message, to.encode())
    assert code == 250, text
    return len(product.held()) == before


def events(product: Product, number: str) -> list[str]:
    """What the trail says happened to an agreement or exemption."""
    rows = product.query(
        "SELECT event FROM trail JOIN trail_values c ON c.seq = trail.seq AND c.name = 'case'"
        " WHERE c.value = ? ORDER BY trail.seq",
        json.dumps(number),
    )
    return [row[0] for row in rows]


def test_an_agreement_lets_its_mail_pass_until_it_is_revoked(product: Product, sink: Sink) -> None:
    """Held before, sent while it is in force, held again seconds after one person has revoked it; uses are counted."""
    assert not passes(product, FREELANCER, forward(FREELANCER))
    number = agree(product, "--sender", "anna.berger@corp.example", "--recipient", "Fritz.Frei@GMX.de")
    wait_for(lambda: passes(product, FREELANCER, forward(FREELANCER)), 20, "the agreement to take effect")
    assert sink.deliveries()

    def uses() -> int:
        return int(json.loads(cli(product, DORA, "agreements", "show", number, "--json")[1])["uses"])

    wait_for(lambda: uses() >= 1, 20, "the use to be counted")
    used = [json.loads(line) for line in product.log.read_text().splitlines() if '"consent-used"' in line]
    assert used[-1]["consents"] == [number]
    assert cli(product, CARL, "agreements", "revoke", number)[0] == 0
    wait_for(lambda: not passes(product, FREELANCER, forward(FREELANCER)), 20, "the revocation to take effect")
    assert events(product, number) == ["agreement-proposed", "agreement-signed", "agreement-revoked"]
    product.verify()


def test_what_is_outside_the_scope_is_held(product: Product) -> None:
    """Neither an attachment nor an automatic forward nor another recipient passes an agreement that excludes them."""
    other = "olga.ohne@gmx.de"
    agree(product, "--sender", "anna.berger@corp.example", "--recipient", other, "--no-attachments")
    wait_for(lambda: passes(product, other, forward(other)), 20, "the agreement to take effect")
    head, body = ATTACHED
    assert not passes(product, other, forward(other, more=head, body=body))
    assert not passes(product, other, forward(other, more="X-MS-Exchange-Inbox-Rules-Loop: a@corp.example\r\n"))
    assert not passes(product, "olga.andere@gmx.de", forward(other))


def test_the_record_and_explain_name_the_agreement(product: Product, tmp_path: Path) -> None:
    """Beside a held recipient the trail cites it; `explain --config` reads it from the database and cites it, too."""
    to = "paul.partner@gmx.de"
    number = agree(product, "--sender", "anna.berger@corp.example", "--recipient", to)
    wait_for(lambda: passes(product, to, forward(to)), 20, "the agreement to take effect")
    sent: list[bytes] = []

    def cited() -> bool:
        """Each gate reads agreements every two seconds: the one that takes this mail may be the later one."""
        sent.append(forward(to))
        assert send(product.port, sent[-1], to.encode(), b"anna.berger@gmx.de")[0] == 250
        query = "SELECT layer FROM trail_values WHERE name = 'consents' AND value = ?"
        return product.query(query, f'["{number}"]') == [("F",)]

    wait_for(cited, 20, "the trail to cite it")
    message = sent[-1]
    file = tmp_path / "mail.eml"
    file.write_bytes(message)
    arguments = ("explain", "--sender", "anna.berger@corp.example", "--rcpt", to, "--json", str(file))
    (recipient,) = json.loads(product.command(*arguments))["recipients"]
    assert (recipient["action"], f"agreement-{number}" in recipient["reasons"]) == ("relay", True)
    later = (datetime.now(UTC) + timedelta(days=40)).isoformat()
    (recipient,) = json.loads(product.command(*arguments, "--now", later))["recipients"]
    assert recipient["action"] == "hold"


def test_two_different_people_and_never_the_sender(product: Product) -> None:
    """Who proposed may not sign, a covered sender may do neither, a stranger nothing, and a second signature is late."""
    scope = ("--sender", "anna.berger@corp.example", "--recipient", "rolf.rest@gmx.de")
    propose = ("agreements", "propose", "--purpose", "Test", "--until", UNTIL, *scope, "--json")
    code, _, err = cli(product, ANNA, *propose)
    assert (code, "sender" in err) == (1, True), err
    assert cli(product, STRANGER, *propose)[0] == 1
    assert cli(product, STRANGER, "agreements", "list")[0] == 1
    code, out, err = cli(product, DORA, *propose)
    assert code == 0, err
    number = json.loads(out)["id"]
    code, _, err = cli(product, DORA, "agreements", "sign", number)
    assert (code, "second person" in err) == (1, True), err
    code, _, err = cli(product, ANNA, "agreements", "sign", number)
    assert (code, "sender" in err) == (1, True), err
    assert cli(product, CARL, "agreements", "sign", number)[0] == 0
    code, _, err = cli(product, CARL, "agreements", "sign", number)
    assert (code, "in force" in err) == (1, True), err
    assert events(product, number) == ["agreement-proposed", "agreement-signed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--sender", "anna.berger@corp.example", "--recipient", "gmx.de"), "exact address"),
        (("--sender", "anna.berger@corp.example", "--recipient", "co.uk"), "exact address"),
        (("--sender", "anna.berger@corp.example", "--recipient", "*.example.org"), "patterns"),
        (("--sender", "anna@elsewhere.example", "--recipient", "a@gmx.de"), "no sender of ours"),
        (("--sender", "corp.example", "--recipient", "a@gmx.de"), "one by one"),
        (("--sender", "anna.berger@corp.example", "--recipient", "a@gmx.de", "--from", "soon"), "YYYY-MM-DD"),
        (("--sender", "anna.berger@corp.example", "--recipient", "a@gmx.de", "--until", "2019-01-01"), "past"),
        (("--sender", "anna.berger@corp.example", "--recipient", "a@gmx.de", "--until", "2099-01-01"), "366"),
    ],
)
def test_a_scope_that_is_nobody_in_particular_is_refused(
    product: Product, arguments: tuple[str, ...], words: str
) -> None:
    """Whole mail providers, patterns, strangers as senders and impossible days get a sentence that says what to do."""
    code, _, err = cli(product, DORA, "agreements", "propose", "--purpose", "x", "--until", UNTIL, *arguments)
    assert (code in {1, 2}, words in err, err.count("\n")) == (True, True, 1), err


def test_an_exemption_ends_by_the_clock(product: Product) -> None:
    """The exempt sender's mail passes until the end of the exemption, without anybody doing anything."""
    to = "berta.bald@gmx.de"
    message = forward(to).replace(b"anna.berger", b"emil.eilig").replace(b"Anna Berger", b"Emil Eilig")

    def out() -> bool:
        before = len(product.held())
        assert send(product.port, message, to.encode(), sender=b"emil.eilig@corp.example")[0] == 250
        return len(product.held()) == before

    propose = ("exemptions", "propose", "--sender", "emil.eilig@corp.example", "--reason", "Trade fair", "--json")
    assert cli(product, DORA, *propose, "--days", "31")[0] == 2
    code, said, err = cli(product, DORA, *propose, "--days", "30")
    assert code == 0, err
    number = json.loads(said)["id"]
    assert cli(product, CARL, "exemptions", "sign", number)[0] == 0
    wait_for(out, 20, "the exemption to take effect")
    (row,) = [json.loads(line) for line in cli(product, CARL, "exemptions", "list", "--json")[1].splitlines()]
    assert (row["id"], row["state"], row["sender"]) == (number, "in_force", "emil.eilig@corp.example")
    end = time.time() + 3
    with sqlite3.connect(product.database, timeout=30) as connection:
        connection.execute("UPDATE consents SET ends_at = ? WHERE id = ?", (int(end * 1e6), number))
    connection.close()
    message = message.replace(b"Fwd: ", b"Fwd: Ende ")
    wait_for(lambda: not out(), 20, "the end of the exemption")
    wait_for(lambda: "exemption-expired" in events(product, number), 60, "the office to note the end")
    assert events(product, number) == ["exemption-proposed", "exemption-signed", "exemption-expired"]
    listed = cli(product, CARL, "exemptions", "list", "--all", "--json")[1]
    assert json.loads(listed)["state"] == "expired"
    product.verify()
