# SPDX-License-Identifier: Apache-2.0
"""Class lists on disk: `domains/<class>.list`, one domain a line, with evidence. Never classifies.

Its header names a version (`# version: 2026-11-22`), each line its reason (`gmail.com  # free sign-up`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.config import Problem
from dlpmilter.model.words import RecipientClass
from dlpmilter.policy.domains import is_domain, is_public_suffix, normalise_domain
from dlpmilter.policy.terms import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_VERSION = re.compile(r"#\s*version:\s*(\d{4}-\d{2}-\d{2})\b")
LISTABLE = tuple(each for each in RecipientClass if each is not RecipientClass.internal)
"""Classes a list may give; `internal` comes from dlpmilter.toml, `unknown` takes a domain out of a shipped list."""
SHARED_TENANTS = ("onmicrosoft.com", "mail.onmicrosoft.com", "gappssmtp.com", "mail.protection.outlook.com")
"""Names under which every company has its own subdomain: as a line they would mark whole companies private."""


@dataclass(frozen=True, slots=True)
class ClassList:
    """One list of one class: file or table in policy.toml."""

    name: str
    """How people call it, for example `policies/domains/freemail.list`."""
    recipient_class: RecipientClass
    domains: frozenset[str]
    addresses: frozenset[str] = frozenset()
    date: str = ""
    shipped: bool = False

    @property
    def source(self) -> str:
        """What a record names: the list and its version, for example `...freemail.list@2026-11-22`."""
        return f"{self.name}@{self.date}" if self.date else self.name

    @property
    def digest(self) -> str:
        """SHA-256 over the entries, whatever their order and comments, hex."""
        entries = "\n".join([self.recipient_class, *sorted(self.domains), *sorted(self.addresses)])
        return hashlib.sha256(entries.encode("utf-8", "surrogatepass")).hexdigest()


def read_list(path: Path, name: str, problems: list[Problem], *, shipped: bool) -> ClassList | None:
    """Read one `<class>.list`; what is wrong goes to `problems` with its line number."""
    if path.stem not in LISTABLE:
        fix = did_you_mean(path.stem, LISTABLE)
        if path.stem == RecipientClass.internal:
            fix = "Internal domains stand in dlpmilter.toml, key internal_domains."
        problems.append(Problem(str(path), "", f"{path.stem!r} is not a class a list may give.", fix))
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        problems.append(Problem(str(path), "", f"cannot be read ({error.strerror})."))
        return None
    except UnicodeDecodeError:
        problems.append(Problem(str(path), "", "is not UTF-8 text.", "Save the list as UTF-8."))
        return None
    version = _VERSION.search(text)
    if version is None:
        problems.append(
            Problem(str(path), "version", "the header names no version.", "Add a line `# version: 2026-11-22`.")
        )
    domains = _lines(path, text, problems)
    if not shipped:
        problems.extend(domain_problems(str(path), domains.items(), path.stem))
    return ClassList(
        name, RecipientClass(path.stem), frozenset(domains), date=version.group(1) if version else "", shipped=shipped
    )


def _lines(path: Path, text: str, problems: list[Problem]) -> dict[str, str]:
    """Domain -> line label."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        entry, hash_sign, comment = line.partition("#")
        entry, where = entry.strip(), f"line {number}"
        if not entry:
            continue
        domain, what, fix = normalise_domain(entry), "", ""
        if not is_domain(domain) or len(entry.split()) != 1:
            what, fix = f"{entry[:80]!r} is not a domain.", _domain_fix(entry)
        elif domain in found:
            what, fix = f"{domain} stands here twice ({found[domain]}).", "Delete one of the two lines."
        elif not hash_sign or not comment.strip():
            what, fix = f"{domain} has no evidence.", "Write after a # why it is in this class."
        if what:
            problems.append(Problem(str(path), where, what, fix))
        if is_domain(domain):
            found.setdefault(domain, where)
    return found


def _domain_fix(entry: str) -> str:
    if "*" in entry:
        return "Leave the wildcard out: a line covers the domain and every name below it."
    if "@" in entry:
        return "A list holds domains; addresses go to addresses = [...] of [classes.<class>] in policy.toml."
    return "Write one domain a line, for example gmail.com."


def domain_problems(file: str, domains: Iterable[tuple[str, str]], class_name: str) -> list[Problem]:
    """What is wrong with well-formed domains of a local list: suffixes anyone registers under, shared tenants."""
    found = []
    for domain, where in domains:
        if domain in SHARED_TENANTS and class_name != RecipientClass.unknown:
            what, fix = "holds a subdomain for every company.", "Name the one tenant, for example name.onmicrosoft.com."
        elif is_public_suffix(domain):
            what, fix = "is a public suffix: anybody may register names below it.", "Name the domain itself."
        else:
            continue
        found.append(Problem(file, where, f"{domain} {what}", fix))
    return found
