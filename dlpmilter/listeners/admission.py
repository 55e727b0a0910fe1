# SPDX-License-Identifier: Apache-2.0
"""Who may come in, and how many at once. Never looks at a mail.

Rule: for a lack of room the answer is temporary (the sender keeps the mail), for a stranger it
is permanent.
"""

from __future__ import annotations

import ipaddress
import shutil
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpmilter.model.limits import Limits

_DISK_SECONDS = 1.0


class Networks:
    """A set of addresses and networks; IPv4-mapped IPv6 addresses count as IPv4."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(text) for text in texts)
        self._known: dict[str, bool] = {}

    def __contains__(self, address: str) -> bool:
        known = self._known.get(address)
        if known is None:
            known = self._look(address)
            if len(self._known) < 10_000:  # a cache, not a list of all hosts
                self._known[address] = known
        return known

    def _look(self, address: str) -> bool:
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(ip, "ipv4_mapped", None) or ip
        return any(mapped in network for network in self._networks if network.version == mapped.version)


class Admission:
    """Counts of one gate: connections, per client, and the room on the spill disk."""

    def __init__(self, limits: Limits, spool: Path) -> None:
        self._limits = limits
        self._spool = spool
        self._per_client: Counter[str] = Counter()
        self.total = 0
        self.draining = False
        self._room_checked = float("-inf")
        self._room = True

    def enter(self, client: str) -> str | None:
        """Count a connection in; a reason when there is no place (it is counted all the same)."""
        self.total += 1
        self._per_client[client] += 1
        if self.draining:
            return "draining"
        if self.total > self._limits.connections:
            return "connections"
        if self._per_client[client] > self._limits.connections_per_client:
            return "connections-per-client"
        return None

    def leave(self, client: str) -> None:
        """Count a connection out."""
        self.total -= 1
        self._per_client[client] -= 1
        if self._per_client[client] <= 0:
            del self._per_client[client]

    def disk_has_room(self) -> bool:
        """Whether the spill directory has the free space we insist on; looked up once a second."""
        now = time.monotonic()
        if now - self._room_checked > _DISK_SECONDS:
            self._room_checked = now
            try:
                self._room = shutil.disk_usage(self._spool).free >= self._limits.spool_free_octets
            except OSError:
                self._room = False
        return self._room
