# SPDX-License-Identifier: Apache-2.0
"""Who answers for a mail (design section 2): login, else envelope, else the mailbox that forwarded.

From supplies names only. Never trusts From for identity, never resolves anything by network.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import (
    address_of,
    addresses_in_fields,
    canonical_local,
    domain_of,
    is_srs,
    local_of,
    names_of,
    plain_sender,
)
from dlpmilter.model.verdict import Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpmilter.model.facts import Facts
    from dlpmilter.model.message import Head
    from dlpmilter.model.transaction import Transaction

_DOMAIN_BEFORE = re.compile(r"\A[^@]*[\\/]")
_FORWARDER_FIELDS = ("resent-from", "resent-sender", "x-forwarded-for", "x-sieve-redirected-from",
                     "x-ms-exchange-inbox-rules-loop", "x-ms-exchange-forwardingloop", "delivered-to",
                     "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")  # fmt: skip


def identify_sender(
    transaction: Transaction,
    head: Head,
    facts: Facts,
    internal: Callable[[str], bool],
    *,
    auto_forward: bool,
    domains: Sequence[str] = (),
) -> Sender:
    """Find the person behind a mail, his display names and the local parts he is known by.

    A login counts where it is an address of ours, where the owner map or the directory knows it, or where
    it names the envelope sender; realms (`CORP/anna`, `anna@AD.LOCAL`) are set aside for that. Else the
    envelope stands, and the login is one more local part to know him by.
    """
    login = transaction.client.login.strip().lower()
    address, source = _login(login, transaction, facts, internal), "login"
    if not address and auto_forward:
        address, source = _forwarder(transaction, head, internal), "forwarder"
    if not address:
        address, source = plain_sender(transaction.sender.mailbox.key), "envelope"
        if login and not (address and internal(address)):
            # who has logged in is one of us, whatever the envelope says: a null or foreign one is no free pass
            address, source = _at_home(_user(login), facts, domains) or address, "login"
    known = _locals(login, transaction, internal)
    owner = facts.owners.get(address)
    if owner:
        address, source = owner.lower(), "owner"
    address, known = _person(address, known, facts)
    author = address_of(head.get("from"))
    # the author's name is the sender's only when the author is one of us: not on forwarded mail
    names = names_of(head.get("from")) if not author or internal(author) else ()
    names = tuple(dict.fromkeys((*names, *facts.directory.names(address))))
    return Sender(address, source, bool(address) and internal(address), names, known)


def _at_home(user: str, facts: Facts, domains: Sequence[str]) -> str:
    """The address of a login's user at one of our domains: one that the directory knows, else at the first."""
    found = [f"{user}@{domain}" for domain in domains] if user else []
    return next((each for each in found if facts.directory.person(each)), found[0] if found else "")


def is_borrowed(transaction: Transaction, head: Head, internal: Callable[[str], bool]) -> bool:
    """Whether the author is one of us while neither envelope nor login is: nobody answers for what it sends."""
    envelope = plain_sender(transaction.sender.mailbox.key)
    author = address_of(head.get("from"))
    return bool(author) and internal(author) and not transaction.client.login and not (envelope and internal(envelope))


def _person(address: str, known: tuple[str, ...], facts: Facts) -> tuple[str, tuple[str, ...]]:
    """The main address of a person whose alias this is; local parts of all his addresses are his."""
    main = facts.directory.person(address) if address else ""
    if not main:
        return address, known
    alias = () if main == address else (local_of(address),)
    return main, tuple(dict.fromkeys((*known, *alias, *facts.directory.locals(main))))


def _login(login: str, transaction: Transaction, facts: Facts, internal: Callable[[str], bool]) -> str:
    """The address behind a login, or "" when the login says nothing about who sends."""
    if not login:
        return ""

    def listed(address: str) -> bool:
        return address in facts.owners or bool(facts.directory.person(address))

    whole = _DOMAIN_BEFORE.sub("", login)
    if "@" in whole and (listed(whole) or internal(domain_of(whole))):
        return whole
    envelope = transaction.sender.mailbox
    if listed(login):
        return login
    user = _user(login)
    if envelope.null or not user:
        return ""
    address = f"{user}@{envelope.domain.lower().rstrip('.')}"
    same = canonical_local(local_of(plain_sender(envelope.key))) == canonical_local(user)
    return address if same or listed(address) else ""


def _user(login: str) -> str:
    """The user of a login without the realm before it (either slash) or behind it (`anna@AD.LOCAL`)."""
    return _DOMAIN_BEFORE.sub("", login).partition("@")[0]


def _locals(login: str, transaction: Transaction, internal: Callable[[str], bool]) -> tuple[str, ...]:
    """Local parts of a login and of the envelope beside it, where that is an address of ours."""
    if not login:
        return ()
    envelope = plain_sender(transaction.sender.mailbox.key)
    ours = envelope and not is_srs(envelope) and internal(domain_of(envelope))
    return tuple(dict.fromkeys(each for each in (_user(login), local_of(envelope) if ours else "") if each))


def _forwarder(transaction: Transaction, head: Head, internal: Callable[[str], bool]) -> str:
    """The mailbox of ours whose rule sent the mail on; "" when the headers do not tell."""
    envelope = transaction.sender.mailbox.key
    if envelope and not is_srs(envelope) and internal(domain_of(envelope)):
        return plain_sender(envelope)
    recipients = {each.mailbox.key for each in transaction.recipients}
    found = addresses_in_fields(head, _FORWARDER_FIELDS, 3)
    return next((each for each in found if each not in recipients and internal(each)), "")
