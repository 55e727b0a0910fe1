# SPDX-License-Identifier: Apache-2.0
"""Evidence under seal: two keys, one day, on record; kept longer on wish, never sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from dlpmilter.audit import trail
from dlpmilter.holds import openings
from dlpmilter.holds.actors import Actor, NotAllowed
from dlpmilter.holds.notify import Notifier
from dlpmilter.holds.openings import Look, Stage
from dlpmilter.holds.states import Conflict
from dlpmilter.holds.sweep import Sweeper
from dlpmilter.storage import case_rows
from tests.holds.house import ANNA, FINE, RITA, Rooms, rooms

SENDER = Actor("anna", ANNA, frozenset())
OFFICER = Actor("olga", "olga.officer@company.example", frozenset({"second-opinion"}))
COLLEAGUE = Actor("otto", "otto.officer@company.example", frozenset({"second-opinion"}))


@asynccontextmanager
async def sealed(folder: Path, office: str = "second-opinion") -> AsyncIterator[tuple[Rooms, str]]:
    """A house with one sealed mail that this pool keeps."""
    async with rooms(folder) as r:
        assert r.policy.governance is not None
        r.policy = replace(r.policy, governance=replace(r.policy.governance, evidence_pool=office))
        r.notifier = Notifier.build(r.config, r.policy, r.keyring)
        case = (await r.hold()).case_id
        await r.workflow.seal(case, SENDER)
        yield r, case


async def look(r: Rooms, case: str, actor: Actor) -> str:
    """Open it as a reviewer would; the place of the body."""

    def act(conn: Connection) -> str:
        return openings.record_opening(conn, case, actor, Look(Stage.text), r.clock())

    return await r.database.write(act)


async def own(r: Rooms, case: str, actor: Actor) -> str:
    """Take it out as its sender would."""
    return await r.database.write(lambda conn: openings.record_own(conn, case, actor, r.clock()))


async def events(r: Rooms, case: str) -> list[str]:
    """What the trail says."""
    return [row.event for row, _ in await r.database.read(lambda conn: trail.of_case(conn, case))]


@pytest.mark.asyncio
async def test_both_keys_open_it_for_a_day_and_each_look_is_on_record(tmp_path: Path) -> None:
    """The person asks, one of the office agrees: these two look, nobody else, and a day later nobody."""
    async with sealed(tmp_path) as (r, case):
        for actor in (OFFICER, RITA):
            with pytest.raises(NotAllowed):
                await look(r, case, actor)
        with pytest.raises(NotAllowed, match="not asked"):
            await r.workflow.grant_open(case, OFFICER)
        await r.workflow.ask_open(case, SENDER)
        with pytest.raises(NotAllowed, match="under seal"):
            await own(r, case, SENDER)
        await r.workflow.grant_open(case, OFFICER)
        assert await look(r, case, OFFICER) == await own(r, case, SENDER)
        for actor, opener in ((COLLEAGUE, look), (RITA, look), (COLLEAGUE, own)):
            with pytest.raises(NotAllowed):
                await opener(r, case, actor)
        assert await events(r, case) == [
            "decided", "sealed", "evidence-asked", "evidence-granted", "content-opened", "content-opened",
        ]  # fmt: skip
        r.clock.now += timedelta(hours=25)
        for actor, opener in ((OFFICER, look), (SENDER, own)):
            with pytest.raises(NotAllowed, match="under seal"):
                await opener(r, case, actor)


@pytest.mark.asyncio
async def test_an_old_wish_is_no_key_and_a_new_one_needs_a_new_consent(tmp_path: Path) -> None:
    """Asked yesterday counts no more; asked again, the office's old consent does not either."""
    async with sealed(tmp_path) as (r, case):
        await r.workflow.ask_open(case, SENDER)
        r.clock.now += timedelta(hours=25)
        with pytest.raises(NotAllowed, match="within a day"):
            await r.workflow.grant_open(case, OFFICER)
        await r.workflow.ask_open(case, SENDER)
        await r.workflow.grant_open(case, OFFICER)
        await r.workflow.ask_open(case, SENDER)
        with pytest.raises(NotAllowed, match="under seal"):
            await look(r, case, OFFICER)


@pytest.mark.asyncio
async def test_nobody_holds_both_keys(tmp_path: Path) -> None:
    """The sender in the office, somebody close, the old pool, another person: each is refused."""
    async with sealed(tmp_path) as (r, case):
        with pytest.raises(NotAllowed):
            await r.workflow.ask_open(case, OFFICER)
        await r.workflow.ask_open(case, SENDER)
        same = Actor("anna", "Anna.Berg+x@company.example", frozenset({"second-opinion"}))
        close = replace(OFFICER, close=frozenset({ANNA}))
        for actor in (same, close, RITA):
            with pytest.raises(NotAllowed):
                await r.workflow.grant_open(case, actor)
        with pytest.raises(Conflict):
            await r.workflow.withdraw(case, SENDER)
        with pytest.raises(NotAllowed):
            await r.workflow.approve(case, OFFICER, FINE)


@pytest.mark.asyncio
async def test_without_an_office_it_stays_shut_and_the_old_pool_keeps_it(tmp_path: Path) -> None:
    """Nobody promised to open it, so nobody can."""
    async with sealed(tmp_path, "") as (r, case):
        with pytest.raises(NotAllowed, match="nobody keeps evidence"):
            await r.workflow.ask_open(case, SENDER)
        found = await r.database.read(lambda conn: case_rows.get(conn, case))
        assert found is not None and found.holds[0].pool == "privacy"


@pytest.mark.asyncio
async def test_it_is_kept_as_long_again_when_somebody_wishes(tmp_path: Path) -> None:
    """From that day on; without a wish it is deleted in its time, and never sent."""
    async with sealed(tmp_path) as (r, case):
        days = r.policy.hold.sealed_days
        r.clock.now += timedelta(days=days - 1)
        await r.workflow.renew(case, SENDER)
        r.clock.now += timedelta(days=days - 1)
        await Sweeper(r.database, r.bodies).run(r.notifier, r.clock())
        await r.workflow.renew(case, OFFICER)
        with pytest.raises(NotAllowed):
            await r.workflow.renew(case, RITA)
        r.clock.now += timedelta(days=days + 1)
        await Sweeper(r.database, r.bodies).run(r.notifier, r.clock())
        found = await r.database.read(lambda conn: case_rows.get(conn, case))
        assert found is not None and found.holds[0].state == "expired"
        releases = "SELECT count(*) FROM outbox WHERE kind = 'release'"
        assert await r.database.read(lambda conn: conn.exec_driver_sql(releases).scalar_one()) == 0
