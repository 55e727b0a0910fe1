# SPDX-License-Identifier: Apache-2.0
"""`directory sync` against a real OpenLDAP server: pages, TLS, mapping, and what never replaces the file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.config import ConfigError
from dlpmilter.facts.directory import People
from dlpmilter.facts.hashes import Hashes
from dlpmilter.facts.ldap_sync import SyncError, sync
from dlpmilter.settings import Ldap, LdapAttributes
from tests.facts import slapd
from tests.facts.slapd import BASE, PASSWORD, READER, Slapd
from tests.facts.test_people_product import RULES, becomes
from tests.peers.product import POLICY as SHIPPED
from tests.peers.product import Product
from tests.peers.sink import Sink

pytestmark = [
    pytest.mark.skipif(bool(slapd.missing()), reason=slapd.missing() or "runs"),
    # ldap3 2.9.1 uses old names of pyasn1 and ssl, and leaves a socket to the collector when a handshake fails
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ldap3"),
    pytest.mark.filterwarnings("ignore:unclosed <(ssl|socket):ResourceWarning"),
]
POLICY = SHIPPED.replace('extends = "default"\n', "")
ATTRIBUTES = LdapAttributes(aliases=("mailalternate", "pager"), department="ou", names=("cn", "displayName"))


def person(number: int, **more: list[str]) -> dict[str, list[str]]:
    """One entry."""
    return {"cn": [f"Person {number}"], "mail": [f"p{number}@corp.example"], **more}


@pytest.fixture
def server(tmp_path: Path) -> Slapd:
    """A server that is not started yet, in a folder of its own."""
    folder = tmp_path / "slapd"
    folder.mkdir()
    (tmp_path / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    return Slapd(folder)


def settings(server: Slapd, tmp_path: Path, **more: Any) -> Ldap:
    """How the product reads this server."""
    values: dict[str, Any] = {
        "url": server.plain, "base": BASE, "bind_dn": READER, "password_file": str(tmp_path / "password"),
        "ca_file": server.ca_file, "page_size": 7, "attributes": ATTRIBUTES,
    }  # fmt: skip
    return Ldap(**(values | more))


def test_people_come_page_by_page_over_tls(server: Slapd, tmp_path: Path) -> None:
    """More people than the server gives at once come whole, over STARTTLS and over ldaps, into a file that loads."""
    people = [person(number) for number in range(120)]
    people[3] |= {"displayName": ["Ånna|Bérg"], "ou": ["Sales"], "preferredLanguage": ["de-DE"],
                  "mail": ["Anna.Berg@Corp.Example", "a.berg@corp.example"], "pager": ["smtp:anna@corp.example"]}  # fmt: skip
    people[4] |= {"pager": ["p5@corp.example"]}
    people[6] |= {"mail": ["p7@corp.example"]}
    server.load(people)
    file = tmp_path / "people.csv"
    with server.running():
        for url in (server.plain, server.tls):
            done = sync(settings(server, tmp_path, url=url), file, force=True)
            assert (done.rows, done.skipped) == (119, 1)
    found = People.load(file, Hashes())
    assert found.person("anna@corp.example") == found.person("a.berg@corp.example") == "anna.berg@corp.example"
    assert "Ånna Bérg" in found.names("anna.berg@corp.example")
    assert (found.department("anna.berg@corp.example"), found.language("anna.berg@corp.example")) == ("Sales", "de")
    assert found.person("p5@corp.example") == "p5@corp.example"


def test_a_shrunken_answer_never_replaces_the_file(server: Slapd, tmp_path: Path) -> None:
    """More than a fifth fewer people is refused and leaves the file as it is; --force is a person's decision."""
    file = tmp_path / "people.csv"
    server.load([person(number) for number in range(40)])
    with server.running():
        assert sync(settings(server, tmp_path), file).rows == 40
    before = file.read_bytes()
    server.load([person(number) for number in range(20)])
    with server.running():
        with pytest.raises(SyncError, match="gave 20 people"):
            sync(settings(server, tmp_path), file)
        assert file.read_bytes() == before
        assert sync(settings(server, tmp_path, shrink_percent=50), file).rows == 20
        with pytest.raises(SyncError, match="gave 0 people"):
            sync(settings(server, tmp_path, filter="(mail=nobody@x)", shrink_percent=100), file)
        assert sync(settings(server, tmp_path, filter="(mail=p1@corp.example)"), file, force=True).rows == 1


def test_what_goes_wrong_is_a_sentence_and_the_file_stays(server: Slapd, tmp_path: Path) -> None:
    """A wrong password, an unknown certificate, a bad filter, a broken-off search and a dead server are refused."""
    file = tmp_path / "people.csv"
    file.write_text("address\nanna@corp.example\n", encoding="utf-8")
    before = file.read_bytes()
    server.load([person(number) for number in range(80)])
    wrong = tmp_path / "wrong"
    wrong.write_text("guess", encoding="utf-8")
    with server.running():
        for more, words in (
            ({"password_file": str(wrong)}, "does not let"),
            ({"ca_file": None}, "cannot be read|does not start TLS"),
            ({"url": server.tls, "ca_file": None}, "cannot be read"),
            ({"filter": "(mail="}, "cannot be read"),
            ({"base": "dc=elsewhere"}, "broke off"),
            ({"page_size": 1000}, "broke off"),
        ):
            with pytest.raises(SyncError, match=words):
                sync(settings(server, tmp_path, **more), file)
        with pytest.raises(ConfigError, match="password_file"):
            sync(settings(server, tmp_path, password_file=str(tmp_path / "none")), file)
    with pytest.raises(SyncError, match="cannot be read"):
        sync(settings(server, tmp_path), file)
    assert file.read_bytes() == before


def test_without_the_library_there_is_a_sentence(
    server: Slapd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ldap3 is an extra; who lacks it is told which."""
    monkeypatch.setitem(sys.modules, "ldap3", None)
    with pytest.raises(SyncError, match=r"dlpmilter\[ldap\]"):
        sync(settings(server, tmp_path), tmp_path / "people.csv")


def test_the_office_reads_on_its_schedule_and_gates_follow(server: Slapd, tmp_path: Path) -> None:
    """Without a file the office reads the server at once; gates know the people soon, without a signal."""
    server.load([person(1, displayName=["Zita Zauber"])])
    tables = (
        f'[directory]\nfile = "people.csv"\n[directory.ldap]\nurl = "{server.tls}"\nbase = "{BASE}"\n'
        f'bind_dn = "{READER}"\npassword_file = "{tmp_path / "password"}"\nca_file = "{server.ca_file}"\n'
        "every_minutes = 1\npage_size = 7\n"
    )
    with (
        server.running(),
        Sink(tmp_path / "journal") as sink,
        Product(
            tmp_path / "hop", next_hop=sink.port, settings={"workers": "1"}, tables=tables, policy=POLICY + RULES
        ) as product,
    ):
        becomes(product, "p1@corp.example", "zita.zauber@gmx.de", "own")
        assert "directory-synced" in product.log.read_text(encoding="utf-8")
