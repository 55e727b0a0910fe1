# SPDX-License-Identifier: Apache-2.0
"""What people do with cases: rights, states, notices; and that the sender never decides."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.audit.verify import verify
from dlpmilter.holds import form, states
from dlpmilter.holds.actors import Actor, NotAllowed, actor_of, canonical
from dlpmilter.holds.states import FINAL, TRANSITIONS, WAITING, Act, Conflict, State
from dlpmilter.holds.workflow import NoSuchCase
from dlpmilter.model.words import Action
from dlpmilter.storage import case_rows, outbox_rows
from tests.holds.house import ANNA, CARL, FINE, NOW, RITA, Rooms, mail, make_config, rooms

SENDER = Actor("anna", ANNA, frozenset({"privacy"}))


async def states_of(r: Rooms, case_id: str) -> list[str]:
    """The state of each hold of a case."""
    case = await r.database.read(lambda conn: case_rows.get(conn, case_id))
    assert case is not None
    return [hold.state for hold in case.holds]


async def events(r: Rooms, case_id: str) -> list[str]:
    """The events the trail tells of a case."""
    return [row.event for row, _ in await r.database.read(lambda conn: trail.of_case(conn, case_id))]


async def owed(r: Rooms, case_id: str) -> list[str]:
    """The kinds of mail owed for a case."""
    return [row.kind for row in await r.database.read(lambda conn: outbox_rows.of_case(conn, case_id))]


def test_the_table_of_transitions_lets_nothing_out_without_approval() -> None:
    """From waiting, only people's approval and the policy's lead on; final states never come back to waiting."""
    assert set(TRANSITIONS) == set(Act)
    reach, yes = {State.held}, {Act.approve, Act.allow}
    while more := {to for act, (sources, to) in TRANSITIONS.items() if act not in yes and sources & reach} - reach:
        reach |= more
    assert reach == {*WAITING, State.rejected, State.withdrawn, State.expired, State.sealed}
    for act, (sources, target) in TRANSITIONS.items():
        assert act is Act.appeal or not (target in WAITING and sources & FINAL)
    from_seal = {act: target for act, (sources, target) in TRANSITIONS.items() if State.sealed in sources}
    assert from_seal == {Act.renew: State.sealed, Act.unseal: State.expired}


@pytest.mark.asyncio
async def test_approval_queues_the_release_in_one_act(tmp_path: Path) -> None:
    """One approval where one is wanted: approved, releasing, owed, and all of it in the trail."""
    async with rooms(tmp_path) as r:
        decided = await r.hold()
        done = await r.workflow.approve(decided.case_id, RITA, FINE)
        assert [hold.state for hold in done.case.holds] == ["releasing"]
        assert await owed(r, decided.case_id) == ["notice", "release"]
        assert await events(r, decided.case_id) == ["decided", "approved", "releasing"]
        ((_, _), (_, approved), _) = await r.database.read(lambda conn: trail.of_case(conn, decided.case_id))
        assert (approved["actor"], approved["actor-user"], approved["role"]) == (RITA.address, "rita", "reviewer")
        assert (await r.database.read(verify)).ok


@pytest.mark.asyncio
async def test_two_approvals_need_two_people(tmp_path: Path) -> None:
    """The first approval changes no state, the same person cannot give the second, another can."""
    async with rooms(tmp_path) as r:
        decided = await r.hold(approvals=2)
        first = await r.workflow.approve(decided.case_id, RITA, FINE)
        assert (first.waiting_for, first.moved) == (1, ())
        assert await states_of(r, decided.case_id) == ["held"]
        for same in (RITA, Actor("rita2", "Rita.Reviewer+x@COMPANY.example", RITA.pools)):
            with pytest.raises(NotAllowed) as refused:
                await r.workflow.approve(decided.case_id, same, FINE)
            assert refused.value.slug == "approved-already"
        await r.workflow.approve(decided.case_id, CARL, FINE)
        assert await states_of(r, decided.case_id) == ["releasing"]
        assert await events(r, decided.case_id) == ["decided", "approval", "approved", "releasing"]


@pytest.mark.asyncio
async def test_pools_decide_about_their_own_recipients(tmp_path: Path) -> None:
    """A case of two pools: each reviewer moves the recipients of his pools alone."""
    async with rooms(tmp_path) as r:
        decided = await r.hold("a@gmx.example", "b@gmx.example", pools=("privacy", "works-council"))
        await r.workflow.approve(decided.case_id, RITA, FINE)
        assert await states_of(r, decided.case_id) == ["releasing", "held"]
        with pytest.raises(NotAllowed) as refused:
            await r.workflow.approve(decided.case_id, RITA, FINE)
        assert refused.value.slug == "wrong-pool"
        await r.workflow.reject(decided.case_id, CARL, "Please use the share.")
        assert await states_of(r, decided.case_id) == ["releasing", "rejected"]


@pytest.mark.asyncio
async def test_rejecting_tells_the_sender_why(tmp_path: Path) -> None:
    """A refusal needs a reason, and the sender gets it in a notice."""
    async with rooms(tmp_path) as r:
        decided = await r.hold()
        with pytest.raises(ValueError, match="reason"):
            await r.workflow.reject(decided.case_id, RITA, "  ")
        await r.workflow.reject(decided.case_id, RITA, "Please use the approved share.")
        assert await states_of(r, decided.case_id) == ["rejected"]
        notices = await r.database.read(lambda conn: outbox_rows.of_case(conn, decided.case_id))
        assert b"Please use the approved share" in notices[-1].prefix
        for act in (r.workflow.approve(decided.case_id, RITA, FINE), r.workflow.withdraw(decided.case_id, SENDER)):
            with pytest.raises(Conflict):
                await act


@pytest.mark.asyncio
async def test_the_sender_explains_and_withdraws(tmp_path: Path) -> None:
    """The sender may give a reason, more than once, and take the mail back; each step is recorded."""
    async with rooms(tmp_path) as r:
        decided = await r.hold()
        await r.workflow.justify(decided.case_id, SENDER, form.short("r1", "My  laptop\nis broken"))
        await r.workflow.justify(decided.case_id, SENDER, form.short("R2", "Working from home"))
        case = await r.database.read(lambda conn: case_rows.get(conn, decided.case_id))
        assert case is not None
        assert (case.justification_code, case.justification_text) == ("R2", "Working from home")
        await r.workflow.withdraw(decided.case_id, SENDER)
        assert await states_of(r, decided.case_id) == ["withdrawn"]
        assert await events(r, decided.case_id) == ["decided", "justified", "justified", "withdrawn"]
        entries = await r.database.read(lambda conn: trail.of_case(conn, decided.case_id))
        assert entries[1][1]["justification"] == "My laptop is broken"
        assert [fields.get("role") for _, fields in entries[1:]] == ["sender"] * 3


@pytest.mark.asyncio
async def test_a_reviewer_acts_on_behalf_and_is_named(tmp_path: Path) -> None:
    """What a reviewer enters for the sender is recorded as his act."""
    async with rooms(tmp_path) as r:
        decided = await r.hold()
        await r.workflow.justify(decided.case_id, RITA, form.short("R3", "Told me on the phone"))
        (_, (_, fields)) = await r.database.read(lambda conn: trail.of_case(conn, decided.case_id))
        assert (fields["role"], fields["actor"]) == ("on-behalf", RITA.address)
        stranger = Actor("max", "max@company.example", frozenset({"other"}))
        with pytest.raises(NotAllowed):
            await r.workflow.withdraw(decided.case_id, stranger)


@pytest.mark.asyncio
async def test_evidence_is_never_sent_and_reports_are_not_read(tmp_path: Path) -> None:
    """R5 mail cannot be approved; the text of an R6 reason is not kept."""
    async with rooms(tmp_path) as r:
        decided = await r.hold()
        await r.workflow.justify(decided.case_id, SENDER, form.short("R6", "I report my boss"))
        case = await r.database.read(lambda conn: case_rows.get(conn, decided.case_id))
        assert case is not None
        assert case.justification_text == ""
        await r.workflow.justify(decided.case_id, SENDER, form.short("R5", "keep this"))
        with pytest.raises(NotAllowed) as refused:
            await r.workflow.approve(decided.case_id, RITA, FINE)
        assert refused.value.slug == "evidence-stays"


@pytest.mark.asyncio
async def test_wrong_codes_long_texts_and_unknown_cases_are_refused(tmp_path: Path) -> None:
    """Mistakes are named and change nothing."""
    async with rooms(tmp_path) as r:
        decided = await r.hold()
        for code, words in (("R12", "x"), ("", "x"), ("R1", "x" * 281)):
            with pytest.raises(ValueError, match=r"R1 to R11|characters"):
                await r.workflow.justify(decided.case_id, SENDER, form.short(code, words))
        with pytest.raises(NoSuchCase):
            await r.workflow.approve("AAAA-BBBB-CCCC", RITA, FINE)
        assert await r.count("trail") == 1
        await r.workflow.withdraw(f" {decided.case_id.lower()} ", SENDER)


def test_only_mapped_users_act(tmp_path: Path) -> None:
    """Nobody without an entry in [reviewers] is anybody, root included."""
    config = make_config(tmp_path)
    assert actor_of("rita", config).pools == {"privacy"}
    for user in ("root", "RITA", "", "rita.reviewer@company.example"):
        with pytest.raises(NotAllowed) as refused:
            actor_of(user, config)
        assert refused.value.slug == "not-mapped"


PAIRS = [
    ({"sender": ANNA}, ANNA),
    ({"sender": ANNA}, "Anna.Berg@COMPANY.example"),
    ({"sender": ANNA}, "anna.berg+review@company.example"),
    ({"sender": "anna.berg+home@company.example", "owner": "x@company.example"}, ANNA),
    ({"sender": "ANNA.BERG@Company.Example", "owner": "x@company.example"}, ANNA),
    ({"sender": "prvs=1234abcd=anna.berg@company.example", "owner": "x@company.example"}, ANNA),
    ({"sender": "SRS0=hash=tt=company.example=anna.berg@fwd.example", "owner": "x@company.example"}, ANNA),
    ({"sender": '"anna.berg"@company.example', "owner": "x@company.example"}, ANNA),
    ({"sender": "scanner@company.example", "owner": ANNA}, ANNA),
    ({"sender": "", "owner": ANNA}, ANNA),
    ({"sender": "x@company.example", "owner": "x@company.example", "login": "anna"}, ANNA),
    ({"sender": "x@company.example", "owner": "x@company.example", "login": "anna.berg"}, ANNA),
    ({"sender": "x@company.example", "owner": "x@company.example", "login": "Anna.Berg@company.example"}, ANNA),
    ({"sender": "x@company.example", "owner": "x@company.example", "from": b"Anna <anna.berg@company.example>"}, ANNA),
    (
        {
            "sender": "x@company.example",
            "owner": "x@company.example",
            "from": b"x@company.example, ANNA.BERG@company.example",
        },
        ANNA,
    ),
    (
        {
            "sender": "x@company.example",
            "owner": "x@company.example",
            "from": b"b@company.example\r\nSender: anna.berg@company.example",
        },
        ANNA,
    ),
    (
        {
            "sender": "x@company.example",
            "owner": "x@company.example",
            "from": b"b@company.example\r\nResent-From: anna.berg@company.example",
        },
        ANNA,
    ),
    ({"sender": "anna.berg@company.example.", "owner": "x@company.example"}, ANNA),
    ({"sender": ANNA}, "anna.berg@company.example."),
    ({"sender": ANNA}, "ａnna.berg@company.example"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("mail_of", "actor_address"), PAIRS)
async def test_the_sender_never_decides(tmp_path: Path, mail_of: dict[str, Any], actor_address: str) -> None:
    """Twenty ways to be the sender under another name: none of them approves, rejects or releases."""
    values = dict(mail_of)
    author: Any = values.pop("from", b"Someone <someone@company.example>")
    message = mail(head=b"Message-ID: <%d@x>\r\nFrom: %b\r\n\r\n" % (next(_ids), author))
    actor = Actor("anna", actor_address, frozenset({"privacy"}))
    async with rooms(tmp_path) as r:
        decided = await r.hold(message=message, **values)
        for act in (
            r.workflow.approve(decided.case_id, actor, FINE),
            r.workflow.reject(decided.case_id, actor, "no"),
            r.workflow.release(decided.case_id, actor),
        ):
            with pytest.raises(NotAllowed) as refused:
                await act
            assert refused.value.slug == "sender-never-decides"
        assert await events(r, decided.case_id) == ["decided"]
        await r.workflow.approve(decided.case_id, RITA, FINE)


_ids = itertools.count(1)


def test_different_people_are_not_taken_for_one() -> None:
    """The spellings fold, but neighbours stay apart."""
    people = [
        "anna.berg@company.example",
        "annaberg@company.example",
        "anna.berg@other.example",
        "anna@company.example",
    ]
    assert len({canonical(each) for each in people}) == 4


def _race(folder: Path, case_id: str, act: str, gate: object, results: object) -> None:
    async def main() -> None:
        async with rooms(folder) as r:
            gate.wait()  # type: ignore[attr-defined]
            try:
                if act == "approve":
                    await r.workflow.approve(case_id, RITA, FINE)
                elif act == "reject":
                    await r.workflow.reject(case_id, CARL, "no")
                else:
                    await r.workflow.withdraw(case_id, SENDER)
            except Conflict:
                results.put("conflict")  # type: ignore[attr-defined]
            else:
                results.put(act)  # type: ignore[attr-defined]

    asyncio.run(main())


@pytest.mark.parametrize("rivals", [("approve", "withdraw"), ("approve", "reject"), ("withdraw", "reject")])
def test_of_two_processes_one_wins(tmp_path: Path, rivals: tuple[str, str]) -> None:
    """Two people decide at the same moment in two processes: one act stands, the other hears of it."""

    async def place() -> str:
        async with rooms(tmp_path) as r:
            return (await r.hold()).case_id

    case_id = asyncio.run(place())
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_race, args=(tmp_path, case_id, act, gate, results)) for act in rivals]
    for process in processes:
        process.start()
    answers = {results.get(timeout=60), results.get(timeout=60)}
    for process in processes:
        process.join(30)
    assert "conflict" in answers
    (winner,) = answers - {"conflict"}

    async def look() -> None:
        async with rooms(tmp_path) as r:
            wanted = {"approve": "releasing", "reject": "rejected", "withdraw": "withdrawn"}[winner]
            assert await states_of(r, case_id) == [wanted]
            assert (await r.database.read(verify)).ok
            assert len(await events(r, case_id)) == (3 if winner == "approve" else 2)

    asyncio.run(look())


@pytest.mark.asyncio
async def test_a_transition_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    """Moving two holds of which one is elsewhere moves neither and writes no entry."""
    async with rooms(tmp_path) as r:
        decided = await r.hold("a@gmx.example", "b@gmx.example", pools=("privacy", "works-council"))
        case = await r.database.read(lambda conn: case_rows.get(conn, decided.case_id))
        assert case is not None
        await r.workflow.reject(decided.case_id, RITA, "no")
        entry = Entry("expired", "withhold", "p", case.id)
        with pytest.raises(Conflict):
            await r.database.write(lambda conn: states.move(conn, Act.expire, case.holds, entry, NOW))
        assert await states_of(r, decided.case_id) == ["rejected", "held"]
        assert await events(r, decided.case_id) == ["decided", "rejected"]


@pytest.mark.asyncio
async def test_tagged_mail_has_no_case_to_decide(tmp_path: Path) -> None:
    """Only held mail can be approved."""
    async with rooms(tmp_path) as r:
        decided = await r.decide(mail(), ["a@gmx.example"], [Action.tag])
        with pytest.raises(NoSuchCase):
            await r.workflow.approve(decided.case_id, RITA, FINE)
