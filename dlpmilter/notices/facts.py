# SPDX-License-Identifier: Apache-2.0
"""What a notice may say: one frozen set of facts. Never holds a sentence or an opinion.

A field that is empty or None makes its sentence disappear; nothing is assumed in its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from dlpmilter.model.words import Kind, RecipientClass, Relation, Stated

if TYPE_CHECKING:
    from datetime import datetime

Text = str | Mapping[str, str]
"""Words of the company: one string for every language, or one for each language code."""

Language = Literal["de", "en"]

StoredField = Literal["sender", "recipient", "times", "rule", "message-id", "subject", "justification", "decision"]
"""What the record of a case keeps; the templates know a plain word for each."""

_CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HOSTNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")


class NoticeKind(StrEnum):
    """One state of a case, one notice (domain.md section 5: T1, T3, T4, T5, T5, T6, T9)."""

    hold = "hold"
    approved = "approved"
    allowed = "allowed"
    answered = "answered"
    rejected = "rejected"
    reminder = "reminder"
    expired = "expired"
    withdrawn = "withdrawn"
    evidence = "evidence"


@dataclass(frozen=True, slots=True)
class HeldRecipient:
    """One recipient the notice is about."""

    address: str
    recipient_class: RecipientClass = RecipientClass.unknown
    relation: Relation = Relation.none

    @property
    def private(self) -> bool:
        """Whether the text may call the address a private mailbox."""
        return self.recipient_class.private or self.relation in {Relation.own_private, Relation.colleague_private}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFacts:
    """Everything known about one case that its notices may state.

    Times are aware and are shown in the zone they carry: convert them to the zone of the people.
    """

    case_id: str
    person_address: str
    person_name: str = ""
    instead_of: str = ""
    """Whose mail it is, when the postmaster hears of it in his place; `instead_why` is the slug why."""
    instead_why: str = ""
    recipients: tuple[HeldRecipient, ...]
    company: Text
    contact: Text
    """Where a person writes or calls: address, telephone number, or both, as one phrase."""
    reviewer: Text = ""
    """Title of the pool that decides ("Datenschutz-Team")."""
    received_at: datetime
    deadline: datetime | None = None

    other_recipients: bool = False
    """The mail has recipients that were not held; True before anything is known about delivery."""
    others_delivered: bool = False
    """The next hop took the mail for all of them."""
    subject: str = ""
    """Decoded subject, only while the mail is held (domain.md section 2)."""
    message_id: str = ""
    """Message-ID of the held mail with its angle brackets, so that the notice threads."""

    kind: Kind = Kind.fresh
    earlier_mail: bool = False
    attachments: int = 0
    encrypted: bool = False
    uninspectable: bool = False

    link: str = ""
    """Where the person can answer: the portal's page of this case; "" where there is no portal."""

    alternatives: Text = ""
    """Checked ways that exist in the company, as one phrase without a full stop."""
    dpo: Text = ""
    works_council: Text = ""
    reporting_office: Text = ""
    protected_unchecked: bool = False
    """Mail to works council, DPO and reporting office is not checked by this system."""
    managers_told: bool | None = None
    """True or False as the governance block says; None says nothing about it."""
    reminder: bool = False
    """A reminder will be sent before the deadline."""
    stored_fields: tuple[StoredField, ...] = ()
    stored_days: int = 0

    purpose: str = ""
    """What the release was approved for, as the person stated it."""
    delete_by: datetime | None = None
    """Until when the person shall delete the released mail."""
    delivered_at: datetime | None = None
    """When the next hop took the released mail; None while it is on its way."""
    evidence_office: Text = ""
    """Who keeps the evidence with the person; "" where nobody opens it."""
    answer: str = ""
    """The sealed address that this notice can be answered to with a number; "" where there is none."""
    answered: str = ""
    """What became of an answer by mail (pipeline/answers.py)."""
    asked_until: datetime | None = None
    """When what was asked for by mail happens unless it is undone."""
    stated: Stated = Stated.none
    """What the person said it is, when the policy itself then let it pass."""
    unread: bool = False
    """Nobody has opened the held mail."""
    forgotten: bool = False
    """Nothing else waits in this case: the copy and the person's details are deleted now."""
    in_mailbox: bool = False
    """A withdrawn mail goes to the sender's own business mailbox instead."""
    decision_reason: str = ""
    """The reviewer's reason, one sentence."""
    second_look: Text = ""
    """Who looks again when the person disagrees; needs `content_until`."""
    content_until: datetime | None = None
    """Until when the content is kept after a refusal; None: it is deleted at once."""

    def __post_init__(self) -> None:
        """Refuse what can never become a truthful, safe notice. Raises ValueError."""
        if not _CASE_ID.fullmatch(self.case_id):
            raise ValueError(f"case id {self.case_id!r} is not 1 to 64 letters, digits, - or _")
        if not self.recipients:
            raise ValueError(f"case {self.case_id}: a notice needs at least one recipient it is about")
        later = (self.deadline, self.delete_by, self.delivered_at, self.content_until, self.asked_until)
        times = (self.received_at, *later)
        if any(time is not None and time.tzinfo is None for time in times):
            raise ValueError(f"case {self.case_id}: times in a notice need a zone")

    @property
    def private(self) -> bool:
        """Whether one of the addresses looks like a private mailbox."""
        return any(each.private for each in self.recipients)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What every mail of ours carries, from the configuration; `mark_key` is derive("notice-mark")."""

    postmaster: str
    hostname: str
    mark_key: bytes
    product: str = "dlpmilter"

    def __post_init__(self) -> None:
        """Refuse a host name or key that would make a broken Message-ID or mark. Raises ValueError."""
        if not _HOSTNAME.fullmatch(self.hostname):
            raise ValueError(f"hostname {self.hostname!r} cannot stand in a Message-ID")
        if len(self.mark_key) < 16:
            raise ValueError("the notice mark needs a key of at least 16 octets")
