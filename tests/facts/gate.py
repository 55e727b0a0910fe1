# SPDX-License-Identifier: Apache-2.0
"""Mails and policies for the tests of what a running gate knows. Never a mock."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.peers.product import POLICY
from tests.peers.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Sequence

ANNA = b"anna.berger@corp.example"
CLIENT = b"kurt.kunde@gmx.de"
PARTNER = b"einkauf@partner.example"
FORWARD = "-----Original Message-----\r\nFrom: kunde@partner.example\r\nSent: today\r\nTo: a\r\nSubject: b\r\n\r\nx\r\n"

DRIP = """
[[raise]]
id = "drip"
title = { de = "Viele Mails an ein Postfach", en = "Many mails to one mailbox" }
when = "recipient.private and drip.messages_24h > 10"
action = "hold"
review = { pool = "privacy", approvals = 1 }
rationale = "Many small mails are one big one."
"""
CONSENT = """
[[case]]
id = "agreed"
title = { de = "Vorher vereinbart", en = "Agreed beforehand" }
when = "recipient.agreement"
action = "relay"
rationale = "Two people have agreed to it."

[[case]]
id = "exempt"
title = { de = "Befristete Ausnahme", en = "Exempt for some days" }
when = "sender.exempt and recipient.private"
action = "relay"
rationale = "Two people have signed for some days."
"""


def policy(*rules: str) -> str:
    """The shipped policy with these rules of its own."""
    return POLICY + "".join(rules)


def mail(subject: str, body: str = "Hallo\r\n", *, more: str = "", number: str = "") -> bytes:
    """A mail of Anna's; `number` instead of a new Message-ID makes it the same mail again."""
    return (
        f"From: Anna Berger <anna.berger@corp.example>\r\nSubject: {subject}\r\n"
        f"Message-ID: <{number or os.urandom(8).hex()}@corp.example>\r\n{more}\r\n{body}"
    ).encode()


def send(port: int, message: bytes, *recipients: bytes, sender: bytes = ANNA) -> tuple[int, str]:
    """The reply to the final dot, or to whatever refused the mail before."""
    with Wire(port, seconds=60) as wire:
        wire.greet()
        for code, text in wire.envelope(sender, *recipients):
            if code != 250:
                return code, text
        return wire.data(message)


def send_at_once(port: int, messages: Sequence[bytes], recipient: bytes, connections: int) -> list[tuple[int, str]]:
    """All of them over that many connections at the same time; every final dot waits for all the others' data."""
    with ThreadPoolExecutor(connections) as pool:
        return list(pool.map(lambda each: send(port, each, recipient), messages))
