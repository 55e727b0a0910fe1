# SPDX-License-Identifier: Apache-2.0
"""The listener for answers to notices, in the office: the door that mail has, with nothing behind it. Never relays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dlpmilter.listeners.admission import Admission, Networks
from dlpmilter.listeners.inbound import drain
from dlpmilter.listeners.session import House
from dlpmilter.listeners.smtp import Door
from dlpmilter.relay.nowhere import Nowhere

if TYPE_CHECKING:
    import socket

    from dlpmilter.pipeline.answers import AnswerDesk


async def serve_answers(desk: AnswerDesk, listener: socket.socket) -> None:
    """Take answers until cancelled; what is open then is finished."""
    config = desk.config
    house = House(
        config=config,
        hop=Nowhere(config.relay, config.hostname),
        judge=desk,
        admission=Admission(config.bounds, config.spool_directory),
        allowed=Networks(desk.settings.allowed_clients),
        xforward=Networks(config.xforward_clients),
    )
    server = await asyncio.get_running_loop().create_server(lambda: Door(house), sock=listener, backlog=128)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await drain(house)
