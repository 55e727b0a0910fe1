# SPDX-License-Identifier: Apache-2.0
"""Sending the daily digests: what a mailbox rule forwarded, and what is beyond ten notices an hour. Never at once.

A day ends at `digest_hour` in the zone of the people; what is decided by then is not mentioned any more.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dlpmilter.holds.states import WAITING
from dlpmilter.model.words import Kind, RecipientClass, Relation
from dlpmilter.notices.digest import DigestFacts, Waiting
from dlpmilter.notices.facts import HeldRecipient
from dlpmilter.storage import case_rows, digest_rows

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from dlpmilter.holds.notify import Notifier
    from dlpmilter.storage.case_rows import Case

BATCH = 200
MOST = 500
"""Cases that are looked at for one digest; a loop may make many thousands a day, which are only counted."""


def day_ended(now: datetime, hour: int) -> datetime:
    """The last time it was that hour; `now` in the zone of the people."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def send(conn: Connection, recipient: str, notifier: Notifier, now: datetime) -> int:
    """One person's digest; returns how many cases it names."""
    names = digest_rows.cases_of(conn, recipient, MOST)
    unread = digest_rows.take(conn, recipient) - len(names)
    cases = [case for case in case_rows.many(conn, names) if any(hold.state in WAITING for hold in case.holds)]
    if not cases:
        return 0
    governance = notifier.policy.governance
    facts = DigestFacts(
        person_address=recipient,
        person_name=next((case.owner_name for case in cases if case.owner == recipient), ""),
        more=unread,
        waiting=tuple(_waiting(case, recipient, notifier, now) for case in cases),
        company=governance.employer if governance else "",
        contact=governance.contact if governance else notifier.postmaster,
        alternatives=notifier.alternatives,
        page=f"{notifier.places.url}/my" if notifier.places.url else "",
    )
    notifier.queue_digest(conn, facts, now)
    return len(cases) + unread


def _waiting(case: Case, recipient: str, notifier: Notifier, now: datetime) -> Waiting:
    holds = [hold for hold in case.holds if hold.state in WAITING]
    return Waiting(
        case.id, case.created_at.astimezone(),
        tuple(HeldRecipient(hold.recipient.mailbox.text, RecipientClass(hold.recipient_class), Relation(hold.relation))
              for hold in holds),
        case.deadline.astimezone(), notifier.places.of_sender(case, now) if case.owner == recipient else "",
        case.kind == Kind.auto_forward,
    )  # fmt: skip
