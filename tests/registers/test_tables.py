# SPDX-License-Identifier: Apache-2.0
"""Tables of documents and tables typed into text are counted; prose is none."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlpmilter.model.content import Extract, Table
from dlpmilter.registers.tables import count_tables, typed_rows
from tests.registers import samples

ROWS = [
    ("Müller", "Anna", "Köln", "12,50"),
    ("Groß", "Jürgen", "Frankfurt am Main", "7"),
    ("Weiß", "Ida", "Ulm", "1"),
] * 3


@pytest.mark.parametrize(
    "sign", ["\t", ";", "|", " | ", ", "], ids=["tabs", "semicolons", "bars", "spaced bars", "commas"]
)
@pytest.mark.parametrize("mark", ["", "> "], ids=["plain", "quoted"])
def test_a_typed_table_is_counted(sign: str, mark: str) -> None:
    """Whatever separates the cells, nine lines are nine rows, in the middle of a letter and in a quote."""
    rows = [tuple(cell.replace(",", ".") for cell in row) for row in ROWS]
    lines = "\n".join(mark + sign.join(row) for row in rows)
    letter = f"Guten Tag,\nhier die Liste:\n\n{lines}\n\nViele Grüße, Anna\n"
    assert count_tables(samples.text(letter)) == (9, 4)
    assert len(typed_rows(letter)[1]) == 9


def test_an_aligned_table_is_counted() -> None:
    """Columns kept apart by spaces, with a rule under the head."""
    lines = ["Name      Vorname   Ort", "-" * 30, *("{:<10}{:<10}{}".format(*row) for row in ROWS)]
    rows, columns = count_tables(samples.text("\n".join(lines)))
    assert rows >= 9
    assert columns == 3


def test_a_frame_is_no_break() -> None:
    """Lines that only draw the frame of a table do not cut it."""
    lines = "\n".join("+---+---+\n|" + "|".join(row) + "|" for row in ROWS)
    assert count_tables(samples.text(lines))[0] >= 9


def test_prose_is_no_table() -> None:
    """Sentences with commas, addresses, and lists of one column are none."""
    for words in (
        samples.document(1),
        "Wir kamen, wir sahen, wir siegten.\nUnd dann, am Abend, gingen wir.\nEs war, kurz gesagt, schön.\n",
        "eins\nzwei\ndrei\nvier",
        "",
        "\n\n\n",
    ):
        assert count_tables(samples.text(words))[0] <= 3


def test_the_biggest_table_counts_and_rows_cut_off_too() -> None:
    """Of several tables the biggest is told, with the rows that limits left out."""
    small, cut = Table(tuple(map(tuple, ROWS)), 9), Table((("a", "b"),), 50_000)
    assert count_tables([Extract("1", "x", tables=(small, cut)), Extract("2", "y")]) == (50_000, 2)
    assert count_tables([]) == (0, 0)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('ab \t;,|\n>"-+'), max_size=200))
@example("\n;;\n-\n;;")
def test_no_line_is_lost(words: str) -> None:
    """Lines of tables and other lines together are all lines."""
    prose, rows = typed_rows(words)
    assert sorted([*prose.splitlines(), *rows], key=str) == sorted(words.splitlines(), key=str) or prose == words
