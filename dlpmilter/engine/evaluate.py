# SPDX-License-Identifier: Apache-2.0
"""The judge of one mail: facts from envelope and headers first, the structure only when a rule needs it.

Never looks past its arguments: the same transaction, head, facts, policy and structure give the same verdict
(design invariant 9).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import domain_of, local_of
from dlpmilter.engine.autoforward import AutoForward, find_auto_forward, is_bulk
from dlpmilter.engine.classify import classify_recipient, is_internal
from dlpmilter.engine.consent import agreements_for, covered, covering, exemption_for
from dlpmilter.engine.decide import Decision, decide
from dlpmilter.engine.found import NOTHING_FOUND, opened_facts, with_content
from dlpmilter.engine.kinds import judge_message, kind_from_head, left_out, others_mail, took_part, unread_judgement
from dlpmilter.engine.relations import NO_RELATION, RelationMatch
from dlpmilter.engine.replay import recorded_facts
from dlpmilter.engine.sender import identify_sender, is_borrowed
from dlpmilter.engine.standing import standing
from dlpmilter.engine.stored import store_facts
from dlpmilter.model.verdict import Disposition, Verdict
from dlpmilter.model.words import Action
from dlpmilter.policy.domains import normalise_domain
from dlpmilter.policy.match import UNKNOWN, Needs

if TYPE_CHECKING:
    from dlpmilter.model.consent import Agreement
    from dlpmilter.model.content import ContentReport
    from dlpmilter.model.facts import Facts
    from dlpmilter.model.message import Head, Structure
    from dlpmilter.model.transaction import EnvelopePath, Transaction
    from dlpmilter.model.verdict import MessageJudgement, Sender
    from dlpmilter.policy.domains import ClassMatch
    from dlpmilter.policy.schema import Policy

_RECORD = frozenset({"message.kind"})


def evaluate(
    transaction: Transaction,
    head: Head,
    facts: Facts,
    policy: Policy,
    structure: Structure | None = None,
    report: ContentReport | None = NOTHING_FOUND,
) -> Verdict | Needs:
    """Judge every envelope recipient.

    The answer is Needs while some rule, or the record of a hold, asks for facts that only the structure, the
    stores (`facts.known` is None) or the content (`report` is None) has. With all of them, also where they
    say that the mail could not be read, the answer is always a verdict.
    """

    def internal(address: str) -> bool:
        return is_internal(address, policy.domains)

    auto = find_auto_forward(transaction, head, internal)
    sender = identify_sender(
        transaction, head, facts, internal, auto_forward=auto.certain, domains=policy.domains.internal
    )
    null = transaction.sender.mailbox.null
    if structure is None:
        judgement = unread_judgement(head, auto, null_sender=null)
    else:
        judgement = with_content(judge_message(transaction, head, auto, structure), report)
    common = _message_facts(transaction, head, sender, auto, judgement, structure) | _sender_facts(sender, facts)
    common |= opened_facts(common, report, policy)
    common["sender.borrowed"] = is_borrowed(transaction, head, internal)
    dispositions: list[Disposition] = []
    missing: frozenset[str] = frozenset()
    for path in transaction.recipients:
        outcome = _judge_recipient(path, sender, common, policy, structure, facts)
        if isinstance(outcome, Needs):
            missing |= outcome.facts
        else:
            dispositions.append(outcome)
    if structure is None and any(each.action >= Action.hold for each in dispositions):
        missing |= _RECORD  # the record of a hold names the kind of the mail
    if missing:
        return Needs(missing)
    return Verdict(judgement, sender, tuple(dispositions), policy.version, report.findings if report else ())


def _message_facts(
    transaction: Transaction,
    head: Head,
    sender: Sender,
    auto: AutoForward,
    judgement: MessageJudgement,
    structure: Structure | None,
) -> dict[str, object]:
    """Facts that are the same for every recipient; what is not known yet is left out."""
    null = transaction.sender.mailbox.null
    values: dict[str, object] = {
        "sender.address": sender.address,
        "sender.domain": normalise_domain(domain_of(sender.address)) if sender.address else "",
        "sender.internal": sender.internal,
        "sender.null": null,
        "message.auto_forward": auto.certain,
        "message.size": transaction.size,
        "message.bulk": is_bulk(head),
    }
    if structure is not None:
        values |= _structure_facts(judgement, structure)
        return values
    kind = kind_from_head(head, auto, null_sender=null)
    if kind is not None:
        values["message.kind"] = kind
    if (head.get("content-type") or b"").lstrip().lower().startswith(b"text/calendar"):
        values["message.calendar"] = True
    if head.problems:
        values["message.uninspectable"] = True
    if head.doubts:
        values["message.ambiguous"] = True
    return values


def _structure_facts(judgement: MessageJudgement, structure: Structure) -> dict[str, object]:
    return {
        "message.kind": judgement.kind,
        "message.attachments": structure.attachments,
        "message.earlier_mail": judgement.earlier_mail,
        "message.ambiguous": judgement.ambiguous,
        "message.uninspectable": bool(judgement.uninspectable),
        "message.encrypted": structure.encrypted,
        "message.signed": structure.signed,
        "message.calendar": structure.calendar,
        "message.attached_mail": structure.attached_mail,
    }


def _sender_facts(sender: Sender, facts: Facts) -> dict[str, object]:
    """What directory and exemptions say about who sends."""
    return {
        "sender.secrecy_group": facts.directory.secrecy_group(sender.address),
        "sender.department": facts.directory.department(sender.address),
        "sender.exempt": bool(
            facts.exemptions and sender.internal and exemption_for(facts.exemptions, sender.address, facts.now)
        ),
    }


def _judge_recipient(
    path: EnvelopePath,
    sender: Sender,
    common: dict[str, object],
    policy: Policy,
    structure: Structure | None,
    facts: Facts,
) -> Disposition | Needs:
    address = path.mailbox.key
    match = classify_recipient(path.mailbox, policy.domains)
    relation = standing(sender, address, match.recipient_class, facts, policy.customers)
    agreements = agreements_for(facts.agreements, sender.address, address, facts.now) if facts.agreements else ()
    values = common | _recipient_facts(address, match, policy, facts, structure)
    values |= store_facts(address, values, facts)
    if relation is not None:
        values["recipient.relation"] = relation.relation
    if (inside := covered(agreements, values)) is not UNKNOWN:
        values["recipient.agreement"] = inside

    def lookup(name: str) -> object:
        return values.get(name, UNKNOWN)

    decision = decide(policy, lookup)
    if isinstance(decision, Needs):
        return decision
    if relation is None and decision.action > Action.relay:
        return Needs(frozenset({"recipient.relation"}))  # the record says how they stand to each other
    if agreements or values["sender.exempt"]:
        exemption = exemption_for(facts.exemptions, sender.address, facts.now)
        decision = replace(decision, reasons=_grounds(decision, policy, agreements, values, exemption))
    part = took_part(address, structure) if structure is not None else None
    disposition = _disposition(path, match, relation or NO_RELATION, part, decision)
    if decision.action > Action.relay:
        disposition = replace(disposition, facts=recorded_facts(policy, match.recipient_class, values))
    return disposition


def _recipient_facts(
    address: str, match: ClassMatch, policy: Policy, facts: Facts, structure: Structure | None
) -> dict[str, object]:
    values: dict[str, object] = {
        "recipient.address": address,
        "recipient.local": local_of(address),
        "recipient.domain": match.domain,
        "recipient.class": match.recipient_class,
        "recipient.private": match.recipient_class.private,
        "recipient.vetted": _vetted(match.domain, policy, facts),
    }
    if structure is not None:
        values["recipient.took_part"] = took_part(address, structure) is True
        values["recipient.left_out"] = left_out(address, structure)
        values["recipient.others_mail"] = others_mail(address, structure)
    return values


def _vetted(domain: str, policy: Policy, facts: Facts) -> bool:
    """A record that is complete and not over; the domain itself or a name below it (domain section 1, A4)."""
    return any(
        each.complete and facts.now.date() < each.expires and f".{domain}".endswith(f".{each.domain}")
        for each in policy.vetting
    )


def _grounds(
    decision: Decision, policy: Policy, agreements: tuple[Agreement, ...], values: dict[str, object], exemption: str
) -> tuple[str, ...]:
    """The reasons, with the number of the agreement or exemption a deciding rule rests on (design invariant 7)."""
    named = {hit.id for hit in decision.rules if hit.stage == "base"}
    read = {fact for rule in policy.cases if rule.id in named for fact in rule.when.facts}
    more: list[str] = []
    if "recipient.agreement" in read and (number := covering(agreements, values)):
        more.append(f"agreement-{number}")
    if "sender.exempt" in read and exemption:
        more.append(f"exemption-{exemption}")
    return (*decision.reasons, *more)


def _disposition(
    path: EnvelopePath,
    match: ClassMatch,
    relation: RelationMatch,
    part: bool | None,  # noqa: FBT001 - three-valued
    decision: Decision,
) -> Disposition:
    reasons = decision.reasons
    if match.suggestion:
        reasons = (*reasons, f"lookalike-of-{match.suggestion}")
    if relation.sign:
        reasons = (*reasons, f"{relation.relation.value.replace('_', '-')}-by-{relation.sign}")
    return Disposition(
        recipient=path,
        recipient_class=match.recipient_class,
        class_source=match.source,
        relation=relation.relation,
        took_part=part,
        action=decision.action,
        rules=decision.rules,
        reasons=reasons,
        review=decision.review,
    )
