# SPDX-License-Identifier: Apache-2.0
"""What the engine concluded about one mail: findings, dispositions, verdict. Never acts on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.model.words import Action, Kind, Mode, RecipientClass, Relation

if TYPE_CHECKING:
    from dlpmilter.model.transaction import EnvelopePath


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sign the judgement of the kind rests on: what, and where it stood."""

    signal: str
    where: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector saw; never the matched text."""

    detector: str
    count: int = 1
    confidence: float = 1.0
    part: str = ""
    """Path of the part or member, as in `PartSummary.path`."""
    place: str = ""
    """Where in it: text, hidden, header, name, table, metadata."""


@dataclass(frozen=True, slots=True)
class PartSummary:
    """One part of the mail as `explain` lists it; status is read, skipped, or why it was not."""

    path: str
    type: str
    name: str
    text_chars: int
    status: str


@dataclass(frozen=True, slots=True)
class MessageJudgement:
    """What kind of mail it is, whoever the recipient. `complete` is False while only headers were read."""

    kind: Kind
    confidence: float
    evidence: tuple[Evidence, ...] = ()
    earlier_mail: bool = False
    ambiguous: bool = False
    uninspectable: tuple[str, ...] = ()
    parts: tuple[PartSummary, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class RuleHit:
    """One rule that matched: `base` hits set the action, `raise` hits may only raise it."""

    id: str
    stage: str
    action: Action
    mode: Mode


@dataclass(frozen=True, slots=True)
class Review:
    """Who decides on a held mail: pool name and the number of approvals asked for."""

    pool: str = "privacy"
    approvals: int = 1


@dataclass(frozen=True, slots=True)
class Disposition:
    """What happens to one envelope recipient, and every reason for it."""

    recipient: EnvelopePath
    recipient_class: RecipientClass
    class_source: str
    relation: Relation
    took_part: bool | None
    action: Action
    rules: tuple[RuleHit, ...] = ()
    reasons: tuple[str, ...] = ()
    review: Review = Review()
    facts: tuple[tuple[str, str | int | bool], ...] = ()
    """What was known when a decision that needs a record was made: enough to make it again later."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who answers for the mail: what own_private, notices and "never decides" rest on.

    `address` is "" when nobody is known (null sender without login). `source` says how it was
    found: login, envelope, forwarder or owner. `names` are display names, from From only. `locals` are
    local parts he is known by besides that of `address`, from login and envelope: for own_private only.
    """

    address: str
    source: str
    internal: bool
    names: tuple[str, ...] = ()
    locals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """All dispositions of a mail under one policy."""

    message: MessageJudgement
    sender: Sender
    dispositions: tuple[Disposition, ...]
    policy_version: str
    findings: tuple[Finding, ...] = ()

    @property
    def action(self) -> Action:
        """The strongest action of all recipients."""
        return max((each.action for each in self.dispositions), default=Action.relay)

    @property
    def needs_record(self) -> bool:
        """Whether the trail must know: any action but relay (domain section 2, rule 0)."""
        return self.action > Action.relay
