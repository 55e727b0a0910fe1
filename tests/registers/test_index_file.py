# SPDX-License-Identifier: Apache-2.0
"""An index holds no value, opens with its own key only, and a damaged one is refused by name."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlpmilter.registers import normal
from dlpmilter.registers.build import Plan, build
from dlpmilter.registers.documents import Documents, write_documents
from dlpmilter.registers.errors import IndexUnusable
from dlpmilter.registers.index_file import describe, hasher
from dlpmilter.registers.match import Register, match
from dlpmilter.registers.source import Source
from tests.registers import samples

PEOPLE = samples.people(300)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    samples.register(folder, PEOPLE).close()
    return folder / "customers.reg"


@pytest.fixture(scope="module")
def prints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prints") / "documents.fp"
    write_documents(path, samples.KEY, {"key": "test", "made": "2026-01-01"}, new=[("a", samples.document(1))])
    return path


def test_no_value_stands_in_the_files(index: Path, prints: Path) -> None:
    """No cell, no folded cell, no word of five letters and more can be found in the octets of an index."""
    data = index.read_bytes().lower() + prints.read_bytes().lower()
    for row in PEOPLE:
        for cell in row:
            for form in (cell.lower(), normal.fold(cell), normal.canonical(normal.fold(cell)).lstrip("#=+")):
                for word in (form, *form.split()):
                    assert len(word) < 5 or word.encode() not in data, word
    for word in set(samples.document(1).lower().split()):
        assert len(word) < 5 or word.encode() not in data


def test_an_index_can_be_read_by_its_owner_only(index: Path, prints: Path) -> None:
    """Mode 0600, whatever the umask."""
    assert [stat.S_IMODE(path.stat().st_mode) for path in (index, prints)] == [0o600, 0o600]


def test_another_key_opens_nothing_and_finds_nothing(index: Path, prints: Path) -> None:
    """With another key the file is refused; even its hashes lead nowhere."""
    for kind, path in ((Register, index), (Documents, prints)):
        with pytest.raises(IndexUnusable, match=f"{path.name}.*another key"):
            kind(path, samples.OTHER_KEY)
    register = Register(index, samples.KEY)
    assert match(register, samples.table(PEOPLE[:20])) is not None
    register.hasher = hasher(samples.OTHER_KEY)
    assert match(register, samples.table(PEOPLE)) is None


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_refused_by_name(index: Path, prints: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Cut off, lengthened or changed at any octet, an index is refused with a sentence that names it."""
    path, kind = data.draw(st.sampled_from([(index, Register), (prints, Documents)]))
    octets = bytearray(path.read_bytes())
    how = data.draw(st.sampled_from(["cut", "more", "change", "empty section"]))
    at = data.draw(st.integers(0, len(octets) - 1))
    if how == "cut":
        del octets[at:]
    elif how == "more":
        octets += bytes(data.draw(st.binary(min_size=1, max_size=50)))
    elif how == "change":
        octets[at] ^= data.draw(st.integers(1, 255))
    else:
        del octets[at : at + 13]
    broken = tmp_path / "broken.idx"
    broken.write_bytes(octets)
    with pytest.raises(IndexUnusable, match=r"broken\.idx"):
        kind(broken, samples.KEY)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(8, 20_000), st.integers(1, 255))
def test_damage_after_opening_is_no_crash(index: Path, tmp_path: Path, at: int, bit: int) -> None:
    """A lookup in sections that rot unseen gives an answer, right or wrong, and ends."""
    octets = bytearray(index.read_bytes())
    end = max(start + size for start, size in describe(index)["sections"].values())
    octets[8 + at % (end - 8)] ^= bit
    broken = tmp_path / "rotten.idx"
    broken.write_bytes(octets)
    register = Register(broken, samples.KEY, verify=False)
    match(register, samples.table(PEOPLE[:30]))
    register.close()


def test_an_older_spelling_of_the_hashes_is_refused(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the normalisation changes, old indexes would find nothing: they are refused instead."""
    monkeypatch.setattr(normal, "VERSION", normal.VERSION + 1)
    with pytest.raises(IndexUnusable, match="another version"):
        Register(index, samples.KEY)


def test_a_failed_build_leaves_the_old_index(tmp_path: Path) -> None:
    """A table with a mistake in its last row changes nothing and leaves no file behind."""
    samples.register(tmp_path, PEOPLE[:50]).close()
    before = (tmp_path / "customers.reg").read_bytes()
    source = samples.write_csv(tmp_path / "bad.csv", [*PEOPLE, ("too", "short")])
    with pytest.raises(ValueError, match=r"bad\.csv, row 302: 2 cells, but row 1 names 10 columns; column 'surname'"):
        build(Source(source), Plan("customers"), tmp_path / "customers.reg", samples.KEY, {})
    assert (tmp_path / "customers.reg").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "customers.reg", "source.csv"]


@pytest.mark.parametrize(
    ("content", "source", "words"),
    [
        (b"", {}, "is empty"),
        (b"a,b\n", {}, "has no rows"),
        (b"a,b\n1,2\n", {"columns": ("c",)}, "row 1: there is no column 'c'. The columns are: a, b."),
        (b"a,a\n1,2\n", {}, "row 1: column names are empty or used twice"),
        (b"a,b\n1,2,3\n", {}, "row 2: 3 cells, but row 1 names 2 columns; there are too many"),
        (b'a,b\n1,"2\n', {}, "row 2: unexpected end of data"),
        (b'a,b\n"1"x,2\n', {}, "row 2: ',' expected after"),
        (b"a,b\n\xff\xfe,2\n", {}, "not utf-8-sig"),
        (b"a,b\n1,2\n", {"encoding": "klingon"}, "--encoding klingon is not known"),
        (b"a,b\n" + b"x" * 200_000 + b",2\n", {}, "field larger than field limit"),
        (",".join(f"c{number}" for number in range(65)).encode() + b"\n", {}, "65 columns; at most 64"),
    ],
)
def test_a_mistake_in_the_table_is_named(tmp_path: Path, content: bytes, source: dict[str, object], words: str) -> None:
    """Each mistake is one sentence with file, row and column."""
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"table\.csv|--encoding") as caught:
        build(Source(path, **source), Plan("x"), tmp_path / "x.reg", samples.KEY, {})  # type: ignore[arg-type]
    assert words in str(caught.value)
