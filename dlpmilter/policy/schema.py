# SPDX-License-Identifier: Apache-2.0
"""What a loaded policy is: facts, rules, governance, times of a hold. Never reads a file, never judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dlpmilter.model.words import Kind, RecipientClass, Relation, Stated
from dlpmilter.policy.likely import Narrowing, possible
from dlpmilter.policy.terms import FactKind, FactType, Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from dlpmilter.model.verdict import Review
    from dlpmilter.model.words import Action, Mode
    from dlpmilter.policy.domains import DomainLists
    from dlpmilter.policy.terms import Condition


def _text(doc: str, *sources: Source, domain: bool = False) -> FactType:
    return FactType(FactKind.text, doc=doc, domain=domain, sources=sources or _HEADERS)


def _flag(doc: str, *sources: Source) -> FactType:
    return FactType(FactKind.flag, doc=doc, sources=sources or _HEADERS)


def _number(doc: str, *sources: Source) -> FactType:
    return FactType(FactKind.number, doc=doc, sources=sources or _HEADERS)


_HEADERS: tuple[Source, ...] = ("headers",)


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
        FactKind.word,
        tuple(each.value for each in Relation),
        "How the recipient stands to the sender; for private mailboxes the stores are asked.",
        sources=("headers", "store"),
    ),
    "recipient.took_part": _flag("Whether this recipient stands in the quoted conversation.", "structure"),
    "recipient.left_out": _flag(
        "Whether the quoted conversation names its people and this recipient is not one of them.", "structure"
    ),
    "recipient.others_mail": _flag(
        "Whether it holds mail, quoted or attached, in which this recipient does not stand.", "structure"
    ),
    "recipient.agreement": _flag(
        "Whether an agreement in force covers this sender, this recipient and what the mail holds.",
        "headers",
        "structure",
        "content",
    ),
    "recipient.vetted": _flag("Whether a `[[vetting]]` record of this service is complete and not over."),
    "recipient.mail_host": _text(
        "Registrable domain of the mail host of an unlisted domain; empty unless `mx_hint` is on.",
        "network",
        domain=True,
    ),
    "sender.address": _text("The sender who answers for the mail, lower case; empty when nobody is known."),
    "sender.domain": _text("His domain in its normal form; empty when nobody is known.", domain=True),
    "sender.internal": _flag("Whether his domain is one of the internal domains."),
    "sender.null": _flag("Whether the envelope sender is empty (bounces, receipts)."),
    "sender.secrecy_group": _text("The group bound by a duty of secrecy he is in, by the directory; else empty."),
    "sender.department": _text("His department, by the directory; else empty. There is no rank."),
    "sender.exempt": _flag("Whether an exemption of this sender is in force."),
    "message.kind": FactType(
        FactKind.word, tuple(each.value for each in Kind), "What kind of mail it is.", sources=("structure",)
    ),
    "message.statement": FactType(
        FactKind.word,
        tuple(each.value for each in Stated),
        "What the sender says the held mail is, once he was asked; `none` for a fresh mail.",
    ),
    "message.auto_forward": _flag("Whether its headers show that a rule forwarded or redirected it."),
    "message.image_only": _flag("Whether pictures are all it says, or a page of it.", "content"),
    "message.attachments": _number(
        "How many files it carries, whatever they are called; a logo is none.", "structure", "content"
    ),
    "message.documents": _number("The same with every member of an archive and embedded document.", "content"),
    "message.text_chars": _number("Letters and signs a reader sees, body and documents together.", "content"),
    "sender.borrowed": _flag("Whether the author is one of us but neither envelope nor login says that he sends it."),
    "message.size": _number("Octets of the whole mail."),
    "message.earlier_mail": _flag("Whether it contains earlier mail, quoted or attached.", "structure"),
    "message.ambiguous": _flag(
        "Whether two mail programs could read it differently.", "headers", "structure", "content"
    ),
    "message.uninspectable": _flag(
        "Whether some part could not be read, for whatever reason.", "headers", "structure", "content"
    ),
    "message.encrypted": _flag("Whether some part or attachment is encrypted.", "structure", "content"),
    "message.signed": _flag("Whether it is signed with S/MIME or PGP.", "structure"),
    "message.calendar": _flag("Whether it carries a calendar item.", "structure"),
    "message.attached_mail": _flag("Whether a whole mail is attached.", "structure"),
    "message.bulk": _flag("Whether its headers are those of a newsletter or a mailing list."),
    **{
        f"drip.{what}_{window}": _number(f"{words} this sender sent to this private mailbox in {days}.", "store")
        for window, days in (("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"))
        for what, words in (
            ("messages", "Mails, this one included,"),
            ("octets", "Octets, this mail included,"),
        )
    },
    **{
        f"drip.records_{window}": _number(
            f"Rows of registered data, this mail's included, this sender sent to this private mailbox in {days}.",
            "store",
            "content",
        )
        for window, days in (("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"))
    },
    "drip.register_share": _number(
        "Percent of a registered data set this private mailbox has received in 30 days from everybody, "
        "this mail's rows included, the largest of those that are in this mail.",
        "store",
        "content",
    ),
    **{
        f"findings.{name}": _number(f"Hits of the detectors of group `{group}`: {words}.", "content")
        for name, group, words in (
            ("personal", "personal", "numbers and facts about persons"),
            ("special", "special", "health, religion, union and the like (GDPR Art. 9)"),
            ("criminal", "criminal", "convictions and offences (GDPR Art. 10)"),
            ("credentials", "secret", "keys, tokens, passwords"),
            ("trade_secret", "trade-secret", "price sheets, calculations"),
            ("marker", "marker", "confidentiality marks and sensitivity labels"),
        )
    },
    "findings.own_document": _flag(
        "Whether an attachment is a document about the sender alone (payslip, contract, ticket).", "content"
    ),
    "findings.table_rows": _number("Rows of its biggest table.", "content"),
    "findings.register_rows": _number("Distinct rows of registered data in it.", "content"),
    "findings.licensed_rows": _number("The same, of data that somebody else has licensed to you.", "content"),
    "findings.register_share": _number("Percent of a registered data set that is in it, the largest.", "content"),
    "findings.document_share": _number("Percent of a registered document that is in it, the largest.", "content"),
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
    appeal_pool: str = ""
    """The pool that decides when somebody disagrees with a refusal; "" where nobody looks again."""
    evidence_pool: str = ""
    """The pool that keeps evidence with its sender; "" where nobody does, and nobody opens it."""
    group_pools: tuple[tuple[str, str], ...] = ()
    """Secrecy group or department -> the pool that alone decides about its mail: its secrets stay in the group."""
    breach_hours: int = 72
    """From knowing of a breach to telling the authority (Art. 33(1))."""
    sample: bool = False
    """A sample for the demo: nobody has agreed to anything."""

    def pool_of(self, *groups: str) -> str:
        """The pool that alone decides about the mail of the first of these groups that has one, "" for none."""
        found = dict(self.group_pools)
        return next((found[each] for each in groups if each in found), "")

    def is_closed(self, pool: str) -> bool:
        """Whether a pool belongs to a group: its cases go to no other pool."""
        return any(pool == each for _, each in self.group_pools)

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
    digest_hour: int = 16
    """Hour of the day, in the zone of the people, at which the digests leave."""
    withdrawn_hours: int = 1
    """The held body is purged this many hours after the end state."""
    rejected_hours: int = 72
    """The time to object."""
    expired_hours: int = 24
    released_hours: int = 24
    case_days: int = 183
    """Days the personal fields of a closed case are kept."""
    sealed_days: int = 183
    """Days a mail that was given as evidence is kept, sealed."""


@dataclass(frozen=True, slots=True)
class Customers:
    """Whom the company serves: their mailboxes are private, the mail to them is the work itself."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    system_senders: frozenset[str] = frozenset()
    """Addresses of programs that write to customers only (invoices, tickets, appointments)."""


@dataclass(frozen=True, slots=True)
class Vetting:
    """What is known of a service that takes mail (domain section 1, A2-A4). Missing evidence counts as none."""

    domain: str
    owner: str
    """Who answers for it in the company."""
    contract: str
    """Reference of the processing contract (GDPR Art. 28)."""
    region: str
    third_country: bool
    transfer_basis: str
    """Needed for a third country (GDPR Art. 44-49)."""
    art27_rep: str
    training_use: bool
    """Whether the service may train on what it gets."""
    evidence: str
    expires: date

    @property
    def complete(self) -> bool:
        """Whether everything that must be known is there; training on our data is never fine."""
        return not self.training_use and (not self.third_country or bool(self.transfer_basis))


FailureWay = Literal["hold", "defer", "relay"]


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
    customers: Customers = field(default_factory=Customers)
    vetting: tuple[Vetting, ...] = ()
    failure: Mapping[RecipientClass, FailureWay] = field(default_factory=dict)
    """What happens to a recipient of this class when the judge breaks on a mail; see engine/failure.py."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Detector -> the groups its hits count for."""
    detectors: str = ""
    """SHA-256 over every definition of a detector, hex."""
    detector_folders: tuple[Path, ...] = ()
    """Where the definitions stand: the shipped folder, then one's own. The sandbox reads them anew."""
    lists: tuple[ListVersion, ...] = ()

    _narrow: dict[str, tuple[tuple[Rule, ...], tuple[Rule, ...]]] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )
    """Memory of `for_class`; not handed on by dataclasses.replace."""
    likely: Narrowing = field(init=False, default_factory=Narrowing, repr=False, compare=False)
    """Memory of the rules that are left for recipients of one kind."""

    def for_class(self, recipient_class: str) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
        """Cases and raises that can match a recipient of this class at all: a third of them for most mail.

        A condition that is false with only class and private-or-not known is false whatever else is true.
        """
        found = self._narrow.get(recipient_class)
        if found is None:
            private = RecipientClass(recipient_class).private
            can = possible({"recipient.class": recipient_class, "recipient.private": private})
            found = tuple(filter(can, self.cases)), tuple(filter(can, self.raises))
            self._narrow[recipient_class] = found
        return found

    @property
    def short_version(self) -> str:
        """The first twelve digits, for people."""
        return self.version[:12]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, cases first."""
        return self.cases + self.raises

    @property
    def counts_drip(self) -> bool:
        """Whether any rule asks what a sender sent before: without one nothing is counted."""
        return any(fact.startswith("drip.") for rule in self.rules for fact in rule.when.facts)

    def is_vetted(self, domain: str, day: date) -> bool:
        """Whether a record of this service, or of a name above it, is complete and not over on that day."""
        return any(f".{domain}".endswith(f".{each.domain}") for each in self.vetted_on(day))

    def vetted_on(self, day: date) -> tuple[Vetting, ...]:
        """The records that count on that day."""
        return tuple(each for each in self.vetting if each.complete and day < each.expires)

    def rule(self, rule_id: str) -> Rule | None:
        """The rule of this id."""
        return next((each for each in self.rules if each.id == rule_id), None)
