# SPDX-License-Identifier: Apache-2.0
"""Counting a mail to private mailboxes before it is sent, and judging it again by what the count says.

All charges of all gates stand in one order, so of mails that come at once each sees those before it: a burst
never slips under a threshold. Never counts business mail, customers, or what a reviewer released.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from dlpmilter.engine.canonical import canonical_address
from dlpmilter.engine.questions import questions
from dlpmilter.facts.drip import Charge
from dlpmilter.holds.prepare import recognisable
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.facts import NO_DRIP
from dlpmilter.model.words import Action, RecipientClass, Relation

if TYPE_CHECKING:
    from dlpmilter.facts.knowledge import Knowledge
    from dlpmilter.model.facts import Known
    from dlpmilter.model.verdict import Disposition, Verdict
    from dlpmilter.pipeline.work import Mail, Work
    from dlpmilter.spill import MessageBytes

ROUNDS = 5
"""Ask the stores, charge, judge again: three are enough unless a policy lets mail out for a higher count."""
_OURS = frozenset({Relation.own_private, Relation.colleague_private})
_SMALL = 1024 * 1024


async def counted(
    work: Work,
    verdict: Verdict,
    passed: frozenset[bytes],
    knowledge: Knowledge,
    judge: Callable[[Work], Awaitable[Verdict]],
) -> Verdict:
    """The verdict with everything charged that it sends to private mailboxes. Raises TemporaryFailure.

    `passed` are recipients a reviewer released: they were charged then.
    """
    for _ in range(ROUNDS):
        wanted = chargeable(verdict, passed)
        if not wanted or not work.policy.counts_drip:
            return verdict
        known = work.facts.known
        if known is None:  # no rule needed the stores, but they say who is a customer
            work.facts = replace(work.facts, known=await asked(work, knowledge))
            verdict = await judge(work)
            continue
        missing = tuple(each for each in wanted if each not in work.charged or work.charged_rows != work.rows)
        if not missing:
            return verdict
        sender = canonical_address(verdict.sender.address)
        charge = Charge(
            sender, missing, await mail_key(work, knowledge), work.transaction.size, dict(work.rows), dict(work.sizes)
        )
        charged = await knowledge.charge(charge)
        work.charged_rows = dict(work.rows)
        for each, taken in charged.taken.items():
            work.charged[each] = (taken, *work.charged.get(each, ()))  # given back in reverse order
        fresh = {each: charged.before.get(each, NO_DRIP) for each in missing}
        if all(known.drip.get(each, NO_DRIP) == drip for each, drip in fresh.items()):
            return verdict
        work.facts = replace(work.facts, known=replace(known, drip={**known.drip, **fresh}))
        verdict = await judge(work)
    raise TemporaryFailure


async def asked(work: Mail, knowledge: Knowledge) -> Known:
    """What the stores say about this mail; earlier tries of the same mail do not count."""
    wanted = questions(work.transaction, work.head, work.facts, work.policy, work.seen)
    mail = await mail_key(work, knowledge) if wanted.recipients and work.policy.counts_drip else b""
    return await knowledge.ask(replace(wanted, rows=dict(work.rows), sizes=dict(work.sizes)), mail)


def chargeable(verdict: Verdict, passed: frozenset[bytes]) -> tuple[str, ...]:
    """Canonical addresses of those the verdict sends to whose mailbox is private, each once."""
    if not verdict.sender.internal or not verdict.sender.address:
        return ()
    sent = (one for one in verdict.dispositions if one.action < Action.hold and one.recipient.mailbox.raw not in passed)
    found = (canonical_address(one.recipient.mailbox.key) for one in sent if _counts(one))
    return tuple(dict.fromkeys(each for each in found if each))


def _counts(one: Disposition) -> bool:
    if one.recipient_class is RecipientClass.protected or one.relation is Relation.customer:
        return False
    return one.recipient_class.private or one.relation in _OURS


async def mail_key(work: Mail, knowledge: Knowledge) -> bytes:
    """One key for this mail, the same on a retry: identical octets of one sender are one mail.

    Octets that upstream has not made unique (neither Received nor Message-ID) are a new mail each time.
    """
    if not work.mail_key:
        content = await _digest(work.message) if recognisable(work.head) else secrets.token_bytes(32)
        work.mail_key = knowledge.mail_key(work.transaction.sender.mailbox.key, content)
    return work.mail_key


async def _digest(message: MessageBytes) -> bytes:
    def work() -> bytes:
        digest = hashlib.sha256()
        for chunk in message.chunks():
            digest.update(chunk)
        return digest.digest()

    return work() if message.size < _SMALL else await asyncio.to_thread(work)
