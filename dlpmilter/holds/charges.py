# SPDX-License-Identifier: Apache-2.0
"""Counting released mail in the drip counters: who released it does not change what a mailbox has received.

Never counts customers, and nothing at all when no rule of the policy in force asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.canonical import canonical_address
from dlpmilter.engine.classify import is_internal
from dlpmilter.facts.drip import Charge
from dlpmilter.model.words import RecipientClass, Relation
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from dlpmilter.facts.drip import DripCounter
    from dlpmilter.policy.schema import Policy
    from dlpmilter.relay.outbox import Outcome
    from dlpmilter.storage.case_rows import Hold
    from dlpmilter.storage.outbox_rows import OutboxRow

_OURS = frozenset({Relation.own_private, Relation.colleague_private})


def charge_released(
    conn: Connection,
    row: OutboxRow,
    outcomes: Sequence[Outcome],
    *,
    policy: Policy,
    counter: DripCounter,
    now: datetime,
) -> None:
    """Inside the transaction that records a try: count what a release has just delivered."""
    delivered = {each.recipient.mailbox.raw for each in outcomes if each.state == "delivered"}
    if row.kind != "release" or not delivered or not policy.counts_drip:
        return
    case = case_rows.get(conn, row.case_id)
    sender = canonical_address(case.owner) if case is not None else ""
    if case is None or not sender or not is_internal(sender, policy.domains):
        return
    reached = [hold for hold in case.holds if hold.recipient.mailbox.raw in delivered and _counts(hold)]
    people = (canonical_address(hold.recipient.mailbox.key) for hold in reached)
    if to := tuple(dict.fromkeys(each for each in people if each)):
        mail = counter.mail_key(sender, b"released " + case.id.encode())
        counter.charge(conn, Charge(sender, to, mail, case.size), now)


def _counts(hold: Hold) -> bool:
    if hold.relation == Relation.customer or hold.recipient_class == RecipientClass.protected:
        return False
    return RecipientClass(hold.recipient_class).private or hold.relation in _OURS
