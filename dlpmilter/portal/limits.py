# SPDX-License-Identifier: Apache-2.0
"""How often something may be tried, counted in memory. Never keeps an address: keys are hashes, and few."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable

MOST_KEYS = 20_000


class Throttle:
    """Counts tries by a key within a sliding window. One for each office; a restart forgets."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._salt = secrets.token_bytes(16)
        self._tries: OrderedDict[bytes, deque[float]] = OrderedDict()

    def over(self, what: str, key: str, *, most: int, seconds: float) -> bool:
        """Count one try; whether it is one too many."""
        now = self._clock()
        name = hashlib.blake2b(f"{what}\0{key}".encode(), key=self._salt, digest_size=16).digest()
        tries = self._tries.setdefault(name, deque())
        self._tries.move_to_end(name)
        while tries and tries[0] <= now - seconds:
            tries.popleft()
        if len(tries) >= most:
            return True
        tries.append(now)
        while len(self._tries) > MOST_KEYS:
            self._tries.popitem(last=False)
        return False
