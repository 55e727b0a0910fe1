# SPDX-License-Identifier: Apache-2.0
"""What reviewers do on their pages: two clicks and a reason, the first decision wins, several in one go."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlpmilter.audit.verify import verify
from dlpmilter.portal.words import REFUSALS
from tests.portal.house import APPROVED, JUSTIFIED, csrf, portal, post

RITA, OTTO = "rita@company.example", "otto@company.example"


@pytest.mark.asyncio
async def test_from_queue_to_decision_in_two_clicks(tmp_path: Path) -> None:
    """Open the case, decide: approved and queued; the sender's words stand before everything else."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        async with house.client() as sender:
            assert (await sender.post(house.link(case), data=JUSTIFIED)).status_code == 303
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        assert f'href="/queue/{case}"' in (await rita.get("/queue")).text
        page = (await rita.get(f"/queue/{case}")).text
        assert page.index("My laptop is broken") < page.index("anna.private@gmx.example")
        assert (await post(rita, f"/queue/{case}", **APPROVED)).status_code == 303
        assert await house.states(case) == ["releasing"]


@pytest.mark.asyncio
async def test_an_approval_without_basis_or_check_is_refused_and_what_was_typed_stays(tmp_path: Path) -> None:
    """400 and a sentence; the note is still there, and nothing has happened."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        for fields in ({"basis": "", "checked": "yes"}, {"basis": "contract", "checked": ""}):
            answer = await post(rita, f"/queue/{case}", act="approve", note="my own note", **fields)
            assert answer.status_code == 400 and "my own note" in answer.text
        answer = await post(rita, f"/queue/{case}", act="reject", reason="")
        assert answer.status_code == 400
        assert await house.states(case) == ["held"]


@pytest.mark.asyncio
async def test_of_two_reviewers_the_first_wins_and_the_other_is_told_who_and_since_when(tmp_path: Path) -> None:
    """A claimed case is not decided by somebody else; a decided one is answered with how it stands."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        otto = await house.signed_in(OTTO, "reviewer", pools=("privacy",))
        assert (await post(rita, f"/queue/{case}", act="claim")).status_code == 303
        late = await post(otto, f"/queue/{case}", **APPROVED)
        assert late.status_code == 409 and RITA in late.text and "2026-11-23" in late.text
        assert (await post(rita, f"/queue/{case}", act="reject", reason="Please use the portal.")).status_code == 303
        late = await post(otto, f"/queue/{case}", **APPROVED)
        assert late.status_code == 409 and "rejected" in late.text
        assert await house.states(case) == ["rejected"]


@pytest.mark.asyncio
async def test_several_cases_have_one_record_each_and_a_failed_one_is_named(tmp_path: Path) -> None:
    """Ten refused in one go: ten entries, ten notices; one that was decided meanwhile is named, the others count."""
    async with portal(tmp_path) as house:
        cases = [(await house.rooms.hold()).case_id for _ in range(10)]
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        await post(rita, f"/queue/{cases[0]}", act="reject", reason="Please use the share.")
        answer = await post(rita, "/queue/decide", case=cases, act="reject", reason="Please use the share.")
        assert answer.status_code == 409 and f"{cases[0]}: " in answer.text and f"{cases[1]}: " not in answer.text
        assert [await house.states(case) for case in cases] == [["rejected"]] * 10
        query = "SELECT count(*) FROM trail WHERE event = 'rejected'"
        assert await house.rooms.database.read(lambda conn: conn.exec_driver_sql(query).scalar_one()) == 10
        assert (await house.rooms.database.read(verify)).ok
        nothing = await post(rita, "/queue/decide", act="reject", reason="x")
        assert nothing.status_code == 400


@pytest.mark.asyncio
async def test_the_queue_is_filtered_sorted_and_paged(tmp_path: Path) -> None:
    """By reason, urgency, who has it; 50 to a page, and the next page starts where this one ends."""
    async with portal(tmp_path) as house:
        cases = [(await house.rooms.hold()).case_id for _ in range(53)]
        async with house.client() as sender:
            urgent = JUSTIFIED | {"urgent": "yes", "urgent_why": "the customer waits"}
            assert (await sender.post(house.link(cases[7]), data=urgent)).status_code == 303
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        await post(rita, f"/queue/{cases[9]}", act="claim")

        async def listed(query: str) -> list[str]:
            text = (await rita.get(f"/queue{query}")).text
            return [case for case in cases if f'href="/queue/{case}"' in text]

        assert await listed("?urgent=yes") == await listed("?reason=R1") == [cases[7]]
        assert await listed("?claimed=me") == await listed("?state=in_review") == [cases[9]]
        other = "UPDATE holds SET rule = 'private-forward' WHERE case_id = ?"
        await house.rooms.database.write(lambda conn: conn.exec_driver_sql(other, (cases[11],)))
        assert await listed("?rule=private-forward") == [cases[11]]
        assert await listed("?rule=private-forward&urgent=yes") == await listed("?rule=none-of-these") == []
        offered = re.findall(r'<option value="([a-z-]+)"', (await rita.get("/queue")).text.split('id="rule"')[1])
        assert {"own-private-mailbox", "private-forward", "auto-forward"} <= set(offered)
        first = await listed("")
        assert len(first) == 50
        more = (await rita.get("/queue")).text.split('<p><a href="')[1].split('"')[0].replace("&amp;", "&")
        assert sorted([*first, *await listed(more)]) == sorted(cases)
        assert await listed("?after=nonsense&state=nonsense&class=%00") == []


@pytest.mark.asyncio
async def test_private_mailboxes_are_named_by_their_owner_alone(tmp_path: Path) -> None:
    """Added, shown to the owner, to nobody else, removed; a mailbox of the company is refused with a sentence."""
    async with portal(tmp_path) as house:
        anna = await house.signed_in("anna.berg@company.example")
        otto = await house.signed_in(OTTO)
        assert (await post(anna, "/my/mailboxes", act="add", address="Anna.B@gmx.de")).status_code == 303
        assert "anna.b@gmx.de" in (await anna.get("/my/mailboxes")).text
        assert "gmx.de" not in (await otto.get("/my/mailboxes")).text
        refused = await post(anna, "/my/mailboxes", act="add", address="x@company.example")
        assert refused.status_code == 400 and "not a private mailbox" in refused.text
        assert (await post(anna, "/my/mailboxes", act="remove", address="anna.b@gmx.de")).status_code == 303
        assert "gmx.de" not in (await anna.get("/my/mailboxes")).text


@pytest.mark.asyncio
async def test_an_agreement_takes_two_people_and_an_onlooker_signs_nothing(tmp_path: Path) -> None:
    """Proposed by one, not signed by the same person, signed by another, ended; the works council only looks."""
    async with portal(tmp_path) as house:
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        dana = await house.signed_in("dana@company.example", "dpo")
        council = await house.signed_in("br@company.example", "works-council")
        fields = {"kind": "agreements", "act": "propose", "senders": "anna.berg@company.example", "ends": "2026-12-24",
                  "recipients": "printer@gmx.example", "purpose": "print proofs", "attachments": "yes"}  # fmt: skip
        bad = await post(rita, "/consents", **(fields | {"ends": "soon"}))
        assert bad.status_code == 400 and "print proofs" in bad.text and "YYYY-MM-DD" in bad.text
        assert (await post(rita, "/consents", **fields)).status_code == 303
        number = re.search(r'name="id" value="([^"]+)"', (await rita.get("/consents")).text)
        assert number is not None
        sign = {"kind": "agreements", "act": "sign", "id": number[1]}
        assert (await post(rita, "/consents", **sign)).status_code == 400
        assert (await post(council, "/consents", **sign)).status_code == 403
        assert "proposed" in (await council.get("/consents")).text
        assert (await post(dana, "/consents", **sign)).status_code == 303
        assert "in force" in (await rita.get("/consents")).text
        assert (await post(dana, "/consents", kind="agreements", act="revoke", id=number[1])).status_code == 303
        assert number[1] not in (await rita.get("/consents")).text
        assert number[1] in (await rita.get("/consents?all=yes")).text


@pytest.mark.asyncio
async def test_a_refusal_is_said_in_the_language_of_the_page(tmp_path: Path) -> None:
    """German pages say it in German, with the counter's own sentence, marked as English, behind it."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        rita = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        await post(rita, f"/queue/{case}", act="reject", reason="Please use the share.")
        fields = APPROVED | {"csrf": await csrf(rita)}
        german = (await rita.post(f"/queue/{case}?lang=de", data=fields)).text
        assert "Inzwischen hat jemand entschieden" in german and '<span lang="en">(Approve is not possible' in german
        nothing = (await rita.post("/queue/decide?lang=de", data={"csrf": fields["csrf"]})).text
        assert "mindestens einen Vorgang" in nothing


def test_every_refusal_a_page_can_meet_has_words() -> None:
    """Each slug of NotAllowed in holds/ stands in the table, but for those that become "this is not for you"."""
    holds = Path(__file__).parents[2] / "dlpmilter" / "holds"
    slugs = {
        each for file in holds.glob("*.py") for each in re.findall(r'NotAllowed\(\s*"([a-z-]+)"', file.read_text())
    }
    hidden = {"not-yours", "wrong-pool", "sender-never-decides", "too-close", "not-mapped", "not-a-reviewer"}
    assert slugs - hidden - REFUSALS.keys() == set(), slugs - hidden - REFUSALS.keys()
