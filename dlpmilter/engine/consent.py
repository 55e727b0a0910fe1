# SPDX-License-Identifier: Apache-2.0
"""Which agreement covers a mail to one recipient, and whether a sender is exempt just now. Never grants one.

An agreement that is over, not yet begun, or too narrow for what the mail holds covers nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import domain_of
from dlpmilter.engine.canonical import canonical_address
from dlpmilter.engine.found import GROUP_FACTS
from dlpmilter.policy.match import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from dlpmilter.model.consent import Agreement, Exemption

SCOPE_FACTS = ("message.auto_forward", "message.attachments", *GROUP_FACTS.values())
"""Facts a scope may speak of."""


def agreements_for(
    agreements: Iterable[Agreement], sender: str, recipient: str, now: datetime
) -> tuple[Agreement, ...]:
    """Those between this sender and this recipient (any spelling) that are in force at `now`."""
    own, theirs = canonical_address(sender), canonical_address(recipient)
    if not own or not theirs:
        return ()
    return tuple(
        each
        for each in agreements
        if each.starts_at <= now < each.ends_at and _names(each.senders, own) and _names(each.recipients, theirs)
    )


def covered(agreements: tuple[Agreement, ...], values: Mapping[str, object]) -> object:
    """True, False, or UNKNOWN while a fact that the scope speaks of is not known yet."""
    verdicts = [_inside(each, values) for each in agreements]
    if any(verdict is True for verdict in verdicts):
        return True
    return UNKNOWN if UNKNOWN in verdicts else False


def covering(agreements: tuple[Agreement, ...], values: Mapping[str, object]) -> str:
    """The id of the first agreement that covers the mail, "" for none."""
    return next((each.id for each in agreements if _inside(each, values) is True), "")


def exemption_for(exemptions: Iterable[Exemption], sender: str, now: datetime) -> str:
    """The id of the exemption the sender has at `now`, "" for none."""
    own = canonical_address(sender)
    return next((each.id for each in exemptions if own and each.sender == own and each.starts_at <= now < each.ends_at),
                "")  # fmt: skip


def _names(scope: tuple[str, ...], canonical: str) -> bool:
    return canonical in scope or domain_of(canonical) in scope


def _inside(agreement: Agreement, values: Mapping[str, object]) -> object:
    if values.get("message.auto_forward") is True and not agreement.auto_forward:
        return False
    outside = [] if agreement.attachments else ["message.attachments"]
    outside += [fact for group, fact in GROUP_FACTS.items() if group not in agreement.data]
    seen = [values.get(fact, UNKNOWN) for fact in outside]
    if any(value is not UNKNOWN and bool(value) for value in seen):
        return False
    return UNKNOWN if UNKNOWN in seen else True
