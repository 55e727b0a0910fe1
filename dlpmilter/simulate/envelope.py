# SPDX-License-Identifier: Apache-2.0
"""The envelope a mail file most likely had, out of its headers. Never used for live mail, whose envelope is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import address_of, addresses_of
from dlpmilter.model.address import NULL_SENDER, AddressError, parse_address
from dlpmilter.model.transaction import EnvelopePath

if TYPE_CHECKING:
    from dlpmilter.model.message import Head


def derived_sender(head: Head) -> EnvelopePath:
    """Return-Path (also an empty one), else the first address of From, else the null sender."""
    returned = head.get("return-path")
    if returned is not None and returned.strip() == b"<>":
        return EnvelopePath(NULL_SENDER)
    for value in (returned, head.get("from")):
        try:
            return EnvelopePath(parse_address(address_of(value)))
        except AddressError:
            continue
    return EnvelopePath(NULL_SENDER)


def derived_recipients(head: Head) -> tuple[EnvelopePath, ...]:
    """The addresses of To, Cc and Bcc in their order, each once; what is no address is left out."""
    found: dict[str, EnvelopePath] = {}
    for name in ("to", "cc", "bcc"):
        for value in head.all(name):
            for address in addresses_of(value):
                try:
                    found.setdefault(address, EnvelopePath(parse_address(address)))
                except AddressError:
                    continue  # a header may hold anything; it is evidence only
    return tuple(found.values())
