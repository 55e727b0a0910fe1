# SPDX-License-Identifier: Apache-2.0
"""Registered rows are found however they are written, and only together where one value says nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlpmilter.model.content import Extract
from dlpmilter.registers import hashing, normal, pairing
from dlpmilter.registers.build import Plan, build
from dlpmilter.registers.grouping import COMMON_COLUMN
from dlpmilter.registers.match import Register, match
from dlpmilter.registers.sorting import Sorter
from dlpmilter.registers.source import Source
from tests.registers import samples
from tests.registers.plain_match import PlainRegister, plain_match

COLUMNS = ("name", "vorname", "mail", "iban", "telefon", "strasse", "ort", "geboren", "nr")
ROWS = [
    ("Müller", "Anna", "anna.mueller@kunde.example", "DE89 3704 0044 0532 0130 00", "+49 170 1234567", "Lange Straße 12", "Köln", "12.03.1980", "K-10023"),
    ("Groß", "Jürgen", "jg@gross.example", "DE12500105170648489890", "0221/99887766", "Am Großen Markt 3", "Frankfurt am Main", "1975-01-30", "K-10024"),
    ("Øster-Łukasz", "Renée", "renee@lukasz.example", "GB29NWBK60161331926819", "0043 1 5334455", "Ringgasse 7", "Wien", "1990-07-04", "K-10025"),
    ("Weiß", "Anna", "weiss@x.example", "AT611904300234573201", "030 12345", "Parkallee 99", "Köln", "05.11.1962", "K-10026"),
]  # fmt: skip


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return samples.register(tmp_path_factory.mktemp("few"), ROWS, COLUMNS)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return samples.register(tmp_path_factory.mktemp("many"), samples.people(5_000))


def rows(register: Register, words: str) -> tuple[int, ...]:
    hit = match(register, samples.text(words))
    return hit.rows if hit else ()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Bitte an ANNA.Mueller@Kunde.Example schicken", (0,)),
        ("<mailto:jg@gross.example>", (1,)),
        ("IBAN DE89370400440532013000", (0,)),
        ("iban: de12 5001 0517 0648 4898 90.", (1,)),
        ("GB29 NWBK 6016 1331 9268 19", (2,)),
        ("IBAN: DE-89-3704-0044-0532-0130-00", (0,)),
        ("Kundennummer K10023", (0,)),
        ("k 10024", (1,)),
        ("Tel. 0049 (0)170/1234567", (0,)),
        ("0170-1234567", (0,)),
        ("+49 221 99887766", (1,)),
        ("01 5334455", (2,)),
        ("(+49) 30-12345", (3,)),
        ("Frau Mueller, Anna", (0,)),
        ("anna MÜLLER", (0,)),
        ("A\u0308nderung: Anna Mu\u0308ller", (0,)),
        ("An\u00adna Mül\u200bler", (0,)),
        ("Herr Gross, geboren am 30.1.1975", (1,)),
        ("Groß, 30. Januar 1975", (1,)),
        ("Juergen aus Frankfurt am Main", (1,)),
        ("Renee Oster Lukasz", (2,)),
        ("Renée Øster-Łukasz", (2,)),
        ("Lange Str. 12 in Koeln", (0,)),
        ("> Mueller\n> Anna", (0,)),
        ("DE89370400440532013000 und AT611904300234573201", (0, 3)),
    ],
)
def test_a_row_is_found_however_it_is_written(few: Register, words: str, found: tuple[int, ...]) -> None:
    """Case, umlauts, separators, country codes, dates and order of names do not matter."""
    assert rows(few, words) == found


@pytest.mark.parametrize(
    "words",
    [
        "Anna",
        "Wir fahren nach Frankfurt am Main",
        "Müller",
        "Köln, Wien",
        "am 12.03.1980",
        "Lange Straße 12",
        "Herr Müller aus Wien",
        "Anna " + "wort " * 60 + "Müller",
        "DE89 3704 0044 0532 0130 01",
        "K-10029",
        "",
    ],
)
def test_a_value_that_says_nothing_alone_is_no_hit(few: Register, words: str) -> None:
    """Names, cities, streets and birthdays alone, or far apart, or of different rows, are no hit."""
    assert rows(few, words) == ()


def test_rows_of_a_table_are_counted_one_by_one(many: Register) -> None:
    """50 rows of a table are 50 distinct rows, with nearly no namesake counted beside them."""
    people = samples.people(5_000)
    picked = people[100:3_100:60]
    hit = match(many, samples.table(picked))
    assert hit is not None
    assert hit.register_rows == 5_000
    assert set(range(100, 3_100, 60)) <= set(hit.rows)
    assert len(hit.rows) <= 52


def test_common_values_count_by_pairs(many: Register) -> None:
    """A row all of whose values in the mail are common is found by two of them; one alone is none."""

    def is_common(word: str) -> bool:
        records = many.values.find(many.hash(normal.fold(word)))
        return bool(records) and records[8] == COMMON_COLUMN

    common = [row for row in samples.people(5_000) if is_common(row[1]) and is_common(row[8])]
    assert common
    for row in common:
        assert rows(many, f"{row[1]} aus {row[8]}")
        assert not rows(many, row[1])
        assert not rows(many, row[8])


def test_a_list_of_full_names_is_a_hit(tmp_path: Path) -> None:
    """One full name is no hit, ten of them are a list out of the register."""
    people = [(f"{row[1]} {row[2]}", row[8]) for row in samples.people(2_000)]
    register = samples.register(tmp_path, people, ("name", "city"))
    names = [name for name, _ in people[::100]]
    assert match(register, samples.text(names[0])) is None
    hit = match(register, samples.text("\n".join(names)))
    assert hit is not None
    assert len(hit.rows) >= 18


def test_the_plan_of_a_person_goes_before_what_the_data_look_like(tmp_path: Path) -> None:
    """--alone and --together decide; --require asks for more columns of one row."""
    register = samples.register(
        tmp_path, ROWS, COLUMNS, alone=("name",), together=("mail", "iban", "telefon", "nr"), require=3
    )
    assert rows(register, "Frau Weiß") == (3,)
    assert rows(register, "jg@gross.example") == ()
    assert rows(register, "jg@gross.example Jürgen") == ()
    assert rows(register, "jg@gross.example Jürgen Frankfurt am Main") == (1,)


def test_hidden_text_names_and_cells_count(few: Register) -> None:
    """What a reader does not see, and the names of files, are looked up too."""
    assert match(few, samples.text("nichts", hidden="K-10023")) is not None
    assert match(few, [Extract("1", "application/pdf", name="Vertrag K-10023.pdf")]) is not None
    assert match(few, samples.table([("x", "K-10023")])) is not None


def test_a_table_is_built_alike_by_one_process_and_by_three(tmp_path: Path) -> None:
    """Shares of several processes give the same records, in the same order, over several blocks."""
    source = samples.write_csv(tmp_path / "source.csv", samples.people(10_000))
    for processes in (1, 3):
        target = tmp_path / f"{processes}.reg"
        build(Source(source), Plan("customers"), target, samples.KEY, {"key": "test"}, processes=processes)
    assert (tmp_path / "1.reg").read_bytes() == (tmp_path / "3.reg").read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_little_memory_gives_the_same_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sorter that has to write to disk all the time loses nothing."""
    source = samples.write_csv(tmp_path / "source.csv", samples.people(9_000))
    build(Source(source), Plan("c"), tmp_path / "a.reg", samples.KEY, {})
    for module in (hashing, pairing):
        monkeypatch.setattr(module, "Sorter", lambda path: Sorter(path, buffer=10_000))
    build(Source(source), Plan("c"), tmp_path / "b.reg", samples.KEY, {})
    assert (tmp_path / "a.reg").read_bytes() == (tmp_path / "b.reg").read_bytes()


WORDS = [
    *(cell for row in ROWS for cell in row), "und", "12", "2024", "+", "+49", "a@b", "@", "0221", "K", "von der", "1.1.2001",
    "DE89", "3704", ";", "\t", "\n", "\u202e", "\ud800", "田中", "½", "x" * 300, "0" * 60, "|a|b|c|",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(WORDS) | st.text(max_size=12), max_size=25).map(" ".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=TEXTS, more=TEXTS)
def test_more_text_takes_no_hit_away(few: Register, first: str, more: str) -> None:
    """Whatever is added behind a text or as another part, what was found stays found."""
    before = match(few, samples.text(first))
    for extracts in (samples.text(first) + samples.text(more), samples.text(more) + samples.text(first)):
        after = match(few, extracts)
        if before is not None:
            assert after is not None
            assert len(after.rows) >= len(before.rows)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.text(max_size=20)] * 3), min_size=1, max_size=30))
def test_any_table_is_registered_and_found(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str, str]]
) -> None:
    """Whatever characters cells hold, the index builds, and rows that say something are found by all their cells."""
    clean = [tuple(cell.encode("utf-8", "replace").decode().replace("\0", "") for cell in row) for row in cells]
    register = samples.register(tmp_path_factory.mktemp("any"), clean, ("a", "b", "c"), alone=("a",))
    for row in clean:
        form = normal.canonical(normal.fold(row[0]))
        if form and len({*row}) == 3 and register.values.find(register.hash(form)):
            assert match(register, samples.table([row])) is not None
    register.close()


def test_a_mail_finds_what_the_plain_search_finds(many: Register, tmp_path: Path) -> None:
    """Looking up at one go tells the same rows, one by one, as looking at each word and each row by itself."""
    people, rng = samples.people(5_000), random.Random(5)
    full = [(f"{row[1]} {row[2]}", row[8], row[9]) for row in people]
    for register, rows in ((many, people), (samples.register(tmp_path, full, ("name", "city", "born")), full)):
        plain = PlainRegister(register.path, samples.KEY)
        width = len(rows[0])
        for number in range(60):
            picks = rng.sample(range(width), rng.randint(1, width))
            chosen = [[row[pick] for pick in picks] for row in rng.sample(rows, 40)]
            if number % 3 == 0:
                mail = samples.table(chosen)
            else:
                between = rng.choice([" ", "\n", "; ", " und ", ", wohnhaft in dem schönen Ort "])
                mail = samples.text(between.join(rng.choice([" ", ", ", "\n"]).join(row) for row in chosen))
            assert match(register, mail) == plain_match(plain, mail)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.data())
def test_any_text_finds_what_the_plain_search_finds(few: Register, words: st.DataObject) -> None:
    """Whatever stands between the values, the rows are those of the plain search."""
    mail = samples.text(words.draw(TEXTS), hidden=words.draw(TEXTS))
    assert match(few, mail) == plain_match(PlainRegister(few.path, samples.KEY), mail)


@given(st.lists(st.text(max_size=20)))
def test_texts_folded_together_are_folded_as_each_by_itself(texts: list[str]) -> None:
    """No text changes the fold of another one beside it."""
    assert normal.fold_each(texts) == [normal.fold(text) for text in texts]


_CELLS = st.one_of(
    st.text(max_size=30),
    st.text("aAbBuüeE019 .,-+/@_\x1f#", max_size=24),
    st.from_regex(r"\+?[0-9 ()/-]{3,18}", fullmatch=True),
    st.from_regex(r"[0-3][0-9][./ -][01][0-9][./ -](19|20)[0-9]{2}", fullmatch=True),
    st.from_regex(r"[a-z.]{1,6}@[a-z]{1,6}(\.[a-z-]{1,3}){0,2}", fullmatch=True),
    st.sampled_from(["12. März 1980", "March 12, 1980", "DE89 3704 0044 0532 0130 00", "K-10023", "Müller, Anna"]),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(_CELLS, max_size=12), max_size=3), st.booleans())
def test_a_column_is_made_canonical_as_each_of_its_cells(blocks: list[list[str]], phone: bool) -> None:
    """Looking at each shape once gives what looking at each cell gives, with its numbers and its several words."""
    column = normal.Canonical(phone=phone)
    lengths = set()
    for cells in blocks:
        folded = normal.fold_each(cells) if cells else []
        forms, several = column.each(folded)
        assert forms == [normal.canonical(cell, phone=phone) for cell in folded]
        assert several == [form for form in forms if " " in form]
        lengths |= {len(form) - 1 for form in forms if form.startswith("#")}
    assert column.lengths == lengths


def test_a_register_built_again_of_another_table_has_another_key(tmp_path: Path) -> None:
    """Row numbers of two tables are told apart; the same table built again keeps its key."""
    builds = []
    for number, count in enumerate((20, 21, 20)):
        (folder := tmp_path / str(number)).mkdir()
        hit = match(samples.register(folder, samples.people(count)), samples.table(samples.people(3)))
        assert hit is not None
        assert hit.rows == (0, 1, 2)
        assert hit.key.startswith("customers@")
        builds.append(hit.key)
    assert builds[0] == builds[2] != builds[1]


def test_a_long_line_without_spaces_costs_no_more_than_its_length(few: Register) -> None:
    """Long runs of one letter, of @, of digits and of short numbers ends."""
    for unit in (
        "a",
        "@",
        "a@",
        "1",
        "12 ",
        "+1",
        "0 ",
        "K 1 ",
        "1.1.",
        "anna ",
        "0 0 0",
        "@@@",
        "+",
        "12.3.",
        "a.b@c.d ",
    ):
        match(few, samples.text(unit * (50_000 // len(unit))))
