# SPDX-License-Identifier: Apache-2.0
"""The judge of one mail: facts from envelope and headers first, the structure only when a rule needs it.

Never looks past its arguments: the same transaction, head, facts, policy and structure give the same verdict
(design invariant 9).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpmilter.engine.asked import MailFacts, RecipientFacts
from dlpmilter.engine.classify import classify_recipient
from dlpmilter.engine.consent import SCOPE_FACTS, agreements_for, covering, exemption_for
from dlpmilter.engine.decide import Decision, decide
from dlpmilter.engine.found import NOTHING_FOUND, with_content
from dlpmilter.engine.kinds import took_part, unread_judgement
from dlpmilter.engine.relations import NO_RELATION, RelationMatch
from dlpmilter.engine.replay import recorded_facts
from dlpmilter.engine.seen import Seen
from dlpmilter.engine.standing import standing
from dlpmilter.model.verdict import Disposition, Verdict
from dlpmilter.model.words import Action, Stated
from dlpmilter.policy.match import UNKNOWN, Needs

if TYPE_CHECKING:
    from dlpmilter.model.content import ContentReport
    from dlpmilter.model.facts import Facts
    from dlpmilter.model.message import Head, Structure
    from dlpmilter.model.transaction import EnvelopePath, Transaction
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
    seen: Seen | None = None,
) -> Verdict | Needs:
    """Judge every envelope recipient.

    The answer is Needs while some rule, or the record of a hold, asks for facts that only the structure, the
    stores (`facts.known` is None) or the content (`report` is None) has. With all of them, also where they
    say that the mail could not be read, the answer is always a verdict. `seen` is what was read of this mail
    already, for whoever asks several times; it changes no answer.
    """
    reading = (seen or Seen()).reading(transaction, head, facts, policy)
    mail = MailFacts(reading, facts, policy, structure, report)
    dispositions: list[Disposition] = []
    missing: frozenset[str] = frozenset()
    for path in transaction.recipients:
        outcome = _judge_recipient(path, mail)
        if isinstance(outcome, Needs):
            missing |= outcome.facts
        else:
            dispositions.append(outcome)
    if structure is None and any(each.action >= Action.hold for each in dispositions):
        missing |= _RECORD  # the record of a hold names the kind of the mail
    if missing:
        return Needs(missing)
    if structure is None:
        judgement = unread_judgement(head, reading.auto, null_sender=reading.null)
    else:
        judgement = with_content(reading.judgement(structure), report)
    findings = report.findings if report else ()
    return Verdict(judgement, reading.sender, tuple(dispositions), policy.version, findings)


def _judge_recipient(path: EnvelopePath, mail: MailFacts) -> Disposition | Needs:
    policy, facts, reading = mail.policy, mail.facts, mail.reading
    address = path.mailbox.key
    match = classify_recipient(path.mailbox, policy.domains)
    relation = standing(reading, address, match.recipient_class, facts, policy.customers)
    sender = reading.sender.address
    agreements = agreements_for(facts.agreements, sender, address, facts.now) if facts.agreements else ()
    values = RecipientFacts(mail, address, match, agreements)
    values["recipient.relation"] = UNKNOWN if relation is None else relation.relation
    lookup = values.__getitem__
    decision = decide(policy, lookup)
    if isinstance(decision, Needs):
        return decision
    if relation is None and decision.action > Action.relay:
        return Needs(frozenset({"recipient.relation"}))  # the record says how they stand to each other
    if agreements or (facts.exemptions and mail["sender.exempt"]):
        exemption = exemption_for(facts.exemptions, sender, facts.now)
        decision = replace(decision, reasons=_grounds(decision, policy, values, exemption))
    if decision.action is Action.hold and policy.governance is not None and policy.governance.group_pools:
        groups = (str(mail["sender.secrecy_group"]), str(mail["sender.department"]))
        if pool := policy.governance.pool_of(*groups):
            decision = replace(decision, review=replace(decision.review, pool=pool))
    recorded: tuple[tuple[str, str | int | bool], ...] = ()
    if decision.action > Action.relay or facts.stated is not Stated.none:  # a held mail has a record already
        recorded = recorded_facts(policy, match.recipient_class, lookup)
    part = took_part(address, mail.structure) if mail.structure is not None else None
    return _disposition(path, match, relation or NO_RELATION, part, decision, recorded)


def _grounds(decision: Decision, policy: Policy, values: RecipientFacts, exemption: str) -> tuple[str, ...]:
    """The reasons, with the number of the agreement or exemption a deciding rule rests on (design invariant 7)."""
    named = {hit.id for hit in decision.rules if hit.stage == "base"}
    read = {fact for rule in policy.cases if rule.id in named for fact in rule.when.facts}
    more: list[str] = []
    if "recipient.agreement" in read and (number := covering(values.agreements, values.of(SCOPE_FACTS))):
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
    recorded: tuple[tuple[str, str | int | bool], ...],
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
        facts=recorded,
    )
