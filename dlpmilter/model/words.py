# SPDX-License-Identifier: Apache-2.0
"""The closed word lists of the product: each slug is declared here, never anywhere else."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Action(IntEnum):
    """What may happen to one recipient, in rising order: a stronger one wins."""

    relay = 0
    tag = 1
    rewrite = 2
    hold = 3
    reject = 4


class Mode(StrEnum):
    """How far a rule may go: count (aggregates only), advise (at most a tag), enforce."""

    count = "count"  # type: ignore[assignment]  # the slug hides str.count, which nobody calls on a mode
    advise = "advise"
    enforce = "enforce"


class RecipientClass(StrEnum):
    """Whose mailbox an address belongs to. `unknown` is what no source classifies."""

    internal = "internal"
    partner = "partner"
    authority = "authority"
    protected = "protected"
    business = "business"
    freemail = "freemail"
    isp = "isp"
    vanity = "vanity"
    disposable = "disposable"
    alias_relay = "alias_relay"
    ai_service = "ai_service"
    mail_in = "mail_in"
    lookalike = "lookalike"
    unknown = "unknown"

    @property
    def private(self) -> bool:
        """Whether the class is a private mailbox as such (design section 2)."""
        return self in PRIVATE_CLASSES


PRIVATE_CLASSES = frozenset(
    {
        RecipientClass.freemail,
        RecipientClass.isp,
        RecipientClass.vanity,
        RecipientClass.disposable,
        RecipientClass.alias_relay,
    }
)


class Relation(StrEnum):
    """How the recipient stands to the sender."""

    own_private = "own_private"
    colleague_private = "colleague_private"
    wrote_first = "wrote_first"
    known_correspondent = "known_correspondent"
    customer = "customer"
    first_time = "first_time"
    none = "none"


class Stated(StrEnum):
    """What the sender of a held mail has said it is, as far as rules may ask; a fresh mail says nothing."""

    none = "none"
    own_document = "own-document"
    private = "private"


class Kind(StrEnum):
    """What kind of mail it is."""

    fresh = "fresh"
    reply = "reply"
    forward = "forward"
    auto_forward = "auto-forward"
    forward_attachment = "forward-attachment"
    resent = "resent"
    calendar = "calendar"
    bounce = "bounce"
