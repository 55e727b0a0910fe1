# SPDX-License-Identifier: Apache-2.0
"""What time does to cases: reminders, expiry, deletion. Idempotent; expiry never releases anything.

Looks in a read first, so an idle sweep writes nothing. Every step is one short transaction a case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from dlpmilter.audit import forget, trail
from dlpmilter.audit.controller import controller_after
from dlpmilter.audit.retention import Periods, periods
from dlpmilter.audit.trail import Entry
from dlpmilter.facts.drip import over
from dlpmilter.holds import digest, reread, states, terms
from dlpmilter.holds.consents import CLOSED, OPEN, Consents
from dlpmilter.holds.notify import told
from dlpmilter.holds.reread import STATEMENTS
from dlpmilter.holds.states import FINAL, WAITING, Act, Conflict, State
from dlpmilter.holds.turns import in_turns
from dlpmilter.model.words import Stated
from dlpmilter.notices.dsn import DsnKind, DsnRecipient
from dlpmilter.notices.facts import NoticeKind
from dlpmilter.storage import (
    case_rows,
    consent_rows,
    digest_rows,
    drip_rows,
    mark_rows,
    message_rows,
    notice_rows,
    outbox_rows,
    trail_rows,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.holds.notify import Notifier
    from dlpmilter.policy.schema import Policy
    from dlpmilter.storage.bodies import BodyStore
    from dlpmilter.storage.case_rows import Case, Hold
    from dlpmilter.storage.database import Database

BATCH = 200
HOUSEKEEPING = timedelta(hours=1)
EXPIRED_STATUS = "5.7.1"
_UNEXPLAINED = frozenset({State.held, State.in_review})


class Sweeper:
    """Runs again and again with the same store; `notifier` carries the policy in force."""

    def __init__(self, database: Database, bodies: BodyStore) -> None:
        self._database = database
        self._bodies = bodies
        self._next_housekeeping: datetime | None = None

    async def run(self, notifier: Notifier, now: datetime) -> dict[str, int]:
        """Do what is due and return how often what was done. Raises TemporaryFailure."""
        counts: Counter[str] = Counter()
        counts["expired"] = await self._expire(notifier, now)
        counts["reminded"] = await self._remind(notifier, now)
        counts["digests"] = await self._digests(notifier, now)
        counts["unsealed"] = await self._unseal(notifier, now)
        counts["purged"] = await self._purge(notifier, now)
        counts["consents-expired"] = await self._expire_consents(notifier, now)
        counts["drip"] = await self._forget_drip(now)
        if self._next_housekeeping is None or now >= self._next_housekeeping:
            counts.update(await self._housekeeping(notifier, now))
            self._next_housekeeping = now + HOUSEKEEPING
        return dict(counts)

    async def _expire(self, notifier: Notifier, now: datetime) -> int:
        due = await self._database.read(lambda conn: case_rows.overdue(conn, WAITING, now, BATCH))
        done = 0
        for case in due:
            done += await self._database.write(partial(_expire_one, case_id=case.id, notifier=notifier, now=now))
        return done

    async def _remind(self, notifier: Notifier, now: datetime) -> int:
        waiting = await self._database.read(lambda conn: case_rows.in_states(conn, _UNEXPLAINED))
        done = 0
        for case in waiting:
            if not _unexplained(case):
                continue
            placed, ends = case.created_at.astimezone(), case.deadline.astimezone()
            wanted = terms.reminders_due(placed, ends, notifier.policy.hold, now)
            if wanted > case.reminders and now < case.deadline:
                act = partial(_remind_one, case=case, wanted=wanted, notifier=notifier, now=now)
                done += await self._database.write(act)
        return done

    async def _digests(self, notifier: Notifier, now: datetime) -> int:
        ended = digest.day_ended(now.astimezone(), notifier.policy.hold.digest_hour)
        done = 0
        for each in await self._database.read(lambda conn: digest_rows.due(conn, ended, BATCH)):
            done += await self._database.write(partial(digest.send, recipient=each, notifier=notifier, now=now)) > 0
        return done

    async def _unseal(self, notifier: Notifier, now: datetime) -> int:
        kept = timedelta(days=notifier.policy.hold.sealed_days)
        sealed = await self._database.read(lambda conn: case_rows.in_states(conn, {State.sealed}))
        done = 0
        for case in sealed:
            if all(hold.state_at + kept <= now for hold in case.holds if hold.state == State.sealed):
                done += await self._database.write(partial(_unseal_one, case_id=case.id, now=now))
        return done

    async def _purge(self, notifier: Notifier, now: datetime) -> int:
        over = await self._database.read(lambda conn: case_rows.with_content_only_in(conn, FINAL, BATCH))
        done = 0
        for case in over:
            ends = max(hold.state_at + terms.keep_for(hold.state, notifier.policy.hold) for hold in case.holds)
            if case.justification_code in STATEMENTS and await self._database.read(partial(_passed, case=case)):
                ends = now  # one's own, or private: there is no ground to keep it (domain.md section 3)
            if ends <= now:
                done += await self._database.write(partial(_purge_one, case_id=case.id, bodies=self._bodies, now=now))
        return done

    async def _expire_consents(self, notifier: Notifier, now: datetime) -> int:
        due = await self._database.read(lambda conn: consent_rows.overdue(conn, OPEN, now, BATCH))
        book = Consents(self._database, notifier.policy.version, {})
        done = 0
        for one in due:
            done += await self._database.write(partial(book.expire, consent_id=one.id, now=now))
        return done

    async def _forget_drip(self, now: datetime) -> int:
        """Often, so that nothing stands there longer than it counts."""
        if not await self._database.read(lambda conn: drip_rows.older(conn, over(now))):
            return 0
        return await self._database.write(lambda conn: drip_rows.sweep(conn, over(now)))

    async def _housekeeping(self, notifier: Notifier, now: datetime) -> dict[str, int]:
        personal = now - timedelta(days=notifier.policy.hold.case_days)
        counts = await self._forget(notifier, now)

        def act(conn: Connection) -> None:
            gone = [
                *case_rows.purged_before(conn, personal, BATCH),
                *case_rows.reduced_before(conn, now - terms.REDUCED_AGE, BATCH),
            ]
            counts["cases-removed"] = case_rows.remove(conn, gone)
            counts["message-keys"] = message_rows.forget(conn, message_rows.stale(conn, now - terms.MESSAGE_KEY_AGE))
            counts["notices"] = notice_rows.purge(conn, now - terms.NOTICE_AGE)
            counts["marks"] = mark_rows.purge(conn, now)
            counts["consents-removed"] = consent_rows.remove_closed(conn, CLOSED, personal)
            unused = message_rows.unused_bodies(conn, now - terms.OUTLIVES)
            counts["bodies"] = sum(self._bodies.purge(conn, body_id) for body_id in unused)
            counts["orphans"] = self._bodies.sweep_orphans(conn, now)

        await self._database.write(act)
        return counts

    async def _forget(self, notifier: Notifier, now: datetime) -> dict[str, int]:
        """What the trail may no longer know; first seals what an older version wrote openly."""
        policy, done = notifier.policy, {}
        kept, version = periods_of(policy), policy.version
        acts: dict[str, Callable[[Connection], int]] = {
            "fields-sealed": partial(trail_rows.seal_old, limit=BATCH),
            "cases-forgotten": partial(forget.forget_due, periods=kept, policy_version=version, at=now),
            "facts-erased": partial(forget.forget_facts, periods=kept, policy_version=version, at=now),
        }
        for name, act in acts.items():
            done[name] = await in_turns(self._database, act)
        if any(done.values()):
            await self._database.flush()  # what was erased is in no write-ahead log either
        return done


def periods_of(policy: Policy) -> Periods:
    """How long the trail keeps what, by this policy."""
    return periods(policy.governance.retention_profile if policy.governance else "de", policy.hold.case_days)


def _expire_one(conn: Connection, *, case_id: str, notifier: Notifier, now: datetime) -> int:
    case = case_rows.get(conn, case_id)
    holds = states.possible(Act.expire, case.holds) if case else ()
    if case is None or not holds or case.deadline > now:
        return 0
    found = controller_after(transmitted=False)
    recipients = [DsnRecipient(hold.recipient, EXPIRED_STATUS) for hold in holds]
    mail = notifier.report(DsnKind.expired, case, recipients, now)
    if mail is None:  # NOTIFY asks for no report; a note of ours is no report
        mail = notifier.notice(NoticeKind.expired, case, holds, now)
    fields: dict[str, Value] = {"controller-after": found.after.value, "controller-basis": found.basis}
    fields |= told(mail)
    for number, hold in enumerate(holds):
        fields[f"recipient.{number}.address"] = hold.recipient.mailbox.text
    try:
        states.move(
            conn, Act.expire, holds, Entry("expired", "withhold", case.policy_version, case.id, fields, now), now
        )
    except Conflict:
        return 0
    notifier.queue(conn, case.id, mail, now, mark=f"-{holds[0].id}")
    return len(holds)


def _unseal_one(conn: Connection, *, case_id: str, now: datetime) -> int:
    """The time of the evidence is over: it is deleted, never sent."""
    case = case_rows.get(conn, case_id)
    holds = states.possible(Act.unseal, case.holds) if case else ()
    if case is None or not holds:
        return 0
    found = controller_after(transmitted=False)
    fields: dict[str, Value] = {"controller-after": found.after.value, "controller-basis": found.basis}
    try:
        entry = Entry("unsealed", "withhold", case.policy_version, case.id, fields, now)
        states.move(conn, Act.unseal, holds, entry, now)
    except Conflict:
        return 0
    return len(holds)


def _remind_one(conn: Connection, *, case: Case, wanted: int, notifier: Notifier, now: datetime) -> int:
    current = case_rows.get(conn, case.id)
    waiting = _unexplained(current) if current else []
    if current is None or not waiting or not case_rows.set_reminders(conn, case.id, wanted, case.reminders):
        return 0
    mail = notifier.notice(NoticeKind.reminder, current, waiting, now)
    mark = f"-{wanted}-{current.deadline:%Y%m%d}"  # with more time there is a last reminder once more
    return int(notifier.queue(conn, case.id, mail, now, mark=mark) in {"queued", "paced"})


def _unexplained(case: Case) -> list[Hold]:
    """The holds whose sender has said nothing yet, whoever has taken the case."""
    return [hold for hold in case.holds if hold.state in _UNEXPLAINED] if case.justification_code is None else []


def _purge_one(conn: Connection, *, case_id: str, bodies: BodyStore, now: datetime) -> int:
    case = case_rows.get(conn, case_id)
    if case is None or case.purged_at is not None or any(hold.state not in FINAL for hold in case.holds):
        return 0
    if case.body_id is not None:
        if outbox_rows.body_owed(conn, case.body_id):
            return 0
        bodies.purge(conn, case.body_id)
    passed = _passed(conn, case=case)
    case_rows.purge_content(conn, case.id, now)
    trail.append(conn, Entry("purged", "none", case.policy_version, case.id, {"scope": "content"}, now))
    if passed:
        case_rows.reduce(conn, case.id)
        forget.forget_scopes(conn, [case.id], policy_version=case.policy_version, why="own or private", at=now)
    return 1


def _passed(conn: Connection, *, case: Case) -> bool:
    """Whether the policy itself let all of it pass, or gave it back, on what its sender said."""
    own = {address for address, stated in reread.allowed(conn, case.id).items() if stated is not Stated.none}
    return {hold.recipient.mailbox.text for hold in case.holds} <= own
