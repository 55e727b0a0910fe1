# SPDX-License-Identifier: Apache-2.0
"""Who is a customer: registers as keyed hashes in the database. Never keeps or gives back a plain address."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.config import ConfigError, Problem
from dlpmilter.engine.canonical import canonical_address
from dlpmilter.facts.people_csv import normal_address
from dlpmilter.model.address import AddressError
from dlpmilter.storage import customer_rows

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.facts.hashes import Hashes
    from dlpmilter.storage.database import Database

BATCH = 5_000
"""Rows in one transaction: gates wait for their turn no longer than that takes."""
RUN = 100 * BATCH
"""Hashes that are put in order together before they are written: neighbours cost a fraction of strangers."""
_CELL = 100_000
_BLOCK = 64 * 1024


class CustomerFile:
    """A CSV file with a column of mail addresses, read as a stream; counts what it skips."""

    def __init__(self, path: Path, column: str) -> None:
        self._path = path
        self._column = column
        self.skipped = 0
        """Rows without a mail address in the column."""
        self.octets = 0
        """Octets read so far."""

    def addresses(self) -> Iterator[str]:
        """Canonical addresses in file order. Raises ConfigError."""
        csv.field_size_limit(_CELL)
        try:
            with self._path.open("rb") as file:
                reader = csv.reader(self._lines(file), strict=True)
                place = self._place(next(reader, []))
                for cells in reader:
                    canonical = _canonical(cells[place]) if place < len(cells) else ""
                    if canonical:
                        yield canonical
                    else:
                        self.skipped += bool(cells)
        except OSError as error:
            raise self._problem("", f"cannot be read ({error.strerror}).") from None
        except UnicodeDecodeError:
            raise self._problem("", f"is not UTF-8 near octet {self.octets}.", "Save it as CSV in UTF-8.") from None
        except csv.Error as error:
            raise self._problem(f"near octet {self.octets}", f"is not CSV: {error}.") from None

    def _lines(self, file: Iterable[bytes]) -> Iterator[str]:
        for number, line in enumerate(file):
            self.octets += len(line)
            yield line.decode("utf-8-sig" if number == 0 else "utf-8")

    def _place(self, header: Sequence[str]) -> int:
        names = [name.strip() for name in header]
        if self._column not in names:
            what = f"has no column {self._column!r}."
            fix = f"Its first row has: {', '.join(names[:20]) or 'nothing'}. Name one with --column."
            raise self._problem("line 1", what, fix)
        return names.index(self._column)

    def _problem(self, where: str, what: str, fix: str = "") -> ConfigError:
        return ConfigError([Problem(str(self._path), where, what, fix)])


def _canonical(text: str) -> str:
    try:
        return canonical_address(normal_address(text))
    except AddressError:
        return ""


def _runs(keys: Iterator[bytes]) -> Iterator[list[bytes]]:
    while run := sorted(set(itertools.islice(keys, RUN))):
        yield run


class CustomerRegisters:
    """The registers in the database: asked by gates, filled by the command line."""

    def __init__(self, database: Database, hashes: Hashes) -> None:
        self._database = database
        self._hashes = hashes

    async def among(self, canonicals: Sequence[str]) -> frozenset[str]:
        """Those of these addresses that are customers. Raises TemporaryFailure."""
        return await self._database.read(lambda conn: self.look(conn, canonicals)) if canonicals else frozenset()

    def look(self, conn: Connection, canonicals: Sequence[str]) -> frozenset[str]:
        """The same inside a read that somebody else makes."""
        digests = {digest: each for each in canonicals for digest in self._hashes.each(each)}
        return frozenset(digests[digest] for digest in customer_rows.among(conn, list(digests)))

    async def replace(self, name: str, addresses: Iterable[str], *, actor: str, step: Callable[[], None]) -> int:
        """Put these addresses in the place of the register; the old one answers until all are in.

        Returns how many different ones there are; `step` is called after each batch. Raises TemporaryFailure,
        and whatever `addresses` raises: then the old register stays.
        """
        number = await self._database.write(lambda conn: customer_rows.begin(conn, name, datetime.now(UTC)))
        for run in _runs(map(self._hashes.of, addresses)):
            for first in range(0, len(run), BATCH):
                await self._add(number, run[first : first + BATCH])
                step()
        rows = await self._database.write(lambda conn: self._publish(conn, number, name, actor))
        step()
        await self.purge()
        return rows

    async def _add(self, number: int, keys: Sequence[bytes]) -> None:
        await self._database.write(lambda conn: customer_rows.add(conn, number, keys))

    @staticmethod
    def _publish(conn: Connection, number: int, name: str, actor: str) -> int:
        rows = customer_rows.publish(conn, number)
        fields: dict[str, Value] = {"register": name, "count": rows, "actor-user": actor}
        trail.append(conn, Entry("customers-imported", "none", "", "", fields))
        return rows

    async def remove(self, name: str, *, actor: str) -> int:
        """Take a register away; returns how many rows it had, -1 when there is none of this name."""

        def act(conn: Connection) -> int:
            if not customer_rows.exists(conn, name):
                return -1
            rows = customer_rows.drop(conn, name)
            fields: dict[str, Value] = {"register": name, "count": rows, "actor-user": actor}
            trail.append(conn, Entry("customers-removed", "none", "", "", fields))
            return rows

        rows = await self._database.write(act)
        await self.purge()
        return rows

    async def purge(self) -> None:
        """Delete the rows of imports that are gone, in small transactions."""
        while await self._database.write(customer_rows.purge):
            pass
