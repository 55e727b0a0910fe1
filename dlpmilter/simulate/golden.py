# SPDX-License-Identifier: Apache-2.0
"""Golden mails beside a policy: a mail, its envelope, and what must happen to each recipient by which rule.

Never changes what is expected: a golden mail that fails is a question to whoever changed the policy.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpmilter.config import ConfigError, Problem
from dlpmilter.model.address import NULL_SENDER, AddressError, parse_address
from dlpmilter.model.transaction import EnvelopePath
from dlpmilter.model.words import Action, RecipientClass
from dlpmilter.policy.domains import DomainLists, normalise_domain
from dlpmilter.policy.lists import LISTABLE, ClassList
from dlpmilter.policy.match import did_you_mean
from dlpmilter.simulate.golden_facts import KEYS, STATED, World, read_world
from dlpmilter.simulate.judge import Bench, Given, head_of, judge
from dlpmilter.simulate.reader import Closed
from dlpmilter.simulate.tally import deciding_rule

if TYPE_CHECKING:
    from dlpmilter.model.facts import Facts
    from dlpmilter.model.limits import Limits
    from dlpmilter.policy.schema import Policy
    from dlpmilter.simulate.reader import Reader

FOLDER = "tests"
_KEYS = ("title", "sender", "internal", "classes", "recipient", STATED, *KEYS)
_RECIPIENT_KEYS = ("address", "action", "rule")
_ACTIONS = tuple(each.name for each in Action)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must happen to one recipient; `rule` "" when any rule may decide it."""

    address: str
    action: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class GoldenMail:
    """One mail file with its table; `sender` None is taken from the headers, "" is the null sender."""

    path: Path
    title: str
    sender: str | None
    internal: tuple[str, ...]
    classes: tuple[ClassList, ...]
    recipients: tuple[Expected, ...]
    world: World = field(default_factory=World)


@dataclass(frozen=True, slots=True)
class Result:
    """One recipient of one golden mail: what was expected, what came, and why."""

    file: str
    title: str
    expected: Expected
    action: str
    rule: str
    reasons: tuple[str, ...]

    @property
    def met(self) -> bool:
        """Whether action and, where one is named, rule are as expected."""
        return self.action == self.expected.action and self.expected.rule in {"", self.rule}


def golden_mails(folders: list[Path]) -> list[GoldenMail]:
    """The golden mails of these folders by name; a name in an earlier folder stands in for a later one.

    Raises ConfigError with every problem of every table.
    """
    problems: list[Problem] = []
    found: dict[str, GoldenMail] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.eml")):
            if path.name not in found:
                mail = _read(path, problems)
                if mail is not None:
                    found[path.name] = mail
        problems.extend(
            Problem(str(table), "", "has no mail beside it.", f"Write {table.stem}.eml or delete the table.")
            for table in sorted(folder.glob("*.toml"))
            if not table.with_suffix(".eml").is_file()
        )
    if problems:
        raise ConfigError(problems)
    return [found[name] for name in sorted(found)]


def try_mails(
    mails: list[GoldenMail], policy: Policy, facts: Facts, limits: Limits, reader: Reader | None = None
) -> Iterator[Result]:
    """Judge each golden mail under the policy with its own internal domains and extra classes.

    `reader` opens a mail whose table does not say what its content holds, when a rule asks.
    """
    domains: dict[tuple[object, ...], DomainLists] = {}
    for mail in mails:
        key = (mail.internal, mail.classes)
        if key not in domains:
            domains[key] = DomainLists(
                (*policy.domains.lists, *mail.classes), (*policy.domains.internal, *mail.internal)
            )
        vetting = (*mail.world.vetting(facts.now), *policy.vetting)
        own = replace(policy, domains=domains[key], vetting=vetting)
        yield from _try(mail, Bench((own,), limits, mail.world.facts(facts), reader=reader or Closed()))


def _try(mail: GoldenMail, bench: Bench) -> Iterator[Result]:
    content = mail.path.read_bytes()
    head = head_of(content, bench.limits)
    if head is None:
        raise ConfigError([Problem(str(mail.path), "", "is not a mail.", "A mail begins with fields such as From.")])
    sender = None
    if mail.sender is not None:
        sender = EnvelopePath(parse_address(mail.sender) if mail.sender else NULL_SENDER)
    recipients = [EnvelopePath(parse_address(each.address)) for each in mail.recipients]
    (verdict,) = judge(content, head, bench, Given(sender, recipients, mail.world.report))
    for expected, one in zip(mail.recipients, verdict.dispositions, strict=True):
        yield Result(mail.path.name, mail.title, expected, one.action.name, deciding_rule(one), one.reasons)


def _read(path: Path, problems: list[Problem]) -> GoldenMail | None:
    table = path.with_suffix(".toml")
    try:
        data = tomllib.loads(table.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(Problem(str(table), "", f"cannot be read ({error.strerror}).", f"It says what {path.name} is."))
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(Problem(str(table), "", f"is not valid TOML: {error}."))
        return None
    before = len(problems)
    _check_keys(str(table), "", data, _KEYS, problems)
    rows = data.get("recipient")
    if not isinstance(rows, list) or not rows or not all(isinstance(each, dict) for each in rows):
        problems.append(Problem(str(table), "recipient", "is missing.", "Write at least one [[recipient]]."))
        rows = []
    for key, kind in (("title", str), ("sender", str), ("internal", list), ("classes", dict)):
        if key in data and not isinstance(data[key], kind):
            problems.append(Problem(str(table), key, "has the wrong type.", "policies/README.md shows a table."))
    expected = [_expected(str(table), number, each, problems) for number, each in enumerate(rows)]
    if len(problems) > before:
        return None
    sender = data.get("sender")
    classes = _classes(str(table), data.get("classes", {}), problems)
    if sender and not _is_address(sender):
        problems.append(Problem(str(table), "sender", f"{sender!r} is not a mail address."))
    internal = tuple(str(each) for each in data.get("internal", ()))
    world = read_world(str(table), data, problems)
    return GoldenMail(path, data.get("title", ""), sender, internal, classes, tuple(expected), world)


def _check_keys(
    file: str, where: str, data: Mapping[str, Any], known: tuple[str, ...], problems: list[Problem]
) -> None:
    problems.extend(
        Problem(file, f"{where}{key}", "is not a key here.", did_you_mean(key, known))
        for key in data
        if key not in known
    )


def _expected(file: str, number: int, row: dict[str, Any], problems: list[Problem]) -> Expected:
    where = f"recipient[{number + 1}]."
    _check_keys(file, where, row, _RECIPIENT_KEYS, problems)
    address, action, rule = (row.get(key, "") for key in _RECIPIENT_KEYS)
    if not _is_address(address):
        problems.append(Problem(file, f"{where}address", f"{address!r} is not a mail address."))
    if action not in _ACTIONS:
        problems.append(Problem(file, f"{where}action", f"{action!r} is not an action.",
                                did_you_mean(str(action), _ACTIONS)))  # fmt: skip
    if not isinstance(rule, str):
        problems.append(Problem(file, f"{where}rule", "is not a text.", "Write the id of a rule."))
    return Expected(str(address), str(action), str(rule))


def _is_address(text: object) -> bool:
    try:
        return isinstance(text, str) and not parse_address(text).null
    except AddressError:
        return False


def _classes(file: str, tables: Mapping[str, Any], problems: list[Problem]) -> tuple[ClassList, ...]:
    """Extra entries for this mail only: the shipped lists hold no partner and no protected address."""
    lists = []
    for name, entries in tables.items():
        if name not in LISTABLE or not isinstance(entries, list) or not all(isinstance(each, str) for each in entries):
            fix = 'Write [classes] with lines such as partner = ["partner.example", "a@b.example"].'
            problems.append(Problem(file, f"classes.{name}", "is not a class with a list of entries.", fix))
            continue
        domains = frozenset(normalise_domain(each) for each in entries if "@" not in each)
        addresses = frozenset(each.lower() for each in entries if "@" in each)
        lists.append(ClassList(f"{Path(file).name} [classes]", RecipientClass(name), domains, addresses))
    return tuple(lists)
