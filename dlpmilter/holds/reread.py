# SPDX-License-Identifier: Apache-2.0
"""A held mail judged again with what its sender says it is: his own document, or private (domain.md section 6, R4, R7).

The policy decides, from the mail itself; a statement alone never releases. What it lets pass leaves like an approved
mail; where private use is forbidden a private mail comes back to its sender. Everything else waits for people.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.engine.failure import FAILED
from dlpmilter.holds import prepare, release, states
from dlpmilter.holds.acting import acting, kept_here, part
from dlpmilter.holds.form import PRIVATE
from dlpmilter.holds.notify import internal, told
from dlpmilter.holds.states import Act
from dlpmilter.model.transaction import EnvelopePath
from dlpmilter.model.verdict import Verdict
from dlpmilter.model.words import Action, Stated
from dlpmilter.notices.facts import NoticeKind
from dlpmilter.policy.canonical import canonical_form
from dlpmilter.storage import case_rows, policy_rows
from dlpmilter.storage.case_rows import Case

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.holds.acting import Tools
    from dlpmilter.holds.actors import Actor
    from dlpmilter.holds.release import MarkDigest
    from dlpmilter.model.verdict import Disposition
    from dlpmilter.policy.schema import Policy
    from dlpmilter.storage.case_rows import Hold

STATEMENTS = {"R4": Stated.own_document, PRIVATE: Stated.private}
"""Reason codes that are a fact for the policy."""
ALLOWED, RETURNED, STILL_HELD, UNSHUNTED = "allowed", "returned", "re-judged", "unshunted"
BY_POLICY = "policy"
"""The role in the trail: nobody decided but the rules."""
_FACT = "message.statement"
_ADDRESS = re.compile(r"recipient\.\d+\.address")
Reread = Callable[[Case, Sequence[EnvelopePath], Stated], Awaitable[Verdict]]
"""Judges a kept mail again for these recipients. Raises TemporaryFailure, BodyError."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the policy says now, and what a release would be bound to."""

    stated: Stated
    verdict: Verdict
    digest: MarkDigest


def waiting(case: Case) -> tuple[Hold, ...]:
    """The holds the policy may be asked about again: nobody is looking at them, nobody has refused them."""
    return tuple(hold for hold in states.possible(Act.allow, case.holds) if hold.refused_by is None)


def decide(conn: Connection, case: Case, reading: Reading, *, actor: Actor, tools: Tools) -> tuple[Hold, ...]:
    """Let go, or give back, what the policy has nothing against; returns those holds. Raises Conflict."""
    policy = tools.notifier.policy
    if policy.version != reading.verdict.policy_version:
        return ()  # it was loaded again in between: people decide
    judged = _judged(waiting(case), reading)
    free = [(hold, one) for hold, one in judged if _lets_pass(policy, one)]
    kept = [(hold, one) for hold, one in judged if not _lets_pass(policy, one)]
    policy_rows.keep(conn, policy.version, lambda: canonical_form(policy), tools.now)
    if kept:
        fields = _fields(actor, case, reading, kept)
        trail.append(conn, Entry(STILL_HELD, "hold", policy.version, case.id, fields, tools.now))
    if not free:
        return ()
    forbidden = policy.governance is not None and policy.governance.private_use == "forbidden"
    if reading.stated is Stated.private and forbidden:
        return _give_back(conn, case, reading, free, actor=actor, tools=tools)
    holds = tuple(hold for hold, _ in free)
    fields = _fields(actor, case, reading, free)
    states.move(
        conn, Act.allow, holds, Entry(ALLOWED, "release", policy.version, case.id, fields, tools.now), tools.now
    )
    release.queue(conn, tools.sending, case, holds, reading.digest, acting(actor, BY_POLICY, holds), tools.now)
    return holds


def _judged(holds: Sequence[Hold], reading: Reading) -> list[tuple[Hold, Disposition]]:
    found = {one.recipient.mailbox.raw: one for one in reading.verdict.dispositions}
    return [(hold, found[raw]) for hold in holds if (raw := hold.recipient.mailbox.raw) in found]


def _lets_pass(policy: Policy, one: Disposition) -> bool:
    """Whether a rule about the statement lets it pass; that a counter has run down since then is no reason."""
    rules = (policy.rule(hit.id) for hit in one.rules if hit.stage == "base")
    return one.action < Action.hold and any(rule is not None and _FACT in rule.when.facts for rule in rules)


def _give_back(
    conn: Connection,
    case: Case,
    reading: Reading,
    free: Sequence[tuple[Hold, Disposition]],
    *,
    actor: Actor,
    tools: Tools,
) -> tuple[Hold, ...]:
    """Private mail where private use is forbidden: back to the person, quietly, and nobody reads it."""
    holds, version = tuple(hold for hold, _ in free), reading.verdict.policy_version
    fields = _fields(actor, case, reading, free)
    if not case.owner or case.mute or not internal(case.owner, tools.notifier.domains):
        fields["why"] = "no-mailbox"
        trail.append(conn, Entry(STILL_HELD, "hold", version, case.id, fields, tools.now))
        return ()
    mail = tools.notifier.notice(NoticeKind.withdrawn, case, holds, tools.now, in_mailbox=True)
    fields |= kept_here() | told(mail) | {"mailbox": case.owner}
    states.move(conn, Act.withdraw, holds, Entry(RETURNED, "withhold", version, case.id, fields, tools.now), tools.now)
    release.give_back(conn, tools.sending, case, tools.now)
    tools.notifier.queue(conn, case.id, mail, tools.now, mark=part(holds))
    return holds


def shunted(case: Case) -> tuple[Hold, ...]:
    """The holds that wait because the judge had broken on the mail."""
    return tuple(hold for hold in waiting(case) if FAILED in hold.reasons)


def unshunt(conn: Connection, case: Case, reading: Reading, *, actor: Actor, tools: Tools) -> tuple[Hold, ...]:
    """The judge is mended: what it lets pass leaves, what it holds waits under its own rule; returns what left."""
    policy = tools.notifier.policy
    if policy.version != reading.verdict.policy_version:
        return ()
    judged = _judged(shunted(case), reading)
    free = [(hold, one) for hold, one in judged if one.action < Action.hold]
    kept = [(hold, one) for hold, one in judged if one.action >= Action.hold]
    policy_rows.keep(conn, policy.version, lambda: canonical_form(policy), tools.now)
    if kept:
        for hold, one in kept:
            case_rows.judged(conn, hold.id, prepare.hold_of(one))
        fields = _fields(actor, case, reading, kept)
        trail.append(conn, Entry(STILL_HELD, "hold", policy.version, case.id, fields, tools.now))
    if not free:
        return ()
    holds = tuple(hold for hold, _ in free)
    entry = Entry(UNSHUNTED, "release", policy.version, case.id, _fields(actor, case, reading, free), tools.now)
    states.move(conn, Act.allow, holds, entry, tools.now)
    release.queue(conn, tools.sending, case, holds, reading.digest, acting(actor, BY_POLICY, holds), tools.now)
    return holds


def _fields(actor: Actor, case: Case, reading: Reading, judged: Sequence[tuple[Hold, Disposition]]) -> dict[str, Value]:
    fields = acting(actor, BY_POLICY, [hold for hold, _ in judged])
    fields |= {"owner": case.owner, "others": case.others}
    if reading.stated is not Stated.none:
        fields["reason-code"] = next(code for code, each in STATEMENTS.items() if each is reading.stated)
    for number, (_, one) in enumerate(judged):
        fields |= prepare.judged_fields(f"recipient.{number}.", one)
    return fields


def allowed(conn: Connection, case_id: str) -> dict[str, Stated]:
    """Address -> what its sender had said when the policy itself let the mail pass, or gave it back.

    `none` is what was never a question for the sender: the judge had broken, and was mended.
    """
    found: dict[str, Stated] = {}
    for row, fields in trail.of_case(conn, case_id):
        if row.event in {ALLOWED, RETURNED, UNSHUNTED} and fields.get("role") == BY_POLICY:
            stated = STATEMENTS.get(str(fields.get("reason-code")), Stated.none)
            found |= {str(value): stated for name, value in fields.items() if _ADDRESS.fullmatch(name)}
    return found
