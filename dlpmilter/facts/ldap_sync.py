# SPDX-License-Identifier: Apache-2.0
"""Reads an LDAP server into the file of people. Never runs in a gate, never takes a half answer for a whole one.

ldap3 is an extra: without it there is a sentence, not a stack. TLS certificates are always verified.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpmilter.config import ConfigError, Problem
from dlpmilter.facts.directory import People
from dlpmilter.facts.hashes import Hashes
from dlpmilter.facts.people_csv import LANGUAGES, Problems, Row, normal_address, rows_of, write_people
from dlpmilter.model.address import AddressError

if TYPE_CHECKING:
    from dlpmilter.settings import Ldap, LdapAttributes

_PAGED = "1.2.840.113556.1.4.319"  # RFC 2696
_SECRET_OCTETS = 4096


class SyncError(Exception):
    """The server could not be read, or its answer must not replace the file.

    The text is a sentence for a person; `slug` is for the log, which never quotes a server.
    """

    def __init__(self, slug: str, text: str) -> None:
        super().__init__(text)
        self.slug = slug


@dataclass(frozen=True, slots=True)
class Synced:
    """What a reading gave."""

    rows: int
    before: int
    skipped: int
    """Entries without a usable address, or with one that somebody else has."""


def sync(settings: Ldap, file: Path, *, force: bool = False) -> Synced:
    """Read the server and replace the file in one piece. Raises SyncError, ConfigError; then the file stays.

    Refuses an answer that is smaller than the file by more than `shrink_percent`, unless forced.
    """
    found = _Rows(settings.attributes)
    for attributes in entries(settings):
        found.add(attributes)
    rows = found.rows()
    before = _count(file)
    least = before * (100 - settings.shrink_percent) / 100
    if not force and (len(rows) < least or (before and not rows)):
        what = (
            f"{settings.url} gave {len(rows)} people, {file} has {before}: more than {settings.shrink_percent} % less"
        )
        raise SyncError(
            "far-fewer", f"{what}. The file stays. If that is right, call `dlpmilter directory sync --force`."
        )
    problems = Problems(settings.url)
    People.of(rows, Hashes(), problems, keyed=False)
    problems.raise_if_any()
    try:
        write_people(file, rows)
    except OSError as error:
        raise SyncError(
            "not-written", f"{file} cannot be written: {error.strerror or error}. The old file stays."
        ) from None
    return Synced(len(rows), before, found.skipped)


def _count(file: Path) -> int:
    return sum(1 for _ in rows_of(file, Problems(str(file)))) if file.exists() else 0


def entries(settings: Ldap) -> Iterator[Mapping[str, Any]]:
    """The attributes of each entry that the filter finds, page by page. Raises SyncError, ConfigError."""
    with connected(settings) as connection:
        yield from _pages(connection, settings)


@contextlib.contextmanager
def connected(settings: Ldap) -> Iterator[Any]:
    """A connection that is let in, over TLS where it is wanted. Raises SyncError, ConfigError."""
    ldap3 = _library()
    tls = ldap3.Tls(
        validate=ssl.CERT_REQUIRED,
        version=ssl.PROTOCOL_TLS_CLIENT,
        ca_certs_file=None if settings.ca_file is None else str(settings.ca_file),
    )
    secret = _secret(settings.password_file) if settings.bind_dn else None
    try:
        server = ldap3.Server(settings.url, tls=tls, connect_timeout=settings.connect_seconds, get_info=ldap3.NONE)
        connection = ldap3.Connection(
            server,
            user=settings.bind_dn or None,
            password=secret,
            receive_timeout=settings.answer_seconds,
            raise_exceptions=False,
            auto_referrals=False,
            read_only=True,
        )
        try:
            _let_in(connection, settings)
            yield connection
        finally:
            _close(connection)
    except ldap3.core.exceptions.LDAPException as error:
        raise SyncError("unreachable", f"{settings.url} cannot be read: {_reason(error)}.") from None
    except (OSError, ssl.SSLError, ValueError) as error:
        raise SyncError("unreachable", f"{settings.url} cannot be read: {_reason(error)}.") from None


def _let_in(connection: Any, settings: Ldap) -> None:
    connection.open()
    if settings.url.startswith("ldap://") and settings.start_tls and not connection.start_tls():
        raise SyncError("no-tls", f"{settings.url} does not start TLS: {_result(connection)}.")
    if not connection.bind():
        raise SyncError(
            "not-let-in",
            f"{settings.url} does not let {settings.bind_dn or 'an anonymous reader'} in: {_result(connection)}.",
        )


def _close(connection: Any) -> None:
    """Say goodbye, and close what ldap3 leaves open after a failed handshake."""
    with contextlib.suppress(Exception):  # the answer is there already, or its error is on its way
        connection.unbind()
    if connection.socket is not None:
        connection.socket.close()


def _library() -> Any:
    """ldap3, or SyncError with the sentence that says how to get it."""
    try:
        import ldap3
    except ImportError:
        what = "The library for LDAP is not installed: install dlpmilter with its extra, dlpmilter[ldap]."
        raise SyncError("not-installed", what) from None
    return ldap3


def _pages(connection: Any, settings: Ldap) -> Iterator[Mapping[str, Any]]:
    """Every page; a page that did not come whole ends the reading with SyncError."""
    wanted = wanted_attributes(settings.attributes)
    cookie: bytes | None = None
    while True:
        connection.search(
            settings.base,
            settings.filter,
            attributes=list(wanted),
            paged_size=settings.page_size,
            paged_cookie=cookie,
            time_limit=settings.answer_seconds,
        )
        if connection.result["result"] != 0:
            raise SyncError(
                "broken-off", f"{settings.url} broke off the search below {settings.base!r}: {_result(connection)}."
            )
        for entry in connection.response or ():
            if entry.get("type") == "searchResEntry":
                yield entry["attributes"]
        controls = connection.result.get("controls") or {}
        cookie = controls.get(_PAGED, {}).get("value", {}).get("cookie")
        if not cookie:
            return


def _result(connection: Any) -> str:
    result = connection.result or {}
    return str(result.get("message") or result.get("description") or connection.last_error or "no reason given")


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__


def wanted_attributes(attributes: LdapAttributes) -> tuple[str, ...]:
    """Everything that a row is made of."""
    single = (
        attributes.address,
        attributes.department,
        attributes.secrecy_group,
        attributes.language,
        attributes.person,
    )
    lists = (*attributes.names, *attributes.aliases, *attributes.private, *attributes.close)
    return tuple(dict.fromkeys(each for each in (*single, *lists) if each))


def _secret(place: str) -> str:
    """The password: a file, `credential:NAME` or `env:NAME`; a line end behind it does not count."""
    kind, _, name = place.partition(":")
    try:
        if kind == "env":
            return os.environ[name]
        path = Path(os.environ["CREDENTIALS_DIRECTORY"]) / name if kind == "credential" else Path(place)
        with path.open("rb") as file:
            return file.read(_SECRET_OCTETS).decode().rstrip("\r\n")
    except KeyError as error:
        what = f"the environment variable {error.args[0]} is not set."
    except OSError as error:
        what = f"cannot be read ({error.strerror})."
    except UnicodeDecodeError:
        what = "is not UTF-8."
    raise ConfigError([Problem(place or "dlpmilter.toml", "directory.ldap.password_file", what)])


class _Rows:
    """Rows out of entries; an address counts for the first entry that has it, a main address before an alias."""

    def __init__(self, attributes: LdapAttributes) -> None:
        self._attributes = attributes
        self._found: dict[str, Row] = {}
        self.skipped = 0

    def add(self, entry: Mapping[str, Any]) -> None:
        """Take one entry in; one without an address of its own is counted as skipped."""
        wanted = self._attributes
        found = {name.lower(): value for name, value in entry.items()}
        mails = self._addresses(found, (wanted.address,))
        if not mails or mails[0] in self._found:
            self.skipped += 1
            return
        language = _first(found, wanted.language)[:2].lower()
        self._found[mails[0]] = Row(
            len(self._found) + 2,
            mails[0],
            tuple(dict.fromkeys(_clean(each) for name in wanted.names for each in _values(found, name))),
            (*mails[1:], *self._addresses(found, wanted.aliases)),
            self._addresses(found, wanted.private),
            _clean(_first(found, wanted.department)),
            _clean(_first(found, wanted.secrecy_group)),
            language if language in LANGUAGES else "",
            next(iter(self._addresses(found, (wanted.person,))), ""),
            self._addresses(found, wanted.close),
        )

    def rows(self) -> list[Row]:
        """Rows that fit together: each address once, `person` only where somebody is there who answers himself."""
        taken = set(self._found)
        aliases: dict[str, tuple[str, ...]] = {}
        for row in self._found.values():
            aliases[row.address] = tuple(each for each in dict.fromkeys(row.aliases) if each not in taken)
            taken.update(aliases[row.address])
        answering = {row.address for row in self._found.values() if row.person in {"", row.address}}
        return [
            replace(
                row,
                aliases=aliases[row.address],
                private=tuple(each for each in row.private if each not in taken),
                person=row.person if row.person in answering else "",
                close=tuple(each for each in row.close if each in taken),
            )
            for row in self._found.values()
        ]

    @staticmethod
    def _addresses(entry: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
        """Addresses of these attributes; `smtp:anna@x` of Active Directory too, other protocols not."""
        found: list[str] = []
        for value in (each for name in names for each in _values(entry, name)):
            kind, colon, rest = value.partition(":")
            if colon and kind.lower() != "smtp":
                continue
            try:
                found.append(normal_address(rest if colon else value))
            except AddressError:
                continue
        return tuple(dict.fromkeys(found))


def _values(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = entry.get(name.lower()) if name else None
    values = value if isinstance(value, list | tuple) else (value,)
    texts = (each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in values)
    return tuple(each.strip() for each in texts if isinstance(each, str) and each.strip())


def _first(entry: Mapping[str, Any], name: str) -> str:
    return next(iter(_values(entry, name)), "")


def _clean(text: str) -> str:
    """A value that fits into a cell: no separator of ours, no line end, a sensible length."""
    return " ".join(text.replace("|", " ").split())[:200]
