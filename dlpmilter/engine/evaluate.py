# SPDX-License-Identifier: Apache-2.0
"""The judge of one mail: facts from envelope and headers first, the structure only when a rule needs it.

Never looks past its arguments: the same transaction, head, facts, policy and structure give the same verdict
(design invariant 9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import domain_of, local_of
from dlpmilter.engine.autoforward import AutoForward, find_auto_forward, is_bulk
from dlpmilter.engine.classify import classify_recipient, is_internal
from dlpmilter.engine.decide import NULL_SENDER, Decision, decide
from dlpmilter.engine.kinds import judge_message, kind_from_head, took_part, unread_judgement
from dlpmilter.engine.relations import RelationMatch, relate
from dlpmilter.engine.sender import identify_sender
from dlpmilter.model.verdict import Disposition, MessageJudgement, Sender, Verdict
from dlpmilter.model.words import Action, Kind, RecipientClass, Relation
from dlpmilter.policy.domains import ClassMatch, normalise_domain
from dlpmilter.policy.match import UNKNOWN, Needs

if TYPE_CHECKING:
    from dlpmilter.model.facts import Facts
    from dlpmilter.model.message import Head, Structure
    from dlpmilter.model.transaction import EnvelopePath, Transaction
    from dlpmilter.policy.schema import Policy

_KNOWN_CLASSES = frozenset(
    {
        RecipientClass.internal,
        RecipientClass.partner,
        RecipientClass.authority,
        RecipientClass.protected,
        RecipientClass.business,
    }
)
_RECORD = frozenset({"message.kind"})


def evaluate(
    transaction: Transaction, head: Head, facts: Facts, policy: Policy, structure: Structure | None = None
) -> Verdict | Needs:
    """Judge every envelope recipient.

    Without `structure` the answer may be Needs: some rule, or the record of a hold, asks for facts that
    only the structure has. With a structure, also one that says the mail could not be read, the answer
    is always a verdict.
    """

    def internal(address: str) -> bool:
        return is_internal(address, policy.domains)

    auto = find_auto_forward(transaction, head, internal)
    sender = identify_sender(transaction, head, facts, internal, auto_forward=auto.certain)
    null = transaction.sender.mailbox.null
    if structure is None:
        judgement = unread_judgement(head, auto, null_sender=null)
    else:
        judgement = judge_message(transaction, head, auto, structure)
    common = _message_facts(transaction, head, sender, auto, judgement, structure)
    dispositions: list[Disposition] = []
    missing: frozenset[str] = frozenset()
    for path in transaction.recipients:
        outcome = _judge_recipient(path, sender, common, policy, structure)
        if isinstance(outcome, Needs):
            missing |= outcome.facts
        else:
            dispositions.append(outcome)
    if structure is None and any(each.action >= Action.hold for each in dispositions):
        missing |= _RECORD  # the record of a hold names the kind of the mail
    if missing:
        return Needs(missing)
    return Verdict(judgement, sender, tuple(dispositions), policy.version)


def unjudged(transaction: Transaction, policy: Policy, facts: Facts) -> Verdict:
    """The verdict on a mail on which the judge itself broke: nothing leaves for a domain we do not know.

    Internal and listed business recipients relay (a wall for them would harm without protecting);
    everybody else is held, or rejected when a null sender leaves nobody to ask.
    """
    null = transaction.sender.mailbox.null
    stop = Action.reject if null else Action.hold
    dispositions = []
    for path in transaction.recipients:
        match = _safely_classified(path, policy)
        known = match.recipient_class in _KNOWN_CLASSES
        reasons = ("judge-failed",) if known or not null else ("judge-failed", NULL_SENDER)
        dispositions.append(
            Disposition(path, match.recipient_class, match.source, Relation.none, None,
                        Action.relay if known else stop, reasons=reasons)
        )  # fmt: skip
    address = transaction.sender.mailbox.key
    sender = Sender(
        facts.owners.get(address, address), "envelope", bool(address) and is_internal(address, policy.domains)
    )
    judgement = MessageJudgement(Kind.fresh, 0.0, uninspectable=("judge-failed",), complete=False)
    return Verdict(judgement, sender, tuple(dispositions), policy.version)


def _safely_classified(path: EnvelopePath, policy: Policy) -> ClassMatch:
    try:
        return classify_recipient(path.mailbox, policy.domains)
    except Exception:  # noqa: BLE001 - this is the answer for a broken judge; the class may be what broke it
        return ClassMatch(path.mailbox.domain, RecipientClass.unknown, "none")


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


def _judge_recipient(
    path: EnvelopePath, sender: Sender, common: dict[str, object], policy: Policy, structure: Structure | None
) -> Disposition | Needs:
    address = path.mailbox.key
    match = classify_recipient(path.mailbox, policy.domains)
    relation = relate(sender, address, match.recipient_class)
    values = {
        **common,
        "recipient.address": address,
        "recipient.local": local_of(address),
        "recipient.domain": match.domain,
        "recipient.class": match.recipient_class,
        "recipient.private": match.recipient_class.private,
        "recipient.relation": relation.relation,
    }
    part = None
    if structure is not None:
        part = took_part(address, structure)
        values["recipient.took_part"] = part is True

    def lookup(name: str) -> object:
        return values.get(name, UNKNOWN)

    decision = decide(policy, lookup)
    if isinstance(decision, Needs):
        return decision
    return _disposition(path, match, relation, part, decision)


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
