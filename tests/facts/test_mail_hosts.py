# SPDX-License-Identifier: Apache-2.0
"""The mail-host hint: what it answers, how long it remembers, and that it is silent when it is off."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.cli.main import command
from dlpmilter.facts.mail_hosts import DOMAINS, FAILURE_SECONDS, NOTHING_SECONDS, TTL_SECONDS, MailHosts
from dlpmilter.settings import MxHint
from tests.facts.name_server import NameServer, name_server

MX = {
    "berger.example": ["20 backup.other.example.", "10 mx01.mail.gmx.net."],
    "null.example": ["0 ."],
    "bare.example": [],
}


def hint(server: NameServer, seconds: float = 5.0) -> MxHint:
    """The hint switched on for this server."""
    return MxHint(enabled=True, seconds=seconds, nameservers=(server.endpoint,))


@pytest.mark.asyncio
async def test_the_best_mail_host_is_told_by_its_registrable_domain() -> None:
    """The lowest preference wins; a null MX, no MX and no domain are nothing."""
    async with name_server(MX) as server:
        hosts = MailHosts(hint(server))
        found = await hosts.of(["berger.example", "null.example", "bare.example", "none.example", "[192.0.2.1]"])
        assert found == {"berger.example": "gmx.net", "null.example": "", "bare.example": "", "none.example": ""}
        assert sorted(server.asked) == ["bare.example", "berger.example", "none.example", "null.example"]


@pytest.mark.asyncio
async def test_off_asks_nobody() -> None:
    """Without `enabled` no packet leaves, whatever the name servers are."""
    async with name_server(MX) as server:
        hosts = MailHosts(MxHint(nameservers=(server.endpoint,)))
        assert await hosts.of(["berger.example"]) == {}
        await asyncio.sleep(0.05)
        assert server.asked == []


@pytest.mark.parametrize(("ttl", "kept"), [(1, TTL_SECONDS[0]), (300, 300.0), (1_000_000, TTL_SECONDS[1])])
@pytest.mark.asyncio
async def test_an_answer_is_kept_for_its_time_within_bounds(ttl: int, kept: float) -> None:
    """A short or a long TTL is bounded; until the end nobody asks again, afterwards somebody does."""
    now = 1000.0
    async with name_server(MX, ttl) as server:
        hosts = MailHosts(hint(server), clock=lambda: now)
        await hosts.of(["berger.example"])
        now += kept - 1
        await hosts.of(["berger.example"])
        assert len(server.asked) == 1
        now += 2
        await hosts.of(["berger.example"])
        assert len(server.asked) == 2


@pytest.mark.asyncio
async def test_nothing_is_kept_too() -> None:
    """A domain that is not there is not asked for again for a while."""
    now = 0.0
    async with name_server(MX) as server:
        hosts = MailHosts(hint(server), clock=lambda: now)
        await hosts.of(["none.example"])
        now += NOTHING_SECONDS - 1
        assert await hosts.of(["none.example"]) == {"none.example": ""}
        assert len(server.asked) == 1


@pytest.mark.asyncio
async def test_a_dead_name_server_costs_its_time_once() -> None:
    """Silence ends after the configured time, is remembered for a while, and then tried again."""
    now = 0.0
    async with name_server(MX) as server:
        server.silent = True
        hosts = MailHosts(hint(server, 0.2), clock=lambda: now)
        assert await hosts.of(["berger.example"]) == {}
        asked = len(server.asked)
        assert await hosts.of(["berger.example"]) == {"berger.example": ""}
        assert len(server.asked) == asked
        server.silent = False
        now += FAILURE_SECONDS + 1
        assert await hosts.of(["berger.example"]) == {"berger.example": "gmx.net"}


@pytest.mark.asyncio
async def test_garbage_and_a_flood_of_domains_are_bounded() -> None:
    """A broken answer is no answer; of many domains in one mail only some are looked up."""
    async with name_server(MX) as server:
        server.garbage = True
        hosts = MailHosts(hint(server, 0.3))
        assert await hosts.of(["berger.example"]) == {}
        server.garbage = False
        server.asked.clear()
        started = time.monotonic()
        await hosts.of([f"d{number}.example" for number in range(1000)])
        assert len(server.asked) == DOMAINS
        assert time.monotonic() >= started


@given(st.lists(st.text(max_size=80), max_size=5))
def test_no_domain_breaks_it(domains: list[str]) -> None:
    """Whatever a mail calls a domain, the answer is a table; a port nobody listens on is no answer."""
    hosts = MailHosts(MxHint(enabled=True, seconds=0.05, nameservers=("127.0.0.1:9",)))
    assert set(asyncio.run(hosts.of(domains)).values()) <= {""}


@pytest.mark.asyncio
async def test_domains_classify_shows_it_only_when_asked(tmp_path: object) -> None:
    """--mx adds the mail host of an unlisted domain; without it nobody is asked."""
    from pathlib import Path

    config = Path(str(tmp_path)) / "dlpmilter.toml"
    async with name_server(MX) as server:
        config.write_text(
            'internal_domains = ["corp.example"]\nnext_hop = "127.0.0.1:25"\ndatabase = "d.db"\nkey_file = "k"\n'
            f'postmaster = "p@corp.example"\n[mx_hint]\nseconds = 5.0\nnameservers = ["{server.endpoint}"]\n',
            encoding="utf-8",
        )
        arguments = ["domains", "classify", "berger.example", "gmx.de", "--json", "--config", str(config)]
        plain = await asyncio.to_thread(CliRunner().invoke, command, arguments)
        assert "mail_host" not in plain.stdout
        assert server.asked == []
        asked = await asyncio.to_thread(CliRunner().invoke, command, [*arguments, "--mx"])
        rows = [json.loads(line) for line in asked.stdout.splitlines()]
        assert [row.get("mail_host") for row in rows] == ["gmx.net", None]
        assert server.asked == ["berger.example"]
