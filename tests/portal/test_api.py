# SPDX-License-Identifier: Apache-2.0
"""The JSON API: the same acts, the same refusals, described truly; a key is a person's and ends."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dlpmilter.holds.requests import FIELDS
from dlpmilter.portal import accounts
from dlpmilter.portal.api import OPERATIONS, ROOT
from dlpmilter.storage import account_rows
from tests.portal.house import House, portal

RITA = "rita@company.example"
CHECKED = {"basis": "contract", "checked": True, "delete_by": "", "note": ""}
FORM = {"code": "R1", "purpose": "broken laptop", "whose_data": "customers", "basis": "contract", "informed": "yes"}


async def _client(
    house: House, address: str, *roles: str, pools: tuple[str, ...] = (), days: int = 90
) -> httpx2.AsyncClient:
    await house.account(address, *roles, pools=pools)
    now = house.rooms.clock()
    key = await house.rooms.database.write(
        lambda conn: accounts.give(conn, accounts.KEY, address, now, now + timedelta(days=days))
    )
    return house.client(headers={"Authorization": f"Bearer {key}", "Sec-Fetch-Site": ""})


@pytest.mark.asyncio
async def test_a_ticket_system_lists_justifies_and_decides(tmp_path: Path) -> None:
    """What a reviewer does on the command line, over HTTP; answers and states are the same."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        rita = await _client(house, RITA, "reviewer", pools=("privacy",))
        (listed,) = (await rita.get(f"{ROOT}/cases")).json()["cases"]
        assert listed["case"] == case
        said = await rita.post(f"{ROOT}/cases/{case}/justify", json={"answers": FORM})
        assert said.json()["case"]["holds"][0]["state"] == "justified"
        wrong = await rita.post(f"{ROOT}/cases/{case}/justify", json={"answers": FORM | {"basis": ""}})
        assert (wrong.status_code, wrong.json()["problems"]) == (400, {"basis": "missing"})
        done = await rita.post(f"{ROOT}/cases/{case}/approve", json=CHECKED)
        assert done.status_code == 200 and await house.states(case) == ["releasing"]
        again = await rita.post(f"{ROOT}/cases/{case}/reject", json={"reason": "late"})
        assert again.status_code == 409
        more = [(await house.rooms.hold()).case_id for _ in range(3)]
        answer = await rita.post(
            f"{ROOT}/decisions/reject", json={"cases": [*more, case], "reason": "Please use the share."}
        )
        assert [each["ok"] for each in answer.json()["cases"]] == [True, True, True, False]
        assert (await rita.get(f"{ROOT}/cases/AAAA-AAAA-AAAA")).status_code == 404


@pytest.mark.asyncio
async def test_without_a_good_key_nothing_is_answered(tmp_path: Path) -> None:
    """None, a wrong one, an expired one, one of an account that is off, a cookie: 401 for every operation."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        old = await _client(house, "old@company.example", "reviewer", pools=("privacy",), days=1)
        off = await _client(house, "off@company.example", "reviewer", pools=("privacy",))
        house.rooms.clock.now += timedelta(days=2)

        def disable(conn: Any) -> None:
            from dataclasses import replace

            one = account_rows.account(conn, "off@company.example")
            assert one is not None
            account_rows.put_account(conn, replace(one, enabled=False))

        await house.rooms.database.write(disable)
        signed_in = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        wrong = house.client(headers={"Authorization": "Bearer nonsense"})
        for client in (old, off, signed_in, wrong, house.client()):
            for each in OPERATIONS:
                path = ROOT + each.path.format(case=case, id="A-1")
                answer = await client.request(each.method, path, json=None if each.method == "GET" else CHECKED)
                assert answer.status_code == 401, each
        assert await house.states(case) == ["held"]


@pytest.mark.asyncio
async def test_a_key_can_do_what_its_person_can_and_no_more(tmp_path: Path) -> None:
    """The sender does not approve, another pool sees nothing, an employee neither; nobody names somebody else."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        anna = await _client(house, "anna.berg@company.example", "reviewer", pools=("privacy",))
        otto = await _client(house, "otto@company.example", "reviewer", pools=("second-opinion",))
        emil = await _client(house, "emil@company.example")
        for client, show in ((anna, 200), (otto, 404), (emil, 404)):
            assert (await client.get(f"{ROOT}/cases/{case}")).status_code == show
            for act, fields in (("approve", CHECKED), ("reject", {"reason": "x"}), ("claim", {})):
                answer = await client.post(f"{ROOT}/cases/{case}/{act}", json=fields)
                assert answer.status_code == 403, (act, answer.text)
            forged = await client.post(f"{ROOT}/cases/{case}/claim", json={"actor": RITA})
            assert forged.status_code == 400
        assert await house.states(case) == ["held"]


@pytest.mark.asyncio
async def test_broken_bodies_are_answered_with_a_sentence(tmp_path: Path) -> None:
    """No JSON, deep JSON, a list, wrong types, unknown and missing fields, a case named twice: 400, no change."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        rita = await _client(house, RITA, "reviewer", pools=("privacy",))
        path = f"{ROOT}/cases/{case}/approve"
        bodies = (
            b"{",
            b"[]",
            b"[" * 50_000,
            b"\xff",
            b'{"basis": 1}',
            b"{}",
            b'{"case": "X"}',
            b'{"a": "\\ud800"}',
            b"1e999",
        )
        for body in bodies:
            answer = await rita.post(path, content=body)
            assert (answer.status_code, answer.json()["reason"]) == (400, "usage"), body[:20]
        assert await house.states(case) == ["held"]


@pytest.mark.asyncio
async def test_the_description_is_the_table_and_every_act_is_in_it(tmp_path: Path) -> None:
    """Each operation with its fields; each act but those for own mailboxes and the short form has one."""
    async with portal(tmp_path) as house, house.client() as client:
        described = (await client.get("/api/openapi.json")).json()
        assert described["openapi"].startswith("3.1")
        for each in OPERATIONS:
            found = described["paths"][ROOT + each.path][each.method.lower()]
            named = {one["name"] for one in found.get("parameters", [])}
            body = found.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            assert named | set(body.get("properties", {})) == set(FIELDS[each.act])
        acts = {each.act for each in OPERATIONS}
        assert {name for name in FIELDS if not name.startswith("mailbox-")} - acts == {"justify"}
