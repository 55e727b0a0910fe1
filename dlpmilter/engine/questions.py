# SPDX-License-Identifier: Apache-2.0
"""What the stores may be asked about one mail: nobody but possible private mailboxes is ever looked up. Never asks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import domain_of, local_of
from dlpmilter.engine.canonical import canonical_address
from dlpmilter.engine.classify import classify_recipient
from dlpmilter.engine.seen import Seen
from dlpmilter.engine.standing import ASKED_CLASSES, standing
from dlpmilter.model.facts import Questions
from dlpmilter.model.words import RecipientClass, Relation
from dlpmilter.policy.domains import normalise_domain

if TYPE_CHECKING:
    from dlpmilter.model.facts import Facts
    from dlpmilter.model.message import Head
    from dlpmilter.model.transaction import Transaction
    from dlpmilter.policy.schema import Policy

MAX_MESSAGE_IDS = 20
"""Message-IDs of a thread that are asked about; the newest stand last in References (RFC 5322 3.6.4)."""
_MAX_FIELD = 16 * 1024
MESSAGE_ID = re.compile(rb"<([^<>\s]{1,512})>")
"""One Message-ID; inbound mail is learned under the same form it is asked for."""


def questions(
    transaction: Transaction, head: Head, facts: Facts, policy: Policy, seen: Seen | None = None
) -> Questions:
    """What to ask about this mail; `seen` is what was read of it already."""
    sender = (seen or Seen()).reading(transaction, head, facts, policy).sender
    people, domains = [], []
    for path in transaction.recipients:
        match = classify_recipient(path.mailbox, policy.domains)
        asked = match.recipient_class in ASKED_CLASSES or match.recipient_class is RecipientClass.unknown
        if asked and (canonical := canonical_address(path.mailbox.key)):
            people.append(canonical)
        if match.recipient_class is RecipientClass.unknown:
            domains.append(normalise_domain(domain_of(path.mailbox.key)))
    return Questions(
        sender=canonical_address(sender.address),
        recipients=tuple(dict.fromkeys(people)),
        message_ids=answered_ids(head),
        domains=tuple(dict.fromkeys(each for each in domains if each)),
    )


def own_person(
    transaction: Transaction, head: Head, facts: Facts, policy: Policy, seen: Seen | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and addresses of the person who sends, his own private mailboxes among the recipients included.

    What From says is not proof: names are the directory's, else the words of the address he is known by.
    """
    reading = (seen or Seen()).reading(transaction, head, facts, policy)
    sender = reading.sender
    own = []
    for path in transaction.recipients:
        found = classify_recipient(path.mailbox, policy.domains).recipient_class
        relation = standing(reading, path.mailbox.key, found, facts, policy.customers)
        if relation is not None and relation.relation is Relation.own_private:
            own.append(path.mailbox.key)
    names = facts.directory.names(sender.address) or _name_in(sender.address)
    return names, tuple(each for each in (sender.address, *own) if each)


def _name_in(address: str) -> tuple[str, ...]:
    words = [each for each in re.split(r"[._-]", local_of(address)) if len(each) > 1 and each.isalpha()]
    return (" ".join(words),) if len(words) >= 2 else ()


def answered_ids(head: Head) -> tuple[str, ...]:
    """Message-IDs this mail answers, without angle brackets, the newest first, in the spelling received."""
    found: list[bytes] = []
    for name in ("in-reply-to", "references"):
        for value in head.all(name):
            found += reversed(MESSAGE_ID.findall(value[-_MAX_FIELD:]))
    newest = dict.fromkeys(each.decode("latin-1") for each in found)
    return tuple(newest)[:MAX_MESSAGE_IDS]
