# SPDX-License-Identifier: Apache-2.0
"""The listener for inbound mail beside the main one: doors, counts and next hop of its own. Never judges a mail.

Also how any set of doors is emptied when the gate ends: what is open is finished, at most DRAIN_SECONDS.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.listeners.admission import Admission, Networks
from dlpmilter.listeners.session import House
from dlpmilter.listeners.smtp import Door
from dlpmilter.pipeline.learner import Learner
from dlpmilter.relay.client import NextHop
from dlpmilter.relay.nowhere import Nowhere

if TYPE_CHECKING:
    import socket

    from dlpmilter.config import Config
    from dlpmilter.facts.knowledge import Knowledge
    from dlpmilter.holds.desk import Desk, PolicyInForce

DRAIN_SECONDS = 30.0


async def drain(house: House) -> None:
    """Take no new mail and wait until what is open has its answer."""
    house.admission.draining = True
    for door in list(house.doors):
        door.drain()
    deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
    while (house.doors or house.commits) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.05)
    if house.commits:
        await asyncio.wait(house.commits, timeout=DRAIN_SECONDS)


@dataclass(slots=True)
class InboundSide:
    """The listener that learns who wrote first: doors, counts and next hop of its own."""

    server: asyncio.Server
    house: House
    learner: Learner
    learning: asyncio.Task[None]

    @classmethod
    async def open(
        cls,
        config: Config,
        policy: PolicyInForce,
        desk: Desk,
        knowledge: Knowledge,
        listener: socket.socket,
        beside: House,
    ) -> InboundSide:
        """Serve the listener; memory for mails is shared with the doors `beside`."""
        inbound = config.inbound
        if inbound is None:
            raise ValueError("a listener for inbound mail without its configuration")
        hop = NextHop(inbound.next_hop, config.relay, config.hostname) if inbound.next_hop else None
        learner = Learner(config, policy, desk.instance, knowledge.correspondence.learn)
        house = House(
            config=config,
            hop=hop or Nowhere(config.relay, config.hostname),
            judge=learner,
            admission=Admission(config.bounds, config.spool_directory),
            allowed=Networks(inbound.allowed_clients),
            xforward=Networks(()),
            tls=beside.tls,
            budget=beside.budget,
        )
        server = await asyncio.get_running_loop().create_server(lambda: Door(house), sock=listener, backlog=1024)
        return cls(server, house, learner, asyncio.create_task(learner.run()))

    async def close(self) -> None:
        """No new mail; what is open is finished and learned."""
        self.server.close()
        await drain(self.house)
        await self.learner.finish(self.learning)
        await self.house.hop.close()
