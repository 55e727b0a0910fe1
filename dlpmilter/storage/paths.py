# SPDX-License-Identifier: Apache-2.0
"""Envelope paths to columns and back, octet for octet. Never judges an address again.

A path was checked when it arrived; a stricter parser of a later version must not strand mail that
is already held, so reading back never refuses.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dlpmilter.model.address import AddressError, Mailbox, parse_mailbox
from dlpmilter.model.transaction import EnvelopePath

if TYPE_CHECKING:
    from dlpmilter.model.transaction import Parameters


def parameters_text(parameters: Parameters) -> str:
    """ESMTP parameters as JSON; values pass through Latin-1, so each octet survives."""
    return json.dumps([[name, value.decode("latin-1")] for name, value in parameters]) if parameters else "[]"


def parameters_of(text: str) -> Parameters:
    """What `parameters_text` wrote."""
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(text))


def mailbox_of(raw: bytes) -> Mailbox:
    """The mailbox with exactly these octets."""
    try:
        return parse_mailbox(raw, allow_null=True)
    except AddressError:
        local, _, domain = raw.rpartition(b"@")
        return Mailbox(raw, local.decode("utf-8", "replace"), domain.decode("utf-8", "replace"))


def path_of(raw: bytes, parameters: str) -> EnvelopePath:
    """The envelope path of two columns."""
    return EnvelopePath(mailbox_of(raw), parameters_of(parameters))
