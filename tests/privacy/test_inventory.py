# SPDX-License-Identifier: Apache-2.0
"""The inventory knows every store, counts what is there and says what should be gone. Never a stub."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dlpmilter.holds.sweep import Sweeper
from dlpmilter.privacy import inventory
from dlpmilter.storage import inventory_rows
from tests.holds.house import NOW
from tests.privacy.house import House, house

DAY = timedelta(days=1)


def test_every_table_stands_in_the_inventory(tmp_path: Path) -> None:
    """No table of the schema is missing, and none is named that does not exist."""
    from tests.holds.house import make_config

    config = make_config(tmp_path)
    from dlpmilter.policy.load import load_policy

    policy = load_policy(None, internal_domains=config.internal_domains)
    assert inventory.named_tables(config, policy) == set(inventory_rows.tables())


async def counted(at: House) -> dict[str, tuple[int, int]]:
    """Store -> (count, overdue)."""
    answer = await at.ask("root", "inventory", keeper=True)
    assert answer["ok"], answer
    return {one["store"]: (one["count"], one["overdue"]) for one in answer["stores"]}


@pytest.mark.asyncio
async def test_what_is_late_is_said_until_the_sweep_came(tmp_path: Path) -> None:
    """A held mail is counted; nine months later with no sweep everything of it is overdue; after the sweep nothing is."""
    async with house(tmp_path) as h:
        await h.rooms.hold("x.private@gmx.example")
        found = await counted(h)
        assert found["cases"] == (1, 0)
        assert found["body_keys"][0] >= 1
        assert found["vault_keys"] == (2, 0)  # the case, and the pseudonyms of the quarter
        assert sum(late for _, late in found.values()) == 0
        h.now = NOW + 280 * DAY
        late = {store for store, (_, overdue) in (await counted(h)).items() if overdue}
        assert late >= {"vault_keys", "message_keys", "notices", "outbox"}
        sweeper = Sweeper(h.rooms.database, h.rooms.bodies)
        for moment in (NOW + 8 * DAY, NOW + 20 * DAY, NOW + 280 * DAY):
            await h.rooms.database.write(lambda conn: conn.exec_driver_sql("DELETE FROM outbox"))
            await sweeper.run(h.rooms.notifier, moment)
        found = await counted(h)
        assert {store: late for store, (_, late) in found.items() if late} == {}
        assert found["cases"] == (0, 0)


@pytest.mark.asyncio
async def test_who_may_look_at_the_inventory(tmp_path: Path) -> None:
    """The keeper of the machine and everybody with a duty; a reviewer without one, and strangers, may not."""
    async with house(tmp_path) as h:
        for user in ("dora", "willi", "aud"):
            assert (await h.ask(user, "inventory"))["ok"]
        assert (await h.ask("rita", "inventory"))["reason"] == "no-duty"
        assert (await h.ask("nobody", "inventory"))["reason"] == "not-mapped"
