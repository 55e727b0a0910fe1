# SPDX-License-Identifier: Apache-2.0
"""What follows when the outbox has settled a mail: states, trail, notices. Called inside its transaction.

Never raises for a state that does not fit: the mail is gone, so the record must stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.audit.controller import controller_after
from dlpmilter.audit.trail import Entry
from dlpmilter.holds import reread, states
from dlpmilter.holds.notify import told
from dlpmilter.holds.place import OWN_NOTICE
from dlpmilter.holds.states import FINAL, Act, State
from dlpmilter.model.words import Kind, Relation, Stated
from dlpmilter.notices.dsn import DsnKind, DsnRecipient
from dlpmilter.notices.facts import NoticeKind
from dlpmilter.storage import body_rows, case_rows, mark_rows, notice_rows, outbox_rows
from dlpmilter.storage.case_rows import Case

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.holds.notify import Notifier, Prepared
    from dlpmilter.relay.outbox import Outcome
    from dlpmilter.storage.case_rows import Hold
    from dlpmilter.storage.outbox_rows import OutboxRow

MARK_AFTER_DELIVERY = timedelta(days=1)
"""A released mail that comes round does so soon; then its mark ends."""
_GAVE_UP = "4.4.7"
"""RFC 3463: delivery time expired."""


def settle(conn: Connection, row: OutboxRow, outcomes: Sequence[Outcome], *, notifier: Notifier, now: datetime) -> None:
    """Record what one try decided; recipients that are tried again later change nothing."""
    final = [each for each in outcomes if each.final]
    if not final or not row.case_id:  # a link to sign in belongs to no case, and who signs in is nobody's record
        return
    case = case_rows.get(conn, row.case_id)
    if row.kind == "release" and case is not None:
        _released(conn, row, case, final, notifier, now)
    elif row.kind == "leftover":
        _leftover(conn, row, case, final, notifier, now)
    else:
        fields = {"notice": row.kind} | _replies(final)
        _append(conn, "notice", "none", row.case_id, case, fields, now)


def _released(
    conn: Connection, row: OutboxRow, case: Case, final: Sequence[Outcome], notifier: Notifier, now: datetime
) -> None:
    delivered = _holds(case, [each for each in final if each.state == "delivered"])
    failed_outcomes = [each for each in final if each.state == "failed"]
    failed = _holds(case, failed_outcomes)
    if delivered:
        # One row is of one decision: None is people's, `none` that of a judge that had broken and was mended.
        stated = reread.allowed(conn, case.id).get(delivered[0].recipient.mailbox.text)
        found = controller_after(
            transmitted=True, approved=stated is None, relation=Relation(delivered[0].relation),
            stated=stated or Stated.none,
        )  # fmt: skip
        fields: dict[str, Value] = {
            "controller-after": found.after.value,
            "controller-basis": found.basis,
            "controller-flags": list(found.flags),
        }
        fields |= _replies([each for each in final if each.state == "delivered"], addresses=True)
        mail = _good_news(conn, case, delivered, stated, notifier, now)
        entry = Entry("released", "release", case.policy_version, case.id, fields | told(mail), now)
        states.move(conn, Act.deliver, delivered, entry, now)
        notifier.queue(conn, case.id, mail, now, mark=f"-{row.id}-{delivered[0].id}")
    if failed:
        report = _report(case, failed_outcomes, notifier, now)
        fields = _replies(failed_outcomes, addresses=True) | told(report, "report-told")
        entry = Entry("release-failed", "hold", case.policy_version, case.id, fields, now)
        states.move(conn, Act.fail, failed, entry, now)
        notifier.queue(conn, case.id, report, now, mark=f"-{row.id}-{failed_outcomes[0].id}")
    if not outbox_rows.of_case(conn, case.id, "release"):
        mark_rows.shorten(conn, case.id, now + MARK_AFTER_DELIVERY)


def _good_news(
    conn: Connection, case: Case, delivered: Sequence[Hold], stated: Stated | None, notifier: Notifier, now: datetime
) -> Prepared:
    """It is on its way: approved by people with what they asked for, or let pass by the policy itself."""
    if stated is None:
        return notifier.notice(
            NoticeKind.approved, case, delivered, now, delivered_at=now.astimezone(),
            purpose=case.justification_text or "", delete_by=_delete_by(conn, case),
        )  # fmt: skip
    looked = any(row.event == "content-opened" for row, _ in trail.of_case(conn, case.id))
    left = {hold.id for hold in case.holds if hold.state not in FINAL} - {hold.id for hold in delivered}
    return notifier.notice(
        NoticeKind.allowed, case, delivered, now, delivered_at=now.astimezone(), stated=stated, unread=not looked,
        forgotten=not left and stated is not Stated.none,
    )  # fmt: skip


def _delete_by(conn: Connection, case: Case) -> datetime | None:
    """The end of the day that the last approval named, in the zone of the people."""
    for row, fields in reversed(trail.of_case(conn, case.id)):
        if row.event == "approved" and isinstance(day := fields.get("delete-by"), str):
            return datetime.combine(date.fromisoformat(day), time(23, 59)).astimezone()
    return None


def _holds(case: Case, outcomes: Sequence[Outcome]) -> list[Hold]:
    wanted = {each.recipient.mailbox.raw for each in outcomes}
    return [hold for hold in case.holds if hold.recipient.mailbox.raw in wanted and hold.state == State.releasing]


def _leftover(
    conn: Connection, row: OutboxRow, case: Case | None, final: Sequence[Outcome], notifier: Notifier, now: datetime
) -> None:
    fields = _replies(final)
    failed = [each for each in final if each.state == "failed"]
    if failed:
        about = case or _stand_in(row, notifier)
        if notice_rows.sent(conn, case_id=row.case_id, kind=OWN_NOTICE):
            about = replace(about, mute="own-notice")
        report = _report(about, failed, notifier, now)
        notifier.queue(conn, row.case_id, report, now, mark=f"-{row.id}-{failed[0].id}")
        fields |= told(report, "report-told")
    _append(conn, "outcome", "relay", row.case_id, case, fields, now)
    needed = row.body_id and (outbox_rows.body_owed(conn, row.body_id) or case_rows.body_of_a_case(conn, row.body_id))
    if row.body_id and not needed:
        body_rows.remove(conn, row.body_id)


def _report(case: Case, failed: Sequence[Outcome], notifier: Notifier, now: datetime) -> Prepared | None:
    """We took the mail with 250 and could not hand it on: the sender hears, wherever he is (RFC 5321 6.1)."""
    recipients = [DsnRecipient(each.recipient, _status(each), each.reply) for each in failed]
    return notifier.report(DsnKind.undelivered, case, recipients, now)


def _status(outcome: Outcome) -> str:
    """The enhanced code of the reply where it has one (RFC 2034), else one that fits."""
    first = outcome.reply.lines[0].split(b" ", 1)[0].decode("ascii", "replace") if outcome.reply.lines else ""
    parts = first.split(".")
    if len(parts) == 3 and all(part.isdigit() for part in parts):
        return "5" + first[1:] if parts[0] == "5" else _GAVE_UP
    return "5.0.0" if outcome.reply.permanent else _GAVE_UP


def _stand_in(row: OutboxRow, notifier: Notifier) -> Case:
    """A mail without a case of its own (a tagged one): its envelope is all we know of it."""
    return Case(
        id=row.case_id, created_at=row.created_at, deadline=row.created_at, policy_version=notifier.policy.version,
        body_id=row.body_id, language="", kind=Kind.fresh.value, size=0, sender=row.sender,
        owner="", owner_name="", owner_source="envelope", login="", authors=(),
        mute="no-address", others=0, subject=None, message_id=None,
    )  # fmt: skip


def _replies(outcomes: Sequence[Outcome], *, addresses: bool = False) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for number, each in enumerate(outcomes):
        place = f"recipient.{number}."
        fields |= {f"{place}state": each.state, f"{place}code": each.reply.code, f"{place}reply": each.reply.text[:300]}
        if addresses:
            fields[f"{place}address"] = each.recipient.mailbox.text
    return fields


def _append(
    conn: Connection, event: str, action: str, case_id: str, case: Case | None, fields: dict[str, Value], now: datetime
) -> None:
    trail.append(conn, Entry(event, action, case.policy_version if case else "", case_id, fields, now))
