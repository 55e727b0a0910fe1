# SPDX-License-Identifier: Apache-2.0
"""What has to happen by itself around dossiers: opening, clocks, alarms, telling people. Never decides anything.

Each thing is one short transaction; what fails is tried again at the next round.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from dlpmilter.notices.officers import Kind, compose_officer
from dlpmilter.privacy import access, breach, unmasking
from dlpmilter.privacy.breach import Desk
from dlpmilter.privacy.dossiers import Book
from dlpmilter.privacy.inventory import DOSSIERS
from dlpmilter.storage import dossier_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from dlpmilter.holds.notify import Notifier
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring

_SHOWN = "%Y-%m-%d %H:%M %Z"


@dataclass(frozen=True, slots=True)
class Rounds:
    """One round for one installation."""

    database: Database
    keyring: Keyring
    notifier: Notifier
    now: datetime

    async def go(self) -> dict[str, int]:
        """Do what is due; how often what was done. Raises TemporaryFailure."""
        write = self.database.write
        counts = {"breach-entries": 0}
        while (seen := await self.database.read(breach.look)).read:
            counts["breach-entries"] += seen.read
            await write(partial(breach.open_seen, book=self._book, seen=seen, now=self.now))
        counts["breach-aware"] = await write(lambda conn: breach.overdue_aware(self._desk(conn)))
        counts["officers-told"] = await write(self._alarms) + await write(self._requests)
        counts["unmasked-told"] = await write(self._unmasked)
        counts["unmasking-over"] = await write(lambda conn: unmasking.end_overdue(conn, self._book, self.now))
        counts["dossiers-removed"] = await write(lambda c: dossier_rows.remove_closed(c, self.now - DOSSIERS))
        return counts

    @property
    def _book(self) -> Book:
        return Book(self.keyring, self.notifier.policy.version)

    def _desk(self, conn: Connection) -> Desk:
        governance = self.notifier.policy.governance
        return Desk(conn, self._book, governance.breach_hours if governance else 72, None, self.now)

    def _alarms(self, conn: Connection) -> int:
        """The DPO hears when a file is opened, and 24, 48, 60 and 70 hours after it was known."""
        found = breach.alarms(conn, self._book, self.now)
        for one, mark in found:
            since = datetime.fromisoformat(one.data["aware"] or one.data["detected"])
            until = one.data["notify_by"]
            filling = {
                "id": one.id, "seen": one.data["seen"], "since": self._shown(since),
                "notify_by": self._shown(datetime.fromisoformat(until)) if until else "",
            }  # fmt: skip
            self._to_dpo(conn, "officer-breach", filling)
            dossier_rows.note_alarm(conn, one.id, mark)
        return len(found)

    def _requests(self, conn: Connection) -> int:
        """The DPO hears of a new request, after three days without a step, after 21 days, and when time is over."""
        done = 0
        for one in self._book.many(conn, access.KIND, still_open=True):
            received = datetime.fromisoformat(one.data["received"])
            steps = [
                ("new", received),
                ("ack", received + access.ACK if not one.data["history"] else None),
                ("three-weeks", received + access.ALERT),
                ("over", datetime.fromisoformat(one.data["until"])),
            ]
            due = [name for name, at in steps if at is not None and at <= self.now]
            if due and one.row.alarm != due[-1]:
                until = datetime.fromisoformat(one.data["until"])
                filling = {"id": one.id, "received": self._shown(received), "due": self._shown(until)}
                self._to_dpo(conn, "officer-request", filling)
                dossier_rows.note_alarm(conn, one.id, due[-1])
                done += 1
        return done

    def _unmasked(self, conn: Connection) -> int:
        """The person whose name was looked at hears of it, at once or after the deferral."""
        found = unmasking.to_tell(conn, self._book, self.now)
        governance = self.notifier.policy.governance
        for one, address in found:
            if address:
                dpo = f"{governance.dpo_name}, {governance.dpo_address}" if governance else self.notifier.postmaster
                filling = {"case": one.row.case_id, "purpose": one.data["purpose"], "dpo": dpo}
                self._send(conn, "unmasked", filling, address)
            unmasking.told(conn, self._book, one.id, self.now)
        return len(found)

    def _to_dpo(self, conn: Connection, kind: Kind, filling: Mapping[str, str]) -> None:
        governance = self.notifier.policy.governance
        self._send(conn, kind, filling, governance.dpo_address if governance else self.notifier.postmaster)

    def _send(self, conn: Connection, kind: Kind, filling: Mapping[str, str], to: str) -> None:
        one = self.notifier
        data = compose_officer(kind, filling, to, one.languages, letterhead=one.letterhead, now=self.now)
        one.send_once(conn, to, data, self.now)

    def _shown(self, moment: datetime) -> str:
        return moment.astimezone().strftime(_SHOWN)


EVERY = timedelta(seconds=30)
