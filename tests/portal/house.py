# SPDX-License-Identifier: Apache-2.0
"""The portal over a real database and real cases, asked through its ASGI door. Never a mock."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pyotp

from dlpmilter.holds.desk import Desk
from dlpmilter.holds.mailboxes import Mailboxes
from dlpmilter.holds.requests import Requests
from dlpmilter.model.facts import Nobody
from dlpmilter.notices import links
from dlpmilter.policy.schema import Policy
from dlpmilter.portal import accounts
from dlpmilter.portal.front import guarded
from dlpmilter.portal.site import Site
from dlpmilter.settings import PortalSettings
from tests.holds.house import Rooms, rooms

URL = "http://127.0.0.1:9"
PASSWORD = "a good long password"
JUSTIFIED = {
    "act": "state", "code": "R1", "purpose": "My laptop is broken", "whose_data": "customers", "basis": "contract",
    "informed": "yes",
}  # fmt: skip
APPROVED = {"act": "approve", "basis": "contract", "checked": "yes"}


@dataclass
class _Policy:
    current: Policy


@dataclass
class House:
    """The rooms of holds, the site on top, and clients for it."""

    rooms: Rooms
    site: Site

    def client(self, **more: Any) -> httpx2.AsyncClient:
        """A browser without a session; forms are sent from our own pages."""
        transport = httpx2.ASGITransport(app=guarded(self.site), client=("127.0.0.1", 5))
        headers = {"Sec-Fetch-Site": "same-origin", "Accept-Language": "en"}
        return httpx2.AsyncClient(transport=transport, base_url=URL, headers=headers | more.pop("headers", {}), **more)

    def link(self, case_id: str, address: str = "anna.berg@company.example", days: float = 31) -> str:
        """What stands in the notice."""
        key = self.rooms.keyring.derive(links.PURPOSE)
        return f"/c/{links.sign(key, case_id, address, self.rooms.clock() + timedelta(days=days))}"

    async def account(self, address: str, *roles: str, pools: tuple[str, ...] = ()) -> str:
        """Somebody who has set up an account; returns the secret of the second factor."""
        now = self.rooms.clock()
        token = await self.rooms.database.write(
            lambda conn: accounts.invite(conn, address=address, name="", roles=roles, pools=pools, now=now)
        )
        secret = accounts.second_factor(self.rooms.keyring, token)
        done = await accounts.set_up(
            self.rooms.database, self.rooms.keyring, token, password=PASSWORD, again=PASSWORD, code=self.code(secret),
            now=now,
        )  # fmt: skip
        assert done is not None
        self.rooms.clock.now += timedelta(seconds=60)  # the code is used
        return secret

    def code(self, secret: str) -> str:
        """What the person's telephone shows."""
        return pyotp.TOTP(secret).at(self.rooms.clock())

    async def signed_in(self, address: str, *roles: str, pools: tuple[str, ...] = ()) -> httpx2.AsyncClient:
        """A browser in which this person has signed in with password and code."""
        secret = await self.account(address, *roles, pools=pools)
        client = self.client()
        fields = {"address": address, "password": PASSWORD, "code": self.code(secret), "to": "/"}
        answer = await client.post("/sign-in/password", data=fields)
        assert answer.status_code == 303, answer.text
        return client

    async def states(self, case_id: str) -> list[str]:
        """Where each recipient of a case stands."""
        query = "SELECT state FROM holds WHERE case_id = ? ORDER BY id"
        found = await self.rooms.database.read(lambda conn: conn.exec_driver_sql(query, (case_id,)).scalars().all())
        return [str(each) for each in found]


async def csrf(client: httpx2.AsyncClient, path: str = "/my/mailboxes") -> str:
    """The token that the forms of this session carry."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', (await client.get(path)).text)
    assert found is not None
    return found[1]


async def post(client: httpx2.AsyncClient, path: str, **fields: Any) -> httpx2.Response:
    """Send a form of this session."""
    return await client.post(path, data={"csrf": await csrf(client), **fields})


@asynccontextmanager
async def portal(folder: Path, **more: Any) -> AsyncIterator[House]:
    """Open everything in `folder`."""
    settings = PortalSettings(**more.pop("portal", {}))
    async with rooms(folder, portal_url=URL, portal=settings, **more) as found:
        desk = Desk(found.config, _Policy(found.policy), found.database, found.bodies, found.keyring)
        mailboxes = Mailboxes(
            found.config, found.database, lambda: found.keyring, Nobody, lambda: found.policy.version, found.clock
        )
        requests = Requests(found.config, found.database, lambda: found.workflow, mailboxes=mailboxes)
        site = Site(
            found.config,
            found.database,
            found.bodies,
            found.keyring,
            desk,
            requests,
            _Policy(found.policy),
            found.clock,
        )
        try:
            yield House(found, site)
        finally:
            await site.inspector.close()
            await desk.close()
