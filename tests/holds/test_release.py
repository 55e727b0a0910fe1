# SPDX-License-Identifier: Apache-2.0
"""Releasing: one trace field, exact octets, a mark nobody can forge or use twice, and what follows."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from pathlib import Path

import pytest

from dlpmilter import metrics
from dlpmilter.audit import trail
from dlpmilter.holds import release, settle
from dlpmilter.holds.states import Conflict
from dlpmilter.model.address import parse_mailbox
from dlpmilter.model.reply import Reply, reply
from dlpmilter.model.words import Action
from dlpmilter.relay.outbox import Outcome
from dlpmilter.spill import MessageBytes
from dlpmilter.storage import case_rows, outbox_rows
from dlpmilter.storage.outbox_rows import OutboxRow
from tests.holds.house import ANNA, FINE, NOW, RITA, Rooms, mail, rooms

TO = "anna.private@gmx.example"


async def released(r: Rooms, message: bytes, *to: str) -> tuple[str, bytes]:
    """Hold and approve one mail; the case and the octets that leave."""
    decided = await r.hold(*(to or (TO,)), message=message)
    await r.workflow.approve(decided.case_id, RITA, FINE)
    (row,) = await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id, "release"))
    assert row.body_id is not None
    body = await r.bodies.get(row.body_id)
    octets = row.prefix + body.read()
    body.close()
    return decided.case_id, octets


async def claim(r: Rooms, octets: bytes, *to: str, later: timedelta = timedelta(), sender: str = ANNA) -> set[str]:
    """Who may pass when these octets come round."""
    mark = release.parse_mark(octets[: octets.find(b"\r\n\r\n") + 4])
    if mark is None:
        return set()
    digest = await release.digest_of(MessageBytes.of(octets))
    recipients = tuple(parse_mailbox(each.encode()) for each in (to or (TO,)))
    asked = release.Claim("T0", sender.encode(), recipients, digest)
    passed = await release.claim_mark(
        r.database, mark, asked, secret=r.sending.secret, policy_version="p1", now=NOW + later
    )
    return {raw.decode() for raw in passed}


async def finish(r: Rooms, case_id: str, kind: str, answer: Reply, state: str) -> OutboxRow:
    """What the outbox worker does when a try has ended."""
    (row,) = await r.database.read(lambda conn: outbox_rows.of_case(conn, case_id, kind))
    outcomes = tuple(Outcome(each.id, each.path, answer, state) for each in row.recipients)  # type: ignore[arg-type]

    def act(conn) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        if state != "later":
            outbox_rows.remove(conn, row.id)
        settle.settle(conn, row, outcomes, notifier=r.notifier, now=NOW)

    await r.database.write(act)
    return row


@pytest.mark.asyncio
async def test_one_header_more_and_the_rest_exact(tmp_path: Path) -> None:
    """A released mail is one Received field and then the received octets."""
    message = mail(b"8bit \xe4\r\n.dot\r\n" + b"x" * 300_000)
    async with rooms(tmp_path) as r:
        case_id, octets = await released(r, message)
        prefix = octets[: -len(message)]
        assert octets.endswith(message)
        assert re.fullmatch(rb"Received:[^\r\n]*\r\n(?:[ \t][^\r\n]+\r\n)*", prefix)
        assert all(len(line) < 200 for line in prefix.split(b"\r\n"))
        assert case_id.encode() in prefix
        assert TO.encode() not in prefix


@pytest.mark.asyncio
async def test_a_released_mail_passes_when_it_comes_round(tmp_path: Path) -> None:
    """With another hop's trace on top it passes; the same octets again pass again."""
    async with rooms(tmp_path) as r:
        _, octets = await released(r, mail())
        round_trip = b"Received: from us by relay.example; Mon, 23 Nov 2026 09:01:00 +0000\r\n" + octets
        assert await claim(r, round_trip) == {TO}
        assert await claim(r, round_trip) == {TO}


@pytest.mark.asyncio
async def test_a_mark_opens_nothing_else(tmp_path: Path) -> None:
    """Other recipients, other octets, a second mail, a late mail and another case do not pass."""
    async with rooms(tmp_path) as r:
        _, octets = await released(r, mail(b"one"))
        _, other = await released(r, mail(b"two"))
        assert await claim(r, octets, "stranger@gmx.example") == set()
        assert await claim(r, octets, TO, "stranger@gmx.example") == {TO}
        assert await claim(r, b"X-More: smuggled\r\n" + octets) == set()  # used up by the first octets
        assert await claim(r, other + b"appended") == set()
        head, _, _ = other.partition(b"\r\n\r\n")
        assert await claim(r, head + b"\r\n\r\nanother text") == set()
        mark = re.search(rb"\(dlpmilter-release[^)]*\)", octets)
        assert mark is not None
        stolen = b"Received: by x " + mark[0].replace(b"\r\n", b"") + b"; x\r\n" + mail(b"secret list")
        assert await claim(r, stolen) == set()
        assert await claim(r, other, later=timedelta(days=7)) == set()
        assert await claim(r, other) == {TO}


@pytest.mark.asyncio
async def test_a_thousand_forged_marks_open_nothing(tmp_path: Path) -> None:
    """Flipped digits, swapped cases, longer lives and invented marks: none of a thousand passes."""
    chance = random.Random(1)
    async with rooms(tmp_path) as r:
        _, octets = await released(r, mail())
        prefix, _, rest = octets.partition(b"\r\n\tid ")
        spot = prefix.index(b"v2 ") + 3
        passed = 0
        for _ in range(1000):
            forged = bytearray(prefix)
            for _ in range(chance.randint(1, 3)):
                place = chance.randrange(spot, len(forged))
                if forged[place : place + 1].isalnum():
                    forged[place] = chance.choice(b"0123456789abcdef")
            if bytes(forged) != prefix:
                passed += bool(await claim(r, bytes(forged) + b"\r\n\tid " + rest))
        assert passed == 0
        assert await claim(r, octets) == {TO}


@pytest.mark.asyncio
async def test_a_mark_outside_received_fields_is_not_one(tmp_path: Path) -> None:
    """Neither a subject nor a body that quotes a mark is believed."""
    async with rooms(tmp_path) as r:
        _, octets = await released(r, mail())
        mark = re.search(rb"\(dlpmilter-release[^)]*\)", octets)
        assert mark is not None
        flat = b" ".join(mark[0].split())
        assert release.parse_mark(b"Subject: " + flat + b"\r\n\r\n") is None
        assert release.parse_mark(b"Subject: x\r\n\r\n" + flat) is None
        assert release.parse_mark(b"Received: by x " + flat + b"\r\n\r\n") is not None


@pytest.mark.asyncio
async def test_delivery_ends_the_case_and_tells_the_sender(tmp_path: Path) -> None:
    """After the next hop's 250: released, org_remains in the trail, T3 to the sender, a mark that ends soon."""
    async with rooms(tmp_path) as r:
        case_id, octets = await released(r, mail())
        await finish(r, case_id, "release", reply(250, "2.0.0 queued"), "delivered")
        case = await r.database.read(lambda conn: case_rows.get(conn, case_id))
        assert case is not None
        assert [hold.state for hold in case.holds] == ["released"]
        entries = await r.database.read(lambda conn: trail.of_case(conn, case_id))
        assert (entries[-1][0].event, entries[-1][1]["controller-after"]) == ("released", "org_remains")
        notices = await r.database.read(lambda conn: outbox_rows.of_case(conn, case_id, "notice"))
        assert len(notices) == 2
        assert await claim(r, octets, later=timedelta(hours=23)) == {TO}
        assert await claim(r, octets, later=timedelta(hours=25)) == set()


@pytest.mark.asyncio
async def test_a_failed_release_is_reported_and_can_be_tried_again(tmp_path: Path) -> None:
    """A 5xx: release_failed and a report; `release` queues it again, `release` without need is refused."""
    async with rooms(tmp_path) as r:
        case_id, _ = await released(r, mail())
        with pytest.raises(Conflict):
            await r.workflow.release(case_id, RITA)
        await finish(r, case_id, "release", reply(451, "4.3.0 later"), "later")
        await finish(r, case_id, "release", reply(550, "5.1.1 no such user"), "failed")
        case = await r.database.read(lambda conn: case_rows.get(conn, case_id))
        assert case is not None
        assert [hold.state for hold in case.holds] == ["release_failed"]
        (report,) = await r.database.read(lambda conn: outbox_rows.of_case(conn, case_id, "dsn"))
        assert b"Status: 5.1.1" in report.prefix
        await r.workflow.release(case_id, RITA)
        await finish(r, case_id, "release", reply(250, "ok"), "delivered")
        events = [row.event for row, _ in await r.database.read(lambda conn: trail.of_case(conn, case_id))]
        assert events == ["decided", "approved", "releasing", "release-failed", "releasing", "released"]


@pytest.mark.asyncio
async def test_recipients_of_one_release_may_end_differently(tmp_path: Path) -> None:
    """One delivered, one refused: each hold has its own end."""
    async with rooms(tmp_path) as r:
        case_id, _ = await released(r, mail(), "a@gmx.example", "b@gmx.example")
        (row,) = await r.database.read(lambda conn: outbox_rows.of_case(conn, case_id, "release"))
        first, second = row.recipients
        outcomes = (
            Outcome(first.id, first.path, reply(250, "ok"), "delivered"),
            Outcome(second.id, second.path, reply(550, "no"), "failed"),
        )
        await r.database.write(lambda conn: settle.settle(conn, row, outcomes, notifier=r.notifier, now=NOW))
        case = await r.database.read(lambda conn: case_rows.get(conn, case_id))
        assert case is not None
        assert [hold.state for hold in case.holds] == ["released", "release_failed"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: Fwd:", b"Subject: Other"),
        (b"Subject: Fwd:", b"Subject: x\r\nSubject: Fwd:"),
        (b"From: Anna Berg", b"From: The Boss"),
        (b"Message-ID: <m", b"Message-ID: <n"),
        (b"To: a@", b"Content-Type: multipart/mixed; boundary=x\r\nTo: a@"),
        (b"To: a@", b"MIME-Version:\r\nTo: a@"),
        (b"To: a@", b"Content-Disposition: attachment\r\nTo: a@"),
        (b"To: a@", b"Content-Transfer-Encoding: base64\r\nTo: a@"),
    ],
)
async def test_a_mark_is_bound_to_what_the_mail_is(tmp_path: Path, old: bytes, new: bytes) -> None:
    """Another subject, author, number or MIME type under the same mark is judged anew, and the trail says so."""
    async with rooms(tmp_path) as r:
        case_id, octets = await released(r, mail())
        assert old in octets
        assert await claim(r, octets.replace(old, new, 1)) == set()
        entries = await r.database.read(lambda conn: trail.of_case(conn, case_id))
        assert entries[-1][0].event == "release-mark"
        assert (entries[-1][1]["believed"], entries[-1][1]["why"]) == (False, "other-content")
        assert await claim(r, octets) == {TO}
        entries = await r.database.read(lambda conn: trail.of_case(conn, case_id))
        assert (entries[-1][1]["believed"], entries[-1][1]["count"]) == (True, 1)


@pytest.mark.asyncio
async def test_a_mark_is_bound_to_the_envelope_sender(tmp_path: Path) -> None:
    """Somebody else who sends a released mail again is not believed."""
    async with rooms(tmp_path) as r:
        _, octets = await released(r, mail())
        assert await claim(r, octets, sender="other@company.example") == set()
        assert await claim(r, octets) == {TO}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "extra",
    [
        b"X-Data: " + b"a" * 72_000 + b"\r\n",
        b"".join(b"X-Data-%d: %s\r\n" % (number, b"a" * 200) for number in range(50)),
        b"".join(b"X-Small-%d: a\r\n" % number for number in range(31)),
        b"".join(b"Received: %s\r\n" % (b"a" * 900) for number in range(40)),
        b"X-MS-Data: " + b"a" * 40_000 + b"\r\n",
    ],
)
async def test_no_second_mail_travels_in_the_header_of_a_released_one(tmp_path: Path, extra: bytes) -> None:
    """A header block that grew by kilobytes or dozens of fields on its way is judged anew."""
    async with rooms(tmp_path) as r:
        case_id, octets = await released(r, mail())
        assert await claim(r, extra + octets) == set()
        entries = await r.database.read(lambda conn: trail.of_case(conn, case_id))
        assert entries[-1][1]["why"] == "header-grew"
        common = b"Return-Path: <a@b>\r\nX-Spam: no\r\nX-MS-Exchange-A: " + b"b" * 9000 + b"\r\n"
        assert await claim(r, common + octets) == {TO}


@pytest.mark.asyncio
async def test_a_forged_mark_leaves_no_entry(tmp_path: Path) -> None:
    """Only marks of ours are worth a record: nobody outside can fill the trail."""
    async with rooms(tmp_path) as r:
        _, octets = await released(r, mail())
        before = await r.count("trail")
        mark = release.parse_mark(octets[: octets.find(b"\r\n\r\n") + 4])
        assert mark is not None
        assert await claim(r, octets.replace(mark.mac.encode(), b"0" * 64)) == set()
        assert await r.count("trail") == before


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sender", "reports"), [("anna.berg@company.example", 1), ("out@elsewhere.example", 1), ("", 0)]
)
async def test_a_failed_leftover_is_reported_to_its_envelope_sender(tmp_path: Path, sender: str, reports: int) -> None:
    """We took it with 250, so whoever sent it hears (RFC 5321 6.1); a null sender is an alarm; the body goes."""
    from dlpmilter.holds.place import owe_leftover
    from tests.holds import house

    message = mail()
    async with rooms(tmp_path) as r:
        decided = await r.decide(message, ["p@partner.example"], [Action.tag], sender=sender)
        envelope = house.transaction(message, ["p@partner.example"], sender)
        await owe_leftover(
            r.database, r.bodies, decided=decided, transaction=envelope, recipients=envelope.recipients,
            prefix=b"Received: x\r\n", message=MessageBytes.of(message),
        )  # fmt: skip
        alarm = metrics.alarms.labels("nobody-to-tell")._value
        before = alarm.get()
        await finish(r, decided.case_id, "leftover", reply(550, "5.2.2 full"), "failed")
        rows = await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id, "dsn"))
        assert [each.path.mailbox.text for row in rows for each in row.recipients] == [sender] * reports
        assert alarm.get() - before == 1 - reports
        fields = (await r.database.read(lambda conn: trail.of_case(conn, decided.case_id)))[-1][1]
        assert fields["report-told-why"] == ("envelope-sender" if reports else "null-sender")
        assert await r.count("body_keys") == 0
        assert await r.count("body_chunks") == 0
