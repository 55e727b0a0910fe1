# SPDX-License-Identifier: Apache-2.0
"""A case as JSON, as far as one person may see it. Never shows an address or subject to anybody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dlpmilter.holds.actors import is_sender, too_close
from dlpmilter.holds.form import EVIDENCE, PRIVATE, PROTECTED
from dlpmilter.holds.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpmilter.audit.trail import Value
    from dlpmilter.holds.actors import Actor
    from dlpmilter.storage.case_rows import Case
    from dlpmilter.storage.trail_rows import EntryRow


def may_see(case: Case, actor: Actor | None) -> bool:
    """Whether this person sent the mail or belongs to a pool that decides about it."""
    return actor is not None and (is_sender(actor, case) or _decides(case, actor))


def _decides(case: Case, actor: Actor) -> bool:
    return any(hold.pool in actor.pools for hold in case.holds) and not too_close(actor, case)


def _private(case: Case) -> bool:
    return is_shut(case) or case.justification_code == PRIVATE


def is_shut(case: Case) -> bool:
    """Whether the mail is nobody's to look at: evidence under seal, or a report, advice, works council."""
    return case.justification_code in {EVIDENCE, PROTECTED} or any(hold.state == State.sealed for hold in case.holds)


def described(case: Case, actor: Actor | None) -> dict[str, Any]:
    """What this person may see of a case; the names are a contract (design section 6)."""
    open_to = may_see(case, actor)
    decides = actor is not None and _decides(case, actor) and not is_sender(actor, case)
    return {
        "case": case.id,
        "placed": case.created_at.isoformat(timespec="seconds"),
        "deadline": case.deadline.isoformat(timespec="seconds"),
        "kind": case.kind,
        "size": case.size,
        "sender": case.owner if open_to else None,
        "subject": case.subject if open_to and (not decides or not _private(case)) else None,
        "reason_code": case.justification_code if open_to else None,
        "reason": case.justification_text if open_to else None,
        "statement": json.loads(case.statement) if open_to and case.statement else None,
        "extended": case.extended,
        "asked": case.asked or None,
        "asked_until": case.asked_until.isoformat(timespec="seconds") if case.asked_until else None,
        "content": case.purged_at is None,
        "holds": [
            {
                "address": hold.recipient.mailbox.text if open_to else None,
                "class": hold.recipient_class,
                "relation": hold.relation if open_to else None,
                "rule": hold.rule,
                "pool": hold.pool,
                "approvals_needed": hold.approvals_needed,
                "state": hold.state,
                "claimed_by": hold.claimed_by if decides else None,
                "claimed_at": hold.claimed_at.isoformat(timespec="seconds") if hold.claimed_at and open_to else None,
            }
            for hold in case.holds
        ],
    }


def told(row: EntryRow, fields: Mapping[str, Value], case: Case, actor: Actor | None) -> dict[str, Any]:
    """One entry of the trail: who acted is for those who decide, the sentence of a refusal for the sender too."""
    decides = actor is not None and _decides(case, actor) and not is_sender(actor, case)
    return {
        "seq": row.seq,
        "day": row.day,
        "event": row.event,
        "action": row.action,
        "at": fields.get("at"),
        "actor": fields.get("actor") if decides else None,
        "role": fields.get("role") if decides else None,
        "stage": fields.get("stage") if may_see(case, actor) else None,
        "reason": fields.get("reason") if may_see(case, actor) else None,
        "note": fields.get("note") if decides else None,
    }
