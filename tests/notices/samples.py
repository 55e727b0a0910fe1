# SPDX-License-Identifier: Apache-2.0
"""Facts and readers the tests of notices/ share."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from dlpmilter.model.words import Kind, RecipientClass, Relation
from dlpmilter.notices.facts import HeldRecipient, Letterhead, NoticeFacts

KEY = b"k" * 32
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
LATER = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
LETTERHEAD = Letterhead("postmaster@firma.example", "mx.firma.example", KEY)
OWN_BOX = HeldRecipient("anna.beispiel@gmx.example", RecipientClass.freemail, Relation.own_private)
BANNED = (
    "verstoß", "vergehen", "täter", "verdacht", "abgemahnt", "strafbar", "exfiltr",
    "violation", "offence", "offense", "suspect", "disciplin", "breach",
)  # fmt: skip


def facts(**changes: Any) -> NoticeFacts:
    """A held forward to the own box, with the given changes."""
    values: dict[str, Any] = {
        "case_id": "K7Q2M9",
        "person_address": "anna.beispiel@firma.example",
        "recipients": (OWN_BOX,),
        "company": "Beispiel GmbH",
        "contact": "datenschutz@firma.example, 0711 4000",
        "received_at": NOW,
        "deadline": LATER,
        "kind": Kind.forward,
    }
    return NoticeFacts(**(values | changes))


def parsed(raw: bytes) -> EmailMessage:
    """The mail as a receiver's software reads it."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def plain_of(raw: bytes) -> str:
    """The plain text as it stands."""
    body = parsed(raw).get_body(("plain",))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


def page_of(raw: bytes) -> str:
    """The HTML page."""
    body = parsed(raw).get_body(("html",))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


def text_of(raw: bytes) -> str:
    """The plain text, line breaks of the layout taken back."""
    return " ".join(plain_of(raw).split())
