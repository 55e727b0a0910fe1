# SPDX-License-Identifier: Apache-2.0
"""Checked tables become the frozen dataclasses of schema.py. Never checks, never reads a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.model.verdict import Review
from dlpmilter.model.words import Action, Mode, RecipientClass
from dlpmilter.policy.domains import normalise_domain
from dlpmilter.policy.match import compile_condition
from dlpmilter.policy.schema import (
    FACTS,
    Customers,
    Governance,
    HoldTerms,
    Pool,
    Rule,
    Vetting,
    Words,
    WorksAgreement,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpmilter.policy.schema import FailureWay, Stage
    from dlpmilter.policy.shape import (
        ClassName,
        CustomersTable,
        GovernanceTable,
        HoldTable,
        RuleTable,
        VettingTable,
        WordsTable,
    )

_MODES = (Mode.count, Mode.advise, Mode.enforce)
NOT_PROTECTED = "recipient.class != 'protected'"


def build_rule(table: RuleTable, stage: Stage, ceiling: str) -> Rule:
    """One rule; a raise never reaches a protected recipient, and no mode goes above the policy's own."""
    source = table.when.strip()
    if stage == "raise":
        source = f"{NOT_PROTECTED} and (\n{source}\n)" if "\n" in source else f"{NOT_PROTECTED} and ({source})"
    review = Review(table.review.pool, table.review.approvals) if table.review else Review()
    return Rule(
        id=table.id,
        title=_words(table.title),
        stage=stage,
        when=compile_condition(source, facts=FACTS),
        action=Action[table.action],
        mode=min(Mode(table.mode), Mode(ceiling), key=_MODES.index),
        review=review,
        rationale=table.rationale,
    )


def build_governance(table: GovernanceTable | None) -> Governance | None:
    """The governance block, when the policy has one."""
    if table is None:
        return None
    return Governance(
        employer=table.employer,
        contact=table.contact,
        dpo_name=table.dpo.name,
        dpo_address=table.dpo.address,
        dpia_reference=table.dpia.reference,
        dpia_date=table.dpia.date,
        works_agreement=WorksAgreement(
            table.works_agreement.reference, table.works_agreement.date, table.works_agreement.signed_by
        ),
        employee_information=table.employee_information,
        private_use=table.private_use,
        jurisdiction=table.jurisdiction,
        retention_profile=table.retention_profile,
        alternatives=tuple(_words(each) for each in table.alternatives),
        pools=tuple(Pool(each.name, _words(each.title), each.contact) for each in table.pools),
        protected_list_reviewed=table.protected_list_reviewed,
        managers_told=table.managers_told,
        works_council=table.works_council or "",
        appeal_pool=table.appeal_pool or "",
        evidence_pool=table.evidence_pool or "",
        group_pools=tuple(sorted(table.group_pools.items())),
        breach_hours=table.breach_hours,
        sample=table.sample,
    )


def build_hold(table: HoldTable) -> HoldTerms:
    """The times of a hold."""
    return HoldTerms(
        working_days=table.working_days,
        holidays=tuple(sorted(table.holidays)),
        remind_at_share=table.remind_at_share,
        remind_days_before=table.remind_days_before,
        digest_hour=table.digest_hour,
        withdrawn_hours=table.retention.withdrawn_hours,
        rejected_hours=table.retention.rejected_hours,
        expired_hours=table.retention.expired_hours,
        released_hours=table.retention.released_hours,
        case_days=table.case_days,
        sealed_days=table.sealed_days,
    )


def build_customers(table: CustomersTable) -> Customers:
    """Whom the company serves, in the spellings that are compared."""
    return Customers(
        frozenset(_address(each) for each in table.addresses),
        frozenset(normalise_domain(each) for each in table.domains),
        frozenset(_address(each) for each in table.system_senders),
    )


def build_vetting(table: VettingTable) -> Vetting:
    """One vetted service."""
    return Vetting(
        domain=normalise_domain(table.domain),
        owner=table.owner,
        contract=table.contract,
        region=table.region,
        third_country=table.third_country,
        transfer_basis=table.transfer_basis,
        art27_rep=table.art27_rep,
        training_use=table.training_use,
        evidence=table.evidence,
        expires=table.expires,
    )


def build_failure(table: Mapping[ClassName, FailureWay]) -> dict[RecipientClass, FailureWay]:
    """What happens to each class when the judge breaks; classes that are not named keep their default."""
    return {RecipientClass(name): way for name, way in sorted(table.items())}


def _address(text: str) -> str:
    local, _, domain = text.rpartition("@")
    return f"{local.lower()}@{normalise_domain(domain)}"


def _words(table: WordsTable) -> Words:
    return Words(table.de, table.en)
