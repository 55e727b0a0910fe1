# SPDX-License-Identifier: Apache-2.0
"""Who works here, out of the file of people: addresses, names, groups. Never a rank, never the network.

A shared mailbox or a function resolves to the person who answers. Held compactly: 100,000 people in tens of megabytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from dlpmilter.engine.canonical import canonical_address
from dlpmilter.engine.names import person_from_name
from dlpmilter.facts import hashes
from dlpmilter.facts.people_csv import Problems, Row, rows_of
from dlpmilter.policy.domains import normalise_domain

if TYPE_CHECKING:
    from pathlib import Path

    from dlpmilter.facts.hashes import Hashes


class Entry(NamedTuple):
    """What is known of one mailbox; `person` is the main address of who answers, itself for a person."""

    address: str
    names: tuple[str, ...]
    aliases: tuple[str, ...]
    department: str
    secrecy_group: str
    language: str
    person: str
    private: int
    """How many private mailboxes the file names."""


class People:
    """One reading of the file. Answers the Directory protocol of model/facts.py."""

    __slots__ = ("_close", "_functions", "_groups", "_hashes", "_index", "_private", "_rows", "unreadable")

    def __init__(self, hashes_: Hashes) -> None:
        self._hashes = hashes_
        self._index: dict[str, int] = {}
        self._rows: list[tuple[str, str, str, int]] = []
        """Main address, names, aliases (both joined by |), number of the group."""
        self._groups: list[tuple[str, str, str, str]] = []
        """Department, secrecy group, language, person: few different ones."""
        self._private: dict[bytes, tuple[int, ...]] = {}
        self._functions: dict[str, list[int]] = {}
        """Main address of a person -> the shared mailboxes and functions he answers for."""
        self._close: dict[str, set[str]] = {}
        """Main address of a person -> those who may not decide about his mail; both ways."""
        self.unreadable = 0
        """Hashed private addresses that nobody can compare, because there is no key here."""

    @classmethod
    def load(cls, path: Path, hashes_: Hashes, *, keyed: bool = True) -> People:
        """Read the file. Raises ConfigError with everything that is wrong with it."""
        problems = Problems(str(path))
        people = cls.of(rows_of(path, problems), hashes_, problems, keyed=keyed)
        problems.raise_if_any()
        return people

    @classmethod
    def of(cls, rows: Iterable[Row], hashes_: Hashes, problems: Problems, *, keyed: bool = True) -> People:
        """Put rows together; what does not fit between rows goes to `problems`."""
        people = cls(hashes_)
        groups: dict[tuple[str, str, str, str], int] = {}
        owners: list[tuple[int, str]] = []
        private: list[tuple[int, str, int]] = []
        close: list[tuple[str, tuple[str, ...], int]] = []
        functions: list[tuple[str, int]] = []
        for row in rows:
            if row.close:
                close.append((row.address, row.close, row.line))
            number = len(people._rows)
            if row.person and row.person != row.address:
                owners.append((row.line, row.person))
                functions.append((row.person, number))
            person = row.person if row.person != row.address else ""
            kind = (row.department, row.secrecy_group, row.language, person)
            group = groups.setdefault(kind, len(groups))
            people._rows.append((row.address, "|".join(row.names), "|".join(row.aliases), group))
            people._claim(row, number, problems)
            private += [(number, each, row.line) for each in row.private]
        people._groups = [tuple(map(sys.intern, each)) for each in groups]  # type: ignore[misc]
        people._check_owners(owners, problems)
        for person, number in functions:
            people._functions.setdefault(people.person(person), []).append(number)
        for address, others, line in close:
            people._keep_apart(address, others, line, problems)
        for number, each, line in private:
            people._keep(number, each, line, problems, keyed=keyed)
        return people

    def _claim(self, row: Row, number: int, problems: Problems) -> None:
        for column, address in (("address", row.address), *(("aliases", each) for each in row.aliases)):
            other = self._index.setdefault(address, number)
            if other != number:
                owner = self._rows[other][0]
                problems.add(row.line, column, f"{address} belongs to {owner} already.", "One address, one row.")

    def _check_owners(self, owners: list[tuple[int, str]], problems: Problems) -> None:
        for line, person in owners:
            number = self._index.get(person)
            if number is None:
                fix = "It is the address of somebody in this file."
                problems.add(line, "person", f"{person} is in no row of this file.", fix)
            elif self._groups[self._rows[number][3]][3]:
                problems.add(line, "person", f"{person} is itself answered for by somebody else.", "Name a person.")

    def _keep_apart(self, address: str, others: tuple[str, ...], line: int, problems: Problems) -> None:
        one = self.person(address)
        for each in others:
            other = self.person(each)
            if not other:
                problems.add(line, "close", f"{each} is in no row of this file.", "Name somebody of this file.")
            elif one and other != one:
                self._close.setdefault(one, set()).add(other)
                self._close.setdefault(other, set()).add(one)

    def _keep(self, number: int, text: str, line: int, problems: Problems, *, keyed: bool) -> None:
        digest = hashes.read(text)
        if digest is None:
            if text in self._index:
                problems.add(line, "private", f"{text} is an address of this file, not a private one.")
            digest = self._hashes.of(canonical_address(text))
        elif not keyed:
            self.unreadable += 1
        known = self._private.get(digest, ())
        if number not in known:
            self._private[digest] = (*known, number)

    def __len__(self) -> int:
        return len(self._rows)

    def _number(self, address: str) -> int | None:
        found = self._index.get(address)
        if found is None and address:
            local, _, domain = address.rpartition("@")
            found = self._index.get(f"{local}@{normalise_domain(domain)}")
        return found

    def _main(self, number: int) -> str:
        row = self._rows[number]
        person = self._groups[row[3]][3]
        if not person:
            return row[0]
        return self._rows[self._index[person]][0]

    def entry(self, address: str) -> Entry | None:
        """Everything the file says of one address; None when it is not there."""
        number = self._number(address)
        if number is None:
            return None
        main, names, aliases, group = self._rows[number]
        department, secrecy_group, language, _ = self._groups[group]
        private = sum(number in each for each in self._private.values())
        return Entry(
            main, _split(names), _split(aliases), department, secrecy_group, language, self._main(number), private
        )

    def person(self, address: str) -> str:
        """The main address of the person behind an address or alias; of a shared mailbox, of who answers."""
        number = self._number(address)
        return "" if number is None else self._main(number)

    def names(self, address: str) -> tuple[str, ...]:
        """Full names, earlier names and nicknames; a nickname also before each surname."""
        number = self._number(address)
        if number is None or not (text := self._rows[self._index[self._main(number)]][1]):
            return ()
        return full_names(text)

    def locals(self, address: str) -> tuple[str, ...]:
        """Local parts of the person's main address and aliases."""
        number = self._number(address)
        if number is None:
            return ()
        main, _, aliases, _ = self._rows[self._index[self._main(number)]]
        return tuple(dict.fromkeys(each.rpartition("@")[0] for each in (main, *filter(None, aliases.split("|")))))

    def addresses(self, address: str) -> tuple[str, ...]:
        """Every address of the person behind one: his own, and those he answers for; none when nobody knows him."""
        number = self._number(address)
        if number is None:
            return ()
        own = self._index[self._main(number)]
        found: list[str] = []
        for each in (own, *self._functions.get(self._rows[own][0], ())):
            main, _, aliases, _ = self._rows[each]
            found += [main, *filter(None, aliases.split("|"))]
        return tuple(found)

    def close(self, address: str) -> frozenset[str]:
        """Every address of those who may not decide about this person's mail."""
        mains = self._close.get(self.person(address), ())
        return frozenset(each for main in mains for each in self.addresses(main))

    def private_owner(self, canonical: str) -> str:
        """Whose private mailbox this is, by the file; "" when nobody's."""
        return next(iter(self.private_owners(canonical)), "")

    def private_owners(self, canonical: str) -> tuple[str, ...]:
        """Everybody whose private mailbox this is: couples share one."""
        if not self._private:
            return ()
        numbers = (number for digest in self._hashes.each(canonical) for number in self._private.get(digest, ()))
        return tuple(dict.fromkeys(self._main(number) for number in numbers))

    def keeps(self, person: str, canonical: str) -> bool:
        """Whether this mailbox is a private one of this person."""
        return person in self.private_owners(canonical)

    def secrecy_group(self, address: str) -> str:
        """The group of a mailbox, or else of the person who answers for it."""
        return self._of_group(address, 1)

    def department(self, address: str) -> str:
        """The department of a mailbox, or else of the person who answers for it."""
        return self._of_group(address, 0)

    def language(self, address: str) -> str:
        """The language a person wants to be written to in; "" when unknown."""
        return self._of_group(address, 2)

    def _of_group(self, address: str, place: int) -> str:
        number = self._number(address)
        if number is None:
            return ""
        group = self._groups[self._rows[number][3]]
        return group[place] or self._groups[self._rows[self._index[self._main(number)]][3]][place]


def _split(text: str) -> tuple[str, ...]:
    return tuple(each for each in text.split("|") if each)


def full_names(text: str) -> tuple[str, ...]:
    """`Anna Berger|Anni` -> Anna Berger, Anni, Anni Berger: a nickname is used with the surname."""
    names = [each for each in text.split("|") if each]
    surnames = [last for each in names if (last := _surname(each))]
    more = [f"{each} {last}" for each in names if " " not in each for last in surnames]
    return tuple(dict.fromkeys((*names, *more)))


def _surname(name: str) -> str:
    """The last word of a full name, the first of `Berger, Anna`; "" for a single word."""
    if "," in name:
        return name.partition(",")[0].strip()
    words = name.split()
    person = person_from_name(name)
    return words[-1] if len(words) > 1 and person is not None and person.surname else ""
