# SPDX-License-Identifier: Apache-2.0
"""A case as JSON, as far as one person may see it. Never shows an address or subject to anybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpmilter.holds.actors import is_sender

if TYPE_CHECKING:
    from dlpmilter.holds.actors import Actor
    from dlpmilter.storage.case_rows import Case


def may_see(case: Case, actor: Actor | None) -> bool:
    """Whether this person sent the mail or belongs to a pool that decides about it."""
    return actor is not None and (is_sender(actor, case) or any(hold.pool in actor.pools for hold in case.holds))


def described(case: Case, actor: Actor | None) -> dict[str, Any]:
    """What this person may see of a case; the names are a contract (design section 6)."""
    open_to = may_see(case, actor)
    return {
        "case": case.id,
        "placed": case.created_at.isoformat(timespec="seconds"),
        "deadline": case.deadline.isoformat(timespec="seconds"),
        "kind": case.kind,
        "size": case.size,
        "sender": case.owner if open_to else None,
        "subject": case.subject if open_to else None,
        "reason_code": case.justification_code if open_to else None,
        "reason": case.justification_text if open_to else None,
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
            }
            for hold in case.holds
        ],
    }
