# SPDX-License-Identifier: Apache-2.0
"""What was agreed beforehand: agreements (who may send what to whom) and exemptions (a sender, for some days).

Never decides: the engine asks whether one covers a mail, the policy says what follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

EXEMPTION_DAYS = 30
"""An exemption lasts no longer (domain section 1, F18)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One agreement ("Absprache"): inside its scope a mail passes and the verdict names the agreement.

    `senders` and `recipients` are addresses in canonical form or domains in normal form; a domain covers
    everybody there, never the names below it.
    """

    id: str
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    purpose: str = ""
    attachments: bool = True
    """Whether mail with attachments is inside the scope."""
    auto_forward: bool = False
    """Whether mail that a rule forwards is inside the scope (BSI APP.5.3.A1)."""
    data: tuple[str, ...] = ()
    """Groups of detectors whose hits are inside the scope (`personal`, `special` ...); all others are outside."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """A sender whose mail to private mailboxes is not asked about for some days."""

    id: str
    sender: str
    """Canonical address of the person."""
    starts_at: datetime
    ends_at: datetime
    reason: str = ""
