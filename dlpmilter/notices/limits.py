# SPDX-License-Identifier: Apache-2.0
"""Whether a notice may be written at all (hop.md 1.10, 6E 19 and 20). Pure: counts come in as facts.

Never lets a notice go to an outsider (backscatter) or answer itself (storm).
"""

from __future__ import annotations

from dataclasses import dataclass

HOURLY_LIMIT = 10
"""Notices one person may get within an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What the decision rests on; the counts come from storage/notice_rows.py."""

    address: str
    """Of the person who would get it; "" when nobody is known."""
    internal: bool
    null_sender: bool = False
    """The mail came with MAIL FROM:<> and nobody stands behind it."""
    own_mark: bool = False
    """The mail carries a valid notice mark of ours (`mark.is_own_notice`)."""
    auto_submitted: str = ""
    """The raw Auto-Submitted value, "" when absent."""
    already_sent: int = 0
    """Notices for this case and state."""
    last_hour: int = 0
    """Notices to this person within the last hour."""


def may_notify(occasion: Occasion) -> str | None:
    """None when the notice may be written, else the reason slug why not.

    `auto-forwarded` mail gets its notice: a mailbox rule of a person sent it, and a hold nobody hears
    of would be silent. Every other automatic mail gets none (RFC 3834 section 2).
    """
    checks = (
        ("null-sender", occasion.null_sender),
        ("no-address", not occasion.address or occasion.address == "<>"),
        ("sender-not-internal", not occasion.internal),
        ("own-notice", occasion.own_mark),
        ("auto-submitted", _automatic(occasion.auto_submitted)),
        ("already-sent", occasion.already_sent >= 1),
        ("hourly-limit", occasion.last_hour >= HOURLY_LIMIT),
    )
    return next((slug for slug, refused in checks if refused), None)


def _automatic(value: str) -> bool:
    keyword = value.partition(";")[0].partition("(")[0].strip().lower()
    return keyword not in {"", "no", "auto-forwarded"}
