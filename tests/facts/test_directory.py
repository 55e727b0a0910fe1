# SPDX-License-Identifier: Apache-2.0
"""The file of people: what it says, what is refused with its place, and how it is written."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.config import ConfigError
from dlpmilter.facts.directory import People, full_names
from dlpmilter.facts.hashes import Hashes, read, written
from dlpmilter.facts.people_csv import COLUMNS, Problems, Row, normal_address, rows_of, write_people
from dlpmilter.model.address import AddressError, parse_address
from dlpmilter.policy.domains import normalise_domain

HASHES = Hashes((b"k" * 32, b"older key"))
FILE = """\
address,names,aliases,private,department,secrecy_group,language,person
anna.berger@corp.example,Anna Berger|Anna Meier|Anni,a.berger@corp.example|anna@corp-group.example,anna@berger-privat.example,sales,,de,
carl.voss@corp.example,"Voss, Carl",,h:HASH,legal,lawyers,en,
info@corp.example,,service@corp.example,,,,,anna.berger@corp.example
jörg@bücher.example,Jörg Groß,,,,,,
"""


def load(tmp_path: Path, text: str = FILE) -> People:
    """The people of a file with this text."""
    path = tmp_path / "people.csv"
    older = written(HASHES.each("carl.voss@gmx.example")[1])
    path.write_text(text.replace("h:HASH", older), encoding="utf-8")
    return People.load(path, HASHES)


def problems(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with a file, without its path."""
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, text)
    return [str(each).partition("people.csv: ")[2] for each in raised.value.problems]


def test_every_address_leads_to_the_person(tmp_path: Path) -> None:
    """Alias and shared mailbox resolve to who answers; case and spelling of the domain do not matter."""
    people = load(tmp_path)
    for address in ("anna.berger@corp.example", "a.berger@corp.example", "anna@corp-group.example",
                    "info@corp.example", "service@corp.example"):  # fmt: skip
        assert people.person(address) == "anna.berger@corp.example"
    assert people.person("jörg@bücher.example") == people.person("jörg@xn--bcher-kva.example") != ""
    assert people.person("nobody@corp.example") == people.person("") == ""
    assert people.locals("info@corp.example") == ("anna.berger", "a.berger", "anna")
    assert (people.department("info@corp.example"), people.secrecy_group("carl.voss@corp.example")) == (
        "sales", "lawyers",
    )  # fmt: skip
    assert people.language("service@corp.example") == "de"


def test_a_nickname_is_used_with_the_surnames(tmp_path: Path) -> None:
    """Full and earlier names stay, and the nickname stands before each surname."""
    names = load(tmp_path).names("service@corp.example")
    assert names == ("Anna Berger", "Anna Meier", "Anni", "Anni Berger", "Anni Meier")
    assert full_names("Voss, Carl|Charly") == ("Voss, Carl", "Charly", "Charly Voss")


def test_private_mailboxes_are_found_plain_and_hashed_also_after_a_new_key(tmp_path: Path) -> None:
    """A plain address and a hash under an older key name their owner; nobody else's mailbox does."""
    people = load(tmp_path)
    assert people.private_owner("anna@berger-privat.example") == "anna.berger@corp.example"
    assert people.keeps("carl.voss@corp.example", "carl.voss@gmx.example")
    assert people.private_owner("someone@gmx.example") == ""
    assert read(written(HASHES.of("x@y.example"))) == HASHES.of("x@y.example")
    assert read("h:1234") is None


def test_a_shared_private_mailbox_belongs_to_both(tmp_path: Path) -> None:
    """A couple that works here keeps one private mailbox."""
    people = load(tmp_path, "address,private\na@corp.example,us@home.example\nb@corp.example,us@home.example\n")
    assert people.keeps("a@corp.example", "us@home.example")
    assert people.keeps("b@corp.example", "us@home.example")


def test_all_mistakes_are_said_at_once_with_their_place(tmp_path: Path) -> None:
    """Line and column of each: bad address, bad hash, unknown language, double address, person nobody knows."""
    text = (
        "address,aliases,private,language,person\n"
        "anna@corp.example,anna@corp,h:12,fr,\n"
        "not an address,,,,\n"
        "carl@corp.example,anna@corp.example,,,boss@corp.example\n"
        "dora@corp.example,,carl@corp.example,,\n"
        "emil@corp.example,\n"
    )
    found = problems(tmp_path, text)
    assert [each.partition(": ")[0] for each in found] == [
        "line 2, column language", "line 2, column private", "line 3, column address", "line 4, column aliases",
        "line 6", "line 4, column person", "line 5, column private",
    ]  # fmt: skip


@pytest.mark.parametrize("column", ["title", "Rank", "job title", "Position", "level", "Dienstgrad"])
def test_a_rank_is_refused_with_the_reason(tmp_path: Path, column: str) -> None:
    """There is no rank here, and the file may not bring one."""
    (found,) = problems(tmp_path, f"address,{column}\nanna@corp.example,CEO\n")
    assert "no rank" in found


def test_an_unknown_column_gets_a_suggestion(tmp_path: Path) -> None:
    """A slip in the header row is named, with what was meant; a missing address column too."""
    found = problems(tmp_path, "adress,names\nanna@corp.example,Anna\n")
    assert "Did you mean 'address'?" in found[0]
    assert "line 1, column address: is missing." in found[1]
    assert problems(tmp_path, "")[0].startswith("is empty")


def test_what_is_no_text_file_is_said(tmp_path: Path) -> None:
    """A file in another encoding, a missing one and a folder are sentences, not stacks."""
    path = tmp_path / "people.csv"
    path.write_bytes("address,names\na@corp.example,J\xf6rg\n".encode("latin-1"))
    for place in (path, tmp_path / "none.csv", tmp_path):
        with pytest.raises(ConfigError):
            People.load(place, HASHES)


_TEXT = st.text(
    st.characters(blacklist_characters="|\x00", blacklist_categories=("Cs", "Zl", "Zp", "Cc", "Zs")), max_size=20
)
_LOCAL = st.text("abcdefghijklmnopqrstuvwxyz0123456789._", min_size=1, max_size=10).map(
    lambda s: "x" + s.replace(".", "") + "x"
)


@given(st.lists(st.builds(
    Row,
    line=st.just(0),
    address=_LOCAL.map(lambda local: f"{local}@corp.example"),
    names=st.lists(_TEXT.filter(bool), max_size=3, unique=True).map(tuple),
    department=_TEXT,
    secrecy_group=_TEXT,
), max_size=20))  # fmt: skip
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> None:
    """Any row survives the file: commas, quotes and line ends of names included."""
    path = tmp_path_factory.mktemp("people") / "people.csv"
    assert write_people(path, rows) == len(rows)
    assert path.stat().st_mode & 0o777 == 0o600
    found = list(rows_of(path, Problems("people.csv")))
    assert [(row.address, row.names, row.department, row.secrecy_group) for row in found] == [
        (row.address, row.names, row.department, row.secrecy_group) for row in rows
    ]


@given(st.binary(max_size=400).map(lambda data: ",".join(COLUMNS).encode() + b"\r\n" + data) | st.binary(max_size=200))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Whatever stands in the file, the answer is people or sentences."""
    path = tmp_path_factory.mktemp("people") / "people.csv"
    path.write_bytes(data)
    with contextlib.suppress(ConfigError):
        assert len(People.load(path, HASHES)) >= 0


def test_the_example_of_the_documents_loads(tmp_path: Path) -> None:
    """The table in deploy/directory.md is a file that loads, and its columns are all there are."""
    text = (Path(__file__).parents[2] / "deploy" / "directory.md").read_text(encoding="utf-8")
    example = text.partition("```csv\n")[2].partition("```")[0]
    people = load(tmp_path, example)
    assert people.secrecy_group("legal@example.com") == "lawyers"
    assert people.person("legal@example.com") == people.person("a.berger@example.com") == "anna.berger@example.com"
    assert tuple(example.splitlines()[0].split(",")) == COLUMNS
    assert [each for each in COLUMNS if f"| `{each}` |" not in text] == []


@given(
    st.from_regex(r"[a-z0-9_+.-]{1,40}@[a-z0-9.-]{1,40}", fullmatch=True)
    | st.from_regex(r"[ <]?[A-Za-z0-9%!\"@._+-]{1,70}@[A-Za-z0-9._xn-]{1,70}[ >.]?", fullmatch=True)
    | st.text(max_size=20)
)
def test_a_plain_address_is_what_the_long_way_makes_of_it(text: str) -> None:
    """What is taken as plain at one look has the normal form that parsing and folding give it."""
    try:
        mailbox = parse_address(text)
        wanted = f"{mailbox.local.lower()}@{normalise_domain(mailbox.domain)}" if mailbox.domain else None
    except (AddressError, UnicodeEncodeError):
        wanted = None
    try:
        assert normal_address(text) == wanted
    except (AddressError, UnicodeEncodeError):
        assert wanted is None
