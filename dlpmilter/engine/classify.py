# SPDX-License-Identifier: Apache-2.0
"""The class of each envelope recipient, and whose domains are ours. Headers never decide a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import domain_of
from dlpmilter.model.words import RecipientClass

if TYPE_CHECKING:
    from dlpmilter.model.address import Mailbox
    from dlpmilter.policy.domains import ClassMatch, DomainLists


def classify_recipient(mailbox: Mailbox, lists: DomainLists) -> ClassMatch:
    """Class, normal domain and source of one recipient."""
    return lists.classify(mailbox.key)


def is_internal(address_or_domain: str, lists: DomainLists) -> bool:
    """Whether the domain is one of ours, whatever class the single address has (the works council's)."""
    domain = domain_of(address_or_domain) or address_or_domain
    return bool(domain) and lists.classify(domain).recipient_class is RecipientClass.internal
