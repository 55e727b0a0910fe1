# SPDX-License-Identifier: Apache-2.0
"""Whether a rule or a server, not a person, sent this mail on: weighed signs of envelope and headers.

One weak sign is never enough: mailing lists, calendars, mail on behalf of somebody and web forms also
have an envelope sender that differs from From. Reads headers only, never the body.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from dlpmilter.engine.addresses import address_of, addresses_in_fields, addresses_of, domain_of, is_srs, plain_sender
from dlpmilter.mime.text import decode_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpmilter.model.message import Head
    from dlpmilter.model.transaction import Transaction

THRESHOLD = 0.8

_ARRIVED = ("return-path", "delivered-to", "x-original-to", "received-spf", "authentication-results", "arc-seal",
            "x-envelope-to", "envelope-to", "x-received")  # fmt: skip
_SIGNED = (
    *("auto-submitted", "x-forwarded-to", "x-forwarded-for", "x-sieve-redirected-from", "resent-from", "resent-sender"),
    *("x-ms-exchange-organization-autoforwarded", "x-ms-exchange-forwardingloop", "x-ms-exchange-inbox-rules-loop"),
    "x-ms-exchange-generated-message-source",
)
"""Fields `_header_signs` reads: most mail has none of them."""
_ADDRESSED = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")
_MAX_FIELDS = 20
_LISTS = ("list-id", "list-post", "list-unsubscribe", "list-help", "x-mailman-version", "mailing-list")
_BULK_PRECEDENCE = (b"bulk", b"list", b"junk")
_DKIM_DOMAIN = re.compile(rb"[;\s]d\s*=\s*([^;\s]+)")


class Sign(NamedTuple):
    """One sign of automatic forwarding: slug, header or `envelope`, weight 0..1."""

    signal: str
    where: str
    weight: float


class AutoForward(NamedTuple):
    """All signs, and whether together they are enough."""

    signs: tuple[Sign, ...]
    certain: bool

    @property
    def confidence(self) -> float:
        """Sum of the weights, at most 1."""
        return min(1.0, sum(sign.weight for sign in self.signs))


def is_bulk(head: Head) -> bool:
    """Newsletter or mailing list by its headers (RFC 2369, RFC 2919, Precedence)."""
    if not head.places.keys().isdisjoint(_LISTS):
        return True
    return (head.get("precedence") or b"").strip().lower() in _BULK_PRECEDENCE


def find_auto_forward(transaction: Transaction, head: Head, internal: Callable[[str], bool]) -> AutoForward:
    """Weigh the signs; `internal` tells whether an address or domain is ours."""
    signs = [*_envelope_signs(transaction), *_header_signs(head)]
    if not signs or sum(sign.weight for sign in signs) < THRESHOLD:
        signs += _foreign_author(transaction, head, internal)
    return AutoForward(tuple(signs), sum(sign.weight for sign in signs) >= THRESHOLD)


def _envelope_signs(transaction: Transaction) -> list[Sign]:
    local = transaction.sender.mailbox.local.lower()
    if "+caf_=" in local:  # Gmail writes user+caf_=target=domain@own-domain
        return [Sign("gmail-caf-sender", "envelope", 1.0)]
    if is_srs(transaction.sender.mailbox.key):
        return [Sign("srs-sender", "envelope", 0.9)]
    return []


def _header_signs(head: Head) -> list[Sign]:
    if head.places.keys().isdisjoint(_SIGNED):
        return []
    submitted = (head.get("auto-submitted") or b"").strip().lower()
    answered = (
        submitted.startswith((b"auto-replied", b"auto-generated")) or "x-autoreply" in head or "x-autorespond" in head
    )
    signs: list[Sign] = []
    if submitted.startswith(b"auto-forwarded"):
        signs.append(Sign("auto-submitted", "Auto-Submitted", 1.0))
    if any(addresses_of(value) for value in head.all("x-forwarded-to")[:_MAX_FIELDS]):
        signs.append(Sign("x-forwarded-to", "X-Forwarded-To", 0.9))
    # web forms write an IP address into this one
    if any(addresses_of(value) for value in head.all("x-forwarded-for")[:_MAX_FIELDS]):
        signs.append(Sign("x-forwarded-for", "X-Forwarded-For", 0.9))
    if "x-sieve-redirected-from" in head:
        signs.append(Sign("sieve-redirect", "X-Sieve-Redirected-From", 1.0))
    if (head.get("x-ms-exchange-organization-autoforwarded") or b"").strip().lower() == b"true":
        signs.append(Sign("exchange-autoforwarded", "X-MS-Exchange-Organization-AutoForwarded", 1.0))
    if "x-ms-exchange-forwardingloop" in head:
        signs.append(Sign("exchange-mailbox-forwarding", "X-MS-Exchange-ForwardingLoop", 1.0))
    if "x-ms-exchange-inbox-rules-loop" in head and not answered:  # rules also write automatic answers
        signs.append(Sign("exchange-inbox-rule", "X-MS-Exchange-Inbox-Rules-Loop", 0.9))
    if (head.get("x-ms-exchange-generated-message-source") or b"").lower().startswith(
        b"mailbox rules"
    ) and not answered:
        signs.append(Sign("exchange-rules-agent", "X-MS-Exchange-Generated-Message-Source", 0.9))
    if "resent-from" in head or "resent-sender" in head:
        signs.append(Sign("resent", "Resent-From", 0.3))
    return signs


def _foreign_author(transaction: Transaction, head: Head, internal: Callable[[str], bool]) -> list[Sign]:
    """Mail written outside that leaves through us again, unless something else explains it."""
    author = address_of(head.get("from"))
    envelope = transaction.sender.mailbox
    if not author or envelope.null or internal(author) or is_bulk(head):
        return []
    if (head.get("content-type") or b"").lower().lstrip().startswith(b"text/calendar"):
        return []
    on_behalf = address_of(head.get("sender"))
    if on_behalf and internal(on_behalf):  # RFC 5322 3.6.2: somebody here submitted it for the author
        return []
    if transaction.client.login and "resent-from" not in head:
        return []  # a person submitted it with a foreign From; that is not a rule
    inside = internal(plain_sender(envelope.key))
    to_us = any(internal(each) for each in addresses_in_fields(head, _ADDRESSED, 5))
    if not inside and not to_us:
        return []  # nothing says that it ever was in one of our mailboxes
    signs = [Sign("envelope-differs-from-author" if inside else "foreign-author-and-sender", "envelope", 0.5)]
    if to_us:
        signs.append(Sign("was-addressed-to-us", "To", 0.4))
    if any(name in head for name in _ARRIVED):
        signs.append(Sign("arrived-before", "header", 0.4))
    if _signed_by(head, domain_of(author)):
        signs.append(Sign("signed-outside", "DKIM-Signature", 0.4))
    return signs


def _signed_by(head: Head, domain: str) -> bool:
    for value in head.all("dkim-signature")[:5]:
        match = _DKIM_DOMAIN.search(value)
        signer = decode_words(match[1]).lower() if match else ""
        if signer and (domain == signer or domain.endswith("." + signer)):
            return True
    return False
