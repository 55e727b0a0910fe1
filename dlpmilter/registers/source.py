# SPDX-License-Identifier: Apache-2.0
"""Reads the table that is to be registered, strictly: a mistake names its row and column. Never guesses an encoding.

Rows are counted as records: the row of column names is row 1, as in a spreadsheet.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from dlpmilter.registers.errors import SourceError

MAX_COLUMNS = 64
MAX_CELL = 131_072
DELIMITERS = ",;\t|"
_HEAD = 4096
_REPORT_EVERY = 5_000


@dataclass(frozen=True, slots=True)
class Source:
    """A table in a text file: which file, how it is written, which columns to register (all, if none is named)."""

    path: Path
    columns: tuple[str, ...] = ()
    delimiter: str = ""
    """"" takes the one of DELIMITERS that is most frequent in the row of names."""
    encoding: str = "utf-8-sig"


@dataclass(frozen=True, slots=True)
class Opened:
    """Names of the chosen columns and an iterator over their cells."""

    columns: tuple[str, ...]
    rows: Iterator[Sequence[str]]


def open_source(source: Source, file: TextIO, progress: Callable[[int], None] | None = None) -> Opened:
    """Read the row of names, then hand out the rows. Raises SourceError, at once or while rows are read."""
    delimiter = source.delimiter or _delimiter(source, file)
    csv.field_size_limit(MAX_CELL)  # of the whole process: whoever read before us may have set another
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    names = [name.strip() for name in _first(source, reader)]
    picks = [_place(source, names, wanted) for wanted in source.columns] or list(range(len(names)))
    if len(picks) > MAX_COLUMNS:
        raise SourceError(
            f"{source.path}: {len(picks)} columns; at most {MAX_COLUMNS} can be registered. Name --columns."
        )
    chosen = tuple(names[pick] for pick in picks)
    if len(set(chosen)) != len(chosen) or "" in chosen:
        raise SourceError(f"{source.path}, row 1: column names are empty or used twice. Give each column its own name.")
    return Opened(chosen, _rows(source, reader, file, names, picks, progress))


def open_text(source: Source) -> TextIO:
    """Open the file in its encoding. Raises SourceError."""
    try:
        codecs.lookup(source.encoding)
        return source.path.open(encoding=source.encoding, newline="")
    except LookupError:
        raise SourceError(f"--encoding {source.encoding} is not known. Try utf-8 or cp1252.") from None
    except OSError as error:
        raise SourceError(f"{source.path}: cannot be read ({error.strerror}).") from None


def _delimiter(source: Source, file: TextIO) -> str:
    try:
        head = file.read(_HEAD)
        file.seek(0)
    except UnicodeError as error:
        raise _encoding(source, 1, error) from None
    line = head.partition("\n")[0]
    best = max(DELIMITERS, key=line.count)
    return best if best in line else ","


def _first(source: Source, reader: Iterator[list[str]]) -> list[str]:
    try:
        return next(reader)
    except StopIteration:
        raise SourceError(f"{source.path}: is empty. The first row must hold the names of the columns.") from None
    except csv.Error as error:
        raise SourceError(f"{source.path}, row 1: {error}.") from None
    except UnicodeError as error:
        raise _encoding(source, 1, error) from None


def _place(source: Source, names: list[str], wanted: str) -> int:
    lower = [name.casefold() for name in names]
    try:
        return names.index(wanted) if wanted in names else lower.index(wanted.casefold())
    except ValueError:
        known = ", ".join(names[:20])
        raise SourceError(f"{source.path}, row 1: there is no column {wanted!r}. The columns are: {known}.") from None


def _rows(
    source: Source,
    reader: Iterator[list[str]],
    file: TextIO,
    names: list[str],
    picks: list[int],
    progress: Callable[[int], None] | None,
) -> Iterator[Sequence[str]]:
    width = len(names)
    everything = picks == list(range(width))
    number = 1
    try:
        for number, row in enumerate(reader, start=2):
            if len(row) != width:
                if not row:
                    continue  # an empty line, often the last
                raise SourceError(_uneven(source, number, row, names))
            if progress is not None and not number % _REPORT_EVERY:
                progress(file.buffer.tell())
            yield row if everything else [row[pick] for pick in picks]
    except csv.Error as error:
        raise SourceError(f"{source.path}, row {number + 1}: {error}. Mend the quoting of this row.") from None
    except UnicodeError as error:
        raise _encoding(source, number + 1, error) from None


def _uneven(source: Source, number: int, row: list[str], names: list[str]) -> str:
    width = len(names)
    where = f"column {names[len(row)]!r} and those after it are missing" if len(row) < width else "there are too many"
    return (
        f"{source.path}, row {number}: {len(row)} cells, but row 1 names {width} columns; {where}. "
        "Mend this row, or name the --delimiter."
    )


def _encoding(source: Source, number: int, error: UnicodeError) -> SourceError:
    return SourceError(
        f"{source.path}, at or after row {number}: the text is not {source.encoding} ({error.__class__.__name__}). "
        "Name the --encoding, for example cp1252."
    )
