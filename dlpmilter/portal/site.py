# SPDX-License-Identifier: Apache-2.0
"""What every page needs, bound once: configuration, database, keys, policy, the counter for acts. Never a rule."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dlpmilter.content.inspect import Inspector
from dlpmilter.notices import links
from dlpmilter.portal.limits import Throttle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from dlpmilter.config import Config
    from dlpmilter.holds.desk import Desk, PolicyInForce
    from dlpmilter.holds.requests import Requests
    from dlpmilter.policy.schema import Policy
    from dlpmilter.portal.oidc import Provider
    from dlpmilter.portal.person import Person
    from dlpmilter.storage.bodies import BodyStore
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring


@dataclass(frozen=True, slots=True)
class Site:
    """The collaborators of the pages."""

    config: Config
    database: Database
    bodies: BodyStore
    keyring: Keyring
    desk: Desk
    requests: Requests
    in_force: PolicyInForce
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    throttle: Throttle = field(default_factory=Throttle)
    oidc: Provider | None = None
    inspector: Inspector = field(init=False)
    """Reads the structure of held mail, in a process of its own that starts when somebody looks."""

    def __post_init__(self) -> None:
        """Nothing runs yet."""
        object.__setattr__(self, "inspector", Inspector(self.config.bounds, workers=1).on_demand())

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.in_force.current

    @property
    def secure(self) -> bool:
        """Whether people reach the pages by TLS."""
        return self.config.portal_url.startswith("https://")

    @property
    def idle(self) -> timedelta:
        """The time without a click after which a session is over."""
        return timedelta(minutes=self.config.portal.idle_minutes)

    @property
    def longest(self) -> timedelta:
        """The time after which it is over in any case."""
        return timedelta(hours=self.config.portal.session_hours)

    def csrf(self, key: bytes) -> str:
        """What a form of this session has to carry, so that no other site can send it."""
        return hmac.new(self.keyring.derive("portal-csrf"), key, hashlib.sha256).hexdigest()

    def link_keys(self) -> tuple[bytes, ...]:
        """What links in notices are signed with, older keys too."""
        return self.keyring.derive_all(links.PURPOSE)

    async def ask(self, person: Person, act: str, /, **fields: Any) -> Mapping[str, Any]:
        """One request to the counter, as this person."""
        return await self.requests.answer_for(person.actor, {"act": act, **fields})


def site_of(request: Request) -> Site:
    """The site behind a request."""
    found: Site = request.app.state.site
    return found
