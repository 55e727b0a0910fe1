# SPDX-License-Identifier: Apache-2.0
"""Claims, hand-overs, more time, evidence under seal, a second look, and what an approval has to say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes
from email.policy import default
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.audit import trail
from dlpmilter.audit.verify import verify
from dlpmilter.holds import form, states
from dlpmilter.holds.actors import Actor, NotAllowed
from dlpmilter.holds.notify import Notifier
from dlpmilter.holds.place import Decided
from dlpmilter.holds.review_acts import Approval
from dlpmilter.holds.states import Conflict
from dlpmilter.holds.sweep import Sweeper
from dlpmilter.holds.workflow import Refused
from dlpmilter.model.reply import Reply
from dlpmilter.settings import Dkim
from dlpmilter.storage import case_rows, outbox_rows
from dlpmilter.storage.case_rows import Case
from tests.holds.house import ANNA, CARL, FINE, NOW, PROJECT, RITA, Rooms, rooms
from tests.holds.test_release import finish
from tests.mime.test_sign import EDWARDS, key_file
from tests.notices.samples import plain_of, text_of

SENDER = Actor("anna", ANNA, frozenset())
SOFIA = Actor("sofia", "sofia.second@company.example", frozenset({"second-opinion"}))
BOTH = Actor("rita", RITA.address, frozenset({"privacy", "second-opinion"}))


@asynccontextmanager
async def held(folder: Path, *recipients: str, **more: Any) -> AsyncIterator[tuple[Rooms, Decided]]:
    """A house with one held mail."""
    async with rooms(folder) as r:
        yield r, await r.hold(*recipients, **more)


async def case_of(r: Rooms, decided: Decided) -> Case:
    """The case as it stands."""
    case = await r.database.read(lambda conn: case_rows.get(conn, decided.case_id))
    assert case is not None
    return case


async def told(r: Rooms, decided: Decided) -> list[tuple[str, dict[str, Any]]]:
    """Event and fields of every entry about the case."""
    return [
        (row.event, dict(fields)) for row, fields in await r.database.read(lambda c: trail.of_case(c, decided.case_id))
    ]


async def state_of(r: Rooms, decided: Decided) -> str:
    """The state of its one hold."""
    return (await case_of(r, decided)).holds[0].state


async def last_notice(r: Rooms, decided: Decided) -> str:
    """Subject and text of the newest notice, blanks as they are read."""
    data = (await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id)))[-1].prefix
    parsed = message_from_bytes(data, policy=default)
    return " ".join(f"{parsed['subject']} {plain_of(data)}".split())


async def refused(act: Any, slug: str) -> str:
    """The sentence of a refusal with this slug."""
    with pytest.raises(NotAllowed) as found:
        await act
    assert found.value.slug == slug
    return str(found.value)


def test_the_table_in_the_docs_is_the_table_of_the_code() -> None:
    """deploy/relayhost.md shows each act, where it leads from and to, and what it is."""
    assert states.table() in (PROJECT / "deploy" / "relayhost.md").read_text(encoding="utf-8")


@pytest.mark.asyncio
async def test_a_claimed_case_is_decided_by_who_has_it(tmp_path: Path) -> None:
    """A colleague hears who has it and since when; after the hand-over, or a working day, the case is free."""
    async with held(tmp_path) as (r, decided):
        await r.workflow.claim(decided.case_id, RITA)
        assert await state_of(r, decided) == "in_review"
        for act in (
            r.workflow.approve(decided.case_id, CARL, FINE),
            r.workflow.reject(decided.case_id, CARL, "no"),
            r.workflow.claim(decided.case_id, CARL),
            r.workflow.hand_over(decided.case_id, CARL, "mine now"),
        ):
            assert "rita.reviewer@company.example has case" in await refused(act, "claimed")
        await r.workflow.hand_over(decided.case_id, RITA, "I know her well")
        assert await state_of(r, decided) == "held"
        await r.workflow.claim(decided.case_id, RITA)
        r.clock.now = NOW + timedelta(days=1)
        await r.workflow.claim(decided.case_id, CARL)
        await refused(r.workflow.approve(decided.case_id, RITA, FINE), "claimed")
        await r.workflow.approve(decided.case_id, CARL, FINE)
        assert [event for event, _ in await told(r, decided)] == [
            "decided", "claimed", "handed-over", "claimed", "claimed", "approved", "releasing",
        ]  # fmt: skip
        assert (await told(r, decided))[2][1]["note"] == "I know her well"
        assert (await r.database.read(verify)).ok


@pytest.mark.asyncio
async def test_a_case_goes_to_another_pool_with_a_reason(tmp_path: Path) -> None:
    """Its old pool decides no more; a pool that does not exist and a missing reason are refused."""
    async with held(tmp_path, approvals=2) as (r, decided):
        await r.workflow.approve(decided.case_id, RITA, FINE)
        for pool, reason in (("nobody", "x"), ("second-opinion", " ")):
            with pytest.raises(ValueError, match=r"no pool|reason"):
                await r.workflow.hand_over(decided.case_id, RITA, reason, pool)
        await r.workflow.hand_over(decided.case_id, CARL, "works council matter", "second-opinion")
        await refused(r.workflow.approve(decided.case_id, CARL, FINE), "wrong-pool")
        done = await r.workflow.approve(decided.case_id, SOFIA, FINE)
        assert done.waiting_for == 1, "the approval of the old pool does not count"


@pytest.mark.asyncio
async def test_the_sender_neither_claims_nor_hands_over(tmp_path: Path) -> None:
    """Steering who decides is deciding."""
    mine = Actor("anna", ANNA, frozenset({"privacy"}))
    async with held(tmp_path) as (r, decided):
        await refused(r.workflow.claim(decided.case_id, mine), "sender-never-decides")
        await refused(r.workflow.hand_over(decided.case_id, mine, "x", "second-opinion"), "sender-never-decides")


@pytest.mark.asyncio
async def test_a_statement_can_be_changed_until_somebody_decided(tmp_path: Path) -> None:
    """Also while a reviewer is at it; each version stands in the trail, choices as facts, texts as personal fields."""
    answers = {"code": "R3", "purpose": "Angebot", "whose_data": "customers", "basis": "contract", "informed": "yes"}
    async with held(tmp_path) as (r, decided):
        await r.workflow.justify(decided.case_id, SENDER, form.read(answers))
        await r.workflow.claim(decided.case_id, RITA)
        await r.workflow.justify(decided.case_id, SENDER, form.read(answers | {"purpose": "Angebot 7"}))
        assert await state_of(r, decided) == "in_review"
        case = await case_of(r, decided)
        assert form.Statement.from_json(case.statement or "").purpose == "Angebot 7"
        versions = [fields for event, fields in await told(r, decided) if event == "justified"]
        assert [each["justification"] for each in versions] == ["Angebot", "Angebot 7"]
        assert {each["basis-claimed"] for each in versions} == {"contract"}
        await r.workflow.hand_over(decided.case_id, RITA, "holiday")
        assert await state_of(r, decided) == "justified"
        await r.workflow.reject(decided.case_id, CARL, "Please use the share.")
        with pytest.raises(Conflict):
            await r.workflow.justify(decided.case_id, SENDER, form.read(answers))


@pytest.mark.asyncio
async def test_a_wrong_recipient_withdraws_at_once(tmp_path: Path) -> None:
    """R8 is one step: taken back, recorded with its reason."""
    async with held(tmp_path) as (r, decided):
        await r.workflow.justify(decided.case_id, SENDER, form.read({"code": "R8"}))
        assert await state_of(r, decided) == "withdrawn"
        assert (await told(r, decided))[-1][1]["reason-code"] == "R8"


@pytest.mark.asyncio
async def test_another_way_is_ones_own_mailbox(tmp_path: Path) -> None:
    """Withdrawn, and the exact octets go to the sender's business mailbox: nobody else, no mark, no way to bounce."""
    async with held(tmp_path, "a@gmx.example", "b@gmx.example") as (r, decided):
        await r.workflow.to_mailbox(decided.case_id, SENDER)
        case = await case_of(r, decided)
        assert {hold.state for hold in case.holds} == {"withdrawn"}
        (row,) = await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id, "returned"))
        assert ([each.path.mailbox.text for each in row.recipients], row.sender.mailbox.null) == ([ANNA], True)
        assert row.prefix.startswith(b"Received: by hop.company.example") and b"dlpmilter-release" not in row.prefix
        assert row.body_id == case.body_id
        event, fields = (await told(r, decided))[-1]
        assert (event, fields["mailbox"], fields["controller-after"]) == ("returned", ANNA, "not_transmitted")
        assert "It comes to your own business mailbox instead" in await last_notice(r, decided)
        sweeper = Sweeper(r.database, r.bodies)
        await sweeper.run(r.notifier, NOW + timedelta(hours=2))
        assert await r.count("body_keys") == 1, "the mail is still owed"
        await finish(r, decided.case_id, "returned", Reply(250, (b"2.0.0 ok",)), "delivered")
        await sweeper.run(r.notifier, NOW + timedelta(hours=3))
        assert await r.count("body_keys") == 0
        with pytest.raises(Conflict):
            await r.workflow.to_mailbox(decided.case_id, SENDER)
        assert (await r.database.read(verify)).ok


@pytest.mark.asyncio
@pytest.mark.parametrize("owner", ["", "anna@elsewhere.example"])
async def test_without_a_mailbox_of_ours_there_is_none_to_send_to(tmp_path: Path, owner: str) -> None:
    """Nothing leaves for an address outside, whoever asks."""
    async with held(tmp_path, owner=owner, internal=False) as (r, decided):
        await refused(r.workflow.to_mailbox(decided.case_id, RITA), "no-mailbox")
        assert await state_of(r, decided) == "held"


@pytest.mark.asyncio
async def test_evidence_is_sealed_and_goes_nowhere(tmp_path: Path) -> None:
    """Nobody decides about it, it does not expire with the case, and it is deleted when its time is over."""
    async with held(tmp_path) as (r, decided):
        await r.workflow.seal(decided.case_id, SENDER)
        assert await state_of(r, decided) == "sealed"
        event, fields = (await told(r, decided))[-1]
        assert (event, fields["controller-after"], len(fields["content-digest"])) == ("sealed", "not_transmitted", 64)
        notice = await last_notice(r, decided)
        assert "Your evidence is kept safe" in notice and "It will not be sent, and nobody reviews it." in notice
        with pytest.raises((NotAllowed, Conflict)):
            await r.workflow.approve(decided.case_id, RITA, FINE)
        for act in (
            r.workflow.reject(decided.case_id, RITA, "no"),
            r.workflow.claim(decided.case_id, RITA),
            r.workflow.withdraw(decided.case_id, SENDER),
            r.workflow.extend(decided.case_id, SENDER),
        ):
            with pytest.raises(Conflict):
                await act
        sweeper = Sweeper(r.database, r.bodies)
        await sweeper.run(r.notifier, NOW + timedelta(days=182))
        assert (await state_of(r, decided), await r.count("body_keys")) == ("sealed", 1)
        await sweeper.run(r.notifier, NOW + timedelta(days=184))
        assert await state_of(r, decided) == "expired"
        await sweeper.run(r.notifier, NOW + timedelta(days=186))
        assert await r.count("body_keys") == 0
        assert [row.kind for row in await r.database.read(lambda c: outbox_rows.of_case(c, decided.case_id))].count(
            "release"
        ) == 0
        assert (await r.database.read(verify)).ok


@pytest.mark.asyncio
async def test_what_was_partly_decided_is_not_sealed(tmp_path: Path) -> None:
    """A copy that left or was refused cannot become evidence that nobody saw."""
    async with held(tmp_path, "a@gmx.example", "b@gmx.example", pools=("privacy", "second-opinion")) as (r, decided):
        await r.workflow.reject(decided.case_id, RITA, "no")
        with pytest.raises(Conflict):
            await r.workflow.seal(decided.case_id, SENDER)


@pytest.mark.asyncio
async def test_more_time_is_given_once(tmp_path: Path) -> None:
    """Five working days more, the reminders begin anew; a second time it is refused with the day."""
    async with held(tmp_path) as (r, decided):
        before = (await case_of(r, decided)).deadline
        await r.workflow.extend(decided.case_id, SENDER)
        case = await case_of(r, decided)
        assert (case.deadline - before, case.extended) == (timedelta(days=7), True)
        assert "more time is given once" in await refused(r.workflow.extend(decided.case_id, RITA), "extended-already")
        assert [event for event, _ in await told(r, decided)] == ["decided", "extended"]


@pytest.mark.asyncio
async def test_after_more_time_the_reminders_come_again(tmp_path: Path) -> None:
    """No reminder right after the wish for time; two within the new time, also while a reviewer has the case."""
    async with held(tmp_path) as (r, decided):
        sweeper = Sweeper(r.database, r.bodies)

        async def reminded(at: timedelta) -> int:
            return (await sweeper.run(r.notifier, NOW + at))["reminded"]

        assert [await reminded(timedelta(days=each)) for each in (3.4, 3.6, 3.9, 4.1, 4.2)] == [0, 1, 0, 1, 0]
        r.clock.now = NOW + timedelta(days=4.2)
        await r.workflow.extend(decided.case_id, SENDER)  # the end was day 7, now it is day 14
        assert await reminded(timedelta(days=4.3)) == 0
        await r.workflow.claim(decided.case_id, RITA)
        assert [await reminded(timedelta(days=each)) for each in (6.9, 7.1, 11.5, 11.6)] == [0, 1, 1, 0]
        subjects = await mails_to(r, decided, f"Anna Berg <{ANNA}>")
        assert sum("Reminder" in each for each in subjects) == 4
        await r.workflow.justify(decided.case_id, SENDER, form.short("R1", "x"))


@pytest.mark.asyncio
async def test_a_second_look_is_somebody_elses(tmp_path: Path) -> None:
    """The other pool decides, never the person who refused, once, with the whole time again."""
    async with held(tmp_path) as (r, decided):
        await r.workflow.reject(decided.case_id, BOTH, "Please use the share.")
        assert "second review will look again" in await last_notice(r, decided)
        with pytest.raises(ValueError, match="why"):
            await r.workflow.appeal(decided.case_id, SENDER, " ")
        r.clock.now = NOW + timedelta(days=2)
        await r.workflow.appeal(decided.case_id, SENDER, "The share is down for the customer")
        case = await case_of(r, decided)
        assert (case.holds[0].state, case.holds[0].pool) == ("justified", "second-opinion")
        assert case.deadline > r.clock.now + timedelta(days=4)
        await refused(r.workflow.approve(decided.case_id, BOTH, FINE), "refused-before")
        await refused(r.workflow.claim(decided.case_id, BOTH), "refused-before")
        await refused(r.workflow.approve(decided.case_id, CARL, FINE), "wrong-pool")
        await r.workflow.reject(decided.case_id, SOFIA, "It is up again.")
        last = await last_notice(r, decided)
        assert "It is up again" in last and "second review" not in last
        await refused(r.workflow.appeal(decided.case_id, SENDER, "please"), "appealed-already")


@pytest.mark.asyncio
async def test_a_second_look_can_approve(tmp_path: Path) -> None:
    """What the second pool approves is released like any other mail; nothing of the refusal stays in the way."""
    async with held(tmp_path) as (r, decided):
        await r.workflow.reject(decided.case_id, RITA, "no")
        await r.workflow.appeal(decided.case_id, SENDER, "The share is down")
        await r.workflow.approve(decided.case_id, SOFIA, FINE)
        assert await state_of(r, decided) == "releasing"
        assert (await r.database.read(verify)).ok


@pytest.mark.asyncio
async def test_after_the_mail_is_deleted_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    """The time to object is the time the content is kept."""
    async with held(tmp_path) as (r, decided):
        await r.workflow.reject(decided.case_id, RITA, "no")
        await Sweeper(r.database, r.bodies).run(r.notifier, NOW + timedelta(hours=73))
        assert "send it again" in await refused(r.workflow.appeal(decided.case_id, SENDER, "late"), "content-gone")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"basis": "unknown"}, "legal basis"),
        ({"basis": "because"}, "legal basis"),
        ({"necessary": False}, "necessary"),
        ({"no_safer_way": False}, "safer way"),
        ({"note": "x" * 281}, "characters"),
    ],
)
def test_an_approval_without_basis_or_tick_is_none(given: dict[str, Any], words: str) -> None:
    """No approval can even be made without what the record needs (domain.md F12)."""
    whole: dict[str, Any] = {"basis": "law", "necessary": True, "no_safer_way": True}
    with pytest.raises(ValueError, match=words):
        Approval(**(whole | given))


@pytest.mark.asyncio
async def test_the_record_of_an_approval_names_basis_ticks_and_day(tmp_path: Path) -> None:
    """What the sender claimed and what the reviewer found stand apart."""
    answers = {"code": "R1", "purpose": "x", "whose_data": "customers", "basis": "interest", "interest": "a",
               "necessity": "b", "alternatives_tried": "c", "informed": "will-be"}  # fmt: skip
    async with held(tmp_path) as (r, decided):
        await r.workflow.justify(decided.case_id, SENDER, form.read(answers))
        approval = Approval("contract", necessary=True, no_safer_way=True, delete_by=date(2026, 12, 1), note="by phone")
        await r.workflow.approve(decided.case_id, RITA, approval)
        entries = dict(await told(r, decided))
        assert entries["justified"]["basis-claimed"] == "interest"
        wanted = {"basis-accepted": "contract", "necessary": True, "safer-way-checked": True, "delete-by": "2026-12-01",
                  "note": "by phone"}  # fmt: skip
        assert wanted.items() <= entries["approved"].items()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("informed", "detail", "allowed"),
    [
        ("yes", "", True), ("will-be", "", True), ("not-applicable", "", True), ("no", "Art. 14(5)(b)", True),
        ("no", "", False), ("unknown", "", False), (None, "", False),
    ],
)  # fmt: skip
async def test_an_interest_needs_people_who_are_told(
    tmp_path: Path, informed: str | None, detail: str, allowed: bool
) -> None:
    """The matrix of domain.md F14: with 6(1)(f) and nobody told, no approval."""
    interest = Approval("interest", necessary=True, no_safer_way=True)
    async with held(tmp_path) as (r, decided):
        if informed is not None:
            answers = {"code": "R1", "purpose": "x", "whose_data": "customers", "basis": "unknown",
                       "informed": informed, "informed_detail": detail}  # fmt: skip
            await r.workflow.justify(decided.case_id, SENDER, form.read(answers))
        if allowed:
            await r.workflow.approve(decided.case_id, RITA, interest)
        else:
            await refused(r.workflow.approve(decided.case_id, RITA, interest), "not-informed")
            assert await state_of(r, decided) in {"held", "justified"}
            await r.workflow.approve(decided.case_id, RITA, FINE)


async def mails_to(r: Rooms, decided: Decided, address: str) -> list[str]:
    """Every mail we owe this address about the case, header and text."""
    rows = await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id))
    mails = [(message_from_bytes(row.prefix, policy=default), row.prefix) for row in rows if row.kind == "notice"]
    return [f"{mail['subject']} {text_of(data)}" for mail, data in mails if mail["to"] == address]


@pytest.mark.asyncio
async def test_the_pool_hears_of_a_case_once_and_reads_no_names(tmp_path: Path) -> None:
    """When the sender has said why, its pool is asked: no subject, no address, no words of the sender."""
    answers = {"code": "R3", "purpose": "Frau Zander wartet", "whose_data": "customers", "basis": "contract",
               "informed": "yes", "urgent": "yes", "urgent_why": "Zander will heute"}  # fmt: skip
    async with held(tmp_path) as (r, decided):
        assert await mails_to(r, decided, "privacy@company.example") == []
        await r.workflow.justify(decided.case_id, SENDER, form.read(answers))
        await r.workflow.justify(decided.case_id, SENDER, form.read(answers | {"purpose": "noch etwas"}))
        (asked,) = await mails_to(r, decided, "privacy@company.example")
        assert "The recipient is a customer" in asked and "A contract with the person" in asked and "urgent" in asked
        for secret in ("Grüße", "Fwd", "anna", "gmx", "Zander", "Berg"):
            assert secret not in asked, secret


@pytest.mark.asyncio
async def test_the_next_pool_is_asked_in_its_turn(tmp_path: Path) -> None:
    """After a hand-over and after an objection the other pool hears of the case, the first one no second time."""
    async with held(tmp_path) as (r, decided):
        await r.workflow.justify(decided.case_id, SENDER, form.short("R1", "x"))
        await r.workflow.hand_over(decided.case_id, RITA, "not mine", "second-opinion")
        (given,) = await mails_to(r, decided, "second-review@company.example")
        assert "disagrees" not in given
    async with held(tmp_path) as (r, decided):
        await r.workflow.reject(decided.case_id, RITA, "no")
        await r.workflow.appeal(decided.case_id, SENDER, "The share is down")
        (asked,) = await mails_to(r, decided, "second-review@company.example")
        assert "Somebody disagrees with a refusal" in asked and "share is down" not in asked
        assert await mails_to(r, decided, "privacy@company.example") == []


@pytest.mark.asyncio
async def test_the_day_of_deletion_reaches_the_sender(tmp_path: Path) -> None:
    """What the reviewer named stands in the notice that the mail was delivered."""
    async with held(tmp_path) as (r, decided):
        approval = Approval("contract", necessary=True, no_safer_way=True, delete_by=date(2026, 12, 1))
        await r.workflow.approve(decided.case_id, RITA, approval)
        await finish(r, decided.case_id, "release", Reply(250, (b"2.0.0 ok",)), "delivered")
        assert "1 December 2026" in await last_notice(r, decided)


@pytest.mark.asyncio
async def test_every_mail_of_ours_is_signed_where_a_key_is_configured(tmp_path: Path) -> None:
    """Notice, question to the pool and delivery report leave with a signature of the configured domain."""
    dkim = Dkim(domain="company.example", selector="dlp2026", key_file=key_file(tmp_path, EDWARDS))
    async with held(tmp_path) as (r, decided):
        signing = Notifier.build(r.config.model_copy(update={"dkim": dkim}), r.policy, r.keyring)
        workflow = replace(r.workflow, notifier=signing)
        await workflow.justify(decided.case_id, SENDER, form.short("R1", "x"))
        await workflow.reject(decided.case_id, RITA, "no")
        another = await r.hold()
        await Sweeper(r.database, r.bodies).run(signing, NOW + timedelta(days=30))
        mails: list[bytes] = []
        for case_id in (decided.case_id, another.case_id):
            rows = await r.database.read(partial(outbox_rows.of_case, case_id=case_id))
            mails += [row.prefix for row in rows[1:]]  # the first notice was written before
        assert len(mails) >= 3
        assert all(each.startswith(b"DKIM-Signature: ") and b"d=company.example" in each for each in mails)


@pytest.mark.asyncio
async def test_several_cases_at_once_have_a_record_each(tmp_path: Path) -> None:
    """Each case its own entry, notice and answer; what one person may not decide, or somebody has taken, stays."""
    async with rooms(tmp_path) as r:
        mine = [await r.hold() for _ in range(4)]
        other, own = await r.hold(pools=("second-opinion",)), await r.hold(owner=RITA.address)
        await r.workflow.claim(mine[3].case_id, CARL)
        asked = [*(each.case_id for each in mine), other.case_id, own.case_id, "AAAA-BBBB-CCCC"]
        before = await r.count("trail")
        found = await r.workflow.approve_all(asked, RITA, FINE)
        slugs = [each.error.slug for each in found if isinstance(each, Refused) and isinstance(each.error, NotAllowed)]
        assert [isinstance(each, Refused) for each in found] == [False] * 3 + [True] * 4
        assert slugs == ["claimed", "wrong-pool", "sender-never-decides"]
        assert await r.count("trail") == before + 2 * 3
        assert [await state_of(r, each) for each in (*mine, other, own)] == ["releasing"] * 3 + [
            "in_review",
            "held",
            "held",
        ]
        more = [await r.hold() for _ in range(3)]
        refused_now = await r.workflow.reject_all(
            [each.case_id for each in (*more, mine[0])], RITA, "Please use the share."
        )
        assert [isinstance(each, Refused) for each in refused_now] == [False, False, False, True]
        for each in more:
            assert "Please use the share" in await last_notice(r, each)
        assert (await r.database.read(verify)).ok


@pytest.mark.asyncio
async def test_a_case_of_a_group_goes_to_no_other_pool(tmp_path: Path) -> None:
    """Neither by a hand-over nor by an appeal: what lawyers may not tell, other reviewers may not read."""
    async with held(tmp_path) as (r, decided):
        governance = r.policy.governance
        assert governance is not None and governance.appeal_pool
        r.policy = replace(r.policy, governance=replace(governance, group_pools=(("legal", "privacy"),)))
        r.notifier = Notifier.build(r.config, r.policy, r.keyring)
        with pytest.raises(NotAllowed, match="stays there"):
            await r.workflow.hand_over(decided.case_id, RITA, "not mine", "second-opinion")
        await r.workflow.reject(decided.case_id, RITA, "Please use the portal.")
        with pytest.raises(NotAllowed, match="only people of this group"):
            await r.workflow.appeal(decided.case_id, SENDER, "I disagree.")


@pytest.mark.asyncio
async def test_a_wish_that_cannot_be_carried_out_stops_no_other(tmp_path: Path) -> None:
    """One case whose sender is nobody of ours any more: it is dropped, the next one is withdrawn in its turn."""
    async with rooms(tmp_path) as r:
        cases = [(await r.hold()).case_id for _ in range(2)]
        for each in cases:
            await r.workflow.ask(each, SENDER, "withdraw")
        strange = "UPDATE cases SET owner = 'nobody@elsewhere.example', sender_raw = X'', authors = '[]' WHERE id = ?"
        await r.database.write(lambda conn: conn.exec_driver_sql(strange, (cases[0],)))
        broken = "UPDATE holds SET pool = 'x' WHERE case_id = ?"
        await r.database.write(lambda conn: conn.exec_driver_sql(broken, (cases[0],)))
        r.clock.now += timedelta(hours=25)
        await r.workflow.carry_out()
        found = [await r.database.read(partial(case_rows.get, case_id=each)) for each in cases]
        assert [each.asked for each in found if each] == ["", ""]
        assert found[1] is not None and found[1].holds[0].state == "withdrawn"
