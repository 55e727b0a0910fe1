# SPDX-License-Identifier: Apache-2.0
"""Facts about one recipient out of the stores: earlier mail of the same sender, the mail host. Never asks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import domain_of
from dlpmilter.engine.canonical import canonical_address
from dlpmilter.model.facts import NO_DRIP
from dlpmilter.policy.domains import normalise_domain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpmilter.model.facts import Facts

_WINDOWS = ("24h", "7d", "30d")
STORED_FROM = ("message.size", "findings.register_rows", "findings.register_share")
"""Facts about this mail that are counted in."""


def store_facts(address: str, values: Mapping[str, object], facts: Facts) -> dict[str, object]:
    """Drip counters with this mail counted in, and the mail host; nothing while the stores were not asked."""
    if facts.known is None:
        return {}
    drip = facts.known.drip.get(canonical_address(address), NO_DRIP)
    found: dict[str, object] = {}
    if facts.known.mail_hosts is not None:
        found["recipient.mail_host"] = facts.known.mail_hosts.get(normalise_domain(domain_of(address)), "")
    size = values.get("message.size")
    for place, window in enumerate(_WINDOWS):
        found[f"drip.messages_{window}"] = drip.messages[place] + 1
        found[f"drip.octets_{window}"] = drip.octets[place] + (size if isinstance(size, int) else 0)
        if isinstance(rows := values.get("findings.register_rows"), int):
            found[f"drip.records_{window}"] = drip.records[place] + rows
    if isinstance(share := values.get("findings.register_share"), int):
        found["drip.register_share"] = max(drip.register_share, share)
    return found
