# SPDX-License-Identifier: Apache-2.0
"""Mails from outside and answers to them, and a policy that tells who wrote first. Never sends."""

from __future__ import annotations

from tests.peers.product import POLICY

EMPLOYEE = "anna.berger@corp.example"
STRANGER = "kurt.neumann77@gmx.de"
VERIFIER = "mx.corp.example"

CORRESPONDENCE = (
    POLICY.replace('extends = "default"\n', "")
    + """
[[case]]
id = "own-box"
title = { de = "Eigenes Postfach", en = "Own mailbox" }
when = "recipient.relation == 'own_private'"
action = "hold"
review = { pool = "privacy", approvals = 1 }
rationale = "test"

[[case]]
id = "wrote-first"
title = { de = "Hat zuerst geschrieben", en = "Wrote first" }
when = "recipient.relation in ['wrote_first', 'known_correspondent']"
action = "relay"
rationale = "test"

[[case]]
id = "private"
title = { de = "Privat", en = "Private" }
when = "recipient.private"
action = "hold"
review = { pool = "privacy", approvals = 1 }
rationale = "test"

[[case]]
id = "otherwise"
title = { de = "Alles andere", en = "Everything else" }
when = "True"
action = "relay"
rationale = "test"
"""
)
"""Everything private is held but for those who wrote first or often."""


def letter(
    message_id: str, author: str = STRANGER, *, name: str = "Kurt Neumann", head: str = "", text: str = "Frage.\n"
) -> bytes:
    """A mail from outside as our server would hand it on; `head` are further fields, each with its CRLF."""
    return (
        f"{head}Received: from mail.outside.example (mail.outside.example [192.0.2.7])\r\n"
        f"\tby mx.corp.example with ESMTPS id 4711; Sun, 22 Nov 2026 08:00:00 +0100\r\n"
        f"Date: Sun, 22 Nov 2026 08:00:00 +0100\r\nFrom: {name} <{author}>\r\nTo: {EMPLOYEE}\r\n"
        f"Subject: Frage zum Angebot\r\nMessage-ID: <{message_id}>\r\nX-Test-Id: {message_id}\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    ).encode() + text.replace("\n", "\r\n").encode()


def answer(
    test_id: str, to: list[str], *, answers: str = "", sender: str = EMPLOYEE, name: str = "Anna Berger", more: str = ""
) -> bytes:
    """A reply to the mail with the Message-ID `answers`; `more` are further header fields."""
    thread = f"In-Reply-To: <{answers}>\r\nReferences: <{answers}>\r\n" if answers else ""
    return (
        f"Date: Sun, 22 Nov 2026 09:30:00 +0100\r\nFrom: {name} <{sender}>\r\nTo: {', '.join(to)}\r\n"
        f"Subject: Re: Frage zum Angebot\r\nMessage-ID: <{test_id}@corp.example>\r\nX-Test-Id: {test_id}\r\n{thread}{more}"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGerne, anbei.\r\n"
    ).encode()


def passed(domain: str = "gmx.de", verifier: str = VERIFIER, result: str = "pass") -> str:
    """The field our verifier writes."""
    return f"Authentication-Results: {verifier};\r\n\tdmarc={result} (p=none dis=none) header.from={domain}\r\n"
