# SPDX-License-Identifier: Apache-2.0
"""Who sees and may do what: every role against every page and foreign cases; nobody decides on the own mail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.holds.house import ANNA
from tests.portal.house import APPROVED, portal, post

ROLES = {
    "employee": ((), ()),
    "privacy": (("reviewer",), ("privacy",)),
    "second": (("reviewer",), ("second-opinion",)),
    "dpo": (("dpo",), ()),
    "works-council": (("works-council",), ()),
    "auditor": (("auditor",), ()),
    "admin": (("admin",), ("privacy",)),
}
OPEN = {
    "/queue": {"privacy", "second"},
    "/queue/{case}": {"privacy"},
    "/overview": {"dpo", "works-council", "auditor", "admin"},
    "/consents": {"privacy", "second", "dpo", "works-council", "auditor"},
    "/my": set(ROLES),
    "/my/mailboxes": set(ROLES),
    "/my/data": set(ROLES),
    "/my/data/answer.html": set(ROLES),
    "/my/data/answer.json": set(ROLES),
    "/my/{case}": set(),
    "/queue/AAAA-AAAA-AAAA": set(),
    "/my/AAAA-AAAA-AAAA": set(),
}
ACTS = ("claim", "hand-over", "approve", "reject", "release", "withdraw", "state", "to-mailbox", "seal", "nonsense")


@pytest.mark.asyncio
async def test_each_role_sees_its_own_pages_and_no_foreign_case(tmp_path: Path) -> None:
    """Role x page x foreign case: 200 where it belongs to the role, else 403; without a session the sign-in."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        for name, (roles, pools) in ROLES.items():
            client = await house.signed_in(f"{name}@company.example", *roles, pools=pools)
            for page, allowed in OPEN.items():
                answer = await client.get(page.format(case=case))
                assert answer.status_code == (200 if name in allowed else 403), (name, page)
                assert (ANNA in answer.text) is (name == "privacy" and page == "/queue/{case}"), (name, page)
            foreign = [f"/my/{case}"] + ([f"/queue/{case}"] if name != "privacy" else [])
            for page in foreign:
                for act in ACTS:
                    fields = APPROVED | {"act": act, "reason": "x", "text": "x", "code": "R8"}
                    assert (await post(client, page, **fields)).status_code == 403, (name, page, act)
        async with house.client() as stranger:
            for page in OPEN:
                assert (await stranger.get(page.format(case=case))).status_code == 303
                assert (await stranger.post(page.format(case=case), data=APPROVED)).status_code in {403, 405}
        assert await house.states(case) == ["held"]


@pytest.mark.asyncio
async def test_nobody_approves_the_own_mail_under_any_name(tmp_path: Path) -> None:
    """30 pairs of sender and sign-in that are one person: no approval, one by one or in one go."""
    spellings = [
        "anna.berg@company.example", "ANNA.BERG@company.example", "anna.berg+x@company.example",
        "anna.berg@COMPANY.example", '"anna.berg"@company.example', "prvs=1234abcd=anna.berg@company.example",
    ]  # fmt: skip
    async with portal(tmp_path) as house:
        client = await house.signed_in(ANNA, "reviewer", pools=("privacy", "second-opinion"))
        pairs = 0
        for sender in spellings:
            for login in ("", ANNA, "anna.berg", "ANNA.BERG@COMPANY.EXAMPLE", "somebody.else"):
                case = (await house.rooms.hold(sender=sender, owner=sender.lower(), login=login)).case_id
                await post(client, f"/queue/{case}", **APPROVED)
                await post(client, "/queue/decide", case=case, **APPROVED)
                assert await house.states(case) == ["held"], (sender, login)
                pairs += 1
        assert pairs == 30


@pytest.mark.asyncio
async def test_the_queue_names_nobody(tmp_path: Path) -> None:
    """No sender, recipient or subject stands in the list; the case page shows them, to the pool alone."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        client = await house.signed_in("rita@company.example", "reviewer", pools=("privacy",))
        listed = (await client.get("/queue")).text
        assert case in listed
        assert not re.search(r"anna|berg|gmx|Grüße", listed, re.IGNORECASE)
        assert ANNA in (await client.get(f"/queue/{case}")).text
