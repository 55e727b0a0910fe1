# SPDX-License-Identifier: Apache-2.0
"""Who hears of a hold or a lost mail, and when (hop.md 1.10, 6E 19 and 20). Pure: counts come in as facts.

Never drops what a person must know: a notice nobody may get goes to the postmaster, one too many in
an hour waits. Never answers itself (storm) and never writes to strangers about a hold (backscatter).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

HOURLY_LIMIT = 10
"""Notices one person gets within an hour; later ones wait. Delivery reports are not counted."""
WINDOW = timedelta(hours=1)
_NEVER = frozenset({"own-notice", "null-sender"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What the decision rests on."""

    address: str
    """Of the person who would get it; "" when nobody is known."""
    internal: bool
    usable: bool = True
    """The address can stand in an envelope."""
    null_sender: bool = False
    """The mail came with MAIL FROM:<> and nobody stands behind it."""
    own_mark: bool = False
    """The mail carries a valid notice mark of ours (`mark.is_own_notice`)."""
    auto_submitted: str = ""
    """The raw Auto-Submitted value, "" when absent."""


@dataclass(frozen=True, slots=True)
class Hearer:
    """Who gets a mail of ours; `address` is "" when nobody may. `why` is a slug."""

    address: str
    why: str


def muted(occasion: Occasion) -> str | None:
    """None when the person may get notices, else the reason slug why not.

    Our own mark comes first: nothing may be written about a notice, not even to the postmaster.
    `auto-forwarded` mail gets its notice: a mailbox rule of a person sent it (RFC 3834 section 2).
    """
    checks = (
        ("own-notice", occasion.own_mark),
        ("null-sender", occasion.null_sender),
        ("no-address", not occasion.address or occasion.address == "<>"),
        ("unusable-address", not occasion.usable),
        ("sender-not-internal", not occasion.internal),
        ("auto-submitted", _automatic(occasion.auto_submitted)),
    )
    return next((slug for slug, refused in checks if refused), None)


def hears_notice(*, mute: str, owner: str, null_sender: bool, postmaster: str) -> Hearer:
    """Who gets the notices of a case: its owner, else the postmaster; nobody for our own notices and null senders."""
    if not mute and owner:
        return Hearer(owner, "owner")
    if mute in _NEVER or null_sender:
        return Hearer("", mute if mute in _NEVER else "null-sender")
    return Hearer(postmaster, mute or "no-address")


def hears_report(*, mute: str, owner: str, sender: str, internal: bool, obliged: bool, postmaster: str) -> Hearer:
    """Who gets a delivery report. `sender` is the envelope sender, "" when null; `internal` is about it.

    `obliged`: we took the mail with 250 and could not hand it on, so RFC 5321 6.1 names the envelope
    sender, wherever he is. Everything else about strangers goes to the postmaster.
    """
    if mute == "own-notice":
        return Hearer("", mute)
    if owner and (not mute or (mute == "auto-submitted" and sender)):
        return Hearer(owner, "owner")
    if not sender:
        return Hearer("", "null-sender")
    if internal or obliged:
        return Hearer(sender, "envelope-sender")
    return Hearer(postmaster, mute or "no-address")


def due_at(tenth_last: datetime | None, now: datetime) -> datetime:
    """When the next notice to one person may leave; `tenth_last` is when the oldest of his last ten does or did."""
    return now if tenth_last is None else max(now, tenth_last + WINDOW)


def _automatic(value: str) -> bool:
    keyword = value.partition(";")[0].partition("(")[0].strip().lower()
    return keyword not in {"", "no", "auto-forwarded"}
