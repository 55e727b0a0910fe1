# SPDX-License-Identifier: Apache-2.0
"""Nobody is lost silently: each hold, refusal, expiry and failed delivery is told to somebody, and the trail says whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dlpmilter import metrics
from dlpmilter.audit import trail
from dlpmilter.holds import settle
from dlpmilter.holds.notify import Notifier
from dlpmilter.holds.place import owe_leftover, record_decided
from dlpmilter.holds.sweep import Sweeper
from dlpmilter.model.reply import reply
from dlpmilter.model.words import Action, RecipientClass
from dlpmilter.notices.mark import HEADER, is_own_notice
from dlpmilter.policy.schema import Vetting
from dlpmilter.relay.outbox import Outcome
from dlpmilter.spill import MessageBytes
from dlpmilter.storage import case_rows, digest_rows, outbox_rows
from dlpmilter.storage.outbox_rows import OutboxRow
from tests.holds.house import ANNA, NOW, RITA, Rooms, mail, path, rooms, transaction, verdict

HOUR = timedelta(hours=1)
PRIVATE = "anna.private@gmx.example"
ONLY = frozenset({PRIVATE.encode()})
NOBODY: frozenset[bytes] = frozenset()
POSTMASTER = "postmaster@company.example"
AUTO = (
    b"Received: by mx id 1\r\nFrom: app@company.example\r\nAuto-Submitted: auto-generated\r\n"
    b"Message-ID: <auto@x>\r\n\r\n"
)


async def owed(r: Rooms) -> list[OutboxRow]:
    """Everything in the outbox, oldest first."""
    ids = await r.database.read(lambda conn: conn.exec_driver_sql("SELECT id FROM outbox ORDER BY id").scalars().all())
    found = [await r.database.read(partial(outbox_rows.get, row_id=each)) for each in ids]
    return [row for row in found if row is not None]


def hearers(rows: list[OutboxRow]) -> list[str]:
    """Who is told."""
    return [each.path.mailbox.text for row in rows for each in row.recipients]


async def last_fields(r: Rooms, case_id: str) -> dict[str, Any]:
    """The last entry of a case."""
    return dict((await r.database.read(lambda conn: trail.of_case(conn, case_id)))[-1][1])


@pytest.mark.asyncio
async def test_every_later_part_of_a_mail_gets_its_own_report_and_notice(tmp_path: Path) -> None:
    """Upstream splits one mail: who is refused or held in the second part is named to the sender too."""
    message = mail()
    async with rooms(tmp_path) as r:
        first = await r.decide(
            message, ["p1@partner.example", "x1@bin.example", "h1@gmx.example"],
            [Action.relay, Action.reject, Action.hold],
        )  # fmt: skip
        second = await r.decide(
            message, ["p2@partner.example", "x2@bin.example", "h2@gmx.example"],
            [Action.relay, Action.reject, Action.hold],
        )  # fmt: skip
        assert second.case_id == first.case_id
        rows = await owed(r)
        assert [row.kind for row in rows] == ["notice", "dsn", "notice", "dsn"]
        assert b"h2@gmx.example" in rows[2].prefix
        assert b"h1@gmx.example" not in rows[2].prefix
        assert b"x2@bin.example" in rows[3].prefix
        assert (await last_fields(r, first.case_id))["notice"] == "queued"
        start = b"Message-ID: <" + first.case_id.encode()
        numbers = {line for row in rows for line in row.prefix.split(b"\r\n") if line.startswith(start)}
        assert len(numbers) == 4  # a mailbox that drops a second mail of one Message-ID drops none of them


@pytest.mark.asyncio
async def test_a_hold_notice_names_every_recipient(tmp_path: Path) -> None:
    """Forty held recipients: the sender reads forty addresses, not three and a number."""
    to = [f"r{number:02}@gmx.example" for number in range(40)]
    async with rooms(tmp_path) as r:
        await r.hold(*to)
        (row,) = await owed(r)
        assert all(each.encode() in row.prefix for each in to)


@pytest.mark.asyncio
async def test_a_recipient_refused_in_a_bounced_try_is_reported_when_the_mail_is_taken(tmp_path: Path) -> None:
    """First everybody was refused (upstream bounced), then the mail is taken for others: a report, and only one."""
    message = mail()
    async with rooms(tmp_path) as r:
        await r.decide(message, ["x@bin.example"], [Action.reject])
        assert await owed(r) == []
        for _ in range(3):
            await r.decide(message, ["p@partner.example", "x@bin.example"], [Action.relay, Action.reject])
        (row,) = await owed(r)
        assert (row.kind, hearers([row])) == ("dsn", [ANNA])


@pytest.mark.asyncio
@pytest.mark.parametrize("end", ["rejected", "purged", "overdue"])
async def test_a_new_hold_never_joins_a_case_that_is_over(tmp_path: Path, end: str) -> None:
    """The second part comes when the case of the first is decided, purged or past its deadline: a new case."""
    message = mail()
    async with rooms(tmp_path) as r:
        first = await r.hold("a@gmx.example", message=message)
        at = NOW + timedelta(minutes=1)
        if end == "rejected":
            await r.workflow.reject(first.case_id, RITA, "no")
        elif end == "purged":
            await r.workflow.withdraw(first.case_id, RITA)
            at = NOW + 2 * HOUR
            await Sweeper(r.database, r.bodies).run(r.notifier, at)
        else:
            await r.database.write(lambda conn: conn.exec_driver_sql("UPDATE cases SET deadline = created_at"))
        second = await r.hold("b@gmx.example", message=message, at=at)
        assert second.case_id != first.case_id
        case = await r.database.read(lambda conn: case_rows.get(conn, second.case_id))
        assert case is not None
        assert (case.body_id is not None, len(case.holds)) == (True, 1)
        assert b"b@gmx.example" in (await owed(r))[-1].prefix


@pytest.mark.asyncio
@pytest.mark.parametrize("act", ["withdraw", "reject"])
async def test_the_same_mail_sent_again_after_its_hold_ended_is_a_new_case(tmp_path: Path, act: str) -> None:
    """Within the hour it is a retry that the record calls closed; later it is held anew, with a notice."""
    message = mail()
    async with rooms(tmp_path) as r:
        first = await r.hold(PRIVATE, message=message)
        await (r.workflow.withdraw(first.case_id, RITA) if act == "withdraw" else r.workflow.reject(
            first.case_id, RITA, "no"
        ))  # fmt: skip
        before = len(await owed(r))
        soon = await r.hold(PRIVATE, message=message, at=NOW + timedelta(minutes=59))
        assert (soon.case_id, soon.repeated) == (first.case_id, True)
        assert (soon.held, soon.closed) == (NOBODY, ONLY)
        entries = await r.database.read(lambda conn: trail.of_case(conn, first.case_id))
        assert entries[-1][0].event == "repeated"
        assert entries[-1][1]["recipient.0.state"] in {"withdrawn", "rejected"}
        assert len(await owed(r)) == before
        later = await r.hold(PRIVATE, message=message, at=NOW + timedelta(minutes=61))
        assert later.case_id != first.case_id
        assert (later.held, later.closed, later.repeated) == (ONLY, NOBODY, False)
        assert len(await owed(r)) == before + 1
        again = await r.hold(PRIVATE, message=message, at=NOW + timedelta(minutes=62))
        assert (again.case_id, again.held, again.repeated) == (later.case_id, ONLY, True)


@pytest.mark.asyncio
async def test_a_mail_that_was_closed_is_not_relayed_by_its_retry(tmp_path: Path) -> None:
    """Withdrawn a minute ago and judged relay by a new policy: the retry sends nothing."""
    message = mail()
    async with rooms(tmp_path) as r:
        first = await r.hold(PRIVATE, message=message)
        await r.workflow.withdraw(first.case_id, RITA)
        again = await r.decide(message, [PRIVATE], [Action.tag])
        assert (again.relayed_before, again.closed) == (ONLY, ONLY)


@pytest.mark.asyncio
async def test_reports_are_never_counted_or_muted(tmp_path: Path) -> None:
    """Fourteen refusals of one person and of one program within a minute are fourteen reports each, at once."""
    async with rooms(tmp_path) as r:
        for number in range(14):
            to = ["p@partner.example", f"x{number}@bin.example"]
            await r.decide(mail(), to, [Action.relay, Action.reject])
            await r.decide(mail(b"%d" % number, AUTO), to, [Action.relay, Action.reject], owner="app@company.example")
        rows = await owed(r)
        assert hearers(rows).count(ANNA) == hearers(rows).count("app@company.example") == 14
        assert {(row.kind, row.due_at) for row in rows} == {("dsn", NOW)}


@pytest.mark.asyncio
async def test_every_expired_hold_is_reported(tmp_path: Path) -> None:
    """Fourteen holds of one person that expire at once: fourteen reports, and no notice was lost on the way."""
    async with rooms(tmp_path) as r:
        for number in range(14):
            await r.hold(f"x{number}@gmx.example")
        notices = await owed(r)
        assert [row.due_at for row in notices] == [NOW] * 10  # the others come in one mail, once a day
        assert len(await r.database.read(lambda conn: digest_rows.cases_of(conn, ANNA, 50))) == 4
        await Sweeper(r.database, r.bodies).run(r.notifier, NOW + timedelta(days=9))
        assert sum(row.kind == "dsn" for row in await owed(r)) == 14


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"internal": False, "owner": "out@elsewhere.example", "sender": "out@elsewhere.example"}, "sender-not-internal"),
        ({"owner": "", "sender": "out@elsewhere.example"}, "no-address"),
        ({"owner": "@company.example"}, "unusable-address"),
        ({"owner": "a b (((@company.example"}, "unusable-address"),
        ({"message": AUTO, "owner": "app@company.example"}, "auto-submitted"),
    ],
)  # fmt: skip
async def test_a_hold_its_owner_may_not_hear_of_is_told_to_the_postmaster(
    tmp_path: Path, more: dict[str, Any], why: str
) -> None:
    """Outsiders, unknown and unusable owners and programs: the postmaster gets notice and expiry; the trail says why."""
    async with rooms(tmp_path) as r:
        decided = await r.hold(PRIVATE, **more)
        (row,) = await owed(r)
        assert hearers([row]) == [POSTMASTER]
        assert b"To the postmaster: this is about an e-mail from" in row.prefix
        fields = await last_fields(r, decided.case_id)
        assert (fields["told"], fields["told-why"], fields["notice"]) == (POSTMASTER, why, "queued")
        await Sweeper(r.database, r.bodies).run(r.notifier, NOW + timedelta(days=9))
        report = (await owed(r))[-1]
        assert report.kind == "dsn"
        outside = why in {"sender-not-internal", "no-address"}
        assert (b"To the postmaster" in report.prefix) == outside
        expected = POSTMASTER if outside else {"auto-submitted": "app@company.example"}.get(why, ANNA)
        assert hearers([report]) == [expected]


@pytest.mark.asyncio
async def test_our_own_notice_and_a_null_sender_cause_no_new_mail(tmp_path: Path) -> None:
    """They are held without a notice; when they are lost, an alarm stands for the report nobody may get."""
    async with rooms(tmp_path) as r:
        await r.hold(PRIVATE, quiet=True)
        await r.hold(PRIVATE, sender="", owner="", internal=False)
        assert await owed(r) == []
        alarm = metrics.alarms.labels("nobody-to-tell")._value
        before = alarm.get()
        await Sweeper(r.database, r.bodies).run(r.notifier, NOW + timedelta(days=9))
        assert await owed(r) == []
        assert alarm.get() == before + 2


@pytest.mark.asyncio
async def test_a_notice_of_ours_that_cannot_be_handed_on_causes_no_report(tmp_path: Path) -> None:
    """A mailbox rule sends our notice on, the next hop refuses it for good: no report, or it would go round for ever."""
    message = mail()
    async with rooms(tmp_path) as r:
        to = [path("p@partner.example")]
        decided = await r.decide(message, to, [Action.tag], quiet=True)
        await owe_leftover(
            r.database, r.bodies, decided=decided, transaction=transaction(message, to), recipients=to,
            prefix=b"Received: x\r\n", message=MessageBytes.of(message),
        )  # fmt: skip
        (row,) = await owed(r)
        outcome = Outcome(row.recipients[0].id, row.recipients[0].path, reply(550, "5.1.1 no"), "failed")
        await r.database.write(lambda conn: settle.settle(conn, row, (outcome,), notifier=r.notifier, now=NOW))
        assert [each.kind for each in await owed(r)] == ["leftover"]
        assert (await last_fields(r, decided.case_id))["report-told-why"] == "own-notice"


@pytest.mark.asyncio
async def test_a_notice_that_is_forwarded_for_ever_makes_no_second_one(tmp_path: Path) -> None:
    """Each notice of ours, also one to the postmaster, carries our mark: no turn of the loop writes another."""
    async with rooms(tmp_path) as r:
        await r.hold(PRIVATE)
        await r.hold(PRIVATE, internal=False, owner="out@elsewhere.example", sender="out@elsewhere.example")
        await r.decide(mail(), ["p@partner.example", "x@bin.example"], [Action.relay, Action.reject])
        rows = await owed(r)
        key = r.keyring.derive("notice-mark")
        for row in rows:
            line = next(each for each in row.prefix.split(b"\r\n") if each.startswith(HEADER.encode()))
            assert is_own_notice(line.partition(b":")[2], key)
        for turn in range(30):
            forwarded = b"Received: turn %d\r\n" % turn + rows[turn % len(rows)].prefix
            sender, internal = (ANNA, True) if turn % 2 else ("out@elsewhere.example", False)
            await r.hold(PRIVATE, message=forwarded, quiet=True, sender=sender, internal=internal)
        assert len(await owed(r)) == len(rows)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "author", [b"x " + b"(" * 9000, b"x " + b"(" * 20_000 + b")" * 20_000, b'"' * 9000, b"a," * 9000, b"<" * 9000]
)
async def test_an_author_no_parser_likes_is_held_like_any_other(tmp_path: Path, author: bytes) -> None:
    """A From of nested comments or quotes is recorded at once: never an error, never 451 for ever."""
    head = b"Received: by mx id 1\r\nFrom: " + author + b"\r\nMessage-ID: <x@y>\r\n\r\n"
    async with rooms(tmp_path) as r:
        decided = await r.decide(mail(head=head), [path(PRIVATE)], [Action.hold])
        assert decided.held == ONLY
        assert hearers(await owed(r)) == [ANNA]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("known", "spoken"), [("de", ["de"]), ("en", ["en"]), ("", ["de", "en"]), ("fr", ["de", "en"])]
)
async def test_a_person_is_written_to_in_his_own_language(tmp_path: Path, known: str, spoken: list[str]) -> None:
    """The directory's language alone where it is known and the company writes it; else every one of the company's."""
    async with rooms(tmp_path, languages=("de", "en")) as r:
        asked: list[str] = []

        def language_of(address: str) -> str:
            asked.append(address)
            return known

        r.notifier = Notifier.build(r.config, r.policy, r.keyring, language_of)
        decided = await r.hold()
        (row,) = await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id))
        assert f"Content-Language: {', '.join(spoken)}\r\n".encode() in row.prefix
        assert asked == [ANNA]


@pytest.mark.asyncio
async def test_the_report_says_why_an_ai_service_was_refused(tmp_path: Path) -> None:
    """Refused beside a delivered recipient: our own report names the service, as long as no record vets it."""
    async with rooms(tmp_path) as r:
        for vetted, said in ((False, True), (True, False)):
            record = Vetting(
                "perplexity.com", "o", "c", "EU", False, "", "", False, "e", (NOW + timedelta(days=9)).date()
            )
            r.policy = replace(r.policy, vetting=(record,) if vetted else ())
            r.notifier = Notifier.build(r.config, r.policy, r.keyring)
            message = mail()
            envelope = transaction(message, ["p@partner.example", "assistant@perplexity.com"])
            judged = verdict(envelope, [Action.relay, Action.reject])
            refused = replace(judged.dispositions[1], recipient_class=RecipientClass.ai_service)
            judged = replace(judged, dispositions=(judged.dispositions[0], refused))
            await record_decided(
                r.database, r.bodies, transaction=envelope, verdict=judged, message=MessageBytes.of(message),
                policy=r.policy, config=r.config, notice=r.notifier,
            )  # fmt: skip
            assert (b"belongs to an AI service" in (await owed(r))[-1].prefix.replace(b"=\r\n", b"")) is said
