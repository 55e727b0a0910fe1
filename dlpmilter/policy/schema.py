# SPDX-License-Identifier: Apache-2.0
"""What a loaded policy is: facts, rules, governance, times of a hold. Never reads a file, never judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dlpmilter.model.words import Kind, RecipientClass, Relation
from dlpmilter.policy.terms import FactKind, FactType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from dlpmilter.model.verdict import Review
    from dlpmilter.model.words import Action, Mode
    from dlpmilter.policy.domains import DomainLists
    from dlpmilter.policy.terms import Condition


def _text(doc: str, *, domain: bool = False) -> FactType:
    return FactType(FactKind.text, doc=doc, domain=domain)


def _flag(doc: str, *, structure: bool = False) -> FactType:
    return FactType(FactKind.flag, doc=doc, structure=structure)


def _number(doc: str, *, structure: bool = False) -> FactType:
    return FactType(FactKind.number, doc=doc, structure=structure)


FACTS: Mapping[str, FactType] = {
    "recipient.address": _text("The envelope recipient, lower case."),
    "recipient.local": _text("The part before the @, lower case."),
    "recipient.domain": _text("The part after the @ in its normal form.", domain=True),
    "recipient.class": FactType(
        FactKind.word,
        tuple(each.value for each in RecipientClass),
        "Whose mailbox it is, by the class lists; `unknown` is in no list.",
    ),
    "recipient.private": _flag(
        "Whether the class is a private mailbox: freemail, isp, vanity, disposable or alias_relay."
    ),
    "recipient.relation": FactType(
        FactKind.word, tuple(each.value for each in Relation), "How the recipient stands to the sender."
    ),
    "recipient.took_part": _flag("Whether this recipient stands in the quoted conversation.", structure=True),
    "sender.address": _text("The sender who answers for the mail, lower case; empty when nobody is known."),
    "sender.domain": _text("His domain in its normal form; empty when nobody is known.", domain=True),
    "sender.internal": _flag("Whether his domain is one of the internal domains."),
    "sender.null": _flag("Whether the envelope sender is empty (bounces, receipts)."),
    "message.kind": FactType(
        FactKind.word, tuple(each.value for each in Kind), "What kind of mail it is.", structure=True
    ),
    "message.auto_forward": _flag("Whether its headers show that a rule forwarded or redirected it."),
    "message.attachments": _number("How many attachments it has.", structure=True),
    "message.size": _number("Octets of the whole mail."),
    "message.earlier_mail": _flag("Whether it contains earlier mail, quoted or attached.", structure=True),
    "message.ambiguous": _flag("Whether two mail programs could read its structure differently.", structure=True),
    "message.uninspectable": _flag("Whether some part could not be read, for whatever reason.", structure=True),
    "message.encrypted": _flag("Whether some part is encrypted.", structure=True),
    "message.signed": _flag("Whether it is signed with S/MIME or PGP.", structure=True),
    "message.calendar": _flag("Whether it carries a calendar item.", structure=True),
    "message.attached_mail": _flag("Whether a whole mail is attached.", structure=True),
    "message.bulk": _flag("Whether its headers are those of a newsletter or a mailing list."),
}
"""The closed table of facts a condition may name."""

Stage = Literal["base", "raise"]


@dataclass(frozen=True, slots=True)
class Words:
    """One text for people in both languages."""

    de: str = ""
    en: str = ""

    def in_language(self, language: str) -> str:
        """The text in this language, else in the other one."""
        return (self.de or self.en) if language == "de" else (self.en or self.de)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `base` (the first match sets the action) or `raise` (every match may only raise it)."""

    id: str
    title: Words
    stage: Stage
    when: Condition
    action: Action
    mode: Mode
    review: Review
    rationale: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A group of people who may decide; `contact` is a mail address."""

    name: str
    title: Words
    contact: str


@dataclass(frozen=True, slots=True)
class WorksAgreement:
    """The agreement with the staff's representatives, or who signed that there is no works council."""

    reference: str
    date: date | None = None
    signed_by: str = ""

    @property
    def exists(self) -> bool:
        """Whether there is an agreement (else `signed_by` answers for "none")."""
        return self.reference != "none"


@dataclass(frozen=True, slots=True)
class Governance:
    """Who answers for the filter and what was agreed before it may act (domain section 7)."""

    employer: str
    contact: str
    """Mail address employees may write to."""
    dpo_name: str
    dpo_address: str
    dpia_reference: str
    dpia_date: date
    works_agreement: WorksAgreement
    employee_information: date
    """When the staff was told about the filter."""
    private_use: Literal["forbidden", "tolerated", "allowed"]
    jurisdiction: str
    retention_profile: str
    alternatives: tuple[Words, ...]
    """Other ways to do the work that a notice may offer; at least one."""
    pools: tuple[Pool, ...]
    protected_list_reviewed: date
    managers_told: bool
    works_council: str = ""
    """Mail address of the works council, when there is one."""
    sample: bool = False
    """A sample for the demo: nobody has agreed to anything."""

    def pool(self, name: str) -> Pool | None:
        """The pool of this name."""
        return next((each for each in self.pools if each.name == name), None)


@dataclass(frozen=True, slots=True)
class HoldTerms:
    """How long a held mail waits and what is kept afterwards (domain section 3)."""

    working_days: int = 5
    """Days until it expires; Monday to Friday without `holidays`. At most 14."""
    holidays: tuple[date, ...] = ()
    remind_at_share: float = 0.5
    """First reminder after this share of the time."""
    remind_days_before: int = 1
    """Last reminder this many days before the end."""
    withdrawn_hours: int = 1
    """The held body is purged this many hours after the end state."""
    rejected_hours: int = 72
    """The time to object."""
    expired_hours: int = 24
    released_hours: int = 24
    case_days: int = 183
    """Days the personal fields of a closed case are kept."""


@dataclass(frozen=True, slots=True)
class ListVersion:
    """One class list as a record names it: header date, SHA-256 over the entries, how many there are."""

    name: str
    date: str
    digest: str
    entries: int


@dataclass(frozen=True, slots=True)
class Policy:
    """One loaded policy. `version` is the SHA-256 of its canonical form, hex, and stands in every record."""

    name: str
    version: str
    cases: tuple[Rule, ...]
    """In order: the first match is the base action. No match means relay."""
    raises: tuple[Rule, ...]
    """Every match may only raise; their conditions already exclude protected recipients."""
    domains: DomainLists
    governance: Governance | None = None
    hold: HoldTerms = field(default_factory=HoldTerms)
    lists: tuple[ListVersion, ...] = ()

    @property
    def short_version(self) -> str:
        """The first twelve digits, for people."""
        return self.version[:12]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, cases first."""
        return self.cases + self.raises

    def rule(self, rule_id: str) -> Rule | None:
        """The rule of this id."""
        return next((each for each in self.rules if each.id == rule_id), None)
