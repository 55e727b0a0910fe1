# SPDX-License-Identifier: Apache-2.0
"""Who answers for a mail (design section 2): login, else envelope, else the mailbox that forwarded.

From supplies names only. Never trusts From for identity, never resolves anything by network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import address_of, addresses_of, domain_of, is_srs, local_of, names_of, plain_sender
from dlpmilter.model.verdict import Sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpmilter.model.facts import Facts
    from dlpmilter.model.message import Head
    from dlpmilter.model.transaction import Transaction

_FORWARDER_FIELDS = ("resent-from", "resent-sender", "x-forwarded-for", "x-sieve-redirected-from",
                     "x-ms-exchange-inbox-rules-loop", "x-ms-exchange-forwardingloop", "delivered-to",
                     "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")  # fmt: skip


def identify_sender(
    transaction: Transaction, head: Head, facts: Facts, internal: Callable[[str], bool], *, auto_forward: bool
) -> Sender:
    """Find the person behind a mail and his display names.

    A login without a domain counts where it names the envelope sender, or where the owner map or the
    directory knows it in the envelope's domain; else the envelope stands.
    """
    address, source = _login(transaction, facts)
    if not address and auto_forward:
        address, source = _forwarder(transaction, head, internal), "forwarder"
    if not address:
        address, source = plain_sender(transaction.sender.mailbox.key), "envelope"
    owner = facts.owners.get(address)
    if owner:
        address, source = owner.lower(), "owner"
    author = address_of(head.get("from"))
    # the author's name is the sender's only when the author is one of us: not on forwarded mail
    names = names_of(head.get("from")) if not author or internal(author) else ()
    return Sender(address, source, bool(address) and internal(address), (*names, *facts.names.get(address, ())))


def _login(transaction: Transaction, facts: Facts) -> tuple[str, str]:
    login = transaction.client.login.strip().lower().rpartition("\\")[2]
    if not login:
        return "", ""
    if "@" in login:
        return login, "login"
    envelope = transaction.sender.mailbox
    if envelope.null:
        return "", ""
    address = f"{login}@{envelope.domain.lower().rstrip('.')}"
    known = local_of(envelope.key) == login or address in facts.owners or address in facts.names
    return (address, "login") if known else ("", "")


def _forwarder(transaction: Transaction, head: Head, internal: Callable[[str], bool]) -> str:
    """The mailbox of ours whose rule sent the mail on; "" when the headers do not tell."""
    envelope = transaction.sender.mailbox.key
    if envelope and not is_srs(envelope) and internal(domain_of(envelope)):
        return plain_sender(envelope)
    recipients = {each.mailbox.key for each in transaction.recipients}
    for name in _FORWARDER_FIELDS:
        for value in head.all(name)[:3]:
            for address in addresses_of(value):
                if address not in recipients and internal(address):
                    return address
    return ""
