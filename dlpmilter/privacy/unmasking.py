# SPDX-License-Identifier: Apache-2.0
"""Who stands behind a pseudonym: two people of different duties, one case, a purpose, a day, and the person is told.

Never a search by name. Nothing is shown before the second person agrees, and every look is an entry.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dlpmilter.holds.actors import canonical
from dlpmilter.privacy.dossiers import Dossier, Moved, acted_by
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.privacy.dossiers import Book, Officer

KIND = "unmasking"
VIEW = timedelta(hours=24)
ASKED_FOR = timedelta(days=14)
DEFER = timedelta(days=30)
PURPOSES = ("incident", "data-subject-request", "claim", "authority", "complaint")


class State(StrEnum):
    """Where an unmasking stands."""

    asked = "asked"
    granted = "granted"
    refused = "refused"
    over = "over"


def ask(  # noqa: PLR0913 - what the rule asks for
    conn: Connection, book: Book, case_id: str, purpose: str, reason: str, by: Officer, now: datetime, *,
    defer: str = "",
) -> Dossier:  # fmt: skip
    """Ask to see who sent the mail of one case. `defer` says why the person is told later (30 days at most)."""
    if purpose not in PURPOSES:
        raise ValueError(f"{purpose!r} is not one of {', '.join(PURPOSES)}")
    if not reason.split():
        raise ValueError("say the concrete facts that make it necessary")
    case = case_rows.get(conn, case_id.strip().upper())
    if case is None or not case.owner:
        raise ValueError(f"there is no case {case_id!r} with a name in it")
    if canonical(case.owner) == canonical(by.address):
        raise ValueError("this is your own mail: you see it without anybody's leave, with `dlpmilter holds show`")
    data = {
        "purpose": purpose, "reason": " ".join(reason.split())[:500], "asked_by": by.address,
        "asked_duties": sorted(by.duties), "agreed_by": "", "until": "", "defer": " ".join(defer.split())[:500],
        "tell_at": "", "told": "", "looks": [],
    }  # fmt: skip
    fields = {**acted_by(by, "asks"), "purpose": purpose, "deferred": bool(defer)}
    return book.open(conn, KIND, State.asked, data=data, due=now + ASKED_FOR, now=now, case_id=case.id, fields=fields)


def agree(conn: Connection, book: Book, number: str, by: Officer, now: datetime) -> Dossier:
    """The second person, of another duty: from now on both may look, for a day."""
    one = _in(conn, book, number, State.asked)
    if canonical(by.address) == canonical(one.data["asked_by"]):
        raise ValueError("who asked cannot agree; somebody of another duty has to")
    if not by.duties - set(one.data["asked_duties"]):
        raise ValueError("a second person of another duty has to agree: DPO and works council, not two of one")
    case = case_rows.get(conn, one.row.case_id)
    if case is not None and canonical(case.owner) == canonical(by.address):
        raise ValueError("this is your own mail; somebody else has to agree")
    until = now + VIEW
    tell = now + DEFER if one.data["defer"] else now
    return book.move(
        conn, one, "unmasking-granted", State.granted, now, due=until, fields=acted_by(by, "agrees"),
        agreed_by=by.address, until=until.isoformat(timespec="seconds"), tell_at=tell.isoformat(timespec="seconds"),
    )  # fmt: skip


def refuse(conn: Connection, book: Book, number: str, by: Officer, now: datetime) -> Dossier:
    """No."""
    one = _in(conn, book, number, State.asked)
    return book.move(conn, one, "unmasking-refused", State.refused, now, closed=True, fields=acted_by(by, "refuses"))


def look(conn: Connection, book: Book, number: str, by: Officer, now: datetime) -> dict[str, Any]:
    """What was asked for, for the two people, for a day; each look is an entry before it is shown."""
    one = _in(conn, book, number, State.granted)
    if now >= datetime.fromisoformat(one.data["until"]):
        raise Moved(f"the day of {one.id} is over; ask again")
    if canonical(by.address) not in {canonical(one.data["asked_by"]), canonical(one.data["agreed_by"])}:
        raise ValueError("only the two who asked and agreed may look")
    case = case_rows.get(conn, one.row.case_id)
    if case is None:
        raise ValueError("the case is gone: its time was over")
    line = {"at": now.isoformat(timespec="seconds"), "by": by.address}
    book.move(
        conn, one, "unmasked", State.granted, now, fields={**acted_by(by, "looks"), "purpose": one.data["purpose"]},
        looks=[*one.data["looks"], line],
    )  # fmt: skip
    return {
        "case": case.id, "sender": case.owner, "name": case.owner_name, "login": case.login,
        "recipients": [hold.recipient.mailbox.text for hold in case.holds],
        "until": one.data["until"],
    }  # fmt: skip


def end_overdue(conn: Connection, book: Book, now: datetime) -> int:
    """Close what is over: views after their day, questions nobody answered in two weeks; how many."""
    done = 0
    for one in book.many(conn, KIND, still_open=True):
        told = one.data["told"] or one.row.state == State.asked
        if one.row.due_at <= now and told:
            book.move(conn, one, "unmasking-over", State.over, now, closed=True)
            done += 1
    return done


def to_tell(conn: Connection, book: Book, now: datetime) -> list[tuple[Dossier, str]]:
    """Unmaskings whose person must hear of it now, with the address."""
    found = []
    for one in book.many(conn, KIND, still_open=True):
        waits = one.row.state == State.granted and not one.data["told"]
        if waits and datetime.fromisoformat(one.data["tell_at"]) <= now:
            case = case_rows.get(conn, one.row.case_id)
            found.append((one, case.owner if case is not None else ""))
    return found


def told(conn: Connection, book: Book, number: str, now: datetime) -> None:
    """The person heard of it, or nobody is left to hear."""
    one = book.get(conn, number, KIND)
    fields = {"notice": "queued", "purpose": one.data["purpose"]}
    book.move(conn, one, "unmasking-told", one.row.state, now, fields=fields, told=now.isoformat(timespec="seconds"))


def of_case(conn: Connection, book: Book, case_id: str) -> list[Dossier]:
    """The unmaskings of one case that the person was told about, for its own page."""
    return [one for one in book.of_case(conn, KIND, case_id) if one.data["told"]]


def _in(conn: Connection, book: Book, number: str, state: State) -> Dossier:
    one = book.get(conn, number, KIND)
    if one.row.state != state:
        raise Moved(f"{one.id} is {one.row.state}")
    return one
