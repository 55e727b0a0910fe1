# SPDX-License-Identifier: Apache-2.0
"""Reads a policy directory into a Policy, or says everything that is wrong with it at once.

Never half-loads: one problem anywhere and nothing of the new policy is used. Never asks the network or
the clock.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dlpmilter.config import ConfigError, Problem
from dlpmilter.model.detector import detectors_digest
from dlpmilter.model.words import RecipientClass
from dlpmilter.policy.build import (
    build_customers,
    build_failure,
    build_governance,
    build_hold,
    build_rule,
    build_vetting,
)
from dlpmilter.policy.canonical import policy_version
from dlpmilter.policy.checks import check_classes, check_governance, check_internal, check_order, check_rules, merged
from dlpmilter.policy.detectors import load_detectors
from dlpmilter.policy.domains import DomainLists, normalise_domain
from dlpmilter.policy.lists import LISTABLE, ClassList, read_list
from dlpmilter.policy.problems import shape_problems
from dlpmilter.policy.published import DISAGREEMENTS
from dlpmilter.policy.schema import ListVersion, Policy
from dlpmilter.policy.shape import PolicyTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpmilter.policy.detectors import Compiles

LOCAL_FILE = "policy.toml"
SHIPPED_FILE = "default.toml"
DETECTORS = "detectors"


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One TOML file: where it is, what it holds raw, and its checked shape when it has one."""

    path: Path
    data: dict[str, Any]
    table: PolicyTable | None


def shipped_directory() -> Path:
    """Where the shipped policy is: inside the installed package, else beside it in the source tree."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "policies"
    return inside if inside.is_dir() else package.parent / "policies"


def policy_files(directory: Path | None) -> tuple[Path, ...]:
    """The files the rules of a policy stand in, its own first; for places in messages."""
    shipped = shipped_directory() / SHIPPED_FILE
    return (shipped,) if directory is None else (directory / LOCAL_FILE, directory / SHIPPED_FILE, shipped)


def load_policy(
    directory: Path | None,
    *,
    internal_domains: Sequence[str] = (),
    require_governance: bool = False,
    allow_sample: bool = False,
    compiles: Compiles | None = None,
) -> Policy:
    """Load and check a policy directory (None: the shipped default).

    `require_governance` refuses a policy that may act (a rule in advise or enforce) without its
    governance block; `allow_sample` accepts the demo's sample block; `compiles` tries the patterns of
    detectors (room detect has RE2, this room has not). Raises ConfigError with all problems.
    """
    problems: list[Problem] = []
    shipped = shipped_directory()
    if directory is not None and directory.resolve() == shipped:
        directory = None
    own = _read(_file_of(directory, shipped, problems), problems)
    if own is None:
        raise ConfigError(problems)
    base = _read(shipped / SHIPPED_FILE, problems) if own.data.get("extends") == "default" else None
    lists = _shipped_lists(shipped, problems)
    if directory is not None:
        lists += _local_lists(directory, own, problems)
    folders = [shipped / DETECTORS] + ([directory / DETECTORS] if directory is not None else [])
    specs = load_detectors(folders[0], folders[1] if directory is not None else None, problems, compiles=compiles)
    files = [own, base] if base is not None else [own]
    for each in files:
        check_rules(str(each.path), each.data, problems)
    check_order(str(own.path), own.data, base.data if base else None, problems)
    check_classes(str(own.path), lists, _class_names(own), problems)
    check_internal(internal_domains, problems)
    check_governance(
        str(own.path),
        own.data,
        [each.data for each in files],
        problems,
        required=require_governance,
        allow_sample=allow_sample,
    )
    if problems or own.table is None or (base is not None and base.table is None):
        raise ConfigError(problems)
    policy = _assemble(own.table, base.table if base else None, lists, internal_domains)
    policy = replace(
        policy,
        groups={each.id: each.groups for each in specs},
        detectors=detectors_digest(specs),
        detector_folders=tuple(each for each in folders if each.is_dir()),
    )
    return replace(policy, version=policy_version(policy))


def _assemble(
    own: PolicyTable,
    base: PolicyTable | None,
    lists: list[ClassList],
    internal_domains: Sequence[str],
) -> Policy:
    cases = tuple(build_rule(each, "base", own.mode) for each in merged(own.case, base.case if base else []))
    raises = tuple(build_rule(each, "raise", own.mode) for each in merged(own.raise_, base.raise_ if base else []))
    return Policy(
        name=own.name,
        version="",
        cases=cases,
        raises=raises,
        domains=DomainLists(lists, internal_domains),
        governance=build_governance(own.governance),
        hold=build_hold(own.hold),
        customers=build_customers(own.customers),
        vetting=tuple(build_vetting(each) for each in own.vetting),
        failure=build_failure(own.failure),
        lists=tuple(
            ListVersion(each.name, each.date, each.digest, len(each.domains) + len(each.addresses)) for each in lists
        ),
    )


def _file_of(directory: Path | None, shipped: Path, problems: list[Problem]) -> Path:
    if directory is None:
        return shipped / SHIPPED_FILE
    if not directory.is_dir():
        what = "is a file, not a folder." if directory.exists() else "does not exist."
        fix = f"A policy is a folder with a {LOCAL_FILE}; policies/README.md says how."
        raise ConfigError([Problem(str(directory), "", what, fix)])
    found = next((directory / name for name in (LOCAL_FILE, SHIPPED_FILE) if (directory / name).is_file()), None)
    if found is None:
        fix = 'Write one that begins with extends = "default"; policies/README.md says how.'
        raise ConfigError([Problem(str(directory), "", f"holds no {LOCAL_FILE}.", fix)])
    problems.extend(
        Problem(str(other), "", "is not read.", f"All rules stand in {found.name}.")
        for other in sorted(directory.glob("*.toml"))
        if other != found and not other.name.startswith(".")
    )
    return found


def _read(path: Path, problems: list[Problem]) -> PolicyFile | None:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(Problem(str(path), "", f"cannot be read ({error.strerror})."))
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        problems.append(Problem(str(path), "", f"is not valid TOML: {error}."))
        return None
    try:
        return PolicyFile(path, data, PolicyTable.model_validate(data))
    except ValidationError as error:
        problems.extend(shape_problems(str(path), error, PolicyTable, data))
        return PolicyFile(path, data, None)


def _shipped_lists(shipped: Path, problems: list[Problem]) -> list[ClassList]:
    found = [
        read_list(path, f"policies/domains/{path.name}", problems, shipped=True)
        for path in sorted((shipped / "domains").glob("*.list"))
    ]
    return [each for each in found if each is not None]


def _local_lists(directory: Path, own: PolicyFile, problems: list[Problem]) -> list[ClassList]:
    lists = []
    folder = directory / "domains"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or path.name.endswith("~") or path.name == DISAGREEMENTS:
            continue
        if path.suffix != ".list":
            fix = f"Name it <class>.list, for example {path.stem}.list."
            problems.append(Problem(str(path), "", "is not read.", fix))
            continue
        found = read_list(path, f"domains/{path.name}", problems, shipped=False)
        if found is not None:
            lists.append(found)
    return lists + [_class_table(own, name) for name in _class_names(own) if name in LISTABLE]


def _class_names(own: PolicyFile) -> list[str]:
    classes = own.data.get("classes")
    return sorted(classes) if isinstance(classes, dict) else []


def _class_table(own: PolicyFile, name: str) -> ClassList:
    """[classes.<name>] from the raw data; entries of a wrong type are the shape's problem."""
    table = own.data["classes"][name]
    domains, addresses = (
        [each for each in entries if isinstance(each, str)]
        if isinstance(table, dict) and isinstance(entries := table.get(key), list)
        else []
        for key in ("domains", "addresses")
    )
    return ClassList(
        f"{own.path.name} [classes.{name}]",
        RecipientClass(name),
        frozenset(normalise_domain(each) for each in domains),
        frozenset(_normal_address(each) for each in addresses),
    )


def _normal_address(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local.lower()}@{normalise_domain(domain)}"
