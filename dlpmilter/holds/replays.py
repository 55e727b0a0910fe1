# SPDX-License-Identifier: Apache-2.0
"""Recorded decisions made again under the policy of that day. Never changes anything, never needs a mail."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlpmilter.actions.plan import BODY_CUT, NOBODY_TO_TELL, WHOLE_REFUSED
from dlpmilter.engine.failure import FAILED
from dlpmilter.engine.replay import replayed
from dlpmilter.holds.reread import ALLOWED, RETURNED, STILL_HELD, UNSHUNTED
from dlpmilter.policy.canonical import read_rules
from dlpmilter.policy.domains import DomainLists
from dlpmilter.policy.match import Needs
from dlpmilter.policy.schema import Policy
from dlpmilter.storage import policy_rows, trail_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

_PLACE = re.compile(r"(recipient\.\d+\.)")
CHANGED = "the kept policy does not have the hash that stands in the record"
"""Never an honest state: the form is written once and its hash is its name."""
ERASED = "the facts were erased when their time was over, or never kept"
SEALED = "the record is sealed, and the key file cannot be read by this user"
_DECISIONS = frozenset({"decided", ALLOWED, RETURNED, STILL_HELD, UNSHUNTED})
_SETTLED = frozenset({BODY_CUT, NOBODY_TO_TELL, WHOLE_REFUSED})
"""Reasons that follow from the other recipients or the returned body, not from the rules."""


@dataclass(frozen=True, slots=True)
class Replay:
    """One recipient of one recorded decision: `same` is None when it cannot be made again, and `why` says so."""

    seq: int
    case: str
    policy_version: str
    recipient: str
    recorded: str
    rules: tuple[str, ...]
    again: str = ""
    rules_again: tuple[str, ...] = ()
    same: bool | None = None
    why: str = ""

    @property
    def differs(self) -> bool:
        """Whether the record and what can be computed from it do not fit."""
        return self.same is False or self.why == CHANGED


def replays(conn: Connection, cases: frozenset[str] = frozenset()) -> Iterator[Replay]:
    """Every recorded decision in order, or those of some cases."""
    policies: dict[str, Policy | str] = {}
    for entry, values in trail_rows.entries(conn):
        if entry.event not in _DECISIONS:
            continue
        fields: dict[str, Any] = {value.name: json.loads(value.value) for value in values if not value.sealed}
        without = SEALED if any(value.sealed for value in values) else ERASED
        case = str(fields.get("case", ""))
        if cases and case not in cases:
            continue
        if entry.policy_version not in policies:
            policies[entry.policy_version] = _policy(conn, entry.policy_version)
        policy = policies[entry.policy_version]
        places = dict.fromkeys(match[1] for name in sorted(fields) if (match := _PLACE.match(name)))
        for place in places:
            yield _replay(entry.seq, case, entry.policy_version, _below(fields, place), policy, without)
        if not places:
            yield _why(Replay(entry.seq, case, entry.policy_version, "erased", entry.action, ()), without)


def _below(fields: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {name.removeprefix(place): value for name, value in fields.items() if name.startswith(place)}


def _policy(conn: Connection, version: str) -> Policy | str:
    """The policy of that version, or why there is none; a form that does not have this hash was changed."""
    form = policy_rows.form_of(conn, version)
    if form is None:
        return "the policy of that day was not kept"
    if hashlib.sha256(form).hexdigest() != version:
        return CHANGED
    try:
        cases, raises = read_rules(form)
    except ValueError as error:
        return str(error)
    return Policy("kept", version, cases, raises, DomainLists(()))


def _replay(seq: int, case: str, version: str, one: Mapping[str, Any], policy: Policy | str, without: str) -> Replay:
    found = Replay(
        seq, case, version, str(one.get("address", "erased")), str(one.get("action", "")), tuple(one.get("rules", ()))
    )
    reasons = set(one.get("reasons", ()))
    if isinstance(policy, str):
        return _why(found, policy)
    if FAILED in reasons:
        return _why(found, "the judge had broken on this mail; its class decided")
    facts = one.get("facts")
    if not isinstance(facts, dict) or not facts or not found.recorded:
        return _why(found, without)
    decision = replayed(policy, facts)
    if isinstance(decision, Needs):
        return _why(found, f"the record does not hold {', '.join(sorted(decision.facts))}")
    again, rules = decision.action.name, tuple(hit.id for hit in decision.rules)
    same = rules == found.rules and (again == found.recorded or bool(reasons & _SETTLED))
    return Replay(seq, case, version, found.recipient, found.recorded, found.rules, again, rules, same)


def _why(found: Replay, why: str) -> Replay:
    return Replay(found.seq, found.case, found.policy_version, found.recipient, found.recorded, found.rules, why=why)
