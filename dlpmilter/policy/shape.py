# SPDX-License-Identifier: Apache-2.0
"""The TOML shape of policy.toml as pydantic models: keys, types, bounds. Never meaning across keys (load.py)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from dlpmilter.model.address import AddressError, parse_address
from dlpmilter.policy.domains import is_domain, normalise_domain

SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"


def _address(text: str) -> str:
    try:
        return parse_address(text).key
    except AddressError as error:
        raise ValueError(f"{text!r} is not a mail address: {error}") from None


def _slug(text: str) -> str:
    if not re.fullmatch(SLUG, text):
        raise ValueError(f"{text!r} is not a name of small letters, digits and hyphens, for example own-mailbox")
    return text


def _date(value: object) -> object:
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
        raise ValueError(f"{value!r} is not a date; write it without quotes, for example 2026-11-22")  # noqa: TRY004
    return value


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


def _no_rewrite(value: object) -> object:
    if value == "rewrite":
        raise ValueError(
            "rewrite is not available in this version: a mail is passed unchanged or not at all; write tag or hold"
        )
    return value


def _domain(text: str) -> str:
    if not is_domain(normalise_domain(text)):
        raise ValueError(f"{text!r} is not a domain, for example example.com")
    return normalise_domain(text)


MailAddress = Annotated[str, AfterValidator(_address)]
DomainName = Annotated[str, AfterValidator(_domain)]
ClassName = Literal[
    "internal", "partner", "authority", "protected", "business", "freemail", "isp", "vanity", "disposable",
    "alias_relay", "ai_service", "mail_in", "lookalike", "unknown",
]  # fmt: skip
Slug = Annotated[str, AfterValidator(_slug)]
Date = Annotated[dt.date, BeforeValidator(_date)]
Filled = Annotated[str, AfterValidator(_not_blank)]
ActionWord = Annotated[Literal["relay", "tag", "hold", "reject"], BeforeValidator(_no_rewrite)]


class Table(BaseModel):
    """Unknown keys are errors; values keep their TOML type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class WordsTable(Table):
    """A text in German and English."""

    de: Filled
    en: Filled


class ReviewTable(Table):
    """Who decides on a held mail."""

    pool: Slug = "privacy"
    approvals: int = Field(default=1, ge=1, le=2)


class RuleTable(Table):
    """One [[case]] or [[raise]]."""

    id: Slug
    title: WordsTable
    when: str
    action: ActionWord
    mode: Literal["count", "advise", "enforce"] = "enforce"
    review: ReviewTable | None = None
    rationale: Filled


class ClassTable(Table):
    """[classes.<class>]: a local list inside policy.toml."""

    domains: list[str] = Field(default_factory=list)
    addresses: list[MailAddress] = Field(default_factory=list)


class DpoTable(Table):
    """The data protection officer."""

    name: Filled
    address: MailAddress


class DpiaTable(Table):
    """The data protection impact assessment."""

    reference: Filled
    date: Date


class WorksAgreementTable(Table):
    """An agreement (reference, date), or reference = "none" with the person who signs that."""

    reference: Filled
    date: Date | None = None
    signed_by: str = ""

    @model_validator(mode="after")
    def _signed(self) -> WorksAgreementTable:
        if self.reference == "none" and not self.signed_by.strip():
            raise ValueError('signed_by is missing: with reference = "none" a person signs for "no works council"')
        if self.reference != "none" and self.date is None:
            raise ValueError('date is missing: an agreement has one (without works council write reference = "none")')
        return self


class PoolTable(Table):
    """One pool of reviewers."""

    name: Slug
    title: WordsTable
    contact: MailAddress


class GovernanceTable(Table):
    """[governance]: what must be settled before a rule may act. No field has a default but sample."""

    employer: Filled = Field(description="The legal entity that answers for the mail.")
    contact: MailAddress = Field(description="Mail address for employees' questions.")
    dpo: DpoTable = Field(description='The data protection officer: { name = "...", address = "..." }.')
    dpia: DpiaTable = Field(
        description='The impact assessment (GDPR Art. 35): { reference = "...", date = 2026-01-31 }.'
    )
    works_agreement: WorksAgreementTable = Field(
        description='{ reference = "...", date = 2026-01-31 }, or { reference = "none", signed_by = "..." } '
        "where there is no works council."
    )
    employee_information: Date = Field(description="The day the staff was told about the filter, without quotes.")
    private_use: Literal["forbidden", "tolerated", "allowed"] = Field(
        description="Private use of business mail: forbidden, tolerated or allowed. It has no default on purpose."
    )
    jurisdiction: Literal["DE", "AT", "CH", "FR", "IT", "EU", "other"] = Field(
        description="DE, AT, CH, FR, IT, EU or other."
    )
    retention_profile: Literal["de", "at", "ch", "fr", "it"] = Field(description="de, at, ch, fr or it.")
    alternatives: list[WordsTable] = Field(
        min_length=1, description='Other ways to do the work, at least one: [{ de = "...", en = "..." }].'
    )
    pools: list[PoolTable] = Field(
        min_length=2, description="Two [[governance.pools]] or more, each with name, title and contact."
    )
    protected_list_reviewed: Date = Field(description="The day two people reviewed the protected addresses.")
    managers_told: bool = Field(description="Whether managers are told about held mail: true or false; notices say it.")
    works_council: MailAddress | None = Field(default=None, description="Mail address of the works council.")
    appeal_pool: Slug | None = Field(
        default=None, description="The pool that looks a second time when somebody disagrees with a refusal."
    )
    evidence_pool: Slug | None = Field(
        default=None, description="The pool that keeps evidence with its sender: opened only by both together."
    )
    group_pools: dict[Filled, Slug] = Field(
        default_factory=dict,
        description='Secrecy group or department -> the pool that alone decides about its mail: { legal = "legal" }.',
    )
    breach_hours: int = Field(
        default=72, ge=1, le=720, description="Hours from knowing of a breach to telling the authority (Art. 33(1))."
    )
    sample: bool = Field(default=False, description="Marks the sample of the demo; `run` refuses it.")

    @field_validator("pools")
    @classmethod
    def _different(cls, pools: list[PoolTable]) -> list[PoolTable]:
        names = [each.name for each in pools]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the pool {name!r} stands here twice; at least two different pools are needed")
        return pools

    @model_validator(mode="after")
    def _appeal_pool_exists(self) -> GovernanceTable:
        if self.appeal_pool is not None and self.appeal_pool not in {each.name for each in self.pools}:
            raise ValueError(f"appeal_pool = {self.appeal_pool!r} is none of the [[governance.pools]]")
        if self.evidence_pool is not None and self.evidence_pool not in {each.name for each in self.pools}:
            raise ValueError(f"evidence_pool = {self.evidence_pool!r} is none of the [[governance.pools]]")
        return self

    @model_validator(mode="after")
    def _group_pools_exist(self) -> GovernanceTable:
        for group, pool in self.group_pools.items():
            if pool not in {each.name for each in self.pools}:
                raise ValueError(f"group_pools: {group} = {pool!r} is none of the [[governance.pools]]")
            if pool == self.appeal_pool:
                raise ValueError(f"group_pools: {group} = {pool!r} is the appeal_pool, which others reach as well")
        return self


class RetentionTable(Table):
    """Hours until the held body is purged, per end state."""

    withdrawn_hours: int = Field(default=1, ge=0, le=24)
    rejected_hours: int = Field(default=72, ge=0, le=720)
    expired_hours: int = Field(default=24, ge=0, le=720)
    released_hours: int = Field(default=24, ge=0, le=720)


class HoldTable(Table):
    """[hold]: how long a held mail waits."""

    working_days: int = Field(default=5, ge=1, le=14)
    holidays: list[Date] = Field(default_factory=list)
    remind_at_share: float = Field(default=0.5, gt=0, lt=1)
    remind_days_before: int = Field(default=1, ge=0, le=13)
    digest_hour: int = Field(default=16, ge=0, le=23)
    case_days: int = Field(default=183, ge=1, le=1096)
    sealed_days: int = Field(default=183, ge=1, le=1096)
    retention: RetentionTable = RetentionTable()


class CustomersTable(Table):
    """[customers]: whom the company serves."""

    addresses: list[MailAddress] = Field(default_factory=list)
    domains: list[DomainName] = Field(default_factory=list)
    system_senders: list[MailAddress] = Field(
        default_factory=list, description="Addresses of programs that write to customers only."
    )


class VettingTable(Table):
    """[[vetting]]: what is known of a service that takes mail; a missing field means that it is not vetted."""

    domain: DomainName
    owner: Filled = Field(description="Who answers for the service in the company.")
    contract: Filled = Field(description="Reference of the processing contract (GDPR Art. 28).")
    region: Filled
    third_country: bool
    transfer_basis: str = Field(default="", description="Needed for a third country (GDPR Art. 44 to 49).")
    art27_rep: str = ""
    training_use: bool = Field(description="Whether the service may train on what it gets.")
    evidence: Filled = Field(description="Where the evidence lies.")
    expires: Date = Field(description="The day from which the evidence no longer counts.")


PRIVATE_FAILURE = frozenset(
    {"freemail", "isp", "vanity", "disposable", "alias_relay", "lookalike", "ai_service", "mail_in"}
)


def _failure(ways: dict[str, Any]) -> dict[str, Any]:
    for name, way in ways.items():
        if name in PRIVATE_FAILURE and way == "relay":
            raise ValueError(f"{name} = 'relay' would let mail to private mailboxes out unjudged; write hold or defer")
    return ways


class PolicyTable(Table):
    """policy.toml as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, title="dlpmilter policy")

    name: Slug = "policy"
    extends: Literal["default"] | None = None
    mode: Literal["count", "advise", "enforce"] = Field(
        default="enforce", description="No rule of this policy goes further than this, whatever its own mode."
    )
    case: list[RuleTable] = Field(default_factory=list)
    raise_: list[RuleTable] = Field(default_factory=list, alias="raise")
    classes: dict[str, ClassTable] = Field(default_factory=dict)
    governance: GovernanceTable | None = None
    hold: HoldTable = HoldTable()
    customers: CustomersTable = CustomersTable()
    vetting: list[VettingTable] = Field(default_factory=list)
    failure: Annotated[dict[ClassName, Literal["hold", "defer", "relay"]], AfterValidator(_failure)] = Field(
        default_factory=dict,
        description="What happens to a recipient of a class when the judge breaks on a mail for the third time.",
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of policy.toml for editors (draft 2020-12)."""
    schema = PolicyTable.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
