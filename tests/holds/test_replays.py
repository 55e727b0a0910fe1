# SPDX-License-Identifier: Apache-2.0
"""A past decision made again under the policy of its day gives the same verdict; what was changed is found."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from dlpmilter.cli.policy import command
from dlpmilter.engine.evaluate import evaluate
from dlpmilter.holds.place import record_decided
from dlpmilter.holds.replays import Replay, replays
from dlpmilter.mime.head import read_head
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.content import ContentReport
from dlpmilter.model.facts import Facts
from dlpmilter.model.limits import Limits
from dlpmilter.model.verdict import Verdict
from dlpmilter.policy.load import load_policy
from dlpmilter.policy.schema import Policy
from dlpmilter.spill import MessageBytes
from tests.holds import house
from tests.holds.house import Rooms, mail, rooms

OWN, CUSTOMER = "anna.berg@gmx.de", "karl@web.de"


async def record(r: Rooms, *recipients: str, policy: Policy | None = None, body: bytes = b"hi\r\n") -> Verdict:
    """Judge one mail with the real engine and record what came out."""
    policy = policy or replace(r.policy)
    message = mail(body)
    envelope = house.transaction(message, recipients)
    head, limits = read_head(message, Limits()), Limits()
    found = evaluate(
        envelope, head, Facts(now=house.NOW), policy, read_structure(message, limits), ContentReport(table_rows=3)
    )
    assert isinstance(found, Verdict)
    octets = MessageBytes(r.config.spool_directory)
    octets.write(message)
    await record_decided(
        r.database, r.bodies, transaction=envelope, verdict=found, message=octets, policy=policy, config=r.config,
        notice=r.notifier,
    )  # fmt: skip
    octets.close()
    return found


async def again(r: Rooms) -> list[Replay]:
    return await r.database.read(lambda conn: list(replays(conn)))


@pytest.mark.asyncio
async def test_a_decision_is_the_same_when_it_is_made_again(tmp_path: Path) -> None:
    """Action and every rule come out as recorded, also after the policy in force has changed."""
    async with rooms(tmp_path) as r:
        first = await record(r, OWN, CUSTOMER, "x@mailinator.com")
        other = load_policy(None, internal_domains=["company.example", "other.example"])
        await record(r, OWN, policy=other)
        found = await again(r)
        assert [each.same for each in found] == [True] * 4
        assert [each.recorded for each in found[:3]] == [each.action.name for each in first.dispositions]
        assert {each.policy_version for each in found} == {first.policy_version, other.version}


@pytest.mark.asyncio
async def test_a_changed_record_or_policy_does_not_pass_for_the_same(tmp_path: Path) -> None:
    """An action edited in the trail differs; a kept policy whose hash is wrong is not believed."""
    async with rooms(tmp_path) as r:
        await record(r, OWN)
        await r.database.write(
            lambda conn: conn.execute(
                text("UPDATE trail_values SET value = '\"tag\"' WHERE name = 'recipient.0.action'")
            )
        )
        (found,) = await again(r)
        assert (found.same, found.recorded, found.again) == (False, "tag", "hold")
        await r.database.write(lambda conn: conn.execute(text("UPDATE policy_versions SET form = x'7b7d'")))
        (found,) = await again(r)
        assert found.same is None
        assert found.differs
        assert "does not have the hash" in found.why


@pytest.mark.asyncio
async def test_what_was_erased_is_said_and_not_guessed(tmp_path: Path) -> None:
    """Facts are personal and end with the case's; then the decision cannot be made again, which is no difference."""
    async with rooms(tmp_path) as r:
        await record(r, OWN)
        await r.database.write(
            lambda conn: conn.execute(text("DELETE FROM trail_values WHERE name = 'recipient.0.facts'"))
        )
        (found,) = await again(r)
        assert found.same is None
        assert "erased" in found.why


async def _one_record(folder: Path) -> tuple[Replay, Path]:
    async with rooms(folder) as r:
        await record(r, OWN)
        (one,) = await again(r)
        return one, r.database.path


def test_the_command_counts_and_names(tmp_path: Path) -> None:
    """`policy replay` tells how many are the same; an unknown case is a usage error."""
    one, database = asyncio.run(_one_record(tmp_path))
    (key,) = tmp_path.glob("key*")
    config = tmp_path / "dlpmilter.toml"
    config.write_text(
        f'internal_domains = ["company.example"]\nnext_hop = "127.0.0.1:25"\ndatabase = "{database}"\n'
        f'key_file = "{key}"\npostmaster = "p@company.example"\n',
        encoding="utf-8",
    )
    run = CliRunner().invoke(command, ["replay", "--config", str(config)])
    assert (run.exit_code, run.stdout) == (0, "1 decisions: 1 the same, 0 different, 0 not made again\n")
    run = CliRunner().invoke(command, ["replay", "--config", str(config), "--json", one.case])
    assert json.loads(run.stdout)["same"] is True
    assert CliRunner().invoke(command, ["replay", "--config", str(config), "C-NONE"]).exit_code == 2


@pytest.mark.asyncio
async def test_a_decision_that_vanished_from_its_record_is_counted(tmp_path: Path) -> None:
    """Without its action a recipient's decision cannot be made again, and it does not disappear from the count."""
    async with rooms(tmp_path) as r:
        await record(r, OWN)
        await r.database.write(
            lambda conn: conn.execute(text("DELETE FROM trail_values WHERE name = 'recipient.0.action'"))
        )
        (found,) = await again(r)
        assert found.same is None
        assert "erased" in found.why
