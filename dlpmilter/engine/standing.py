# SPDX-License-Identifier: Apache-2.0
"""How one recipient stands to the sender, from everything that is known: names, directory, policy, stores.

The first that holds wins: own private mailbox, a colleague's, customer, who wrote first, known correspondent,
first time. Never looks anything up: where only the stores can tell, it says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import domain_of
from dlpmilter.engine.canonical import canonical_address
from dlpmilter.engine.relations import NO_RELATION, RelationMatch
from dlpmilter.model.words import PRIVATE_CLASSES, RecipientClass, Relation

if TYPE_CHECKING:
    from dlpmilter.engine.seen import Reading
    from dlpmilter.model.facts import Facts, Known
    from dlpmilter.model.verdict import Sender
    from dlpmilter.policy.schema import Customers

ASKED_CLASSES = PRIVATE_CLASSES | {RecipientClass.lookalike}
"""Classes whose mailboxes the stores are asked about: ordinary business mail is never looked up."""


def standing(
    reading: Reading, address: str, recipient_class: RecipientClass, facts: Facts, customers: Customers
) -> RelationMatch | None:
    """The relation and what it rests on; None: the stores must be asked first."""
    sender = reading.sender
    if not sender.internal or not sender.address or recipient_class is RecipientClass.internal:
        return NO_RELATION
    canonical = canonical_address(address)
    if canonical and facts.directory.keeps(sender.address, canonical):
        return RelationMatch(Relation.own_private, "registry")
    owner = facts.directory.private_owner(canonical) if canonical else ""
    named = reading.named(address, recipient_class)
    if named.sign:
        return named
    if owner:
        return RelationMatch(Relation.colleague_private, "registry")
    sign = _customer(sender, address, canonical, recipient_class, customers)
    if sign:
        return RelationMatch(Relation.customer, sign)
    if recipient_class not in ASKED_CLASSES:
        return NO_RELATION
    return None if facts.known is None else _by_stores(canonical, facts.known)


def _customer(
    sender: Sender, address: str, canonical: str, recipient_class: RecipientClass, customers: Customers
) -> str:
    if {address, canonical} & customers.addresses or domain_of(address) in customers.domains:
        return "list"
    if recipient_class in PRIVATE_CLASSES and sender.address in customers.system_senders:
        return "system-sender"
    return ""


def _by_stores(canonical: str, known: Known) -> RelationMatch:
    if canonical in known.customers:
        return RelationMatch(Relation.customer, "register")
    if canonical in known.wrote_first:
        return RelationMatch(Relation.wrote_first, "message-id")
    if canonical in known.correspondents:
        return RelationMatch(Relation.known_correspondent, "inbound")
    return RelationMatch(Relation.first_time, "inbound") if known.learning else NO_RELATION
