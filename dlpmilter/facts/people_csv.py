# SPDX-License-Identifier: Apache-2.0
"""The file of people: one row a mailbox, read with every mistake named at once, written in one piece.

Never knows a rank: a column that looks like one is refused, because the board and the intern are judged alike.
"""

from __future__ import annotations

import csv
import difflib
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlpmilter.config import ConfigError, Problem
from dlpmilter.facts import hashes
from dlpmilter.model.address import AddressError, parse_address
from dlpmilter.policy.domains import normalise_domain

if TYPE_CHECKING:
    from typing import TextIO

COLUMNS = ("address", "names", "aliases", "private", "department", "secrecy_group", "language", "person", "close")
LANGUAGES = ("de", "en")
ROWS = 1_000_000
CELL = 4000
"""Characters of one cell."""
LIST = 100
"""Names or addresses in one cell."""
_SHOWN = 50
_RANKS = frozenset(
    "title job_title jobtitle rank level grade position seniority hierarchy role_level salary_band manager "
    "titel rang stufe ebene dienstgrad dienstrang besoldung tarifgruppe vorgesetzter fuehrungsebene".split()
)


@dataclass(frozen=True, slots=True)
class Row:
    """One mailbox as the file has it, addresses in their normal form."""

    line: int
    address: str
    names: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    """Private addresses, or `h:...`."""
    department: str = ""
    secrecy_group: str = ""
    language: str = ""
    person: str = ""
    close: tuple[str, ...] = ()
    """Who may not decide about this mailbox's mail, nor the other way round: deputies, delegates, the line."""


class Problems:
    """What is wrong with one file, the first ones in full."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: list[Problem] = []
        self._more = 0

    def add(self, line: int, column: str, what: str, fix: str = "") -> None:
        """One mistake at its place."""
        if len(self._found) >= _SHOWN:
            self._more += 1
            return
        where = f"line {line}, column {column}" if column else f"line {line}"
        self._found.append(Problem(self._file, where, what, fix))

    def whole(self, what: str, fix: str = "") -> None:
        """A mistake of the whole file."""
        self._found.append(Problem(self._file, "", what, fix))

    def raise_if_any(self) -> None:
        """Raise ConfigError with all of them."""
        if self._found:
            rest = [Problem(self._file, "", f"has {self._more} more mistakes.")] if self._more else []
            raise ConfigError([*self._found, *rest])


_PLAIN = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@[a-z0-9]+(?:[.-][a-z0-9]+)+")
_SHORT = 64
"""A plain address as most are, in its normal form already: at most as long as its part before @ may be."""


def normal_address(text: str) -> str:
    """Lower case, the domain in its normal form. Raises AddressError."""
    if len(text) <= _SHORT and _PLAIN.fullmatch(text):
        return text
    return _by_the_book(text)


def _by_the_book(text: str) -> str:
    mailbox = parse_address(text)
    if not mailbox.domain:
        raise AddressError("the address needs a domain after one @", "5.1.3")
    return f"{mailbox.local.lower()}@{normalise_domain(mailbox.domain)}"


def rows_of(path: Path, problems: Problems) -> Iterator[Row]:
    """The good rows in file order; the bad ones are in `problems`. Nothing when the header row is wrong."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(file, problems)
    except OSError as error:
        problems.whole(f"cannot be read ({error.strerror}).")
    except UnicodeDecodeError as error:
        problems.whole(f"is not UTF-8 (octet {error.start} of a block).", "Save it as CSV in UTF-8.")


def _rows(file: TextIO, problems: Problems) -> Iterator[Row]:
    reader = csv.reader(file, strict=True)
    columns: tuple[str, ...] | None = None
    count = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _header(cells, reader.line_num, problems)
                if not columns:
                    return
                continue
            count += 1
            if count > ROWS:
                problems.whole(f"has more than {ROWS} rows.")
                return
            if row := _row(columns, cells, reader.line_num, problems):
                yield row
    except csv.Error as error:
        problems.add(reader.line_num, "", f"is not CSV: {error}.", 'Put a text with a comma or quote into "...".')
    if columns is None:
        problems.whole("is empty.", f"Its first row names the columns: {','.join(COLUMNS)}")


def _header(cells: Sequence[str], line: int, problems: Problems) -> tuple[str, ...]:
    names = tuple(cell.strip().lower() for cell in cells)
    fine = True
    for name in names:
        if name in COLUMNS:
            continue
        fine = False
        if name.replace("-", "_").replace(" ", "_") in _RANKS:
            what = "is not read: dlpmilter has no rank, the board and the intern are judged alike."
            problems.add(line, repr(name), what, "Take the column out of the file.")
            continue
        near = difflib.get_close_matches(name, COLUMNS, n=1)
        fix = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(COLUMNS)}."
        problems.add(line, repr(name), "is not a column here.", fix)
    for name in sorted({each for each in names if each in COLUMNS and names.count(each) > 1}):
        fine = False
        problems.add(line, name, "is there twice.")
    if "address" not in names:
        fine = False
        problems.add(line, "address", "is missing.", "Each row needs the main address of a mailbox.")
    return names if fine else ()


def _row(columns: tuple[str, ...], cells: Sequence[str], line: int, problems: Problems) -> Row | None:
    if len(cells) != len(columns):
        problems.add(line, "", f"has {len(cells)} cells, the header has {len(columns)}.")
        return None
    cell = {name: text.strip() for name, text in zip(columns, cells, strict=True)}
    fine = True
    for name, text in cell.items():
        if len(text) > CELL or text.count("|") >= LIST:
            problems.add(line, name, f"is too long: at most {CELL} characters and {LIST} parts.")
            fine = False
    if not fine:
        return None
    language = cell.get("language", "").lower()
    if language and language not in LANGUAGES:
        problems.add(
            line, "language", f"{language[:20]!r} is not a language here.", f"Known are {', '.join(LANGUAGES)}."
        )
    address = _address(cell["address"], line, "address", problems)
    row = Row(
        line,
        address,
        _parts(cell.get("names", "")),
        _addresses(cell.get("aliases", ""), line, "aliases", problems),
        _addresses(cell.get("private", ""), line, "private", problems),
        cell.get("department", ""),
        cell.get("secrecy_group", ""),
        language,
        _address(cell["person"], line, "person", problems) if cell.get("person") else "",
        _addresses(cell.get("close", ""), line, "close", problems),
    )
    return row if address else None


def _parts(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for each in text.split("|") if (part := each.strip())))


def _address(text: str, line: int, column: str, problems: Problems) -> str:
    try:
        return normal_address(text)
    except AddressError as error:
        problems.add(line, column, f"{text[:60]!r} is not a mail address: {error}.")
        return ""


def _addresses(text: str, line: int, column: str, problems: Problems) -> tuple[str, ...]:
    found: list[str] = []
    for part in _parts(text):
        if column == "private" and part.lower().startswith("h:"):
            digest = hashes.read(part)
            if digest is None:
                fix = "`dlpmilter directory hash ADDRESS` makes one."
                problems.add(line, column, f"{part[:40]!r} is not a hash of an address.", fix)
            else:
                found.append(hashes.written(digest))
        elif address := _address(part, line, column, problems):
            found.append(address)
    return tuple(dict.fromkeys(found))


def write_people(path: Path, rows: Iterable[Row]) -> int:
    """Replace the file in one piece (mode 0600, on disk before it counts); returns how many rows. Raises OSError."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    count = 0
    try:
        descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row in rows:
                writer.writerow(_cells(row))
                count += 1
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return count


def _cells(row: Row) -> tuple[str, ...]:
    lists = ("|".join(each) for each in (row.names, row.aliases, row.private))
    return (row.address, *lists, row.department, row.secrecy_group, row.language, row.person, "|".join(row.close))
