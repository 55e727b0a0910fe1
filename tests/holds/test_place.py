# SPDX-License-Identifier: Apache-2.0
"""Recording verdicts: one transaction, once for the same octets, exact envelope, outcomes and leftovers."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.audit import trail
from dlpmilter.audit.verify import verify
from dlpmilter.holds.journal import Journal
from dlpmilter.holds.place import owe_leftover, record_outcome
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.reply import reply
from dlpmilter.model.words import Action
from dlpmilter.spill import MessageBytes
from dlpmilter.storage import case_rows, outbox_rows
from tests.holds import house
from tests.holds.house import mail, path, rooms

PRIVATE = "anna.private@gmx.example"


@pytest.mark.asyncio
async def test_a_hold_is_case_key_entry_and_notice_at_once(tmp_path: Path) -> None:
    """A held mail has its case, its sealed octets, its entry and one notice to its sender, and verifies."""
    message = mail()
    async with rooms(tmp_path) as r:
        decided = await r.hold(PRIVATE, message=message)
        assert decided.held == {PRIVATE.encode()}
        case = await r.database.read(lambda conn: case_rows.get(conn, decided.case_id))
        assert case is not None
        assert (case.owner, case.subject, case.authors) == (house.ANNA, "Fwd: Grüße", (house.ANNA,))
        assert case.deadline == house.NOW + timedelta(days=7)  # five working days from a Monday
        assert decided.body_id is not None
        body = await r.bodies.get(decided.body_id)
        assert body.read() == message
        (owed,) = await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id))
        assert owed.kind == "notice"
        assert owed.sender.mailbox.null
        assert owed.recipients[0].path.mailbox.text == house.ANNA
        assert decided.case_id.encode() in owed.prefix
        ((row, fields),) = await r.database.read(lambda conn: trail.of_case(conn, decided.case_id))
        assert (row.event, row.action) == ("decided", "hold")
        assert fields["recipient.0.address"] == PRIVATE
        assert fields["recipient.0.controller-after"] == "not_transmitted"
        assert "subject" not in fields
        assert (await r.database.read(verify)).ok


@pytest.mark.asyncio
async def test_envelope_octets_and_parameters_survive(tmp_path: Path) -> None:
    """Addresses and ESMTP parameters of a held recipient come back octet for octet."""
    odd = path('"Anna B"@GMX.example', ("NOTIFY", b"SUCCESS,FAILURE"), ("ORCPT", b"rfc822;A+20B@x"))
    utf = path("änna@gmx.example", ("X", "ü".encode("latin-1")))
    async with rooms(tmp_path) as r:
        decided = await r.decide(mail(), [odd, utf], [Action.hold, Action.hold])
        case = await r.database.read(lambda conn: case_rows.get(conn, decided.case_id))
        assert case is not None
        assert [hold.recipient for hold in case.holds] == [odd, utf]


@pytest.mark.asyncio
async def test_tag_and_reject_leave_a_short_entry_only(tmp_path: Path) -> None:
    """Tagged or refused mail is recorded without a case and without its octets."""
    async with rooms(tmp_path) as r:
        tagged = await r.decide(mail(), [PRIVATE], [Action.tag])
        await r.decide(mail(), [PRIVATE], [Action.reject])
        assert [await r.count(table) for table in ("cases", "body_chunks", "body_keys", "outbox")] == [0, 0, 0, 0]
        ((row, fields),) = await r.database.read(lambda conn: trail.of_case(conn, tagged.case_id))
        assert row.action == "tag"
        assert "message-id" not in fields
        assert "login" not in fields


@pytest.mark.asyncio
async def test_relayed_recipients_of_a_split_mail_are_only_counted(tmp_path: Path) -> None:
    """The entry names who is held; of the others it says how many."""
    async with rooms(tmp_path) as r:
        decided = await r.decide(mail(), ["p@partner.example", PRIVATE], [Action.relay, Action.hold])
        ((_, fields),) = await r.database.read(lambda conn: trail.of_case(conn, decided.case_id))
        assert fields["others"] == 1
        assert "p@partner.example" not in str(fields)


@pytest.mark.asyncio
async def test_refused_recipients_of_a_split_mail_are_reported(tmp_path: Path) -> None:
    """When upstream hears 250, the sender learns of the refused recipient by a report of ours."""
    async with rooms(tmp_path) as r:
        decided = await r.decide(mail(), ["p@partner.example", "x@disposable.example"], [Action.relay, Action.reject])
        (owed,) = await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id))
        assert owed.kind == "dsn"
        assert b"x@disposable.example" in owed.prefix


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [100, 600_000])
async def test_the_same_octets_again_find_their_case(tmp_path: Path, size: int) -> None:
    """A retry makes no second case, body, entry or notice, and says which recipients were reached."""
    message = mail(b"x" * 70 + b"\r\n" + b"y" * size)
    to, actions = ["p@partner.example", PRIVATE], [Action.relay, Action.hold]
    tables = ("cases", "holds", "body_keys", "body_chunks", "outbox")
    async with rooms(tmp_path) as r:
        first = await r.decide(message, to, actions)
        before = [await r.count(table) for table in tables]
        again = await r.decide(message, to, actions)
        assert (again.case_id, again.repeated, again.held) == (first.case_id, True, first.held)
        assert again.relayed_before == frozenset()
        await record_outcome(r.database, first, {path("p@partner.example"): reply(250, "2.0.0 queued as 1")})
        third = await r.decide(message, to, actions)
        assert third.relayed_before == {b"p@partner.example"}
        assert [await r.count(table) for table in tables] == before
        assert await r.count("trail") == 2


@pytest.mark.asyncio
async def test_parallel_retries_make_one_case(tmp_path: Path) -> None:
    """Twenty identical transactions at once end in one case and one notice."""
    message = mail()
    async with rooms(tmp_path) as r:
        decided = await asyncio.gather(*(r.hold(PRIVATE, message=message) for _ in range(20)))
        assert len({each.case_id for each in decided}) == 1
        assert sum(not each.repeated for each in decided) == 1
        assert [await r.count(table) for table in ("cases", "holds", "outbox", "trail")] == [1, 1, 1, 1]


@pytest.mark.asyncio
async def test_split_transactions_of_one_mail_share_a_case(tmp_path: Path) -> None:
    """Upstream splits 120 recipients into three transactions: one case, one body, a notice for each part."""
    message = mail()
    async with rooms(tmp_path) as r:
        for part in range(3):
            await r.hold(*(f"r{number}@gmx.example" for number in range(40 * part, 40 * part + 40)), message=message)
        assert [await r.count(table) for table in ("cases", "holds", "body_keys", "outbox")] == [1, 120, 1, 3]


@pytest.mark.asyncio
@pytest.mark.parametrize("difference", ["sender", "octets", "nameless", "late"])
async def test_what_is_not_the_same_mail_is_held_anew(tmp_path: Path, difference: str) -> None:
    """Another sender, another octet, no mark of upstream or more than a week later: a case of its own."""
    head = b"From: a@company.example\r\nSubject: x\r\n\r\n" if difference == "nameless" else None
    message = mail(head=head)
    async with rooms(tmp_path) as r:
        first = await r.hold(PRIVATE, message=message)
        variants: dict[str, dict[str, Any]] = {
            "sender": {"message": message, "sender": "b@company.example"},
            "octets": {"message": message + b"."},
            "nameless": {"message": message},
            "late": {"message": message, "at": house.NOW + timedelta(days=8)},
        }
        second = await r.hold(PRIVATE, **variants[difference])
        assert second.case_id != first.case_id
        assert not second.repeated


@pytest.mark.asyncio
async def test_letter_case_makes_two_recipients(tmp_path: Path) -> None:
    """RFC 5321 2.4: local parts may differ by case alone; both are held, neither is lost."""
    async with rooms(tmp_path) as r:
        decided = await r.hold("Anna@gmx.example", "anna@gmx.example", "anna@gmx.example")
        assert decided.held == {b"Anna@gmx.example", b"anna@gmx.example"}
        assert await r.count("holds") == 2


@pytest.mark.asyncio
async def test_nobody_is_relayed_whom_an_earlier_decision_holds(tmp_path: Path) -> None:
    """A policy that changed between two tries does not send what waits for a person."""
    message = mail()
    async with rooms(tmp_path) as r:
        await r.hold(PRIVATE, "b@gmx.example", message=message)
        again = await r.decide(message, [PRIVATE, "b@gmx.example"], [Action.tag, Action.hold])
        assert again.held == {PRIVATE.encode(), b"b@gmx.example"}
        assert again.relayed_before == {PRIVATE.encode()}


@pytest.mark.asyncio
async def test_a_recipient_left_open_can_be_held_on_the_retry(tmp_path: Path) -> None:
    """Tagged before but never delivered, and held by today's policy: it is held, once."""
    message = mail()
    async with rooms(tmp_path) as r:
        await r.decide(message, [PRIVATE], [Action.tag])
        held = await r.hold(PRIVATE, message=message)
        again = await r.hold(PRIVATE, message=message)
        assert held.held == {PRIVATE.encode()}
        assert (again.repeated, again.case_id) == (True, held.case_id)
        assert await r.count("holds") == 1


@pytest.mark.asyncio
async def test_outcomes_stand_in_the_trail(tmp_path: Path) -> None:
    """Delivered, refused, deferred and unknown recipients are recorded, and a delivery is never forgotten."""
    message = mail()
    to = ["a@partner.example", "b@partner.example", "c@partner.example", "d@partner.example", PRIVATE]
    actions = [Action.relay] * 4 + [Action.hold]
    async with rooms(tmp_path) as r:
        decided = await r.decide(message, to, actions)
        answers = [reply(250, "2.0.0 ok"), reply(550, "5.1.1 no"), reply(451, "4.3.0 later"), None]
        await record_outcome(r.database, decided, dict(zip(map(path, to), answers, strict=False)))
        (_, (row, fields)) = await r.database.read(lambda conn: trail.of_case(conn, decided.case_id))
        assert row.event == "outcome"
        states = [fields[f"recipient.{number}.state"] for number in range(4)]
        assert states == ["relayed", "refused", "deferred", "unknown"]
        await record_outcome(r.database, decided, {path(to[0]): None})
        again = await r.decide(message, to, actions)
        assert again.relayed_before == {b"a@partner.example"}


@pytest.mark.asyncio
async def test_leftovers_are_owed_with_their_own_octets(tmp_path: Path) -> None:
    """What the next hop deferred is in the outbox with prefix and body, and is not sent twice on a retry."""
    message = mail()
    async with rooms(tmp_path) as r:
        decided = await r.decide(message, ["p@partner.example", PRIVATE], [Action.relay, Action.hold])
        await owe_leftover(
            r.database, r.bodies, decided=decided, transaction=house.transaction(message, ["p@partner.example"]),
            recipients=[path("p@partner.example")], prefix=b"Received: by us\r\n", message=MessageBytes.of(message),
        )  # fmt: skip
        (owed,) = await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id, "leftover"))
        assert owed.prefix == b"Received: by us\r\n"
        assert owed.body_id is not None
        assert owed.body_id != decided.body_id
        body = await r.bodies.get(owed.body_id)
        assert body.read() == message
        again = await r.decide(message, ["p@partner.example", PRIVATE], [Action.relay, Action.hold])
        assert again.relayed_before == {b"p@partner.example"}


async def _cut_off(r: house.Rooms) -> list[tuple[Path, Path]]:
    moved = []
    for each in list(r.config.database.parent.glob("dlpmilter.db*")):
        if "journal-" not in each.name and not each.name.endswith(".lock"):
            moved.append((each, each.with_name("away-" + each.name)))
            each.rename(moved[-1][1])
    return moved


@pytest.mark.asyncio
async def test_without_the_database_nothing_is_decided(tmp_path: Path) -> None:
    """When the record cannot be kept, the caller hears it and nothing of the mail remains afterwards."""
    async with rooms(tmp_path) as r:
        moved = await _cut_off(r)
        with pytest.raises(TemporaryFailure):
            await r.hold(PRIVATE)
        for here, there in moved:
            there.rename(here)
        assert [await r.count(table) for table in ("cases", "trail", "outbox")] == [0, 0, 0]
        await r.hold(PRIVATE)
        assert await r.count("cases") == 1


@pytest.mark.asyncio
async def test_an_outcome_survives_in_the_journal(tmp_path: Path) -> None:
    """After the next hop's 250 the outcome is kept though the database is away, and comes home once."""
    message = mail()
    to = ["p@partner.example", PRIVATE]
    async with rooms(tmp_path) as r:
        journal = Journal(r.config.database)
        decided = await r.decide(message, to, [Action.relay, Action.hold])
        moved = await _cut_off(r)
        outcomes = {path(to[0]): reply(250, "2.0.0 ok")}
        with pytest.raises(TemporaryFailure):
            await record_outcome(r.database, decided, outcomes)
        assert await record_outcome(r.database, decided, outcomes, journal=journal) is False
        assert journal.used
        with pytest.raises(TemporaryFailure):
            await journal.replay(r.database)
        for here, there in moved:
            there.rename(here)
        kept = (tmp_path / "dlpmilter.db.journal-0").read_bytes()
        assert await journal.replay(r.database) == 1
        assert [journal.used] == [False]
        assert (await r.decide(message, to, [Action.relay, Action.hold])).relayed_before == {b"p@partner.example"}
        journal.close()
        # A process that died between the replay and the emptying of its journal: the records come again.
        entries = await r.count("trail")
        await r.database.write(
            lambda conn: conn.exec_driver_sql(
                "INSERT INTO meta SELECT 'journal.' || ?, ''", (json.loads(kept.split(b"\n")[0])["id"],)
            )
        )
        (tmp_path / "dlpmilter.db.journal-7").write_bytes(kept)
        second = Journal(r.config.database)
        assert await second.replay(r.database) == 1
        assert await r.count("trail") == entries
        second.close()


@pytest.mark.asyncio
async def test_the_journal_of_a_dead_process_is_replayed_by_the_next(tmp_path: Path) -> None:
    """Records of a process that is gone are found, a torn last line is not believed."""
    from dlpmilter.holds.outcomes import OutcomeRecord

    async with rooms(tmp_path) as r:
        dead = Journal(r.config.database)
        record = OutcomeRecord.build("CASE", "p", "T1", None, {}, {path("p@partner.example"): reply(250, "ok")})
        dead.append(record)
        dead.close()
        file = tmp_path / "dlpmilter.db.journal-0"
        data = bytearray(file.read_bytes())
        end = data.index(b"\0")
        data[end : end + 10] = b'{"id":"torn'[:10]
        file.write_bytes(data)
        keeper = Journal(r.config.database)  # takes slot 0 and finds what is in it
        assert keeper.used
        assert await keeper.replay(r.database) == 1
        assert await r.count("trail") == 1
        keeper.close()


@pytest.mark.asyncio
async def test_a_full_journal_says_so(tmp_path: Path) -> None:
    """When not even the journal can keep an outcome, the caller hears it."""
    from dlpmilter.holds.outcomes import OutcomeRecord

    journal = Journal(tmp_path / "a.db")
    rows = {path(f"p{number}@partner.example"): reply(250, "x" * 300) for number in range(500)}
    record = OutcomeRecord.build("CASE", "p", "T1", None, {}, rows)
    with pytest.raises(TemporaryFailure):
        for _ in range(20):
            journal.append(record)
    journal.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "line",
    [
        b"no json", b"{}", b"[]", b"7", b"null", b"\xff\xfe", b"[" * 5000,
        (
            b'{"id":"1","case_id":"c","policy_version":"p","transaction_id":"t","digest":"zz",'
            b'"at":"2026-11-22T00:00:00+00:00","rows":[["zz","relayed",250,""]]}'
        ),
        b'{"id":"1","case_id":"c","policy_version":"p","transaction_id":"t","digest":"","at":"never","rows":[]}',
    ],
)  # fmt: skip
async def test_a_line_that_is_no_record_is_set_aside_and_the_others_come_home(tmp_path: Path, line: bytes) -> None:
    """A damaged journal, ours or a dead process's, never stops the office: alarm, a file `.bad`, the rest is replayed."""
    from dlpmilter import metrics
    from dlpmilter.holds.outcomes import OutcomeRecord

    async with rooms(tmp_path) as r:
        good = [
            OutcomeRecord.build("CASE", "p", f"T{number}", None, {}, {path("p@partner.example"): reply(250, "ok")})
            for number in range(2)
        ]
        content = b"\n".join((good[0].line().encode(), line, good[1].line().encode(), b""))
        (tmp_path / "dlpmilter.db.journal-0").write_bytes(content)
        (tmp_path / "dlpmilter.db.journal-9").write_bytes(line + b"\n")
        alarm = metrics.alarms.labels("journal-bad-line")._value
        before = alarm.get()
        journal = Journal(r.config.database)
        assert await journal.replay(r.database) == 2
        assert not journal.used
        assert await journal.replay(r.database) == 0
        assert alarm.get() == before + 2
        assert await r.count("trail") == 2
        for slot in (0, 9):
            assert (tmp_path / f"dlpmilter.db.journal-{slot}.bad").read_bytes() == line + b"\n"
        journal.close()
