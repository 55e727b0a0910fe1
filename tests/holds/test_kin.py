# SPDX-License-Identifier: Apache-2.0
"""The sender never decides: not under an alias, not as a member of a shared mailbox, not through people close to him."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlpmilter.facts.directory import People
from dlpmilter.facts.hashes import Hashes
from dlpmilter.facts.people import PeopleSource
from dlpmilter.holds.requests import Caller, Requests
from dlpmilter.settings import DirectorySettings, Reviewer
from tests.holds.house import ANNA, Rooms, rooms
from tests.holds.test_requests import CHECKED

PEOPLE = """address,aliases,person,close
anna.berg@company.example,a.berg@company.example|ab@sales.company.example,,
rita.reviewer@company.example,r.reviewer@company.example,,
dan.deputy@company.example,d.deputy@company.example,,anna.berg@company.example
bob.boss@company.example,,,
wim.works@company.example,,,bob.boss@company.example
info@company.example,service@company.example,,anna.berg@company.example|wim.works@company.example
scanner@company.example,,bob.boss@company.example,
fax@company.example,,a.berg@company.example,
"""
POOL = ("privacy",)


def mapped(**people: str) -> dict[str, Reviewer]:
    """Unix users and the address each is mapped to, all in one pool."""
    return {user: Reviewer(address=address, pools=POOL) for user, address in people.items()}


async def counter(r: Rooms, folder: Path) -> Requests:
    """The counter of the office with this directory."""
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    config = r.config.model_copy(update={"directory": DirectorySettings(file=folder / "people.csv")})
    people = PeopleSource(config, None, Hashes.of_keyring(r.keyring))
    await people.start()
    return Requests(config, r.database, lambda: r.workflow, person=people.behind, kin=people.kin)


# Whose mail it is (envelope sender, owner), and under which mapped address somebody tries to decide.
PAIRS = [
    (ANNA, ANNA, "a.berg@company.example", "sender-never-decides"),
    (ANNA, ANNA, "A.Berg+x@Company.example", "sender-never-decides"),
    (ANNA, ANNA, "ab@sales.company.example", "sender-never-decides"),
    ("a.berg@company.example", ANNA, ANNA, "sender-never-decides"),
    ("ab@sales.company.example", "x@company.example", ANNA, "sender-never-decides"),
    ("scanner@company.example", "bob.boss@company.example", "bob.boss@company.example", "sender-never-decides"),
    ("scanner@company.example", "scanner@company.example", "bob.boss@company.example", "sender-never-decides"),
    ("fax@company.example", "fax@company.example", ANNA, "sender-never-decides"),
    (ANNA, ANNA, "dan.deputy@company.example", "too-close"),
    (ANNA, ANNA, "d.deputy@company.example", "too-close"),
    ("a.berg@company.example", "a.berg@company.example", "d.deputy@company.example", "too-close"),
    ("dan.deputy@company.example", "dan.deputy@company.example", ANNA, "too-close"),
    ("bob.boss@company.example", "bob.boss@company.example", "wim.works@company.example", "too-close"),
    ("wim.works@company.example", "wim.works@company.example", "bob.boss@company.example", "too-close"),
    ("scanner@company.example", "bob.boss@company.example", "wim.works@company.example", "too-close"),
    ("info@company.example", "info@company.example", ANNA, "too-close"),
    ("service@company.example", "info@company.example", "wim.works@company.example", "too-close"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("sender", "owner", "address", "slug"), PAIRS)
async def test_nobody_decides_for_himself_or_his_next(
    tmp_path: Path, sender: str, owner: str, address: str, slug: str
) -> None:
    """Seventeen pairs of sender and reviewer, on top of the spellings of test_workflow: none decides, none takes the case."""
    async with rooms(tmp_path, reviewers=mapped(someone=address, rita="r.reviewer@company.example")) as r:
        decided = await r.hold(sender=sender, owner=owner, message=_mail_of(sender))
        requests = await counter(r, tmp_path)
        someone = Caller("someone", keeper=False)
        acts: list[dict[str, Any]] = [
            {"act": "approve", **CHECKED}, {"act": "reject", "reason": "no"}, {"act": "claim"}, {"act": "release"},
            {"act": "hand-over", "reason": "x", "pool": "second-opinion"},
        ]  # fmt: skip
        for act in acts:
            answer = await requests.answer(someone, act | {"case": decided.case_id})
            assert (answer["ok"], answer["reason"]) == (False, slug), act
        shown = await requests.answer(someone, {"act": "show", "case": decided.case_id})
        assert shown["ok"] is (slug == "sender-never-decides"), "who is too close does not see it either"
        rita = Caller("rita", keeper=False)
        assert (await requests.answer(rita, {"act": "approve", "case": decided.case_id, **CHECKED}))["ok"]


@pytest.mark.asyncio
async def test_one_person_with_two_names_approves_once(tmp_path: Path) -> None:
    """Two Unix users, two addresses, one person of the directory: one approval."""
    two = mapped(rita="r.reviewer@company.example", rr="rita.reviewer@company.example")
    async with rooms(tmp_path, reviewers=two) as r:
        decided = await r.hold(approvals=2)
        requests = await counter(r, tmp_path)
        for user, reason in (("rita", None), ("rr", "approved-already")):
            answer = await requests.answer(
                Caller(user, keeper=False), {"act": "approve", "case": decided.case_id, **CHECKED}
            )
            assert answer.get("reason") == reason


def test_being_close_holds_both_ways_and_for_every_address(tmp_path: Path) -> None:
    """One of two rows is enough; strangers are close to nobody; an address that is in no row is named."""
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE, encoding="utf-8")
    people = People.load(file, Hashes())
    assert people.close("a.berg@company.example") >= {"dan.deputy@company.example", "d.deputy@company.example"}
    assert ANNA in people.close("dan.deputy@company.example")
    assert people.close("rita.reviewer@company.example") == people.close("stranger@else.example") == frozenset()
    file.write_text(PEOPLE + "eve@company.example,,,nobody@company.example\n", encoding="utf-8")
    with pytest.raises(Exception, match=r"column close.*nobody@company\.example is in no row"):
        People.load(file, Hashes())


def _mail_of(sender: str) -> bytes:
    return b"From: <%b>\r\nTo: a@gmx.example\r\nMessage-ID: <%d@x>\r\nSubject: x\r\n\r\ny\r\n" % (
        sender.encode(), abs(hash(sender)) % 10**9,
    )  # fmt: skip
