# SPDX-License-Identifier: Apache-2.0
"""Signing in: password with second factor, a link by mail, and that a refusal never says why."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.portal.house import PASSWORD, House, csrf, portal, post

RITA = "rita.reviewer@company.example"


async def _try(house: House, address: str, password: str, code: str) -> tuple[int, str]:
    async with house.client() as client:
        fields = {"address": address, "password": password, "code": code, "to": "/queue"}
        answer = await client.post("/sign-in/password", data=fields)
        return answer.status_code, answer.text.replace(address, "")


@pytest.mark.asyncio
async def test_what_was_wrong_is_not_said(tmp_path: Path) -> None:
    """Unknown address, wrong password, wrong code, used code: one answer for all; the right three let in."""
    async with portal(tmp_path) as house:
        secret = await house.account(RITA, "reviewer", pools=("privacy",))
        code = house.code(secret)
        wrong = "000000" if code != "000000" else "111111"
        unknown = await _try(house, "nobody@company.example", PASSWORD, code)
        assert unknown[0] == 401
        assert await _try(house, RITA, "another password", code) == unknown
        assert await _try(house, RITA, PASSWORD, wrong) == unknown
        assert (await _try(house, RITA, PASSWORD, code))[0] == 303
        assert await _try(house, RITA, PASSWORD, code) == unknown  # a code is good once


@pytest.mark.asyncio
async def test_after_five_tries_the_account_waits_and_says_nothing_of_it(tmp_path: Path) -> None:
    """The right password does not help for a quarter of an hour; then it does."""
    async with portal(tmp_path) as house:
        secret = await house.account(RITA, "reviewer", pools=("privacy",))
        answers = {await _try(house, RITA, "wrong password", "000000") for _ in range(5)}
        assert len(answers) == 1
        assert await _try(house, RITA, PASSWORD, house.code(secret)) in answers
        house.rooms.clock.now += timedelta(minutes=16)
        assert (await _try(house, RITA, PASSWORD, house.code(secret)))[0] == 303


@pytest.mark.asyncio
async def test_many_tries_from_one_place_have_to_wait(tmp_path: Path) -> None:
    """The 21st try of five minutes is answered 429, whatever it says."""
    async with portal(tmp_path) as house:
        codes = [(await _try(house, f"p{number}@company.example", "x", "0"))[0] for number in range(22)]
        assert codes == [401] * 20 + [429] * 2


@pytest.mark.asyncio
async def test_an_account_nobody_used_for_90_days_is_off(tmp_path: Path) -> None:
    """On day 90 it works, later it does not."""
    async with portal(tmp_path) as house:
        secret = await house.account(RITA, "reviewer", pools=("privacy",))
        house.rooms.clock.now += timedelta(days=89)
        assert (await _try(house, RITA, PASSWORD, house.code(secret)))[0] == 303
        house.rooms.clock.now += timedelta(days=91)
        assert (await _try(house, RITA, PASSWORD, house.code(secret)))[0] == 401


@pytest.mark.asyncio
async def test_a_session_ends_when_idle_and_in_any_case(tmp_path: Path) -> None:
    """30 minutes without a click; ten hours with clicks; at once on signing out."""
    async with portal(tmp_path) as house:
        client = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        for _ in range(29):
            house.rooms.clock.now += timedelta(minutes=20)
            assert (await client.get("/queue")).status_code == 200
        house.rooms.clock.now += timedelta(minutes=21)  # 601 minutes after the start
        assert (await client.get("/queue")).status_code == 303
        client = await house.signed_in("otto@company.example", "reviewer", pools=("privacy",))
        house.rooms.clock.now += timedelta(minutes=31)
        assert (await client.get("/queue")).headers["location"] == "/sign-in?to=/queue"
        client = await house.signed_in("emil@company.example", "reviewer", pools=("privacy",))
        cookie = dict(client.cookies)
        assert (await post(client, "/sign-out")).status_code == 303
        async with house.client(cookies=cookie) as thief:
            assert (await thief.get("/queue")).status_code == 303


@pytest.mark.asyncio
async def test_a_form_without_the_sessions_own_token_does_nothing(tmp_path: Path) -> None:
    """No token, a wrong one, or that of another session: 403 and no change."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        client = await house.signed_in(RITA, "reviewer", pools=("privacy",))
        other = await house.signed_in("otto@company.example", "reviewer", pools=("privacy",))
        for token in (None, "", "0" * 64, await csrf(other)):
            fields = {"act": "reject", "reason": "no"} | ({"csrf": token} if token is not None else {})
            assert (await client.post(f"/queue/{case}", data=fields)).status_code == 403
        assert await house.states(case) == ["held"]


@pytest.mark.asyncio
async def test_a_link_by_mail_signs_in_once_and_as_an_employee_only(tmp_path: Path) -> None:
    """Opening it changes nothing, the button signs in, a second time is refused; a reviewer gets no queue by it."""
    async with portal(tmp_path) as house, house.client() as client:
        await house.account(RITA, "reviewer", pools=("privacy",))
        ours = await client.post("/sign-in/mail", data={"address": RITA})
        foreign = await client.post("/sign-in/mail", data={"address": "x@gmx.example"})
        assert ours.status_code == foreign.status_code == 200
        assert ours.text.replace(RITA, "") == foreign.text.replace("x@gmx.example", "")
        query = "SELECT prefix FROM outbox"
        mails = await house.rooms.database.read(lambda conn: conn.exec_driver_sql(query).scalars().all())
        assert len(mails) == 1
        link = re.search(r"/in/[A-Za-z0-9_-]+", bytes(mails[0]).decode().replace("=\r\n", ""))
        assert link is not None
        for _ in range(5):
            assert (await client.get(link[0])).status_code == 200
        assert (await client.post(link[0])).status_code == 303
        assert (await client.get("/my")).status_code == 200
        assert (await client.get("/queue")).status_code == 403
        async with house.client() as second:
            assert (await second.post(link[0])).status_code == 410


@pytest.mark.asyncio
async def test_links_by_mail_are_few_and_short_lived(tmp_path: Path) -> None:
    """Three in an hour to one mailbox, good for a quarter of an hour."""
    async with portal(tmp_path) as house, house.client() as client:
        for _ in range(5):
            assert (await client.post("/sign-in/mail", data={"address": RITA})).status_code == 200
        assert await house.rooms.count("outbox") == await house.rooms.count("tickets") == 3
        query = "SELECT prefix FROM outbox LIMIT 1"
        mail = await house.rooms.database.read(lambda conn: bytes(conn.exec_driver_sql(query).scalar_one()))
        link = re.search(r"/in/[A-Za-z0-9_-]+", mail.decode().replace("=\r\n", ""))
        assert link is not None
        house.rooms.clock.now += timedelta(minutes=16)
        assert (await client.post(link[0])).status_code == 410


@pytest.mark.asyncio
@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "/a\nb"])
async def test_after_signing_in_nobody_is_sent_elsewhere(tmp_path: Path, to: str) -> None:
    """A path of ours is followed; anything else leads to the first page."""
    async with portal(tmp_path) as house, house.client() as client:
        secret = await house.account(RITA, "reviewer", pools=("privacy",))
        fields = {"address": RITA, "password": PASSWORD, "code": house.code(secret), "to": to}
        assert (await client.post("/sign-in/password", data=fields)).headers["location"] == "/"


@pytest.mark.asyncio
async def test_an_account_is_set_up_once_with_a_good_password_and_a_working_code(tmp_path: Path) -> None:
    """Short, different and wrong are marked each at its field; afterwards the link is over."""
    from dlpmilter.portal import accounts

    async with portal(tmp_path) as house, house.client() as client:
        now = house.rooms.clock()
        token = await house.rooms.database.write(
            lambda conn: accounts.invite(conn, address=RITA, name="", roles=("reviewer",), pools=("privacy",), now=now)
        )
        secret = accounts.second_factor(house.rooms.keyring, token)
        assert secret in (await client.get(f"/set-up/{token}")).text
        bad = await client.post(f"/set-up/{token}", data={"password": "short", "again": "short", "code": "1"})
        assert bad.status_code == 400
        assert 'id="password-problem"' in bad.text and 'id="code-problem"' in bad.text
        fields = {"password": PASSWORD, "again": PASSWORD, "code": house.code(secret)}
        assert (await client.post(f"/set-up/{token}", data=fields)).status_code == 303
        assert (await client.get("/queue")).status_code == 200
        assert (await client.get(f"/set-up/{token}")).status_code == 410
