# SPDX-License-Identifier: Apache-2.0
"""Rules that ask for something nobody can tell here: no directory, no registered data, mx_hint off.

Never a mistake: such a rule waits for its data. Of a rule of one's own that is a warning, for somebody meant it; of
the shipped rules, which ask for much, it is a hint, once for each source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.config import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from dlpmilter.config import Config
    from dlpmilter.policy.schema import Policy


_INDEXES = {".reg", ".fp"}
"""Files of registers and documents (registers/store.py, which `check` need not load)."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Facts that have no answer while something is not set up, what that means, and what to do."""

    key: str
    facts: tuple[str, ...]
    what: str
    fix: str


_HOSTS = _Source(
    "mx_hint.enabled",
    ("recipient.mail_host",),
    "recipient.mail_host is always empty while mx_hint is off",
    "Set enabled = true in [mx_hint], or take the rule out.",
)
_PEOPLE = _Source(
    "directory.file",
    ("sender.secrecy_group", "sender.department"),
    "nobody has a department or a duty of secrecy while there is no directory",
    "If some of you have (a doctor, a lawyer, the works council), name them in a file of people: deploy/directory.md.",
)
_DATA = _Source(
    "database",
    ("findings.register_rows", "findings.licensed_rows", "findings.register_share", "findings.document_share",
     "drip.records_24h", "drip.records_7d", "drip.records_30d"),
    "no data and no document is registered, so rows and shares of them are always 0; drip.messages and drip.octets"
    " count all the same",
    "`dlpmilter data register` and `dlpmilter data document` make them known: policies/DATA.md.",
)  # fmt: skip


def unanswered(file: Path, config: Config, policy: Policy) -> tuple[list[Problem], list[Problem]]:
    """Warnings about rules of one's own, hints about shipped ones."""
    missing = [
        *([] if config.mx_hint.enabled else [_HOSTS]),
        *([] if config.directory.file is not None else [_PEOPLE]),
        *([] if _registered(config.registers_directory) else [_DATA]),
    ]
    warnings: list[Problem] = []
    hints: list[Problem] = []
    for source in missing:
        asking = [each for each in policy.rules if each.when.facts.intersection(source.facts)]
        shipped = _shipped() if asking else {}
        own = [each.id for each in asking if shipped.get(each.id) != each.when.source]
        theirs = [each.id for each in asking if each.id not in own]
        if own:
            warnings.append(Problem(str(file), source.key, f"{source.what}: {_wait(own)}.", source.fix))
        if theirs:
            hints.append(Problem(str(file), source.key, f"{source.what}: {_wait(theirs)}.", source.fix))
    return warnings, hints


def _wait(rules: list[str]) -> str:
    if len(rules) == 1:
        return f"the rule {rules[0]} asks for that"
    return f"the rules {', '.join(rules[:-1])} and {rules[-1]} ask for that"


def _shipped() -> dict[str, str]:
    """The conditions of the shipped rules by their ids."""
    from dlpmilter.policy.load import load_policy

    return {each.id: each.when.source for each in load_policy(None).rules}


def _registered(folder: Path) -> bool:
    """Whether there is an index; also true where we may not look, for then nobody knows."""
    try:
        return any(each.suffix in _INDEXES and not each.name.startswith(".") for each in folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        return True
