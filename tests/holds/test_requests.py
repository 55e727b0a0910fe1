# SPDX-License-Identifier: Apache-2.0
"""One request of a person: who sees what, who may act, and what is logged about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlpmilter.holds.requests import Caller, Requests
from dlpmilter.settings import Reviewer
from tests.holds.house import ANNA, rooms

PEOPLE = {
    "rita": Reviewer(address="rita.reviewer@company.example", pools=("privacy",)),
    "otto": Reviewer(address="otto.ober@company.example", pools=("works-council",)),
    "anna": Reviewer(address=ANNA, pools=("works-council",)),
}
ROOT = Caller("root", keeper=True)
NAMES = ("sender", "subject", "reason_code", "reason")

CHECKED = {"basis": "contract", "checked": True, "delete_by": "", "note": ""}


@pytest.mark.asyncio
async def test_each_person_sees_what_is_his(tmp_path: Path) -> None:
    """Reviewer of the pool and sender see the case, another pool nothing, root that it exists, strangers a sentence."""
    async with rooms(tmp_path, reviewers=PEOPLE) as house:
        case = (await house.hold()).case_id
        requests = Requests(house.config, house.database, lambda: house.workflow)
        told = {"act": "justify", "case": case, "code": "R2", "text": "for the customer"}
        assert (await requests.answer(Caller("anna", keeper=False), told))["ok"]

        async def ask(caller: Caller, act: str, **fields: Any) -> dict[str, Any]:
            return await requests.answer(caller, {"act": act, **fields})

        for user in ("rita", "anna"):
            (row,) = (await ask(Caller(user, keeper=False), "list", all=False))["cases"]
            assert (row["case"], row["sender"]) == (case, ANNA)
            assert (await ask(Caller(user, keeper=False), "show", case=case))["case"]["subject"]
        assert (await ask(Caller("otto", keeper=False), "list", all=True))["cases"] == []
        assert (await ask(Caller("otto", keeper=False), "show", case=case))["reason"] == "not-yours"
        for act, fields in (("list", {"all": False}), ("show", {"case": case}), ("approve", {"case": case, **CHECKED})):
            assert (await ask(Caller("mallory", keeper=False), act, **fields))["reason"] == "not-mapped"
        (row,) = (await ask(ROOT, "list", all=False))["cases"]
        assert [row[name] for name in NAMES] + [row["holds"][0]["address"]] == [None] * 5
        shown = (await ask(ROOT, "show", case=case))["case"]
        assert [shown[name] for name in NAMES] == [None] * 4
        assert (await ask(ROOT, "approve", case=case, **CHECKED))["reason"] == "not-mapped"


@pytest.mark.asyncio
async def test_what_could_change_a_case_is_logged_without_a_person(tmp_path: Path) -> None:
    """Act, case and result of every attempt; reading is not logged, and a case number that is none stays out."""
    async with rooms(tmp_path, reviewers=PEOPLE) as house:
        case = (await house.hold()).case_id
        said: list[tuple[str, str, str]] = []
        requests = Requests(house.config, house.database, lambda: house.workflow, lambda *words: said.append(words))
        rita = Caller("rita", keeper=False)
        await requests.answer(rita, {"act": "list", "all": False})
        await requests.answer(rita, {"act": "approve", "case": "anna@company.example", **CHECKED})
        await requests.answer(Caller("anna", keeper=False), {"act": "approve", "case": case, **CHECKED})
        await requests.answer(rita, {"act": "approve", "case": case, **CHECKED})
        await requests.answer(rita, {"act": "reject", "case": case, "reason": "too late"})
        assert said == [
            ("approve", "", "no-such-case"),
            ("approve", "", "sender-never-decides"),
            ("approve", case, "done"),
            ("reject", "", "conflict"),
        ]
