# SPDX-License-Identifier: Apache-2.0
"""The closed list of fields an entry may have, with the layer each lives in (domain.md section 2).

L1 stays as long as the chain; F are facts without identifiers; L2 are personal fields and go first.
Never add a field for text of a mail.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Layer(StrEnum):
    """How long a value is kept, and who may see it."""

    skeleton = "L1"
    facts = "F"
    vault = "L2"


_FACTS = (
    "case", "transaction", "attempt", "size-band", "kind", "earlier-mail", "ambiguous", "uninspectable",
    "attachments", "others", "owner-source", "deadline-days", "reason-code", "approvals", "approvals-needed",
    "pool", "controller-before", "controller-after", "controller-basis", "controller-flags", "breach-check",
    "notice", "notice-muted", "count", "role", "leftover", "scope",
    "told-why", "report-told-why", "believed", "why", "register",
    "consents", "starts", "ends", "data-groups", "attachments-allowed", "auto-forward-allowed",
    "basis-claimed", "basis-accepted", "whose-data", "sensitive", "business-secret", "informed", "needed-until",
    "pseudonym", "dossier", "about-case", "purpose", "until", "deferred", "outcome", "why-late", "severity",
    "urgent", "stage", "part", "together", "wish", "necessary", "safer-way-checked", "delete-by", "to-pool", "deadline",
)  # fmt: skip
_VAULT = (
    "at", "sender", "owner", "login", "actor", "actor-user", "message-id", "justification", "reason",
    "told", "report-told", "senders", "recipients", "mailbox", "statement", "note", "content-digest",
)  # fmt: skip
_RECIPIENT_FACTS = (
    "class", "action", "rules", "reasons", "pool", "approvals-needed", "state", "code", "controller-after",
    "controller-basis", "controller-flags", "breach-check", "act", "class-source", "categories", "legal-regimes",
    "secrecy-group",
)  # fmt: skip
_RECIPIENT_VAULT = ("address", "relation", "reply", "facts")

_SKELETON = ("erased", "key-old", "key-new", "signature-old", "signature-new", "lost-until", "checkpoint")
"""Without these the trail could not be checked; none of them names a person."""

_LAYERS: dict[str, Layer] = {
    **dict.fromkeys(_SKELETON, Layer.skeleton),
    **dict.fromkeys(_FACTS, Layer.facts),
    **dict.fromkeys(_VAULT, Layer.vault),
    **{f"recipient.{name}": Layer.facts for name in _RECIPIENT_FACTS},
    **{f"recipient.{name}": Layer.vault for name in _RECIPIENT_VAULT},
}
_NUMBERED = re.compile(r"recipient\.\d+\.")


def layer_of(name: str) -> Layer:
    """The layer of a field; `recipient.3.address` is one of `recipient.address`. Raises ValueError."""
    layer = _LAYERS.get(_NUMBERED.sub("recipient.", name))
    if layer is None:
        raise ValueError(f"{name!r} is not a field of the trail; audit/fields.py lists them")
    return layer
