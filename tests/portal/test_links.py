# SPDX-License-Identifier: Apache-2.0
"""The link in a notice: one case, one person, until a day; looking changes nothing, and nothing it does releases."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from dlpmilter.notices import links
from tests.portal.house import JUSTIFIED, House, portal, post


async def _fingerprint(house: House) -> list[object]:
    """Everything an act would change."""
    tables = ("holds", "cases", "trail", "outbox", "notices", "sessions", "approvals", "tickets", "digests")

    def look(conn: Connection) -> list[object]:
        return [[tuple(row) for row in conn.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1")] for name in tables]

    return await house.rooms.database.read(look)


@pytest.mark.asyncio
async def test_looking_changes_nothing_however_often(tmp_path: Path) -> None:
    """100 notices, every link fetched five times with GET and HEAD and as a prefetch: not one row differs."""
    async with portal(tmp_path) as house:
        cases = [(await house.rooms.hold()).case_id for _ in range(100)]
        before = await _fingerprint(house)
        async with house.client(headers={"Sec-Purpose": "prefetch", "Sec-Fetch-Site": "none"}) as scanner:
            for case in cases:
                for _ in range(5):
                    assert (await scanner.get(house.link(case))).status_code == 200
                    assert (await scanner.head(house.link(case))).status_code in {200, 405}
        assert await _fingerprint(house) == before


@pytest.mark.asyncio
async def test_from_notice_to_sent_answers_in_two_clicks(tmp_path: Path) -> None:
    """The link of the notice itself, then the form: the answers stand in the case, and it still waits."""
    async with portal(tmp_path) as house, house.client() as client:
        case = (await house.rooms.hold()).case_id
        query = "SELECT prefix FROM outbox WHERE case_id = ?"
        mail = await house.rooms.database.read(lambda conn: bytes(conn.exec_driver_sql(query, (case,)).scalar_one()))
        text = mail.decode().replace("=\r\n", "").replace("=3D", "=")
        found = re.search(r"http://127\.0\.0\.1:9(/c/[A-Za-z0-9._-]+)", text)
        assert found is not None
        page = await client.get(found[1])
        assert page.status_code == 200 and "anna.private@gmx.example" in page.text
        answer = await client.post(found[1], data=JUSTIFIED)
        assert answer.status_code == 303
        assert await house.states(case) == ["justified"]
        assert "My laptop is broken" in (await client.get(found[1])).text


@pytest.mark.asyncio
async def test_a_missing_answer_is_marked_at_its_field_and_nothing_typed_is_lost(tmp_path: Path) -> None:
    """400, the field is named as invalid, the sentence is still there, and nothing was saved."""
    async with portal(tmp_path) as house, house.client() as client:
        case = (await house.rooms.hold()).case_id
        answer = await client.post(house.link(case), data=JUSTIFIED | {"basis": "", "purpose": "It is <b>needed</b>"})
        assert answer.status_code == 400
        assert re.search(r'<select id="basis"[^>]*aria-invalid="true"', answer.text)
        assert not re.search(r'<select id="informed"[^>]*aria-invalid', answer.text)
        assert "It is &lt;b&gt;needed&lt;/b&gt;" in answer.text
        assert await house.states(case) == ["held"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"act": "withdraw"}, "withdrawn"),
        ({"act": "to-mailbox"}, "withdrawn"),
        ({"act": "extend"}, "held"),
        ({"act": "state", "code": "R5"}, "sealed"),
        ({"act": "state", "code": "R8"}, "withdrawn"),
        ({"act": "approve", "basis": "contract", "checked": "yes"}, "held"),
        ({"act": "reject", "reason": "no"}, "held"),
        ({"act": "claim"}, "held"),
        ({"act": "release"}, "held"),
        ({"act": ""}, "held"),
    ],
)
async def test_a_link_explains_and_takes_back_and_nothing_else(
    tmp_path: Path, fields: dict[str, str], state: str
) -> None:
    """What a reviewer does is refused, whatever the form says; what the sender may do is done once."""
    async with portal(tmp_path) as house, house.client() as client:
        case = (await house.rooms.hold()).case_id
        answer = await client.post(house.link(case), data=fields)
        assert answer.status_code == (303 if state != "held" or fields["act"] == "extend" else 403)
        assert await house.states(case) == [state]
        if state != "held":
            again = await client.post(house.link(case), data=fields)
            assert again.status_code in {409, 400}
            assert await house.states(case) == [state]


@pytest.mark.asyncio
async def test_expired_foreign_and_mangled_links_say_what_to_do(tmp_path: Path) -> None:
    """The link of another case, another person, another key, a cut or changed one: 404; an old one: 410."""
    async with portal(tmp_path) as house, house.client() as client:
        case, other = [(await house.rooms.hold()).case_id for _ in range(2)]
        good = house.link(case)
        key = house.rooms.keyring.derive("something else")
        foreign = [
            good.replace(case, other), house.link(case, "mallory@company.example"), good[:-1], good + "A",
            good[:-1] + ("A" if good[-1] != "A" else "B"), "/c/", "/c/x", f"/c/{case}", good.replace(".", ".."),
            "/c/" + links.sign(key, case, "anna.berg@company.example", house.rooms.clock() + timedelta(days=1)),
            good.replace(case, "AAAA-AAAA-AAAA"), good.lower(),
        ]  # fmt: skip
        for each in foreign:
            for answer in (await client.get(each), await client.post(each, data={"act": "withdraw"})):
                assert answer.status_code == 404, each
        old = house.link(case, days=-1)
        for answer in (await client.get(old), await client.post(old, data={"act": "withdraw"})):
            assert answer.status_code == 410 and "sign in" in answer.text
        assert await house.states(case) == ["held"]


@pytest.mark.asyncio
async def test_a_form_of_another_site_is_refused(tmp_path: Path) -> None:
    """Who lures a person with the link onto a page of his own cannot send the form from there."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "", "Origin": "https://evil.example"}):
            async with house.client(headers=headers) as client:
                answer = await client.post(house.link(case), data={"act": "withdraw"})
                assert answer.status_code == 403
        async with house.client(headers={"Host": "evil.example"}) as client:
            assert (await client.get(house.link(case))).status_code == 421
        assert await house.states(case) == ["held"]


@pytest.mark.asyncio
async def test_every_answer_carries_the_headers_that_keep_strangers_out(tmp_path: Path) -> None:
    """Pages, errors and refusals alike: no script from anywhere, no frame around us, no referrer, no cache."""
    async with portal(tmp_path) as house, house.client() as client:
        case = (await house.rooms.hold()).case_id
        for path in (house.link(case), "/sign-in", "/queue", "/nowhere", "/c/x"):
            answer = await client.get(path)
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store"
            assert "<script" not in answer.text and "javascript:" not in answer.text


@pytest.mark.asyncio
async def test_one_click_fetches_all_a_mailbox_rule_forwarded(tmp_path: Path) -> None:
    """Into the own business mailbox; what was sent by hand waits on."""
    async with portal(tmp_path) as house:
        cases = [(await house.rooms.hold()).case_id for _ in range(3)]
        by_rule = "UPDATE cases SET kind = 'auto-forward' WHERE id != ?"
        await house.rooms.database.write(lambda conn: conn.exec_driver_sql(by_rule, (cases[0],)))
        anna = await house.signed_in("anna.berg@company.example", "employee")
        assert "All into my business mailbox" in (await anna.get("/my")).text
        assert (await anna.post("/my", data={"csrf": "0" * 32})).status_code == 403
        answer = await post(anna, "/my")
        assert answer.status_code == 303
        assert [await house.states(each) for each in cases] == [["held"], ["withdrawn"], ["withdrawn"]]
        owed = "SELECT count(*) FROM outbox WHERE kind = 'returned'"
        assert await house.rooms.database.read(lambda conn: conn.exec_driver_sql(owed).scalar_one()) == 2
        assert "All into my business mailbox" not in (await anna.get("/my")).text
