# SPDX-License-Identifier: Apache-2.0
"""One mail on its way: envelope, octets, next-hop session, and what is known of it so far. Never decides."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpmilter.engine.seen import Seen

if TYPE_CHECKING:
    from dlpmilter.model.content import ContentReport
    from dlpmilter.model.facts import Facts
    from dlpmilter.model.message import Head, Structure
    from dlpmilter.model.transaction import Transaction
    from dlpmilter.model.verdict import Verdict
    from dlpmilter.policy.schema import Policy
    from dlpmilter.policy.terms import Source
    from dlpmilter.relay.client import Session
    from dlpmilter.spill import MessageBytes
    from dlpmilter.storage.drip_rows import Taken


@dataclass(slots=True)
class Mail:
    """One mail and what is known of it so far: what the judge asks and adds to."""

    transaction: Transaction
    message: MessageBytes
    policy: Policy
    head: Head
    facts: Facts
    structure: Structure | None = None
    report: ContentReport | None = None
    seen: Seen = field(default_factory=Seen)
    """What was read of its envelope and headers, for every round of the judge."""
    mail_key: bytes = b""
    """How the drip counters know this mail; empty until somebody asks (pipeline/charge.py)."""
    rows: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Build of a register (`RegisterHit.key`) -> its rows that were found in the mail; they are charged with it."""
    sizes: dict[str, int] = field(default_factory=dict)
    """The same builds -> how many rows each has."""

    def has(self, source: Source) -> bool:
        """Whether a source of facts has been asked."""
        known = self.facts.known
        if source == "store":
            return known is not None
        if source == "network":
            return known is not None and known.mail_hosts is not None
        if source == "content":
            return self.report is not None
        return source == "headers" or self.structure is not None


@dataclass(slots=True, kw_only=True)
class Work(Mail):
    """One mail on its way to the next hop."""

    session: Session
    started: float
    verdict: Verdict | None = None
    charged: dict[str, tuple[Taken, ...]] = field(default_factory=dict)
    """Canonical address -> its charges, to be given back when that recipient is not reached."""
    charged_rows: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """The rows known when the last charge was made."""
    reached: set[bytes] = field(default_factory=set)
    """Address octets of those who got the mail, may have got it, or are owed it."""

    @property
    def seconds(self) -> float:
        """How long this has taken."""
        return time.monotonic() - self.started

    @property
    def report_body(self) -> tuple[int, int] | None:
        """Octets of the returned mail's body inside a report."""
        return self.structure.report_body if self.structure else None
